"""A checkpoint gives the same samples again; what is no checkpoint is a clear error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_diffusion
import torch
from safetensors.torch import load_file, save_file
from text_models import save_t5

from asdbench.errors import AsdbenchError, WeightsError
from asdbench.generators.mimii_gen.by_condition import ByCondition
from asdbench.generators.mimii_gen.calibration import Calibration
from asdbench.generators.mimii_gen.checkpoint import (
    CARD,
    CLIPS,
    WEIGHTS,
    load_checkpoint,
    save_checkpoint,
)
from asdbench.generators.mimii_gen.encodec_codec import EncodecCodec
from asdbench.generators.mimii_gen.encodec_meta import new_model
from asdbench.generators.mimii_gen.latents import Statistics
from asdbench.generators.mimii_gen.model import LatentDiffusion, TrainingClip
from asdbench.generators.mimii_gen.sampling import Sampling, sample

Tensors = dict[str, torch.Tensor]


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_diffusion.use_tiny(monkeypatch)


def made(folder: Path, text: str = "attributes", **chosen: Any) -> LatentDiffusion:
    model = tiny_diffusion.tiny_model(
        tiny_diffusion.latent_set(folder / "latents"), text=text, **chosen
    )
    rows = torch.arange(4 * 128).reshape(1, 4, 128) / 512.0 + 0.5
    fan, _, pump = tiny_diffusion.CONDITIONS
    fan, pump = replace(fan, domain=None), replace(pump, domain=None)
    corrections = Calibration(
        sampling={"sampler": "unipc", "steps": 2, "spacing": 2.0, "guidance": 1.0},
        clips=4,
        rows={
            "anomaly": ByCondition((fan,), rows),
            "normal": ByCondition((fan, pump), torch.cat([rows, rows + 1])),
        },
        groups=("fan/00/anomaly", "fan/00/normal", "pump/00/normal"),
        directions=torch.eye(8, 128).repeat(3, 1, 1),
        gains=torch.arange(24).reshape(3, 8) / 12 + 0.25,
    )
    return replace(model, calibration=corrections, training={"steps": 3, "losses": []})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole checkpoint."""
    where = tmp_path / "checkpoint"
    where.mkdir()
    save_checkpoint(made(tmp_path), where)
    return where


def audio(model: LatentDiffusion) -> torch.Tensor:
    prompts = [model.prompt(c, "anomaly") for c in tiny_diffusion.CONDITIONS]
    latents = sample(model, prompts, 16, [1, 2, 3], Sampling("unipc", 2, guidance=1.5))
    if model.calibration is not None:
        latents = model.calibration.apply(latents, prompts, model.statistics)
    return model.codec.decode(latents, model.codec.hop * 15, [1, 2, 3])


def tensors_of(folder: Path) -> Tensors:
    return load_file(folder / WEIGHTS)


@pytest.mark.parametrize(
    ("text", "normalization", "layout"),
    [("attributes", "section", "16x8"), ("bytes", "dimension", "1x128")],
)
def test_the_same_samples_come_out(
    tmp_path: Path, text: str, normalization: str, layout: str
) -> None:
    model = made(tmp_path, text, normalization=normalization, layout=layout)
    where = tmp_path / "checkpoint"
    where.mkdir()
    save_checkpoint(model, where)
    again = load_checkpoint(where)
    assert torch.equal(audio(again), audio(model))
    assert again.settings == model.settings
    assert again.conditions == model.conditions
    assert again.sample_rate == model.sample_rate
    assert again.training == model.training
    assert again.codec.identity() == model.codec.identity()
    assert not again.unet.training
    assert sorted(path.name for path in where.iterdir()) == [CARD, WEIGHTS]
    assert again.clips == ()


def test_a_checkpoint_says_which_clips_it_learned_from(tmp_path: Path) -> None:
    clips = (
        TrainingClip("ab" * 16, "normal", "fan/00/source/m-n=W"),
        TrainingClip("c", "anomaly", "x,y"),
    )
    save_checkpoint(replace(made(tmp_path), clips=clips), tmp_path)
    assert load_checkpoint(tmp_path).clips == clips
    text = (tmp_path / CLIPS).read_text()
    assert text.count("\n") == 3
    (tmp_path / CLIPS).write_text(text.replace("ab", "cd"))
    with pytest.raises(WeightsError, match="does not hold the clips"):
        load_checkpoint(tmp_path)
    (tmp_path / CLIPS).unlink()
    with pytest.raises(WeightsError, match="missing"):
        load_checkpoint(tmp_path)


def test_what_was_loaded_can_be_saved_and_loaded(folder: Path, tmp_path: Path) -> None:
    first = load_checkpoint(folder)
    (tmp_path / "again").mkdir()
    save_checkpoint(first, tmp_path / "again")
    old, new = tensors_of(folder), tensors_of(tmp_path / "again")
    assert old.keys() == new.keys()
    assert all(torch.equal(old[name], new[name]) for name in old)


def test_half_precision_halves_the_file_and_keeps_the_statistics(
    folder: Path, tmp_path: Path
) -> None:
    model = load_checkpoint(folder)
    half = tmp_path / "half"
    half.mkdir()
    save_checkpoint(replace(model, calibration=None), half, "float16")
    whole = tmp_path / "whole"
    whole.mkdir()
    save_checkpoint(replace(model, calibration=None), whole, "float32")
    sizes = [(where / WEIGHTS).stat().st_size for where in (half, whole)]
    assert sizes[0] < 0.55 * sizes[1]
    again = load_checkpoint(half)
    assert {p.dtype for p in again.unet.parameters()} == {torch.float32}
    assert torch.equal(again.statistics.mean, model.statistics.mean)
    one, other = audio(again), audio(replace(model, calibration=None))
    assert 0 < (one - other).abs().max() < 0.05 * other.abs().max() + 0.05


def test_the_global_random_state_is_left_alone(folder: Path) -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    load_checkpoint(folder)
    assert torch.equal(torch.get_rng_state(), state)


def refused(folder: Path, what: str, **where: str) -> WeightsError:
    """Return the error of loading ``folder``: it says what, where, and what to do."""
    with pytest.raises(WeightsError, match=what) as caught:
        load_checkpoint(folder, **where)
    assert str(folder) in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2
    return caught.value


def change_card(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    card = json.loads((folder / CARD).read_text())
    change(card)
    (folder / CARD).write_text(json.dumps(card))


def change_tensors(folder: Path, change: Callable[[Tensors], None]) -> None:
    tensors = tensors_of(folder)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)


def test_no_folder_and_no_card(folder: Path, tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "nowhere is not there")
    refused(folder / CARD, "card.json is a file, not a folder")
    (folder / CARD).unlink()
    refused(folder, "it has no card.json")


def test_no_weights(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    refused(folder, "model.safetensors is missing")


def test_pickled_weights_are_named_and_not_read(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "touched",))

    where = tmp_path / "pickled"
    where.mkdir()
    torch.save({"weights": Evil()}, where / "pytorch_model.bin")
    refused(where, "pytorch_model.bin is pickled and not read")
    torch.save({"weights": Evil()}, where / WEIGHTS)
    (where / CARD).write_text(json.dumps({"format": "asdbench/mimii-gen@1"}))
    refused(where, "truncated, or no safetensors file")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '"card"', "\x00\x01", "[" * 200_000])
def test_a_card_that_is_no_card(folder: Path, text: str) -> None:
    (folder / CARD).write_text(text)
    refused(folder, "card.json (cannot be read|has format None)")


def test_a_card_of_another_format(folder: Path) -> None:
    change_card(folder, lambda card: card.update(format="asdbench/mimii-gen@7"))
    error = refused(folder, "has format 'asdbench/mimii-gen@7'")
    assert "this version reads 'asdbench/mimii-gen@1'" in error.message


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_truncated_file(folder: Path, share: float) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: int(share * len(data))])
    refused(folder, "model.safetensors is truncated, or no safetensors file")


@pytest.mark.parametrize(
    "name",
    [
        "unet.conv_in.weight",
        "text._out.1.bias",
        "statistics.mean",
        "statistics.std",
        "calibration.rows_anomaly",
        "calibration.directions",
    ],
)
def test_a_tensor_that_is_missing_misshapen_or_not_finite(folder: Path, name: str) -> None:
    whole = tensors_of(folder)
    short = name.rpartition(".")[2]
    save_file({key: value for key, value in whole.items() if key != name}, folder / WEIGHTS)
    refused(folder, f"(?i)missing.*{short}")
    save_file(whole | {name: torch.zeros(3, 5)}, folder / WEIGHTS)
    refused(folder, rf"(?i){short}.*shape|size mismatch for .*{short}")
    for bad in (float("nan"), float("inf")):
        wrong = whole[name].clone()
        wrong.view(-1)[-1] = bad
        save_file(whole | {name: wrong}, folder / WEIGHTS)
        refused(folder, f"{name} holds NaN or infinity")


@pytest.mark.parametrize(
    "name", ["unet.extra", "text.extra", "statistics.extra", "calibration.extra", "evil", "x.y"]
)
def test_a_tensor_too_many(folder: Path, name: str) -> None:
    change_tensors(folder, lambda tensors: tensors.update({name: torch.zeros(2)}))
    refused(folder, "(?i)unexpected.*extra|(evil|x.y) is unexpected")


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_deviations_that_are_not_positive(folder: Path, bad: float) -> None:
    def spoil(tensors: Tensors) -> None:
        tensors["statistics.std"][0, 5] = bad

    change_tensors(folder, spoil)
    refused(folder, "statistics.std is not positive")


def test_no_statistics(folder: Path) -> None:
    def spoil(tensors: Tensors) -> None:
        del tensors["statistics.mean"], tensors["statistics.std"]

    change_tensors(folder, spoil)
    refused(folder, "2 tensors of statistics are missing")


def test_a_calibration_that_the_card_does_not_know(folder: Path) -> None:
    change_card(folder, lambda card: card.update(calibration=None))
    refused(folder, "4 tensors of calibration are unexpected")


@pytest.mark.parametrize(
    "field",
    ["settings", "codec", "text", "statistics", "sample_rate", "conditions"],
)
@pytest.mark.parametrize("value", ["absent", None, "text", [], {}, 0, [{}]])
def test_a_card_without_sense(folder: Path, field: str, value: Any) -> None:
    def spoil(card: dict[str, Any]) -> None:
        if value == "absent":
            del card[field]
        else:
            card[field] = value

    change_card(folder, spoil)
    with pytest.raises(WeightsError) as caught:
        load_checkpoint(folder)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("settings", {"preset": "huge"}),
        ("settings", {"surprise": 1}),
        ("codec", {"codec": "pickle"}),
        ("codec", {"hop": 0}),
        ("codec", {"iterations": 0}),
        ("codec", {"sample_rate": -1}),
        ("codec", {"sample_rate": "16000"}),
        ("text", {"kind": "other"}),
        ("text", {"dim": 10**9}),
        ("statistics", {"groups": ["fan/00", "valve/00"]}),
        ("calibration", {"groups": ["fan/00/anomaly", "fan/00/normal", "fan/01/normal"]}),
        ("calibration", {"conditions": {"normal": ["fan/00/-/vel=6", "fan/00/-/vel=8"]}}),
        ("calibration", {"conditions": {"normal": ["fan/00/-/vel"]}}),
        ("calibration", {"conditions": {}}),
        ("calibration", {"sampling": {}}),
        ("calibration", {"clips": "many"}),
    ],
)
def test_a_card_with_other_values(folder: Path, field: str, values: dict[str, Any]) -> None:
    change_card(folder, lambda card: card[field].update(values))
    with pytest.raises(WeightsError) as caught:
        load_checkpoint(folder)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["fan", "fan/00/nowhere/-", "fan/00/-/vel"])
def test_conditions_that_cannot_be_read(folder: Path, text: str) -> None:
    change_card(folder, lambda card: card.update(conditions=[text]))
    with pytest.raises(WeightsError):
        load_checkpoint(folder)


def with_encodec(tmp_path: Path) -> tuple[Path, Path]:
    """Write a small EnCodec and a checkpoint that was trained with it; return both folders."""
    from transformers import EncodecConfig

    weights, where = tmp_path / "encodec", tmp_path / "checkpoint"
    config = EncodecConfig(num_filters=2, num_lstm_layers=1, codebook_size=16)
    new_model(config, seed=1).save_pretrained(weights)
    new_model(config, seed=2).save_pretrained(tmp_path / "other")
    codec = EncodecCodec.load(weights, 6.0)
    plain = made(tmp_path)
    groups = plain.statistics.groups
    statistics = Statistics("section", groups, torch.zeros(2, 128), torch.ones(2, 128))
    where.mkdir()
    model = replace(plain, codec=codec, codec_source=str(weights), statistics=statistics)
    save_checkpoint(model, where)
    expected = audio(model)
    assert torch.equal(audio(load_checkpoint(where)), expected)
    return weights, where


def test_the_encodec_of_training_is_asked_for(tmp_path: Path) -> None:
    weights, where = with_encodec(tmp_path)
    model = load_checkpoint(where)
    assert isinstance(model.codec, EncodecCodec)
    assert model.codec.bandwidth == 6.0
    moved = tmp_path / "moved"
    weights.rename(moved)
    with pytest.raises(WeightsError, match="encodec") as caught:
        load_checkpoint(where)
    assert caught.value.hint
    assert load_checkpoint(where, codec_source=str(moved)).codec_source == str(moved)


def test_another_encodec_is_refused(tmp_path: Path) -> None:
    _, where = with_encodec(tmp_path)
    with pytest.raises(WeightsError, match="is not the one that the checkpoint was trained with"):
        load_checkpoint(where, codec_source=str(tmp_path / "other"))


def test_a_flan_t5_is_found_again_and_another_refused(tmp_path: Path) -> None:
    from transformers import T5EncoderModel

    source = save_t5(tmp_path / "t5", T5EncoderModel)
    other = save_t5(tmp_path / "other", T5EncoderModel, seed=1)
    model = made(tmp_path, "flan-t5", source=source, detail="machine")
    where = tmp_path / "checkpoint"
    where.mkdir()
    save_checkpoint(model, where)
    assert not [name for name in tensors_of(where) if name.startswith("text.")]
    assert torch.equal(audio(load_checkpoint(where)), audio(model))
    with pytest.raises(WeightsError, match="digest"):
        load_checkpoint(where, text_source=other)
    (tmp_path / "t5").rename(tmp_path / "moved")
    with pytest.raises(WeightsError, match="does not exist"):
        load_checkpoint(where)
    assert load_checkpoint(where, text_source=str(tmp_path / "moved")).text.dim == 16


def test_every_error_is_one_a_person_can_act_on(folder: Path) -> None:
    (folder / CARD).unlink()
    with pytest.raises(AsdbenchError) as caught:
        load_checkpoint(folder)
    assert "asdbench train generator" in str(caught.value.hint)
