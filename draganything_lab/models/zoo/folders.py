"""Folders passed as a model: in the hub's cache, the files are some levels further down."""

from __future__ import annotations

from pathlib import Path

from ...errors import LabError


def model_folder(folder: Path) -> Path:
    """Return the folder that contains a model's files, given any folder of the hub's cache.

    Args:
        folder: Any folder. `models--name--of-it` contains `snapshots/<commit>/`, which contains the files.

    Returns:
        The snapshot that `refs/main` names, or the only one; any other folder unchanged.

    Raises:
        LabError: The folder caches several models, or a model has several snapshots and no main one.
    """
    for root in (folder, folder / "hub"):
        models = sorted(path.name for path in root.glob("models--*") if path.is_dir()) if root.is_dir() else []
        if models and not (folder / "model_index.json").is_file() and not (folder / "unet").is_dir():
            raise LabError(
                f"{folder} is the hub's cache, with {len(models)} models: {', '.join(models[:5])}",
                fix=f"pass one of them, such as {root / models[0]}",
            )
    snapshots = folder if folder.name == "snapshots" else folder / "snapshots"
    if not snapshots.is_dir() or (folder / "config.json").is_file():
        return folder
    there = sorted(path for path in snapshots.iterdir() if path.is_dir())
    main = snapshots.parent / "refs" / "main"
    if main.is_file() and (chosen := snapshots / main.read_text("utf-8").strip()).is_dir():
        return chosen
    if len(there) == 1:
        return there[0]
    raise LabError(
        f"{folder} has {len(there)} snapshots but none of them is the main one",
        fix=f"pass one of {', '.join(str(path) for path in there[:3])}" if there else "download the model again",
    )
