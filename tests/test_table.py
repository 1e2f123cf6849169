"""Tables of numbers: protocols kept apart, ranks only where they mean something, published beside measured."""

from __future__ import annotations

import csv
import io
import math

import pytest

from draganything_lab.errors import LabError
from draganything_lab.evaluate.metrics import PUBLISHED, Measured, Protocol, Row, Table

OURS = Protocol.of("ObjMC, ours", unit="%", frames=8)


def row(model: str, value: float, low: float = math.nan, high: float = math.nan, protocol: Protocol = OURS) -> Row:
    return Row(model, value, protocol, "%", low, high)


def test_protocols_are_equal_by_what_they_say() -> None:
    assert Protocol.of("a", x=1, y=2) == Protocol.of("a", y="2", x="1") and len({OURS, OURS.but()}) == 1
    assert OURS.but(frames=9).differences(OURS) == ["frames: 9 against 8"]
    assert Protocol.of("b", x=1).differences(Protocol.of("a")) == ["b against a", "x: 1 against not stated"]
    assert Protocol.from_dict(OURS.as_dict()) == OURS and OURS.but(frames=None).get("frames", "none") == "none"
    with pytest.raises(LabError, match="not a protocol"):
        Protocol.from_dict({"name": "a"})


def test_different_protocols_are_not_ranked_and_the_difference_is_named() -> None:
    paper = next(r for r in PUBLISHED if r.model == "DragAnything" and r.protocol.name == "ObjMC, released")
    with pytest.raises(LabError, match=r"DragAnything \(305.7\) and toy \(3\) cannot be ranked.*frames: 14 against 8"):
        Table([paper, row("toy", 3.0)]).ranked()
    with pytest.raises(LabError, match="unit: px against %"):
        Table([Row("a", 1.0, Protocol.of("x"), "px"), Row("b", 1.0, Protocol.of("x"), "%")]).ranked()
    with pytest.raises(LabError, match="b: not measured"):
        Table([row("a", 1.0), row("b", math.nan)]).ranked()
    with pytest.raises(LabError, match="nothing to rank"):
        Table([]).ranked()


def test_the_same_published_model_has_numbers_that_cannot_be_ranked() -> None:
    numbers = [r for r in PUBLISHED if r.model == "DragAnything" and "ObjMC" in r.protocol.name]
    assert sorted(r.value for r in numbers) == [11.6, 91.1, 236.0, 305.7]
    with pytest.raises(LabError, match="cannot be ranked"):
        Table(numbers).ranked()


def test_ranks_within_a_protocol_and_ties_where_intervals_overlap() -> None:
    alone = row("alone", 9, protocol=OURS.but(frames=9))
    table = Table([row("b", 2.0, 1.5, 2.6), row("a", 1.0, 0.8, 1.2), row("c", 2.5, 2.2, 3.0), alone])
    assert [r.model for r in table.ranked(table.rows[:3])] == ["a", "b", "c"]
    assert table.ranks() == {0: "2-3", 1: "1", 2: "2-3"}
    better_high = Table([Row("x", 0.3, OURS, higher_is_better=True), Row("y", 0.6, OURS, higher_is_better=True)])
    assert [r.model for r in better_high.ranked()] == ["y", "x"]


def test_the_papers_tables_are_in_the_papers_order() -> None:
    table = Table(PUBLISHED).only("ObjMC, released")
    assert [r.value for r in table.ranked()] == [305.7, 311.1, 318.4, 324.6, 339.3, 410.7]
    for measure, best in (("FID", 33.5), ("FVD", 494.8)):
        assert Table(PUBLISHED).only(measure).ranked()[0].value == best
    assert all(r.source for r in PUBLISHED) and not any("measured here" in r.source for r in PUBLISHED)


def test_every_form_says_protocol_count_interval_and_source() -> None:
    number = Measured(3.21, 2.5, 4.0, 12, "%", OURS, notes=("a <note>",))
    table = Table([Row.measured("toy", number)]) + PUBLISHED[:1]
    (head, first, second) = csv.reader(io.StringIO(table.csv()))
    assert dict(zip(head, first, strict=True)) | {"notes": ""} == {
        "protocol": str(OURS),
        "model": "toy",
        "value": "3.21",
        "95 % interval": "2.5 to 4",
        "unit": "%",
        "n": "12 scenes",
        "rank": "",
        "source": "measured here",
        "notes": "",
    }
    assert "ECCV 2024" in second[7]
    text = table.text()
    assert str(OURS) in text and "2.5 to 4" in text and "12 scenes" in text and "a <note>" in text and "ECCV" in text
    page = table.html()
    assert "&lt;note&gt;" in page and "<note>" not in page and page.count("<tbody>") == 2
