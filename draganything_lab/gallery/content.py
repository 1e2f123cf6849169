"""What the sections of the page are written from, and what several of them say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .contest import Contest
from .media import Media
from .method import Step
from .parts import Blocks
from .sections import Sections
from .work import Job, Row, Workshop


@dataclass(frozen=True)
class Content:
    """What was made for a page.

    Attributes:
        shop: Where the rows are.
        sections: Which rows stand where.
        contest: The comparison with pixel dragging, if there is one.
        wins: Rows of the clips on which pixel dragging wins.
        steps: The figure of the method.
        familiar: What the weights' VAE says of a photograph, by representation.
        media: Where the files go.
        blocks: Writes rows as HTML.
    """

    shop: Workshop
    sections: Sections
    contest: Contest | None
    wins: Sequence[Sequence[Row]]
    steps: Sequence[Step]
    familiar: dict[str, str]
    media: Media
    blocks: Blocks

    def rows(self, jobs: Sequence[Job]) -> list[Row]:
        """The rows of some jobs."""
        return [self.blocks.row_of(job) for job in jobs]


def in_sum(rows: Sequence[Row]) -> str:
    """How many of some rows obeyed, as HTML; empty where nothing was measured."""
    said = [row.report.obeyed for row in rows if row.report is not None]
    errors = np.array([row.report.mean_error_percent for row in rows if row.report is not None])
    if not np.isfinite(errors).any():
        return ""
    return (
        f"<p><b>In {sum(value is True for value in said)} of {len(rows)} every object did as asked.</b> The median "
        f"error is {np.nanmedian(errors):.2f} % of the picture's diagonal.</p>"
    )
