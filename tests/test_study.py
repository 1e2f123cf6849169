"""The blind study: nothing gives a model away, no crash loses a vote, and the statistics are those of the textbooks."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from draganything_lab.cli import main as cli
from draganything_lab.errors import LabError
from draganything_lab.evaluate import Processes, Settings, evaluate
from draganything_lab.evaluate.study import (
    Candidate,
    Key,
    Session,
    Study,
    StudyWidget,
    Vote,
    analyse,
    append_vote,
    candidates_of,
    key_path,
    krippendorff_alpha,
    make_study,
    merge_votes,
    read_study,
    read_votes,
    write_study,
)

MODELS = ("zebra-model", "yak-model", "xerus-model")


def clip(number: int, frames: int = 3, side: int = 16) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 255, (frames, side, side, 3), dtype=np.uint8)


def candidates(
    scenes: int = 3, models: tuple[str, ...] = MODELS[:2], seeds: tuple[int | None, ...] = (0,)
) -> list[Candidate]:
    return [
        Candidate(model, f"scene {s}", seed, clip(len(model) + 100 * s + 1000 * (seed or 0)), clip(s, 1)[0])
        for model in models
        for s in range(scenes)
        for seed in seeds
    ]


@pytest.fixture(scope="module")
def study() -> tuple[Study, Key]:
    return make_study(candidates())


def ballot(study: Study, rater: str, pair: str, choice: str, question: str = "motion", at: str = "") -> Vote:
    left, right = study.pairs[pair]
    return Vote(study.name, rater, pair, question, left, right, choice, at)


# Pairs


def test_pairs_are_of_one_scene_and_one_seed(quick: None) -> None:
    _, key = make_study(candidates(2, MODELS, (0, 1)))
    assert len(key.scenes) == 2 * 2 * 3  # scenes, seeds, pairs of three models
    assert set(key.scenes.values()) == {(f"scene {s}", seed) for s in range(2) for seed in (0, 1)}
    baselines = [*candidates(2, MODELS[:1], (0, 1)), *candidates(2, MODELS[1:2], (None,))]
    _, key = make_study(baselines)
    assert sorted(key.scenes.values()) == [(f"scene {s}", seed) for s in range(2) for seed in (0, 1)]


def test_fewer_pairs_are_drawn_evenly(quick: None) -> None:
    study, key = make_study(candidates(8, MODELS), pairs=6, seed=3)
    assert len(study.pairs) == 6
    counts: dict[frozenset[str], int] = {}
    for two in study.pairs.values():
        models = frozenset(key.models[token] for token in two)
        counts[models] = counts.get(models, 0) + 1
    assert sorted(counts.values()) == [2, 2, 2]
    assert make_study(candidates(8, MODELS), pairs=6, seed=3)[0].pairs == study.pairs  # seeded


def test_no_model_in_sight_nor_in_file_names(study: tuple[Study, Key], tmp_path: Path) -> None:
    folder, beside = write_study(*study, tmp_path / "study")
    assert beside.parent == tmp_path and beside == key_path(folder) and not (folder / beside.name).exists()
    for file in folder.rglob("*"):
        told = file.name.encode() + file.read_bytes()
        assert not any(model.encode() in told for model in MODELS), file
        assert re.fullmatch(r"index\.html|study\.json|[0-9a-f]{12}\.mp4|pair_\d+\.png", file.name)
    page = (folder / "index.html").read_text()
    assert "https://" not in page and "http://" not in page and page.count("data:video/mp4") == 6
    assert json.loads(beside.read_text())["models"].keys() == study[0].videos.keys()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies of many pairs without their films."""
    monkeypatch.setattr("draganything_lab.evaluate.study.pairs.encode_video", lambda frames, fps: b"film")


def test_the_order_of_tokens_gives_nothing_away(quick: None) -> None:
    study, key = make_study(candidates(60))
    first = [key.models[two[0]] for two in study.pairs.values()]
    assert stats.binomtest(first.count(MODELS[0]), 60).pvalue > 0.01
    assert list(study.videos) == sorted(study.videos)


def test_a_study_comes_back_from_its_folder(study: tuple[Study, Key], tmp_path: Path) -> None:
    folder, beside = write_study(*study, tmp_path / "study")
    assert read_study(folder) == study[0] and Key.load(beside) == study[1]
    write_study(*study, tmp_path / "study")  # again is fine
    other = make_study(candidates(2))
    with pytest.raises(LabError, match="key of another study"):
        write_study(*other, tmp_path / "study")
    (folder / "study.json").write_text('{"format": "x"}')
    with pytest.raises(LabError, match="not a study"):
        read_study(folder)
    (folder / "study.json").unlink()
    with pytest.raises(LabError, match="missing"):
        read_study(folder)
    beside.write_text("[]")
    with pytest.raises(LabError, match="not the key of a study"):
        Key.load(beside)


def test_unfair_or_impossible_studies_are_refused() -> None:
    one = Candidate("a", "s", 0, clip(0))
    with pytest.raises(LabError, match="a 3 frames of 16x16 and b 2 frames of 16x16"):
        make_study([one, Candidate("b", "s", 0, clip(1, frames=2))])
    with pytest.raises(LabError, match="same length and size"):
        make_study([one, Candidate("b", "s", 0, clip(1, side=32))])
    with pytest.raises(LabError, match="fewer than two models: a"):
        make_study([one])
    with pytest.raises(LabError, match="has videos of two of"):
        make_study([one, Candidate("b", "other scene", 0, clip(1))])
    with pytest.raises(LabError, match="has videos of two of"):
        make_study([one, Candidate("b", "s", 1, clip(1))])
    with pytest.raises(LabError, match="number of pairs is 0"):
        make_study(candidates(), pairs=0)
    with pytest.raises(LabError, match="key is invalid"):
        make_study(candidates(), questions={"what is it": "?"})


# Votes


def test_votes_survive_a_kill_and_a_cut_line(study: tuple[Study, Key], tmp_path: Path) -> None:
    file = tmp_path / "votes.jsonl"
    pairs = list(study[0].pairs)
    for pair in pairs[:2]:
        append_vote(file, ballot(study[0], "anna", pair, "left"))
    whole = file.read_bytes()
    for cut in range(1, len(whole.splitlines()[1])):  # killed in the middle of the second line, anywhere
        file.write_bytes(whole[: len(whole) - cut])
        append_vote(file, ballot(study[0], "anna", pairs[2], "tie"))
        votes = read_votes(file)
        kept = {vote.pair for vote in votes.votes}
        assert {pairs[0], pairs[2]} <= kept
        assert (pairs[1] in kept) == (cut == 1)  # only the line's end was missing
        assert len(votes.damaged) == (cut != 1)
    assert "1 lines could not be read (votes.jsonl, line 2)" in votes.notes()


def test_a_vote_is_on_the_disk_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr("os.fsync", lambda number: synced.append((tmp_path / "v.jsonl").stat().st_size))
    for _ in range(2):
        append_vote(tmp_path / "v.jsonl", Vote("s", "r", "pair 1", "motion", "a", "b", "left"))
    assert len(synced) == 2 and 0 < synced[0] < synced[1] == (tmp_path / "v.jsonl").stat().st_size


def test_a_killed_process_keeps_what_it_said_it_saved(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom draganything_lab.evaluate.study import Vote, append_vote\n"
        "for n in range(1000):\n"
        "    append_vote(sys.argv[1], Vote('s', 'r', f'pair {n}', 'motion', 'a', 'b', 'left'))\n"
        "    print(n, flush=True)\n"
        "    if n == 20: os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "v.jsonl")], capture_output=True, text=True)
    said = len(done.stdout.split())
    assert said == 21 and len(read_votes(tmp_path / "v.jsonl").votes) >= said


def test_many_students_files_are_merged(study: tuple[Study, Key], tmp_path: Path) -> None:
    pairs = list(study[0].pairs)
    for rater in ("anna", "ben"):
        for number, pair in enumerate(pairs):
            vote = ballot(study[0], rater, pair, "left", at=f"2025-01-01T10:00:0{number}Z")
            append_vote(tmp_path / "in" / f"{rater}.jsonl", vote)
    (tmp_path / "in" / "anna (1).jsonl").write_bytes((tmp_path / "in" / "anna.jsonl").read_bytes())  # handed in twice
    append_vote(tmp_path / "in" / "ben.jsonl", ballot(study[0], "ben", pairs[0], "tie", at="2025-01-01T11:00:00Z"))
    votes = merge_votes(tmp_path / "in", tmp_path / "merged.jsonl")
    assert (len(votes.votes), votes.files, votes.repeated, votes.changed) == (6, 3, 3, 1)
    assert votes.raters == ("anna", "ben")
    assert {v.choice for v in votes.votes if (v.rater, v.pair) == ("ben", pairs[0])} == {"tie"}  # the last one counts
    again = merge_votes(tmp_path / "merged.jsonl", tmp_path / "again.jsonl")
    assert again.votes == votes.votes and not again.notes()
    order = list((tmp_path / "in").glob("*.jsonl"))
    assert read_votes(order[::-1]).votes == votes.votes  # whatever the order of the files


def test_lines_that_are_no_votes_are_counted_and_left_out(tmp_path: Path) -> None:
    good = Vote("s", "r", "pair 1", "motion", "a", "b", "left").line()
    neither = good.replace('"choice": "left"', '"choice": "both"')
    bad = ["{", "[]", "null", '{"study": "s"}', neither, "\x00" * 50, "x" * 5000]
    (tmp_path / "v.jsonl").write_bytes("\ufeff".encode() + "\r\n".join([good, "", *bad]).encode() + b"\xff\xfe")
    votes = read_votes(tmp_path / "v.jsonl")
    assert [vote.line() for vote in votes.votes] == [good] and len(votes.damaged) == 7
    with pytest.raises(LabError, match="no votes at"):
        read_votes(tmp_path / "none.jsonl")
    with pytest.raises(LabError, match="no files of votes"):
        read_votes([])


# A rater's way


def test_a_session_is_random_for_each_rater_and_goes_on_where_it_was(study: tuple[Study, Key], tmp_path: Path) -> None:
    first = Session(study[0], "anna", tmp_path / "a.jsonl")
    assert first.total == 6 and first.done == 0
    seen = []
    for choice in ("left", "tie", "right"):
        seen.append(first.current)
        first.vote(choice)
    again = Session(study[0], "anna", tmp_path / "a.jsonl")  # the kernel died
    assert again.done == 3 and again.current == first.current and again.current not in seen
    while again.current:
        again.vote("left")
    assert again.done == again.total == len(read_votes(tmp_path / "a.jsonl").votes)
    with pytest.raises(LabError, match="all pairs are answered"):
        again.vote("left")
    with pytest.raises(LabError, match="nickname"):
        Session(study[0], "../x", tmp_path / "b.jsonl")


def test_order_and_side_are_random(quick: None, tmp_path: Path) -> None:
    study, _ = make_study(candidates(40))
    sessions = [Session(study, f"rater {n}", tmp_path / f"{n}.jsonl") for n in range(30)]
    firsts = {session.current.pair for session in sessions if session.current}
    assert len(firsts) > 10
    sides = []
    for session in sessions[:10]:
        asked = []
        while (showing := session.current) is not None:
            asked.append(showing)
            session.vote("tie")
        assert len(asked) == session.total
        sides += [one.left == study.pairs[one.pair][0] for one in asked[::2]]
        # Both questions of a pair come with the same sides.
        assert all(a.left == b.left for a, b in zip(asked[::2], asked[1::2], strict=True))
    assert stats.binomtest(sum(sides), len(sides)).pvalue > 0.001


def test_one_step_back_changes_the_vote(study: tuple[Study, Key], tmp_path: Path) -> None:
    session = Session(study[0], "anna", tmp_path / "a.jsonl")
    assert not session.back()
    first = session.current
    session.vote("left")
    assert session.back() and session.current == first
    session.vote("right")
    votes = read_votes(tmp_path / "a.jsonl")
    assert [vote.choice for vote in votes.votes] == ["right"] and votes.changed == 1 and session.done == 1


def parts(box: Any) -> Iterator[Any]:
    """A widget and all that stands in it."""
    yield box
    for child in getattr(box, "children", ()):
        yield from parts(child)


def shown(widget: StudyWidget) -> str:
    """All that a rater can read."""
    return json.dumps([part.value for part in parts(widget.box) if type(part).__name__ == "HTML"])


def buttons_of(widget: StudyWidget) -> dict[str, Any]:
    return {part.description: part for part in parts(widget.box) if type(part).__name__ == "Button"}


def keys_of(widget: StudyWidget) -> Any:
    return next(part for part in parts(widget.box) if type(part).__name__ == "Text")


def test_the_widget_votes_by_button_and_by_key(study: tuple[Study, Key], tmp_path: Path) -> None:
    pytest.importorskip("ipywidgets")
    folder, _ = write_study(*study, tmp_path / "study")
    widget = StudyWidget(folder, "anna", tmp_path / "a.jsonl")
    buttons, keys = buttons_of(widget), keys_of(widget)
    assert "data:video/mp4" in shown(widget) and not any(model in shown(widget) for model in MODELS)
    buttons["1  left"].click()
    for key in ("0", "2", "x"):
        keys.value = key
        assert keys.value == ""  # ready for the next key
    votes = sorted(read_votes(tmp_path / "a.jsonl").votes, key=lambda vote: vote.at)
    assert [vote.choice for vote in votes] == ["left", "tie", "right"]
    buttons["back"].click()
    keys.value = "1"
    assert read_votes(tmp_path / "a.jsonl").changed == 1
    while widget.session.current:
        widget.vote("tie")
    assert "Thank you" in shown(widget) and buttons["1  left"].disabled
    widget.vote("left")  # nothing happens
    assert widget.session.done == 6


def test_a_vote_that_cannot_be_saved_is_said_and_asked_again(study: tuple[Study, Key], tmp_path: Path) -> None:
    pytest.importorskip("ipywidgets")
    (tmp_path / "a.jsonl").mkdir()
    widget = StudyWidget(study[0], "anna", tmp_path / "a.jsonl")
    before = widget.session.current
    widget.vote("left")
    assert "could not be saved" in shown(widget) and widget.session.current == before


# What the votes say


def test_alpha_is_krippendorffs() -> None:
    # Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, part C: 4 observers, 12 units, nominal: 0.743.
    rows = ("1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 .")
    units = [[value for value in unit if value != "."] for unit in zip(*(row.split() for row in rows), strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=0.0005)
    # Part A: 2 observers, 10 units, two values, 14 zeros and 6 ones, 4 disagreements: 1 - 19 * 4 / (14 * 6) = 0.095.
    a, b = "0100000000", "1110010100"
    assert krippendorff_alpha(list(zip(a, b, strict=True))) == pytest.approx(0.095, abs=0.0005)
    assert krippendorff_alpha([["a", "a"], ["b", "b"]]) == 1
    assert math.isnan(krippendorff_alpha([["a", "a"], ["a"]])) and math.isnan(krippendorff_alpha([]))


def voted(study: Study, key: Key, rule: dict[str, list[str]]) -> list[Vote]:
    """Votes: pair -> for each rater the model that he chose, or "tie"; sides as they come."""
    out = []
    rng = random.Random(0)
    for pair, choices in rule.items():
        for rater, model in enumerate(choices):
            two = list(study.pairs[pair])
            rng.shuffle(two)
            side = "tie" if model == "tie" else ("left" if key.models[two[0]] == model else "right")
            out.append(Vote(study.name, f"rater {rater}", pair, "motion", two[0], two[1], side, seconds=2.0))
    return out


def test_win_rates_intervals_and_signs_by_hand(quick: None) -> None:
    study, key = make_study(candidates(5))
    z, y = "zebra-model", "yak-model"
    votes = [[z, z, z], [z, z, y], [y, "tie", "tie"], [z, "tie", "tie"], [y, z, "tie"]]
    rule = dict(zip(study.pairs, votes, strict=True))
    results = analyse(voted(study, key, rule), key)
    (c,) = results.comparisons
    assert (c.first, c.second) == (y, z)  # by name
    assert (c.wins, c.losses, c.ties, c.pairs, c.raters) == (3, 7, 5, 5, 3)
    assert c.share == 0.3 and c.share_with_ties == pytest.approx(5.5 / 15)
    assert (c.low, c.high) == pytest.approx(tuple(stats.binomtest(3, 10).proportion_ci(method="wilson")))
    assert (c.pairs_won, c.pairs_lost) == (1, 3)  # the last pair is even
    assert c.p_pairs == pytest.approx(stats.binomtest(1, 4).pvalue)
    assert c.p_votes == pytest.approx(stats.binomtest(3, 10).pvalue)
    assert c.low_pairs < c.share_with_ties < c.high_pairs
    units = list(rule.values())
    assert results.alpha["motion"][0] == pytest.approx(krippendorff_alpha(units))
    by_name = {rater.name: rater for rater in results.raters}
    assert by_name["rater 0"].votes == 5 and by_name["rater 0"].ties == 0 and by_name["rater 0"].seconds == 2
    assert by_name["rater 0"].agrees == pytest.approx(1 / 3)  # of three pairs on which the two others agree
    assert any("too few: 5 pairs" in note for note in results.notes)
    rows = list(csv.DictReader(io.StringIO(results.csv())))
    assert rows[0]["wins"] == "3" and float(rows[0]["p_sign_pairs"]) == pytest.approx(c.p_pairs, rel=1e-4)
    raw = list(csv.DictReader(io.StringIO(results.votes_csv())))
    assert len(raw) == 15 and [row["chosen"] for row in raw].count(z) == 7
    assert {row["scene"] for row in raw} == {f"scene {s}" for s in range(5)}
    assert "Krippendorff's alpha" in str(results) and "3 to 7, 5 ties" in str(results)


def test_the_table_stands_beside_the_papers_and_is_not_ranked_with_it(quick: None) -> None:
    from draganything_lab.evaluate.metrics.published import USER_STUDY

    study, key = make_study(candidates(2))
    results = analyse(voted(study, key, dict.fromkeys(study.pairs, ["zebra-model"] * 3)), key)
    table = results.table()
    assert [row.value for row in table.ranked()] == [100, 0] and table.rows[0].high <= 100
    with pytest.raises(LabError, match="cannot be ranked"):
        (table + USER_STUDY).ranked()


def test_votes_of_others_and_lonely_raters_are_said(study: tuple[Study, Key]) -> None:
    pairs = list(study[0].pairs)
    mine = [ballot(study[0], "anna", pair, "tie") for pair in pairs[:2]]
    foreign = Vote("other", "anna", pairs[0], "motion", "a", "b", "left")
    results = analyse([*mine, foreign], study[1])
    said = " ".join(results.notes)
    assert "1 votes belong to another study" in said and "1 rater;" in said and "1 of 3 pairs have no vote" in said
    (c,) = results.comparisons
    assert math.isnan(c.share) and c.ties == 2 and c.p_pairs == 1 and "undefined" in str(results)
    with pytest.raises(LabError, match="key of the same study"):
        analyse([foreign], study[1])


# From an evaluation to results


def test_from_an_evaluation_to_a_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "evaluation"
    evaluate(Settings("toyland:2", size=(32, 32), frames=3, features=()), out, processes=Processes(), bar=False)
    found = candidates_of(out)
    assert {c.model for c in found} == {"preview", "true video"} and all(c.asked is not None for c in found)
    with pytest.raises(LabError, match="has no videos of magic; choose from"):
        candidates_of(out, ["magic"])
    with pytest.raises(LabError, match="no videos of any model"):
        candidates_of(tmp_path / "nothing")
    assert cli.main(["study", "make", str(out), "--out", str(tmp_path / "s")]) == 0
    printed = capsys.readouterr().out
    assert "2 pairs, 2 questions each" in printed and "s key.json to yourself" in printed
    study = read_study(tmp_path / "s")
    for rater in ("anna", "ben", "carl"):
        session = Session(study, rater, tmp_path / "votes" / f"{rater}.jsonl")
        while session.current:
            session.vote("left")
    words = ["study", "results", str(tmp_path / "s key.json"), str(tmp_path / "votes"), "--out", str(tmp_path / "r")]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert "on 2 pairs by 3 raters" in printed and (tmp_path / "r" / "votes.csv").is_file()
    page = (tmp_path / "r" / "index.html").read_text()
    assert "12 votes by 3 raters" in page and "Wilson" in page and "63" in page and "data:image/png" in page
    assert cli.main(["study", "results", str(tmp_path / "s key.json"), str(tmp_path / "no")]) == 2
