"""Attribute tokens: a text encoder that reads the condition itself and knows numbers.

Every prompt is a fixed number of tokens: its machine, its section, its label, and one for each
attribute. A category is a hash of its name turned into a fixed Gaussian vector, a number is a set
of slow sinusoids of its place in the range seen in training, so that a speed between two known ones
lies between them. What is learned is a projection of these features and one transformer layer, in
which the tokens of a prompt meet. Captions are not read.

Each feature vector has two halves: one says ``f-n=A``, the same for every machine (the noise of
factory A is the same everywhere), one says ``slider: f-n=A``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import Field, FiniteFloat
from torch import nn

from asdbench.api import Condition, Params
from asdbench.errors import DataError

from .prompt import Prompt
from .text_features import (
    NUMBER_FEATURES,
    Range,
    Vector,
    as_number,
    gaussian,
    number_features,
)
from .text_trained import TrainedTextEncoder

_HALF = 64  # features of a token that all machines share, and as many of its machine's own
_WIDTH = 128  # of the transformer layer, whatever `dim` is
_HEADS = 4
_FIXED = 3  # machine, section, label


class AttributeSettings(Params):
    """All that :class:`AttributeTokens` depends on beside its weights."""

    kind: Literal["attributes"] = "attributes"
    dim: int = Field(128, ge=1, le=4096)
    """Size of an embedding."""
    attributes: int = Field(ge=0, le=64)
    """Most attributes of a prompt; a prompt has three tokens more."""
    ranges: dict[str, dict[str, tuple[FiniteFloat, FiniteFloat]]]
    """Smallest and largest value of each numeric attribute, by machine and name. What is not
    listed is a category."""


class AttributeTokens(TrainedTextEncoder):
    """One token for machine, section, label and each attribute (0.17 M parameters)."""

    def __init__(self, settings: AttributeSettings) -> None:
        super().__init__()
        self._settings = settings
        self.dim = settings.dim
        self._features: dict[Prompt, Vector] = {}
        self._embed = nn.Linear(2 * _HALF, _WIDTH)
        self._empty = nn.Parameter(torch.randn(_WIDTH))  # stands where a prompt has no attribute
        self._mix = nn.TransformerEncoderLayer(
            _WIDTH,
            _HEADS,
            dim_feedforward=2 * _WIDTH,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self._out = nn.Sequential(nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, settings.dim))

    @classmethod
    def from_prompts(cls, prompts: Iterable[Prompt], dim: int = 128) -> Self:
        """Return an untrained encoder for training on ``prompts``.

        An attribute of a machine is a number if all of its values in ``prompts`` are (see
        :func:`.text_features.as_number`), and a category otherwise.
        """
        conditions = {prompt.condition for prompt in prompts}
        return cls(
            AttributeSettings(
                dim=dim,
                attributes=max((len(where.attributes) for where in conditions), default=0),
                ranges=_ranges(conditions),
            )
        )

    def settings(self) -> Mapping[str, Any]:
        """Return what :func:`.text_factory.load_text_encoder` needs beside the weights, as JSON."""
        return self._settings.model_dump(mode="json")

    def identity(self) -> Mapping[str, Any]:
        """Return its settings."""
        return self.settings()

    def encode(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Return embeddings (len(prompts), 3 + attributes, dim)."""
        features = torch.from_numpy(np.stack([self._feature(prompt) for prompt in prompts]))
        features = features.to(self._empty.device)  # (B, L, 2 * _HALF), zeros where nothing is
        nothing = (features == 0).all(-1, keepdim=True)  # (B, L, 1)
        tokens = torch.where(nothing, self._empty, self._embed(features))  # (B, L, _WIDTH)
        mixed: torch.Tensor = self._out(self._mix(tokens))
        return mixed

    def _feature(self, prompt: Prompt) -> Vector:
        """Return the features of all tokens, (3 + attributes, 2 * _HALF)."""
        if prompt not in self._features:
            where, slots = prompt.condition, self._settings.attributes
            if len(where.attributes) > slots:
                raise DataError(
                    f"condition {where} has {len(where.attributes)} attributes, "
                    f"the text encoder was made for at most {slots}",
                    "Train the generator on conditions with as many attributes.",
                )
            tokens = [
                _category(where.machine, "machine", where.machine),
                _category(where.machine, "section", where.section),
                _category(where.machine, "label", prompt.label),
                *(self._attribute(where.machine, *pair) for pair in where.attributes),
            ]
            rows = np.zeros((_FIXED + slots, 2 * _HALF), np.float32)
            rows[: len(tokens)] = tokens
            self._features[prompt] = rows
        return self._features[prompt]

    def _attribute(self, machine: str, name: str, value: str) -> Vector:
        within = self._settings.ranges.get(machine, {}).get(name)
        number = as_number(value)
        if within is None or number is None:
            return _category(machine, name, value)
        return _number(machine, name, number, within)


def _ranges(conditions: Iterable[Condition]) -> dict[str, dict[str, Range]]:
    seen: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    for where in conditions:
        for name, value in where.attributes:
            seen[where.machine, name].append(as_number(value))
    ranges: dict[str, dict[str, Range]] = {}
    for (machine, name), values in sorted(seen.items()):
        numbers = [value for value in values if value is not None]
        if len(numbers) == len(values):
            ranges.setdefault(machine, {})[name] = (min(numbers), max(numbers))
    return ranges


def _category(machine: str, name: str, value: str) -> Vector:
    shared = gaussian(f"{name}={value}", _HALF)
    own = gaussian(f"{machine}\x1f{name}={value}", _HALF)
    return np.concatenate([shared, own])


def _number(machine: str, name: str, value: float, within: Range) -> Vector:
    """Return the name's vector and, in the machine's own half, directions weighted by the value."""
    shared = gaussian(name, _HALF)
    directions = gaussian(f"{machine}\x1f{name}", (1 + NUMBER_FEATURES) * _HALF)
    weights = np.concatenate([[1.0], number_features(value, within)]).astype(np.float32)
    # The squares of 1, of four pairs (sine, cosine), and of the place sum to 5 or a little more.
    own: Vector = weights @ directions.reshape(-1, _HALF) / np.float32(np.sqrt(5))
    return np.concatenate([shared, own])
