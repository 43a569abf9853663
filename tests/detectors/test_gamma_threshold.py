from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from asdbench.detectors._gamma_threshold import gamma_quantile, gamma_threshold


@pytest.mark.shared
def test_gamma_quantiles_are_the_official_thresholds(shared: Path) -> None:
    fits = json.loads((shared / "oracle" / "fixtures" / "gamma_thresholds.json").read_text())
    assert len(fits) >= 30
    for fit in fits.values():
        quantile = gamma_quantile(*fit["params_shape_loc_scale"])
        assert quantile == pytest.approx(fit["threshold"], rel=1e-9)


@pytest.mark.shared
def test_fit_recovers_the_thresholds_of_sound_fits(shared: Path) -> None:
    from scipy import stats

    fits = json.loads((shared / "oracle" / "fixtures" / "gamma_thresholds.json").read_text())
    rng = np.random.default_rng(0)
    for name, fit in list(fits.items())[:12]:
        shape, loc, scale = fit["params_shape_loc_scale"]
        if shape < 1:  # a degenerate optimum: nothing to recover
            continue
        scores = stats.gamma.rvs(shape, loc, scale, size=1000, random_state=rng)
        threshold = gamma_threshold(scores)
        assert threshold.rule == "gamma", name
        assert threshold.value == pytest.approx(fit["threshold"], abs=0.3 * scores.std()), name


@pytest.mark.parametrize(
    "scores",
    [
        np.full(50, 3.0),
        np.array([1.0, 2.0]),
        np.array([5.0]),
        np.concatenate([np.full(99, 1.0), [1e9]]),
        np.zeros(20),
    ],
)
def test_degenerate_scores_get_the_empirical_quantile(scores: np.ndarray) -> None:
    threshold = gamma_threshold(scores)
    assert threshold.rule == "quantile"
    assert threshold.value == np.quantile(scores, 0.9)
