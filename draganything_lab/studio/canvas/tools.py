"""The tools of the canvas, in the order of their buttons.

What a tool does with a press, a drag or a click is in `pointer.py`, what it does to the scene in `click` and `stroke`
of `studio/model/model.py`, which has its mode and its hint; the line that it draws is in `hearing.py` and `scenery.py`,
its options are in `toolbar.py`, and its line in the help in `keys.py`.
"""

from __future__ import annotations

# Mode, icon, name, tooltip, key.
TOOLS = (
    ("select", "mouse-pointer", "Select", "Click an object to cut it out, press and drag to move it", "v"),
    ("plus", "plus-circle", "Add", "Click what else belongs to the object", "a"),
    ("minus", "minus-circle", "Remove", "Click what does not belong to the object", "r"),
    ("brush", "paint-brush", "Brush", "Paint the object's mask", "b"),
    ("erase", "eraser", "Erase", "Erase from the object's mask", "e"),
    ("path", "pencil", "Path", "Draw where the object goes, freehand or click by click", "d"),
    ("points", "dot-circle-o", "Points", "Move, add and delete the path's key points", "p"),
    ("background", "picture-o", "Background", "Drag everything that is not an object", "g"),
    ("camera", "video-camera", "Camera", "Drag to pan the camera", "c"),
)
