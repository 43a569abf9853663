from __future__ import annotations

import math

import numpy as np
import pytest

from asdbench.metrics.classifier_scores import clap_score, inception_score, kl_divergence
from asdbench.metrics.rank import MetricError


def test_kl_of_known_pairs() -> None:
    p, q = [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], [[0.25, 0.25, 0.5], [0.5, 0.5, 0.0]]
    assert kl_divergence(p, q) == pytest.approx(math.log(2), abs=1e-5)  # both pairs: log 2
    assert kl_divergence(p, p) == pytest.approx(0.0, abs=1e-5)
    # What the generated clip excludes costs log(1e6), not infinity.
    assert kl_divergence([[1.0, 0.0]], [[0.0, 1.0]]) == pytest.approx(6 * math.log(10))


def test_kl_agrees_with_torch() -> None:
    import torch

    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.full(20, 0.2), size=(2, 7))
    wanted = torch.nn.functional.kl_div(
        torch.from_numpy(q + 1e-6).log(), torch.from_numpy(p), reduction="sum"
    )
    assert kl_divergence(p, q) == pytest.approx(float(wanted) / 7, rel=1e-12)


def test_inception_score_from_one_to_the_number_of_classes() -> None:
    assert inception_score(np.eye(5)) == pytest.approx(5.0)
    assert inception_score(np.eye(5)[[2, 2, 2]]) == pytest.approx(1.0)
    assert inception_score(np.full((9, 4), 0.25)) == pytest.approx(1.0)
    p = np.random.default_rng(1).dirichlet(np.ones(6), size=30)
    kl = [kl_divergence(row[None], p.mean(axis=0)[None]) for row in p]
    assert inception_score(p) == pytest.approx(math.exp(np.mean(kl)), rel=1e-4)


def test_clap_score_is_a_mean_cosine() -> None:
    text = [[1.0, 0.0], [3.0, 3.0], [0.0, -2.0]]
    audio = [[5.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    assert clap_score(text, audio) == pytest.approx((1.0 + math.sqrt(0.5) - 1.0) / 3)


def test_mistakes_are_named() -> None:
    with pytest.raises(MetricError, match="must agree"):
        kl_divergence(np.eye(2), np.eye(2)[:1])
    with pytest.raises(MetricError, match="Apply a softmax"):
        inception_score([[2.0, -1.0]])
    with pytest.raises(MetricError, match="no probabilities"):
        inception_score([[np.nan, 1.0]])
    with pytest.raises(MetricError, match="shape"):
        inception_score(np.empty((0, 3)))
    with pytest.raises(MetricError, match="is zero, NaN"):
        clap_score([[0.0, 0.0]], [[1.0, 0.0]])
    with pytest.raises(MetricError, match="have shapes"):
        clap_score([[1.0, 0.0]], [[1.0, 0.0, 0.0]])
