"""Make the pictures of the README: docs/images/. Run by `make figures`."""

from __future__ import annotations

from pathlib import Path

from draganything_lab import build_control, measure, named_scene, preview, show
from draganything_lab.cli.demo import TITLES, labelled, load_toy
from draganything_lab.cli.generate import generated
from draganything_lab.media import write_video
from draganything_lab.pipeline.size import trained_size
from draganything_lab.show.page import figure_png
from draganything_lab.show.players import enlarged

IMAGES = Path(__file__).parents[1] / "docs" / "images"
NUM_FRAMES = 14


def main() -> None:
    """Write every picture and say so."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    scene = named_scene("harbour", (320, 576), NUM_FRAMES).scene()
    clip = preview(scene, NUM_FRAMES)
    write_video(IMAGES / "moved.gif", clip[[0, 0, *range(NUM_FRAMES), -1, -1, -1, -1]], fps=8)
    kinds = ("point", "trajectory", "gaussian")
    control = {kind: build_control(scene, NUM_FRAMES, representation=kind) for kind in kinds}
    pipe = load_toy()
    size = trained_size(pipe)
    truth = named_scene("harbour", size, NUM_FRAMES)
    small = truth.scene()
    clips = {
        "generated": generated(pipe, small, size, NUM_FRAMES, seed=0),
        "preview": preview(small, NUM_FRAMES, label=False),
        "truth": truth.video,
    }
    titles = {}
    for name, frames in clips.items():
        off = ", ".join(f"{entity.name} {entity.mean_error_px:.1f}" for entity in measure(frames, small).entities)
        titles[name] = f"{TITLES[name]} (off by {off} px)"
    shown = {titles[k]: labelled(clip) if k == "preview" else enlarged(clip) for k, clip in clips.items()}
    pictures = {
        "demo.png": show.strip(shown, count=6),
        "asked.png": show.trajectories(scene, NUM_FRAMES, legend=False),
        "control.png": show.control_stack(control, scene.image, count=3),
    }
    for name, figure in pictures.items():
        (IMAGES / name).write_bytes(figure_png(figure))
    for path in sorted(IMAGES.iterdir()):
        print(f"{path.relative_to(IMAGES.parents[1])}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
