"""The study as a notebook widget: a view of a `Session`, with buttons and keys 1, 2 and 0."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import LabError
from ...media.text import data_address
from ...media.video import encode_video, read_video
from .files import read_study
from .pairs import FPS, Study
from .session import Session, Showing

GAP = 12  # pixels between the two videos
KEYS = {"1": "left", "2": "right", "0": "tie"}


class StudyWidget:
    """Shows one pair after another and saves every vote at once.

    Both videos are joined into one, side by side, so that they stay in step, and nothing in the notebook reveals their
    models. The keys work in the small text field: click into it once.

    Args:
        study: A study, or its folder.
        rater: A nickname.
        votes: File for the votes; see `Session`.

    Attributes:
        session: The rater's session so far.
        box: The ipywidgets box; the object also displays itself in a notebook.

    >>> StudyWidget("study", "anna")  # doctest: +SKIP
    """

    def __init__(self, study: Study | str | Path, rater: str, votes: str | Path | None = None) -> None:
        try:
            import ipywidgets as w
        except ImportError as error:
            raise LabError("ipywidgets is not installed", fix="pip install -e '.[notebook]'") from error
        self._study = study if isinstance(study, Study) else read_study(study)
        self.session = Session(self._study, rater, votes)
        self._question = w.HTML()
        self._film = w.HTML()
        self._status = w.HTML()
        wide = w.Layout(width="12em")
        self._buttons = {
            "left": w.Button(description="1  left", layout=wide),
            "tie": w.Button(description="0  no difference", layout=wide),
            "right": w.Button(description="2  right", layout=wide),
        }
        for choice, button in self._buttons.items():
            button.on_click(lambda _, choice=choice: self.vote(choice))
        self._back = w.Button(description="back", layout=w.Layout(width="6em"))
        self._back.on_click(lambda _: self.back())
        self._keys = w.Text(placeholder="keys: 1 0 2", continuous_update=True, layout=w.Layout(width="9em"))
        self._keys.observe(self._typed, names="value")
        row = w.HBox([*self._buttons.values(), self._back, self._keys])
        self.box = w.VBox([self._question, self._film, row, self._status])
        self._show()

    def vote(self, choice: str) -> None:
        """Answer "left", "right" or "tie"; after an error, it is shown and the question stays."""
        if self.session.current is None:
            return
        try:
            self.session.vote(choice)
        except LabError as error:
            self._status.value = f"<b>{html.escape(str(error))}</b>"
            return
        self._show()

    def back(self) -> None:
        """Ask the last question again."""
        if self.session.back():
            self._show()

    def _typed(self, change: Any) -> None:
        text = change["new"]
        if not text:
            return
        self._keys.value = ""
        for key in text[-1:]:
            if key in KEYS:
                self.vote(KEYS[key])

    def _show(self) -> None:
        showing, session = self.session.current, self.session
        for button in self._buttons.values():
            button.disabled = showing is None
        self._status.value = f"{session.done} of {session.total} answered; saved in {html.escape(str(session.file))}"
        if showing is None:
            self._question.value = "<b>That was all. Thank you!</b>"
            self._film.value = ""
            return
        words = self._study.questions[showing.question]
        self._question.value = f'<div style="font-size:1.15em;font-weight:600">{html.escape(words)}</div>'
        self._film.value = self._shown(showing)

    def _shown(self, showing: Showing) -> str:
        asked = self._study.asked.get(showing.pair)
        picture = ""
        if asked is not None:
            address = data_address(asked, "image/png")
            picture = (
                f'<figure style="margin:0 16px 0 0"><img style="max-height:220px" src="{address}">'
                "<figcaption>wanted</figcaption></figure>"
            )
        address = data_address(self._joined(showing), "video/mp4")
        return (
            f'<div style="display:flex;flex-wrap:wrap;align-items:flex-end">{picture}<figure style="margin:0">'
            f'<video autoplay loop muted playsinline style="max-width:100%" src="{address}"></video>'
            '<figcaption style="display:flex"><span style="flex:1;text-align:center">1</span>'
            '<span style="flex:1;text-align:center">2</span></figcaption></figure></div>'
        )

    def _joined(self, showing: Showing) -> bytes:
        """Join both videos into one."""
        left, right = (_frames(self._study.videos[token]) for token in (showing.left, showing.right))
        gap = np.full((len(left), left.shape[1], GAP, 3), 255, np.uint8)
        return encode_video(np.concatenate([left, gap, right], axis=2), FPS)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.box)


def _frames(data: bytes) -> np.ndarray:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "film.mp4"
        file.write_bytes(data)
        return read_video(file)
