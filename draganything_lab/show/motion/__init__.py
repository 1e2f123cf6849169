"""Pictures of motion: figures and arrays, readable on light and dark pages; entities in their colours, with numbers."""

from .colours import flow_colours, flow_wheel
from .maps import arrows, flow, heat, motion_of_frame
from .poses import turn_and_size
from .report_page import motion_page
from .reports import attribution, by_distance, inside_outside, overview, wanted_and_measured
from .trails import report_trails, trail_clip, trails, wanted_clip

__all__ = [
    "arrows",
    "attribution",
    "by_distance",
    "flow",
    "flow_colours",
    "flow_wheel",
    "heat",
    "inside_outside",
    "motion_of_frame",
    "motion_page",
    "overview",
    "report_trails",
    "trail_clip",
    "trails",
    "turn_and_size",
    "wanted_and_measured",
    "wanted_clip",
]
