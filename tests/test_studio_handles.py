"""Handles, speed curve and the preview under the hand in a real browser: by mouse, touch and keyboard, light and dark.

Screenshots are kept in outputs/screenshots for looking at.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from helpers.browser import Lab, LabPage
from helpers.hand import CELL, FINISHED, Hand

pytestmark = pytest.mark.slow
HANDLES = "__import__('dataclasses').astuple(__import__('draganything_lab.studio.canvas.handles', fromlist=['x'])"
HANDLES += ".find_handles(model, view.stage))[2:5]"
POSE = "model.poses.at(model.editor.scene[0], model.poses.frame)"
SETUP = "model.masks.cut_out(115, 211); model.paths.set([(115, 211), (230, 190), (330, 200)])"


def ready(page: LabPage) -> Hand:
    page.until("model.view_state == 'alive' and view.hearing.pad_alive")
    page.python("0", SETUP)
    return Hand(page)


def round_arc(centre: list[float], start: list[float], degrees: float, steps: int = 14) -> list[tuple[float, float]]:
    """Points round a centre (x, y) from a start on, clockwise."""
    way = np.subtract(start, centre)
    turns = np.radians(np.linspace(0, degrees, steps + 1))
    c, s = np.cos(turns), np.sin(turns)
    return [
        (centre[0] + a * way[0] - b * way[1], centre[1] + b * way[0] + a * way[1]) for a, b in zip(c, s, strict=True)
    ]


def outward(centre: list[float], start: list[float], factor: float, steps: int = 10) -> list[tuple[float, float]]:
    """Points from a start on, away from a centre (x, y)."""
    way = np.subtract(start, centre)
    return [tuple((centre + way * (1 + (factor - 1) * k / steps)).tolist()) for k in range(steps + 1)]  # type: ignore[misc]


def finger(page: LabPage, hand: Hand, points: list[tuple[float, float]]) -> None:
    """Drag a finger along points of the picture."""
    session = page.page.context.new_cdp_session(page.page)
    first, far = np.array(hand.at(*points[0])), np.array(hand.at(points[0][0] + 100, points[0][1] + 100))
    scale = (far - first) / 100
    for k, point in enumerate(points):
        x, y = (first + scale * np.subtract(point, points[0])).tolist()
        kind = "touchStart" if k == 0 else "touchMove"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        time.sleep(0.02)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_handles_by_mouse_and_keys_and_the_preview_under_the_hand(lab: Lab) -> None:
    page = lab.open([CELL, FINISHED])
    hand = ready(page)
    centre, turn, _ = page.python(HANDLES)
    hand.drag(round_arc(centre, turn, 60))
    page.until(f"55 < {POSE}[0] < 65")
    centre, _, size = page.python(HANDLES)
    hand.drag(outward(centre, size, 1.5))
    page.until(f"1.4 < {POSE}[1] < 1.6")
    page.page.keyboard.press("w")
    page.page.keyboard.press("Shift+Q")
    page.until(f"15 < {POSE}[0] < 25")
    page.page.keyboard.press("-")
    page.until(f"1.3 < {POSE}[1] < 1.5")
    page.page.keyboard.press("Control+z")
    page.until(f"1.4 < {POSE}[1] < 1.6")
    page.shot("handles_light")
    page.python("0", "model.set_mode('path'); model.set_show(speed=True)")
    page.page.locator("canvas.dal-speed").wait_for(state="visible")
    curve = page.page.locator("canvas.dal-speed")
    curve.scroll_into_view_if_needed()
    box = curve.bounding_box()
    hand.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.47)
    hand.mouse.down()
    hand.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.75, steps=6)
    hand.mouse.up()
    page.until("len(model.poses.pace) == 3 and model.poses.pace[1][1] < 0.35 and 6 <= model.clip.frame <= 9")
    page.shot("speed_light")
    page.python("0", "model.set_mode('select'); model.clip.set_frame(0)")
    hand.drag([(345 - 4 * k, 52 + k) for k in range(30)], up=False)
    page.until("view.live.playing")
    film = "() => document.querySelector('canvas.dal-film').getContext('2d').getImageData(300, 200, 1, 1).data[3]"
    page.lab.wait_until(lambda: page.page.evaluate(film) == 255, "the preview is seen under the hand")
    page.shot("live_light")
    hand.mouse.up()
    page.until("not view.live.playing and len(model.editor.entities) == 2")
    page.lab.wait_until(lambda: page.page.evaluate(film) == 0, "it goes when the hand lets go")
    assert not page.errors
    page.close()


def test_handles_by_finger_in_the_dark(lab: Lab) -> None:
    page = lab.open([CELL, FINISHED], dark=True, touch=True)
    hand = ready(page)
    page.python("0", "model.clip.set_frame(7)")
    centre, turn, _ = page.python(HANDLES)
    finger(page, hand, round_arc(centre, turn, -50))
    page.until(f"-55 < {POSE}[0] < -45")
    centre, _, size = page.python(HANDLES)
    finger(page, hand, outward(centre, size, 0.7))
    page.until(f"0.6 < {POSE}[1] < 0.8 and model.poses.frame == 7")
    page.python("0", "model.set_show(speed=True)")
    page.page.locator("canvas.dal-speed").wait_for(state="visible")
    page.shot("handles_dark")
    assert not page.errors
    page.close()
