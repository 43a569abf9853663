"""Which clips somebody wants: conditions with labels and counts, from a file or one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field

from asdbench.api import Condition, Domain, Label
from asdbench.conditions import as_attributes, parse_attributes
from asdbench.datasets.tables import read_rows
from asdbench.errors import DataError
from asdbench.suite.base import Model
from asdbench.suite.problem import Place
from asdbench.suite.validate import validate
from asdbench.suite.yaml_source import Document, KeyPath, parse, scalar

_EXAMPLE = 'For example: [{machine: fan, section: "00", attributes: {m-n: W}, count: 20}]'


@dataclass(frozen=True)
class Wanted:
    """Some clips of one condition."""

    condition: Condition
    label: Label = "anomaly"
    count: int = 1
    seconds: float = 10.0


class WantedModel(Model):
    """An item of a conditions file. What it leaves out is taken from the command line."""

    machine: str = Field(min_length=1)
    """Machine type."""
    section: str = Field("00", min_length=1)
    """Section."""
    domain: Domain | None = None
    """`source`, `target`, or nothing."""
    attributes: dict[str, str] = Field(default_factory=dict)
    """The operating condition, e.g. `{vel: "6"}`."""
    label: Label | None = None
    """`normal` or `anomaly`."""
    count: Annotated[int, Field(ge=1)] | None = None
    """How many clips."""
    seconds: Annotated[float, Field(gt=0, le=3600)] | None = None
    """Their length, s."""


_COLUMNS = tuple(WantedModel.model_fields)


def one_wanted(
    machine: str,
    section: str,
    domain: str | None,
    attributes: str,
    label: str,
    count: int,
    seconds: float,
) -> Wanted:
    """Return what the command line asks for; ``attributes`` are ``name=value,name=value`` or -.

    Raises
    ------
    DataError
        When the domain, the label or the attributes are none.
    """
    known: dict[str, Domain] = {name: name for name in get_args(Domain)}
    if domain is not None and domain not in known:
        raise DataError(f"unknown domain '{domain}'", f"Use {' or '.join(known)}.")
    condition = Condition(
        machine,
        section,
        None if domain is None else known[domain],
        parse_attributes(attributes or "-"),
    )
    return Wanted(condition, _label(label), count, seconds)


def _label(text: str) -> Label:
    known: dict[str, Label] = {label: label for label in get_args(Label)}
    if text not in known:
        raise DataError(f"unknown label '{text}'", f"Use {' or '.join(known)}.")
    return known[text]


def read_wanted(file: Path, label: str, count: int, seconds: float) -> list[Wanted]:
    """Return what a conditions file asks for.

    A YAML file is a list of mappings, see :class:`WantedModel`. A CSV file has the same names as
    columns, ``attributes`` as ``name=value,name=value``; every other column is an attribute, and
    an empty cell says nothing.

    Parameters
    ----------
    file
        ``.csv``, or YAML with any other ending.
    label, count, seconds
        For items that do not say.

    Raises
    ------
    DataError
        Naming all mistakes by line.
    """
    default = _label(label)
    if not file.is_file():
        raise DataError(f"no conditions file {file}", _EXAMPLE)
    document = _from_csv(file) if file.suffix.lower() == ".csv" else _from_yaml(file)
    items, problems = [], []
    for position, data in enumerate(document.data):
        item, mistakes = validate(WantedModel, data, document, (position,))
        problems += mistakes
        items += [item] if item is not None else []
    if problems:
        raise DataError("\n".join(str(problem) for problem in dict.fromkeys(problems)), _EXAMPLE)
    if not items:
        raise DataError(f"{file} asks for nothing", _EXAMPLE)
    return [
        Wanted(
            Condition(item.machine, item.section, item.domain, as_attributes(item.attributes)),
            item.label or default,
            item.count or count,
            item.seconds or seconds,
        )
        for item in items
    ]


def _from_yaml(file: Path) -> Document:
    document, problems = parse(file.read_bytes(), str(file))
    if document is None or problems:
        raise DataError("\n".join(str(problem) for problem in problems), _EXAMPLE)
    if not isinstance(document.data, list):
        raise DataError(f"{file}: expected a list of conditions", _EXAMPLE)
    return document


def _from_csv(file: Path) -> Document:
    rows = read_rows(file)
    header = rows[0].cells if rows else ()
    if "machine" not in header or "" in header or len(set(header)) < len(header):
        raise DataError(
            f"{file}: the first row must name every column once, among them 'machine'",
            f"Columns: {', '.join(_COLUMNS)}; every other one is an attribute.",
        )
    values: dict[KeyPath, Place] = {(): Place(str(file))}
    data: list[dict[str, Any]] = []
    for row in rows[1:]:
        if len(row.cells) != len(header):
            raise DataError(f"{row.where}: {len(row.cells)} cells, but {len(header)} columns")
        values[(len(data),)] = Place(str(file), row.line)
        data.append(_item({n: c for n, c in zip(header, row.cells, strict=True) if c}))
    return Document(data, values, {})


def _item(cells: Mapping[str, str]) -> dict[str, Any]:
    """Return a row as :class:`WantedModel` has it; empty cells are left out before."""
    item: dict[str, Any] = {n: c for n, c in cells.items() if n in _COLUMNS and n != "attributes"}
    for name in ("count", "seconds"):
        if name in item:
            item[name] = scalar(item[name])
    attributes = dict(parse_attributes(cells.get("attributes", "-")))
    attributes |= {name: cell for name, cell in cells.items() if name not in _COLUMNS}
    return {**item, "attributes": attributes}
