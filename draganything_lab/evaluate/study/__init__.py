"""The blind study: pairs without names, votes that survive a crash, and what they say, with intervals."""

from .agreement import krippendorff_alpha
from .files import key_path, read_study, write_study
from .pairs import QUESTIONS, Candidate, Key, Study, candidates_of, make_study
from .results_page import results_page, win_rates
from .session import Session
from .statistics import Comparison, StudyResults, analyse
from .votes import Vote, Votes, append_vote, merge_votes, read_votes
from .widget import StudyWidget

__all__ = [
    "QUESTIONS",
    "Candidate",
    "Comparison",
    "Key",
    "Session",
    "Study",
    "StudyResults",
    "StudyWidget",
    "Vote",
    "Votes",
    "analyse",
    "append_vote",
    "candidates_of",
    "key_path",
    "krippendorff_alpha",
    "make_study",
    "merge_votes",
    "read_study",
    "read_votes",
    "results_page",
    "win_rates",
    "write_study",
]
