"""The MIMII data set of 2019: ``[0_dB_]fan/id_00/{normal,abnormal}/00000000.wav``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from asdbench.api import Clip, Condition, Dataset, DatasetInfo, Label, Params
from asdbench.conditions import as_attributes
from asdbench.datasets.folders import sub_folders, wav_files
from asdbench.datasets.hold_out import Candidate, held_out
from asdbench.errors import DataError

_SECTION = re.compile(r"id_\d{2}", re.ASCII)
_SNR = re.compile(r"(-?\d+)_dB(?:_(.+))?", re.ASCII)
_LABELS: dict[str, Label] = {"normal": "normal", "abnormal": "anomaly"}
_DEPTH = 3  # folders between the root and id_NN


class MIMIIParams(Params):
    """Parameters of :class:`MIMII`."""

    root: Path
    """Folder that holds the machine folders, e.g. `${ASDBENCH_DATA}/mimii`."""
    test_normals: Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["as_anomalies"] = (
        "as_anomalies"
    )
    """Normal clips to test with, of each machine and id: below 1 a share, from 1 on a number,
    `as_anomalies` as many as there are anomalies."""
    seed: int = Field(0, ge=0)
    """Which normal clips these are."""


class MIMII(Dataset):
    """MIMII (2019): four machines, individuals as sections, no domains, no split of its own.

    All anomalies are for testing, together with as many normals as ``test_normals`` says; the
    rest of the normals is for training. A folder ``6_dB_fan`` gives the machine ``fan`` the
    attribute ``snr=6``. The same recording mixed at several signal-to-noise ratios stays on one
    side of the split.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        id="mimii",
        version="1",
        params=MIMIIParams,
        description="MIMII data set of 2019 (fan, pump, slider, valve).",
        paper="Purohit et al., MIMII Dataset, DCASE Workshop 2019, https://arxiv.org/abs/1909.09347",
    )
    params: MIMIIParams

    def clips(self) -> Sequence[Clip]:
        """Return every clip, sorted by id, the path relative to the root.

        Raises
        ------
        DataError
            When the root is missing or holds no such clips (saying where to get them), or no
            normal clips would remain for training.
        """
        root = self.params.root.expanduser().absolute()
        if not root.is_dir():
            raise self._missing("is not a folder")
        found = sorted(_found(root), key=lambda clip: clip.id)
        if not found:
            raise self._missing("holds no clips of MIMII")
        tested = held_out(
            [
                Candidate(clip.id, clip.recording or "", clip.condition, clip.label == "anomaly")
                for clip in found
            ],
            self.params.seed,
            self._wanted,
        )
        clips = [clip if clip.id in tested else replace(clip, split="train") for clip in found]
        trained = {(clip.machine, clip.section) for clip in clips if clip.split == "train"}
        for clip in clips:
            if (clip.machine, clip.section) not in trained:
                raise DataError(
                    f"no normal clips of {clip.machine} id_{clip.section} remain for training",
                    f"Lower `test_normals`, e.g. to 0.5 (it is {self.params.test_normals}).",
                )
        return clips

    def _wanted(self, normals: int, anomalies: int) -> int:
        test_normals = self.params.test_normals
        if test_normals == "as_anomalies":
            return anomalies
        return round(test_normals * normals) if test_normals < 1 else int(test_normals)

    def _missing(self, problem: str) -> DataError:
        return DataError(
            f"MIMII data: {self.params.root} {problem}",
            "Download the archives from https://zenodo.org/records/3384388, unpack them so that "
            "ROOT/fan/id_00/normal/*.wav exists, and point at ROOT with "
            "`--set dataset.root=ROOT` or through the environment variable ASDBENCH_DATA.",
        )


def _found(root: Path) -> Iterator[Clip]:
    """Yield all clips as test clips."""
    for folder in _section_folders(root, _DEPTH):
        above = folder.relative_to(root).parts[:-1] or (root.name,)
        machine, attributes = "", {}
        for name in above:
            if mixed := _SNR.fullmatch(name):
                attributes["snr"] = mixed[1]
            machine = (mixed[2] or machine) if mixed else name
        section = folder.name.removeprefix("id_")
        condition = Condition(machine, section, attributes=as_attributes(attributes))
        for child, label in _LABELS.items():
            for path in wav_files(folder / child):
                yield Clip(
                    id=path.relative_to(root).as_posix(),
                    path=path,
                    condition=condition,
                    split="test",
                    label=label,
                    recording=f"{machine}/{section}/{label}/{path.stem}",
                )


def _section_folders(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the folders named ``id_NN``, down to ``depth`` levels below ``folder``."""
    for child in sub_folders(folder):
        if _SECTION.fullmatch(child.name):
            yield child
        elif depth > 0:
            yield from _section_folders(child, depth - 1)
