"""Fréchet audio distance (FAD), and what it would be for infinitely many clips.

The distance between Gaussians fitted to two sets of vectors (K. Kilgour et al., "Fréchet Audio
Distance", Interspeech 2019, equation 1)::

    FAD = |mu_r - mu_g|^2 + tr(C_r + C_g - 2 (C_r C_g)^(1/2))

It is biased upwards by about 1/n, so two values are comparable at equal n only.
:func:`frechet_infinity` fits that dependence and extrapolates (A. Gui et al., "Adapting Fréchet
Audio Distance for Generative Music Evaluation", ICASSP 2024, section 3.3, after M. J. Chong and
D. Forsyth, CVPR 2020). All arithmetic is in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asdbench.api import Embedded
from asdbench.metrics.rank import MetricError

Floats = NDArray[np.float64]
SIZES = 25
"""Sample sizes of the fit of :func:`frechet_infinity`."""
ROWS_PER_DIMENSION = 2
"""Rows that :func:`frechet_infinity` needs for every dimension of the vectors, so that the
smallest subset has full rank: with fewer rows than dimensions 1/n is no longer the law."""
MIN_CLIPS = 50
"""Clips that :func:`frechet_infinity` needs on either side."""
_SMALLEST = 0.5  # of all clips: the smallest size of the fit


def check_rows(rows: ArrayLike, what: str, least: int = 2) -> Floats:
    """Return ``rows`` as float64 (n, d), n >= ``least``.

    Raises
    ------
    MetricError
        When it is not two-dimensional, too short, or holds NaN or infinity; ``what`` names it.
    """
    values = np.asarray(rows, dtype=np.float64)
    if values.ndim != 2:
        raise MetricError(f"vectors of {what} have shape {values.shape}; expected (n, d)")
    if len(values) < least:
        raise MetricError(f"{len(values)} vectors of {what}; at least {least} are needed")
    if not np.isfinite(values).all():
        raise MetricError(f"vectors of {what} hold NaN or infinity")
    return values


def check_pair(real: ArrayLike, generated: ArrayLike) -> tuple[Floats, Floats]:
    """Return both sets of vectors, checked, of one dimension.

    Raises
    ------
    MetricError
        As :func:`check_rows`, or when the dimensions differ.
    """
    pair = check_rows(real, "real clips"), check_rows(generated, "generated clips")
    if pair[0].shape[1] != pair[1].shape[1]:
        raise MetricError(
            f"vectors of real clips have {pair[0].shape[1]} dimensions, those of generated clips "
            f"{pair[1].shape[1]}",
            "Compare vectors of one embedding only.",
        )
    return pair


def frechet_gaussians(mean_r: Floats, cov_r: Floats, mean_g: Floats, cov_g: Floats) -> float:
    """Return the squared Fréchet distance of two Gaussians.

    The trace of (C_r C_g)^(1/2) is the sum of the square roots of the eigenvalues of
    C_r^(1/2) C_g C_r^(1/2), which is symmetric: no complex parts, no matrix square root of a
    product that has none.

    Parameters
    ----------
    mean_r, mean_g
        (d,).
    cov_r, cov_g
        (d, d), symmetric, positive semidefinite; of any rank.
    """
    values, vectors = np.linalg.eigh(cov_r)
    root = (vectors * np.sqrt(_positive(values))) @ vectors.T
    cross = np.sqrt(_positive(np.linalg.eigvalsh(root @ cov_g @ root))).sum()
    between = float(np.sum((mean_r - mean_g) ** 2))
    return max(0.0, between + float(np.trace(cov_r) + np.trace(cov_g) - 2.0 * cross))


def _positive(eigenvalues: Floats) -> Floats:
    """Return eigenvalues without those that are zero but for rounding.

    Their square roots would add 1e-8 each, times the root of the largest.
    """
    noise = eigenvalues.max(initial=0.0) * eigenvalues.size * np.finfo(np.float64).eps
    return np.where(eigenvalues > noise, eigenvalues, 0.0)


def frechet_distance(real: ArrayLike, generated: ArrayLike) -> float:
    """Return the FAD of two sets of vectors, (n, d) and (m, d), at least two each.

    Covariances are divided by n - 1. Where both sets have fewer vectors than dimensions, the
    trace is the nuclear norm of A B^T, A and B the centered vectors: the same number, at the
    cost of n and m instead of d.

    Raises
    ------
    MetricError
        As :func:`check_pair`.
    """
    r, g = check_pair(real, generated)
    mean_r, mean_g = r.mean(axis=0), g.mean(axis=0)
    a = (r - mean_r) / np.sqrt(len(r) - 1)
    b = (g - mean_g) / np.sqrt(len(g) - 1)
    if max(len(r), len(g)) >= r.shape[1]:
        return frechet_gaussians(mean_r, a.T @ a, mean_g, b.T @ b)
    cross = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    between = float(np.sum((mean_r - mean_g) ** 2))
    return max(0.0, between + float(np.sum(a**2) + np.sum(b**2) - 2.0 * cross))


@dataclass(frozen=True)
class Extrapolation:
    """FAD for infinitely many clips, or the reason why these clips cannot tell."""

    estimate: float | None
    """Intercept of the fit; may be slightly negative."""
    r_squared: float | None
    """Share of the variance that the fit explains: low where the distance hardly depends on n."""
    sizes: tuple[int, ...] = ()
    """Clips on either side."""
    values: tuple[float, ...] = ()
    """FAD at these sizes."""
    reason: str | None = None


def frechet_infinity(
    real: Embedded, generated: Embedded, rng: np.random.Generator
) -> Extrapolation:
    """Extrapolate the FAD to infinitely many clips on both sides.

    The FAD of random subsets, as many clips on one side as on the other, at 25 sizes from half
    of the smaller pool to all of it, is fitted by a + b / n; a is the estimate.

    Deviations from Gui et al.: subsets are drawn without replacement, because with it the fit
    leads to the FAD of these very clips, bias included; both pools shrink together, because the
    reference is as small as the generated pool here and adds a bias of its own; whole clips are
    drawn, because the rows of one clip are no independent samples.

    Parameters
    ----------
    real, generated
        Vectors of one embedding.
    rng
        Source of randomness; the same state gives the same result.
    """
    check_pair(real.rows, generated.rows)
    pools = [rows_by_clip(real), rows_by_clip(generated)]
    clips = min(len(pool) for pool in pools)
    rows = min(len(np.concatenate(pool)) for pool in pools)
    needed = ROWS_PER_DIMENSION * real.rows.shape[1]
    if clips < MIN_CLIPS or rows < needed:
        return Extrapolation(
            None,
            None,
            reason=f"{clips} clips ({rows} vectors of {real.rows.shape[1]} dimensions) are too few "
            f"to extrapolate; at least {MIN_CLIPS} clips and {needed} vectors a side are needed",
        )
    sizes = np.unique(np.linspace(_SMALLEST * clips, clips, SIZES).round().astype(int))
    values = np.array([frechet_distance(*(_drawn(p, size, rng) for p in pools)) for size in sizes])
    slope, intercept = np.polyfit(1.0 / sizes, values, 1)
    spread = float(np.sum((values - values.mean()) ** 2))
    left = float(np.sum((values - (intercept + slope / sizes)) ** 2))
    r_squared = 1.0 - left / spread if spread > 0.0 else None
    return Extrapolation(float(intercept), r_squared, tuple(sizes.tolist()), tuple(values.tolist()))


@dataclass(frozen=True)
class FrechetFloor:
    """The FAD of real clips against real clips, and of generated clips at that number."""

    real: float
    """One half of the real pool against the other, mean over random splits."""
    generated: float
    """As many generated clips against one half of the real pool, mean over random splits."""
    clips: int
    """On either side."""


def frechet_floor(
    real: Embedded, generated: Embedded, rng: np.random.Generator, splits: int = 10
) -> FrechetFloor:
    """Return the noise floor of the FAD, with the generated clips at matched size.

    The two values have the same bias: what the second exceeds the first by is a difference
    between the pools.

    Parameters
    ----------
    real, generated
        Vectors of one embedding.
    rng
        Source of randomness; the same state gives the same result.
    splits
        Random splits to average over.

    Raises
    ------
    MetricError
        When there are fewer than four real clips or fewer than two generated ones.
    """
    check_pair(real.rows, generated.rows)
    real_clips, generated_clips = rows_by_clip(real), rows_by_clip(generated)
    clips = min(len(real_clips) // 2, len(generated_clips))
    if clips < 2:
        raise MetricError(
            f"{len(real_clips)} real and {len(generated_clips)} generated clips are too few for a "
            "noise floor",
            "Four real clips and two generated ones are needed.",
        )
    floor, matched = [], []
    for _ in range(splits):
        both = [real_clips[i] for i in rng.permutation(len(real_clips))[: 2 * clips]]
        half, other = np.concatenate(both[:clips]), np.concatenate(both[clips:])
        floor.append(frechet_distance(half, other))
        matched.append(frechet_distance(half, _drawn(generated_clips, clips, rng)))
    return FrechetFloor(float(np.mean(floor)), float(np.mean(matched)), clips)


def rows_by_clip(embedded: Embedded) -> list[Floats]:
    """Return the vectors of each clip, (rows of the clip, d), in clip order."""
    return np.split(embedded.rows, np.flatnonzero(np.diff(embedded.clip)) + 1)


def _drawn(pool: list[Floats], clips: int, rng: np.random.Generator) -> Floats:
    """Return the vectors of ``clips`` random clips of ``pool``, without replacement."""
    return np.concatenate([pool[i] for i in rng.permutation(len(pool))[:clips]])
