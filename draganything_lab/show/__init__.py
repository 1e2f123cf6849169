"""Everything drawn for people: figures, players, pages."""

from .features import pca_picture, pca_pictures
from .figures import control_stack, masks, side_by_side, strip, trajectories
from .motion import (
    arrows,
    attribution,
    by_distance,
    flow,
    flow_colours,
    flow_wheel,
    heat,
    inside_outside,
    motion_of_frame,
    motion_page,
    overview,
    report_trails,
    trail_clip,
    trails,
    turn_and_size,
    wanted_and_measured,
    wanted_clip,
)
from .players import Players
from .samples import training_samples

__all__ = [
    "Players",
    "arrows",
    "attribution",
    "by_distance",
    "control_stack",
    "flow",
    "flow_colours",
    "flow_wheel",
    "heat",
    "inside_outside",
    "masks",
    "motion_of_frame",
    "motion_page",
    "overview",
    "pca_picture",
    "pca_pictures",
    "report_trails",
    "side_by_side",
    "strip",
    "trail_clip",
    "trails",
    "training_samples",
    "trajectories",
    "turn_and_size",
    "wanted_and_measured",
    "wanted_clip",
]
