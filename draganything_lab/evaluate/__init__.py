"""The evaluation: scenes x models x representations x seeds become videos, tracks, numbers and one page; resumable."""

from .collect import Results, collect
from .evaluation import evaluate, rehearse
from .page import write_page
from .paper import Departure, departures, preset
from .plan import Job, Plan, Settings, make_plan
from .sources import Source, find_sources
from .store import Store
from .work import Processes, Worker

__all__ = [
    "Departure",
    "Job",
    "Plan",
    "Processes",
    "Results",
    "Settings",
    "Source",
    "Store",
    "Worker",
    "collect",
    "departures",
    "evaluate",
    "find_sources",
    "make_plan",
    "preset",
    "rehearse",
    "write_page",
]
