"""The list of generated clips: a CSV file that the data set plug-in ``manifest`` reads."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Self

from asdbench.api import Condition, Label
from asdbench.conditions import format_attributes
from asdbench.datasets.tables import read_rows
from asdbench.engine.store import write_atomically
from asdbench.errors import DataError

MANIFEST = "manifest.csv"
_SECONDS_BETWEEN_LISTS = 2.0
_UNSAFE = re.compile(r"[^\w.+-]", re.ASCII)


@dataclass(frozen=True)
class MadeRow:
    """One generated clip, as the CSV file has it."""

    path: str
    """Relative to the file, named as in DCASE data."""
    machine: str
    section: str
    domain: str
    """``source``, ``target`` or empty."""
    attributes: str
    """``name=value,name=value``, or ``-``."""
    label: str
    seed: str
    """Of its noise."""
    notes: str = "{}"
    """What the generator says of it, JSON."""

    @classmethod
    def of(cls, condition: Condition, label: Label, seed: int, places: Counter[str]) -> Self:
        """Return the row of a clip that is yet to be made.

        ``places`` counts the clips of each section, domain and label, for their numbers.
        """
        words = ["section", condition.section, condition.domain or "", label]
        place = "/".join([condition.machine, *words])
        words += [f"{places[place]:04d}", *(w for pair in condition.attributes for w in pair)]
        places[place] += 1
        folder, *safe = (_UNSAFE.sub("-", word) for word in [condition.machine, *words] if word)
        path = f"{folder.lstrip('.') or '-'}/{'_'.join(safe)}.wav"
        return cls(
            path,
            condition.machine,
            condition.section,
            condition.domain or "",
            format_attributes(condition.attributes),
            label,
            str(seed),
        )

    def noting(self, notes: Mapping[str, str]) -> Self:
        """Return the row with notes."""
        text = json.dumps(dict(notes), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return replace(self, notes=text)


_COLUMNS = tuple(field.name for field in fields(MadeRow))


class Listing:
    """The list of a folder while it grows."""

    def __init__(self, folder: Path, order: Sequence[str], rows: Mapping[str, MadeRow]) -> None:
        self.rows = dict(rows)
        self._folder = folder
        self._order = order
        self._written = time.monotonic()

    def add(self, row: MadeRow) -> None:
        """Note a clip whose file is there; what a kill can cost is the notes of two seconds."""
        self.rows[row.path] = row
        if time.monotonic() - self._written >= _SECONDS_BETWEEN_LISTS:
            self.write()

    def write(self) -> None:
        """Write the list, in the order of the request."""
        write_made(self._folder, [self.rows[path] for path in self._order if path in self.rows])
        self._written = time.monotonic()


@contextmanager
def listing(folder: Path, order: Sequence[str], rows: Mapping[str, MadeRow]) -> Iterator[Listing]:
    """Yield the list of ``folder``, which holds ``rows``; write it however the work ends."""
    made = Listing(folder, order, rows)
    try:
        yield made
    finally:
        made.write()


def write_made(folder: Path, rows: Sequence[MadeRow]) -> None:
    """Replace the list in ``folder`` in one step."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_atomically(folder / MANIFEST, text.getvalue())


def read_made(folder: Path) -> list[MadeRow]:
    """Return the rows of the list in ``folder``; none where there is no list yet.

    Raises
    ------
    DataError
        When it is not what :func:`write_made` writes.
    """
    file = folder / MANIFEST
    if not file.exists():
        return []
    rows = read_rows(file)
    if not rows or rows[0].cells != _COLUMNS or any(len(r.cells) != len(_COLUMNS) for r in rows):
        raise DataError(
            f"{file} is not a list that asdbench wrote", "Name another folder: --out FOLDER."
        )
    return [MadeRow(*row.cells) for row in rows[1:]]
