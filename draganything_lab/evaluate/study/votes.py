"""Votes: one line of JSON each, appended so that a crash loses none, read so that a damaged line affects no other."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from ...errors import LabError
from ...media.files import write_whole
from ...media.folder import listed
from ...media.text import decode_text

CHOICES = ("left", "right", "tie")
MAX_LINE = 4096
MAX_FILE = 64 * 2**20


@dataclass(frozen=True)
class Vote:
    """One answer of one rater to one question about one pair.

    Attributes:
        study: The study's name.
        rater: Nickname of the rater; unique, not a real name.
        pair: Name of the pair.
        question: Key of the question.
        left, right: Tokens of the videos on either side.
        choice: "left", "right" or "tie".
        at: Time of the vote in ISO 8601.
        seconds: Seconds it took; below 0 if unknown.
    """

    study: str
    rater: str
    pair: str
    question: str
    left: str
    right: str
    choice: str
    at: str = ""
    seconds: float = -1.0

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise LabError(f"the vote is {self.choice!r}", fix="use left, right or tie")
        for name in ("study", "rater", "pair", "question", "left", "right", "at"):
            value = getattr(self, name)
            if not isinstance(value, str) or len(value) > 200 or (not value and name != "at"):
                raise LabError(f"a vote's {name} is {value!r:.40}", fix="use text of 1 to 200 characters")

    @property
    def chosen(self) -> str | None:
        """Token of the chosen video; None for a tie."""
        return {"left": self.left, "right": self.right}.get(self.choice)

    @property
    def about(self) -> tuple[str, str, str]:
        """The combination that a rater can answer only once."""
        return self.rater, self.pair, self.question

    def line(self) -> str:
        """Return the vote as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_line(cls, line: str) -> Vote:
        """Read the output of `line`; raises a `LabError` for anything else."""
        try:
            fields = json.loads(line)
            known = {name: fields[name] for name in cls.__dataclass_fields__ if name in fields}
            known["seconds"] = float(known.get("seconds", -1))
            return cls(**known)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise LabError(f"this line is not a vote ({error}): {line[:60]}") from error


def now() -> str:
    """The current time in the format of votes."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def append_vote(path: str | Path, vote: Vote) -> None:
    """Append a vote to a file, and return only when it is on the disk.

    If the last write was cut off in the middle of a line, the vote begins a new line.

    Raises:
        LabError: The file cannot be written.
    """
    path = Path(path).expanduser()
    data = (vote.line() + "\n").encode("utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab+") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    data = b"\n" + data
            file.write(data)  # one write at the end of the file
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise LabError(
            f"the vote could not be saved to {path} ({error.strerror})", fix="fix that and vote again"
        ) from error


@dataclass(frozen=True)
class Votes:
    """Votes from one or many files.

    Attributes:
        votes: The last vote of each rater on each pair and question.
        files: Number of files read.
        damaged: "file, line 7" of every line that is not a vote, such as one that was cut off.
        repeated: Number of lines that repeat a vote (a file handed in twice).
        changed: Number of votes replaced by a later one of the same rater.
    """

    votes: tuple[Vote, ...]
    files: int = 0
    damaged: tuple[str, ...] = field(default=())
    repeated: int = 0
    changed: int = 0

    @property
    def raters(self) -> tuple[str, ...]:
        """The raters, in the order of their first votes."""
        return tuple(dict.fromkeys(vote.rater for vote in self.votes))

    def notes(self) -> tuple[str, ...]:
        """Remarks about the reading."""
        out = []
        if self.damaged:
            shown = ", ".join(self.damaged[:3]) + (" …" if len(self.damaged) > 3 else "")
            out.append(f"{len(self.damaged)} lines could not be read ({shown})")
        if self.repeated:
            out.append(f"{self.repeated} votes occurred twice and count once")
        if self.changed:
            out.append(f"{self.changed} votes were changed by their rater; the last one counts")
        return tuple(out)


def read_votes(paths: str | Path | Iterable[str | Path]) -> Votes:
    """Read votes from files, or from all .jsonl files of folders, and resolve repeated votes.

    Args:
        paths: Files or folders.

    Returns:
        The votes that count, and what was wrong with the files.

    Raises:
        LabError: A file is missing or far too large, or there are no files.
    """
    files = _files([paths] if isinstance(paths, (str, Path)) else paths)
    if not files:
        raise LabError("there are no files of votes (.jsonl)")
    found: list[tuple[Vote, str]] = []
    damaged = []
    for path in files:
        for number, line in enumerate(_lines(path), start=1):
            if not line.strip():
                continue
            try:
                found.append((Vote.from_line(line), path.name))
            except LabError:
                damaged.append(f"{path.name}, line {number}")
    return _settled(found, len(files), tuple(damaged))


def merge_votes(paths: str | Path | Iterable[str | Path], out: str | Path) -> Votes:
    """Read votes from many files and write the counted ones to one file; a second merge changes nothing."""
    votes = read_votes(paths)
    write_whole(out, "".join(vote.line() + "\n" for vote in votes.votes).encode("utf-8"))
    return votes


def _settled(found: Sequence[tuple[Vote, str]], files: int, damaged: tuple[str, ...]) -> Votes:
    # Later votes win; without times, later lines do.
    order = sorted(range(len(found)), key=lambda place: (found[place][0].at, place))
    last: dict[tuple[str, str, str], Vote] = {}
    seen: set[Vote] = set()
    repeated = changed = 0
    for place in order:
        vote = found[place][0]
        if vote in seen:
            repeated += 1
            continue
        seen.add(vote)
        changed += vote.about in last
        last[vote.about] = vote
    votes = sorted(last.values(), key=lambda vote: (vote.rater, vote.at, vote.pair, vote.question))
    return Votes(tuple(votes), files, damaged, repeated, changed)


def _files(paths: Iterable[str | Path]) -> list[Path]:
    files = []
    for path in (Path(path).expanduser() for path in paths):
        if path.is_dir():
            files += [file for file in listed(path) if file.name.endswith(".jsonl")]
        elif path.is_file():
            files.append(path)
        else:
            raise LabError(f"there are no votes at {path}", fix="check the path")
    return list(dict.fromkeys(files))


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_FILE:
            raise LabError(f"{path.name} is over the limit of {MAX_FILE:,} bytes for votes")
        data = path.read_bytes()
    except OSError as error:
        raise LabError(f"votes {path} cannot be read ({error.strerror})") from error
    try:
        text = decode_text(data, path.name)
    except LabError:  # damaged lines are counted one by one
        text = data.decode("utf-8-sig", "replace")
    return [line[: MAX_LINE + 1] for line in text.split("\n")]
