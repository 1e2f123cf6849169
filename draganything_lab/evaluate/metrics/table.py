"""Tables that put measured numbers beside published ones, each with its protocol, and rank only comparable ones."""

from __future__ import annotations

import csv
import html
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...errors import LabError
from .intervals import Measured
from .protocol import Protocol

HEADS = ("protocol", "model", "value", "95 % interval", "unit", "n", "rank", "source", "notes")


@dataclass(frozen=True)
class Row:
    """One number of one model.

    Attributes:
        model: Name of the measured model.
        value: The number; NaN if nothing could be measured.
        protocol: How it was measured. Numbers of different protocols are never compared.
        unit: Unit of the number; "" for none.
        low, high: Ends of its interval; NaN if none was stated.
        count: Number of samples, such as "12 scenes"; "" if not stated.
        source: The paper, or "measured here".
        higher_is_better: Whether higher is better; for FID, FVD and ObjMC lower is.
        notes: Remarks that belong to it.
    """

    model: str
    value: float
    protocol: Protocol
    unit: str = ""
    low: float = math.nan
    high: float = math.nan
    count: str = ""
    source: str = "measured here"
    higher_is_better: bool = False
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def measured(cls, model: str, number: Measured, *, higher_is_better: bool = False) -> Row:
        """Make a row from a measured number."""
        count = f"{number.count} {number.what}"
        return cls(
            model,
            number.value,
            number.protocol,
            number.unit,
            number.low,
            number.high,
            count,
            higher_is_better=higher_is_better,
            notes=number.notes,
        )

    @property
    def interval(self) -> str:
        """ "2.10 to 4.40", or empty."""
        return "" if math.isnan(self.low) else f"{self.low:.4g} to {self.high:.4g}"


@dataclass(frozen=True)
class Table:
    """Rows, grouped by protocol in the order in which the protocols first appear.

    >>> from draganything_lab.evaluate.metrics import PUBLISHED, Table
    >>> Table(PUBLISHED[:2]).ranked()[0].model
    'DragAnything'
    """

    rows: tuple[Row, ...]

    def __init__(self, rows: Iterable[Row]) -> None:
        object.__setattr__(self, "rows", tuple(rows))

    def __add__(self, more: Table | Iterable[Row]) -> Table:
        return Table((*self.rows, *(more.rows if isinstance(more, Table) else more)))

    def groups(self) -> dict[Protocol, list[Row]]:
        """Return the rows of each protocol."""
        found: dict[Protocol, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.protocol, []).append(row)
        return found

    def only(self, measure: str) -> Table:
        """Return the rows whose protocol's name begins with a word, such as "ObjMC"."""
        return Table(row for row in self.rows if row.protocol.name.startswith(measure))

    def ranked(self, rows: Sequence[Row] | None = None) -> list[Row]:
        """Return rows from best to worst.

        Args:
            rows: Rows of this table; None for all.

        Raises:
            LabError: The rows have different protocols or units, so that an order would be meaningless (the message
                says how they differ), or one was not measured.
        """
        chosen = list(self.rows if rows is None else rows)
        if not chosen:
            raise LabError("there is nothing to rank")
        first = chosen[0]
        for row in chosen[1:]:
            apart = first.protocol.differences(row.protocol)
            if row.unit != first.unit and not apart:
                apart.append(f"unit: {first.unit or 'none'} against {row.unit or 'none'}")
            if row.higher_is_better != first.higher_is_better:
                apart.append("higher is better for one and not for the other")
            if apart:
                raise LabError(
                    f"{first.model} ({first.value:g}) and {row.model} ({row.value:g}) cannot be ranked because their "
                    f"protocols differ: {'; '.join(apart)}",
                    fix="measure both by one protocol",
                )
        missing = [row.model for row in chosen if math.isnan(row.value)]
        if missing:
            raise LabError(f"{', '.join(missing)}: not measured, so there is no rank")
        return sorted(chosen, key=lambda row: -row.value if row.higher_is_better else row.value)

    def ranks(self) -> dict[int, str]:
        """Rank of each row within its protocol, by its index in `rows`: "1", or "1-2" if intervals overlap.

        Rows whose intervals overlap share a rank, because the data do not distinguish them.
        A protocol with one row has no ranks.
        """
        out: dict[int, str] = {}
        for group in self.groups().values():
            there = [row for row in group if not math.isnan(row.value)]
            if len(there) < 2 or len({row.unit for row in there}) > 1:
                continue
            order = self.ranked(there)
            for row in there:
                alike = [place for place, other in enumerate(order, 1) if other is row or _overlap(row, other)]
                number = next(place for place, candidate in enumerate(self.rows) if candidate is row)
                out[number] = str(alike[0]) if len(alike) == 1 else f"{min(alike)}-{max(alike)}"
        return out

    def cells(self) -> list[list[str]]:
        """Return the table as texts under `HEADS`, group after group."""
        ranks = self.ranks()
        lines = []
        for protocol, group in self.groups().items():
            for row in group:
                place = next(number for number, candidate in enumerate(self.rows) if candidate is row)
                value = "not measured" if math.isnan(row.value) else f"{row.value:.4g}"
                lines.append(
                    [
                        str(protocol),
                        row.model,
                        value,
                        row.interval,
                        row.unit,
                        row.count,
                        ranks.get(place, ""),
                        row.source,
                        "; ".join(row.notes),
                    ]
                )
        return lines

    def text(self) -> str:
        """Format for a terminal: a heading per protocol, its rows below."""
        lines = []
        shown = [HEADS[1:7], *(line[1:7] for line in self.cells())]
        widths = [max(len(line[column]) for line in shown) for column in range(6)]
        protocol = ""
        for line in self.cells():
            if line[0] != protocol:
                protocol = line[0]
                lines += ["", protocol, "  " + "  ".join(h.ljust(w) for h, w in zip(HEADS[1:7], widths, strict=True))]
            lines.append("  " + "  ".join(cell.ljust(w) for cell, w in zip(line[1:7], widths, strict=True)).rstrip())
            lines += [f"    {note}" for note in (line[8],) if note]
            lines += [f"    from {line[7]}"] if line[7] != "measured here" else []
        return "\n".join([*lines[1:], "", "Ranks are given within one protocol only."])

    def csv(self) -> str:
        """Format for a spreadsheet."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(HEADS)
        writer.writerows(self.cells())
        return buffer.getvalue()

    def html(self) -> str:
        """Format as a <table> with one body per protocol, without style."""
        parts = []
        cells = self.cells()
        for protocol in self.groups():
            rows = [line for line in cells if line[0] == str(protocol)]
            head = "".join(f"<th>{html.escape(name)}</th>" for name in HEADS[1:])
            body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in line[1:]) + "</tr>" for line in rows)
            title = f'<tr><th colspan="{len(HEADS) - 1}" scope="rowgroup">{html.escape(str(protocol))}</th></tr>'
            parts.append(f"<tbody>{title}<tr>{head}</tr>{body}</tbody>")
        return f'<table class="protocols">{"".join(parts)}</table>'

    def _repr_html_(self) -> str:
        return self.html()

    def __str__(self) -> str:
        return self.text()


def _overlap(row: Row, other: Row) -> bool:
    if math.isnan(row.low) or math.isnan(other.low):
        return row.value == other.value
    return row.low <= other.high and other.low <= row.high
