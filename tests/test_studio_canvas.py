"""The canvas view: its parts without a browser, and the whole in JupyterLab with a real one.

In the browser every assertion is about the kernel's state or about what is to be seen. Screenshots are kept in
outputs/screenshots for looking at.
"""

from __future__ import annotations

import asyncio
import io
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from helpers.browser import Lab, LabPage
from helpers.hand import CELL, FINISHED, Hand
from helpers.stand_ins import Discs
from helpers.widgets import classes, receive
from PIL import Image

pytest.importorskip("ipycanvas")
from draganything_lab.media.drawing import entity_colour
from draganything_lab.scene import Entity
from draganything_lab.studio.canvas import pad, selftest
from draganything_lab.studio.canvas.canvas import CanvasView
from draganything_lab.studio.canvas.keys import HELP, press
from draganything_lab.studio.canvas.pointer import Pointer
from draganything_lab.studio.canvas.sprites import ghost_sprite, heat_pixels, mask_sprite
from draganything_lab.studio.canvas.stage import Stage
from draganything_lab.studio.canvas.tools import TOOLS
from draganything_lab.studio.model.model import MODES, StudioModel
from draganything_lab.studio.panels.redraw import Pacer


@pytest.fixture
def model() -> StudioModel:
    return StudioModel(np.full((60, 90, 3), 200, np.uint8), segmenter=Discs())


@pytest.fixture
def view(model: StudioModel) -> Iterator[CanvasView]:
    view = prepared(CanvasView(model))
    yield view
    view.close()


def prepared(view: CanvasView) -> CanvasView:
    """A view whose segmenter knows the picture: until then a click waits, which takes a page."""
    view.hearing.warming.join()
    return view


def fire(view: CanvasView, event: str, *place: float, **more: Any) -> None:
    """What the browser sends, at a place in the picture."""
    x, y = view.stage.to_canvas(np.array(place or (0, 0))).tolist()
    content: dict[str, Any] = {"event": event, "x": x, "y": y, **more}
    if event.startswith("touch"):
        content["touches"] = [{"x": x, "y": y}] if place else []
    receive(view.canvas, content)


# Without a browser


def test_places_on_the_canvas_and_in_the_picture() -> None:
    stage = Stage(624, 424)
    stage.fit((320, 480))
    points = np.array([[0, 0], [479, 319], [120.25, 33.5]])
    for (x, y), (u, v) in zip(points, stage.to_canvas(points), strict=True):
        assert stage.to_picture(u, v) == pytest.approx((x, y), abs=0.05)
    corner, far = stage.to_canvas(np.array([[-0.5, -0.5], [479.5, 319.5]]))
    assert corner.min() >= 40 and (far <= [1248 - 39, 848 - 39]).all()


def test_sprites_cover_their_mask() -> None:
    mask = np.zeros((40, 60), bool)
    mask[10:20, 30:50] = True
    mask[0:4, 0:4] = True
    image = np.full((40, 60, 3), (10, 200, 30), np.uint8)
    for sprite in (
        mask_sprite(Entity("a", mask), 2, 3.0, selected=False),
        ghost_sprite(Entity("a", mask), 2, image, 3.0),
    ):
        fine = sprite.pixels.shape[1] / sprite.size[0]
        assert fine == pytest.approx(3, rel=0.02)
        ys, xs = np.mgrid[:40, :60]
        u = ((xs + 0.5 - sprite.corner[0]) * fine).astype(int)
        v = ((ys + 0.5 - sprite.corner[1]) * fine).astype(int)
        inside = (u >= 0) & (v >= 0) & (u < sprite.pixels.shape[1]) & (v < sprite.pixels.shape[0])
        alpha = np.where(
            inside, sprite.pixels[v.clip(0, sprite.pixels.shape[0] - 1), u.clip(0, sprite.pixels.shape[1] - 1), 3], 0
        )
        assert (alpha[mask] > 20).all() and (alpha[~mask] < 60).mean() > 0.95
    ghost = ghost_sprite(Entity("a", mask), 2, image, 3.0)
    middle = ghost.pixels[round((15.5 - ghost.corner[1]) * 3), round((40.5 - ghost.corner[0]) * 3)]
    assert middle[:3].tolist() == [10, 200, 30] and middle[3] > 180
    heat = heat_pixels()
    assert heat[0, 0, 3] == 0 and heat[96, 96, 3] > heat[96, 10, 3] > 100


def test_pointer_tells_clicks_from_drags(model: StudioModel) -> None:
    hand = Pointer(model)
    hand.press(30, 30, 0.0)
    hand.move(31, 30, 0.1)
    hand.release((31, 31), 0.2)
    assert model.editor.selected == "object A" and model.paths.selected is None
    hand.press(30, 30, 1.0)
    hand.move(40, 30, 1.1)
    assert model.paths.selected is None and np.allclose(
        hand.drawing()[-1], np.add(model.editor.scene["object A"].centre, (10, 0))
    )
    hand.leave(60, 30, 1.2)
    assert model.paths.selected is not None and model.paths.selected.length == pytest.approx(30, abs=0.5), (
        "leaving keeps what was drawn"
    )
    hand.press(30, 30, 2.0)
    hand.move(30, 50, 2.1)
    hand.press(30, 30, 3.0)  # the release got lost
    assert model.paths.selected.length == pytest.approx(20, abs=0.5)
    assert hand.escape() and not hand.escape()
    hand.release((0, 0), 3.1)
    assert model.paths.selected.length == pytest.approx(20, abs=0.5)


def test_double_clicks(model: StudioModel) -> None:
    hand = Pointer(model)
    model.masks.cut_out(30, 30)
    model.paths.set([(20, 20), (50, 20), (70, 40)])
    model.set_mode("points")
    for now in (0.0, 0.2):
        hand.press(50, 21, now)
        hand.release((50, 21), now + 0.05)
    assert model.paths.selected is not None and len(model.paths.selected.points) == 2
    hand.press(35, 22, 2.0)
    hand.release((35, 22), 2.05)
    assert len(model.paths.selected.points) == 3 and hand.key == 1
    hand.press(35, 22, 4.0)
    hand.move(38, 30, 4.1)
    assert hand.moved_path().points[1].tolist() == [38, 30] and model.paths.selected.points[1].tolist() == [35, 22]
    hand.release((38, 30), 4.2)
    assert model.paths.selected.points[1].tolist() == [38, 30]


def test_keys(model: StudioModel) -> None:
    hand = Pointer(model)
    for mode, *_, key in TOOLS:
        assert press(key.upper(), True, False, model, hand) is None and model.mode == mode
    assert {tool[0] for tool in TOOLS} == set(MODES)
    assert {tool[4].upper() for tool in TOOLS} < {keys for keys, _ in HELP}
    model.masks.cut_out(30, 30)
    press("2", False, False, model, hand)
    assert model.masks.prompt is not None and model.masks.prompt.chosen == 1
    press("z", False, True, model, hand)
    assert model.masks.prompt.chosen == 0
    press("Z", True, True, model, hand)
    assert model.masks.prompt.chosen == 1
    press("k", False, False, model, hand)
    assert model.editor.scene["object A"].pinned
    model.paths.set([(10, 10), (20, 20)])
    model.set_mode("points")
    hand.key = 1
    press("ArrowRight", True, False, model, hand)
    press("ArrowUp", False, False, model, hand)
    assert model.paths.selected is not None and model.paths.selected.points[1].tolist() == [30, 19]
    hand.key = None
    press("ArrowRight", False, False, model, hand)
    assert model.clip.frame == 1
    press("Delete", False, False, model, hand)
    assert (
        not model.editor.entities
        and press("?", True, False, model, hand) == "help"
        and press("Tab", False, False, model, hand) == "leave"
    )


def test_mouse_touch_and_keys_reach_the_model(view: CanvasView, model: StudioModel) -> None:
    fire(view, "mouse_down", 30, 30)
    for x in range(30, 61, 3):
        fire(view, "mouse_move", x, 30)
    fire(view, "mouse_out", 95, 30)
    assert model.paths.selected is not None and model.paths.selected.length == pytest.approx(65, abs=1)
    fire(view, "mouse_move", 20, 20)
    fire(view, "mouse_up", 20, 20)
    assert len(model.editor.entities) == 1, "a button that goes up elsewhere is no click"
    fire(view, "touch_start", 70, 45)
    fire(view, "touch_move", 72, 50)
    fire(view, "touch_move", 60, 50)
    fire(view, "touch_end")
    assert len(model.editor.entities) == 2 and model.paths.selected.length > 5
    fire(view, "key_down", key="z", shift_key=False, ctrl_key=True, meta_key=False)
    assert len(model.editor.entities) == 1
    model.set_mode("brush")
    fire(view, "mouse_wheel", 0, 0)
    assert model.masks.brush_radius != 12


def tell(view: CanvasView, kind: str, *places: tuple[float, float], **more: Any) -> None:
    """What the pad tells, with places in the picture."""
    wide, tall = view.stage.canvas.width, view.stage.canvas.height
    points = [[*(view.stage.to_canvas(np.array(place)) / (wide, tall)), 0.02 * k] for k, place in enumerate(places)]
    receive(view.hearing.pad, {"kind": kind, "points": points, **more})


def test_the_pad_reaches_the_model(view: CanvasView, model: StudioModel) -> None:
    assert not view.scenery.pad_draws
    tell(view, "ready")
    tell(view, "down", (30, 30))
    assert view.hearing.pad.ink["colour"] == "230,159,0" and view.scenery.pad_draws
    tell(view, "move", (40, 30), (60, 30), (140, 30))  # followed beyond the canvas
    tell(view, "up")
    assert model.paths.selected is not None and model.paths.selected.length == pytest.approx(110, abs=1)
    tell(view, "key", key="z", shift=False, command=True)
    assert not model.editor.entities
    model.set_mode("brush")
    assert view.hearing.pad.ink["kind"] == "brush"
    tell(view, "wheel", by=-3)
    assert model.masks.brush_radius > 12
    for nonsense in (
        {},
        {"kind": 3},
        {"kind": "down"},
        {"kind": "down", "points": [[1]]},
        {"kind": "x", "points": 3},
        "down",
    ):
        receive(view.hearing.pad, nonsense)
    assert view.pointer.gesture is None and not model.editor.entities


def test_a_pad_that_never_answers_is_taken_away(view: CanvasView, model: StudioModel) -> None:
    before = view.stage.widget.children
    view.hearing.drop_dead_pad()
    assert len(before) - len(view.stage.widget.children) == 1 and view.hearing.pad is None
    fire(view, "mouse_down", 30, 30)
    fire(view, "mouse_up", 30, 30)
    assert model.editor.selected == "object A" and not view.scenery.pad_draws


def test_without_anywidget_the_canvas_hears(monkeypatch: pytest.MonkeyPatch, model: StudioModel) -> None:
    monkeypatch.setattr(pad, "Pad", None)
    view = prepared(CanvasView(model))
    assert view.hearing.pad is None
    fire(view, "mouse_down", 30, 30)
    fire(view, "mouse_up", 30, 30)
    assert model.editor.selected == "object A"
    view.close()


def test_the_controls_drive_the_model_and_follow_it(view: CanvasView, model: StudioModel) -> None:
    view.tools.buttons["path"].value = True
    assert model.mode == "path" and not view.tools.buttons["select"].value
    view.tools.buttons["path"].value = False
    assert model.mode == "path" and view.tools.buttons["path"].value, "the tool in hand stays in hand"
    model.masks.cut_out(30, 30)
    row = view.list.rows[0]
    assert row.text.value == "object A" and row.badge.description == "1" and row.does.value == "free"
    row.text.value = "boat"
    assert "boat" in model.editor.scene
    row.text.value = ""
    assert row.text.value == "boat" and model.status.kind == "error"
    row.pin.value = True
    assert model.editor.scene["boat"].pinned and row.does.value == "pinned"
    row.eye.click()
    assert model.editor.hidden == {"boat"} and row.eye.icon == "eye-slash"
    model.set_mode("select")
    view.options.candidates[2].value = True
    assert model.masks.prompt is not None and model.masks.prompt.chosen == 2
    view.options.candidates[2].value = False
    assert view.options.candidates[2].value and model.masks.prompt.chosen == 2
    view.time.slider.value = 5
    assert model.clip.frame == 5 and "frame 6 of 14" in view.time.words.value
    model.settings.change(num_frames=4)
    assert view.time.slider.max == 3 and view.time.slider.value == 3
    view.top.chooser.names.value = "Toyland: sky"
    assert model.editor.picture_name == "Toyland: sky" and view.stage.size == (320, 480)
    view.top.undo.click()
    assert "boat" in model.editor.scene and view.top.chooser.names.value == "picture"
    view.options.zoom.value = 1.5
    assert model.paths.camera is not None and model.paths.camera["zoom"] == 1.5
    assert [row.badge.description for row in view.list.rows[: len(model.editor.entities)]][-1] == "1"


def test_status_is_escaped_and_polite(view: CanvasView, model: StudioModel) -> None:
    model.pictures.open_upload("<script>alert(1)</script>.png", b"no")
    text = view.status.widget.value
    assert "<script" not in text and 'aria-live="polite"' in text and "dal-error" in classes(view.status.widget)
    model.say("well")
    assert "dal-error" not in classes(view.status.widget) and "Well." in view.status.widget.value


def test_the_help_begins_with_the_hand_and_can_be_closed(view: CanvasView) -> None:
    text = view.help.widget.children[1].value
    assert text.index("double-click ends the path") < text.index("Undo") and "finger" in text.lower()
    view.top.help.click()
    assert view.help.shown
    view.help.close.click()
    assert not view.help.shown


def test_the_view_says_which_it_is(view: CanvasView, model: StudioModel) -> None:
    assert view.words.value == "This is the canvas view. Canvas: waiting for the browser …"
    answer = io.BytesIO()
    Image.new("RGB", (2, 2), selftest.COLOUR).save(answer, "PNG")
    view.selftest.probe.set_trait("image_data", answer.getvalue())
    assert model.view_state == "alive"
    assert view.words.value.endswith(">canvas view</span>") and 'title="This is the canvas view. ' in view.words.value


def test_a_canvas_that_does_not_answer_is_said(model: StudioModel) -> None:
    async def alone() -> CanvasView:
        view = CanvasView(model, patience=0.03)
        while model.view_state != "dead":
            await asyncio.sleep(0.01)
        return view

    view = asyncio.run(asyncio.wait_for(alone(), 60))
    assert view.words.value.startswith("This is the canvas view. Canvas: no answer within 0 s.")
    view.close()


def test_a_double_click_ends_a_path(model: StudioModel) -> None:
    hand = Pointer(model)
    model.set_mode("path")
    for k, (x, y) in enumerate([(30, 30), (50, 30), (60, 40), (60, 40)]):
        now = float(k) if k < 3 else 2.2
        hand.press(x, y, now)
        hand.release((x, y), now + 0.05)
    assert model.mode == "select" and model.paths.selected is not None and len(model.paths.selected.points) == 3
    assert str(model.status) == "Object A: 3 points. Play shows it."


def test_a_closed_view_no_longer_follows(model: StudioModel) -> None:
    view = CanvasView(model)
    view.close()
    model.clip.set_frame(4)
    model.set_mode("brush")
    assert view.time.slider.value == 0 and view.tools.buttons["select"].value


def test_a_pacer_puts_asks_together() -> None:
    done: list[float] = []

    async def busy() -> None:
        pacer = Pacer(lambda: done.append(time.monotonic()), most_a_second=50)
        for _ in range(40):
            pacer.ask()
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        pacer.close()
        pacer.ask()

    asyncio.run(busy())
    assert 2 <= len(done) <= 25 and min(np.diff(done)) > 0.015


# In a browser


def wave(x: float, y: float, dx: float, count: int = 30) -> list[tuple[float, float]]:
    return [(x + dx * i / count, y - 20 * math.sin(math.pi * i / count)) for i in range(count + 1)]


def upload(page: LabPage, name: str, data: bytes) -> None:
    """Choose a file, as a visitor does in the dialogue that the button opens."""
    files = [{"name": name, "mimeType": "image/*", "buffer": data}]
    page.page.once("filechooser", lambda chooser: chooser.set_files(files))
    page.page.locator(".widget-upload").first.click()


@pytest.fixture(scope="module")
def pages() -> Iterator[list[LabPage]]:
    pages: list[LabPage] = []
    yield pages
    for page in pages:
        page.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, lab: Lab, pages: list[LabPage]) -> Iterator[LabPage]:
    """A notebook with the canvas, which tests share; after one that failed the next gets a new one."""
    if not pages:
        pages.append(lab.open([CELL, FINISHED]))
    pages[0].errors.clear()
    failed = request.session.testsfailed
    yield pages[0]
    if request.session.testsfailed > failed:
        pages.pop().close()


@pytest.fixture
def hand(page: LabPage) -> Hand:
    page.python(
        "0",
        "model.pictures.open_toyland('harbour'); model.set_mode('select'); "
        "model.clip.set_frame(0); model.masks.warm_up().join()",
    )
    page.until("view.picture is model.editor.scene.image and model.view_state == 'alive' and view.hearing.pad_alive")
    return Hand(page)


@pytest.mark.slow
def test_click_drag_two_things_undo_redo(page: LabPage, hand: Hand) -> None:
    sky = page.python("model.editor.scene.image[20, 20].tolist()")
    hand.shows(20, 20, sky, 6)
    hand.click(115, 211)
    page.until("len(model.editor.entities) == 1 and model.editor.selected == 'object A'")
    hand.drag(wave(115, 211, 150))
    page.until("model.paths.selected is not None")
    assert page.python("model.paths.selected.points[0].tolist()") == page.python(
        "list(model.editor.scene['object A'].centre)"
    )
    end = page.python("model.paths.selected.points[-1].tolist()")
    assert end[0] - page.python("model.editor.scene['object A'].centre[0]") == pytest.approx(150, abs=3)
    hand.drag(wave(345, 52, -120))
    page.until("len(model.editor.entities) == 2 and model.editor.scene['object B'].controlled")
    page.shot("canvas_two_things")
    assert page.page.locator(".dal-row").count() == 2
    page.page.keyboard.press("Control+z")
    page.until("len(model.editor.entities) == 1")
    page.page.keyboard.press("Control+z")
    page.until("model.paths.selected is None")
    page.page.keyboard.press("Control+y")
    page.page.keyboard.press("Control+Shift+Z")
    page.until("len(model.editor.entities) == 2")
    page.page.locator(".dal-row").nth(1).wait_for()
    assert not page.errors


@pytest.mark.slow
def test_a_mask_and_its_ghost_are_seen(page: LabPage, hand: Hand) -> None:
    page.python(
        "0",
        "model.masks.add(__import__('numpy').pad(__import__('numpy').ones((80, 80), bool), ((200, 40), (20, 380))))",
    )
    x, y = 60, 275
    blank = page.python(f"model.editor.scene.image[{y}, {x}].tolist()")
    colour = np.array(entity_colour(1))
    tinted = np.array(blank) + 0.34 * (colour - blank)
    hand.shows(x, y, tinted, 14)
    page.python("0", "model.paths.set([(60, 240), (260, 240)]); model.clip.set_frame(13)")
    hand.shows(260, 270, page.python("model.editor.scene.image[270, 60].tolist()"), 45)
    page.python("0", "model.editor.set_visible(0, False)")
    hand.shows(x, y, blank, 6)
    assert not page.errors


@pytest.mark.slow
def test_a_stroke_that_leaves_the_canvas_counts(page: LabPage, hand: Hand) -> None:
    hand.drag([(115, 211), (200, 200), (400, 180), (700, 160), (1200, 160)])
    page.until("model.paths.selected is not None")
    assert page.python("float(model.paths.selected.points[-1][0])") > 600, "it is followed wherever it goes"
    assert page.python("view.pointer.gesture is None and len(model.editor.entities) == 1")


@pytest.mark.slow
def test_buttons_pin_play_and_scrub(page: LabPage, hand: Hand) -> None:
    hand.drag(wave(115, 211, 150))
    page.until("model.paths.selected is not None")
    page.page.get_by_role("button", name="Background").click()
    page.page.get_by_role("button", name="Pin the background").click()
    page.until("model.paths.background is not None and len(model.paths.background.trajectory.points) == 1")
    page.page.locator("button[title^='Play the preview (']").click()
    page.until("model.clip.playing and model.clip.frame > 3")
    page.shot("canvas_playing")
    page.page.locator("button[title^='Stop']").click()
    page.until("not model.clip.playing")
    page.python("0", "model.clip.set_frame(5)")
    page.page.locator(".dal-time :is(.noUi-handle, .ui-slider-handle)").focus()
    page.page.keyboard.press("ArrowRight")
    page.until("model.clip.frame == 6", 30)
    page.page.locator(".dal-time", has_text="frame 7 of 14").wait_for()
    assert not page.errors


@pytest.mark.slow
def test_keys_and_help(page: LabPage, hand: Hand) -> None:
    hand.click(115, 211)
    page.until("len(model.editor.entities) == 1")
    page.page.keyboard.press("b")
    page.until("model.mode == 'brush'")
    page.page.keyboard.press("?")
    page.page.locator(".dal-help").wait_for(state="visible")
    page.page.keyboard.press("?")
    page.page.locator(".dal-help").wait_for(state="hidden")
    page.page.keyboard.press("Tab")
    page.lab.wait_until(
        lambda: page.page.evaluate("() => document.activeElement.title.startsWith('Play')"), "Tab leaves the canvas", 20
    )


@pytest.mark.slow
def test_a_bad_upload_is_told(page: LabPage, hand: Hand) -> None:
    upload(page, "cat.png", b"not a picture")
    page.page.locator(".dal-status.dal-error", has_text="cat.png").wait_for()
    assert page.python("model.editor.picture_name") == "Toyland: harbour"
    good = b"P6 60 40 255\n" + bytes(60 * 40 * 3)
    upload(page, "dark.ppm", good)
    page.until("model.editor.picture_name == 'dark.ppm' and model.editor.scene.size == (40, 60)")
    hand.shows(30, 20, [0, 0, 0], 2)


@pytest.mark.slow
def test_reloading_the_page_brings_everything_back(page: LabPage, hand: Hand) -> None:
    hand.click(115, 211)
    page.until("len(model.editor.entities) == 1")
    page.python("0", "model.editor.rename(0, 'boat'); model.paths.set([(60, 240), (260, 200)])")
    hand.shows(160, 220, [230, 159, 0], 60)
    seen = {place: hand.seen(*place) for place in ((20, 20), (160, 220), (300, 300))}
    page.save()
    # Something is drawn all the time: whenever the new page begins to hear, it is in the middle of it.
    page.python("0", DRAW_ON + "model.set_view_state('unknown')")
    page.load()
    page.page.locator(".dal-pad canvas").first.wait_for()
    page.until("model.view_state == 'alive'")
    page.python("drawing.cancel()")
    hand = Hand(page)
    for place, colour in seen.items():
        hand.shows(*place, colour, 12)
    assert page.page.locator(".dal-row input").first.input_value() == "boat"
    hand.click(345, 52)
    page.until("len(model.editor.entities) == 2")
    page.shot("canvas_reloaded")
    assert not page.errors


DRAW_ON = """
import asyncio
async def draw_on():
    while True:
        model.watchers.tell('mode')
        await asyncio.sleep(0.01)
drawing = asyncio.get_running_loop().create_task(draw_on())
"""


@pytest.mark.slow
def test_a_page_that_has_ceased_to_draw_is_brought_back(page: LabPage, hand: Hand) -> None:
    sky = page.python("model.editor.scene.image[20, 20].tolist()")
    hand.shows(20, 20, sky, 6)
    setup = """
gone = view.stage.make(2, 2)
with view.stage.held():
    view.canvas.draw_image(gone, 0, 0)
    gone.close()
model.pictures.open_picture(255 - model.editor.scene.image)
"""
    page.python("0", setup)
    given_up = lambda: page.page.evaluate("1") and page.errors  # noqa: E731
    page.lab.wait_until(given_up, "the page looks no longer for the canvas that is gone", 20)
    assert np.abs(np.subtract(hand.seen(20, 20), sky)).max() <= 6, "nothing is drawn any more"
    page.page.locator("button[title='Test the canvas again']").click()
    hand.shows(20, 20, [255 - part for part in sky], 6)
    page.errors.clear()


@pytest.mark.slow
def test_the_cell_again_and_a_dead_canvas(page: LabPage) -> None:
    page.python("0", "model.pictures.open_toyland('sky', ready=True); model.set_view_state('unknown'); first = view")
    page.run_all()
    page.until("view is not first and len(model.editor.entities) == 4 and model.view_state == 'alive'")
    page.until("'drawn and read back' in view.words.value")
    setup = """
view.selftest.close()
from draganything_lab.studio.canvas.selftest import SelfTest
asked = []
quiet = SelfTest(model, view.stage, print, asked.append, 1.0)
quiet.ask = lambda: None
model.set_view_state('unknown')
quiet.start()
"""
    page.python("0", setup)
    page.until("model.view_state == 'dead' and len(asked) == 2")


@pytest.mark.slow
def test_without_the_pad_the_canvas_does_it_alone(page: LabPage) -> None:
    page.python(
        "0",
        "from draganything_lab.studio.canvas import pad; kept, pad.Pad = pad.Pad, None; "
        "model.pictures.open_toyland('harbour'); model.set_view_state('unknown')",
    )
    page.run_all()
    page.python("0", "pad.Pad = kept; model.set_mode('select'); model.masks.warm_up().join()")
    page.until("view.hearing.pad is None and model.view_state == 'alive'")
    hand = Hand(page)
    hand.drag([(115, 211), (200, 200), (400, 180), (700, 160), (1200, 160)])
    page.until("model.paths.selected is not None")
    assert (
        page.python("float(model.paths.selected.points[-1][0])") > 440
        and page.python("len(model.editor.entities)") == 1
    )


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark", "fine"), [(1280, True, 2), (800, False, 1)])
def test_fingers_fine_screens_and_narrow_pages(lab: Lab, width: int, dark: bool, fine: float) -> None:
    page = lab.open([CELL, FINISHED], width=width, dark=dark, touch=True, fine=fine)
    page.until("model.view_state == 'alive' and view.hearing.pad_alive")
    hand = Hand(page)
    box = hand.canvas.bounding_box()
    assert box["x"] + box["width"] <= width and box["width"] / box["height"] == pytest.approx(644 / 437, rel=0.01)
    assert page.python("view.canvas.width") >= 2 * box["width"] - 1, "two canvas pixels a page pixel"
    start, end = hand.at(115, 211), hand.at(235, 190)
    session = page.page.context.new_cdp_session(page.page)
    steps = [np.add(start, np.subtract(end, start) * i / 12).tolist() for i in range(13)]
    for i, (x, y) in enumerate(steps):
        kind = "touchStart" if i == 0 else "touchMove"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        time.sleep(0.02)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.until("model.paths.selected is not None and len(model.editor.entities) == 1")
    assert page.python("model.paths.selected.length") == pytest.approx(122, abs=6)
    page.python("0", "model.clip.set_frame(9)")
    hand.shows(*page.python("[float(v) for v in model.paths.selected.points[0]]"), entity_colour(1), 60)
    page.shot(f"canvas_{width}_{'dark' if dark else 'light'}")
    assert not page.errors
    page.close()
