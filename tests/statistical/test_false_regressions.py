"""How often two detectors are told apart, on the same clips and on clips of their own."""

from __future__ import annotations

import numpy as np
import pytest

from asdbench.stats.combination import combination
from asdbench.stats.curves import Curve, Pool

DRAWS = 600


def share_told_apart(rng: np.random.Generator, n: int, m: int, drop: float, paired: bool) -> float:
    """The share of draws whose 95 % interval of the difference of two AUCs excludes 0.

    Each detector hears the clips with noise of its own; ``drop`` moves the second one's anomalies.
    """
    hits = 0
    for _ in range(DRAWS):
        clips = rng.standard_normal(n), rng.standard_normal(m) + 0.8
        curves = []
        for which, less in (("base", 0.0), ("new", drop)):
            heard = [scores + 0.5 * rng.standard_normal(len(scores)) for scores in clips]
            name = "" if paired else which
            pools = (Pool(f"normals {name}", heard[0]), Pool(f"anomalies {name}", heard[1] - less))
            curves.append(Curve(*pools))
        found = combination([(-1.0, curves[0]), (1.0, curves[1])], 0.95, 200, rng)
        assert found.low is not None
        assert found.high is not None
        hits += found.low > 0.0 or found.high < 0.0
    return hits / DRAWS


@pytest.mark.parametrize(("n", "m"), [(40, 20), (100, 100)])
def test_equal_detectors_are_told_apart_at_the_nominal_rate(n: int, m: int):
    share = share_told_apart(np.random.default_rng(11), n, m, 0.0, paired=True)
    assert 0.02 <= share <= 0.08


def test_pairing_finds_what_separate_clips_hide():
    paired, separate = (
        share_told_apart(np.random.default_rng(5), 100, 100, 0.3, paired=p) for p in (True, False)
    )
    assert paired > 0.7
    assert separate < 0.4
