from __future__ import annotations

import re
from pathlib import Path

import pytest

from asdbench.metrics.dcase import AVERAGED
from asdbench.metrics.definitions import DEFINITIONS, METRICS, DefinitionId

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def test_every_definition_and_metric_is_described_for_every_year() -> None:
    assert set(DEFINITIONS) == set(DefinitionId)
    for name, metric in METRICS.items():
        assert metric.id == name
        for definition in DefinitionId:
            sentence = metric.describe(definition)
            assert sentence.startswith(metric.title)
            assert metric.clips[definition] in sentence


def test_captions_name_the_anomalies_that_enter() -> None:
    assert "anomalous clips of both domains" in METRICS["auc"].describe("dcase2022")
    assert "anomalous clips of the same domain" in METRICS["auc"].describe("dcase2021")
    assert "domain" not in METRICS["auc"].describe("dcase2020")
    with pytest.raises(ValueError, match="dcase2019"):
        METRICS["auc"].describe("dcase2019")


def test_every_averaged_quantity_is_a_metric_of_a_domain_or_of_all() -> None:
    assert {re.sub("_(source|target)$", "", name) for name in AVERAGED} <= set(METRICS)


def test_the_page_documents_every_metric_and_definition() -> None:
    if not PAGE.exists():
        pytest.skip("docs/ is not beside the tests")
    page = PAGE.read_text(encoding="utf-8")
    headings = re.findall(r"^### (.+)$", page, flags=re.MULTILINE)
    documented = [name for heading in headings for name in re.findall(r"`(\w+)`", heading)]
    assert sorted(documented) == sorted(METRICS)
    for definition in DEFINITIONS.values():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{definition.id}`"))
        assert definition.years in row
        assert definition.official_score in row
