"""What the votes say: how often each model wins, how certain that is, and whether the raters agree.

Agreement is Krippendorff's alpha for nominal data, because raters may skip pairs and their number may vary.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import LabError
from ..metrics import Protocol, Row, Table, bootstrap, sign_test, wilson
from .agreement import alpha_with_interval
from .pairs import Key
from .votes import Vote, Votes

FEW_RATERS, FEW_PAIRS = 3, 10


@dataclass(frozen=True)
class Comparison:
    """Two models compared on one question.

    Attributes:
        question: Key of the question.
        first, second: The models.
        wins, losses, ties: Votes for the first model, the second, and neither.
        pairs: Number of pairs voted on.
        pairs_won, pairs_lost: Pairs in which more votes went to the first, or to the second.
        raters: Number of raters who voted.
        low, high: Wilson's 95 % interval of `share`. It assumes independent votes.
        low_pairs, high_pairs: Bootstrap interval of `share_with_ties`, resampling pairs, because votes on one pair are
            not independent. NaN for fewer than two pairs.
    """

    question: str
    first: str
    second: str
    wins: int
    losses: int
    ties: int
    pairs: int
    pairs_won: int
    pairs_lost: int
    raters: int
    low: float
    high: float
    low_pairs: float
    high_pairs: float

    @property
    def votes(self) -> int:
        """Number of all votes."""
        return self.wins + self.losses + self.ties

    @property
    def share(self) -> float:
        """Share of the votes for the first model, without ties."""
        return self.wins / (self.wins + self.losses) if self.wins + self.losses else math.nan

    @property
    def share_with_ties(self) -> float:
        """Share of the votes for the first model, with ties counted half."""
        return (self.wins + self.ties / 2) / self.votes if self.votes else math.nan

    @property
    def p_votes(self) -> float:
        """Sign test over votes: the probability of a split at least as uneven by chance, if votes were independent."""
        return sign_test(self.wins, self.losses)

    @property
    def p_pairs(self) -> float:
        """Sign test over pairs, each counting once by the majority of its votes: the more trustworthy one."""
        return sign_test(self.pairs_won, self.pairs_lost)


@dataclass(frozen=True)
class Rater:
    """How one rater voted, to recognise careless raters.

    Attributes:
        name: Name as in the votes.
        votes: Number of votes.
        left: Share of "left" among the votes that are not ties; NaN if there are none.
        ties: Share of ties.
        seconds: Median seconds per vote; NaN if unknown.
        agrees: Share of votes equal to the majority of the others, where there is one; NaN if there is none.
    """

    name: str
    votes: int
    left: float
    ties: float
    seconds: float
    agrees: float


@dataclass(frozen=True)
class StudyResults:
    """All results of a study.

    Attributes:
        comparisons: One per question and pair of models.
        alpha: Question -> Krippendorff's alpha (nominal) with its 95 % interval over pairs; NaN where undefined.
        raters: One summary per rater.
        notes: Remarks that belong to the results.
        rows: The votes with models instead of tokens, for a spreadsheet.
    """

    study: str
    comparisons: tuple[Comparison, ...]
    alpha: dict[str, tuple[float, float, float]]
    raters: tuple[Rater, ...]
    notes: tuple[str, ...]
    rows: tuple[dict[str, str], ...] = field(repr=False)

    def table(self) -> Table:
        """Return the shares of the first model as rows, with a protocol that separates them from other studies."""
        rows = []
        for c in self.comparisons:
            protocol = Protocol.of(
                "user study",
                study=self.study,
                pictures=c.pairs,
                raters=c.raters,
                ties="allowed, left out",
                question=c.question,
                against=f"{c.first} or {c.second}",
            )
            for model, share, low, high in (
                (c.first, c.share, c.low, c.high),
                (c.second, 1 - c.share, 1 - c.high, 1 - c.low),
            ):
                rows.append(
                    Row(
                        model,
                        100 * share,
                        protocol,
                        "%",
                        100 * low,
                        100 * high,
                        f"{c.votes} votes",
                        higher_is_better=True,
                    )
                )
        return Table(rows)

    def csv(self) -> str:
        """Return the comparisons, for a spreadsheet."""
        heads = (
            "question",
            "first",
            "second",
            "wins",
            "losses",
            "ties",
            "votes",
            "pairs",
            "raters",
            "share",
            "wilson_low",
            "wilson_high",
            "share_with_ties",
            "pairs_low",
            "pairs_high",
            "p_sign_pairs",
            "p_sign_votes",
            "krippendorff_alpha",
        )
        lines = []
        for c in self.comparisons:
            numbers = (
                c.share,
                c.low,
                c.high,
                c.share_with_ties,
                c.low_pairs,
                c.high_pairs,
                c.p_pairs,
                c.p_votes,
                self.alpha[c.question][0],
            )
            told = ["" if math.isnan(number) else f"{number:.6g}" for number in numbers]
            lines.append([c.question, c.first, c.second, c.wins, c.losses, c.ties, c.votes, c.pairs, c.raters, *told])
        return _csv(heads, lines)

    def votes_csv(self) -> str:
        """Return every counted vote with its models, for a spreadsheet."""
        heads = ("rater", "pair", "scene", "seed", "question", "left", "right", "choice", "chosen", "at", "seconds")
        return _csv(heads, [[row[head] for head in heads] for row in self.rows])

    def text(self) -> str:
        """Format for a terminal."""
        lines = []
        for question, (alpha, low, high) in self.alpha.items():
            lines.append(question)
            for c in (c for c in self.comparisons if c.question == question):
                lines.append(
                    f"  {c.first} against {c.second}: {c.wins} to {c.losses}, {c.ties} ties, on {c.pairs} pairs by "
                    f"{c.raters} raters"
                )
                if not math.isnan(c.share):
                    lines.append(
                        f"    {100 * c.share:.0f} % of the decisive votes (Wilson {100 * c.low:.0f} to "
                        f"{100 * c.high:.0f} %); sign test over pairs p = {c.p_pairs:.3g}"
                    )
            words = "undefined" if math.isnan(alpha) else f"{alpha:.2f}"
            ends = "" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]"
            lines.append(f"  agreement between raters, Krippendorff's alpha: {words}{ends}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def __str__(self) -> str:
        return self.text()


def analyse(votes: Votes | Sequence[Vote], key: Key, *, seed: int = 0) -> StudyResults:
    """Evaluate the votes of a study.

    Args:
        votes: Votes from `read_votes`.
        key: Key of the study.
        seed: Seed of the bootstrap.

    Raises:
        LabError: No vote belongs to this study.
    """
    read = votes if isinstance(votes, Votes) else Votes(tuple(votes))
    mine, foreign = [], 0
    for vote in read.votes:
        known = vote.study == key.study and vote.pair in key.scenes and {vote.left, vote.right} <= key.models.keys()
        mine += [vote] if known else []
        foreign += not known
    if not mine:
        raise LabError(
            f"none of the {len(read.votes)} votes belongs to study {key.study}", fix="use the key of the same study"
        )
    notes = list(read.notes())
    if foreign:
        notes.append(f"{foreign} votes belong to another study and were left out")
    raters = {vote.rater for vote in mine}
    pairs = {vote.pair for vote in mine}
    if len(raters) < FEW_RATERS:
        notes.append(f"too few: {len(raters)} rater{'s' * (len(raters) > 1)}; one person's taste is not a result")
    if len(pairs) < FEW_PAIRS:
        notes.append(f"too few: {len(pairs)} pairs; the intervals are rough guesses")
    lacking = len(key.scenes) - len(pairs)
    if lacking:
        notes.append(f"{lacking} of {len(key.scenes)} pairs have no vote yet")
    comparisons = []
    alpha = {}
    for question in dict.fromkeys(vote.question for vote in mine):
        asked = [vote for vote in mine if vote.question == question]
        two_models = {vote.pair: tuple(sorted((key.models[vote.left], key.models[vote.right]))) for vote in asked}
        for first, second in sorted(set(two_models.values())):
            chosen = [vote for vote in asked if two_models[vote.pair] == (first, second)]
            comparisons.append(_compared(question, first, second, chosen, key, seed))
        units = [[key.models[v.chosen] if v.chosen else "tie" for v in asked if v.pair == pair] for pair in two_models]
        alpha[question] = alpha_with_interval(units, seed=seed)
    rows = tuple(_row(vote, key) for vote in mine)
    return StudyResults(
        key.study, tuple(comparisons), alpha, tuple(_rater(r, mine) for r in sorted(raters)), tuple(notes), rows
    )


def _compared(question: str, first: str, second: str, votes: Sequence[Vote], key: Key, seed: int) -> Comparison:
    points: dict[str, list[float]] = {}
    for vote in votes:
        points.setdefault(vote.pair, []).append(0.5 if vote.chosen is None else float(key.models[vote.chosen] == first))
    flat = [point for rows in points.values() for point in rows]
    wins, losses = flat.count(1.0), flat.count(0.0)
    owners = [pair for pair, rows in points.items() for _ in rows]
    means = [float(np.mean(rows)) for rows in points.values()]
    low, high = wilson(wins, wins + losses)
    low_pairs, high_pairs = bootstrap(flat, groups=owners, seed=seed)
    return Comparison(
        question,
        first,
        second,
        wins,
        losses,
        flat.count(0.5),
        len(points),
        sum(m > 0.5 for m in means),
        sum(m < 0.5 for m in means),
        len({vote.rater for vote in votes}),
        low,
        high,
        low_pairs,
        high_pairs,
    )


def _rater(name: str, votes: Sequence[Vote]) -> Rater:
    mine = [vote for vote in votes if vote.rater == name]
    others: dict[tuple[str, str], Counter[str | None]] = {}
    for vote in votes:
        if vote.rater != name:
            others.setdefault((vote.pair, vote.question), Counter())[vote.chosen] += 1
    agreed = []
    for vote in mine:
        ranked = others.get((vote.pair, vote.question), Counter()).most_common(2)
        if ranked and (len(ranked) == 1 or ranked[0][1] > ranked[1][1]):
            agreed.append(vote.chosen == ranked[0][0])
    decided = [vote.choice == "left" for vote in mine if vote.choice != "tie"]
    seconds = [vote.seconds for vote in mine if vote.seconds >= 0]
    return Rater(
        name,
        len(mine),
        _mean(decided),
        _mean([vote.choice == "tie" for vote in mine]),
        float(np.median(seconds)) if seconds else math.nan,
        _mean(agreed),
    )


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else math.nan


def _row(vote: Vote, key: Key) -> dict[str, str]:
    scene, seed = key.scenes[vote.pair]
    chosen = vote.chosen
    return {
        "rater": vote.rater,
        "pair": vote.pair,
        "scene": scene,
        "seed": "" if seed is None else str(seed),
        "question": vote.question,
        "left": key.models[vote.left],
        "right": key.models[vote.right],
        "choice": vote.choice,
        "chosen": key.models[chosen] if chosen else "tie",
        "at": vote.at,
        "seconds": "" if vote.seconds < 0 else f"{vote.seconds:.3f}",
    }


def _csv(heads: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(lines)
    return buffer.getvalue()
