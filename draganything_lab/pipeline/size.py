"""One rule for the size of a video: as large as the weights were trained at, in the shape of the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .parts import Networks

RELEASED_SIZE = (320, 576)  # what DragAnything was trained at; the video UNet's own file says that of SVD, 576x1024
LARGER = 2.0  # as the reference decoder was trained
ROUNDED = 8  # pixels by which the networks' size may miss a picture's shape
TALLEST = 4.0  # most that a video's longer side may be of its shorter one


def trained_size(pipe: Networks) -> tuple[int, int]:
    """The (H, W) that a pipeline's weights know best."""
    return trained_pixels(pipe.unet.config.sample_size, pipe.vae_scale_factor)


def trained_pixels(sample_size: int | tuple[int, int] | None, factor: int) -> tuple[int, int]:
    """The same, from what the video UNet's file says and the pixels of a cell of its latents.

    >>> trained_pixels(16, 8), trained_pixels(96, 8)
    ((128, 128), (320, 576))
    """
    if sample_size is None:  # the file does not say
        return RELEASED_SIZE
    height, width = (sample_size, sample_size) if isinstance(sample_size, int) else sample_size
    return RELEASED_SIZE if min(height, width) * factor >= RELEASED_SIZE[0] else (height * factor, width * factor)


def video_size(pipe: Networks, picture: tuple[int, int]) -> tuple[int, int]:
    """(H, W) of a video whose size nobody asked for.

    Args:
        pipe: A pipeline.
        picture: (H, W) of the scene's picture.

    Returns:
        The shape of the picture; the shorter side is that of `trained_size`, or, where the weights do not say what they
        were trained at, the picture's own.
    """
    told = pipe.unet.config.sample_size is not None
    return fitted_size(min(trained_size(pipe) if told else picture), pipe.size_multiple, picture)


def fitted_size(side: int, multiple: int, picture: tuple[int, int]) -> tuple[int, int]:
    """(H, W) with the shape of a picture, a shorter side near `side`, both multiples of a number.

    >>> fitted_size(64, 16, (320, 480))
    (64, 96)
    """
    shorter = max(multiple, round(side / multiple) * multiple)
    longer = shorter * min(TALLEST, max(picture) / min(picture))
    longer = max(multiple, round(longer / multiple) * multiple)
    return (shorter, longer) if picture[0] <= picture[1] else (longer, shorter)


def stretch(own: tuple[int, int], size: tuple[int, int]) -> float:
    """How much wider than it is a picture (H, W) looks at another size (H, W), in shares: 0 is not at all.

    >>> stretch((100, 200), (50, 100)), stretch((100, 100), (100, 150))
    (0.0, 0.5)
    """
    ratio = (size[1] / size[0]) / (own[1] / own[0])
    return max(ratio, 1 / ratio) - 1


def stretched(own: tuple[int, int], size: tuple[int, int]) -> str:
    """What to say of a picture (H, W) that is shown at another shape (H, W)."""
    better = fitted_size(min(size), 8, own)
    return (
        f"the {own[1]}x{own[0]} picture is stretched to {size[1]}x{size[0]}; its own shape would be "
        f"{better[1]}x{better[0]}"
    )


def frame_size(pipe: Networks, picture: tuple[int, int], size: tuple[int, int] | None = None) -> tuple[int, int]:
    """(H, W) of the frames that a pipeline shows of a picture, where nobody asked for another.

    Args:
        pipe: A pipeline.
        picture: (H, W) of the scene's picture.
        size: (H, W) that the networks see; None for `video_size`.

    Returns:
        The networks' size; with a reference decoder up to `LARGER` times that, but no larger than the picture.
    """
    size = video_size(pipe, picture) if size is None else size
    return size if getattr(pipe, "decoder", None) is None else larger_size(size, picture)


def larger_size(size: tuple[int, int], picture: tuple[int, int]) -> tuple[int, int]:
    """(H, W) that a reference decoder makes of the networks' size, for a picture of a size (H, W): never stretched by
    what the networks' size is rounded to where the picture's own can be had.

    >>> larger_size((128, 224), (320, 576)), larger_size((128, 192), (160, 240)), larger_size((128, 128), (64, 64))
    ((256, 448), (160, 240), (128, 128))
    >>> larger_size((208, 128), (320, 200)), larger_size((128, 128), (320, 200))  # the second one is stretched anyway
    ((320, 200), (200, 200))
    """
    larger = max(1.0, min(LARGER, min(picture) / min(size)))
    height, width = round(size[0] * larger), round(size[1] * larger)
    near = ROUNDED * larger
    if 1 < larger < LARGER and abs(height - picture[0]) <= near and abs(width - picture[1]) <= near:
        return picture
    return height, width
