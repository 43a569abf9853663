"""Scores from what an audio classifier, or a model of audio and text, makes of the clips.

Their names carry the model: ``kl_ast`` and ``is_ast`` are those of the Audio Spectrogram
Transformer, and comparable with no published KL-PaSST.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asdbench.metrics.rank import MetricError

Floats = NDArray[np.float64]
EPS = 1e-6
"""Added to the probability in the denominator of the KL divergence."""
_SUM_TOLERANCE = 1e-4  # of probabilities that come from single precision


def check_posteriors(posteriors: ArrayLike, what: str) -> Floats:
    """Return class probabilities as float64 (n, classes), n >= 1, each row summing to 1.

    Raises
    ------
    MetricError
        When they are none: another shape, negative, NaN, or not summing to 1.
    """
    values = np.asarray(posteriors, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise MetricError(f"posteriors of {what} have shape {values.shape}; expected (n, classes)")
    sums = values.sum(axis=1)
    if not (np.all(values >= 0.0) and np.all(np.abs(sums - 1.0) < _SUM_TOLERANCE)):
        raise MetricError(
            f"posteriors of {what} are no probabilities: they must not be negative, and sum to 1",
            "Apply a softmax to logits first.",
        )
    return np.asarray(values / sums[:, None])


def kl_divergence(reference: ArrayLike, generated: ArrayLike) -> float:
    """Return the mean over pairs of KL(reference || generated), in nats.

    Row i of both is the posterior of a pair: a real clip, and a clip generated for its caption.
    Each pair gives sum_c p_c (log p_c - log(q_c + 1e-6)), p the real clip's softmax posterior, as
    the evaluation programs of AudioGen and AudioLDM compute it.

    Parameters
    ----------
    reference, generated
        (pairs, classes).

    Raises
    ------
    MetricError
        When shapes differ or rows are no probabilities.
    """
    from scipy.special import xlogy

    p, q = check_posteriors(reference, "real clips"), check_posteriors(generated, "generated clips")
    if p.shape != q.shape:
        raise MetricError(
            f"posteriors of pairs have shapes {p.shape} and {q.shape}; they must agree",
            "Pair every generated clip with one real clip, and use one classifier.",
        )
    return float(np.mean(np.sum(xlogy(p, p) - p * np.log(q + EPS), axis=1)))


def inception_score(posteriors: ArrayLike) -> float:
    """Return exp(mean KL(p(y|x) || p(y))) of a pool, from 1 to the number of classes.

    High where the classifier is sure of each clip and the clips differ; it knows no reference,
    and grows with the number of clips (T. Salimans et al., NeurIPS 2016, section 4). Clips of one
    machine are all of one kind, so it is near 1 for them: compare it with that of the real pool.

    Parameters
    ----------
    posteriors
        (clips, classes).

    Raises
    ------
    MetricError
        As :func:`check_posteriors`.
    """
    from scipy.special import xlogy

    p = check_posteriors(posteriors, "clips")
    marginal = p.mean(axis=0)
    return float(np.exp(np.mean(np.sum(xlogy(p, p) - xlogy(p, marginal), axis=1))))


def clap_score(text: ArrayLike, audio: ArrayLike) -> float:
    """Return the mean cosine of captions and clips, from -1 to 1.

    Row i of both is the vector of a clip's caption and that of the clip. Neither cut at 0 nor
    scaled, as in MIMII-Gen's Table III, which gives it for original and for generated clips.

    Parameters
    ----------
    text, audio
        (clips, d).

    Raises
    ------
    MetricError
        When shapes differ, a vector is zero, or a value is not finite.
    """
    t, a = np.asarray(text, dtype=np.float64), np.asarray(audio, dtype=np.float64)
    if t.ndim != 2 or t.shape != a.shape or not t.size:
        raise MetricError(
            f"vectors of captions and clips have shapes {t.shape} and {a.shape}; "
            "expected (n, d) for both"
        )
    norms = np.linalg.norm(t, axis=1) * np.linalg.norm(a, axis=1)
    if not (np.isfinite(norms).all() and (norms > 0.0).all()):
        raise MetricError("a vector of a caption or clip is zero, NaN or infinite")
    return float(np.mean(np.sum(t * a, axis=1) / norms))
