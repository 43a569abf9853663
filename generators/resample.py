"""Resample: re-draw the training clips, with a small time shift.

What a generator with no imagination would reach: the anomalies of the split that generators may
learn from, once more. A detector's result on them differs from its result on the held-out real
anomalies only as two draws of real anomalies differ.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from asdbench.api import GeneratorInfo, Label, Params, Request

from ._sourced import SourcedGenerator


class ResampleParams(Params):
    """What can be chosen."""

    max_shift_ms: float = Field(100.0, ge=0.0, allow_inf_nan=False)
    """Largest circular time shift either way, ms; 0 copies clips of that length bit for bit."""
    fallback: Literal["nearest", "refuse"] = "nearest"
    """What serves a condition that has no clip of the label: the nearest condition, or nothing."""


class Resample(SourcedGenerator):
    """Draws a training clip with the requested label and shifts it in time.

    The shift goes round at the end of the clip, with the seam cross-faded over 20 ms. It is at
    least one sample, so by default no clip repeats its source bit for bit; the content is the
    source's all the same, and whoever looks for leakage must compare content, not bytes.
    """

    info: ClassVar[GeneratorInfo] = GeneratorInfo(
        id="resample",
        version="1",
        params=ResampleParams,
        description="Re-draws the training clips of the label, shifted in time.",
    )

    def source_label(self, wanted: Label) -> Label:
        """Return ``wanted``: clips are only repeated."""
        return wanted

    def refuses(self, request: Request) -> str | None:
        """Return why no training clip can serve ``request``, or None."""
        reason = super().refuses(request)
        if reason is None and self.params.fallback == "refuse":
            match = self.match(request)
            if match is not None and not match.distance.exact:
                return f"no {request.label} clip of condition {request.condition}"
        return reason
