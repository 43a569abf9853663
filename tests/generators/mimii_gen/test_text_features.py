"""Hashed vectors are normal and never change; number features are smooth."""

from __future__ import annotations

import numpy as np
import pytest

from asdbench.generators.mimii_gen.text_features import as_number, gaussian, number_features


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0.0), ("0.03", 0.03), ("1300", 1300.0), ("1.0", 1.0), ("-5", -5.0)]
    + [
        (text, None) for text in ("05", "00", "28V", "A", "", "nan", "inf", "1e3", "1_0", " 1", "٣")
    ],
)
def test_what_is_a_number(text: str, number: float | None) -> None:
    assert as_number(text) == number


def test_hashed_vectors_are_standard_normal_and_independent() -> None:
    from scipy.stats import kstest

    drawn = gaussian("bearing", 20_000)
    assert kstest(drawn, "norm").pvalue > 0.01
    assert abs(np.corrcoef(drawn, gaussian("bearings", 20_000))[0, 1]) < 0.02


def test_hashed_vectors_never_change() -> None:
    pinned = [2.0032914, 1.6392446, -2.073597]
    assert gaussian("machine=fan", 3) == pytest.approx(pinned, abs=1e-6)


def test_the_range_is_mapped_to_plus_minus_one() -> None:
    assert number_features(2.0, (2.0, 26.0))[0] == -1
    assert number_features(26.0, (2.0, 26.0))[0] == 1
    assert number_features(38.0, (2.0, 26.0))[0] == 2
    assert np.isfinite(number_features(7.0, (4.0, 4.0))).all()
    assert number_features(3.0, (0.0, 0.0))[0] == 3


def test_features_are_smooth_and_tell_close_values_apart() -> None:
    grid = np.stack([number_features(vel, (2.0, 26.0)) for vel in np.linspace(2, 26, 241)])
    steps = np.linalg.norm(np.diff(grid, axis=0), axis=1)
    assert steps.max() < 0.15  # at a tenth of a krpm
    assert steps.min() > 0.03
