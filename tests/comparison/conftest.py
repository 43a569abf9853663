from __future__ import annotations

import pytest
from twin_runs import full_side, scores

from asdbench.comparison import Comparison, Side, compare


@pytest.fixture(scope="session")
def before() -> Side:
    return full_side(scores())


@pytest.fixture(scope="session")
def after() -> Side:
    """The detector `ae` got worse on the fan."""
    return full_side(scores(worse=0.6))


@pytest.fixture(scope="session")
def regression(before: Side, after: Side) -> Comparison:
    return compare(before, after, 0.02)
