"""Training of a residual vector quantizer whose class in ``transformers`` only codes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

_DECAY = 0.99  # of the running sums behind a code vector
_ALIVE = 1.0  # frames a code vector must stand for, as a running mean; others are drawn anew


def prepare(layers: Iterable[Any]) -> None:
    """Mark the codebooks of ``layers`` as empty: the first batch fills them."""
    for layer in layers:
        layer.codebook.inited.zero_()


def straight_through(
    layers: Iterable[Any], latents: torch.Tensor, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Quantize, move the code vectors towards what they stand for, and let gradients through.

    Parameters
    ----------
    layers
        Of ``EncodecModel.quantizer``, one a codebook; their codebooks change.
    latents
        What the encoder returned, (batch, rows, frames).
    rng
        Draws the frames that fill empty codebooks and replace unused code vectors.

    Returns
    -------
    tuple
        The quantized latents, whose gradient is that of ``latents``, and the commitment loss.

    References
    ----------
    N. Zeghidour et al., "SoundStream", 2021, algorithm 1 and section III-C; A. van den Oord et
    al., "Neural Discrete Representation Learning", 2017, section 3.2 and appendix A.1.
    """
    residual, commitment = latents, []
    for layer in layers:
        book = layer.codebook
        rows = residual.detach().transpose(1, 2).flatten(0, 1)  # (batch * frames, rows)
        if not book.inited:
            _fill(book, rows, rng)
        codes = book.quantize(rows)
        chosen = functional.embedding(codes, book.embed)
        _update(book, rows, codes, rng)
        chosen = chosen.view(len(latents), -1, rows.shape[1]).transpose(1, 2)
        commitment.append(functional.mse_loss(residual, chosen))
        residual = residual - chosen
    return latents - residual.detach(), torch.stack(commitment).mean()


def _drawn(rows: torch.Tensor, count: int, rng: np.random.Generator) -> torch.Tensor:
    indices = torch.from_numpy(rng.integers(len(rows), size=count))
    return rows[indices.to(rows.device)]


def _fill(book: Any, rows: torch.Tensor, rng: np.random.Generator) -> None:
    book.embed.copy_(_drawn(rows, len(book.embed), rng))
    book.embed_avg.copy_(book.embed)
    book.cluster_size.fill_(1.0)
    book.inited.fill_(1.0)


def _update(book: Any, rows: torch.Tensor, codes: torch.Tensor, rng: np.random.Generator) -> None:
    chosen = functional.one_hot(codes, len(book.embed)).to(rows.dtype)
    book.cluster_size.mul_(_DECAY).add_(chosen.sum(0), alpha=1 - _DECAY)
    book.embed_avg.mul_(_DECAY).add_(chosen.T @ rows, alpha=1 - _DECAY)
    drawn = _drawn(rows, len(book.embed), rng)
    unused = book.cluster_size < _ALIVE * min(1.0, len(rows) / len(book.embed))
    book.embed_avg.copy_(torch.where(unused[:, None], drawn, book.embed_avg))
    book.cluster_size.masked_fill_(unused, 1.0)
    book.embed.copy_(book.embed_avg / book.cluster_size[:, None])
