"""The look panel: which result, beside which other, and the pages about it; each is made when it is first opened."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from ...errors import LabError
from ...pipeline.cancel import Cancelled
from ..generate.engine import ENGINE, Engine
from ..model.events import Status
from .bound import Binder, column, labelled, row, words
from .generations import with_titles
from .pages import Clip, clips_of, motion_page, report_page, signal_page, video_page

if TYPE_CHECKING:
    from ..model.model import StudioModel

PAGES = ("Video", "Control signal", "Pixel motion", "Report", "Why", "Files")
NOTHING, ALONE = "the preview of the scene as it is", "nothing"


class LookPanel:
    """Pages about the shown results: video, control signal, motion, report, what the model saw, files.

    Args:
        model: The studio's model.
        engine: What has the weights, for "Why".

    Attributes:
        widget: The panel.
    """

    def __init__(self, model: StudioModel, engine: Engine = ENGINE) -> None:
        self.model, self.engine = model, engine
        self._binder = bind = Binder(model)
        self._made: dict[tuple[Any, ...], str] = {}
        self._wanted: tuple[Any, ...] = ()
        self._lock = threading.Lock()
        self.which = labelled(w.Dropdown, "Look at", "Which result", options=[(NOTHING, 0)], value=0, label="5.5em")
        self.beside = labelled(
            w.Dropdown, "Beside it", "A second result to compare", options=[(ALONE, 0)], value=0, label="5.5em"
        )
        for control in (self.which, self.beside):
            control.layout.flex = "1 1 14em"
            control.observe(lambda _: self._chosen(), names="value")
        self.pages = {title: w.Output() for title in PAGES}
        self.notes = {title: w.HTML() for title in PAGES}
        boxes = []
        for title in PAGES:
            self.notes[title].add_class("dal-note")
            box = column(self.notes[title], self.pages[title])
            box.add_class("dal-page")
            boxes.append(box)
        self.tabs = with_titles(w.Tab, boxes, PAGES)
        self.tabs.observe(lambda _: self.refresh(), names="selected_index")
        self.widget = column(row(self.which, self.beside, grid_gap="8px"), self.tabs)
        self.widget.add_class("dal-look")
        bind.watch(self._take_results, "results", now=False)
        bind.watch(self.refresh, "entities", "picture", "settings", now=False)
        self._take_results()

    @property
    def page(self) -> str:
        """The title of the open page."""
        return PAGES[self.tabs.selected_index or 0]

    @page.setter
    def page(self, title: str) -> None:
        self.tabs.selected_index = PAGES.index(title)

    def wait(self, seconds: float = 60) -> bool:
        """Wait until the open page is made; whether it was."""
        thread = getattr(self, "_thread", None)
        if thread is not None:
            thread.join(seconds)
            return not thread.is_alive()
        return True

    def refresh(self) -> None:
        """Make the open page, beside everything else, if it was not made for this state yet."""
        title = self.page
        try:
            clips = clips_of(self.model, self.model.results.shown)
        except LabError as error:
            self._wanted = ()
            self._say(title, error)
            return
        key = self._key(title, clips)
        with self._lock:
            if key == self._wanted:
                return
            self._wanted = key
        if key in self._made:
            self._put(title, self._made[key])
            return
        self.notes[title].value = words(f"Making this page: {title.lower()} …", "dal-quiet", live=True)
        self.pages[title].add_class("dal-stale")  # what stands there is about another video until the new page comes
        self._thread = threading.Thread(target=self._make, args=(title, key, clips), name="studio-look", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following the model."""
        self._binder.close()

    def _make(self, title: str, key: tuple[Any, ...], clips: Sequence[Clip]) -> None:
        try:
            page = self._makers()[title](clips)
        except (LabError, Cancelled) as error:
            with self._lock:
                if key == self._wanted:
                    self._wanted = ()  # opening the page again tries again
                    self._say(title, error)
            return
        except Exception as error:
            self._wanted = ()
            self._say(title, error)
            return
        with self._lock:
            while len(self._made) >= 24:
                self._made.pop(next(iter(self._made)))
            self._made[key] = page
            if key == self._wanted:
                self._put(title, page)

    def _makers(self) -> dict[str, Callable[[Sequence[Clip]], str]]:
        fps = float(self.model.settings["fps"])

        def why(clips: Sequence[Clip]) -> str:
            from .why import why_page

            return why_page(clips, self.engine)

        def files(clips: Sequence[Clip]) -> str:
            from .downloads import files_page

            return files_page(clips)

        return {
            "Video": lambda clips: video_page(clips, fps),
            "Control signal": signal_page,
            "Pixel motion": lambda clips: motion_page(clips, fps),
            "Report": report_page,
            "Why": why,
            "Files": files,
        }

    def _key(self, title: str, clips: Sequence[Clip]) -> tuple[Any, ...]:
        settings = self.model.settings
        if clips[0].generated:
            return title, settings["fps"], tuple(clip.title for clip in clips)
        names = ("fps", "num_frames", "weights", "representation", "preset")
        drawn = tuple(id(entity) for entity in self.model.editor.entities), id(self.model.editor.scene.image)
        # The entities themselves are kept, so that no other one gets their number.
        return title, *(settings[name] for name in names), drawn, self.model.editor.entities

    def _put(self, title: str, page: str) -> None:
        self.notes[title].value = ""
        self.pages[title].remove_class("dal-stale")
        data = {"text/html": f'<div class="dal-html">{page}</div>', "text/plain": title}
        self.pages[title].outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)

    def _say(self, title: str, error: BaseException) -> None:
        status = (
            Status.of(error) if not isinstance(error, Cancelled) else Status("info", "Cancelled", "open the page again")
        )
        self.pages[title].remove_class("dal-stale")
        self.pages[title].outputs = ()
        fix = f" {html.escape(status.fix[:1].upper() + status.fix[1:])}." if status.fix else ""
        text = html.escape(status.text[:1].upper() + status.text[1:])
        self.notes[title].value = f'<p class="dal-words" role="status">{text}.{fix}</p>'.replace("..", ".")

    def _take_results(self) -> None:
        """Bring the two lists in line with the model, then the page."""
        shown = self.model.results.shown
        results = [(f"{one.number}: {one.title}", one.number) for one in reversed(self.model.results.videos)]
        with self._binder.quiet():
            self.which.options = [*results, *([] if results else [(NOTHING, 0)])]
            self.which.value = shown[0] if shown else self.which.options[0][1]
            others = [entry for entry in results if entry[1] != self.which.value]
            self.beside.options = [(ALONE, 0), *others]
            self.beside.value = shown[1] if len(shown) > 1 else 0
            self.beside.disabled = not others
        self.refresh()

    def _chosen(self) -> None:
        if self._binder.is_quiet or not self.which.value:
            return
        numbers = [self.which.value]
        if self.beside.value and self.beside.value != self.which.value:
            numbers.append(self.beside.value)
        self.model.results.show(*numbers)
