"""What is written every so often while training: clips to hear and a sheet to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from asdbench.api import Label
from asdbench.audio import write_wav
from asdbench.conditions import format_condition

from .._looping import limited
from .latent_cache import LatentSet
from .model import LatentDiffusion
from .pictures import Panel, write_sheet
from .sampling import Sampling, sample

_LABELS: tuple[Label, ...] = ("normal", "anomaly")


@dataclass(frozen=True)
class Reviewer:
    """Generates one clip for a real one of every machine and label, always the same ones.

    Parameters
    ----------
    model
        In training; its weights are those of the moment.
    clips
        Where the real ones are taken from.
    how
        Of the sampler.
    folder
        Gets ``step_NNNNNNN.png`` and a folder of WAV files, both the real clip (through the
        codec) and the generated one.
    """

    model: LatentDiffusion
    clips: LatentSet
    how: Sampling
    folder: Path

    def __call__(self, step: int) -> None:
        """Write the sheet and the clips of ``step``."""
        codec, rows = self.model.codec, []
        heard = self.folder / f"step_{step:07d}"
        heard.mkdir(parents=True, exist_ok=True)
        for machine in sorted({condition.machine for condition in self.clips.conditions}):
            row = []
            for label in _LABELS:
                index = self._pick(machine, label)
                if index is None:
                    continue
                condition = self.clips.conditions[index]
                real = self.clips.clip(index)
                prompt = self.model.prompt(condition, label)
                made = sample(self.model, [prompt], real.shape[-1], [index], self.how)[0]
                samples = (real.shape[-1] - 1) * codec.hop
                device = next(self.model.unet.parameters()).device
                both = torch.stack([real, made]).to(device)
                waves = codec.decode(both, samples, [index, index]).float().cpu().numpy()
                for name, wave in zip(("real", "generated"), waves, strict=True):
                    audio = limited(wave.astype(np.float64))[0].astype(np.float32)
                    write_wav(heard / f"{machine}_{label}_{name}.wav", audio, codec.sample_rate)
                    row.append(Panel(f"{name}, {label}: {format_condition(condition)}", audio))
            rows.append(row)
        write_sheet(rows, codec.sample_rate, heard.with_suffix(".png"))

    def _pick(self, machine: str, label: Label) -> int | None:
        pairs = zip(self.clips.conditions, self.clips.labels, strict=True)
        found = (i for i, (c, kind) in enumerate(pairs) if (c.machine, kind) == (machine, label))
        return next(found, None)
