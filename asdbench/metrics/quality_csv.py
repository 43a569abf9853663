"""The table of audio quality as CSV: a row for each machine and label, columns by embedding."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from typing import Any

from asdbench.metrics.quality_rows import (
    CaptionRow,
    ClassifierRow,
    DistanceRow,
    Group,
    MemorizationRow,
    QualityTable,
)

Row = DistanceRow | ClassifierRow | CaptionRow | MemorizationRow

SHORT = 12
"""Digits of a digest that tables show."""
_LEADING = ("machine", "label")
_IDENTITY = frozenset({*_LEADING, "embedding", "classifier", "space", "digest"})
_LEFT_OUT = frozenset({"notes", "suspects"})


def column(name: str, digest: str | None) -> str:
    """Return the head of an embedding's columns: its name and the start of its digest."""
    return f"{name}@{digest[:SHORT]}" if digest else name


def to_csv(table: QualityTable) -> str:
    """Return the values as CSV.

    A column holds values of one embedding only; its title is that of the embedding, with the
    start of its digest, and the quantity: ``logmel-stats@0123456789ab fad``. Cells without a
    value are empty. Notes and suspicious clips are in the JSON form alone.
    """
    cells: dict[Group, dict[str, Any]] = {}
    for distance in table.distances:
        _add(cells, distance, column(distance.embedding, distance.digest))
    for scores in table.classifiers:
        _add(cells, scores, column(scores.classifier, scores.digest), scores.classifier)
    for captions in table.captions:
        _add(cells, captions, column(captions.embedding, captions.digest))
    for copies in table.memorization:
        _add(cells, copies, f"copies {column(copies.space, copies.digest)}")
    titles = list(dict.fromkeys(title for row in cells.values() for title in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_LEADING, *titles])
    for (machine, label), row in cells.items():
        values = [row.get(title) for title in titles]
        writer.writerow([machine, label or "", *("" if v is None else v for v in values)])
    return text.getvalue()


def _add(cells: dict[Group, dict[str, Any]], row: Row, head: str, classifier: str = "") -> None:
    """Add the values of ``row`` under titles that begin with ``head``."""
    mine = cells.setdefault((row.machine, row.label), {})
    for field in fields(row):
        if field.name in _IDENTITY | _LEFT_OUT:
            continue
        name = field.name
        if classifier and name != "pairs":  # kl_ast, is_ast_real
            kind, _, side = name.partition("_")
            name = "_".join(part for part in (kind, classifier, side) if part)
        mine[f"{head} {name}"] = getattr(row, field.name)
