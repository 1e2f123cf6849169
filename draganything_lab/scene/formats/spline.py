"""The points of the ComfyUI spline editor (KJNodes)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import LabError
from ...media.files import Bundle, write_whole
from ...media.text import decode_text
from ..checks import checked_name, free_name
from ..entity import MAX_ENTITIES, named
from ..saving import MAX_JSON, parse_json, short_number
from ..scene import Scene
from ..trajectory import Points, Trajectory
from .left_out import warn_of_poses

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")  # Okabe-Ito


def read_spline_points(source: str | Path) -> dict[str, Trajectory]:
    """Read the points of the ComfyUI spline editor (KJNodes).

    Args:
        source: A file, or the text itself. It may be the editor's `points_store` with several splines, [{"points":
            [{"x", "y"}, …], "name", "color"}, …]; a plain list [{"x", "y"}, …], as in older versions and in
            `coordinates`; a list of such lists (as ATI's nodes expect), or of their texts; points as [x, y]; a dict
            that holds one of these; or a ComfyUI workflow that contains spline editors.

    Returns:
        Name -> `Trajectory` in the order of the file; unnamed splines are called "Spline 1", "Spline 2", …. The
        editor's x and y are pixels of its canvas; use `.scaled` if the picture has another size. Bezier handles are not
        used.

    Raises:
        LabError: The text is none of these, or a point is not finite.

    Source:
        github.com/kijai/ComfyUI-KJNodes: `parseSplineData` and `updatePath` in
        `web/js/editors/spline_editor_canvas.js`, `parse_json_tracks` in `nodes/curve_nodes.py` (which also accepts
        single quotes instead of double ones).
    """
    document = _unpacked(_spline_json(source))
    if not isinstance(document, list) or not document:
        raise LabError("the spline points are not a list, or the list is empty")
    if _is_point(document[0]):
        document = [document]
    if len(document) > MAX_ENTITIES:
        raise LabError(f"{len(document):,} splines are over the limit of {MAX_ENTITIES}")
    splines: dict[str, Trajectory] = {}
    for number, spline in enumerate(document, 1):
        fields = spline if isinstance(spline, dict) else {"points": spline}
        name = free_name(fields.get("name"), f"Spline {number}", set(splines))
        with named(number, name):
            splines[name] = Trajectory(_xy(fields.get("points")))
    return splines


def write_spline_points(splines: Scene | Mapping[str, Trajectory | Points], path: str | Path | None = None) -> str:
    """Write key points as the ComfyUI spline editor (KJNodes) stores them; paste the text into `points_store`.

    Args:
        splines: Name -> trajectory or points, or a `Scene`, of which the entities with a trajectory are written.
            Frames, easing, spacing, turn, size and pace are not kept: the editor cannot store them.
        path: File to write the text to as well; None only returns it.

    Returns:
        The JSON text.

    Raises:
        LabError: There is nothing to write, or the path cannot be written to.
    """
    if isinstance(splines, Scene):
        splines = {entity.name: entity.trajectory for entity in splines.entities if entity.trajectory is not None}
    if not splines:
        raise LabError("there is no trajectory to write", fix="draw one first")
    rows = []
    paths = ((name, value) for name, value in splines.items() if isinstance(value, Trajectory))
    warn_of_poses("the spline editor", paths)
    for number, (name, value) in enumerate(splines.items()):
        points = (value if isinstance(value, Trajectory) else Trajectory(value)).points.tolist()
        row: dict[str, Any] = {"points": [{"x": short_number(x), "y": short_number(y)} for x, y in points]}
        row |= {"color": _COLOURS[number % len(_COLOURS)], "name": checked_name(name)}
        rows.append(row | ({"isSinglePoint": True} if len(points) == 1 else {}))
    text = json.dumps(rows, ensure_ascii=False)
    if path is not None:
        write_whole(path, text.encode("utf-8"))
    return text


def _spline_json(source: str | Path) -> Any:
    if isinstance(source, str) and source.lstrip()[:1] in ("[", "{"):
        data, name = source.encode("utf-8", "replace"), "spline text"
    else:
        path = Path(source).expanduser()
        name = path.name
        with Bundle(path.parent, name) as bundle:
            data = bundle.read(name, MAX_JSON)
    if len(data) > MAX_JSON:
        raise LabError(f"{name} is over the limit of {MAX_JSON:,} bytes")
    try:
        return parse_json(data, name)
    except LabError:
        if b"'" not in data:
            raise
        # Older editors store the text of a Python list.
        return parse_json(decode_text(data, name).replace("'", '"').encode(), name)


def _unpacked(document: Any) -> Any:
    """Extract the list of splines from a workflow, a dict or texts of lists."""
    if isinstance(document, dict):
        found = _of_workflow(document)
        if found:
            return found
        for name in ("points_store", "splines", "tracks", "coordinates", "trajectories"):
            if name in document:
                return _unpacked(document[name])
        return [document] if "points" in document else document
    if isinstance(document, str):
        return _unpacked(_spline_json(document)) if document.lstrip()[:1] in ("[", "{") else document
    if isinstance(document, list) and document and all(isinstance(row, str) for row in document):
        return [_spline_json(row) for row in document]
    return document


def _of_workflow(document: dict[str, Any]) -> list[Any]:
    """The splines of all spline editors in a ComfyUI workflow, as saved or as sent to ComfyUI's server."""
    nodes = document["nodes"] if isinstance(document.get("nodes"), list) else list(document.values())
    splines: list[Any] = []
    for node in (node for node in nodes if isinstance(node, dict)):
        kind = str(node.get("type", node.get("class_type", "")))
        values = node.get("widgets_values", node.get("inputs"))
        values = list(values.values()) if isinstance(values, dict) else values
        texts = [value for value in values or () if isinstance(value, str) and value.lstrip().startswith("[")]
        if "SplineEditor" in kind and texts:
            rows = _unpacked(texts[0])
            splines += [rows] if rows and _is_point(rows[0]) else rows
    return splines


def _is_point(value: Any) -> bool:
    pair = isinstance(value, list) and len(value) == 2 and all(type(number) in (int, float) for number in value)
    return pair or (isinstance(value, dict) and "x" in value and "points" not in value)


def _xy(points: Any) -> list[list[float]]:
    if not isinstance(points, list):
        raise LabError("its points are not a list")
    points = [
        dict(zip("xy", point, strict=True)) if isinstance(point, list) and _is_point(point) else point
        for point in points
    ]
    for place, point in enumerate(points):
        if not (isinstance(point, dict) and all(type(point.get(axis)) in (int, float) for axis in "xy")):
            raise LabError(f"point {place} is {str(point)[:60]}", fix='write it as {"x": number, "y": number}')
    return [[point["x"], point["y"]] for point in points]
