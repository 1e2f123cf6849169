"""Make the pictures of the README: docs/images/. Run by `make figures`."""

from __future__ import annotations

from pathlib import Path

from draganything_lab import show
from draganything_lab.control import build_control
from draganything_lab.preview import preview
from draganything_lab.report import figure_png
from draganything_lab.toyland import named_scene
from draganything_lab.video import write_video

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
    pictures = {
        "asked.png": show.trajectories(scene, NUM_FRAMES, legend=False),
        "control.png": show.control_stack(control, scene.image, count=3),
    }
    for name, figure in pictures.items():
        (IMAGES / name).write_bytes(figure_png(figure))
    for path in sorted(IMAGES.iterdir()):
        print(f"{path.relative_to(IMAGES.parents[1])}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
