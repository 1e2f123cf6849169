"""`draganything-lab segment`: turn clicks or a box into a mask file, or everything in a picture into several."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ..errors import LabError
from ..media.drawing import labels_over, numbers_over
from ..media.picture import load_picture, save_picture
from ..scene.masks import describe_mask, inscribed_circle
from ..segment import BACKENDS, load_segmenter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    parser.add_argument("image", help="the picture file")
    parser.add_argument("--point", action="append", default=[], metavar="X,Y", help="a click on the object; repeatable")
    parser.add_argument(
        "--not", action="append", default=[], metavar="X,Y", dest="minus", help="a click on what is not the object"
    )
    parser.add_argument("--box", metavar="L,T,R,B", help="a box around the object: left, top, right, bottom")
    parser.add_argument("--everything", action="store_true", help="find all objects without a click")
    parser.add_argument("--backend", default="auto", choices=BACKENDS, help="the segmenter to use (default: auto)")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="SAM weights to use instead of the registry's")
    parser.add_argument("--device", help="cpu or cuda (default: a GPU if there is one)")
    parser.add_argument("--download", action="store_true", help="download missing weights")
    parser.add_argument(
        "--out", type=Path, default=Path("outputs/masks"), metavar="FOLDER", help="folder for the masks"
    )


def run(args: argparse.Namespace) -> int:
    """Write the masks and an overview; return 0."""
    if args.everything and (args.point or args.minus or args.box):
        raise LabError("--everything excludes --point, --not and --box", fix="use one or the other")
    picture = load_picture(args.image)
    points = [_numbers("--point", text, 2) for text in args.point]
    minus = [_numbers("--not", text, 2) for text in args.minus]
    box = _numbers("--box", args.box, 4) if args.box else None
    segmenter = load_segmenter(args.backend, args.checkpoint, args.device, download=args.download)
    segmenter.set_picture(picture)
    if args.everything:
        found = [(proposal.mask, proposal.score) for proposal in segmenter.everything()]
        if not found:
            print(f"{segmenter.backend} found nothing that stands out; click on an object with --point")
            return 1
    else:
        answer = segmenter.predict(np.array([*points, *minus]), [1] * len(points) + [0] * len(minus), box)
        found = list(zip(answer.masks, answer.scores.tolist(), strict=True))
    reason = getattr(segmenter, "reason", "")
    print(f"by {segmenter.backend}" + (f": {reason}" if reason else ""))
    labels = np.zeros(picture.shape[:2], np.uint8)
    kept = found[:255]
    for number in range(len(kept), 0, -1):  # the best on top
        labels[kept[number - 1][0]] = number
    for number, (mask, score) in enumerate(kept, start=1):
        report = describe_mask(mask)
        path = save_picture(mask, args.out / f"mask_{number:02d}.png")
        left, top, right, bottom = report.box
        print(
            f"{path}: score {score:.2f}, {report.area} pixels ({report.share:.1%}), x {left} to {right}, "
            f"y {top} to {bottom}, middle ({report.centre[0]:.0f}, {report.centre[1]:.0f})"
        )
        for warning in report.warnings:
            print(f"  {warning}")
    there = [number for number in range(1, len(kept) + 1) if (labels == number).any()]
    circles = [inscribed_circle(labels == number) for number in there]
    view = labels_over(picture, labels, filled=True)
    if args.everything:
        view = numbers_over(view, np.array([circle[0] for circle in circles], np.float32))
    print(f"{save_picture(view, args.out / 'overview.png')}: all masks over the picture")
    return 0


def _numbers(option: str, text: str, count: int) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count:
        shape = "X,Y" if count == 2 else "LEFT,TOP,RIGHT,BOTTOM"
        raise LabError(f'{option} is "{text}"', fix=f"write it as {shape}, in pixels of the picture")
    return values
