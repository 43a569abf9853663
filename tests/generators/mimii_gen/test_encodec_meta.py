from __future__ import annotations

import hashlib
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from asdbench.errors import WeightsError
from asdbench.generators.mimii_gen.encodec_codec import EncodecCodec
from asdbench.generators.mimii_gen.encodec_meta import (
    filled,
    load_meta_checkpoint,
    new_model,
    transformers_name,
)

_HERE = Path("given")


def meta_name(name: str) -> str:
    """What the ``encodec`` package calls a tensor: the inverse, from where convolutions lie."""
    name = name.replace("parametrizations.weight.original0", "weight_g")
    name = name.replace("parametrizations.weight.original1", "weight_v")
    upsampling = re.match(r"decoder\.layers\.(\d+)\.conv\.", name)
    twice = "convtr.convtr" if upsampling and int(upsampling[1]) in (3, 6, 9, 12) else "conv.conv"
    name = name.replace(".conv.", f".{twice}.")
    name = re.sub(r"^(encoder|decoder)\.layers\.", r"\1.model.", name)
    return re.sub(
        r"^quantizer\.layers\.(\d+)\.codebook\.", r"quantizer.vq.layers.\1._codebook.", name
    )


def meta_state(model: Any) -> dict[str, torch.Tensor]:
    return {meta_name(name): tensor for name, tensor in model.state_dict().items()}


def write_state(folder: Path, state: object) -> Path:
    """Save as Meta does: the first 8 digits of the SHA-256 in the file's name."""
    path = folder / "state.th"
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return path.rename(folder / f"encodec_24khz-{digest[:8]}.th")


def random_model(seed: int) -> Any:
    from transformers import EncodecConfig

    model = new_model(EncodecConfig(), seed)
    spread([layer.codebook for layer in model.quantizer.layers], model.encoder)
    return model


@torch.no_grad()
def spread(codebooks: list[Any], encoder: Any) -> None:
    """Spread code vectors like what the encoder returns, so that many of them are used."""
    latents = encoder(audio()[:, None])[0]  # (128, frames)
    center, scale = latents.mean(1), latents.std(1)
    generator = torch.Generator().manual_seed(3)
    for codebook in codebooks:
        codebook.embed.normal_(generator=generator).mul_(scale).add_(center)
        center, scale = 0.0 * center, 0.9 * scale


def audio() -> torch.Tensor:
    return torch.randn(1, 6000, generator=torch.Generator().manual_seed(2))


def test_maps_all_252_tensors_of_the_full_model(tmp_path: Path) -> None:
    model = random_model(4)
    state = meta_state(model)
    assert len(state) == 252
    assert "decoder.model.3.convtr.convtr.weight_g" in state
    assert "encoder.model.13.lstm.weight_ih_l0" in state
    assert "quantizer.vq.layers.31._codebook.embed" in state
    loaded = EncodecCodec.load(write_state(tmp_path, state), 24.0)
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor), name
    original = EncodecCodec(model, 24.0)
    with torch.no_grad():
        codes = [
            codec.model.encode(audio()[:, None], bandwidth=24.0).audio_codes
            for codec in (original, loaded)
        ]
    assert len(codes[0].unique()) > 100
    assert torch.equal(codes[0], codes[1])
    latents = loaded.encode(audio())
    assert torch.equal(latents, original.encode(audio()))
    assert torch.equal(loaded.decode(latents, 6000, [0]), original.decode(latents, 6000, [0]))
    assert loaded.identity() == original.identity()


@pytest.mark.slow
def test_equals_the_encodec_package_bit_by_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers  # noqa: F401  # looks for torchaudio when imported: before the stub

    # The package imports torchaudio at its top and needs nothing of it to encode and decode.
    monkeypatch.setitem(sys.modules, "torchaudio", types.ModuleType("torchaudio"))
    encodec = pytest.importorskip("encodec", reason="needs the optional package encodec")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        meta = encodec.EncodecModel.encodec_model_24khz(pretrained=False)
    spread([layer._codebook for layer in meta.quantizer.vq.layers], meta.encoder)
    path = write_state(tmp_path, meta.state_dict())
    for bandwidth in (1.5, 3.0, 6.0, 12.0, 24.0):
        codec = EncodecCodec.load(path, bandwidth)
        meta.set_target_bandwidth(bandwidth)
        with torch.no_grad():
            [(codes, scale)] = meta.encode(audio()[:, None])
            theirs = meta.quantizer.decode(codes.transpose(0, 1))
            decoded = meta.decode([(codes, scale)])[:, 0, :6000]
            ours = codec.model.encode(audio()[:, None], bandwidth=bandwidth).audio_codes[0]
        assert len(codes.unique()) > 10
        assert torch.equal(ours, codes)
        assert torch.equal(codec.encode(audio()), theirs)
        assert torch.equal(codec.decode(theirs, 6000, [0]), decoded)


def test_maps_names() -> None:
    wanted = {
        "encoder.model.0.conv.conv.bias": "encoder.layers.0.conv.bias",
        "encoder.model.1.block.3.conv.conv.weight_v": (
            "encoder.layers.1.block.3.conv.parametrizations.weight.original1"
        ),
        "decoder.model.3.convtr.convtr.weight_g": (
            "decoder.layers.3.conv.parametrizations.weight.original0"
        ),
        "decoder.model.1.lstm.bias_hh_l1": "decoder.layers.1.lstm.bias_hh_l1",
        "quantizer.vq.layers.7._codebook.embed_avg": "quantizer.layers.7.codebook.embed_avg",
    }
    assert {name: transformers_name(name) for name in wanted} == wanted
    for name in wanted.values():
        assert transformers_name(name) == name


@pytest.fixture(scope="module")
def tiny() -> Any:
    from transformers import EncodecConfig

    return new_model(
        EncodecConfig(num_filters=2, num_lstm_layers=1, target_bandwidths=[1.5]), seed=1
    )


def test_fills_a_model_from_metas_names(tiny: Any) -> None:
    target = new_model(tiny.config, seed=2)
    filled(target, meta_state(tiny), _HERE)
    for name, tensor in tiny.state_dict().items():
        assert torch.equal(target.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("encoder.model.0.conv.conv.bias"), "encoder.layers.0.conv.bias is missi"),
        (lambda s: s.update(extra=torch.zeros(1)), "1 of 124 tensors are wrong: extra is unexpec"),
        (
            lambda s: s.update({"encoder.model.0.conv.conv.bias": torch.zeros(3)}),
            r"encoder.layers.0.conv.bias has shape \(3,\), not \(2,\)",
        ),
        (
            lambda s: s["encoder.model.0.conv.conv.bias"].fill_(torch.inf),
            "encoder.layers.0.conv.bias is not finite",
        ),
    ],
)
def test_refuses_other_tensors(tiny: Any, change: Any, message: str) -> None:
    state = {name: tensor.clone() for name, tensor in meta_state(tiny).items()}
    change(state)
    with pytest.raises(WeightsError, match=message):
        filled(new_model(tiny.config), state, _HERE)


def test_refuses_a_smaller_model(tiny: Any, tmp_path: Path) -> None:
    path = write_state(tmp_path, meta_state(tiny))
    with pytest.raises(WeightsError, match="does not fit an EnCodec"):
        load_meta_checkpoint(path)


def test_refuses_a_file_that_is_not_what_its_name_says(tiny: Any, tmp_path: Path) -> None:
    path = write_state(tmp_path, meta_state(tiny))
    other = path.rename(tmp_path / "encodec_24khz-d7cc33bc.th")
    with pytest.raises(WeightsError, match="does not begin with d7cc33bc"):
        EncodecCodec.load(other)


class Payload:
    """Unpickling one of these would run code."""


@pytest.mark.parametrize("content", [Payload(), {"a": Payload()}])
def test_unpickles_no_code(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "evil.th")
    with pytest.raises(WeightsError, match="cannot be read as a checkpoint"):
        EncodecCodec.load(tmp_path / "evil.th")


def test_refuses_damaged_files_and_other_contents(tiny: Any, tmp_path: Path) -> None:
    whole = write_state(tmp_path, meta_state(tiny)).read_bytes()
    path = tmp_path / "cut.th"
    for kept in (0, 10, len(whole) // 2):
        path.write_bytes(whole[:kept])
        with pytest.raises(WeightsError, match="cannot be read as a checkpoint"):
            EncodecCodec.load(path)
    torch.save([torch.zeros(2)], path)
    with pytest.raises(WeightsError, match="is no state dict"):
        EncodecCodec.load(path)
