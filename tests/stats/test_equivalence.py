from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from asdbench.stats.equivalence import equivalence_p, is_equivalent, verdict
from asdbench.stats.interval import Interval


@pytest.mark.parametrize(
    ("estimate", "se", "expected"),
    [
        (0.0, 0.01, "equivalent"),
        (0.01, 0.01, "equivalent"),
        (0.025, 0.01, "negligible"),
        (-0.025, 0.01, "negligible"),
        (0.04, 0.01, "different"),
        (-0.09, 0.01, "different"),
        (0.0, 0.05, "inconclusive"),
        (0.04, 0.03, "inconclusive"),
    ],
)
def test_four_verdicts(estimate, se, expected):
    assert verdict(Interval.normal(estimate, se, 0.95), 0.05) == expected


def test_equivalence_is_tested_at_the_inner_interval():
    """0.05 - 1.645 se is enough; the 95 % interval need not lie inside."""
    inside, outside = (Interval.normal(0.05 - z * 0.02, 0.02, 0.95) for z in (1.65, 1.64))
    assert (verdict(inside, 0.05), verdict(outside, 0.05)) == ("equivalent", "inconclusive")
    assert inside.high is not None
    assert inside.high > 0.05
    assert (equivalence_p(inside, 0.05) < 0.05, equivalence_p(outside, 0.05) < 0.05) == (
        True,
        False,
    )


def test_p_is_the_larger_of_two_one_sided_ones():
    found = equivalence_p(Interval.normal(0.02, 0.015, 0.95), 0.05)
    expected = max(norm.sf((0.02 + 0.05) / 0.015), norm.cdf((0.02 - 0.05) / 0.015))
    assert found == pytest.approx(expected)


def test_of_bootstrap_draws_the_quantiles_and_shares_count():
    samples = np.linspace(-0.03, 0.06, 1001)
    found = Interval.percentile(0.015, samples, 0.9)  # inner interval: 80 %
    assert is_equivalent(found, 0.0511)
    assert not is_equivalent(found, 0.0509)
    assert equivalence_p(found, 0.05) == pytest.approx((np.sum(samples >= 0.05) + 1) / 1002)


def test_no_interval_no_verdict():
    nothing = Interval.missing(0.0, 0.95, "why")
    assert verdict(nothing, 0.05) is None
    assert is_equivalent(nothing, 0.05) is None
    assert equivalence_p(nothing, 0.05) is None


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="margin is 0"):
        verdict(Interval.normal(0.0, 0.1, 0.95), 0.0)
    with pytest.raises(ValueError, match=r"confidence is 0\.4"):
        verdict(Interval.normal(0.0, 0.1, 0.4), 0.05)
