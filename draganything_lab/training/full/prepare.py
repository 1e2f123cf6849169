"""Computing once what each training step needs: entities, trajectories and entity vectors of every window."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...control.vectors import fit_channels, pool_over_mask
from ...errors import LabError
from ...evaluate.store import Store, fingerprint
from ...evaluate.work import Processes
from ...media.clip_folders import ClipFolder, Frame, category_names, find_clips, id_name
from ...media.files import write_whole
from ...media.folder import numbered, shown
from ...tracking import Tracker
from .changes import content, stamp
from .check import Inspection, inspect_clip
from .entities import Entities, choose_entities
from .paths import checked_way, known_paths, tracked_paths
from .reading import read_window
from .shards import INDEX, RECIPE, VERSION, ClipRecord, Recipe, damage, key_of, read_json, write_json
from .windows import check_extent

if TYPE_CHECKING:
    from ...models.dift import DiffusionFeatures

CLIPS = 8  # in a shard: what a kill loses at most
Arrays = dict[str, NDArray[Any]]


def prepare(
    folder: str | Path,
    out: str | Path,
    recipe: Recipe,
    features: DiffusionFeatures,
    *,
    tracker: str | Tracker | None = None,
    processes: Processes | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Write the shards of a folder of clips; what is there already and whole is kept for clips that have not changed.

    Several processes may do this at once, on one machine or on several that share the folder: each takes shards that
    nobody else works on. Kill them at any moment and start again.

    Args:
        folder: The folder of clips.
        out: The folder of shards.
        recipe: What to compute; its `features` are filled in here.
        features: The network of diffusion features.
        tracker: The tracker; None for the recipe's, by its name.
        processes: Which of several processes this is.
        say: What gets a line for everything that is left out, made again or done.

    Raises:
        LabError: There is no usable clip, or `out` holds the shards of another recipe.
    """
    folder, processes = Path(folder).expanduser(), processes or Processes()
    check_extent(recipe.frames, recipe.stride, recipe.hop)
    checked_way(recipe.paths)
    clips = find_clips(folder, recipe.split)  # type: ignore[arg-type]
    store = Store(out)  # after the checks, so that a wrong folder leaves nothing behind
    recipe = Recipe.of(recipe.as_dict() | {"features": features_of(features, recipe)})
    _settle(store.folder / RECIPE, recipe)
    groups = [clips[start : start + CLIPS] for start in range(0, len(clips), CLIPS)]
    names = [f"{number:05d}" for number in range(len(groups))]
    keys = {name: _key(folder, group, recipe) for name, group in zip(names, groups, strict=True)}
    start = processes.rank * len(groups) // processes.world
    waiting = [*range(start, len(groups)), *range(start)]
    whole: set[str] = set()
    maker = _Maker(folder, store.folder, recipe, features, recipe.tracker if tracker is None else tracker, say)
    while waiting:
        busy = []
        for number in waiting:
            name, group = names[number], groups[number]
            if name in whole or _up_to_date(_usable(store.folder, name, keys[name], say), group):
                whole.add(name)
                continue
            with store.claim(f"shard-{name}") as mine:
                if not mine:
                    busy.append(number)
                    continue
                there = _usable(store.folder, name, keys[name], None)  # another process may have made it meanwhile
                if not _up_to_date(there, group):
                    began = time.monotonic()
                    if count := maker.make(name, keys[name], group, there):
                        say(f"shard {number + 1} of {len(groups)}: {count} windows, {time.monotonic() - began:.0f} s")
        if busy and processes.rank:
            break  # others work on the rest, and the first process looks after it
        waiting = busy
        if waiting:
            time.sleep(0.5)
    if not waiting:
        _sum_up(store.folder, names, recipe)


def features_of(features: DiffusionFeatures, recipe: Recipe) -> dict[str, Any]:
    """What the vectors depend on, as the recipe stores it; channels that the recipe asks for are kept."""
    wanted = recipe.features.get("channels", features.entity_channels)
    channels = fit_channels(np.zeros((1, features.feature_channels), np.float32), wanted).shape[1]
    return {
        "weights": network_fingerprint(features),
        "timestep": features.timestep,
        "up_block": features.up_block,
        "up_layer": features.up_layer,
        "draws": features.draws,
        "dtype": str(features.dtype),
        "channels": channels,
    }


def network_fingerprint(features: DiffusionFeatures) -> str:
    """Fingerprint of every weight of a feature network: 16 hex digits, the same wherever its files lie."""
    import torch

    digest = hashlib.sha256()
    tensors = {f"unet.{k}": v for k, v in features.unet.state_dict().items()}
    tensors |= {f"vae.{k}": v for k, v in features.vae.state_dict().items()}
    tensors |= {"prompt": features.prompt_embeds}
    if features.projection is not None:
        tensors["projection"] = features.projection
    for name in sorted(tensors):
        values = tensors[name].detach().cpu().contiguous().reshape(-1)
        digest.update(name.encode() + bytes(memoryview(values.view(torch.uint8).numpy())))
    return digest.hexdigest()[:16]


def _settle(file: Path, recipe: Recipe) -> None:
    """Write the recipe, or refuse a folder that has another one."""
    there = read_json(file)
    if there is None:
        write_json(file, recipe.as_dict())
        return
    mine, there = _flat(recipe.as_dict()), _flat(there)
    other = sorted(name for name in {*mine, *there} if mine.get(name) != there.get(name))
    if other:
        name = other[0]
        raise LabError(
            f"{file.parent} holds features made with {name} {there.get(name)}, not {mine.get(name)}",
            fix="use the same options, or another --out",
        )


def _flat(content: dict[str, Any]) -> dict[str, Any]:
    """A recipe with what the features depend on among the rest."""
    features = content.get("features")
    return {**content, **(features if isinstance(features, dict) else {}), "features": None}


def _key(folder: Path, clips: Sequence[ClipFolder], recipe: Recipe) -> str:
    """Fingerprint of a shard's recipe and of which clips it holds."""
    return fingerprint([VERSION, recipe.as_dict(), [os.fspath(clip.pictures.relative_to(folder)) for clip in clips]])


def _usable(out: Path, name: str, key: str, say: Callable[[str], None] | None) -> dict[str, Any] | None:
    """What a shard says of its clips, if it is there, undamaged, and of this recipe and these clips."""
    about = read_json(out / f"{name}.json")
    if about is None:
        return None
    if about.get("key") != key:
        what = f"shard {name} holds other clips, or is of another version"
    else:
        what = damage(out / f"{name}.safetensors", str(about.get("sha256")))
        if not what:
            return about
        what = f"shard {name}.safetensors {what}"
    if say:
        say(f"{what}; it is made again")
    return None


def _up_to_date(about: dict[str, Any] | None, clips: Sequence[ClipFolder]) -> bool:
    """Whether no file of a shard's clips was written since it was made."""
    return about is not None and all(about["files"][clip.name][0] == stamp(clip) for clip in clips)


@dataclass(frozen=True)
class _Maker:
    """Makes shards."""

    folder: Path
    out: Path
    recipe: Recipe
    features: DiffusionFeatures
    tracker: str | Tracker
    say: Callable[[str], None]

    def make(self, name: str, key: str, clips: Sequence[ClipFolder], there: dict[str, Any] | None) -> int:
        """Make one shard, from what is there already for clips whose files are still the same.

        Returns:
            Its number of windows; 0 if the files are the same and only their times differ, as in a copy.
        """
        from safetensors.numpy import load_file, save

        shard = f"{name}.safetensors"
        files = {clip.name: [stamp(clip), content(clip)] for clip in clips}
        old = there or {"files": {}, "clips": [], "left_out": {}}
        same = {clip for clip, (_, found) in files.items() if clip in old["files"] and old["files"][clip][1] == found}
        if there and len(same) == len(clips):
            write_json(self.out / f"{name}.json", there | {"files": files})
            return 0
        kept: Arrays = load_file(self.out / shard) if same else {}
        known = {record["name"]: record for record in old["clips"]}
        arrays: Arrays = {}
        records: list[dict[str, Any]] = []
        left_out: dict[str, str] = {}
        for clip in clips:
            if clip.name in same and clip.name in known:
                records.append(known[clip.name])
                arrays |= {at: array for at, array in kept.items() if at.startswith(key_of(clip.name))}
                continue
            if clip.name in old["files"] and clip.name not in same:
                self.say(f"clip {shown(clip.name)} has changed; it is computed again")
            found = inspect_clip(clip)
            for problem in found.problems:
                if problem.fix:
                    self.say(f"clip {shown(clip.name)}: {problem}")
            try:
                records.append(asdict(self._record(found, self._windows(found, arrays), shard)))
            except LabError as error:
                left_out[shown(clip.name)] = str(error)
                self.say(f"left out clip {shown(clip.name)}: {error}")
        data = save(arrays, {"key": key})
        write_whole(self.out / shard, data)
        about = {"key": key, "sha256": hashlib.sha256(data).hexdigest(), "files": files}
        write_json(self.out / f"{name}.json", about | {"clips": records, "left_out": left_out})
        return sum(len(record["windows"]) for record in records)

    def _record(self, found: Inspection, windows: list[tuple[int, ...]], shard: str) -> ClipRecord:
        clip, known = found.clip, category_names(found.clip)
        return ClipRecord(
            clip.name,
            os.fspath(clip.pictures.relative_to(self.folder)),
            os.fspath(clip.masks.relative_to(self.folder)),
            tuple((frame.picture.name, frame.mask.name) for frame in found.frames),
            tuple(windows),
            {str(number): id_name(number, clip, known) for number in found.ids},
            found.content,
            shard,
        )

    def _windows(self, found: Inspection, arrays: Arrays) -> list[tuple[int, ...]]:
        """Compute the windows of a clip into `arrays`; return the frame numbers of those that can be used."""
        recipe, clip = self.recipe, found.clip
        windows = found.windows(recipe.frames, recipe.stride, recipe.hop)
        if not windows:
            raise found.no_window(recipe.frames, recipe.stride)
        where = {frame: place for place, frame in enumerate(found.frames)}
        kept: list[tuple[int, ...]] = []
        why = ""
        for window in windows:
            video, ids = read_window(window, recipe.size)
            entities = choose_entities(ids, clip.is_stuff, most=recipe.most, stuff=recipe.stuff)
            if not len(entities.ids):
                reasons = [f"id {number} {reason}" for number, reason in entities.left_out.items()]
                why = "; ".join(reasons[:3]) or "its masks are empty"
                continue
            parts: Arrays = {
                "ids": entities.ids,
                "points": entities.points,
                "radii": entities.radii,
                "seen": entities.seen.astype(np.uint8),
                "vectors": self._vectors(video[0], entities),
            }
            if recipe.paths == "tracked":
                parts["tracked"] = self._tracked(found, window, video, entities)
            for name, array in parts.items():
                arrays[f"{key_of(clip.name)}{len(kept)}/{name}"] = np.ascontiguousarray(array)
            kept.append(tuple(where[frame] for frame in window))
        if not kept:
            raise LabError(f"no window has an entity: {why}", fix="check its masks")
        return kept

    def _vectors(self, picture: NDArray[np.uint8], entities: Entities) -> NDArray[np.float32]:
        """(N, C) float32: the vectors of a picture's entities, as `control.entity_vectors` gives them."""
        found = self.features.extract(picture, size=self.recipe.size)
        ids = zip(entities.ids, entities.masks, strict=True)
        pooled = [pool_over_mask(found, mask, name=f"id {number}") for number, mask in ids]
        return fit_channels(np.stack(pooled), int(self.recipe.features["channels"]))

    def _tracked(
        self, found: Inspection, window: Sequence[Frame], video: NDArray[np.uint8], entities: Entities
    ) -> NDArray[np.float32]:
        """(F, N, 2) float32: known paths where the clip has them, tracked ones elsewhere."""
        assert found.size is not None
        pictures = {picture: place for place, picture in enumerate(numbered(found.clip.pictures))}
        places = [pictures[frame.picture] for frame in window]
        known = {} if self.recipe.retrack else known_paths(found.clip, entities, places, found.size)
        if len(known) == len(entities.ids):
            return np.stack([known[place] for place in range(len(known))], axis=1)
        paths = tracked_paths(video, entities, self.tracker)
        for place, path in known.items():
            paths[:, place] = path
        return paths


def _sum_up(out: Path, names: Sequence[str], recipe: Recipe) -> None:
    """Write the index of all shards."""
    clips: list[Any] = []
    left_out: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for name in names:
        about = read_json(out / f"{name}.json")
        if about is None:
            raise LabError(f"{out / name}.json was removed meanwhile", fix="run the same command again")
        clips += about["clips"]
        left_out |= about["left_out"]
        hashes[f"{name}.safetensors"] = about["sha256"]
    if not clips:
        first = next(iter(left_out.items()), ("", "there are none"))
        raise LabError(
            f"none of the {len(left_out)} clips can be used; {first[0]}: {first[1]}",
            fix="look at all of them with `draganything-lab clips check FOLDER`",
        )
    index = {"version": VERSION, "recipe": recipe.as_dict(), "shards": hashes, "clips": clips, "left_out": left_out}
    write_json(out / INDEX, json.loads(json.dumps(index)))
