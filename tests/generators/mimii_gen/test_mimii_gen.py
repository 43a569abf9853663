"""The plug-in as a suite uses it: trained in fit(), from a checkpoint, in every grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny_diffusion
import yaml
from pydantic import ValidationError
from text_models import save_t5
from tiny_diffusion import CONDITIONS, PARAMS, SAMPLES, clip_pool, context, where
from trainable import call

from asdbench.api import Condition, Request, SupportsRoundtrip, SupportsTraining
from asdbench.engine.run import run
from asdbench.errors import DataError, PluginError, WeightsError
from asdbench.generators.mimii_gen import MIMIIGen
from asdbench.generators.mimii_gen.checkpoint import load_checkpoint
from asdbench.generators.mimii_gen.encodec_meta import new_model
from asdbench.generators.mimii_gen.params import MIMIIGenParams
from asdbench.generators.mimii_gen.training import Trainer

SUITE: dict[str, Any] = {
    "schema": "asdbench/suite@1",
    "name": "tiny",
    "dataset": {"use": "manifest", "file": "clips.csv"},
    "plugins": ["./level.py"],
    "split": {"generator_train": 0.5, "generator_normals": 0.5},
    "grids": {
        "made": {"generator": "gen", "label": "anomaly"},
        "made-normals": {"generator": "gen", "label": "normal"},
        "coded": {"generator": "gen", "label": "anomaly", "make": "roundtrip"},
        "coded-normals": {"generator": "gen", "label": "normal", "make": "roundtrip"},
    },
    "detectors": [{"id": "level", "use": "level"}],
    "statistics": {"bootstrap": 100},
}


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_diffusion.use_tiny(monkeypatch)


def made(**chosen: Any) -> MIMIIGen:
    return MIMIIGen(MIMIIGenParams(**(PARAMS | chosen)))


@pytest.fixture
def fitted(tmp_path: Path) -> MIMIIGen:
    generator = made()
    generator.fit(clip_pool(24), context(tmp_path / "fit"))
    return generator


def ask(at: Condition = CONDITIONS[0], label: Any = "anomaly", count: int = 3) -> list[Request]:
    return [Request(at, label, 2**63 + i, SAMPLES) for i in range(count)]


def audio_of(generator: MIMIIGen, requests: list[Request], tmp_path: Path) -> list[Any]:
    batches = generator.generate(requests, clip_pool(24), context(tmp_path / "generate"))
    return [clip for batch in batches for clip in batch.audio]


def write_suite(folder: Path, **params: Any) -> Path:
    suite = SUITE | {"generators": [{"id": "gen", "use": "mimii-gen", "params": PARAMS | params}]}
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(suite))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("start", ["noise", "normal"])
def test_a_suite_trains_its_own_generator_and_fills_every_grid(
    toy_suite: Path, tmp_path: Path, start: str
) -> None:
    suite = write_suite(toy_suite.parent, **{"from": start})
    result = run(suite, out=tmp_path / "run", store=tmp_path / "store", workers=0)
    assert result.complete
    scores = pd.read_parquet(result.folder / "scores.parquet")
    assert set(scores.origin) == {"real", *SUITE["grids"]}
    for cell in result.report.cells:
        assert cell.status == "ok", cell
    again = run(suite, out=tmp_path / "again", store=tmp_path / "other", workers=0)
    first, second = ((r.folder / "scores.parquet").read_bytes() for r in (result, again))
    assert first == second


@pytest.mark.slow
def test_a_checkpoint_serves_a_suite(toy_suite: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    generator = made()
    at = [Condition(m, "00", None, (("speed", s),)) for m in ("fan", "pump") for s in "67"]
    pool = replace(clip_pool(8), conditions=at * 2, labels=["normal"] * 4 + ["anomaly"] * 4)
    folder.mkdir()
    generator.train("generator", pool, pool.subset([0, 5]), folder, context(tmp_path / "train"))
    suite = write_suite(toy_suite.parent, checkpoint=str(folder))
    result = run(suite, out=tmp_path / "run", store=tmp_path / "store", workers=0)
    assert result.complete
    assert all(cell.status == "ok" for cell in result.report.cells)


@pytest.mark.slow
def test_the_command_trains_a_checkpoint_and_resumes(
    toy_suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = PARAMS["architecture"]
    plan = plan | {"training": plan["training"] | {"save_every": 2}}
    architecture = yaml.safe_dump(plan, default_flow_style=True).strip()
    command: list[str | Path] = ["train", "generator", "mimii-gen", "--suite", toy_suite]
    command += ["--store", tmp_path / "store", "--device", "cpu", "--hold-out", "0.3"]
    command += ["--set", f"architecture={architecture}", "--set", "steps=2"]

    def weights(folder: Path) -> bytes:
        return (folder / "model.safetensors").read_bytes()

    done = call(*command, "--out", tmp_path / "straight")
    assert done.returncode == 0, done.stderr
    save = Trainer._save

    def killed(self: Trainer, seconds: float) -> None:
        save(self, seconds)
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_save", killed)
        with pytest.raises(RuntimeError, match="killed"):
            call(*command, "--out", tmp_path / "broken")
    assert not (tmp_path / "broken/card.json").exists()
    done = call(*command, "--out", tmp_path / "broken")
    assert done.returncode == 0, done.stderr
    assert weights(tmp_path / "broken") == weights(tmp_path / "straight")
    model = load_checkpoint(tmp_path / "broken")
    assert {condition.machine for condition in model.conditions} == {"fan", "pump"}
    assert model.training is not None
    assert model.training["losses"][-1]["held_out"] > 0


def test_what_it_says_of_itself() -> None:
    assert issubclass(MIMIIGen, SupportsRoundtrip)
    assert isinstance(made(), SupportsTraining)
    assert set(MIMIIGen.trainable) == {"generator", "codec"}
    shown = call("plugins", "show", "mimii-gen")
    assert shown.returncode == 0, shown.stderr
    for name in ("checkpoint", "from", "severity", "guidance", "steps", "preset"):
        assert name in shown.stdout


def test_parameters_are_those_of_a_suite() -> None:
    assert MIMIIGenParams.model_validate({"from": "normal"}).start == "normal"
    assert MIMIIGenParams().start == "noise"
    for wrong in ({"from": "silence"}, {"strength": 0.0}, {"steps": 1}, {"sampler": "euler"}):
        with pytest.raises(ValidationError):
            MIMIIGenParams.model_validate(wrong)


def test_a_round_trip_keeps_lengths_and_needs_no_labels(fitted: MIMIIGen, tmp_path: Path) -> None:
    pool = replace(clip_pool(4, (SAMPLES, 6000, 8191)), labels=())
    coded = [
        clip
        for batch in fitted.roundtrip(pool, [1, 2, 3, 4], context(tmp_path / "r"))
        for clip in batch.audio
    ]
    assert [len(clip) for clip in coded] == [len(pool.audio(i)) for i in range(4)]


def test_saved_and_loaded_it_makes_the_same_clips(fitted: MIMIIGen, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    fitted.save(folder)
    again = MIMIIGen.load(folder, fitted.params, context(tmp_path / "load"))
    requests = [*ask(), *ask(CONDITIONS[2], "normal")]
    for one, other in zip(
        audio_of(fitted, requests, tmp_path), audio_of(again, requests, tmp_path), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_the_path_of_the_paper_with_small_models_of_its_classes(tmp_path: Path) -> None:
    """EnCodec at 24 kHz and a frozen Flan-T5, both from folders; clips at 16 kHz."""
    from transformers import EncodecConfig, T5EncoderModel

    config = EncodecConfig(num_filters=2, num_lstm_layers=1, codebook_size=16)
    new_model(config, seed=1).save_pretrained(tmp_path / "encodec")
    sources = {
        "codec_source": str(tmp_path / "encodec"),
        "text_source": save_t5(tmp_path / "t5", T5EncoderModel),
    }
    architecture = PARAMS["architecture"] | {
        "codec": "encodec",
        "bandwidth": 6.0,
        "text_encoder": "flan-t5",
        "detail": "machine",
        "normalization": "dimension",
        "prediction": "epsilon",
    }
    generator = made(architecture=architecture, sampler="ddpm", steps=5, **sources)
    generator.fit(clip_pool(), context(tmp_path / "fit"))
    audio = audio_of(generator, ask(), tmp_path)
    assert [len(clip) for clip in audio] == [SAMPLES] * 3
    assert all(np.isfinite(clip).all() and clip.std() > 0 for clip in audio)
    folder = tmp_path / "saved"
    folder.mkdir()
    generator.save(folder)
    again = MIMIIGen.load(folder, generator.params, context(tmp_path / "load"))
    for one, other in zip(audio, audio_of(again, ask(), tmp_path), strict=True):
        np.testing.assert_array_equal(one, other)
    coded = again.roundtrip(clip_pool(2, (SAMPLES, 6000)), [1, 2], context(tmp_path / "r"))
    assert [len(clip) for batch in coded for clip in batch.audio] == [SAMPLES, 6000]


def test_fitting_twice_gives_the_same_generator(fitted: MIMIIGen, tmp_path: Path) -> None:
    other = made()
    other.fit(clip_pool(24), context(tmp_path / "again"))
    for one, two in zip(
        audio_of(fitted, ask(), tmp_path), audio_of(other, ask(), tmp_path), strict=True
    ):
        np.testing.assert_array_equal(one, two)


def test_machines_and_sections_that_were_not_trained_on_are_refused(fitted: MIMIIGen) -> None:
    assert fitted.refuses(ask()[0]) is None
    assert fitted.refuses(ask(where(vel="7"))[0]) is None
    valve = fitted.refuses(ask(where("valve"))[0])
    assert valve == "the checkpoint knows the machines fan, pump"
    section = fitted.refuses(ask(where(section="03", vel="6"))[0])
    assert section == "of fan, the checkpoint knows the sections 00"


def test_without_statistics_a_section_any_section_will_do(tmp_path: Path) -> None:
    architecture = PARAMS["architecture"] | {"normalization": "dimension"}
    generator = made(architecture=architecture)
    generator.fit(clip_pool(), context(tmp_path / "fit"))
    assert generator.refuses(ask(where(section="03", vel="6"))[0]) is None
    assert generator.refuses(ask(where("valve"))[0]) is not None
    [clip] = audio_of(generator, ask(where(section="03", vel="6"), count=1), tmp_path)
    assert np.isfinite(clip).all()


def test_an_unseen_category_is_left_out_and_a_number_is_not(
    fitted: MIMIIGen, tmp_path: Path
) -> None:
    requests = ask(where(vel="8", loc="Z"), count=1)
    [batch] = fitted.generate(requests, clip_pool(24), context(tmp_path / "g"))
    [note] = batch.notes
    assert note["left_out"] == "loc=Z"
    assert "8" in note["caption"]


def test_from_a_normal_needs_one_of_the_machine(tmp_path: Path) -> None:
    generator = made(**{"from": "normal"})
    pool = clip_pool(24)
    generator.fit(pool, context(tmp_path / "fit"))
    anomalies = pool.subset([i for i in range(24) if pool.labels[i] == "anomaly"])
    with pytest.raises(PluginError, match="needs a normal clip of fan") as caught:
        list(generator.generate(ask(), anomalies, context(tmp_path / "g")))
    assert "generator_normals" in str(caught.value.hint)
    audio = audio_of(generator, ask(), tmp_path)
    assert [len(clip) for clip in audio] == [SAMPLES] * 3


def test_without_clips_or_weights_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no clips to train on"):
        made().fit(clip_pool(1), context(tmp_path / "fit"))
    with pytest.raises(WeightsError, match="nowhere is not there"):
        made(checkpoint=tmp_path / "nowhere").fit(clip_pool(), context(tmp_path / "fit2"))
    with pytest.raises(PluginError, match="not fitted"):
        made().refuses(ask()[0])


def test_severity_and_guidance_change_anomalies(tmp_path: Path, fitted: MIMIIGen) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    fitted.save(folder)

    def clips(label: str = "anomaly", **chosen: Any) -> Any:
        params = MIMIIGenParams(**(PARAMS | {"calibrate": False} | chosen))
        generator = MIMIIGen.load(folder, params, context(tmp_path / "load"))
        return np.stack(audio_of(generator, ask(label=label), tmp_path))

    normal, anomaly = clips("normal"), clips()
    assert np.abs(anomaly - normal).max() > 1e-3
    np.testing.assert_allclose(clips(severity=0.0), normal, atol=2e-3 * np.abs(normal).max())
    assert np.abs(clips(guidance=4.0) - anomaly).max() > 1e-3
    np.testing.assert_array_equal(clips("normal", guidance=1.0), normal)


def test_without_the_packaged_checkpoint_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from asdbench.generators.mimii_gen import shipped

    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "none")
    with pytest.raises(WeightsError, match="'mini'") as caught:
        MIMIIGen(MIMIIGenParams()).fit(clip_pool(1, (SAMPLES,)), context(tmp_path / "c"))
    assert "asdbench train generator mimii-gen" in str(caught.value)
    assert "checkpoint: null" in str(caught.value)
