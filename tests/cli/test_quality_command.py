from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from asdbench.cli.quality import quality
from asdbench.errors import AsdbenchError, DataError, PluginError, WeightsError

app = typer.Typer()
app.command("quality")(quality)


def run(*arguments: Any) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def write(
    folder: Path, clips: int, seed: int, kind: str, level: float = 0.1, rate: int = 8000
) -> None:
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(clips):
        name = f"section_00_source_{kind}_{seed}{i:03d}_vel_6.wav"
        soundfile.write(folder / name, level * rng.standard_normal(rate // 2), rate)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    real, made = tmp_path / "real", tmp_path / "made"
    for machine, level in (("fan", 0.1), ("valve", 0.02)):
        write(real / machine / "test", 8, 1, "test_normal", level)
        write(real / machine / "test", 6, 2, "test_anomaly", level)
        write(real / machine / "train", 10, 3, "train_normal", level)
        write(made / machine, 6, 4, "anomaly", 1.5 * level)
    return real, made


def test_tables_and_files_say_the_same(folders: tuple[Path, Path], tmp_path: Path) -> None:
    real, made = folders
    shown = run(real, made, "--json", tmp_path / "q.json", "--csv", tmp_path / "q.csv")
    told = json.loads((tmp_path / "q.json").read_text())
    rows = told["distances"]
    assert [(r["machine"], r["label"]) for r in rows] == [
        ("fan", "anomaly"),
        ("valve", "anomaly"),
        ("all", "anomaly"),
    ]
    assert f"logmel-stats@{rows[0]['digest'][:12]}" in shown
    assert f"{rows[0]['fad']:.3g}" in shown
    assert "Note: only real clips of fan normal: left out" in shown
    assert "too few to extrapolate" in " ".join(shown.split())
    with (tmp_path / "q.csv").open() as lines:
        cells = list(csv.DictReader(lines))
    assert float(cells[1][f"logmel-stats@{rows[1]['digest'][:12]} kad"]) == rows[1]["kad"]


def test_training_clips_are_no_held_out_clips(folders: tuple[Path, Path], tmp_path: Path) -> None:
    real, made = folders
    for i, path in enumerate(sorted((real / "fan" / "train").iterdir())[:2]):
        name = made / "fan" / f"section_00_source_normal_9{i:03d}_vel_6.wav"
        name.write_bytes(path.read_bytes())
    shown = run(real, made, "--train", real, "--json", tmp_path / "q.json")
    told = json.loads((tmp_path / "q.json").read_text())
    assert "20 real clips are training clips: left out" in told["notes"]
    (copies,) = (
        row for row in told["memorization"]
        if (row["machine"], row["label"], row["space"]) == ("fan", "normal", "log-mel")
    )  # fmt: skip
    assert (copies["train_clips"], copies["baseline_clips"]) == (10, 8)
    assert copies["share"] == 1.0
    neighbors = {suspect["clip"]: suspect["neighbor"] for suspect in copies["suspects"]}
    wanted = "fan/train/section_00_source_train_normal_3000_vel_6.wav"
    assert neighbors["fan/section_00_source_normal_9000_vel_6.wav"] == wanted
    assert f"near {wanted} (1, lead" in " ".join(shown.split())
    with pytest.raises(DataError, match=r"every recording in .* is a training clip"):
        run(real / "fan" / "train", made / "fan", "--train", real)


def test_one_machine_needs_no_common_name_and_rates_may_differ(tmp_path: Path) -> None:
    write(tmp_path / "fan" / "test", 6, 1, "test_normal")
    write(tmp_path / "out", 5, 2, "normal", rate=16000)
    shown = " ".join(run(tmp_path / "fan" / "test", tmp_path / "out").split())
    assert "('out') is taken for that of" in shown
    assert "5 generated clips of 16000 Hz are resampled to 8000 Hz" in shown
    assert "6 real and 5 generated clips: FAD depends on both numbers" in shown


def test_captions_are_read_from_the_manifest(tmp_path: Path) -> None:
    from asdbench.metrics.quality_folders import _captions

    (tmp_path / "manifest.csv").write_text(
        "path,machine,label,notes,caption\n"
        'fan/a.wav,fan,normal,"{""caption"": ""A fan.""}",\n'
        "fan/b.wav,fan,normal,{},A loud fan.\n"
        "fan/c.wav,fan,normal,not json,\n"
    )
    assert _captions(tmp_path) == {"fan/a.wav": "A fan.", "fan/b.wav": "A loud fan."}


def test_mistakes_are_errors_with_exit_code_2(folders: tuple[Path, Path], tmp_path: Path) -> None:
    real, made = folders
    with pytest.raises(DataError, match="nowhere is not a folder"):
        run(real, tmp_path / "nowhere")
    with pytest.raises(DataError, match="12 files are in"):
        run(tmp_path, made)
    with pytest.raises(PluginError, match="Did you mean 'logmel-stats'"):
        run(real, made, "--embedding", "logmel_stats")
    with pytest.raises(PluginError, match="named twice"):
        run(real, made, "--embedding", "clap", "--embedding", "clap")
    with pytest.raises(PluginError, match=r"parameter 'wieghts'.*Did you mean 'weights'"):
        run(real, made, "--embedding", "vggish", "--embedding-param", "wieghts=x")
    two = ("--embedding", "vggish", "--embedding", "logmel-stats")
    with pytest.raises(PluginError, match=r"sets no parameter of vggish, logmel-stats"):
        run(real, made, *two, "--embedding-param", "weights=x")
    with pytest.raises(WeightsError, match="x is no safetensors file"):
        run(real, made, *two, "--embedding-param", "vggish.weights=x")
    with pytest.raises(AsdbenchError, match="VGGish needs its weights, and has none") as caught:
        run(real, made, "--embedding", "vggish")
    assert caught.value.exit_code == 2
    silent = made / "fan" / "section_00_source_anomaly_8000.wav"
    soundfile.write(silent, np.zeros(4000), 8000)
    with pytest.raises(DataError, match=r"8000\.wav is silent") as caught_silent:
        run(real, made)
    assert "take it out of the folder" in (caught_silent.value.hint or "")


def test_an_embedding_in_a_file_can_be_used(folders: tuple[Path, Path], tmp_path: Path) -> None:
    source = """
import numpy as np
from asdbench.api import Embedded, Embedding, EmbeddingInfo, embedding

@embedding("my-levels")
class Levels(Embedding):
    info = EmbeddingInfo(id="my-levels", version="1")
    def embed(self, clips, context):
        rows = [[clips.audio(i).std(), abs(clips.audio(i)).max()] for i in range(len(clips))]
        return Embedded.one_per_clip(rows)
    def digest(self):
        return "0" * 64
"""
    (tmp_path / "mine.py").write_text(source)
    shown = run(*folders, "--plugin", tmp_path / "mine.py", "--embedding", "my-levels")
    assert "my-levels@000000000000" in shown


def test_the_command_is_imported_without_heavy_modules() -> None:
    code = (
        "import sys, asdbench.cli.quality; "
        "print([m for m in ('torch', 'pandas', 'scipy', 'numpy', 'rich') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
