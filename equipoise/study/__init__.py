"""Campaigns: a grid of runs, on many processes, resumable, in one file. See README.md."""

from equipoise.study.runner import run_study
from equipoise.study.search import conclude_search, run_search
from equipoise.study.spec import Study, list_studies, load_study
from equipoise.study.store import Entry, StudyData, read_study

__all__ = [
    "Entry", "Study", "StudyData", "conclude_search", "list_studies", "load_study", "read_study", "run_search",
    "run_study",
]  # fmt: skip
