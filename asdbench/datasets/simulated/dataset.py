"""The data set plug-in ``simulated``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from asdbench.api import Clip, Condition, Context, Dataset, DatasetInfo, Params
from asdbench.datasets.simulated.plan import MACHINES, MODEL_VERSION
from asdbench.datasets.simulated.spec import ClipSpec, section_specs


class SimulatedParams(Params):
    """How much of the simulated data set; a suite's `machines` and `sections` say which part."""

    train: Annotated[int, Field(ge=1, le=9999)] = 990
    """Normal source clips to train on in each section; ceil(train / 99) target clips are added."""
    test: Annotated[int, Field(ge=1, le=9999)] = 50
    """Test clips for each section, domain and label."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the audio; the file names do not depend on it."""
    duration: Annotated[float, Field(ge=1.0, le=60.0)] = 10.0
    """Length of a clip, s."""


class Simulated(Dataset):
    """A simulated twin of MIMII DG: layout, conditions and SNRs; sound from models."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        id="simulated",
        version="1",
        params=SimulatedParams,
        description="Simulated twin of MIMII DG, made on this machine: five machine types.",
        paper="layout, conditions and SNRs of Dohi et al., MIMII DG (2022), Tables 1 and 2",
        simulated=True,
    )
    params: SimulatedParams

    def parts(self) -> Sequence[str]:
        """Return one part a section, e.g. ``fan/00``."""
        return [f"{machine}/{section}" for machine in MACHINES for section in ("00", "01", "02")]

    def part_key(self, part: str) -> Mapping[str, Any]:
        """Return what the bytes of a part depend on."""
        self._specs(part)
        return {"part": part, "train": self.params.train, "test": self.params.test, **self._audio}

    @property
    def _audio(self) -> dict[str, Any]:
        """What the bytes of a clip depend on, beside its name."""
        return {
            "model_version": MODEL_VERSION,
            "seed": self.params.seed,
            "duration": self.params.duration,
        }

    def _specs(self, part: str) -> list[ClipSpec]:
        if part not in self.parts():
            raise LookupError(part)
        machine, section = part.split("/")
        params = self.params
        return section_specs(machine, section, params.train, params.test, params.seed)

    def build(self, part: str, folder: Path, context: Context) -> None:
        """Write a section's clips and its attribute file below ``folder``."""
        from asdbench.datasets.simulated.write import write_attributes, write_clip

        specs = self._specs(part)
        for done, spec in enumerate(specs, start=1):
            write_clip(spec, folder, self.params.duration)
            context.progress(done, len(specs), "clips")
        machine, section = part.split("/")
        write_attributes(folder, machine, section)

    def clips(self) -> Sequence[Clip]:
        """Return every clip, sorted by id; no audio is needed for it."""
        salt = json.dumps(self._audio, sort_keys=True)
        clips = []
        for part in self.parts():
            for spec in self._specs(part):
                assert spec.split != "probe"
                condition = Condition(
                    spec.machine, spec.section, spec.domain, tuple(sorted(spec.setting))
                )
                digest = hashlib.sha256(f"{salt}\n{spec.file}".encode()).hexdigest()
                clips.append(
                    Clip(
                        id=spec.file,
                        path=Path(spec.file),
                        condition=condition,
                        split=spec.split,
                        label=spec.label,
                        part=part,
                        digest=digest,
                    )
                )
        return sorted(clips, key=lambda clip: clip.id)
