from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asdbench.errors import SuiteError
from asdbench.suite import bundled_suites, load_suite
from asdbench.suite.reference import bundled_references, load_reference

Mistakes = Callable[..., list[str]]

SUITE = """\
schema: asdbench/suite@1
name: outcomes
dataset: {use: manifest, file: clips.csv, sections: ["00", "01", "02"]}
detectors:
  - {id: plain, use: dcase-ae}
  - {id: ae, use: dcase-ae, sweep: {score: [mse, mahalanobis]}}
selections:
  - id: best
    among: ae
    choose_on: {sections: ["00", "01"]}
    report_on: {sections: ["02"]}
references:
  - use: mimii_dg_table3
    detectors: {AE: plain, MobileNetV2: "best:oracle"}
gates:
  - {id: near, check: reference, reference: mimii_dg_table3, metric: auc, over: all, tolerance: 0.1}
"""

REFERENCE = """\
schema: asdbench/reference@1
id: mine
source: A paper.
what: AUC.
definition: dcase2022
sections: ["02"]
values:
  - {method: A, machine: fan, section: "02", domain: source, metric: auc, value: 0.75}
  - {method: B, metric: hmean, value: 0.5}
"""


@pytest.fixture
def suite_path(tmp_path: Path) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(SUITE)
    return path


def test_a_selection_holds_what_a_sweep_stands_for(suite_path: Path) -> None:
    loaded = load_suite("my.yaml")
    assert loaded.suite.selections[0].candidates == ("ae.score-mse", "ae.score-mahalanobis")
    assert list(loaded.references) == ["mimii_dg_table3"]


def test_a_selection_may_list_detectors_and_sweeps(suite_path: Path) -> None:
    suite_path.write_text(SUITE.replace("among: ae", "among: [plain, ae]"))
    found = load_suite("my.yaml").suite.selections[0].candidates
    assert found == ("plain", "ae.score-mse", "ae.score-mahalanobis")


def test_only_leaves_what_still_has_detectors(suite_path: Path) -> None:
    suite = load_suite("my.yaml", only=["detector=ae.score-mse"]).suite
    assert suite.selections[0].candidates == ("ae.score-mse",)
    assert suite.references[0].detectors == {"MobileNetV2": "best:oracle"}
    suite = load_suite("my.yaml", only=["detector=plain"]).suite
    assert suite.selections == ()
    assert suite.references[0].detectors == {"AE": "plain"}


def test_a_reference_may_lie_beside_the_suite(suite_path: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(REFERENCE)
    text = SUITE.replace("use: mimii_dg_table3", "use: ./mine.yaml")
    text = text.replace("{AE: plain, MobileNetV2:", "{A: plain, B:")
    suite_path.write_text(text.replace("reference: mimii_dg_table3", "reference: mine"))
    assert load_suite("my.yaml").references["./mine.yaml"].methods == ("A", "B")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("among: ae", "among: plian", "my.yaml:9: unknown detector 'plian'. Did you mean 'plain'"),
        ("among: ae", "among: [plain, x]", "my.yaml:9: unknown detector 'x'. Allowed"),
        ("among: ae", "among: []", "my.yaml:9: among: there is nothing to choose from"),
        ("id: best", "id: plain", "my.yaml:8: duplicate id 'plain'"),
        ('["02"]}\n', '["03"]}\n', "my.yaml:11: the dataset has no section '03'"),
        ('["02"]}\n', '["01"]}\n', "my.yaml:11: section '01' is chosen on and reported on"),
        ("use: mimii_dg_table3", "use: mimii_dg", "my.yaml:13: unknown reference 'mimii_dg'"),
        ("use: mimii_dg_table3", "use: ./no.yaml", "my.yaml:13: no reference file './no.yaml'"),
        ("{AE: plain", "{Ae: plain", "my.yaml:14: 'mimii_dg_table3' has no method 'Ae'"),
        ("AE: plain", "AE: plan", "my.yaml:14: unknown detector or selection 'plan'"),
        ("AE: plain", "AE: ae", "my.yaml:14: unknown detector or selection 'ae'. It has a sweep"),
        ("metric: auc", "metric: hmean", "my.yaml:16: 'mimii_dg_table3' has no hmean"),
        ("reference: mimii_dg_t", "reference: mimi_dg_t", "my.yaml:16: unknown reference 'mimi"),
        ("tolerance: 0.1", "tolerance: 0.0", "my.yaml:16: tolerance: expected"),
    ],
)
def test_mistakes_stand_where_they_were_made(
    mistakes: Mistakes, old: str, new: str, expected: str
) -> None:
    assert SUITE.count(old) == 1
    found = mistakes(text=SUITE.replace(old, new))
    assert found, "nothing was found"
    assert found[0].startswith(expected), found


def test_another_definition_is_a_mistake(mistakes: Mistakes) -> None:
    found = mistakes(text=SUITE + "definition: dcase2021\n")
    assert len(found) == 1
    assert "numbers by dcase2022, the suite by dcase2021" in found[0]


def test_bundled_references_are_valid_and_bear_the_name_of_their_file() -> None:
    references = bundled_references()
    assert {"mimii_dg_table3", "neighborhood_smoothing_table2", "gammavae_table2"} <= {*references}
    for name in references:
        assert load_reference(name, Path()).id == name
        assert f"references/{name}" not in bundled_suites()


def test_the_averages_of_table_3_are_those_of_its_rows() -> None:
    values = load_reference("mimii_dg_table3", Path()).values
    for method in ("AE", "MobileNetV2"):
        for domain in ("source", "target"):
            mine = [v for v in values if (v.method, v.domain) == (method, domain)]
            rows = [v.value for v in mine if v.machine]
            (average,) = [v.value for v in mine if not v.machine]
            assert len(rows) == 15
            assert abs(sum(rows) / 15 - average) < 6e-5


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("value: 0.75", "value: 75", "./mine.yaml:8: value: expected a number"),
        ("metric: auc", "metric: acu", "./mine.yaml:8: metric: expected"),
        ("source: A paper.\n", "", "./mine.yaml:1: missing key 'source'"),
        (
            "B, metric: hmean",
            "A, machine: fan, section: '02', domain: source, metric: auc",
            "two values",
        ),
        ("values:", "values: [", "./mine.yaml:8:"),
    ],
)
def test_a_reference_says_what_is_wrong_with_it(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert REFERENCE.count(old) == 1
    (tmp_path / "mine.yaml").write_text(REFERENCE.replace(old, new))
    with pytest.raises(SuiteError) as caught:
        load_reference("./mine.yaml", tmp_path)
    assert expected in str(caught.value)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "file", "methods"),
    [
        ("mimii_dg_table3", "mimii_dg_table3_dcase2022dev_auc_percent.csv", 2),
        ("gammavae_table2", "gammavae_table2_dcase2024dev_MAHALA_percent.csv", 2),
        ("neighborhood_smoothing_table2", "dns_table2_dcase2021_eval_percent.csv", 4),
    ],
)
def test_bundled_references_hold_every_published_number(
    shared: Path, name: str, file: str, methods: int
) -> None:
    cells = [
        float(cell)
        for line in (shared / "oracle" / "published" / file).read_text().splitlines()[1:]
        for cell in line.split(",")
        if "." in cell
    ]
    reference = load_reference(name, Path())
    assert len(reference.methods) == methods
    assert sorted(v.value for v in reference.values) == sorted(round(c / 100, 4) for c in cells)
