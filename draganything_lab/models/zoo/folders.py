"""Folders that people give as a model: the hub's cache has the files some levels down."""

from __future__ import annotations

from pathlib import Path

from ...errors import LabError


def model_folder(folder: Path) -> Path:
    """Return the folder with a model's files where a folder of the hub's cache was given.

    Args:
        folder: Any folder. `models--name--of-it` holds `snapshots/<commit>/`, and there the files lie.

    Returns:
        The snapshot that `refs/main` names, or the only one; any other folder as it is.

    Raises:
        LabError: The cache of several models, or a model with several snapshots and no main one.
    """
    for root in (folder, folder / "hub"):
        models = sorted(path.name for path in root.glob("models--*") if path.is_dir()) if root.is_dir() else []
        if models and not (folder / "model_index.json").is_file() and not (folder / "unet").is_dir():
            raise LabError(
                f"{folder} is the hub's cache, with {len(models)} models: {', '.join(models[:5])}",
                fix=f"give one of them, such as {root / models[0]}",
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
        f"{folder} has {len(there)} snapshots and none of them is the main one",
        fix=f"give one of {', '.join(str(path) for path in there[:3])}" if there else "download the model again",
    )
