from __future__ import annotations

import numpy as np
import pytest

from asdbench.stats.components import variance_components


def simulate(rng, rows, columns, detector, generator, rest=0.0):
    return (
        rng.normal(size=(rows, 1)) * detector
        + rng.normal(size=(1, columns)) * generator
        + rng.normal(size=(rows, columns)) * rest
    )


@pytest.mark.parametrize(("rows", "columns"), [(4, 3), (5, 1), (1, 6)])
def test_components_are_found_on_average(rows, columns):
    rng = np.random.default_rng(1)
    found = [
        variance_components(simulate(rng, rows, columns, 2.0, 3.0, 1.0), 0.1) for _ in range(4000)
    ]

    def mean(values):
        return float(np.mean([v**2 for v in values]))

    # With one fit of the other kind its interaction cannot be told from the spread between fits.
    alone = 0.0 if rows > 1 and columns > 1 else 1.0
    if rows > 1:
        assert mean([f.sd_detector for f in found]) == pytest.approx(4.0 + alone, rel=0.08)
    else:
        assert found[0].sd_detector is None
    if columns > 1:
        assert mean([f.sd_generator for f in found]) == pytest.approx(9.0 + alone, rel=0.08)
    else:
        assert found[0].sd_generator is None
    if not alone:
        assert mean([f.sd_rest for f in found]) == pytest.approx(1.0, rel=0.08)


def test_what_fits_add_to_the_mean():
    rng = np.random.default_rng(2)
    tables = [simulate(rng, 4, 3, 2.0, 3.0, 1.0) for _ in range(4000)]
    spread = np.var([t.mean() for t in tables])
    found = np.mean([variance_components(t, 0.1).fits_variance for t in tables])
    assert found == pytest.approx(spread, rel=0.08)


@pytest.mark.parametrize(
    ("table", "clips", "expected"),
    [
        ([[0.0, 0.0], [2.0, 2.0]], 0.1, "detector repeats"),
        ([[0.0, 2.0], [0.0, 2.0]], 0.1, "generator repeats"),
        ([[0.0, 0.2], [0.0, 0.2]], 0.1, "clips"),
        ([[0.0], [0.2], [0.1]], 0.1, "clips"),
        ([[0.3]], 0.1, "unknown"),
        ([[0.0], [0.2]], None, "detector repeats"),
    ],
)
def test_what_to_buy(table, clips, expected):
    assert variance_components(table, clips).buy == expected


def test_generated_clips_are_taken_off_the_generator():
    table = [[0.0, 2.0, 1.0]]
    found = variance_components(table, 0.1, generated_clip_variance=0.75)
    assert found.sd_generator == pytest.approx(0.5)
    assert variance_components(table, 0.1, generated_clip_variance=9.0).sd_generator == 0.0


def test_one_table_by_hand():
    found = variance_components([[0.0, 1.0], [2.0, 3.0]], 0.25)
    assert (found.mean, found.sd_clips, found.sd_rest) == (1.5, 0.5, 0.0)
    assert found.sd_detector == pytest.approx(np.sqrt(2.0))
    assert found.sd_generator == pytest.approx(np.sqrt(0.5))
    assert found.fits_variance == pytest.approx(1.25)


def test_a_table_is_needed():
    for wrong in ([0.1, 0.2], [[]], [[np.nan]]):
        with pytest.raises(ValueError, match="expected a table"):
            variance_components(wrong, 0.1)
