"""Many gaps at once: Holm's correction, and a sign test for a common direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from asdbench.metrics.rank import MetricError


def holm(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p-values; those below a are significant at family-wise level a.

    S. Holm, Scandinavian Journal of Statistics 6 (1979): the k-th smallest of n is multiplied by
    n - k + 1 and never falls below the one before. Holds whatever the dependence between them.

    Raises
    ------
    MetricError
        When a p-value does not lie within 0 to 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not np.all((p >= 0.0) & (p <= 1.0)):
        raise MetricError(f"p-values {list(p_values)} do not all lie within 0 to 1")
    order = np.argsort(p, kind="stable")
    raised = np.minimum(np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)), 1.0)
    adjusted = np.empty_like(p)
    adjusted[order] = raised
    return [float(value) for value in adjusted]


def sign_test(
    gaps: Sequence[float], alternative: Literal["two-sided", "greater", "less"] = "two-sided"
) -> float | None:
    """Return the p-value of "gaps are as often positive as negative" (``scipy.stats.binomtest``).

    Gaps of exactly 0 say nothing about a direction and are left out; None where no other is
    left. Gaps should be independent: one a machine. ``greater`` and ``less`` are for directions
    that were named before looking: five positive gaps of five have p = 0.03 one-sided, 0.06
    two-sided.
    """
    from scipy.stats import binomtest

    signs = np.sign(np.asarray(gaps, dtype=np.float64))
    known = int(np.count_nonzero(signs))
    if not known:
        return None
    return float(binomtest(int(np.sum(signs > 0)), known, 0.5, alternative).pvalue)
