"""The objects' masks: cut out by clicks, refined, painted."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import LabError
from ...media.mask import Label
from ...media.picture import Source
from ...scene.masks import own_mask
from ...scene.trajectory import Points
from .editor import Editor, then, title
from .events import Part, action
from .prompts import Prompt, PromptBook
from .settings import Settings

if TYPE_CHECKING:
    from ...segment import Found

BRUSH = (1.0, 200.0)
COVERED = 0.8  # share of an object that another one may cover without a warning
HARDLY = 0.005  # share of a mask's pixels; a click that changes fewer has changed next to nothing


class Masks(Part):
    """Makes objects out of clicks and brush strokes, and changes their masks.

    Args:
        editor: The scene and the selection.
        settings: The name of the segmenter.
        segmenter: An object with `set_picture` and `predict` that stands in for the one named.

    Attributes:
        prompts: The clicks behind the masks.
    """

    def __init__(self, editor: Editor, settings: Settings, segmenter: Any = None) -> None:
        super().__init__(editor.watchers)
        self.editor, self.settings = editor, settings
        self.prompts, self._brush_radius = PromptBook(), 12.0
        self._segmenter, self._segmenter_name = segmenter, "" if segmenter is None else "given"
        self._segmenting = threading.Lock()
        self._answer: tuple[tuple[Any, ...], Found] | None = None  # the last one, and to what

    def facts(self) -> dict[str, object]:
        return {"prompt": self.prompt, "brush": self._brush_radius}

    @property
    def brush_radius(self) -> float:
        """Radius of the brush in picture pixels, 1 to 200."""
        return self._brush_radius

    @property
    def prompt(self) -> Prompt | None:
        """The clicks and candidates behind the selected mask, or None if it did not come from clicks."""
        entity = self.editor.selected_entity
        return None if entity is None else self.prompts.of(entity.mask)

    @action
    def cut_out(self, x: float, y: float) -> str:
        """Cut out the object at a click and select it; its candidates are in `prompt`."""
        prompt = self.found([(x, y)], [1])
        name = self._new(prompt.masks[0], None)
        self._tell(prompt, f"{title(name)} is cut out.")
        self._warn_of_cover(name)
        return name

    @action
    def add(self, mask: Source, name: str | None = None, label: Label | None = None) -> str:
        """Add an object by its mask: an array, a file's path or its bytes; `label` chooses from a map of several."""
        name = self._new(own_mask(mask, self.editor.scene.size, label), name)
        self.say(f"{title(name)} is added.", then(self.editor.scene[name]))
        self._warn_of_cover(name)
        return name

    @action
    def add_point(self, x: float, y: float, positive: bool = True) -> bool:
        """Click once more on the selected object (plus), or on what does not belong to it (minus)."""
        entity = self.editor.selected_entity
        if entity is None:
            if not positive:
                raise LabError(
                    "a minus point needs a selected object", fix="choose the tool Select and click an object first"
                )
            return bool(self.cut_out(x, y))
        points, labels = self._clicks()
        self._again([*points, (x, y)], [*labels, int(positive)])
        changed = np.count_nonzero(self.editor.scene[entity.name].mask != entity.mask)
        tool = "Brush" if positive else "brush's Erase"
        if not changed:  # undo keeps no step that changed nothing
            self.say("The mask did not change, so the click was not kept.", f"Use the {tool} instead.", "warning")
        elif changed < HARDLY * entity.area:
            self.say("The mask hardly changed.", f"Use the {tool}, or Ctrl+Z takes the click back.", "warning")
        elif _has(self.editor.scene[entity.name].mask, x, y) != positive:
            where = "is still outside" if positive else "still belongs to it"
            self.say(f"The place of the click {where}.", f"Use the {tool}, or Ctrl+Z takes the click back.", "warning")
        else:
            self._warn_of_cover(entity.name)
        return True

    @action
    def remove_point(self, index: int) -> bool:
        """Take a click on the selected object back."""
        points, labels = self._clicks()
        if not 0 <= index < len(points):
            raise LabError(f"there is no click {index}", fix=f"the mask has clicks 0 to {len(points) - 1}")
        if len(points) == 1:
            raise LabError("this is the only click on it", fix="remove the object instead")
        self._again(points[:index] + points[index + 1 :], labels[:index] + labels[index + 1 :])
        return True

    @action
    def choose(self, candidate: int) -> bool:
        """Take another candidate for the selected object's mask; 0 has the best score."""
        entity, prompt = self.editor.chosen(), self.prompt
        if prompt is None:
            raise LabError("this mask has no candidates", fix="add a plus point to get some")
        if isinstance(candidate, bool) or not 0 <= candidate < len(prompt.masks):
            raise LabError(f"there is no candidate {candidate}", fix=f"use 0 to {len(prompt.masks) - 1}")
        self.editor.scene.update(entity.name, mask=prompt.masks[candidate])
        self.say(f"Candidate {candidate + 1} of {len(prompt.masks)}, score {prompt.scores[candidate]:.2f}.")
        return True

    @action
    def paint(self, points: Points, add: bool = True, radius: float | None = None) -> bool:
        """Brush over the selected object's mask; with nothing selected, a new object is painted."""
        from ...scene.masks import paint

        radius = self.brush_radius if radius is None else radius
        scene, entity = self.editor.scene, self.editor.selected_entity
        if entity is None:
            if not add:
                raise LabError("nothing is selected to erase from", fix="click an object first")
            mask = paint(np.zeros(scene.size, bool), points, radius)  # type: ignore[arg-type]
            if not mask.any():
                raise LabError("the stroke is outside the picture", fix="paint inside it")
            name = self._new(mask, None)
            self.say(f"{title(name)} is painted.", then(scene[name]))
            self._warn_of_cover(name)
            return True
        mask = paint(entity.mask, points, radius, add)  # type: ignore[arg-type]
        if not mask.any():
            raise LabError("erasing that would leave nothing of it", fix="remove the object instead")
        scene.update(entity.name, mask=mask)
        self.say(f"{title(entity.name)} has {int(mask.sum()):,} pixels.")
        return True

    @action
    def set_brush(self, radius: float) -> bool:
        """Set the brush's radius, kept within 1 to 200 pixels."""
        if isinstance(radius, bool) or not isinstance(radius, (int, float)) or not np.isfinite(radius):
            raise LabError(f"the brush's radius is {radius!r}", fix="use 1 to 200 pixels")
        self._brush_radius = float(np.clip(radius, *BRUSH))
        if abs(self._brush_radius - radius) > 0.01:
            self.say(f"Brush radius: 1 to 200 pixels; set to {self._brush_radius:.0f}.", kind="warning")
        return True

    def found(self, points: list[tuple[float, float]], labels: list[int], previous: Any = None) -> Prompt:
        """What the segmenter finds at some clicks; the scene stays as it is.

        Args:
            points: (x, y) of each click, in pixels.
            labels: 1 (plus) or 0 (minus) for each.
            previous: What it found before the last click.

        Raises:
            LabError: The last click is outside the picture, or nothing was found.
        """
        height, width = self.editor.scene.size
        x, y = points[-1]
        if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
            raise LabError(
                f"the click ({x:.0f}, {y:.0f}) is outside the {width}x{height} picture", fix="click on the object"
            )
        with self._segmenting:
            asked = (self.editor.scene.image, self.settings["segmenter"], list(points), list(labels))
            kept = self._answer
            if previous is None and kept is not None and _same(kept[0], asked):
                answer = kept[1]  # the live preview has asked already
            else:
                answer = self._ready_segmenter().predict(points=points, labels=labels, previous=previous)
                self._answer = None if previous is not None else (asked, answer)
        return self.prompts.keep(points, labels, answer)[0]

    def warm_up(self) -> threading.Thread:
        """Load the segmenter and show it the picture in the background, so that the first click is quick."""
        thread = threading.Thread(target=self._warm, name="studio-segmenter", daemon=True)
        thread.start()
        return thread

    def _warm(self) -> None:
        with contextlib.suppress(Exception), self._segmenting:  # the click itself will say what is wrong
            self._ready_segmenter()

    def _ready_segmenter(self) -> Any:
        """The segmenter with the present picture in it; call it under the lock `_segmenting`."""
        name = self.settings["segmenter"]
        if self._segmenter is None or self._segmenter_name not in (name, "given"):
            from ...segment import load_segmenter

            self._segmenter, self._segmenter_name = load_segmenter(name), name
        self._segmenter.set_picture(self.editor.scene.image)
        return self._segmenter

    def _clicks(self) -> tuple[list[tuple[float, float]], list[int]]:
        """The selected object's clicks; of one that was not clicked, its middle."""
        entity, prompt = self.editor.chosen(), self.prompt
        return ([entity.centre], [1]) if prompt is None else (list(prompt.points), list(prompt.labels))

    def _again(self, points: list[tuple[float, float]], labels: list[int]) -> None:
        entity, prompt = self.editor.chosen(), self.prompt
        previous = None if prompt is None or prompt.found is None else prompt.found.chosen(prompt.chosen)
        again = self.found(points, labels, previous)
        self.editor.scene.update(entity.name, mask=again.masks[0])
        self._tell(again, f"{title(entity.name)} has {len(points)} clicks.")

    def _new(self, mask: np.ndarray, name: str | None) -> str:
        entity = self.editor.scene.add(name or self.editor.free_name(), mask)
        self.editor.selected = entity.name
        return entity.name

    def _warn_of_cover(self, name: str) -> None:
        """Say so if an object lies over nearly all of another one, which nobody would see."""
        scene = self.editor.scene
        order = [entity.name for entity in scene.entities]
        for other in scene.entities:
            if other.name == name or {scene[name].kind, other.kind} != {"foreground"}:
                continue
            under, over = sorted((scene[name], other), key=lambda entity: order.index(entity.name))
            share = np.count_nonzero(over.mask & under.mask) / max(under.area, 1)
            if share >= COVERED:
                self.say(
                    f"{title(over.name)} covers {share:.0%} of {title(under.name)}.",
                    f"Erase what is not its own from the mask of {over.name}, or move it down in the list.",
                    "warning",
                )

    def _tell(self, prompt: Prompt, text: str) -> None:
        from ...scene.masks import describe_mask

        warnings = describe_mask(prompt.masks[prompt.chosen]).warnings
        if warnings:
            # After a first click the object itself is removed as easily.
            fix = "Ctrl+Z takes the click back." if len(prompt.points) > 1 else ""
            self.say(f"{text} But {warnings[0]}.", fix, "warning")
        else:
            others = len(prompt.masks) - 1
            self.say(text, f"Drag it, or look at {others} more." if others else "Now drag it.")


def _has(mask: np.ndarray, x: float, y: float) -> bool:
    """Whether a mask (H, W) has the pixel at a place in the picture."""
    return bool(mask[min(round(y), mask.shape[0] - 1), min(round(x), mask.shape[1] - 1)])


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two questions to the segmenter are about the same picture, and the same otherwise."""
    return one[0] is other[0] and one[1:] == other[1:]
