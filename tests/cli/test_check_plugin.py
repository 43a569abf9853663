from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from asdbench.cli.plugins import plugins_app
from asdbench.errors import AsdbenchError, PluginError

PLUGIN = '''
import numpy as np

from asdbench.api import Detector, DetectorInfo, Params, detector
from asdbench.errors import PluginError


class LevelParams(Params):
    sign: int
    power: int = 2


class Level(Detector):
    """How far the level of a clip lies from that of the training clips."""

    check_params = {"sign": 1}

    def __init__(self, params):
        super().__init__(params)
        self.level = None

    def fit(self, train, context):
        self.level = np.mean([np.std(train.audio(i)) for i in range(len(train))])

    def score(self, clips, context):
        if self.level is None:
            raise PluginError("not fitted")
        levels = np.array([np.std(clips.audio(i)) for i in range(len(clips))], dtype=float)
        return self.params.sign * np.abs(levels - self.level) ** self.params.power

    def save(self, folder):
        np.save(folder / "level.npy", self.level)

    @classmethod
    def load(cls, folder, params, context):
        made = cls(params)
        made.level = np.load(folder / "level.npy")
        return made


@detector("level")
class Good(Level):
    info = DetectorInfo(id="level", version="1", params=LevelParams)


@detector("flipped")
class Flipped(Level):
    info = DetectorInfo(id="flipped", version="1", params=LevelParams)
    check_params = {"sign": -1}
'''


@pytest.fixture(autouse=True)
def no_registered_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asdbench.registry.discovery._registered_files", {})


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "levels.py"
    path.write_text(PLUGIN)
    return str(path)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(plugins_app, ["check", *arguments], catch_exceptions=False)


def test_a_good_plugin_gets_a_table_of_passed_checks(plugin: str) -> None:
    result = check(f"{plugin}:Good")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("detector")
    assert "all checks passed" in result.stdout
    rows = [line.split() for line in result.stdout.splitlines() if " passed " in line]
    assert "save-load" in [row[0] for row in rows]
    assert "] level: save-load passed" in result.stderr.replace(f"{plugin}:Good", "level")


def test_a_file_alone_checks_all_that_it_registers(plugin: str) -> None:
    result = check(plugin, "--only", "anomalies-rank-higher", "--only", "order")
    assert result.exit_code == 3
    assert "flipped" in result.stdout
    assert "1 of 2 checks failed" in result.stdout
    assert "all checks passed" in result.stdout
    assert "seen: AUC of loud planted anomalies 0.00" in result.stdout
    assert "what to do: is the sign flipped?" in result.stdout


def test_json_has_every_outcome(plugin: str) -> None:
    result = check("flipped", "--plugin", plugin, "--json", "--only", "anomalies-rank-higher")
    assert result.exit_code == 3
    (found,) = json.loads(result.stdout)
    assert (found["kind"], found["id"], found["passed"]) == ("detectors", "flipped", False)
    (row,) = found["checks"]
    assert row["result"] == "failed"
    assert set(row) == {"name", "what", "result", "seconds", "message"}


def test_set_adds_to_the_plugin_s_own_parameters_for_checks(plugin: str) -> None:
    only = ("--only", "anomalies-rank-higher")
    assert check("flipped", "--plugin", plugin, "--set", "power=1", *only).exit_code == 3
    assert check("flipped", "--plugin", plugin, "--set", "sign=1", *only).exit_code == 0
    with pytest.raises(AsdbenchError, match="powr"):
        check("flipped", "--plugin", plugin, "--set", "powr=1", *only)


def test_one_failure_of_all_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "failing.py"
    fit = 'raise RuntimeError("no luck today")'
    path.write_text(
        PLUGIN.replace("self.level = np.mean(", f"{fit}\n        self.level = np.mean(")
    )
    result = check(f"{path}:Good")
    assert result.exit_code == 3
    told = "fit() with context.seed 20240918 raised RuntimeError: no luck today (failing.py:"
    assert result.stdout.count(told) == 1
    assert "  as scores" in result.stdout
    assert result.stdout.count("no luck today") == 1
    assert "what to do: mend what raised; calls, the last one last: failing.py:" in result.stdout
    assert "chained" not in result.stdout


@pytest.mark.parametrize(
    "wrong", ["None", "np.full(len(levels), np.nan)", "np.zeros((len(levels), 2))", "[[1], [1, 2]]"]
)
def test_failures_that_follow_from_wrong_scores_are_told_as_that(
    tmp_path: Path, wrong: str
) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(PLUGIN.replace("return self.params.sign *", f"return {wrong}\n        1 *"))
    result = check(f"{path}:Good")
    assert result.exit_code == 3
    assert result.stdout.count("seen: ") == 1, result.stdout
    assert "does it learn" not in result.stdout
    assert "squeeze" not in result.stdout
    for name in ("blind", "progress", "info"):
        assert f"{name}:" not in result.stdout.replace("info: ", "")


def test_a_plugin_that_exits_fails_and_does_not_end_the_command(tmp_path: Path) -> None:
    path = tmp_path / "leaving.py"
    line = "        self.level = np.mean("
    path.write_text(PLUGIN.replace(line, f"        raise SystemExit(0)\n{line}"))
    result = check(f"{path}:Good", "--only", "info", "--only", "scores", "--only", "before-fit")
    assert result.exit_code == 3
    assert "1 of 3 checks failed" in result.stdout
    assert "raised SystemExit: 0 (leaving.py:" in result.stdout


def test_unknown_names_are_errors_with_the_nearest_one(plugin: str) -> None:
    with pytest.raises(PluginError, match="Did you mean 'perturb'"):
        check("pertub")
    with pytest.raises(PluginError, match="Did you mean 'save-load'"):
        check(f"{plugin}:Good", "--only", "saveload")
    with pytest.raises(PluginError, match="no checks for embedding"):
        check("logmel-stats")


ONE = PLUGIN[: PLUGIN.index('@detector("flipped")')].replace('@detector("level")', "")


def test_the_only_class_of_a_file_that_registers_nothing_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "level_package"
    package.mkdir()
    (package / "levels.py").write_text(ONE)
    (package / "__init__.py").write_text("from level_package.levels import Good\n")
    monkeypatch.syspath_prepend(tmp_path)
    result = check(str(package / "__init__.py"), "--only", "info", "--set", "power=1")
    assert result.exit_code == 0, result.output
    assert "__init__.py:Good" in result.stdout


def test_of_several_unregistered_classes_one_must_be_named(tmp_path: Path) -> None:
    path = tmp_path / "several.py"
    path.write_text(ONE)
    with pytest.raises(PluginError, match="has 2 classes: Level, Good") as error:
        check(str(path))
    assert f"{path}:Level" in str(error.value)


def test_data_sets_and_embeddings_are_not_said_to_be_allowed() -> None:
    for name, said in (
        ("simulated", "no checks for data set 'simulated'"),
        ("vggish", "no checks for embedding 'vggish'"),
        ("vggishh", "no detector or generator 'vggishh'"),
    ):
        with pytest.raises(PluginError, match=said) as error:
            check(name)
        assert error.value.hint is not None
        assert "dcase-ae" in error.value.hint
        assert "simulated" not in error.value.hint
        assert "vggish" not in error.value.hint


def test_help_teaches() -> None:
    result = check("--help")
    assert result.exit_code == 0
    assert "asdbench plugins check dcase-ae" in result.stdout
    assert "Exit codes: 0 all checks passed" in result.stdout
