"""The warning that a format cannot keep how an object turns and grows."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ..trajectory import Trajectory

logger = logging.getLogger(__name__)


def warn_of_poses(name: str, splines: Iterable[tuple[str, Trajectory | None]]) -> None:
    """Log in one sentence whose turn and size are left out, if anyone's are.

    Args:
        name: The format, as it begins the sentence.
        splines: Names and trajectories of the entities that are written.
    """
    posed = [who for who, path in splines if path is not None and path.posed]
    if posed:
        more = f" and {len(posed) - 3} more" if len(posed) > 3 else ""
        logger.warning("%s only holds points: the turn and size of %s%s are left out", name, ", ".join(posed[:3]), more)
