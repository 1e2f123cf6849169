"""Arrays of every library, alone or in lists, wherever an array is taken."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from draganything_lab.control import build_control, control_from_tracks
from draganything_lab.errors import LabError
from draganything_lab.media import encode_picture, encode_video, load_mask, load_picture
from draganything_lab.media.arrays import frames_of, plain_array
from draganything_lab.media.video import checked_frames
from draganything_lab.scene import Scene, Trajectory
from draganything_lab.tracking import mask_queries, track

torch = pytest.importorskip("torch")
H, W = 24, 40
RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (H, W, 3), dtype=np.uint8)
MASK = np.zeros((H, W), bool)
MASK[6:16, 8:20] = True
FLOATS = ("float16", "float32", "float64", "bfloat16")


def tensor(array: np.ndarray, dtype: str = "uint8", grad: bool = False) -> torch.Tensor:
    made = torch.from_numpy(np.array(array)).to(getattr(torch, dtype))
    return made.requires_grad_() if grad else made


PICTURES = {
    "numpy": PICTURE,
    "PIL": Image.fromarray(PICTURE),
    "list of PIL": [Image.fromarray(PICTURE)],
    "list of numpy": [PICTURE],
    "read only": np.frombuffer(PICTURE.tobytes(), np.uint8).reshape(PICTURE.shape),
    "strided": np.ascontiguousarray(PICTURE[::-1])[::-1],
    "batch": PICTURE[None],
    "HWC tensor": tensor(PICTURE),
    "CHW tensor": tensor(PICTURE).permute(2, 0, 1),
    "int64": tensor(PICTURE, "int64"),
    "batch of tensors": tensor(PICTURE).permute(2, 0, 1)[None],
    "list of tensors": [tensor(PICTURE)],
    "float": tensor(PICTURE, "float64", True) / 255,
    "CHW float": (tensor(PICTURE, "float32", True) / 255).permute(2, 0, 1),
    "float32 array": PICTURE / np.float32(255),
    "16 bit": PICTURE.astype(np.uint16) * 257,
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_of_every_library(name: str) -> None:
    np.testing.assert_array_equal(load_picture(PICTURES[name]), PICTURE)
    np.testing.assert_array_equal(Scene(PICTURES[name]).image, PICTURE)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int32", "int64", *FLOATS])
@pytest.mark.parametrize("grad", [False, True])
def test_a_mask_of_every_type(dtype: str, grad: bool) -> None:
    if grad and dtype not in FLOATS:
        pytest.skip("whole numbers have no gradient")
    for shaped in (MASK, MASK[None], MASK[None, None], MASK[..., None]):
        np.testing.assert_array_equal(load_mask(tensor(shaped, dtype, grad)), MASK)
    scene = Scene(PICTURE)
    scene.add("a", tensor(MASK, dtype, grad), tensor(np.array([[10, 10], [20, 10]]), "float32", True))
    scene.add("b", [tensor(MASK, dtype, grad)], Trajectory([tensor(np.array([10, 10])), tensor(np.array([20, 12]))]))
    np.testing.assert_array_equal(scene[0].mask, MASK)
    np.testing.assert_array_equal(scene[1].mask, MASK)
    points = mask_queries(tensor(MASK, dtype, grad), 5)
    assert MASK[points[:, 1].astype(int), points[:, 0].astype(int)].all()
    control = control_from_tracks(
        [tensor(MASK, dtype, grad)],
        [tensor(np.array([[10, 10]] * 3), "float32", True)],
        size=(H, W),
        representation="gaussian",
    )
    scene = Scene(PICTURE)
    scene.add("a", MASK, [(10, 10)])
    np.testing.assert_array_equal(control.heat, build_control(scene, 3, representation="gaussian").heat)


CLIP = np.stack([np.roll(PICTURE, t, axis=1) for t in range(3)])
CLIPS = {
    "numpy": CLIP,
    "list": list(CLIP),
    "tuple": tuple(CLIP),
    "PIL": [Image.fromarray(frame) for frame in CLIP],
    "tensor": tensor(CLIP),
    "TCHW": tensor(CLIP).permute(0, 3, 1, 2),
    "batch": tensor(CLIP)[None],
    "tensors": [tensor(frame) for frame in CLIP],
    "CHW tensors": [tensor(frame).permute(2, 0, 1) for frame in CLIP],
    "RGBA PIL": [Image.fromarray(frame).convert("RGBA") for frame in CLIP],
    "generator": None,
}


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_of_every_library(name: str) -> None:
    clip = (frame for frame in CLIP) if name == "generator" else CLIPS[name]
    np.testing.assert_array_equal(checked_frames(clip), CLIP)
    if name in ("PIL", "TCHW"):
        assert encode_video(CLIPS[name], kind=".gif") == encode_video(CLIP, kind=".gif")
        assert len(track(CLIPS[name], tensor(np.array([[5, 5]]), "float32", True))) == 1


def test_control_maps_of_every_library() -> None:
    from draganything_lab.pipeline.control import control_of
    from draganything_lab.pipeline.inputs import picture_of

    heat = [np.full((16, 16, 3), 80 * t, np.uint8) for t in range(3)]
    wanted = np.stack(heat).transpose(0, 3, 1, 2).astype(np.float32)
    for image in (
        np.stack(heat),
        heat,
        [Image.fromarray(frame) for frame in heat],
        tensor(np.stack(heat)),
        tensor(np.stack(heat), "bfloat16", True),
        [tensor(frame) for frame in heat],
        np.stack(heat)[None],
        [tensor(frame).permute(2, 0, 1) for frame in heat],
        [Image.fromarray(frame[..., 0]) for frame in heat],
    ):
        np.testing.assert_array_equal(control_of((image, None)).image.numpy(), wanted)
    entity_map = RNG.random((3, 5, 16, 16)).astype(np.float32)
    for values in (entity_map, torch.from_numpy(entity_map).requires_grad_(), list(entity_map)):
        np.testing.assert_array_equal(control_of((heat, values)).entity_map.numpy(), entity_map)
    for name in ("numpy", "PIL", "list of PIL", "CHW tensor", "HWC tensor", "float", "CHW float", "list of tensors"):
        np.testing.assert_allclose(picture_of(PICTURES[name])[0].permute(1, 2, 0) * 255, PICTURE, atol=1e-3)
    with pytest.raises(LabError, match="list of 2"):
        picture_of([PICTURE, PICTURE])


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["bool", "uint8", "int8", "int16", "int32", "int64", *FLOATS]),
    st.booleans(),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
)
def test_numbers_are_kept(dtype: str, in_list: bool, shape: list[int]) -> None:
    wanted = RNG.integers(0, 2, shape)
    made = tensor(wanted, dtype)
    given_, expected = ([made, made], np.stack([wanted] * 2)) if in_list else (made, wanted)
    np.testing.assert_array_equal(plain_array(given_), expected)


def test_what_is_no_array_is_named() -> None:
    with pytest.raises(LabError, match="different shapes"):
        plain_array([PICTURE, PICTURE[:5]])
    with pytest.raises(LabError, match="different shapes"):
        frames_of([Image.fromarray(PICTURE), Image.fromarray(PICTURE[:5])])
    with pytest.raises(LabError, match="list of 2"):
        load_picture([PICTURE, PICTURE])
    with pytest.raises(LabError, match="2 masks"):
        load_mask(tensor(np.stack([MASK, MASK])))
    with pytest.raises(LabError, match="scale them"):
        load_picture(tensor(PICTURE, "float32"))
    with pytest.raises(LabError, match="masked array"):
        load_mask(np.ma.masked_array(MASK, MASK))
    assert encode_picture(tensor(MASK, "bool")) == encode_picture(MASK)
    assert encode_picture(Image.fromarray(PICTURE)) == encode_picture(PICTURE)
