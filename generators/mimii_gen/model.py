"""The trained generator as one object: codec, text encoder, U-Net, statistics of the latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from asdbench.api import Condition, Label, Params

from .captions import Detail, caption
from .codec import Codec
from .diffusion import Prediction
from .latents import Layout, Normalization, Statistics
from .prompt import Prompt
from .text_factory import AnyTextEncoder
from .text_features import as_number
from .unet import PresetName

if TYPE_CHECKING:
    from .calibration import Calibration


class ModelSettings(Params):
    """What the weights mean."""

    preset: PresetName
    layout: Layout
    normalization: Normalization
    prediction: Prediction
    detail: Detail


class TrainingClip(NamedTuple):
    """A clip that the model learned from."""

    sha256: str
    """First 32 digits, of the samples as little-endian float32."""
    label: str
    condition: str


@dataclass
class LatentDiffusion:
    """What training makes and sampling uses."""

    settings: ModelSettings
    codec: Codec
    codec_source: str | None
    text: AnyTextEncoder
    unet: nn.Module
    statistics: Statistics
    conditions: tuple[Condition, ...]
    """Seen in training, sorted."""
    sample_rate: int
    """Of the clips it was trained on, Hz."""
    calibration: Calibration | None = None
    training: dict[str, Any] | None = None
    """How it was trained, as JSON values."""
    clips: tuple[TrainingClip, ...] = ()
    """What it was trained on."""

    def to(self, device: str) -> LatentDiffusion:
        """Move everything to ``device`` and return itself."""
        self.codec.to(device)
        self.text.to(device)
        self.unet.to(device)
        return self

    def prompt(self, condition: Condition, label: Label) -> Prompt:
        """Return the prompt for a clip, with what training never saw left out.

        A number is kept (the text encoder interpolates); a category that no training clip of the
        machine had, such as a microphone place, would be noise to the network.
        """
        known = tuple(pair for pair in condition.attributes if self.knows(condition, *pair))
        return write_prompt(replace(condition, attributes=known), label, self.settings.detail)

    def knows(self, condition: Condition, name: str, value: str) -> bool:
        """Return whether training saw this attribute of the machine, or other numbers of it."""
        values = self._heard(condition, name)
        numeric = bool(values) and all(as_number(text) is not None for text in values)
        return value in values or (numeric and as_number(value) is not None)

    def strangeness(self, condition: Condition) -> list[str]:
        """Return in words what of ``condition`` training never heard the like of."""
        found = []
        for name, value in condition.attributes:
            heard = self._heard(condition, name)
            numbers = [number for number in map(as_number, heard) if number is not None]
            if not heard:
                found.append(f"{name} is no attribute that training knew, and left out")
            elif not self.knows(condition, name, value):
                known = ", ".join(sorted(heard))
                found.append(f"{name}={value} was never heard and is left out; heard: {known}")
            elif value not in heard and not min(numbers) <= float(value) <= max(numbers):
                low, high = min(numbers), max(numbers)
                found.append(f"{name}={value} lies outside of what was heard, {low:g} to {high:g}")
        return found

    def _heard(self, condition: Condition, name: str) -> set[str]:
        return {
            text
            for seen in self.conditions
            if (seen.machine, seen.section) == (condition.machine, condition.section)
            for key, text in seen.attributes
            if key == name
        }

    @torch.no_grad()
    def embed(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Return the text embeddings, (B, L, d)."""
        self.text.eval()
        embeddings: torch.Tensor = self.text(prompts)
        return embeddings


def write_prompt(condition: Condition, label: Label, detail: Detail) -> Prompt:
    """Return the prompt of a training clip. The domain is no operating condition and not told."""
    shown = replace(condition, domain=None)
    if detail == "machine":
        shown = replace(shown, attributes=())
    return Prompt(shown, label, caption(shown, label, detail))
