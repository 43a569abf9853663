"""Training learns, and a training that was killed goes on to the same result, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tiny_diffusion
import torch
from safetensors.torch import load_file
from text_models import save_t5
from torch import nn

from asdbench.api import no_progress
from asdbench.errors import DataError, PluginError
from asdbench.generators.mimii_gen import training_state
from asdbench.generators.mimii_gen.latent_cache import LatentSet
from asdbench.generators.mimii_gen.model import LatentDiffusion
from asdbench.generators.mimii_gen.sampling import Sampling, sample
from asdbench.generators.mimii_gen.training import Batch, Trainer
from asdbench.generators.mimii_gen.training_settings import TrainingSettings

QUICK = TrainingSettings(
    steps=7,
    batch_size=2,
    warmup=2,
    cooldown=2,
    precision="fp32",
    validate_every=3,
    save_every=2,
    learning_rate=1e-3,
)


class StoppedError(Exception):
    """Stands for a kill."""


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_diffusion.use_tiny(monkeypatch)


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> LatentSet:
    return tiny_diffusion.latent_set(tmp_path_factory.mktemp("latents"), 12)


def train(
    latents: LatentSet,
    folder: Path,
    settings: TrainingSettings = QUICK,
    held_out: LatentSet | None = None,
    progress: Callable[[int, int, str], None] = no_progress,
    model: LatentDiffusion | None = None,
) -> tuple[LatentDiffusion, dict[str, Any]]:
    model = model or tiny_diffusion.tiny_model(latents)
    trainer = Trainer(model, latents, held_out, settings, folder, "cpu", progress)
    return model, trainer.run()


def result(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return tensors and facts of a saved state; the time it took aside."""
    facts = json.loads((folder / "state/state.json").read_text())
    facts.pop("seconds")
    return load_file(folder / "state/tensors.safetensors"), facts


def assert_same(one: Path, other: Path) -> None:
    (tensors, facts), (others, other_facts) = result(one), result(other)
    assert facts == other_facts
    assert tensors.keys() == others.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, others[name]), name


def stop_at(step: int) -> Callable[[int, int, str], None]:
    def progress(done: int, total: int, what: str) -> None:
        if done == step:
            raise StoppedError

    return progress


@pytest.mark.slow
def test_the_loss_falls(latents: LatentSet, tmp_path: Path) -> None:
    settings = QUICK.model_copy(
        update={"steps": 80, "batch_size": 4, "learning_rate": 3e-3, "ema": 0.9}
        | {"validate_every": 20, "save_every": 1000}
    )
    _, facts = train(latents, tmp_path, settings, held_out=latents)
    falls = [entry["held_out"] for entry in facts["losses"]]
    assert [entry["step"] for entry in facts["losses"]] == [20, 40, 60, 80]
    assert falls[-1] < 0.85 * falls[0]
    assert facts["losses"][-1]["train"] < 0.95 * facts["losses"][0]["train"]


@pytest.mark.parametrize("kind", ["v", "epsilon"])
def test_every_weight_is_trained_and_the_model_gets_the_running_mean(
    latents: LatentSet, tmp_path: Path, kind: str
) -> None:
    before = tiny_diffusion.tiny_model(latents, prediction=kind)
    model, facts = train(
        latents, tmp_path, model=tiny_diffusion.tiny_model(latents, prediction=kind)
    )
    tensors, _ = result(tmp_path)
    for part in ("unet", "text"):
        old = dict(getattr(before, part).named_parameters())
        for name, weight in getattr(model, part).named_parameters():
            assert not torch.equal(weight, old[name]), name
            assert torch.equal(weight, tensors[f"mean.{part}.{name}"])
            assert not torch.equal(weight, tensors[f"weight.{part}.{name}"])
    assert not model.unet.training
    assert not model.text.training
    assert facts["steps"] == 7
    assert TrainingSettings(**facts["settings"]) == QUICK


@pytest.mark.parametrize("step", [1, 2, 3, 5, 6, 7])
def test_stopped_in_a_step_and_resumed_it_is_the_same(
    latents: LatentSet, tmp_path: Path, step: int
) -> None:
    held_out = latents.take([0, 3, 7])
    train(latents, tmp_path / "straight", held_out=held_out)
    with pytest.raises(StoppedError):
        train(latents, tmp_path / "broken", held_out=held_out, progress=stop_at(step))
    model, facts = train(latents, tmp_path / "broken", held_out=held_out)
    assert_same(tmp_path / "broken", tmp_path / "straight")
    straight, same = train(latents, tmp_path / "straight", held_out=held_out)  # trains no more
    assert facts["losses"] == same["losses"]
    for name, weight in model.unet.state_dict().items():
        assert torch.equal(weight, straight.unet.state_dict()[name]), name


@pytest.mark.parametrize("call", range(1, 6))
def test_stopped_while_saving_and_resumed_it_is_the_same(
    latents: LatentSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """Before each of the renames that put the new state in the place of the old one."""
    train(latents, tmp_path / "straight")
    calls = iter(range(1, 100))
    rename = os.replace

    def replacing(source: Any, target: Any) -> None:
        if next(calls) == call:
            raise StoppedError
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(training_state.os, "replace", replacing)
        with pytest.raises(StoppedError):
            train(latents, tmp_path / "broken")
    train(latents, tmp_path / "broken")
    assert_same(tmp_path / "broken", tmp_path / "straight")


def test_stopped_while_saving_twice_a_whole_state_is_left(
    latents: LatentSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two renames the last whole state has the old name; saving must not remove it."""
    train(latents, tmp_path, QUICK.model_copy(update={"steps": 4, "cooldown": 0}))
    (tmp_path / "state").rename(tmp_path / "state.old")

    def dying(*_: Any) -> None:
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(training_state.os, "replace", dying)
        with pytest.raises(StoppedError):
            train(latents, tmp_path, QUICK.model_copy(update={"cooldown": 0}))
    steps: list[int] = []
    train(
        latents,
        tmp_path,
        QUICK.model_copy(update={"cooldown": 0}),
        progress=lambda done, *_: steps.append(done),
    )
    assert steps == [5, 6, 7]


KILLED = """
import sys
from pathlib import Path

import torch

torch.set_num_threads(1)
sys.path[:0] = sys.argv[3:]
import tiny_diffusion
from asdbench.generators.mimii_gen import unet
from asdbench.generators.mimii_gen.training import Trainer
from asdbench.generators.mimii_gen.training_settings import TrainingSettings

unet.PRESETS["mini"] = tiny_diffusion.TINY
folder = Path(sys.argv[1])
latents = tiny_diffusion.latent_set(folder / "latents", 12)
settings = TrainingSettings.model_validate_json(sys.argv[2])
told = lambda done, total, what: print(done, flush=True)
model = tiny_diffusion.tiny_model(latents)
Trainer(model, latents, latents.take([1, 4]), settings, folder, "cpu", told).run()
"""


@pytest.mark.slow
def test_killed_and_resumed_it_is_the_same(tmp_path: Path) -> None:
    settings = QUICK.model_copy(update={"steps": 40, "save_every": 5, "validate_every": 7})
    tests = str(Path(tiny_diffusion.__file__).parent)

    def start(folder: Path) -> subprocess.Popen[str]:
        arguments = [str(folder), settings.model_dump_json(), tests]
        command = [sys.executable, "-c", KILLED, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    straight = start(tmp_path / "straight")
    straight.communicate()
    assert straight.returncode == 0
    for after in (8, 23):
        process = start(tmp_path / "broken")
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= after:
                time.sleep(0.01)
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
    begun = json.loads((tmp_path / "broken/state/state.json").read_text())["step"]
    assert 20 <= begun < 40
    last = start(tmp_path / "broken")
    steps, _ = last.communicate()
    assert last.returncode == 0
    assert int(steps.split()[0]) == begun + 1
    assert_same(tmp_path / "broken", tmp_path / "straight")


@pytest.mark.parametrize(
    "change", [{"learning_rate": 2e-3}, {"seed": 1}, {"batch_size": 3}, {"cooldown": 3}]
)
def test_other_settings_do_not_go_on(
    latents: LatentSet, tmp_path: Path, change: dict[str, Any]
) -> None:
    train(latents, tmp_path)
    with pytest.raises(DataError, match="other settings, after 7 steps") as caught:
        train(latents, tmp_path, QUICK.model_copy(update=change))
    assert caught.value.hint


def test_before_the_cool_down_a_training_can_be_made_longer(
    latents: LatentSet, tmp_path: Path
) -> None:
    short = QUICK.model_copy(update={"steps": 6, "cooldown": 0})
    longer = QUICK.model_copy(update={"steps": 12, "cooldown": 4})
    train(latents, tmp_path / "direct", longer)
    train(latents, tmp_path / "grown", short)
    train(latents, tmp_path / "grown", longer)
    assert_same(tmp_path / "grown", tmp_path / "direct")


def test_in_the_cool_down_it_cannot(latents: LatentSet, tmp_path: Path) -> None:
    train(latents, tmp_path)  # cooled down from step 5 to 7
    with pytest.raises(DataError, match="other settings"):
        train(latents, tmp_path, QUICK.model_copy(update={"steps": 12}))


def test_accumulated_passes_are_one_step(
    latents: LatentSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[tuple[Batch, torch.Tensor, float]] = []
    gradients: list[list[torch.Tensor]] = []
    loss, clip = Trainer._loss, torch.nn.utils.clip_grad_norm_

    def losing(self: Trainer, batch: Batch, generator: torch.Generator) -> torch.Tensor:
        state = generator.get_state()
        made = loss(self, batch, generator)
        parts.append((batch, state, float(made.detach())))
        return made

    def clipping(weights: Any, limit: float) -> Any:
        gradients.append([weight.grad.clone() for weight in weights])
        return clip(weights, limit)

    settings = QUICK.model_copy(update={"steps": 1, "accumulate": 3, "cooldown": 0})
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_loss", losing)
        patch.setattr(torch.nn.utils, "clip_grad_norm_", clipping)
        _, facts = train(latents, tmp_path / "a", settings)
    assert len(parts) == 3
    assert len({batch.prompts for batch, _, _ in parts}) > 1
    assert facts["losses"][0]["train"] == pytest.approx(sum(part[2] for part in parts) / 3)
    model = tiny_diffusion.tiny_model(latents)
    trainer = Trainer(model, latents, None, settings, tmp_path / "b", "cpu", no_progress)
    for batch, state, _ in parts:
        generator = torch.Generator()
        generator.set_state(state)
        torch.autograd.backward(trainer._loss(batch, generator))
    weights = [*model.unet.parameters(), *model.text.parameters()]
    for weight, seen in zip(weights, gradients[0], strict=True):
        assert weight.grad is not None
        assert torch.allclose(weight.grad / 3, seen, atol=1e-6)


def test_the_text_encoder_learns_with_the_u_net(latents: LatentSet, tmp_path: Path) -> None:
    for text in ("attributes", "bytes"):
        model, _ = train(
            latents, tmp_path / text, model=tiny_diffusion.tiny_model(latents, text=text)
        )
        before = dict(tiny_diffusion.tiny_model(latents, text=text).text.named_parameters())
        for name, weight in model.text.named_parameters():
            assert not torch.equal(weight, before[name]), (text, name)


def test_a_frozen_flan_t5_stays_as_it_was(latents: LatentSet, tmp_path: Path) -> None:
    from transformers import T5EncoderModel

    source = save_t5(tmp_path / "t5", T5EncoderModel)
    model = tiny_diffusion.tiny_model(latents, text="flan-t5", source=source, detail="machine")
    digest = model.text.identity()["digest"]
    train(latents, tmp_path / "out", model=model)
    tensors, _ = result(tmp_path / "out")
    assert not [name for name in tensors if ".text." in name]
    again = tiny_diffusion.tiny_model(latents, text="flan-t5", source=source, detail="machine")
    assert again.text.identity()["digest"] == digest
    asked = [model.prompt(c, "normal") for c in tiny_diffusion.CONDITIONS]
    assert torch.equal(model.embed(asked), again.embed(asked))


def test_held_out_clips_are_reported_and_change_nothing(latents: LatentSet, tmp_path: Path) -> None:
    alone, facts = train(latents, tmp_path / "a")
    assert [entry["held_out"] for entry in facts["losses"]] == [None, None, None]
    watched, other = train(latents, tmp_path / "b", held_out=latents.take([0, 5]))
    for name, weight in alone.unet.state_dict().items():
        assert torch.equal(weight, watched.unet.state_dict()[name])
    for mine, theirs in zip(facts["losses"], other["losses"], strict=True):
        assert mine["train"] == theirs["train"]
        assert theirs["held_out"] is not None
        assert 0 < theirs["held_out"] < 2
    _, last = train(latents, tmp_path / "c", held_out=latents.take([]))
    assert last["losses"] == facts["losses"]


def test_reviews_hear_the_running_mean_and_change_nothing(
    latents: LatentSet, tmp_path: Path
) -> None:
    plain, _ = train(latents, tmp_path / "plain")
    model = tiny_diffusion.tiny_model(latents)
    heard: list[tuple[int, bool, torch.Tensor]] = []

    def review(step: int) -> None:
        asked = [model.prompt(tiny_diffusion.CONDITIONS[0], "normal")]
        sample(model, asked, 16, [1], Sampling("ddpm", 2))
        weight = next(model.unet.parameters()).detach().clone()
        heard.append((step, model.unet.training, weight))

    settings = QUICK.model_copy(update={"review_every": 3})
    Trainer(model, latents, None, settings, tmp_path / "out", "cpu", no_progress, review).run()
    assert [step for step, _, _ in heard] == [3, 6, 7]
    assert not any(training for _, training, _ in heard)
    assert torch.equal(heard[-1][2], next(model.unet.parameters()))
    assert not torch.equal(heard[0][2], heard[1][2])
    for one, other in zip(model.unet.parameters(), plain.unet.parameters(), strict=True):
        assert torch.equal(one, other)


class Still(nn.Module):
    """Always says zero."""

    config = SimpleNamespace(class_embed_type=None)

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.zeros(1))

    def forward(self, image: torch.Tensor, *_: Any, **__: Any) -> SimpleNamespace:
        return SimpleNamespace(sample=self.factor * image)


def test_padding_does_not_count(tmp_path: Path) -> None:
    unequal = tiny_diffusion.latent_set(tmp_path / "l", 6, (8000, 5000, 2000))
    model = replace(tiny_diffusion.tiny_model(unequal), unet=Still())
    settings = QUICK.model_copy(update={"crop_seconds": None, "min_snr": None})
    trainer = Trainer(model, unequal, None, settings, tmp_path, "cpu", no_progress)
    batch = trainer._crops.of(unequal, [0, 1, 2], np.random.default_rng(0))
    assert batch.images.shape == (3, 16, 8, 16)
    assert batch.mask.sum((1, 2, 3)).tolist() == [16, 10, 4]
    loud = replace(batch, images=torch.where(batch.mask > 0, batch.images, 1e3))
    one, other = (
        float(trainer._loss(each, torch.Generator().manual_seed(0)).detach())
        for each in (batch, loud)
    )
    assert one == other
    assert 0.3 < one < 3.0  # v of normalized latents has unit variance


def test_groups_are_drawn_equally_often_and_captions_dropped_as_told(
    latents: LatentSet, tmp_path: Path
) -> None:
    few = latents.take([0, 1, 2, 3, 4, 6, 7, 9, 10])
    settings = QUICK.model_copy(update={"batch_size": 64})
    model = tiny_diffusion.tiny_model(few)
    trainer = Trainer(model, few, None, settings, tmp_path, "cpu", no_progress)
    batches = [trainer._crops.draw(np.random.default_rng(i)) for i in range(40)]
    drawn = [prompt for batch in batches for prompt in batch.prompts]
    groups = {(p.condition.machine, p.label) for p in drawn}
    assert groups == {("fan", "normal"), ("fan", "anomaly"), ("pump", "normal")}
    for machine, label in groups:
        share = sum((p.condition.machine, p.label) == (machine, label) for p in drawn) / len(drawn)
        assert share == pytest.approx(1 / 3, abs=0.04)
    kept = torch.cat([batch.keep for batch in batches]).double().mean()
    assert float(kept) == pytest.approx(0.9, abs=0.03)
    told = [len(p.condition.attributes) / 2 for p in drawn if p.condition.machine == "fan"]
    assert sum(told) / len(told) == pytest.approx(0.9, abs=0.03)


def test_crops_begin_anywhere(latents: LatentSet, tmp_path: Path) -> None:
    long = tiny_diffusion.latent_set(tmp_path / "l", 1, (40_000,))
    settings = QUICK.model_copy(update={"crop_seconds": 0.5, "batch_size": 40})
    model = tiny_diffusion.tiny_model(long)
    trainer = Trainer(model, long, None, settings, tmp_path, "cpu", no_progress)
    images = trainer._crops.draw(np.random.default_rng(0)).images
    assert images.shape == (40, 16, 8, 16)
    assert len({float(image[0, 0, 0]) for image in images}) > 20


def test_the_global_random_state_is_left_alone(latents: LatentSet, tmp_path: Path) -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    train(latents, tmp_path)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_loss_that_is_not_finite_is_an_error(latents: LatentSet, tmp_path: Path) -> None:
    settings = QUICK.model_copy(update={"learning_rate": 1e30, "steps": 20, "cooldown": 0})
    with pytest.raises(PluginError, match=r"the loss is (nan|inf) at step") as caught:
        train(latents, tmp_path, settings)
    assert "learning_rate" in str(caught.value.hint)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in another order would not be the same bit for bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
