from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asdbench.suite import load_suite
from toy import DETECTOR

Mistakes = Callable[..., list[str]]

SWEEP = """\
schema: asdbench/suite@1
name: swept
dataset: {use: manifest, file: clips.csv}
detectors:
  - {id: plain, use: dcase-ae}
  - id: ae
    use: dcase-ae
    params: {epochs: 2}
    sweep:
      score: [mse, mahalanobis]
      learning_rate: [0.001, 0.01, null]
  - {id: last, use: dcase-ae, params: {score: mahalanobis}}
"""


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(SWEEP)
    return path


def test_a_sweep_stands_for_every_combination(swept: Path) -> None:
    loaded = load_suite("my.yaml")
    assert [plugin.id for plugin in loaded.detectors] == [
        "plain",
        "ae.score-mse.learning_rate-0.001",
        "ae.score-mse.learning_rate-0.01",
        "ae.score-mse.learning_rate-none",
        "ae.score-mahalanobis.learning_rate-0.001",
        "ae.score-mahalanobis.learning_rate-0.01",
        "ae.score-mahalanobis.learning_rate-none",
        "last",
    ]
    found = [(p.params.score, p.params.learning_rate, p.params.epochs) for p in loaded.detectors]
    assert found[1] == ("mse", 0.001, 2)
    assert found[6] == ("mahalanobis", None, 2)
    assert found[7] == ("mahalanobis", None, None)
    assert [plugin.id for plugin in loaded.suite.detectors] == [p.id for p in loaded.detectors]
    assert loaded.suite.detectors[1].params["epochs"] == 2


def test_it_is_the_same_suite_as_the_one_written_out(swept: Path) -> None:
    digest = load_suite("my.yaml", ["detectors.ae.sweep={score: [mse, mahalanobis]}"]).digest
    start = SWEEP.index("  - id: ae")
    written_out = "".join(
        f"  - {{id: ae.score-{score}, use: dcase-ae, params: {{epochs: 2, score: {score}}}}}\n"
        for score in ("mse", "mahalanobis")
    )
    swept.write_text(SWEEP[:start] + written_out + SWEEP[SWEEP.index("  - {id: last") :])
    assert load_suite("my.yaml").digest == digest


def test_set_reaches_the_entry_before_it_is_expanded(swept: Path) -> None:
    loaded = load_suite(
        "my.yaml",
        ["detectors.ae.params.epochs=7", "detectors.ae.sweep.learning_rate=[0.5]"],
    )
    assert [(p.id, p.params.epochs) for p in loaded.detectors[1:-1]] == [
        ("ae.score-mse.learning_rate-0.5", 7),
        ("ae.score-mahalanobis.learning_rate-0.5", 7),
    ]


def test_only_takes_one_combination_or_all_of_them(swept: Path) -> None:
    one = "ae.score-mse.learning_rate-none"
    assert [p.id for p in load_suite("my.yaml", only=[f"detector={one}"]).detectors] == [one]
    every = load_suite("my.yaml", only=["detector=ae", "detector=last"]).detectors
    assert len(every) == 7
    assert {p.id.partition(".")[0] for p in every} == {"ae", "last"}


def test_dotted_keys_reach_into_nested_parameters(swept: Path, tmp_path: Path) -> None:
    (tmp_path / "nested.py").write_text(
        DETECTOR.replace(
            "class LevelParams(Params):",
            "class Inner(Params):\n    sign: int = 1\n\nclass LevelParams(Params):\n"
            "    inner: Inner = Inner()\n    outer: Inner = Inner()",
        )
    )
    entry = (
        "  - {id: deep, use: level, sweep: {inner.sign: [1, -1], outer.sign: [2], fail: ['']}}\n"
    )
    swept.write_text(SWEEP + entry + "plugins: [./nested.py]\n")
    found = load_suite("my.yaml", only=["detector=deep"]).detectors
    assert [p.id for p in found] == [
        "deep.inner.sign-1.outer.sign-2.fail-empty",
        "deep.inner.sign--1.outer.sign-2.fail-empty",
    ]
    assert [(p.params.inner.sign, p.params.outer.sign) for p in found] == [(1, 2), (-1, 2)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("epochs: 2", "epoch: 2", "my.yaml:8: unknown parameter 'epoch' of 'dcase-ae'"),
        ("      score: [mse,", "      scoer: [mse,", "my.yaml:10: unknown parameter 'scoer' of"),
        (
            "[mse, mahalanobis]\n",
            "[mse, mahalnobis]\n",
            "my.yaml:10: score: expected one of 'mse', 'mahalanobis', got 'mahalnobis'",
        ),
        ("0.01, null]", "0.01, fast]", "my.yaml:11: learning_rate: expected"),
        ("epochs: 2", "score: mse", "my.yaml:10: parameter 'score' has a value beside its sweep"),
        ("score: [mse, mahalanobis]", "score: []", "my.yaml:10: score: expected"),
        ("score: [mse, mahalanobis]", "score: mse", "my.yaml:10: score: expected"),
        ("score: [mse,", "score..x: [mse,", "my.yaml:10: sweep: 'score..x' names no parameter"),
        ("score: [mse,", "epochs.x: [mse,", "my.yaml:10: sweep: nothing lies below"),
        ("[mse, mahalanobis]\n", "[mse, mse]\n", "my.yaml:9: sweep: 2 combinations are called"),
        ("id: ae\n", f"id: {'a' * 50}\n", "my.yaml:6: the sweep makes ids of more than 64"),
        ("id: last", "id: ae", "my.yaml:6: duplicate id 'ae'"),
        (
            "id: last",
            "id: ae.score-mse.learning_rate-none",
            "my.yaml:12: duplicate id 'ae.score-mse.learning_rate-none' (first on line 6)",
        ),
        (
            "[0.001, 0.01, null]",
            str([i / 1000 for i in range(1, 602)]),
            "my.yaml:9: sweep: 1202 combinations. At most 1000",
        ),
    ],
)
def test_mistakes_stand_where_they_were_made(
    mistakes: Mistakes, old: str, new: str, expected: str
) -> None:
    assert SWEEP.count(old) == 1
    found = mistakes(text=SWEEP.replace(old, new))
    assert len(found) == 1, found
    assert found[0].startswith(expected)


def test_a_value_of_a_swept_parameter_says_how_to_sweep_over_less(mistakes: Mistakes) -> None:
    found = mistakes(text=SWEEP, overrides=["detectors.ae.params.score=mse"])
    assert "my.yaml:10: parameter 'score' has a value beside its sweep" in found[0]
    assert "--set detectors.ID.sweep.score=[VALUE, ...]" in found[0]


def test_a_wrong_value_from_the_command_line_stands_there(mistakes: Mistakes) -> None:
    override = "detectors.ae.sweep.score=[mse, msr]"
    found = mistakes(text=SWEEP, overrides=[override])
    assert len(found) == 1
    assert found[0].startswith(f"--set {override}: score: expected one of 'mse'")


def test_locations_are_relative_to_the_suite_or_to_the_caller(
    swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "placed.py").write_text(
        "from pathlib import Path\n"
        + DETECTOR.replace(
            "class LevelParams(Params):", "class LevelParams(Params):\n    file: Path | None = None"
        )
    )
    entry = "  - {id: placed, use: level, params: {file: a.txt}, sweep: {sign: [1, -1]}}\n"
    swept.write_text(SWEEP + entry + "plugins: [./placed.py]\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    plain = load_suite("../my.yaml", only=["detector=placed"])
    assert {p.params.file for p in plain.detectors} == {tmp_path / "a.txt"}
    moved = load_suite(
        "../my.yaml", ["detectors.placed.params.file=b.txt"], only=["detector=placed"]
    )
    assert {p.params.file for p in moved.detectors} == {tmp_path / "elsewhere" / "b.txt"}
    assert moved.digest == plain.digest
    assert moved.portable_overrides == ("--only detector=placed",)
