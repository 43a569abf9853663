"""What a clip is asked for with: its condition, its label, and both as a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from asdbench.api import Condition, Label


@dataclass(frozen=True)
class Prompt:
    """The input of a text encoder. ``caption`` is written by :mod:`.captions`."""

    condition: Condition
    label: Label
    caption: str
