"""A Gaussian mixture of log-mel statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asdbench.api import DetectorInfo, Params

from ._logmel_statistics import Bands, Rows, Scaling
from ._statistics_detector import StatisticsDetector, StatisticsModel


class GMMParams(Params):
    """Parameters of ``gmm``."""

    components: int = Field(2, ge=1)
    """Gaussians of the mixture; fewer where there are fewer clips."""
    covariance: Literal["full", "diag"] = "full"
    """Shape of each Gaussian, in the space of whitened statistics."""
    reg: float = Field(0.1, gt=0.0)
    """Added to every variance; those of all clips together are 1."""
    bands: Bands = 16
    """Frequency bands; each gives a mean and a deviation over time."""


@dataclass(frozen=True)
class Gaussians(StatisticsModel):
    """A mixture of Gaussians for the source domain, and a Gaussian for every target clip.

    Parameters
    ----------
    log_weights, means, whiteners
        The mixture: (k,), (k, d), and (k, d, d), whose product with its own transpose is the
        inverse of a component's covariance.
    targets, target_whitener
        The target clips, (n_target, d), in scaled statistics, and what stands for the covariance
        of their Gaussians, (d, d).
    """

    log_weights: Rows
    means: Rows
    whiteners: Rows
    targets: Rows
    target_whitener: Rows

    @classmethod
    def learn(cls, rows: Rows, in_target: NDArray[np.bool_], params: GMMParams, seed: int) -> Self:
        """Return the Gaussians of ``rows``; without source clips all are taken for such."""
        from sklearn.mixture import GaussianMixture

        scaling = Scaling.whitening(rows)
        scaled = scaling(rows)
        target = in_target if not in_target.all() else np.zeros(len(rows), bool)
        source = scaled[~target]
        mixture = GaussianMixture(
            min(params.components, len(source)),
            covariance_type=params.covariance,
            reg_covar=params.reg,
            random_state=np.random.RandomState(np.random.MT19937(seed)),
        ).fit(source if len(source) > 1 else np.repeat(source, 2, axis=0))
        identity = np.eye(scaled.shape[1])
        cholesky = mixture.precisions_cholesky_  # (k, d, d), or (k, d) where diagonal
        whiteners = cholesky if params.covariance == "full" else cholesky[:, :, None] * identity
        centered = source - source.mean(axis=0)
        pooled = centered.T @ centered / len(source) + params.reg * identity
        whitener = np.linalg.inv(np.linalg.cholesky(pooled)).T
        log_weights = np.log(mixture.weights_)
        return cls(scaling, log_weights, mixture.means_, whiteners, scaled[target], whitener)

    def score(self, rows: Rows, params: GMMParams) -> Rows:
        """Return the smallest negative log-likelihood: of the mixture, of any target clip's."""
        scaled = self.scaling(rows)
        components = zip(self.means, self.whiteners, strict=True)
        terms = [_log_density(scaled, mean, whitener) for mean, whitener in components]
        likelihoods = [np.logaddexp.reduce(np.array(terms) + self.log_weights[:, None], axis=0)]
        likelihoods += [_log_density(scaled, clip, self.target_whitener) for clip in self.targets]
        scores: Rows = -np.max(likelihoods, axis=0)
        return scores


def _log_density(rows: Rows, mean: Rows, whitener: Rows) -> Rows:
    """Return the logarithm of a Gaussian's density at ``rows``, (n,)."""
    squares = (((rows - mean) @ whitener) ** 2).sum(axis=1)
    _, log_volume = np.linalg.slogdet(whitener)
    density: Rows = log_volume - 0.5 * squares - 0.5 * len(mean) * np.log(2 * np.pi)
    return density


class GMM(StatisticsDetector[Gaussians]):
    """Negative log-likelihood of a clip's band statistics under Gaussians of normal clips.

    A clip is 32 numbers: the mean and the standard deviation over time of 16 log-mel bands. They
    are whitened with the covariance of the section's training clips, and a mixture is fitted to
    the clips of the source domain. The target domain has too few clips to fit anything to: each
    of them is the center of a Gaussian with the covariance that the source clips have together.
    The score is the smallest negative log-likelihood, under the mixture or any of these Gaussians.
    A clip is called anomalous when its score is above the 90 % quantile of a gamma distribution
    fitted to scores of training clips, each by a model fitted without it.

    Its embedding is the whitened statistics, (2 * bands,).
    """

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="gmm",
        version="1",
        params=GMMParams,
        description="Gaussian mixture of statistics of log-mel bands.",
        scope="section",
    )
    params: GMMParams
    model_class = Gaussians
