"""Figures and players: returned as objects, readable in light and dark, true to what they show."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from draganything_lab import show
from draganything_lab.control import build_control
from draganything_lab.errors import LabError
from draganything_lab.media import read_video
from draganything_lab.media.drawing import enlarged, entity_colour
from draganything_lab.scene import Scene
from draganything_lab.show import Players
from draganything_lab.toyland import ToyClip


def figures(scene: Scene, clip: np.ndarray) -> dict[str, Figure]:
    control = build_control(scene, len(clip), representation="gaussian")
    return {
        "masks": show.masks(scene),
        "trajectories": show.trajectories(scene, len(clip)),
        "control_stack": show.control_stack({"a": control, "b": control}, scene.image, 3),
        "strip": show.strip({"one": clip, "two": clip}),
    }


def luminance(colour: str) -> float:
    """Relative luminance after WCAG."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_figures_read_in_light_and_dark(harbour: ToyClip) -> None:
    for name, figure in figures(harbour.scene(), harbour.video).items():
        picture = Image.open(io.BytesIO(figure._repr_png_()))  # type: ignore[attr-defined]
        assert picture.mode == "RGBA" and picture.getpixel((0, 0))[3] == 0, name
        # Words that stand on the page, not on a picture, must contrast 3 : 1 with white and with near-black.
        loose = [text for axes in figure.axes for text in (axes.title, *legend_texts(axes)) if text.get_text()]
        assert loose, name
        for text in loose:
            light = luminance(text.get_color())
            assert 1.05 / (light + 0.05) > 3 and (light + 0.05) / (luminance("#111111") + 0.05) > 3, (name, text)


def legend_texts(axes: object) -> list[Text]:
    legend = axes.get_legend()  # type: ignore[attr-defined]
    return legend.get_texts() if legend else []


def test_no_window_is_opened(scene: Scene) -> None:
    import matplotlib.pyplot as plt

    show.masks(scene)
    assert plt.get_fignums() == []


def test_masks_are_drawn_in_their_entity_colours(scene: Scene) -> None:
    figure = show.masks(scene)
    shown = figure.axes[0].images[0].get_array()
    times = len(shown) // scene.size[0]
    assert times > 1 and shown.shape == (80 * times, 144 * times, 3)  # A small picture grows.
    image = scene.image.repeat(times, axis=0).repeat(times, axis=1).astype(float)
    for number, entity in enumerate(scene.controlled, start=1):
        inside = entity.mask.repeat(times, axis=0).repeat(times, axis=1)
        before = np.abs(image[inside] - entity_colour(number)).mean()
        after = np.abs(shown[inside].astype(float) - entity_colour(number)).mean()
        assert after < 0.75 * before
    words = [text.get_text() for text in legend_texts(figure.axes[0])]
    assert words == ["1  house (pinned)", "2  cloud", "3  boat"]


def test_free_entities_are_named_but_have_no_number(scene: Scene) -> None:
    scene.update("cloud", trajectory=None)
    words = [text.get_text() for text in legend_texts(show.masks(scene).axes[0])]
    assert words == ["1  house (pinned)", "2  boat", "cloud (free)"]


def test_trajectories_show_how_an_object_turns_and_grows(scene: Scene) -> None:
    count = len(show.trajectories(scene, 6).axes[0].lines)
    name = next(entity.name for entity in scene.controlled if entity.trajectory is not None)
    turned = scene.copy()
    path = turned[name].trajectory
    assert path is not None
    turned.update(name, trajectory=path.turned(90).grown(2))
    lines = show.trajectories(turned, 6).axes[0].lines
    needles = [line.get_xydata() for line in lines if len(line.get_xydata()) == 2]
    assert len(lines) == count + 6
    first, last = (np.diff(needles[k], axis=0)[0] for k in (0, 5))
    np.testing.assert_allclose(first[0], 0, atol=1e-6)
    np.testing.assert_allclose(last, (-2 * first[1], 0), atol=1e-4)  # up has become right, twice as long


def test_trajectories_go_where_the_scene_says(scene: Scene) -> None:
    axes = show.trajectories(scene, 6).axes[0]
    drawn = [line.get_xydata() for line in axes.lines if len(line.get_xydata()) == 6]
    for name in ("boat", "cloud"):
        path = scene[name].path(6)
        assert any(np.allclose(line, path) for line in drawn), name
    assert {"0", "5"} <= {text.get_text() for text in axes.texts}


def test_a_scene_without_entities_is_a_picture() -> None:
    empty = Scene(np.full((20, 30, 3), 90, np.uint8))
    for figure in (show.masks(empty), show.trajectories(empty)):
        assert figure.axes[0].get_legend() is None and len(figure.axes[0].images) == 1


def test_strips_and_stacks_show_first_and_last(harbour: ToyClip) -> None:
    figure = show.strip(harbour.video, count=3)
    assert [axes.get_title() for axes in figure.axes] == ["frame 0", "frame 2", "frame 5"]
    for axes, frame in zip(figure.axes, (0, 2, 5), strict=True):
        assert np.array_equal(axes.images[0].get_array(), harbour.video[frame])
    assert len(show.strip(harbour.video[:1]).axes) == 1
    signal = build_control(harbour.scene(), 6, representation="gaussian")
    assert [axes.get_title() for axes in show.control_stack(signal, harbour.video[0], 2).axes] == ["frame 0", "frame 5"]


def test_players_hold_the_clips(harbour: ToyClip, tmp_path: Path) -> None:
    players = show.side_by_side({"a <b>": harbour.video, "short": harbour.video[:3]}, fps=5)
    assert players._repr_html_() == players.html
    assert "a &lt;b&gt;" in players.html and "a <b>" not in players.html
    assert re.findall(r'data-last="(\d+)"', players.html) == ["5", "2"]
    assert 'max="5"' in players.html and "fps = 5.0" in players.html
    for number, data in enumerate(re.findall(r"data:video/mp4;base64,([^\"]+)", players.html)):
        (tmp_path / f"{number}.mp4").write_bytes(base64.b64decode(data))
    back = read_video(tmp_path / "0.mp4")
    assert len(back) == 6 and len(read_video(tmp_path / "1.mp4")) == 3
    assert np.abs(back.astype(int) - enlarged(harbour.video)).mean() < 3


def test_players_are_told_apart(harbour: ToyClip) -> None:
    names = [re.search(r'id="([^"]+)"', Players({"a": harbour.video}).html) for _ in range(2)]
    assert names[0] and names[1] and names[0][1] != names[1][1]
    assert not re.search(r"https?://", Players({"a": harbour.video}).html)


def test_small_clips_grow_by_whole_pixels() -> None:
    clip = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    large = enlarged(clip, 8)
    assert large.shape == (2, 6, 8, 3) and np.array_equal(large[:, ::2, ::2], clip)
    assert enlarged(large, 8) is large


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda clip: show.strip(clip, count=0), "count is 0"),
        (lambda clip: show.strip({}), "no clip"),
        (lambda clip: show.strip(clip[0]), r"\(80, 144, 3\)"),
        (lambda clip: show.control_stack({}, clip[0]), "no control signal"),
        (lambda clip: show.side_by_side({}), "no clips"),
    ],
)
def test_nothing_to_show_is_said(harbour: ToyClip, call: object, words: str) -> None:
    with pytest.raises(LabError, match=words):
        call(harbour.video)  # type: ignore[operator]
