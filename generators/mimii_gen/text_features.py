"""Fixed features of names and values: what a text encoder without a vocabulary starts from."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Range = tuple[float, float]
"""Smallest and largest value of an attribute in training."""

FREQUENCIES = (0.25, 0.5, 1.0, 2.0)
"""Of the sinusoids of a number, in cycles over half of its range.

The slowest two are monotone within the range, so that a value between those seen in training lies
between them here too; the fastest still tells 13 evenly spread values (bearing 00) apart.
"""
NUMBER_FEATURES = 1 + 2 * len(FREQUENCIES)
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)


def as_number(value: str) -> float | None:
    """Return ``value`` as a number, or None: ``0``, ``0.03`` and ``1300`` are, ``05`` is a name."""
    return float(value) if _NUMBER.fullmatch(value) else None


@lru_cache(maxsize=65536)
def gaussian(text: str, size: int) -> Vector:
    """Return ``size`` standard normal numbers that belong to ``text``, on any machine, for ever.

    The bytes of SHAKE-256 are taken as uniform numbers (Box-Muller transform).
    """
    pairs = -(-size // 2)
    data = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(16 * pairs)
    uniform = (np.frombuffer(data, "<u8").astype(np.float64) + 1) / 2.0**64  # in (0, 1]
    radius, angle = np.sqrt(-2 * np.log(uniform[:pairs])), 2 * np.pi * uniform[pairs:]
    normal = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:size]
    vector: Vector = normal.astype(np.float32)
    vector.flags.writeable = False
    return vector


def number_features(value: float, within: Range) -> Vector:
    """Return (9,) features of ``value``: its place in the range, and sinusoids of it.

    The range is mapped to [-1, 1]; values outside go on beyond, by the same formula. Where
    training knew one value only, one unit is the value itself (or 1, for 0).
    """
    low, high = within
    half = (high - low) / 2 or abs(low) or 1.0
    place = (value - (low + high) / 2) / half
    angles = np.pi * np.array(FREQUENCIES) * place
    features: Vector = np.concatenate([[place], np.sin(angles), np.cos(angles)]).astype(np.float32)
    return features
