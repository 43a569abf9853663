from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from asdbench.cli.evaluate import evaluate
from asdbench.errors import AsdbenchError

app = typer.Typer()
app.command("evaluate")(evaluate)

HEAD = "machine,section,domain,label,score"
ROWS = [
    "fan,00,source,normal,0.1",
    "fan,00,source,normal,0.4",
    "fan,00,source,anomaly,0.3",
    "fan,00,target,normal,0.2",
    "fan,00,target,anomaly,0.9",
    "fan,00,target,anomaly,0.35",
]
DECIDED = "\n".join([HEAD + ",decision", *(f"{row},{i % 2}" for i, row in enumerate(ROWS))])
PLAIN = "\n".join([HEAD, *ROWS])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "scores.csv"
    path.write_text(PLAIN)
    return path


def run(*arguments: Any, stdin: str | None = None) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_holds_what_is_promised_and_nothing_else(path: Path) -> None:
    result = json.loads(run(path, "--json"))
    assert list(result) == ["definition", "rows", "official_score"]
    assert result["definition"] == "dcase2022"
    (row,) = result["rows"]
    assert list(row) == ["machine", "section", "auc_source", "auc_target", "auc_all", "pauc"]
    assert (row["machine"], row["section"]) == ("fan", "00")
    assert row["auc_source"] == 4 / 6
    expected = 3 / (1 / row["auc_source"] + 1 / row["auc_target"] + 1 / row["pauc"])
    assert result["official_score"] == pytest.approx(expected, rel=1e-15)


def test_decisions_add_their_metrics(path: Path) -> None:
    path.write_text(DECIDED)
    (row,) = json.loads(run(path, "--json"))["rows"]
    assert row["f1_source"] == 0.0
    assert row["f1_target"] == pytest.approx(0.5)
    assert row["precision_target"] == 0.5
    assert row["recall_target"] == 0.5
    assert "F1" in run(path)


def test_dcase2021_takes_anomalies_of_the_same_domain(path: Path) -> None:
    result = json.loads(run(path, "--definition", "dcase2021", "--json"))
    (row,) = result["rows"]
    assert row["auc_source"] == 0.5
    values = [
        row[f"{name}_{domain}"] for name in ("auc", "pauc") for domain in ("source", "target")
    ]
    assert result["official_score"] == pytest.approx(4 / sum(1 / value for value in values))


def test_dcase2020_has_no_domains(path: Path) -> None:
    path.write_text("machine,section,anomaly,score\nfan,00,0,1\nfan,00,1,2\nfan,00,0,3\n")
    result = json.loads(run(path, "--definition", "dcase2020", "--json"))
    (row,) = result["rows"]
    assert (row["auc_source"], row["auc_target"], row["auc_all"]) == (None, None, 0.5)
    assert result["official_score"] == pytest.approx((0.5 + row["pauc"]) / 2)
    assert "dcase2020" in run(path, "--definition", "dcase2020")


def test_standard_input(path: Path) -> None:
    assert run("-", "--json", stdin=PLAIN) == run(path, "--json")


def test_table_says_which_clips_entered(path: Path) -> None:
    shown = " ".join(run(path).split())
    assert "normal clips of the domain against anomalous clips of both domains" in shown
    assert "all normal clips of the section against all its anomalous clips" in shown
    shown = " ".join(run(path, "--definition", "dcase2021").split())
    assert "against anomalous clips of the same domain" in shown
    assert "both domains of the section" not in shown


def test_table_has_means_and_the_official_score(path: Path) -> None:
    path.write_text("\n".join([PLAIN, *(row.replace("fan,00", "fan,01") for row in ROWS)]))
    shown = run(path)
    assert shown.count("arithmetic mean") == 2
    assert "0.6667" in shown
    score = json.loads(run(path, "--json"))["official_score"]
    assert f"Official score (2022-2025): {score:.4f}" in shown


def test_decisions_that_a_definition_does_not_use_are_mentioned(path: Path) -> None:
    path.write_text(DECIDED)
    assert "decisions are not used:" in run(path, "--definition", "dcase2020")
    assert "decisions are not used:" not in run(path)


def test_mistakes_are_errors_with_exit_code_2(path: Path) -> None:
    path.write_text(PLAIN.replace("0.9", "nan").replace("label", "labl"))
    with pytest.raises(AsdbenchError, match=r"scores.csv:1: unknown column 'labl'") as caught:
        run(path)
    assert caught.value.exit_code == 2
    with pytest.raises(AsdbenchError, match="<stdin>:1: empty"):
        run("-", stdin="")
    with pytest.raises(AsdbenchError, match=r"nowhere.csv: cannot be read"):
        run(path.parent / "nowhere.csv")
    with pytest.raises(AsdbenchError, match="cannot be read"):
        run(path.parent)
    path.write_bytes(b"machine,section\xff\n")
    with pytest.raises(AsdbenchError, match="not UTF-8"):
        run(path)


def test_unknown_definition_is_a_usage_error(path: Path) -> None:
    result = CliRunner().invoke(app, [str(path), "--definition", "dcase2019"])
    assert result.exit_code == 2
    assert "dcase2021" in result.output


def test_a_pipe_gets_plain_text_of_full_width(path: Path) -> None:
    name = "a_machine_with_a_long_name_" * 2
    path.write_text(DECIDED.replace("fan", name))
    code = "import typer; from asdbench.cli.evaluate import evaluate; typer.run(evaluate)"
    environment = {**os.environ, "COLUMNS": "40", "TERM": "dumb"}
    environment.pop("FORCE_COLOR", None)
    shown = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert "\x1b" not in shown.stdout
    assert "…" not in shown.stdout
    assert name[:27] in shown.stdout
    numbers = "00 6 0.6667 1.0000 0.7778 0.6491 0.0000 0.5000"
    assert numbers in " ".join(shown.stdout.split())
    assert shown.stderr == ""


def test_the_command_is_imported_without_heavy_modules() -> None:
    code = (
        "import sys, asdbench.cli.evaluate; "
        "print([m for m in ('torch', 'pandas', 'scipy', 'sklearn', 'numpy') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.shared
def test_official_score_of_a_real_submission(shared: Path) -> None:
    folder = shared / "oracle" / "cases" / "dcase2022_eval_Xiao_HEU-HIT_task2_1"
    result = json.loads(run(folder / "scores.csv", "--json"))
    expected = json.loads((folder / "overall.json").read_text())
    assert result["official_score"] == pytest.approx(expected["official_score"], rel=1e-9)
    assert len(result["rows"]) == 21
