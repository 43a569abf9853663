"""Labels, domains and attributes that are published apart from the audio.

The test clips of evaluation sets are named ``section_03_0012.wav``; what they hold is told by
CSV files in these forms, recognized by their content:

=====================================  ==========================================================
``machine,file,...`` with a header     columns ``anomaly`` (0/1) or ``label``, ``target_domain``
                                       (0/1) or ``domain``, and ``name_with_attributes``
``eval_data_list_YYYY.csv``            a line with the machine, then lines ``file,full name``;
                                       2020 adds the label, 0 or 1
``ground_truth_MACHINE_section_NN...`` ``file,0|1``: the label, or the domain in a folder named
                                       ``ground_truth_domain``; or ``file,name[,full name]``
``attributes_NN.csv``                  header ``file_name,d1p,d1v,d2p,d2v...``; the 2022 evaluator
                                       adds ``file_name_with_attributes``
``..._correspondence.csv``             header ``source_file_name,target_file_name`` (full name,
                                       name of the file), in a folder named after the machine
=====================================  ==========================================================

Where a full name is given, its attributes are taken and not the columns ``d1p, d1v...``: the
columns hold only what shifts between the domains, call ``spd`` of ToyCar and ToyTrain ``speed``,
and put the pattern of a lone second valve under ``v1pat`` (valve section 05, 2022).

A label or domain given as a column wins over one in a full name. The full names of ToyCar and
ToyTrain in the 2022 evaluation set contradict the true labels of half of the clips; so where one
name of a machine and section contradicts a column, no name of that section is believed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from asdbench.api import Domain, Label
from asdbench.conditions import Attributes, as_attributes
from asdbench.datasets.names import NO_ATTRIBUTE, ParsedName, parse_name
from asdbench.datasets.tables import Row, problems_error, read_rows
from asdbench.errors import DataError

LABELS: Mapping[str, Label] = {
    "0": "normal",
    "1": "anomaly",
    "normal": "normal",
    "anomaly": "anomaly",
    "abnormal": "anomaly",
}
"""What a label may be called."""
DOMAINS: Mapping[str, Domain] = {
    "0": "source",
    "1": "target",
    "source": "source",
    "target": "target",
}
"""What a domain may be called in ground truth."""

_PATTERNS = ("ground_truth_*.csv", "eval_data_list_*.csv", "attributes_*.csv", "*_eval.csv")
_MACHINE = re.compile(r"ground_truth_(.+?)_(?:section|id)_\d\d(?:_(?:source|target))?(?:_test)?")


@dataclass(frozen=True)
class Truth:
    """What is published about one clip; None where nothing is."""

    label: Label | None = None
    domain: Domain | None = None
    attributes: Attributes = ()


@dataclass(frozen=True)
class _Fact:
    """One row: what its columns say, and the full name that it gives."""

    machine: str
    file: str
    where: str
    column: Truth = Truth()
    name: ParsedName | None = None


def read_truth(
    path: Path,
    *,
    among: Collection[tuple[str, str]] | None = None,
    unbelieved: Collection[str] = (),
) -> dict[tuple[str, str], Truth]:
    """Return what the CSV file ``path``, or the CSV files in folder ``path``, say of each clip.

    Parameters
    ----------
    path
        A file in one of the forms above, or a folder searched with its sub-folders for
        ``ground_truth_*.csv``, ``eval_data_list_*.csv``, ``attributes_*.csv``, ``*_eval.csv``.
    among
        Clips of interest, by machine and base name; None for all. A folder may hold the lists
        of several years; those of other clips may contradict each other.
    unbelieved
        Machines of which full names are ignored.

    Returns
    -------
    dict
        By machine and base name.

    Raises
    ------
    DataError
        When there is no such file, a row cannot be understood, or two rows contradict.
    """
    if path.is_dir():
        files = sorted({file for pattern in _PATTERNS for file in path.rglob(pattern)})
        if not files:
            raise DataError(
                f"no ground truth in {path}", f"Wanted: files named {', '.join(_PATTERNS)}."
            )
    else:
        files = [path]
    facts = [
        replace(fact, name=None) if fact.machine in unbelieved else fact
        for file in files
        for fact in _read_facts(file)
        if among is None or (fact.machine, fact.file) in among
    ]
    return _merge(facts)


def read_attribute_columns(file: Path) -> dict[str, Attributes]:
    """Return the attributes of ``attributes_NN.csv`` by base name, from its columns d1p, d1v...

    Raises
    ------
    DataError
        When the file cannot be read or has no column ``file_name``.
    """
    rows = read_rows(file)
    if not rows or rows[0].cells[0] != "file_name":
        raise DataError(f"{file} has no header with 'file_name' first")
    return {PurePosixPath(row.cells[0]).name: _columns(row)[0] for row in rows[1:]}


def _columns(row: Row) -> tuple[Attributes, str | None]:
    """Split a row of ``attributes_NN.csv``: rows are ragged, a full name may come last."""
    cells = list(row.cells[1:])
    full = cells.pop() if cells and cells[-1].endswith(".wav") else None
    pairs = dict(zip(cells[0::2], cells[1::2], strict=False))
    known = {name: value for name, value in pairs.items() if value and name != NO_ATTRIBUTE}
    return as_attributes(known), full


def _read_facts(file: Path) -> list[_Fact]:
    rows = read_rows(file)
    if not rows:
        raise DataError(f"{file} is empty")
    header = rows[0].cells
    if "machine" in header and "file" in header:
        return list(_table_facts(header, rows[1:]))
    if header[0] == "file_name":
        return list(_attribute_facts(rows[1:]))
    if header == ("source_file_name", "target_file_name"):
        return [
            _Fact(file.parent.name, row.cells[1], row.where, name=parse_name(row.cells[0]))
            for row in rows[1:]
        ]
    return list(_list_facts(file, rows))


def _table_facts(header: tuple[str, ...], rows: list[Row]) -> Iterator[_Fact]:
    for row in rows:
        cells = dict(zip(header, row.cells, strict=False))
        label = _value(cells.get("anomaly") or cells.get("label"), LABELS, row, "label")
        domain = _value(cells.get("target_domain") or cells.get("domain"), DOMAINS, row, "domain")
        name = parse_name(cells.get("name_with_attributes", ""))
        file = PurePosixPath(cells["file"]).name
        yield _Fact(cells["machine"], file, row.where, Truth(label, domain), name)


def _attribute_facts(rows: list[Row]) -> Iterator[_Fact]:
    for row in rows:
        clip = PurePosixPath(row.cells[0])
        machine = clip.parts[0] if len(clip.parts) > 1 else row.file.parent.name
        attributes, full = _columns(row)
        name = parse_name(PurePosixPath(full).name) if full else None
        column = Truth() if full else Truth(attributes=attributes)
        yield _Fact(machine, clip.name, row.where, column, name)


def _list_facts(file: Path, rows: list[Row]) -> Iterator[_Fact]:
    """Rows ``file,name...`` or ``file,0|1``; the machine is a line of its own or in the name."""
    found = _MACHINE.fullmatch(file.stem)
    machine = found[1] if found else None
    for row in rows:
        if len(row.cells) == 1:
            machine = row.cells[0]
            continue
        if machine is None or parse_name(row.cells[0]) is None:
            raise DataError(
                f"{row.where}: no form of ground truth that is known",
                "Known: machine,file,anomaly,target_domain; eval_data_list_YYYY.csv; "
                "ground_truth_MACHINE_section_NN_test.csv; attributes_NN.csv.",
            )
        *names, last = row.cells[1:]
        column = Truth()
        if last not in ("0", "1"):
            names.append(last)
        elif file.parent.name == "ground_truth_domain":
            column = Truth(domain=DOMAINS[last])
        else:
            column = Truth(label=LABELS[last])
        # Of two names the last one is the full one: the first hides its attributes.
        name = parse_name(names[-1]) if names else None
        if names and name is None:
            raise DataError(f"{row.where}: '{names[-1]}' is neither 0, 1 nor a DCASE name")
        yield _Fact(machine, row.cells[0], row.where, column, name)


_T = TypeVar("_T")


def _value(text: str | None, known: Mapping[str, _T], row: Row, what: str) -> _T | None:
    if not text:
        return None
    if text.lower() not in known:
        raise DataError(f"{row.where}: unknown {what} '{text}'", f"Use one of {', '.join(known)}.")
    return known[text.lower()]


def _merge(facts: list[_Fact]) -> dict[tuple[str, str], Truth]:
    columns, names, problems = _Merger(), _Merger(), []
    for fact in facts:
        key = (fact.machine, fact.file)
        problems += columns.add(key, fact.column, fact.where)
        if fact.name is not None:
            truth = Truth(fact.name.label, fact.name.domain, fact.name.attributes)
            problems += names.add(key, truth, fact.where)
    if problems:
        raise problems_error(
            "ground truth contradicts itself:",
            problems,
            "Keep the right file and remove the other.",
        )
    wrong = {
        _section(key) for key, truth in names.truths.items() if _contradict(columns.of(key), truth)
    }
    return {
        key: _union(columns.of(key), Truth() if _section(key) in wrong else names.of(key))
        for key in columns.truths
    }


class _Merger:
    """Facts of one kind, joined by clip."""

    def __init__(self) -> None:
        self.truths: dict[tuple[str, str], Truth] = {}
        self._where: dict[tuple[str, str], str] = {}

    def of(self, key: tuple[str, str]) -> Truth:
        return self.truths.get(key, Truth())

    def add(self, key: tuple[str, str], truth: Truth, where: str) -> list[str]:
        """Join ``truth`` to what is known of ``key``; return the contradiction, if any."""
        known = self.of(key)
        if _contradict(known, truth):
            return [f"{where}: {'/'.join(key)} is something else than in {self._where[key]}"]
        self.truths[key] = _union(known, truth)
        self._where.setdefault(key, where)
        return []


def _contradict(a: Truth, b: Truth) -> bool:
    return bool(
        (a.label and b.label and a.label != b.label)
        or (a.domain and b.domain and a.domain != b.domain)
    )


def _union(a: Truth, b: Truth) -> Truth:
    return Truth(a.label or b.label, a.domain or b.domain, a.attributes or b.attributes)


def _section(key: tuple[str, str]) -> tuple[str, str]:
    parsed = parse_name(key[1])
    return key[0], parsed.section if parsed else ""
