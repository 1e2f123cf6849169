"""One rater's session of a study, without a widget: the next question, the answers, and one step back."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass
from pathlib import Path

from ...errors import LabError
from .pairs import Study
from .votes import Vote, append_vote, now, read_votes


@dataclass(frozen=True)
class Showing:
    """What the rater sees: two videos and one question about them."""

    pair: str
    question: str
    left: str
    right: str


class Session:
    """One rater and one study.

    The order of the pairs and their sides are random for each rater, and the same whenever the rater returns. Votes are
    written to a file at once; questions answered there are not asked again.

    Args:
        study: Study from `read_study`.
        rater: A nickname: 1 to 40 letters, digits, '-', '_' or blanks.
        votes: File for the votes; None for "votes-<rater>.jsonl" in the working folder.

    Raises:
        LabError: The nickname is not allowed.
    """

    def __init__(self, study: Study, rater: str, votes: str | Path | None = None) -> None:
        rater = rater.strip()
        if not re.fullmatch(r"[\w -]{1,40}", rater):
            raise LabError(
                f"the nickname {rater!r:.60} is not allowed", fix="use 1 to 40 letters, digits, blanks, - or _"
            )
        self.study, self.rater = study, rater
        self.file = Path(votes) if votes is not None else Path(f"votes-{rater.replace(' ', '_')}.jsonl")
        rng = random.Random(f"{study.name} {rater}")
        pairs = list(study.pairs)
        rng.shuffle(pairs)
        self._all = []
        for pair in pairs:
            left, right = study.pairs[pair] if rng.random() < 0.5 else study.pairs[pair][::-1]
            self._all += [Showing(pair, question, left, right) for question in study.questions]
        answered: set[tuple[str, str]] = set()
        if self.file.is_file():
            mine = (vote for vote in read_votes(self.file).votes if (vote.study, vote.rater) == (study.name, rater))
            answered = {(vote.pair, vote.question) for vote in mine}
        self._answered = answered
        self._history: list[Showing] = []
        self._back: Showing | None = None
        self._since = time.monotonic()

    @property
    def total(self) -> int:
        """Number of questions in all."""
        return len(self._all)

    @property
    def done(self) -> int:
        """Number of answered questions."""
        return len(self._answered)

    @property
    def current(self) -> Showing | None:
        """The current question; None if all are answered."""
        if self._back is not None:
            return self._back
        return next((one for one in self._all if (one.pair, one.question) not in self._answered), None)

    def vote(self, choice: str) -> Vote:
        """Answer the current question with "left", "right" or "tie"; it is saved before the method returns.

        Raises:
            LabError: All questions are answered, the choice is not one of these, or the file cannot be written.
        """
        showing = self.current
        if showing is None:
            raise LabError("all pairs are answered; thank you")
        seconds = round(time.monotonic() - self._since, 3)
        vote = Vote(
            self.study.name,
            self.rater,
            showing.pair,
            showing.question,
            showing.left,
            showing.right,
            choice,
            now(),
            seconds,
        )
        append_vote(self.file, vote)
        self._answered.add((showing.pair, showing.question))
        self._history.append(showing)
        self._back = None
        self._since = time.monotonic()
        return vote

    def back(self) -> bool:
        """Ask the last question of this session again; the new answer counts. Returns False if there is none."""
        if not self._history:
            return False
        self._back = self._history.pop()
        self._since = time.monotonic()
        return True
