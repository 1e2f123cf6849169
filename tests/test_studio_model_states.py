"""Whatever a user does, in whatever order: every edit can be taken back and done again, and nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from helpers.stand_ins import Discs
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from draganything_lab.studio.canvas.pointer import Pointer
from draganything_lab.studio.model.core import MODES
from draganything_lab.studio.model.events import EVENTS
from draganything_lab.studio.model.model import StudioModel
from draganything_lab.studio.model.sessions import replay

H, W = 40, 56
x_values, y_values = st.integers(-5, W + 5), st.integers(-5, H + 5)
points = st.lists(st.tuples(x_values, y_values), min_size=1, max_size=8)
places = st.integers(0, 5)
PICTURES = {name: np.full((H, W, 3), grey, np.uint8) for name, grey in (("white", 250), ("grey", 120))}


def everything(model: StudioModel) -> tuple[Any, ...]:
    return id(model.scene.image), model.picture_name, model.scene.entities


class Studio(RuleBasedStateMachine):
    """Actions at random, beside a plain list of what was there before each."""

    def __init__(self) -> None:
        super().__init__()
        self.model = StudioModel(PICTURES["white"], segmenter=Discs())
        self.model.record()
        self.past: list[tuple[Any, ...]] = []
        self.future: list[tuple[Any, ...]] = []
        self.pictures = 0

    def act(self, name: str, *args: Any) -> None:
        before, status = everything(self.model), self.model.status
        answer = getattr(self.model, name)(*args)
        after = everything(self.model)
        if self.model.status.kind == "error" and self.model.status is not status and answer is None:
            assert after == before, "an error changes nothing"
        elif after != before:
            self.past.append(before)
            self.future.clear()

    @rule(x=x_values, y=y_values, mode=st.sampled_from(MODES))
    def click(self, x: int, y: int, mode: str) -> None:
        self.model.mode = mode
        self.act("click", x, y)

    @rule(stroke=points, mode=st.sampled_from(MODES))
    def stroke(self, stroke: list[tuple[int, int]], mode: str) -> None:
        self.model.mode = mode
        self.act("stroke", stroke)

    @rule(x=x_values, y=y_values, plus=st.booleans())
    def add_point(self, x: int, y: int, plus: bool) -> None:
        self.act("add_point", x, y, plus)

    @rule(k=places)
    def choose(self, k: int) -> None:
        self.act("choose", k)

    @rule(k=places)
    def remove_point(self, k: int) -> None:
        self.act("remove_point", k)

    @rule(stroke=points, add=st.booleans(), radius=st.floats(1, 12))
    def paint(self, stroke: list[tuple[int, int]], add: bool, radius: float) -> None:
        self.act("paint", stroke, add, radius)

    @rule(path=points)
    def set_path(self, path: list[tuple[int, int]]) -> None:
        self.act("set_path", path)

    @rule(k=places, x=x_values, y=y_values)
    def move_point(self, k: int, x: int, y: int) -> None:
        self.act("move_point", k, x, y)

    @rule(k=places)
    def delete_point(self, k: int) -> None:
        self.act("delete_point", k)

    @rule(name=st.sampled_from(["hold", "drop_path", "pin", "pin_background", "remove", "clear", "select_next"]))
    def plain(self, name: str) -> None:
        self.act(name)

    @rule(k=places)
    def select(self, k: int) -> None:
        self.act("select", k)

    @rule(k=places, name=st.sampled_from(["a", "b", "thing A", "", "background"]))
    def rename(self, k: int, name: str) -> None:
        self.act("rename", k, name)

    @rule(k=places, place=places)
    def reorder(self, k: int, place: int) -> None:
        self.act("reorder", k, place)

    @rule(dx=st.integers(-9, 9), zoom=st.sampled_from([0.5, 1.0, 1.5]))
    def camera(self, dx: int, zoom: float) -> None:
        self.act("set_camera", (dx, 0), zoom)

    @rule(k=places, on=st.booleans())
    def show(self, k: int, on: bool) -> None:
        self.act("set_visible", k, on)

    @rule(count=st.integers(0, 6), frame=st.integers(-3, 9))
    def time(self, count: int, frame: int) -> None:
        self.act("set_frame", frame)
        self.model.set(num_frames=count)

    @precondition(lambda self: self.pictures < 4)
    @rule(name=st.sampled_from(sorted(PICTURES)))
    def open(self, name: str) -> None:
        self.pictures += 1
        self.act("open_picture", PICTURES[name], name)

    @rule()
    def undo(self) -> None:
        now = everything(self.model)
        done = self.model.undo()
        assert bool(done) == bool(self.past)
        if done:
            self.future.append(now)
            assert everything(self.model) == self.past.pop()

    @rule()
    def redo(self) -> None:
        now = everything(self.model)
        done = self.model.redo()
        assert bool(done) == bool(self.future)
        if done:
            self.past.append(now)
            assert everything(self.model) == self.future.pop()

    @invariant()
    def holds_together(self) -> None:
        model = self.model
        assert model.can_undo == bool(self.past) and model.can_redo == bool(self.future)
        assert model.selected is None or model.selected in model.scene
        assert model.hidden <= {entity.name for entity in model.entities}
        assert 0 <= model.frame < model.num_frames
        assert model.prompt is None or model.prompt.masks[model.prompt.chosen] is model.selected_entity.mask  # type: ignore[union-attr]
        json.dumps(model.state())

    def teardown(self) -> None:
        last = self.model.scene_bytes()
        count = 0
        while self.model.undo():
            count += 1
        assert not self.model.entities and count == len(self.past)
        while self.model.redo():
            count -= 1
        assert count <= 0 and (self.future or self.model.scene_bytes() == last)


Studio.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestStudio = Studio.TestCase


class Views(RuleBasedStateMachine):
    """Two views: one is a hand on a canvas, the other does what the first one's model wrote down."""

    def __init__(self) -> None:
        super().__init__()
        self.model = StudioModel(PICTURES["white"], segmenter=Discs())
        self.model.record()
        self.hand, self.now = Pointer(self.model), 0.0

    def tick(self) -> float:
        self.now += 0.05
        return self.now

    @rule(mode=st.sampled_from(MODES))
    def tool(self, mode: str) -> None:
        self.model.mode = mode

    @rule(line=points, ends=st.sampled_from(["release", "leave", "lost"]))
    def drag(self, line: list[tuple[int, int]], ends: str) -> None:
        self.hand.press(*line[0], self.tick())
        for x, y in line[1:]:
            self.hand.move(x, y, self.tick())
        if ends == "release":
            self.hand.release(line[-1], self.tick())
        elif ends == "leave":
            self.hand.leave(*line[-1], self.tick())

    @rule(x=x_values, y=y_values)
    def double_click(self, x: int, y: int) -> None:
        for _ in range(2):
            self.hand.press(x, y, self.tick())
            self.hand.release((x, y), self.tick())

    @rule()
    def undo(self) -> None:
        self.model.undo()

    def teardown(self) -> None:
        actions = json.loads(json.dumps(self.model.actions))
        other = StudioModel(PICTURES["white"], segmenter=Discs())
        told: list[str] = []
        other.watch(told.append)
        replay(other, actions)
        assert other.scene_bytes() == self.model.scene_bytes()
        assert set(told) <= set(EVENTS)


Views.TestCase.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestViews = Views.TestCase
