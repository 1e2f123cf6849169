"""What happens in a visitor's own process: their folder, their limits, and the studio as they left it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def welcome() -> Any:
    import ipywidgets
    return ipywidgets.Label("hello " + os.environ["DRAGANYTHING_LAB_VISITOR"])
