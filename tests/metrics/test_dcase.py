from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asdbench.metrics.dcase import (
    AVERAGED,
    SectionMetrics,
    arithmetic_means,
    harmonic_means,
    official_score,
    pools,
    section_metrics,
)
from asdbench.metrics.definitions import DefinitionId
from asdbench.metrics.rank import MetricError, auc, pauc

DCASE2020, DCASE2021, DCASE2022 = DefinitionId
#                   source           target
ANOMALY = np.array([0, 0, 1, 1, 0, 0, 0, 1], dtype=bool)
DOMAIN = np.array(["source"] * 4 + ["target"] * 4)
SCORES = np.array([0.1, 0.4, 0.3, 0.9, 0.2, 0.5, 0.6, 0.55])


def section(**changes: Any) -> SectionMetrics:
    given: dict[str, Any] = {
        "scores": SCORES,
        "anomaly": ANOMALY,
        "domain": DOMAIN,
        "decision": SCORES > 0.45,
    } | changes
    return section_metrics("fan", "00", **given)


def chosen(masks: tuple[np.ndarray, np.ndarray]) -> tuple[list[int], list[int]]:
    normals, anomalies = masks
    return list(np.flatnonzero(normals)), list(np.flatnonzero(anomalies))


@pytest.mark.parametrize(
    ("metric", "subset", "definition", "normals", "anomalies"),
    [
        ("auc", "source", DCASE2022, [0, 1], [2, 3, 7]),
        ("auc", "target", DCASE2022, [4, 5, 6], [2, 3, 7]),
        ("auc", "source", DCASE2021, [0, 1], [2, 3]),
        ("auc", "target", DCASE2021, [4, 5, 6], [7]),
        ("pauc", "target", DCASE2022, [4, 5, 6], [7]),
        ("pauc", "source", DCASE2021, [0, 1], [2, 3]),
        ("auc", "all", DCASE2022, [0, 1, 4, 5, 6], [2, 3, 7]),
        ("pauc", "all", DCASE2021, [0, 1, 4, 5, 6], [2, 3, 7]),
        ("auc", "all", DCASE2020, [0, 1, 4, 5, 6], [2, 3, 7]),
    ],
)
def test_pools(
    metric: Any, subset: Any, definition: DefinitionId, normals: list[int], anomalies: list[int]
) -> None:
    assert chosen(pools(metric, subset, definition, ANOMALY, DOMAIN)) == (normals, anomalies)


def test_pools_of_a_domain_need_domains() -> None:
    with pytest.raises(MetricError, match="no source domain"):
        pools("auc", "source", DCASE2022, ANOMALY, None)
    with pytest.raises(MetricError, match="dcase2020"):
        pools("auc", "source", DCASE2020, ANOMALY, DOMAIN)


def test_values_of_a_section() -> None:
    row = section()
    assert row.auc_source == auc(SCORES[[0, 1]], SCORES[[2, 3, 7]])
    assert row.auc_target == auc(SCORES[[4, 5, 6]], SCORES[[2, 3, 7]])
    assert row.auc_all == auc(SCORES[~ANOMALY], SCORES[ANOMALY])
    assert row.pauc == pauc(SCORES[~ANOMALY], SCORES[ANOMALY])
    assert row.pauc_target == pauc(SCORES[[4, 5, 6]], SCORES[[7]])
    assert row.value("precision_source") == 1.0
    assert row.value("recall_source") == 0.5
    assert row.value("precision_target") == pytest.approx(1 / 3)
    assert row.counts == {
        ("source", "normal"): 2,
        ("source", "anomaly"): 2,
        ("target", "normal"): 3,
        ("target", "anomaly"): 1,
    }


def test_sections_without_domains() -> None:
    row = section(domain=None)
    assert (row.auc_source, row.pauc_target, row.decisions) == (None, None, {})
    assert row.value("f1_source") is None
    assert row.counts == {(None, "normal"): 5, (None, "anomaly"): 3}
    assert official_score([row], DCASE2022) is None
    assert official_score([row], DCASE2020) == pytest.approx((row.auc_all + row.pauc) / 2)
    assert harmonic_means([row])["auc"] is None


def test_dcase2020_ignores_domains() -> None:
    assert section(definition=DCASE2020) == section(definition=DCASE2020, domain=None)


def test_a_domain_without_anomalies_is_scored_by_the_rules_since_2022_only() -> None:
    keep = np.arange(8) != 7
    given = {
        "scores": SCORES[keep],
        "anomaly": ANOMALY[keep],
        "domain": DOMAIN[keep],
        "decision": None,
    }
    row = section(**given)
    assert row.auc_target == auc(SCORES[[4, 5, 6]], SCORES[[2, 3]])
    assert row.pauc_target is None
    assert official_score([row], DCASE2022) is not None
    with pytest.raises(MetricError, match="fan section 00, target: no anomalous clips"):
        section(**given, definition=DCASE2021)


@pytest.mark.parametrize("missing", [ANOMALY, ~ANOMALY, (DOMAIN == "source") & ~ANOMALY])
def test_missing_classes_are_named(missing: np.ndarray) -> None:
    keep = ~missing
    with pytest.raises(MetricError, match=r"fan section 00, .*: no (normal|anomalous) clips"):
        section(scores=SCORES[keep], anomaly=ANOMALY[keep], domain=DOMAIN[keep], decision=None)


def test_official_scores_are_the_means_that_the_years_prescribe() -> None:
    rows = [section(), section(scores=np.abs(SCORES - 0.3))]
    values = [v for r in rows for v in (r.auc_source, r.auc_target, r.pauc)]
    assert official_score(rows, DCASE2022) == pytest.approx(6 / sum(1 / v for v in values))
    old = [
        section(definition=DCASE2021),
        section(definition=DCASE2021, scores=np.abs(SCORES - 0.45)),
    ]
    values = [v for r in old for v in (r.auc_source, r.auc_target, r.pauc_source, r.pauc_target)]
    assert official_score(old, DCASE2021) == pytest.approx(8 / sum(1 / v for v in values))


def test_means_cover_every_quantity_of_a_section() -> None:
    rows = [section(), section(scores=1 - SCORES)]
    for means in (arithmetic_means(rows), harmonic_means(rows)):
        assert set(means) == set(AVERAGED)
        assert all(value is not None for value in means.values())
    both = [row.value(f"auc_{domain}") or 0.0 for row in rows for domain in ("source", "target")]
    assert arithmetic_means(rows)["auc"] == pytest.approx(np.mean(both))


def test_a_mean_over_an_incomplete_set_is_none() -> None:
    rows = [section(), section(decision=None)]
    assert arithmetic_means(rows)["f1"] is None
    assert arithmetic_means(rows)["auc"] is not None
    assert arithmetic_means([])["auc"] is None
