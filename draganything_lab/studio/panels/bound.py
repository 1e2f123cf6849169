"""Controls tied to the model: what is set in one shows in the other, and what the model refuses springs back."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from ..model.settings import WHOLE
from .generations import tip
from .redraw import Pacer

if TYPE_CHECKING:
    from ..model.model import StudioModel

LABEL = "8.5em"


class Binder:
    """Ties controls to a model, and lets go of all of them at once.

    Args:
        model: The model.
    """

    def __init__(self, model: StudioModel) -> None:
        self.model = model
        self._stops: list[Callable[[], None]] = []
        self._quiet = 0

    @property
    def is_quiet(self) -> bool:
        """Whether a control is just being set from the model."""
        return self._quiet > 0

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Controls changed inside tell the model nothing."""
        self._quiet += 1
        try:
            yield
        finally:
            self._quiet -= 1

    def watch(self, callback: Callable[[], Any], *events: str, now: bool = True, paced: bool = False) -> None:
        """Call back after some events, and once now; controls set inside tell the model nothing.

        With `paced`, events that come faster than eyes can see are answered together, in the kernel's own thread.
        """

        def run() -> None:
            with self.quiet():
                callback()

        answer = run
        if paced:
            pacer = Pacer(run)
            answer = pacer.ask
            self._stops.append(pacer.close)
        self._stops.append(self.model.watch(lambda _: answer(), *events))
        if now:
            run()

    def setting(self, control: Any, name: str) -> Any:
        """Tie a control's value to a setting of the model; return the control."""
        return self.value(
            control,
            lambda: self.model.settings[name],
            lambda value: self.model.settings.change(**{name: value}),
            "settings",
        )

    def whole(self, control: Any, name: str) -> Any:
        """Tie a control to a setting that is a whole number; what is out of range is brought into it and reported."""
        low, high = WHOLE[name]

        def write(value: int) -> None:
            self.model.settings.change(**{name: min(max(value, low), high)})
            self.say_limits(control, value, low, high)

        return self.value(control, lambda: self.model.settings[name], write, "settings")

    def say_limits(self, control: Any, value: int, low: int, high: int) -> None:
        """Report that a number was out of range, if it was, and what it is now."""
        if not low <= value <= high:
            near = min(max(value, low), high)
            self.model.say(f"{control.description}: {low:,} to {high:,}; set to {near:,}.", kind="warning")

    def value(self, control: Any, read: Callable[[], Any], write: Callable[[Any], Any], *events: str) -> Any:
        """Tie a control's value to what `read` returns after some events; return the control."""

        def take() -> None:
            value = read()
            if control.value != value:
                control.value = value

        def give(change: Any) -> None:
            if not self._quiet:
                write(change["new"])
                with self.quiet():
                    take()  # what the model made of it, or what it was before

        control.observe(give, names="value")
        self.watch(take, *events)
        return control

    def on_click(self, button: Any, act: Callable[[], Any]) -> Any:
        """Do something at a click; return the button."""
        button.on_click(lambda _: act())
        return button

    def close(self) -> None:
        """Let go of everything."""
        for stop in self._stops:
            stop()
        self._stops = []


def close_tree(*roots: Any) -> None:
    """Close widgets with everything that they hold: children, canvases, layouts, styles.

    A page that is loaded again asks the kernel for all open widgets at once, and one of them that holds a closed one
    makes the kernel fail to answer at all.
    """
    left, found = list(roots), {}
    while left:
        one = left.pop()
        if isinstance(one, (list, tuple)):
            left += one
        elif isinstance(one, dict):
            left += one.values()
        elif isinstance(one, w.Widget) and id(one) not in found:
            found[id(one)] = one
            left += [getattr(one, name) for name in one.keys]
            left.append(getattr(one, "shows", None))  # see `generations.apart`
    for one in found.values():
        one.close()


def labelled(kind: type, words: str, help_line: str = "", **options: Any) -> Any:
    """A control with its label in front, as wide as its column, and a help line for pointer and screen reader."""
    layout = w.Layout(width="auto", **options.pop("layout", {}))
    style = {"description_width": options.pop("label", LABEL)}
    return tip(kind(description=words, layout=layout, style=style, **options), help_line or words)


def button(words: str, help_line: str = "", **options: Any) -> Any:
    """A button as wide as its words, however narrow the row."""
    layout = w.Layout(width="auto", flex="0 0 auto")
    return w.Button(description=words, tooltip=help_line or words, layout=layout, **options)


def words(text: str, *classes: str, live: bool = False) -> str:
    """A paragraph of plain text as HTML; a live one is read out when it changes."""
    role = ' role="status" aria-live="polite"' if live else ""
    return f'<p class="{" ".join(["dal-words", *classes])}"{role}>{html.escape(text)}</p>'


def row(*children: Any, **layout: Any) -> Any:
    """Controls side by side, which wrap when there is no room."""
    return w.Box(
        list(children),
        layout=w.Layout(**{"display": "flex", "flex_flow": "row wrap", "align_items": "center", **layout}),
    )


def column(*children: Any, **layout: Any) -> Any:
    """Controls below each other."""
    return w.VBox(list(children), layout=w.Layout(**layout))
