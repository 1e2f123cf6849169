"""Which scenes a model's numbers come from: numbers of different sets of scenes must not be ranked together."""

from __future__ import annotations

from collections.abc import Sequence

from .plan import REFERENCE, Plan
from .record import Record, name_of
from .store import fingerprint

NAMED = 3  # scenes named in a text; the others are counted


class ClipSets:
    """The scenes that each model's videos show.

    Args:
        plan: The plan of the evaluation.
        records: All videos that were made and measured.
    """

    def __init__(self, plan: Plan, records: Sequence[Record]) -> None:
        self.plan = plan
        self._of: dict[tuple[str, str], set[str]] = {}
        for record in records:
            self._of.setdefault(record.job.maker, set()).add(record.job.source.name)
        # Not every scene has a true video, so its set is compared with the scenes that do.
        self.everywhere = set().union(*self._of.values())
        self.true = {source.name for source in plan.sources if source.reference} & self.everywhere

    def lacking(self, maker: tuple[str, str]) -> list[str]:
        """Scenes that others have and this model lacks, sorted."""
        expected = self.true if maker[0] == REFERENCE else self.everywhere
        return sorted(expected - self._of.get(maker, set()))

    def data(self, maker: tuple[str, str]) -> str:
        """The set in words, for the protocol of the model's numbers: equal for equal sets only."""
        mine = self._of.get(maker, set())
        lacking = self.lacking(maker)
        if not lacking:
            return f"{self.plan.settings.where}, {len(mine)} scenes"
        of = len(mine) + len(lacking)
        return f"{self.plan.settings.where}, {len(mine)} of {of} scenes, set {fingerprint(sorted(mine))[:6]}"

    def notes(self) -> list[str]:
        """What a reader must know about the sets before comparing."""
        notes = []
        gone = [source.name for source in self.plan.sources if source.name not in self.everywhere]
        if gone:
            total = len(self.plan.sources)
            notes.append(
                f"{len(gone)} of {total} scenes were left out ({_some(gone)}); Skipped says why. All numbers are of "
                f"the other {total - len(gone)}."
            )
        jumping = [source.name for source in self.plan.sources if source.uneven and source.name in self.everywhere]
        if jumping:
            notes.append(
                f"The picture numbers of {len(jumping)} clips jump, as if pictures were missing ({_some(jumping)}): "
                "their true videos may jump, too."
            )
        for maker in self._of:
            lacking = self.lacking(maker)
            if lacking:
                notes.append(
                    f"{name_of(*maker)} lacks {len(lacking)} scene{'s' * (len(lacking) > 1)} that others have "
                    f"({_some(lacking)}), so its numbers are not ranked with theirs."
                )
        return notes


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
