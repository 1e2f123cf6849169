"""From videos to a blind study: pairs of the same scene and seed, under names that reveal nothing."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import LabError
from ...media.drawing import enlarged
from ...media.files import write_whole
from ...media.picture import encode_picture, load_picture
from ...media.text import read_text
from ...media.video import checked_frames, encode_video
from ..collect import name_of
from ..plan import BASELINES, REFERENCE
from ..store import Store

FPS = 8
QUESTIONS = {
    "motion": "Which video follows the drawn paths better?",
    "quality": "Which video looks better?",
}
"""The paper's two questions (its user study: 30 pictures, 3 raters)."""


@dataclass(frozen=True)
class Candidate:
    """A video that may be shown to raters.

    Attributes:
        model: Name of its model; never shown.
        scene: Name of its scene; videos are only compared within a scene.
        seed: Its seed; videos are only compared within a seed. None, as for baselines, matches every seed.
        frames: (T, H, W, 3) uint8.
        asked: (H, W, 3) uint8, the picture with the wanted paths, shown beside the pair; None to show no picture.
    """

    model: str
    scene: str
    seed: int | None
    frames: NDArray[np.uint8]
    asked: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Study:
    """What raters receive, without anything that reveals which model made a video.

    Attributes:
        name: Unique name, derived from the content.
        title: Title that raters read first.
        questions: Key -> text of the question.
        pairs: Pair -> its two tokens, in no meaningful order.
        videos: Token -> bytes of an .mp4.
        asked: Pair -> bytes of a .png, if there is one.
        last: Pair -> number of its last frame.
    """

    name: str
    title: str
    questions: dict[str, str]
    pairs: dict[str, tuple[str, str]]
    videos: dict[str, bytes] = field(repr=False)
    asked: dict[str, bytes] = field(repr=False)
    last: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Key:
    """What the study hides; do not show it to the raters.

    Attributes:
        study: Name of the study.
        models: Token -> model.
        scenes: Pair -> (scene, seed).
    """

    study: str
    models: dict[str, str]
    scenes: dict[str, tuple[str, int | None]]

    def save(self, path: str | Path) -> Path:
        """Write the key to a file."""
        return write_whole(path, (json.dumps(vars(self), indent=1) + "\n").encode())

    @classmethod
    def load(cls, path: str | Path) -> Key:
        """Read a key; raises a `LabError` if the file is not one."""
        try:
            fields = json.loads(read_text(Path(path).expanduser(), 8 * 2**20))
            scenes = {pair: (str(scene), seed) for pair, (scene, seed) in fields["scenes"].items()}
            return cls(str(fields["study"]), {str(k): str(v) for k, v in fields["models"].items()}, scenes)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LabError(
                f"{path} is not the key of a study ({error})", fix="use the key file written with the study"
            ) from error


def make_study(
    candidates: Sequence[Candidate],
    *,
    pairs: int | None = None,
    title: str = "Which video is better?",
    questions: dict[str, str] | None = None,
    seed: int = 0,
) -> tuple[Study, Key]:
    """Pair the videos of the same scene and seed.

    Args:
        candidates: Videos of at least two models.
        pairs: Maximum number of pairs, drawn at random, all pairs of models equally often; None for all.
        title: Title that raters read first.
        questions: Key -> text of the question; None for the paper's two.
        seed: Seed of all random choices; the tokens depend on it and on the content.

    Returns:
        The study for the raters, and the key that reveals the models.

    Raises:
        LabError: There are fewer than two models, no pairs, or the two videos of a pair differ in length or size.
    """
    asked = dict(questions or QUESTIONS)
    if not asked or any(not key.isidentifier() for key in asked):
        raise LabError(
            "a question's key is invalid, or there is no question", fix="use keys of letters and digits, such as motion"
        )
    models = list(dict.fromkeys(candidate.model for candidate in candidates))
    if len(models) < 2:
        raise LabError(
            f"the study has fewer than two models: {models[0] if models else 'none'}", fix="add another model"
        )
    rng = random.Random(seed)
    chosen = _balanced(_matches(candidates), pairs, rng)
    if not chosen:
        raise LabError(
            f"no scene and seed has videos of two of {', '.join(models)}", fix="make videos of the same scenes"
        )
    rng.shuffle(chosen)
    digest = hashlib.sha256(f"{seed} {title} {sorted(asked.items())}".encode())
    for first, second in chosen:
        for one in (first, second):
            digest.update(f"{one.model} {one.scene} {one.seed}".encode() + one.frames.tobytes())
    name = digest.hexdigest()[:8]
    tokens = _tokens(digest.digest(), 2 * len(chosen))
    films: dict[str, bytes] = {}
    study = Study(name, title, asked, {}, {}, {})
    key = Key(name, {}, {})
    for number, two in enumerate(chosen, start=1):
        pair = f"pair {number:0{len(str(len(chosen)))}}"
        _check_alike(*two)
        mine = [tokens.pop(), tokens.pop()]
        study.pairs[pair] = (min(mine), max(mine))  # tokens are random, so their order is too
        study.last[pair] = len(two[0].frames) - 1
        for token, candidate in zip(mine, two, strict=True):
            films[token] = encode_video(enlarged(candidate.frames), FPS)
            key.models[token] = candidate.model
        picture = next((one.asked for one in two if one.asked is not None), None)
        if picture is not None:
            study.asked[pair] = encode_picture(picture)
        seeds = [one.seed for one in two if one.seed is not None]
        key.scenes[pair] = (two[0].scene, seeds[0] if seeds else None)
    study.videos.update(sorted(films.items()))
    return study, key


def candidates_of(folder: str | Path, models: Sequence[str] | None = None) -> list[Candidate]:
    """Return the videos of an evaluation.

    Args:
        folder: Folder with the results of `draganything-lab evaluate`.
        models: Names as in its tables, such as "toy, gaussian", "preview", "true video"; None for all except the frozen
            video.

    Raises:
        LabError: There are no results, or none for a model.
    """
    store = Store(folder)
    names = sorted(path.stem for path in (store.folder / "made").glob("*.json")) if store.folder.is_dir() else []
    latest: dict[tuple[str, str, int | None], tuple[str, str, dict[str, Any]]] = {}
    for name in names:
        about = store.read_json("made", name)
        if about is None:
            continue
        who = name_of(str(about["model"]), str(about["representation"]))
        seed = None if about["model"] in (*BASELINES, REFERENCE) else int(about["seed"])
        what = (who, str(about["scene"]), seed)
        if what not in latest or latest[what][0] <= str(about["made"]):
            latest[what] = (str(about["made"]), name, about)
    there = list(dict.fromkeys(who for who, _, _ in latest))
    wanted = [who for who in there if who != name_of("frozen", "")] if models is None else list(models)
    missing = [who for who in wanted if who not in there]
    if missing or not there:
        lacks = ", ".join(missing) or "any model"
        raise LabError(f"{folder} has no videos of {lacks}", fix=f"choose from {', '.join(there) or 'none'}")
    out = []
    for (who, scene, seed), (_, name, about) in latest.items():
        frames = store.read_frames(name, int(about["frames"])) if who in wanted else None
        if frames is not None:
            picture = store.path("asked", str(about.get("asked", "")), ".png")
            asked = load_picture(picture) if picture.is_file() else None
            out.append(Candidate(who, scene, seed, frames, asked))
    return out


def _matches(candidates: Sequence[Candidate]) -> list[tuple[Candidate, Candidate]]:
    """All pairs of different models with the same scene and seed; those without a seed are paired once."""
    out = []
    for first, second in combinations(candidates, 2):
        same_seed = None in (first.seed, second.seed) or first.seed == second.seed
        if first.model != second.model and first.scene == second.scene and same_seed:
            out.append((first, second))
    return out


def _balanced(
    matches: list[tuple[Candidate, Candidate]], count: int | None, rng: random.Random
) -> list[tuple[Candidate, Candidate]]:
    """At most `count` of the pairs, all pairs of models equally often as far as possible."""
    if count is None or count >= len(matches):
        return list(matches)
    if count < 1:
        raise LabError(f"the number of pairs is {count}", fix="use 1 or more")
    piles: dict[frozenset[str], list[tuple[Candidate, Candidate]]] = {}
    for match in matches:
        piles.setdefault(frozenset(one.model for one in match), []).append(match)
    for pile in piles.values():
        rng.shuffle(pile)
    out: list[tuple[Candidate, Candidate]] = []
    while len(out) < count:
        for pile in piles.values():
            if pile and len(out) < count:
                out.append(pile.pop())
    return out


def _check_alike(first: Candidate, second: Candidate) -> None:
    """Refuse two videos that differ in length or size, which would reveal their models."""
    shapes = [checked_frames(one.frames).shape for one in (first, second)]
    if shapes[0] != shapes[1]:
        said = " and ".join(
            f"{one.model} {s[0]} frames of {s[2]}x{s[1]}" for one, s in zip((first, second), shapes, strict=True)
        )
        raise LabError(f'scene "{first.scene}": {said}', fix="pair videos of the same length and size")


def _tokens(secret: bytes, count: int) -> list[str]:
    """Distinct names that reveal nothing."""
    found = [hashlib.sha256(secret + number.to_bytes(4, "big")).hexdigest()[:12] for number in range(count)]
    if len(set(found)) < count:  # pragma: no cover
        raise LabError("two videos got the same name", fix="use another seed")
    return found
