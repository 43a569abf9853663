"""A CSV file of anomaly scores made by anybody's system, read and checked as a whole."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar

import numpy as np

from asdbench.api import Domain
from asdbench.errors import DataError
from asdbench.metrics.dcase import DOMAINS, SectionMetrics, section_metrics
from asdbench.metrics.definitions import DEFINITIONS, DefinitionId

T = TypeVar("T")

COLUMNS: Mapping[str, str] = {
    "machine": "machine",
    "section": "section",
    "domain": "domain",
    "target_domain": "domain",
    "label": "label",
    "anomaly": "label",
    "score": "score",
    "decision": "decision",
    "file": "file",
    "clip": "file",
}
"""Column names that may occur, and what each holds. ``file`` is not read."""

_REQUIRED = {
    "machine": "machine",
    "section": "section",
    "domain": "domain (source, target) or target_domain (0, 1)",
    "label": "label (normal, anomaly) or anomaly (0, 1)",
    "score": "score",
}
# Other programs write flags as 0/1, as floats where a column has blanks, or as booleans.
_FLAGS = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}
_DOMAINS: Mapping[str, Domain] = {
    "source": "source",
    "target": "target",
    **{text: DOMAINS[flag] for text, flag in _FLAGS.items()},
}
_LABELS = {"normal": False, "anomaly": True, "abnormal": True} | _FLAGS
_NEEDED: Mapping[DefinitionId, tuple[str, ...]] = {
    DefinitionId.DCASE2020: ("normal", "anomalous"),
    DefinitionId.DCASE2021: (
        "source normal",
        "target normal",
        "source anomalous",
        "target anomalous",
    ),
    DefinitionId.DCASE2022: ("source normal", "target normal", "anomalous"),
}
"""Classes without which a metric of the definition does not exist."""
_SHOWN = 20


class ScoreFileError(DataError):
    """A score file is wrong; the message holds one ``file:line: ...`` per mistake."""


@dataclass
class _Section:
    """Clips of one section while the file is being read."""

    scores: list[float] = field(default_factory=list)
    anomaly: list[bool] = field(default_factory=list)
    domain: list[Domain] = field(default_factory=list)
    decision: list[bool | None] = field(default_factory=list)
    whole: bool = True
    """False once a row was unusable: then nothing is said about missing classes."""


def read_score_file(
    lines: Iterable[str], name: str, definition: DefinitionId
) -> tuple[SectionMetrics, ...]:
    """Return the metrics of every section of a score file, in the order of the file.

    Parameters
    ----------
    lines
        Text of the file: a header with names of :data:`COLUMNS`, then one row per clip.
    name
        Name of the file in messages.
    definition
        Which year's rules; those without domains need no domain column.

    Raises
    ------
    ScoreFileError
        Naming every mistake (the first 20 in full) with its line: unknown, missing or repeated
        columns, unknown values, scores that are blank, NaN or infinite, missing classes.
    """
    reader = _Reader(name, definition)
    sections = reader.read(lines)
    if reader.mistakes:
        shown = reader.mistakes[:_SHOWN]
        if len(reader.mistakes) > _SHOWN:
            shown.append(f"... {len(reader.mistakes)} mistakes in all; the first {_SHOWN} shown")
        raise ScoreFileError("\n".join(shown), "See 'asdbench evaluate --help' for the format.")
    has_domains = DEFINITIONS[definition].has_domains
    return tuple(
        section_metrics(
            machine,
            section,
            np.array(clips.scores, dtype=np.float64),
            np.array(clips.anomaly, dtype=np.bool_),
            np.array(clips.domain) if has_domains else None,
            None if None in clips.decision else np.array(clips.decision, dtype=np.bool_),
            definition,
        )
        for (machine, section), clips in sections.items()
    )


class _Reader:
    """Collects clips and mistakes row by row."""

    def __init__(self, name: str, definition: DefinitionId) -> None:
        self.name = name
        self.definition = definition
        self.mistakes: list[str] = []
        self.complete = False
        """Whether every row was assigned to a section: else missing classes are not reported."""

    def wrong(self, line: int | None, what: str) -> None:
        place = f"{self.name}:{line}" if line else self.name
        self.mistakes.append(f"{place}: {what}")

    def read(self, lines: Iterable[str]) -> Mapping[tuple[str, str], _Section]:
        rows = csv.reader(lines, skipinitialspace=True)
        sections: dict[tuple[str, str], _Section] = {}
        try:
            names = [cell.strip("\ufeff \t").lower() for cell in next(rows, [])]
            position = self.header(names)
            for row in rows if position else ():
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) != len(names):
                    self.complete = False
                    self.wrong(rows.line_num, f"{len(row)} cells, the header has {len(names)}")
                    continue
                cells = {kind: row[column].strip() for kind, column in position.items()}
                self.row(rows.line_num, cells, sections)
        except csv.Error as error:
            self.wrong(rows.line_num, f"not CSV: {error}")
        except UnicodeDecodeError as error:
            self.wrong(None, f"not UTF-8 text: {error.reason} at byte {error.start}")
        if not sections and not self.mistakes:
            self.wrong(None, "no clips: the file has a header and nothing else")
        for key, clips in sections.items():
            self.check(key, clips)
        return sections

    def header(self, names: Sequence[str]) -> dict[str, int]:
        """Return the position of each kind of column that was found."""
        if not any(names):
            self.wrong(1, "empty; expected a header: " + ", ".join(_REQUIRED.values()))
            return {}
        if len(names) == 1 and any(mark in names[0] for mark in ";\t"):
            self.wrong(1, "columns must be separated by commas")
            return {}
        found: dict[str, int] = {}
        for column, name in enumerate(names):
            kind = COLUMNS.get(name)
            if kind is None:
                near = get_close_matches(name, COLUMNS, n=1)
                guess = f" Did you mean '{near[0]}'?" if near else ""
                self.wrong(1, f"unknown column '{name}'.{guess} Allowed: {', '.join(COLUMNS)}")
            elif kind in found:
                first = names[found[kind]]
                clash = "occurs twice" if first == name else f"says the same as '{first}'"
                self.wrong(1, f"column '{name}' {clash}; keep one")
            else:
                found[kind] = column
        needed = {kind: text for kind, text in _REQUIRED.items() if kind not in found}
        if not DEFINITIONS[self.definition].has_domains:
            needed.pop("domain", None)
            found.pop("domain", None)
        for kind, text in needed.items():
            hint = "; files without domains: --definition dcase2020" if kind == "domain" else ""
            self.wrong(1, f"no column {text}{hint}")
        self.complete = not needed
        return found

    def row(
        self, line: int, cells: Mapping[str, str], sections: dict[tuple[str, str], _Section]
    ) -> None:
        before = len(self.mistakes)
        for kind in ("machine", "section"):
            if cells.get(kind) == "":
                self.wrong(line, f"no {kind}")
        score = self.score(line, cells["score"]) if "score" in cells else None
        anomaly = self.choice(line, "label", cells.get("label"), _LABELS)
        domain = self.choice(line, "domain", cells.get("domain"), _DOMAINS)
        decision = self.choice(line, "decision", cells.get("decision") or None, _LABELS)
        key = cells.get("machine", ""), cells.get("section", "")
        clips = sections.setdefault(key, _Section())
        if len(self.mistakes) > before or score is None or anomaly is None:
            clips.whole = False
            return
        clips.scores.append(score)
        clips.anomaly.append(anomaly)
        clips.decision.append(decision)
        if domain is not None:
            clips.domain.append(domain)

    def score(self, line: int, text: str) -> float | None:
        try:
            score = float(text.replace("_", "?"))  # Python reads 1_0 as 10; no CSV means that
        except ValueError:
            score = math.nan
        if not math.isfinite(score):
            self.wrong(line, f"score '{text}' is not a finite number" if text else "no score")
            return None
        return score

    def choice(
        self, line: int, column: str, text: str | None, allowed: Mapping[str, T]
    ) -> T | None:
        value = None if text is None else allowed.get(text.lower())
        if value is None and text is not None:
            names = [name for name in allowed if name in ("0", "1") or name not in _FLAGS]
            self.wrong(line, f"{column} '{text}' is not one of {', '.join(names)}")
        return value

    def check(self, key: tuple[str, str], clips: _Section) -> None:
        """Report classes without clips, and decisions on some clips only."""
        if not (clips.whole and self.complete):
            return
        place = f"machine {key[0]}, section {key[1]}"
        labels = ["anomalous" if flag else "normal" for flag in clips.anomaly]
        pairs = zip(clips.domain, labels, strict=False)  # no domains: no pairs
        counts = Counter(labels) + Counter(f"{domain} {label}" for domain, label in pairs)
        for wanted in _NEEDED[self.definition]:
            if not counts[wanted]:
                self.wrong(None, f"{place}: no {wanted} clips among {len(labels)}")
        undecided = clips.decision.count(None)
        if 0 < undecided < len(labels):
            self.wrong(None, f"{place}: decision is blank for {undecided} of {len(labels)} clips")
