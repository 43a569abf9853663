from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from asdbench.detectors._selective_mahalanobis import (
    Covariance,
    covariances,
    selective_mahalanobis,
)


@pytest.mark.shared
def test_covariances_are_the_official_ones(shared: Path) -> None:
    with np.load(shared / "oracle" / "fixtures" / "cov" / "cov_fixture.npz") as stored:
        fixture = dict(stored)
    residual = torch.from_numpy(fixture["x"] - fixture["recon"])
    is_target = torch.from_numpy(fixture["is_target"])
    domains = [Covariance(128, "batch") for _ in range(2)]
    size = int(fixture["batch_size"])
    for rows, target in zip(residual.split(size), is_target.split(size), strict=True):
        domains[0].add(rows[~target])
        domains[1].add(rows[target])
    for matrix, name in zip(covariances(*domains), ("source", "target"), strict=True):
        scale = np.abs(fixture[f"cov_{name}"]).max()
        np.testing.assert_allclose(matrix, fixture[f"cov_{name}"], rtol=0, atol=2e-6 * scale)


def residual_rows(count: int, bands: int = 6, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 2 * bands, generator=generator) + 0.5


def test_mahalanobis_is_the_mean_over_all_pairs_of_rows() -> None:
    rows = residual_rows(40).reshape(-1, 6).double().numpy()
    matrices = []
    for seed in (1, 2):
        domain = Covariance(6, "batch")
        domain.add(residual_rows(100, seed=seed))
        matrices.append(domain.matrix())
    naive = []
    for matrix in matrices:
        inverse = np.linalg.inv(matrix)
        naive.append(np.mean([[a @ inverse @ b for b in rows] for a in rows]))
    score = selective_mahalanobis(rows.mean(axis=0)[None], *matrices)
    assert score[0] == pytest.approx(min(naive), rel=1e-6)


def test_global_covariance_does_not_depend_on_batches() -> None:
    residual = residual_rows(200)
    rows = residual.reshape(-1, 6).double().numpy()
    expected = np.cov(rows.T) * (len(rows) - 1) / (len(residual) - 1)
    for size in (1, 7, 200):
        domain = Covariance(6, "global")
        for batch in residual.split(size):
            domain.add(batch)
        np.testing.assert_allclose(domain.matrix(), expected, rtol=1e-4, atol=1e-5)


def test_a_domain_without_clips_takes_the_other_domains_covariance() -> None:
    full, empty = Covariance(6, "batch"), Covariance(6, "batch")
    full.add(residual_rows(10))
    empty.add(residual_rows(10)[:0])
    for pair in (covariances(full, empty), covariances(empty, full)):
        np.testing.assert_array_equal(pair[0], pair[1])
        np.testing.assert_array_equal(pair[0], full.matrix())


def test_a_band_without_variance_still_shows_a_deviation() -> None:
    residual = residual_rows(50)
    residual[:, [3, 9]] = 0.0
    domain = Covariance(6, "batch")
    domain.add(residual)
    usual, deviating = np.full(6, 0.5), np.full(6, 0.5)
    usual[3], deviating[3] = 0.0, 0.1
    scores = selective_mahalanobis(np.stack([usual, deviating]), *[domain.matrix()] * 2)
    assert np.isfinite(scores).all()
    assert scores[1] > 100 * scores[0]
    assert np.isfinite(selective_mahalanobis(np.ones((1, 6)), *[np.zeros((6, 6))] * 2)).all()
