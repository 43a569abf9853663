"""The score table: one row for every clip that a detector scored, real or generated."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from asdbench.conditions import format_condition
from asdbench.engine.plan import Plan
from asdbench.engine.pools import ScoredPool
from asdbench.engine.store import Store
from asdbench.engine.tasks import Entry
from asdbench.errors import DataError
from asdbench.suite.model import REAL

COLUMNS = {
    "clip": "string",
    "copy_of": "string",
    "origin": "string",
    "generator": "string",
    "detector": "string",
    "repeat": "int32",
    "generation": "int32",
    "pool": "string",
    "fold": "int32",
    "machine": "string",
    "section": "string",
    "domain": "string",
    "label": "string",
    "condition": "string",
    "recording": "string",
    "score": "float64",
    "decision": "boolean",
}
"""Columns of ``scores.parquet``. ``origin`` is ``real`` or the name of a grid; ``copy_of`` is
the real clip that went into a round trip. ``pool`` names what was scored together: an origin, or
both origins of an arm for a transductive detector, in ``fold`` after fold where one side is
larger. ``generation`` counts the repeats of the generator; 0 for a pool of real clips alone, which
have none. ``recording`` is what a clip was cut from, of a round trip the clip that went in.
``copy_of``, ``domain``, ``label``, ``generator``, ``recording`` and ``decision`` may be null."""


def collect_scores(plan: Plan, store: Store, failed: Collection[Entry]) -> pd.DataFrame:
    """Return the scores of all pools that succeeded, in the order of the plan."""
    frames = [_frame(plan, pool, store) for pool in plan.pools if pool.entry not in failed]
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    return pd.concat(frames, ignore_index=True)


def _frame(plan: Plan, pool: ScoredPool, store: Store) -> pd.DataFrame:
    folder = store.path(pool.entry.kind, pool.entry.key)
    decisions: object = None
    rows = pool.rows  # less what the generator refused to make
    try:
        scores = np.load(folder / "scores.npy", allow_pickle=False)
        if (folder / "there.npy").exists():
            there = np.load(folder / "there.npy", allow_pickle=False)
            rows = tuple(row for row, is_there in zip(rows, there, strict=True) if is_there)
        if (folder / "decisions.npy").exists():
            decisions = np.load(folder / "decisions.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"the store entry {folder} is damaged: {error}",
            "Delete that folder; the same command then makes it again.",
        ) from error
    grids = plan.loaded.suite.grids
    made_by = {REAL: None, **{name: grid.generator for name, grid in grids.items()}}
    written = {c: format_condition(c) for c in {row.condition for row in rows}}
    columns = {
        "clip": [row.clip for row in rows],
        "copy_of": [row.copy_of for row in rows],
        "origin": [row.origin for row in rows],
        "generator": [made_by[row.origin] for row in rows],
        "detector": pool.detector,
        "repeat": pool.repeat,
        "generation": pool.generation,
        "pool": pool.name,
        "fold": pool.fold,
        "machine": [row.condition.machine for row in rows],
        "section": [row.condition.section for row in rows],
        "domain": [row.condition.domain for row in rows],
        "label": [row.label for row in rows],
        "condition": [written[row.condition] for row in rows],
        "recording": [row.recording for row in rows],
        "score": scores,
        "decision": decisions,
    }
    return pd.DataFrame(columns, index=range(len(rows))).astype(COLUMNS)


def write_scores(frame: pd.DataFrame, path: Path) -> None:
    """Write the table as parquet."""
    frame.to_parquet(path, index=False)
