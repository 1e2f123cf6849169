"""Whatever a user does, in whatever order: every edit can be taken back and done again, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from helpers.stand_ins import Discs
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from draganything_lab.studio.canvas.pointer import Pointer
from draganything_lab.studio.model.model import MODES, StudioModel
from draganything_lab.studio.model.sessions import state_of

H, W = 40, 56
x_values, y_values = st.integers(-5, W + 5), st.integers(-5, H + 5)
points = st.lists(st.tuples(x_values, y_values), min_size=1, max_size=8)
places = st.integers(0, 5)
PICTURES = {name: np.full((H, W, 3), grey, np.uint8) for name, grey in (("white", 250), ("grey", 120))}


def everything(model: StudioModel) -> tuple[Any, ...]:
    return id(model.editor.scene.image), model.editor.picture_name, model.editor.scene.entities


class Studio(RuleBasedStateMachine):
    """Actions at random, beside a plain list of what was there before each."""

    def __init__(self) -> None:
        super().__init__()
        self.model = StudioModel(PICTURES["white"], segmenter=Discs())
        self.past: list[tuple[Any, ...]] = []
        self.future: list[tuple[Any, ...]] = []
        self.pictures = 0

    def act(self, call: Callable[..., Any], *args: Any) -> None:
        before, status = everything(self.model), self.model.status
        answer = call(*args)
        after = everything(self.model)
        if self.model.status.kind == "error" and self.model.status is not status and answer is None:
            assert after == before, "an error changes nothing"
        elif after != before:
            self.past.append(before)
            self.future.clear()

    @rule(x=x_values, y=y_values, mode=st.sampled_from(MODES))
    def click(self, x: int, y: int, mode: str) -> None:
        self.model.set_mode(mode)
        self.act(self.model.click, x, y)

    @rule(stroke=points, mode=st.sampled_from(MODES))
    def stroke(self, stroke: list[tuple[int, int]], mode: str) -> None:
        self.model.set_mode(mode)
        self.act(self.model.stroke, stroke)

    @rule(x=x_values, y=y_values, plus=st.booleans())
    def add_point(self, x: int, y: int, plus: bool) -> None:
        self.act(self.model.masks.add_point, x, y, plus)

    @rule(k=places)
    def choose(self, k: int) -> None:
        self.act(self.model.masks.choose, k)

    @rule(k=places)
    def remove_point(self, k: int) -> None:
        self.act(self.model.masks.remove_point, k)

    @rule(stroke=points, add=st.booleans(), radius=st.floats(1, 12))
    def paint(self, stroke: list[tuple[int, int]], add: bool, radius: float) -> None:
        self.act(self.model.masks.paint, stroke, add, radius)

    @rule(path=points)
    def set_path(self, path: list[tuple[int, int]]) -> None:
        self.act(self.model.paths.set, path)

    @rule(k=places, x=x_values, y=y_values)
    def move_point(self, k: int, x: int, y: int) -> None:
        self.act(self.model.paths.move_point, k, x, y)

    @rule(k=places)
    def delete_point(self, k: int) -> None:
        self.act(self.model.paths.delete_point, k)

    @rule(angle=st.floats(-4000, 4000), size=st.sampled_from([0, 0.05, 0.5, 1, 3, 20, 100]), frame=st.integers(0, 7))
    def pose(self, angle: float, size: float, frame: int) -> None:
        self.act(self.model.poses.set, angle, size, frame)

    @rule(angles=st.lists(st.floats(-720, 720), max_size=4), sizes=st.lists(st.floats(0, 30), max_size=4))
    def pose_keys(self, angles: list[float], sizes: list[float]) -> None:
        self.act(self.model.poses.set_keys, angles or None, sizes or None)

    @rule(turn=st.sampled_from([-45, 5, 360]), factor=st.sampled_from([0.5, 1.05, 30]))
    def nudge(self, turn: float, factor: float) -> None:
        self.act(self.model.poses.turn, turn)
        self.act(self.model.poses.grow, factor)

    @rule(pairs=st.none() | st.lists(st.tuples(st.floats(0, 1), st.floats(-0.1, 1)), max_size=4), ends=st.booleans())
    def pace(self, pairs: list[tuple[float, float]] | None, ends: bool) -> None:
        if pairs is not None and ends:
            pairs = [(0, 0), *sorted(pairs), (1, 0.7)]
        self.act(self.model.poses.set_pace, pairs)

    @rule(
        frames=st.none() | st.lists(st.integers(0, 9), min_size=1, max_size=5),
        easing=st.sampled_from([None, "ease-in"]),
    )
    def timing(self, frames: list[int] | None, easing: str | None) -> None:
        self.act(self.model.paths.set_timing, frames, easing)

    @rule(k=st.integers(0, 6))
    def plain(self, k: int) -> None:
        editor, paths = self.model.editor, self.model.paths
        calls = (
            paths.hold,
            paths.drop,
            editor.pin,
            paths.pin_background,
            editor.remove,
            editor.clear,
            editor.select_next,
        )
        self.act(calls[k])

    @rule(k=places)
    def select(self, k: int) -> None:
        self.act(self.model.editor.select, k)

    @rule(k=places, name=st.sampled_from(["a", "b", "object A", "", "background"]))
    def rename(self, k: int, name: str) -> None:
        self.act(self.model.editor.rename, k, name)

    @rule(k=places, place=places)
    def reorder(self, k: int, place: int) -> None:
        self.act(self.model.editor.reorder, k, place)

    @rule(dx=st.integers(-9, 9), zoom=st.sampled_from([0.5, 1.0, 1.5]))
    def camera(self, dx: int, zoom: float) -> None:
        self.act(self.model.paths.set_camera, (dx, 0), zoom)

    @rule(k=places, on=st.booleans())
    def show(self, k: int, on: bool) -> None:
        self.act(self.model.editor.set_visible, k, on)

    @rule(count=st.integers(0, 6), frame=st.integers(-3, 9))
    def time(self, count: int, frame: int) -> None:
        self.act(self.model.clip.set_frame, frame)
        self.model.settings.change(num_frames=count)

    @precondition(lambda self: self.pictures < 4)
    @rule(name=st.sampled_from(sorted(PICTURES)))
    def open(self, name: str) -> None:
        self.pictures += 1
        self.act(self.model.pictures.open_picture, PICTURES[name], name)

    @rule()
    def undo(self) -> None:
        now = everything(self.model)
        done = self.model.editor.undo()
        assert bool(done) == bool(self.past)
        if done:
            self.future.append(now)
            assert everything(self.model) == self.past.pop()

    @rule()
    def redo(self) -> None:
        now = everything(self.model)
        done = self.model.editor.redo()
        assert bool(done) == bool(self.future)
        if done:
            self.past.append(now)
            assert everything(self.model) == self.future.pop()

    @invariant()
    def holds_together(self) -> None:
        model = self.model
        assert model.editor.can_undo == bool(self.past) and model.editor.can_redo == bool(self.future)
        assert model.editor.selected is None or model.editor.selected in model.editor.scene
        assert model.editor.hidden <= {entity.name for entity in model.editor.entities}
        assert 0 <= model.clip.frame < model.settings.num_frames
        assert (
            model.masks.prompt is None
            or model.masks.prompt.masks[model.masks.prompt.chosen] is model.editor.selected_entity.mask
        )  # type: ignore[union-attr]
        entity = model.editor.selected_entity
        if entity is not None:
            angle, size = model.poses.at(entity, model.clip.frame)
            assert np.isfinite(angle) and size > 0 and model.poses.at(entity, 0) == (0, 1)
        json.dumps(state_of(model))

    def teardown(self) -> None:
        last = self.model.pictures.scene_bytes()
        count = 0
        while self.model.editor.undo():
            count += 1
        assert not self.model.editor.entities and count == len(self.past)
        while self.model.editor.redo():
            count -= 1
        assert count <= 0 and (self.future or self.model.pictures.scene_bytes() == last)


Studio.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestStudio = Studio.TestCase


class Hands(RuleBasedStateMachine):
    """The same hand on two models, whatever it does, makes the same scene; and the model tells what it does."""

    def __init__(self) -> None:
        super().__init__()
        self.models = [StudioModel(PICTURES["white"], segmenter=Discs()) for _ in range(2)]
        self.hands, self.now = [Pointer(model) for model in self.models], 0.0
        self.told: list[str] = []
        self.models[0].watch(self.told.append)

    def tick(self) -> float:
        self.now += 0.05
        return self.now

    @rule(mode=st.sampled_from(MODES))
    def tool(self, mode: str) -> None:
        for model in self.models:
            model.set_mode(mode)

    @rule(line=points, ends=st.sampled_from(["release", "leave", "lost"]))
    def drag(self, line: list[tuple[int, int]], ends: str) -> None:
        before = self.models[0].editor.entities
        self.told.clear()
        for hand in self.hands:
            hand.press(*line[0], self.tick())
            for x, y in line[1:]:
                hand.move(x, y, self.tick())
            if ends == "release":
                hand.release(line[-1], self.tick())
            elif ends == "leave":
                hand.leave(*line[-1], self.tick())
        assert ("entities" in self.told) == (self.models[0].editor.entities is not before)

    @rule(x=x_values, y=y_values)
    def double_click(self, x: int, y: int) -> None:
        for hand in self.hands:
            for _ in range(2):
                hand.press(x, y, self.tick())
                hand.release((x, y), self.tick())

    @rule()
    def undo(self) -> None:
        for model in self.models:
            model.editor.undo()

    def teardown(self) -> None:
        first, second = (model.pictures.scene_bytes() for model in self.models)
        assert first == second


Hands.TestCase.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHands = Hands.TestCase
