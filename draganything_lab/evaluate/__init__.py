"""The evaluation: scenes x models x representations x seeds become videos, tracks, numbers and one page; resumable."""

from .collect import Results, collect
from .evaluation import evaluate
from .page import write_page
from .plan import Job, Plan, Settings, make_plan
from .sources import Source, find_sources
from .store import Store
from .work import Processes, Worker

__all__ = [
    "Job",
    "Plan",
    "Processes",
    "Results",
    "Settings",
    "Source",
    "Store",
    "Worker",
    "collect",
    "evaluate",
    "find_sources",
    "make_plan",
    "write_page",
]
