"""DCASE Task 2 data, 2020 to 2025, development and evaluation sets, as unpacked from the archives.

Layouts: ``MACHINE/train/`` and ``MACHINE/test/``, in 2021 ``MACHINE/source_test/`` and
``MACHINE/target_test/``. The machine folders may lie in the root, under ``dev_data/`` or
``eval_data/``, under another folder (``raw/``), or in a folder of their own name.

The split comes from the folder; section, domain, label and attributes come from the base name
(see :mod:`asdbench.datasets.names`). Where the name has no attributes, ``attributes_NN.csv`` in the
machine's folder is asked, then the ground truth. A name with attributes wins over both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from asdbench.api import Clip, Condition, Dataset, DatasetInfo, Params, Split
from asdbench.conditions import Attributes
from asdbench.datasets.folders import sub_folders, wav_files
from asdbench.datasets.names import ParsedName, parse_name
from asdbench.datasets.tables import problems_error
from asdbench.datasets.truth import Truth, read_attribute_columns, read_truth
from asdbench.errors import DataError

Subset = Literal["dev", "eval", "all"]

_SPLITS: Mapping[str, Split] = {
    "train": "train",
    "test": "test",
    "source_test": "test",
    "target_test": "test",
}
_DEPTH = 3  # folders between the root and the machine's
_DEV_MACHINES = frozenset({"ToyCar", "ToyTrain", "bearing", "fan", "gearbox", "slider", "valve"})
_EVAL_MACHINES: Mapping[int, frozenset[str]] = {
    2023: frozenset({"ToyDrone", "ToyNscale", "ToyTank", "Vacuum", "bandsaw", "grinder", "shaker"}),
    2024: frozenset(
        {"3DPrinter", "AirCompressor", "BrushlessMotor", "HairDryer", "HoveringDrone"}
        | {"RoboticArm", "Scanner", "ToothBrush", "ToyCircuit"}
    ),
    2025: frozenset(
        {"AutoTrash", "BandSealer", "CoffeeGrinder", "HomeCamera", "Polisher"}
        | {"ScrewFeeder", "ToyPet", "ToyRCCar"}
    ),
}
_DEV_IDS_2020: Mapping[str, frozenset[str]] = {
    "ToyCar": frozenset({"01", "02", "03", "04"}),
    "ToyConveyor": frozenset({"01", "02", "03"}),
}
_DEV_IDS_2020_MIMII = frozenset({"00", "02", "04", "06"})
# Their full names in every public list of the 2022 evaluation set are wrong for half of the clips.
_WRONG_NAMES: Mapping[int, frozenset[str]] = {2022: frozenset({"ToyCar", "ToyTrain"})}


class DCASEParams(Params):
    """Parameters of :class:`DCASE`."""

    root: Path
    """Folder that holds the machine folders, e.g. `${ASDBENCH_DATA}/mimii_dg`."""
    year: int = Field(ge=2020, le=2025)
    """Challenge."""
    subset: Subset = "dev"
    """Development set, evaluation set, or both."""
    ground_truth: Path | None = None
    """CSV file, or folder of CSV files, with the labels of an evaluation set."""


@dataclass(frozen=True)
class _Found:
    """An audio file where it lies."""

    id: str
    path: Path
    machine: str
    split: Split
    name: ParsedName


class DCASE(Dataset):
    """DCASE Task 2 data on disk.

    Test clips of an evaluation set have label None unless ``ground_truth`` tells, in one of the
    forms of :mod:`asdbench.datasets.truth`. For ToyCar and ToyTrain of 2022 only labels in
    columns of their own count, since the published full names are wrong.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        id="dcase",
        version="1",
        params=DCASEParams,
        description="DCASE Task 2 folders, 2020 to 2025 (MIMII DG and ToyADMOS2 data).",
        paper="https://dcase.community/challenge2022/"
        "task-unsupervised-anomalous-sound-detection-for-machine-condition-monitoring",
    )
    params: DCASEParams

    def clips(self) -> Sequence[Clip]:
        """Return every clip of the subset, sorted by id, the path relative to the root.

        Raises
        ------
        DataError
            When the root is missing or holds no such clips (saying where to get them), names are
            malformed or contradict their folder, clips lie in two places, or the ground truth
            matches nothing.
        """
        found = sorted(self._found(), key=lambda file: file.id)
        if not found:
            raise self._missing("holds no clips of this subset")
        _check_unique(found)
        truth = self._truth(found)
        columns = _attribute_columns(found)
        return [_clip(file, truth, columns) for file in found]

    def _found(self) -> Iterator[_Found]:
        root = self.params.root.expanduser()
        if not root.is_dir():
            raise self._missing("is not a folder")
        root = root.absolute()
        own = root / f"{self.params.subset}_data"
        problems: list[str] = []
        for folder in _machine_folders(own if own.is_dir() else root, _DEPTH):
            for child in sorted(_SPLITS):
                for path in wav_files(folder / child):
                    name = parse_name(path.name)
                    file = path.relative_to(root).as_posix()
                    problem = self._problem(name, _SPLITS[child])
                    if name is None or problem:
                        problems.append(f"{file}: {problem}")
                    elif self._in_subset(folder.name, name.section):
                        yield _Found(file, path, folder.name, _SPLITS[child], name)
        if problems:
            raise problems_error(
                f"{root} is no DCASE {self.params.year} Task 2 data:",
                problems,
                "Set `year`, remove the files, or list your own recordings with "
                "`dataset: {use: manifest}`.",
            )

    def _problem(self, name: ParsedName | None, split: Split) -> str | None:
        if name is None:
            return (
                "not a name of DCASE Task 2, such as section_00_source_test_normal_0000_vel_6.wav"
            )
        if name.numbered_ids != (self.params.year == 2020):
            return f"not a name of {self.params.year}: id_NN is 2020, section_NN is 2021 and later"
        if name.split not in (None, split):
            return f"a {name.split} clip in the folder of the {split} clips"
        if split == "train" and name.label == "anomaly":
            return "an anomaly among the training clips"
        return None

    def _in_subset(self, machine: str, section: str) -> bool:
        """Whether a machine and section belong to the subset, where both lie in one folder."""
        if self.params.subset == "all":
            return True
        year, dev = self.params.year, self.params.subset == "dev"
        if year == 2020:
            return (section in _DEV_IDS_2020.get(machine, _DEV_IDS_2020_MIMII)) == dev
        if year in (2021, 2022):
            return (section in ("00", "01", "02")) == dev
        return machine not in (_EVAL_MACHINES[year] if dev else _DEV_MACHINES)

    def _truth(self, found: list[_Found]) -> dict[tuple[str, str], Truth]:
        path = self.params.ground_truth
        if path is None:
            return {}
        truth = read_truth(
            path.expanduser(),
            among={(file.machine, file.path.name) for file in found},
            unbelieved=_WRONG_NAMES.get(self.params.year, frozenset()),
        )
        if not truth:
            raise DataError(
                f"ground truth {path} says nothing of the clips in {self.params.root}",
                f"Is it of {self.params.year}, and of its subset '{self.params.subset}'?",
            )
        problems = []
        for file in found:
            told = truth.get((file.machine, file.path.name), Truth())
            if file.name.label and told.label not in (None, file.name.label):
                problems.append(f"{file.id}: {told.label} in the ground truth")
            if file.name.domain and told.domain not in (None, file.name.domain):
                problems.append(f"{file.id}: domain {told.domain} in the ground truth")
        if problems:
            raise problems_error(f"{path} contradicts file names:", problems, "Use the right one.")
        return truth

    def _missing(self, problem: str) -> DataError:
        params = self.params
        record = " (https://zenodo.org/records/6529888)" if params.year == 2022 else ""
        return DataError(
            f"DCASE {params.year} Task 2 {params.subset} data: {params.root} {problem}",
            f"Download the archives named on https://dcase.community/challenge{params.year}/, "
            f"Task 2{record}, unpack them so that ROOT/fan/train/*.wav exists, and point at ROOT "
            "with `--set dataset.root=ROOT` or through the environment variable ASDBENCH_DATA.",
        )


def _clip(
    file: _Found,
    truth: Mapping[tuple[str, str], Truth],
    columns: Mapping[Path, Mapping[str, Attributes]],
) -> Clip:
    told = truth.get((file.machine, file.path.name), Truth())
    attributes = (
        file.name.attributes
        or columns.get(file.path.parent.parent, {}).get(file.path.name, ())
        or told.attributes
    )
    domain = file.name.domain or told.domain
    label = "normal" if file.split == "train" else file.name.label or told.label
    condition = Condition(file.machine, file.name.section, domain, attributes)
    return Clip(file.id, file.path, condition, file.split, label)


def _check_unique(found: list[_Found]) -> None:
    """Refuse a machine that was unpacked twice: its clips would count twice."""
    first: dict[tuple[str, str], str] = {}
    problems = []
    for file in found:
        other = first.setdefault((file.machine, file.path.name), file.id)
        if other != file.id:
            problems.append(f"{file.id} is also {other}")
    if problems:
        raise problems_error("clips lie in two places:", problems, "Keep one of the folders.")


def _machine_folders(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the folders that hold split folders, down to ``depth`` levels below ``folder``."""
    children = sub_folders(folder)
    if any(child.name in _SPLITS for child in children):
        yield folder
    elif depth > 0:
        for child in children:
            yield from _machine_folders(child, depth - 1)


def _attribute_columns(found: list[_Found]) -> dict[Path, dict[str, Attributes]]:
    """Return the attributes by machine folder and base name, where a name has none."""
    folders = {file.path.parent.parent for file in found if not file.name.attributes}
    return {
        folder: {
            name: attributes
            for file in sorted(folder.glob("attributes_[0-9][0-9].csv"))
            for name, attributes in read_attribute_columns(file).items()
        }
        for folder in sorted(folders)
    }
