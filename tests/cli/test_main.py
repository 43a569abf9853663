from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = ["run", "plan", "validate", "report", "compare", "evaluate", "schema", "doctor"]
COMMANDS += ["train", "generate"]


def asdbench(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "asdbench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)  # type: ignore[call-overload, no-any-return]


def test_help_loads_nothing_heavy():
    heavy = ["torch", "numpy", "pandas", "scipy", "pydantic", "transformers", "yaml", "rich.table"]
    code = (
        "import sys; sys.argv = ['asdbench', '--help']\n"
        "import asdbench.cli.main as m\n"
        "try: m.main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Exit codes" in done.stdout


@pytest.mark.parametrize("command", [*COMMANDS, "plugins list", "data simulate", "data list"])
def test_every_command_explains_itself(command):
    done = asdbench(*command.split(), "--help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 8


def test_version():
    done = asdbench("--version")
    assert done.stdout.strip().count(".") == 2


def test_unknown_command_is_a_usage_error():
    done = asdbench("rum")
    assert done.returncode == 2
    assert "rum" in done.stderr


def test_run_report_compare(toy_suite: Path, tmp_path: Path):
    options = ["--store", tmp_path / "store", "--workers", "1"]
    done = asdbench("run", toy_suite, *options, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "toy 1.0.0" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()[:-2]) <= 100
    assert done.stdout.splitlines()[-1] == f"report: {tmp_path / 'run/report/report.md'}"
    assert "fit level fan" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr

    (tmp_path / "run/report/report.md").unlink()
    again = asdbench("report", tmp_path / "run", "--format", "md")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "run/report/report.md").exists()
    wrong = asdbench("report", tmp_path / "run", "--format", "pdf")
    assert wrong.returncode == 2
    assert "Allowed: md, csv" in wrong.stderr

    same = asdbench("compare", tmp_path / "run", tmp_path / "run", "--format", "json")
    assert same.returncode == 0
    assert json.loads(same.stdout)["verdict"] == "same"

    changed = asdbench(
        "run", toy_suite, *options, "--out", tmp_path / "other",
        "--set", "detectors.flipped.params.sign=1",
    )  # fmt: skip
    assert changed.returncode == 0, changed.stderr
    difference = asdbench("compare", tmp_path / "run", tmp_path / "other")
    assert difference.returncode == 3
    assert "parameters of flipped differ" in difference.stdout
    assert "flipped" in difference.stdout

    less = asdbench("run", toy_suite, *options, "--out", tmp_path / "l", "--only", "detector=level")
    assert less.returncode == 0, less.stderr
    lost = asdbench("compare", tmp_path / "run", tmp_path / "l")
    assert lost.returncode == 5
    assert "lost: fan/00/source/flipped/perturbed" in lost.stdout


def test_incomplete_run_exits_with_5(toy_suite: Path, tmp_path: Path):
    done = asdbench(
        "run", toy_suite, "--store", tmp_path / "store", "--out", tmp_path / "run",
        "--set", "detectors.level.params.fail=fit",
    )  # fmt: skip
    assert done.returncode == 5
    assert "FAILED ValueError: no luck today" in done.stderr
    assert "tries them again" in done.stderr


def test_errors_have_no_traceback(tmp_path: Path):
    for arguments in (
        ["run", "nothing.yaml"],
        ["report", tmp_path],
        ["compare", tmp_path, tmp_path],
    ):
        done = asdbench(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr


def test_plan_has_no_side_effects(toy_suite: Path, tmp_path: Path):
    done = asdbench("plan", toy_suite, "--store", tmp_path / "store", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "scores" in done.stdout
    assert {p.name for p in (tmp_path / "store").iterdir()} == {"inventory"}
    assert not (tmp_path / "runs").exists()


def test_data_commands(toy_suite: Path, tmp_path: Path):
    twin = tmp_path / "twin"
    size = [
        "--machines",
        "fan",
        "--sections",
        "00",
        "--train",
        "2",
        "--test",
        "1",
        "--workers",
        "1",
    ]
    made = asdbench("data", "simulate", twin, *size)
    assert made.returncode == 0, made.stderr
    assert "7 clips written, 0 kept" in made.stdout
    assert "0 clips written, 7 kept" in asdbench("data", "simulate", twin, *size).stdout
    listed = asdbench("data", "list", twin)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.splitlines()[-1] == "7 clips"
    good = asdbench("data", "verify", twin)
    assert good.returncode == 0, good.stderr
    assert "7 files read, 0 cannot be used" in good.stdout
    clip = next(twin.rglob("*.wav"))
    clip.write_bytes(clip.read_bytes()[:-5000])
    bad = asdbench("data", "verify", twin)
    assert bad.returncode == 2
    assert clip.name in bad.stdout


def test_doctor_names_every_part():
    done = asdbench("doctor")
    assert done.returncode == 0, done.stdout
    for name in ("Python", "torch", "device", "store", "detectors"):
        assert name in done.stdout
