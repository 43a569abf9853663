"""Suites: YAML files that say which clips, generators and detectors to benchmark."""

from asdbench.suite.find import bundled_suites
from asdbench.suite.load import examine, foreign_code, load_suite, problems
from asdbench.suite.loaded import LoadedPlugin, LoadedSuite
from asdbench.suite.problem import Problem

__all__ = [
    "LoadedPlugin",
    "LoadedSuite",
    "Problem",
    "bundled_suites",
    "examine",
    "foreign_code",
    "load_suite",
    "problems",
]
