"""Preview: CPU time on one core, for scenes of Toyland and for a noisy picture like a photograph.

python benchmarks/preview.py [--quick]
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np

from draganything_lab.pipeline import preview
from draganything_lab.scene import Scene
from draganything_lab.toyland import named_scene


def scenes(size: tuple[int, int], num_frames: int) -> dict[str, Scene]:
    """Return scenes to preview: things that move, a camera that zooms, a background, and a photograph with all."""
    result = {f"Toyland, {name}": named_scene(name, size, num_frames).scene() for name in ("harbour", "sky", "ferry")}
    zoomed = named_scene("pond", size, num_frames).scene()
    zoomed.drag_camera(pan=(size[1] * 0.05, 0), zoom=1.4)
    result["Toyland, pond, camera zoom"] = zoomed
    random = np.random.default_rng(3)
    coarse = random.integers(0, 256, (size[0] // 16 + 1, size[1] // 16 + 1, 3), np.uint8)
    noise = random.integers(-12, 13, (*size, 3))
    picture = cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC) + noise
    photo = Scene(picture.clip(0, 255).astype(np.uint8))
    for index in range(5):
        x, y = int(size[1] * (0.15 + 0.17 * index)), int(size[0] * (0.3 + 0.1 * index))
        mask = cv2.ellipse(np.zeros(size, np.uint8), (x, y), (size[1] // 12, size[0] // 7), 20, 0, 360, 255, -1)
        photo.add(f"thing {index + 1}", mask, [(x, y), (x + size[1] * 0.1, y - size[0] * 0.1)])
    photo.drag_camera(pan=(size[1] * 0.05, 0), zoom=1.2)
    result["noise, 5 large things, camera"] = photo
    return result


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small picture, fewer runs")
    quick = parser.parse_args().quick
    size, num_frames, repeats = ((64, 96), 6, 2) if quick else ((320, 576), 14, 9)
    cv2.setNumThreads(1)
    print(f"{num_frames} frames at {size[1]}x{size[0]}, one thread, {repeats} runs each")
    print(f"{'':32}{'CPU, median':>12}{'fastest':>11}{'slowest':>11}")
    for name, scene in scenes(size, num_frames).items():
        preview(scene, 2)  # wakes up OpenCV and the font
        spent = []
        for _ in range(repeats):
            start = time.process_time()
            preview(scene, num_frames)
            spent.append((time.process_time() - start) * 1e3)
        print(f"{name:32}{np.median(spent):9.1f} ms{min(spent):8.1f} ms{max(spent):8.1f} ms")


if __name__ == "__main__":
    main()
