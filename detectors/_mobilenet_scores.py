"""Scores and features of clips, clip by clip."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from asdbench.features import LOG_FLOOR, Windows

from ._ae_batches import WindowGather
from ._mobilenet_inference import Classifier

_CHUNK = {"cpu": 32, "cuda": 1024}
"""Windows computed at once: what fits a CPU's cache, what keeps a GPU busy."""
_LIMIT = -float(np.log(LOG_FLOOR))  # 36.04


def negative_logits(logits: torch.Tensor) -> torch.Tensor:
    """Return log((1 - p) / p), float64 (windows, classes), of the softmax p of ``logits``.

    From the logits, so that it stays exact where p rounds to 1; held within ±36.04, which is
    where the official code ends up by raising p and 1 - p to 2.2e-16.
    """
    logits = logits.double()
    own = torch.eye(logits.shape[1], dtype=torch.bool, device=logits.device)
    others = logits[:, None, :].masked_fill(own, -torch.inf).logsumexp(2)
    return (others - logits).clamp(-_LIMIT, _LIMIT)


def clip_features(
    classifier: Classifier, gather: WindowGather, bands: int, windows: Windows, clips: int
) -> Iterator[torch.Tensor]:
    """Yield the features of each clip's windows, (windows, 1280). Every clip must have a window.

    Each clip is computed by itself, so that its score does not depend, in any bit, on the clips
    around it.
    """
    starts = torch.from_numpy(windows.starts)
    bounds = np.searchsorted(windows.clip, np.arange(clips + 1))
    chunk = _CHUNK["cpu" if gather.view.device.type == "cpu" else "cuda"]
    for first, last in pairwise(bounds):
        parts = [
            classifier.features(gather(part).view(len(part), 1, -1, bands))
            for part in torch.split(starts[first:last], chunk)
        ]
        yield torch.cat(parts)


def clip_scores(
    classifier: Classifier,
    gather: WindowGather,
    bands: int,
    windows: Windows,
    allowed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the mean over windows of log((1 - p) / p) of each clip's class, (clips,).

    Parameters
    ----------
    allowed
        (clips, classes): the classes a clip may be of; of several, the one that fits it best.
    """
    scores = np.zeros(len(allowed))
    found = clip_features(classifier, gather, bands, windows, len(allowed))
    for clip, features in enumerate(found):
        by_class = negative_logits(classifier.logits(features)).mean(0).cpu().numpy()
        scores[clip] = by_class[allowed[clip]].min()
    return scores
