from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from asdbench.stats.multiplicity import holm, sign_test


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.02]) == [0.02]


def test_holm_rejects_what_the_stepwise_rule_rejects():
    rng = np.random.default_rng(1)
    for _ in range(200):
        p = rng.random(6) ** 3
        rejected = set()
        for step, index in enumerate(np.argsort(p)):
            if p[index] > 0.05 / (6 - step):
                break
            rejected.add(int(index))
        assert {i for i, value in enumerate(holm(list(p))) if value <= 0.05} == rejected


def test_holm_keeps_the_family_wise_error():
    rng = np.random.default_rng(2)
    wrong = sum(min(holm(list(rng.random(10)))) <= 0.05 for _ in range(4000)) / 4000
    assert wrong == pytest.approx(0.05, abs=0.012)


def test_sign_test():
    gaps = [0.0448, 0.0687, 0.0217, 0.0544, 0.0246]  # MIMII-Gen, Table IV
    assert sign_test(gaps, "greater") == pytest.approx(1 / 32)
    assert sign_test(gaps) == pytest.approx(1 / 16)
    assert sign_test([*gaps, 0.0, -0.01]) == pytest.approx(2 * binom.sf(4, 6, 0.5))
    assert sign_test([0.0, 0.0]) is None
    assert sign_test([]) is None


def test_p_values_must_be_probabilities():
    with pytest.raises(ValueError, match="0 to 1"):
        holm([0.1, float("nan")])
