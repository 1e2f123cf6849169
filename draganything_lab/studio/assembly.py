"""How the studio's parts stand together, and which view is on the left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as w

from .form.form import FormView
from .panels.bound import Binder, close_tree, column, words
from .panels.generate import GeneratePanel
from .panels.look import LookPanel
from .panels.style import style

if TYPE_CHECKING:
    from .model.model import StudioModel

CANVAS, FORM = "canvas", "form"
SAID = {
    CANVAS: "Canvas: click and drag in the picture.",
    FORM: "Form: lists and numbers over the same scene, for keyboard and screen reader.",
}
LATE = "The canvas answers now; choose it above if you like."
CLOSED = "This studio was closed; what was in it goes on where it was opened last."
DEAD = "The canvas does not answer, so the form stands in."


class Assembly:
    """The studio's widget.

    Args:
        model: The studio's model.
        view: "auto", "canvas" or "form".

    Attributes:
        widget: Everything.
        generate: The panel that makes videos.
        look: The panel that shows them.
    """

    def __init__(self, model: StudioModel, view: str = "auto") -> None:
        self.model = model
        self._binder = bind = Binder(model)
        self._views: dict[str, Any] = {}
        self._why = ""
        self._left_at: Any = None
        self._status: Any = None
        self._auto = view == "auto"
        self.view = ""
        self.generate, self.look = GeneratePanel(model), LookPanel(model)
        self.which = w.ToggleButtons(
            options=[("Canvas", CANVAS), ("Form", FORM)],
            tooltips=[SAID[CANVAS], SAID[FORM]],
            layout=w.Layout(width="auto"),
            style={"button_width": "auto"},
        )
        self.which.observe(self._chosen, names="value")
        self.which.add_class("dal-toggle")
        self.said = w.HTML()
        self._top = w.HBox([self.which, self.said])  # one and the same for all views, so that it keeps the focus
        self._top.add_class("dal-top")
        self.left = w.VBox([self._top])
        self.left.add_class("dal-left")
        making = column(w.HTML('<h3 class="dal-title">Generate</h3>'), self.generate.widget)
        making.add_class("dal-card")
        self.right = w.VBox([making])
        self.right.add_class("dal-right")
        looking = column(w.HTML('<h3 class="dal-title">Look</h3>'), self.look.widget)
        looking.add_class("dal-card")
        looking.add_class("dal-below")
        self._making, self._looking = making, looking
        main = w.Box([self.left, self.right])
        main.add_class("dal-two")
        self._all = [style(), main]
        self.widget = w.VBox(self._all)
        self.widget.add_class("dal-lab")
        self.show(CANVAS if view == "auto" else view)
        bind.watch(self._canvas_state, "view")

    def show(self, view: str) -> None:
        """Put the canvas or the form on the left; each says which it is."""
        if view not in (CANVAS, FORM):
            raise ValueError(view)
        if view not in self._views:
            try:
                self._views[view] = self._make(view)
            except ImportError as error:  # no ipycanvas here
                self._why = f"The canvas cannot be shown: {error.name} is not installed."
                view = FORM
                self._views.setdefault(FORM, self._make(FORM))
        self.view = view
        with self._binder.quiet():
            self.which.value = view
        why = f"{self._why} " if self._why and view == FORM else ""
        self.said.value = f'<p class="dal-which" role="status">{why}{SAID[view]}</p>'
        # A view that was made stays on the page, unseen: a canvas may only answer late, and ipywidgets 7 never shows
        # an `Output` again that was taken away. What is new comes last, so that the others stay what they are.
        for part in self._parts(view):
            if part not in self.left.children:
                self.left.children = (*self.left.children, part)
        for name in self._views:
            for part in self._parts(name):
                part.layout.display = None if name == view else "none"
        # The form is long: there the pages stand beside it, else they have the whole width.
        self.right.children = (self._making, self._looking) if view == FORM else (self._making,)
        self.widget.children = (*self._all, self._looking) if view == CANVAS else tuple(self._all)

    def close(self) -> None:
        """Stop following the model."""
        self._binder.close()
        for part in (self.generate, self.look, self._status, *self._views.values()):
            if part is not None:
                part.close()
        self.widget.children = (w.HTML(words(CLOSED)),)
        close_tree(*self._all, self._looking)

    def _parts(self, view: str) -> list[Any]:
        """What belongs to a view: a status line above the form; the canvas has its own."""
        if view == CANVAS:
            return [self._views[CANVAS].widget]
        if self._status is None:
            from .canvas.parts import StatusLine

            self._status = StatusLine(self.model)
            around = w.VBox([self._status.widget])
            around.add_class("dal-studio")
            self._status_box = around
        return [self._status_box, self._views[FORM].widget]

    def _make(self, view: str) -> Any:
        if view == FORM:
            return FormView(self.model)
        from .canvas.canvas import CanvasView

        return CanvasView(self.model)

    def _chosen(self, change: Any) -> None:
        if not self._binder.is_quiet:
            self._auto = False
            self.show(change["new"])

    def _canvas_state(self) -> None:
        if self.model.view_state == "dead" and self._auto and self.view == CANVAS:
            self._why, self._left_at = DEAD, self.model.editor.entities
            self.show(FORM)
        elif self.model.view_state == "alive" and self._auto and self._why == DEAD:
            # It was only slow. Whoever has begun to work with the form is left there.
            unused = self._left_at is self.model.editor.entities
            self._why = "" if unused else LATE
            self.show(CANVAS if unused else FORM)
