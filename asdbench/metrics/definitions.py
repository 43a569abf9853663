"""What each metric means under each definition of the DCASE challenge, in words. No numpy.

Captions of tables and ``docs/metrics.md`` come from here, so that no number is printed without
saying which normal and which anomalous clips entered it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class DefinitionId(StrEnum):
    """Which year's rules of DCASE Challenge Task 2."""

    DCASE2020 = "dcase2020"
    DCASE2021 = "dcase2021"
    DCASE2022 = "dcase2022"


@dataclass(frozen=True)
class Definition:
    """One year's rules."""

    id: DefinitionId
    years: str
    """Years of the challenge that used them."""
    has_domains: bool
    """Whether clips belong to a source or a target domain."""
    auc_takes_both_domains: bool
    """Whether the anomalies of both domains enter the AUC of one domain."""
    official_score: str
    """How the official score is formed."""


DEFINITIONS: Mapping[DefinitionId, Definition] = {
    definition.id: definition
    for definition in (
        Definition(
            DefinitionId.DCASE2020,
            "2020",
            has_domains=False,
            auc_takes_both_domains=False,
            official_score="arithmetic mean of AUC and pAUC over all machines and sections",
        ),
        Definition(
            DefinitionId.DCASE2021,
            "2021",
            has_domains=True,
            auc_takes_both_domains=False,
            official_score="harmonic mean of AUC and pAUC over all machines, sections and domains",
        ),
        Definition(
            DefinitionId.DCASE2022,
            "2022-2025",
            has_domains=True,
            auc_takes_both_domains=True,
            official_score=(
                "harmonic mean of AUC (source), AUC (target) and pAUC over all machines and "
                "sections, one pAUC per section"
            ),
        ),
    )
}

_ALL = "all normal clips of the section against all its anomalous clips, both domains together"
_UNDIVIDED = "all normal clips of the section against all its anomalous clips"
_SAME = "normal clips of the domain against anomalous clips of the same domain"
_BOTH = "normal clips of the domain against anomalous clips of both domains of the section"
_DECIDED = "clips of the domain, normal and anomalous"
_NONE = "not defined"


@dataclass(frozen=True)
class Metric:
    """A metric and the clips that enter it."""

    id: str
    title: str
    formula: str
    clips: Mapping[DefinitionId, str]
    """Which clips (for means: which values) enter, by definition."""
    source: str
    """Where the definition comes from."""

    def describe(self, definition: DefinitionId | str) -> str:
        """Return one sentence for a caption: the formula and the clips that enter it.

        Raises
        ------
        ValueError
            When ``definition`` is not one of :class:`DefinitionId`.
        """
        return f"{self.title}: {self.formula}; {self.clips[DefinitionId(definition)]}."


def _clips(dcase2020: str, dcase2021: str, dcase2022: str) -> dict[DefinitionId, str]:
    return dict(zip(DefinitionId, (dcase2020, dcase2021, dcase2022), strict=True))


_AUC = "area under the ROC curve, the share of (normal, anomalous) pairs in which the anomalous"
_CODE = "code of the DCASE baselines and evaluators, 2022-2025"

METRICS: Mapping[str, Metric] = {
    metric.id: metric
    for metric in (
        Metric(
            "auc",
            "AUC",
            f"{_AUC} clip scores higher, ties count half",
            _clips(_UNDIVIDED, _SAME, _BOTH),
            f"DCASE Task 2, 2020-2025; ties as in scikit-learn; domains as in the {_CODE}",
        ),
        Metric(
            "auc_all",
            "AUC (all)",
            f"{_AUC} clip scores higher, ties count half",
            _clips(_UNDIVIDED, _ALL, _ALL),
            "DCASE evaluators, 2022-2025; enters the official score of 2020 only",
        ),
        Metric(
            "pauc",
            "pAUC",
            "area under the ROC curve for false-positive rates up to 0.1, standardized after "
            "McClish so that chance is 0.5 and perfect is 1",
            _clips(_UNDIVIDED, _ALL, _ALL),
            f"McClish 1989; scikit-learn roc_auc_score(max_fpr=0.1); {_CODE}",
        ),
        Metric(
            "pauc_domain",
            "pAUC (domain)",
            "area under the ROC curve for false-positive rates up to 0.1, standardized after "
            "McClish so that chance is 0.5 and perfect is 1",
            _clips(_NONE, _SAME, _SAME),
            "DCASE baselines; enters the official score of 2021 only",
        ),
        Metric(
            "precision",
            "precision",
            "true positives / max(true positives + false positives, eps)",
            _clips(_NONE, _DECIDED, _DECIDED),
            "DCASE evaluators, 2021-2025",
        ),
        Metric(
            "recall",
            "recall",
            "true positives / max(true positives + false negatives, eps)",
            _clips(_NONE, _DECIDED, _DECIDED),
            "DCASE evaluators, 2021-2025",
        ),
        Metric(
            "f1",
            "F1",
            "2 precision recall / max(precision + recall, eps)",
            _clips(_NONE, _DECIDED, _DECIDED),
            "DCASE evaluators, 2021-2025",
        ),
        Metric(
            "amean",
            "arithmetic mean",
            "sum of the values / their number",
            dict.fromkeys(DefinitionId, "every section, and for AUC and F1 every domain, once"),
            "DCASE evaluators, 2021-2025",
        ),
        Metric(
            "hmean",
            "harmonic mean",
            "number of values / sum of 1 / max(value, eps)",
            dict.fromkeys(DefinitionId, "every section, and for AUC and F1 every domain, once"),
            "DCASE evaluators, 2021-2025",
        ),
        Metric(
            "official_score",
            "official score",
            "one number for a system",
            {id_: definition.official_score for id_, definition in DEFINITIONS.items()},
            "DCASE Task 2 rules, 2020-2025",
        ),
    )
}
"""Every metric by id. ``eps`` is the spacing of float64 at 1, 2.220446049250313e-16."""
