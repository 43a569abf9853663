"""Read the CSV files that lie beside audio: with line numbers, and with errors that name them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from asdbench.errors import DataError


@dataclass(frozen=True)
class Row:
    """One row of a CSV file."""

    file: Path
    line: int
    cells: tuple[str, ...]

    @property
    def where(self) -> str:
        """``file:line``, for messages."""
        return f"{self.file}:{self.line}"


def read_rows(file: Path) -> list[Row]:
    """Return the rows of ``file`` with cells stripped, blank rows left out.

    The file must be UTF-8 (a byte order mark is accepted) and separated by commas.

    Raises
    ------
    DataError
        When the file cannot be read, is not UTF-8 or no CSV.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            rows = []
            for cells in reader:
                row = Row(file, reader.line_num, tuple(cell.strip() for cell in cells))
                if any(row.cells):
                    rows.append(row)
            return rows
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        raise DataError(
            f"{file}:{line}: not UTF-8 text", "Save the table as CSV, UTF-8."
        ) from error
    except csv.Error as error:
        raise DataError(f"{file}:{reader.line_num}: no CSV: {error}") from error


def problems_error(title: str, problems: list[str], hint: str, shown: int = 20) -> DataError:
    """Return one error that lists the first ``shown`` problems and counts the rest."""
    lines = problems[:shown]
    if len(problems) > shown:
        lines.append(f"and {len(problems) - shown} more")
    return DataError("\n  ".join([title, *lines]), hint)
