"""Make the pictures of the README: docs/images/. Run by `make figures`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from draganything_lab import build_control, measure, named_scene, preview, show
from draganything_lab.cli.demo import DRAWN_SIZE, labelled, load_toy
from draganything_lab.gallery import make_gallery, row_clip
from draganything_lab.lessons.rivals import likeness
from draganything_lab.media import write_video
from draganything_lab.media.drawing import enlarged
from draganything_lab.pipeline.scene_video import generated
from draganything_lab.show.page import figure_png

IMAGES = Path(__file__).parents[1] / "docs" / "images"
NUM_FRAMES = 14
TITLES = {
    "carry": "Given the whole mask (carry)",
    "entity+gaussian": "Given a disc (the paper's)",
    "preview": "Preview: cut out and moved",
    "truth": "Truth",
}


def main() -> None:
    """Write every picture and say so."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    truth = named_scene("harbour", DRAWN_SIZE, NUM_FRAMES)
    scene = truth.scene()
    clips = {name: generated(pipe, scene, num_frames=NUM_FRAMES) for name, pipe in load_toy().items()}
    clips |= {"preview": preview(scene, NUM_FRAMES, label=False), "truth": truth.video}
    shown, titles = {}, {}
    for name, frames in clips.items():
        moving = [entity for entity in measure(frames, scene).entities if entity.wanted_way > 1]
        off = ", ".join(f"{entity.name} {entity.mean_error_px:.1f}" for entity in moving)
        titles[name] = f"{TITLES[name]}: {off} px off"
        if name != "truth":
            inside, left = likeness(frames, truth)
            titles[name] += f"; {inside:.1f} dB inside, {left:.1f} dB where they left"
        shown[titles[name]] = labelled(frames) if name == "preview" else enlarged(frames)
        print(titles[name])
    played = next(iter(clips.values()))
    write_video(IMAGES / "moved.gif", played[[0, 0, *range(NUM_FRAMES), -1, -1, -1, -1]], fps=8)
    colours = np.stack([scene.image[entity.mask].mean(axis=0) for entity in scene.controlled])
    control = {
        kind: build_control(scene, NUM_FRAMES, representation=kind, vectors=colours)
        for kind in ("point", "gaussian", "entity+gaussian", "carry")
    }
    pictures = {
        "demo.png": show.strip(shown, count=5),
        "asked.png": show.trajectories(scene, NUM_FRAMES, legend=False),
        "control.png": show.control_stack(control, scene.image, count=3),
    }
    for name, figure in pictures.items():
        (IMAGES / name).write_bytes(figure_png(figure))
    best_row()
    for path in sorted(IMAGES.iterdir()):
        print(f"{path.relative_to(IMAGES.parents[1])}  {path.stat().st_size / 1000:.0f} kB")


def best_row() -> None:
    """Write the row of the gallery's first section whose error is smallest; what was made before is read."""
    row = make_gallery(out=IMAGES.parents[1] / "outputs" / "gallery").best
    assert row is not None and row.report is not None, "no row of the gallery could be measured"
    clip = row_clip(row)
    write_video(IMAGES / "row.gif", clip[[0, 0, *range(len(clip)), -1, -1, -1, -1]], fps=8)
    print(f"row.gif: {row.job.case.title}, {row.report.mean_error_percent:.1f} % of the diagonal off")


if __name__ == "__main__":
    main()
