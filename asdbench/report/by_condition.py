"""The scored clips of a section, anomalies of some conditions only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asdbench.api import Condition
from asdbench.audit.conditions import ConditionKey, condition_key
from asdbench.conditions import parse_condition
from asdbench.report.cells import Arm
from asdbench.report.section_arms import SectionArms
from asdbench.suite.arms import ArmName
from asdbench.suite.model import REAL


@dataclass(frozen=True)
class ScoredConditions:
    """The condition of every scored clip."""

    of_clip: Mapping[str, ConditionKey]
    """By the clip's name."""
    domains: Mapping[ConditionKey, str | None]
    """Of its real anomalies, or of generated ones where it has none; None where it has several."""
    counts: Mapping[str, Mapping[ConditionKey, int]]
    """Anomalies of each condition, by where they come from: ``real``, or a grid."""

    @classmethod
    def of(cls, scores: pd.DataFrame) -> ScoredConditions:
        """Read the conditions from a score table."""
        clips = scores.drop_duplicates(["origin", "clip"])
        parsed = {text: parse_condition(text) for text in clips["condition"].unique()}
        of_clip: dict[str, ConditionKey] = {}
        domains: dict[ConditionKey, dict[bool, set[str | None]]] = {}
        counts: dict[str, dict[ConditionKey, int]] = {}
        labels = clips["label"].fillna("")
        columns = zip(clips["clip"], clips["origin"], clips["condition"], labels, strict=True)
        for clip, origin, text, label in columns:
            condition: Condition = parsed[text]
            key = of_clip[clip] = condition_key(condition)
            if label == "anomaly":
                found = domains.setdefault(key, {True: set(), False: set()})
                found[origin == REAL].add(condition.domain)
                own = counts.setdefault(origin, {})
                own[key] = own.get(key, 0) + 1
        named = {key: found[True] or found[False] for key, found in domains.items()}
        return cls(
            of_clip,
            {key: next(iter(names)) if len(names) == 1 else None for key, names in named.items()},
            counts,
        )

    def restricted(
        self, arms: SectionArms, gap: ArmName, kept: Collection[ConditionKey]
    ) -> SectionArms:
        """Return the arm ``gap`` and the real one, with anomalies of conditions in ``kept`` alone.

        All normals stay.
        """
        scored = {
            side: [arm.take(self._mask(arm, kept)) for arm in found]
            for side, found in arms.scored.items()
            if side[0] in (gap, "real")
        }
        return replace(arms, scored=scored)

    def _mask(self, arm: Arm, kept: Collection[ConditionKey]) -> NDArray[np.bool_]:
        assert arm.clip is not None  # arms of a score table name their clips
        inside = [self.of_clip[str(clip)] in kept for clip in arm.clip]
        return np.asarray(~arm.anomaly | np.array(inside, dtype=bool))
