"""The generate panel: what to make the video with, what it will cost, how far it is, and how to stop it."""

from __future__ import annotations

import html
import io
from typing import TYPE_CHECKING, Any

import cv2
import ipywidgets as w
import numpy as np
from PIL import Image

from ...control.unsaid import unsaid
from ...media.drawing import enlarged, word_in_corner
from ...media.text import data_address
from ...media.video import encode_video
from ...segment.looks_drawn import looks_drawn
from ..generate import offers
from ..generate.quick import Drafter
from ..generate.worker import Beside, Worker
from ..model.settings import DEFAULTS, WHOLE
from .bound import Binder, button, column, labelled, row, words
from .choices import ABOUT, STRANGE, TAKE_CARRY, TAKE_CARRY_FOR_POSES, TAKE_OTHERS, WEIGHTS, spoken
from .generations import with_titles
from .redraw import running_loop

if TYPE_CHECKING:
    from ..model.model import StudioModel

BESIDE = [
    ("one video", "nothing"),
    ("and with another representation", "representation"),
    ("and with another seed", "seed"),
]


class GeneratePanel:
    """Settings, estimate, start, progress and stop of the generation.

    Args:
        model: The studio's model.
        worker: What makes the videos; one of its own by default.

    Attributes:
        widget: The panel.
    """

    def __init__(self, model: StudioModel, worker: Worker | None = None) -> None:
        self.model, self.worker = model, worker or Worker(model)
        self._binder = bind = Binder(model)
        self.weights = bind.setting(
            labelled(w.Dropdown, "Weights", options=[(text, name) for name, text in WEIGHTS.items()]), "weights"
        )
        self.representation = labelled(
            w.Dropdown, "Representation", "What the model is shown of the drag", options=spoken(offers.BEST_FIRST)
        )
        self.other = labelled(
            w.Dropdown, "The other", "The second video's representation", options=spoken(offers.BEST_FIRST)
        )
        self.about, self.unsaid = w.HTML(), w.HTML()
        self.other.value = offers.BEST_FIRST[1]
        self._given_up = ""  # the representation that was chosen before weights that lack it
        with bind.quiet():
            self._offer(say=False)
        # Before the control's own watching: it can show only what is offered.
        bind.watch(self._offer, "settings", now=False)
        bind.setting(self.representation, "representation")
        self.frames = bind.whole(labelled(w.IntText, "Frames", "Length of the video, 1 to 100"), "num_frames")
        self.steps = bind.whole(
            labelled(w.IntText, "Steps", "Denoising steps; choosing weights sets the number they were tuned for"),
            "steps",
        )
        self.guidance = bind.setting(
            labelled(
                w.FloatSlider,
                "Guidance",
                "1 turns guidance off (twice as fast); higher values follow the picture more closely",
                min=1,
                max=6,
                step=0.5,
                readout_format=".1f",
            ),
            "guidance",
        )
        self.seed = bind.whole(labelled(w.IntText, "Seed", "Same seed, same computer: same video"), "seed")
        self.next_seed = bind.on_click(button("next", "The next seed: another video of the same drag"), self._next_seed)
        self.fps = bind.whole(labelled(w.IntText, "Frames / second", "How fast the video plays"), "fps")
        self.bucket = bind.whole(
            labelled(w.IntText, "Motion bucket", "How much motion the model is told, 1 to 255"), "motion_bucket"
        )
        self.preset = bind.setting(
            labelled(
                w.Dropdown,
                "Reading",
                "Where the paper and its released code differ, which one to follow",
                options=[("as in the paper", "paper"), ("as in the released code", "release")],
            ),
            "preset",
        )
        self.drafts = bind.setting(
            w.Checkbox(description="Show a draft after each drag", indent=False, layout=w.Layout(width="auto")), "draft"
        )
        self.drafter, self.about_drafts = Drafter(model, self.worker), w.HTML()
        self.beside = labelled(w.Dropdown, "Make", "One video, or two to compare side by side", options=BESIDE)
        self.other_seed = labelled(w.IntText, "The other seed", "The second video's", value=1)
        self.other_seed.observe(self._limit_seed, names="value")
        self.start = bind.on_click(
            button("Generate", "Make the video with these settings", button_style="primary"), self.generate
        )
        self.cancel = bind.on_click(button("Cancel", "Stop within a step", disabled=True), model.results.cancel_job)
        self.measure = bind.on_click(
            button("Measure", "Load the weights and run two steps, to know how long a video takes"), self._measure
        )
        self.measure.layout.min_width = "7em"  # the words beside it are long and would squeeze it
        self.bar = w.FloatProgress(min=0, max=1, layout=w.Layout(width="auto", flex="1 1 8em", min_width="6em"))
        self.cost, self.note, self.draft = w.HTML(), w.HTML(), w.HTML()
        self.draft.add_class("dal-draft")
        self.note.add_class("dal-note")
        self.more = with_titles(
            w.Accordion, [column(self.fps, self.bucket, self.preset, self.drafts, self.about_drafts)], ["More settings"]
        )
        self.more.selected_index = None
        seeds = row(self.seed, self.next_seed, flex_flow="row nowrap", width="auto")
        self.seed.layout.flex = "1 1 auto"
        self.widget = column(
            self.weights,
            self.representation,
            self.about,
            self.unsaid,
            self.frames,
            self.steps,
            self.guidance,
            seeds,
            self.beside,
            self.other,
            self.other_seed,
            self.more,
            row(self.cost, self.measure, flex_flow="row nowrap"),
            row(self.start, self.cancel, self.bar, grid_gap="8px"),
            self.note,
            self.draft,
        )
        self.widget.add_class("dal-generate")
        self.beside.observe(lambda _: self._show_beside(), names="value")
        for control in (self.beside, self.other, self.other_seed):
            control.observe(lambda _: self._show_cost(), names="value")
        self.weights.observe(lambda change: self._take_weights(), names="value")
        if all(model.settings[name] == DEFAULTS[name] for name in ("steps", "guidance")):
            self._take_usual()
        self._playing: tuple[Any, ...] = ()
        self._taking_shape = True
        self._looked: tuple[np.ndarray, bool] | None = None
        self._show_beside()
        bind.watch(self._show_cost, "settings", "picture", "results", "draft")
        bind.watch(self._show_unsaid, "entities", "settings", "picture")
        bind.watch(self._show_job, "job", "results", "draft", "picture")
        bind.watch(self._make_draft, "entities", now=False)

    def generate(self) -> bool:
        """Begin to make the video, or both; whether it began."""
        return self.worker.start(self.chosen_beside())

    def chosen_beside(self) -> Beside:
        """What the second video is to differ in, if there is one."""
        kind = self.beside.value
        return Beside(kind, {"representation": self.other.value, "seed": self.other_seed.value}.get(kind))

    def close(self) -> None:
        """Stop following the model."""
        self._binder.close()

    def _make_draft(self) -> None:
        if running_loop() is not None:  # in a script nobody has let go of anything
            self.drafter.start()

    def _show_unsaid(self) -> None:
        """What the chosen representation cannot say of the drag."""
        settings = self.model.settings
        told = unsaid(self.model.editor.scene, settings["representation"], settings["preset"])
        carry = "carry" in offers.representations(settings["weights"]) and settings["representation"] != "carry"
        self.unsaid.value = words(f"{told}{TAKE_CARRY_FOR_POSES if carry else ''}", live=True) if told else ""

    def _measure(self) -> None:
        self.worker.measure()

    def _next_seed(self) -> None:
        self.model.settings.change(seed=(self.model.settings["seed"] + 1) % 2**31)

    def _take_weights(self) -> None:
        """What follows when other weights are chosen here: their sampling, and the representation given up before."""
        self._take_usual()
        again, self._given_up = self._given_up, ""
        if self._binder.is_quiet or not again:
            return
        if again in offers.representations(self.model.settings["weights"]):
            self.model.settings.change(representation=again)
            self.model.say(f"The representation is {again} again.")
        else:
            self._given_up = again

    def _take_usual(self) -> None:
        """Set the steps and guidance with which the chosen weights are best sampled, as they say themselves."""
        if not self._binder.is_quiet:
            self.model.settings.change(**offers.usual(self.model.settings["weights"]))

    def _offer(self, say: bool = True) -> None:
        """Offer what the chosen weights know; where they lack the present representation, take their best."""
        weights, present = self.model.settings["weights"], self.model.settings["representation"]
        names = offers.representations(weights)
        if spoken(names) != list(self.representation.options):
            rival = self.other.value if self.other.value in names else names[min(1, len(names) - 1)]
            self.representation.options = self.other.options = spoken(names)
            self.other.value = rival
        self.about.value = words(ABOUT[present], "dal-quiet")
        if present not in names:
            self._given_up = present
            self.model.settings.change(representation=names[0])
            if say:
                self.model.say(f"The {weights} weights do not know {present}: the representation is now {names[0]}.")

    def _limit_seed(self, change: Any) -> None:
        low, high = WHOLE["seed"]
        self._binder.say_limits(self.other_seed, change["new"], low, high)
        self.other_seed.value = min(max(change["new"], low), high)

    def _show_beside(self) -> None:
        for control, kind in ((self.other, "representation"), (self.other_seed, "seed")):
            control.layout.display = None if self.beside.value == kind else "none"

    def _show_cost(self) -> None:
        cost = self.worker.estimate(self.chosen_beside())
        strange = self._is_strange()
        carry = strange and offers.takes_any_picture(self.model.settings["weights"], "carry")
        note = STRANGE + (TAKE_CARRY if carry else TAKE_OTHERS)
        self.cost.value = words(cost.words, "dal-quiet") + (words(note) if strange else "")
        self.about_drafts.value = words(self.drafter.words, "dal-quiet")
        self.measure.layout.visibility = "hidden" if cost.seconds is not None else "visible"

    def _is_strange(self) -> bool:
        """Whether the chosen weights know drawn pictures only, and need to know this one, which looks unlike them."""
        image, settings = self.model.editor.scene.image, self.model.settings
        if offers.is_released(settings["weights"]):
            return False
        if offers.takes_any_picture(settings["weights"], settings["representation"]):
            return False
        if self._looked is None or self._looked[0] is not image:
            self._looked = image, looks_drawn(image)
        return not self._looked[1]

    def _show_job(self) -> None:
        job = self.model.results.job
        self.start.disabled = self.measure.disabled = job is not None
        self.cancel.disabled = job is None or job.cancelling
        self.bar.value = 0.0 if job is None else job.fraction
        self._taking_shape = self._taking_shape or job is not None
        if job is None:
            self.note.value = words("", live=True)
            self._show_video()
            return
        asked = "stopping" if job.cancelling else job.note
        done = f"step {job.step} of {job.steps}" if job.step else "starting"
        self.note.value = words(f"{done}: {asked}" if asked else done, live=True)
        self.draft.value = self._framed(
            words("The first frames appear after the first step.", "dal-quiet")
            if job.frames is None
            else draft_strip(job.frames)
        )

    def _show_video(self) -> None:
        """The video that was made last, playing, where it took shape."""
        results = [result for result in self.model.results.videos if result.number in self.model.results.shown]
        draft = self.model.results.draft
        key = (*(result.number for result in results), self.model.settings["fps"], self.model.editor.scene.size, draft)
        if key == self._playing and not self._taking_shape:
            return
        self._playing, self._taking_shape = key, False
        if draft is not None:
            said = f"Draft: {len(draft.frames)} of {self.model.settings['num_frames']} frames, one step"
            shown = moving_picture(draft.frames, draft.fps, said, "draft")
            self.draft.value = self._framed(shown, f"{said}, {draft.seconds:.1f} s. Generate makes the video.")
            return
        if not results:
            self.draft.value = self._framed(words("The video takes shape here.", "dal-quiet"))
            return
        clips = {f"{result.number}: {result.title}": result.frames for result in results}
        said, fps = " beside ".join(clips), self.model.settings["fps"]
        if len({clip.shape[1:] for clip in clips.values()}) == 1:
            clips = {said: beside(list(clips.values()))}  # one film keeps both in step
        shown = "".join(film(clip, fps, title) for title, clip in clips.items())
        self.draft.value = self._framed(shown, f"{said}. More about it below.")

    def _framed(self, inside: str, below: str = "") -> str:
        height, width = self.model.editor.scene.size
        stand = f'<div class="dal-stand" style="aspect-ratio:{width}/{height}">{inside}</div>'
        return stand + words(below, "dal-quiet", "dal-caption")  # its room is kept from the start: nothing jumps


def beside(clips: list[np.ndarray]) -> np.ndarray:
    """Clips (T, H, W, 3) uint8 of one picture size as one, side by side; a shorter one waits on its last frame."""
    longest = max(map(len, clips))
    held = [enlarged(np.pad(clip, ((0, longest - len(clip)), *3 * [(0, 0)]), mode="edge")) for clip in clips]
    gap = np.full((longest, held[0].shape[1], 4, 3), 128, np.uint8)
    return np.concatenate([part for clip in held for part in (gap, clip)][1:], axis=2)


def film(frames: np.ndarray, fps: float, words: str) -> str:
    """A video that plays round and round, as HTML that carries it."""
    address = data_address(encode_video(enlarged(frames), fps), "video/mp4")
    return f'<video autoplay loop muted playsinline controls aria-label="{html.escape(words)}" src="{address}"></video>'


def moving_picture(frames: np.ndarray, fps: float, words: str, corner: str) -> str:
    """Frames (K, H, W, 3) uint8 as a picture that moves, as HTML that carries it; at once, where a video takes time.

    Args:
        frames: The frames.
        fps: How fast it plays.
        words: What it shows.
        corner: A word that is written into every frame.
    """
    big = enlarged(frames).copy()
    word_in_corner(big, corner)
    first, *others = (Image.fromarray(frame) for frame in big)
    with io.BytesIO() as file:
        first.save(file, "PNG", save_all=True, append_images=others, duration=1000 / fps, loop=0, compress_level=1)
        address = data_address(file.getvalue(), "image/png")
    return f'<img src="{address}" alt="{html.escape(words)}">'


def draft_strip(frames: np.ndarray, side: int = 128) -> str:
    """A few frames beside each other, as they take shape, as HTML with one picture."""
    big = enlarged(frames, side)
    gap = np.full((big.shape[1], 3, 3), 128, np.uint8)
    parts: list[Any] = []
    for frame in big:
        parts += [frame, gap]
    address = picture_data(np.concatenate(parts[:-1], axis=1))
    return f'<img src="{address}" alt="The video as it takes shape: {len(frames)} of its frames">'


def picture_data(picture: np.ndarray) -> str:
    """A picture (H, W, 3) uint8 as a data address."""
    data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
    return data_address(data.tobytes(), "image/png")
