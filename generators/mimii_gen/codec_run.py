"""A run of codec training: networks, optimizers, steps, and the state that survives a kill."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from asdbench.api import Context
from asdbench.errors import DataError

from . import codec_quantizer
from .codec import DIMENSIONS
from .codec_losses import (
    Balancer,
    SpectralLoss,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
)
from .discriminator import Discriminator
from .encodec_codec import EncodecCodec
from .encodec_meta import new_model

if TYPE_CHECKING:
    from .codec_training import CodecSettings

STATE = "state.safetensors"
_WEIGHTS = {"adversarial": 4.0, "features": 4.0, "waveform": 0.1, "spectrum": 2.0}
_SMOOTH = 0.98  # of the logged losses, for each step


@dataclass
class CodecRun:
    """Everything that changes while a codec is trained."""

    settings: CodecSettings
    sample_rate: int
    context: Context
    step: int = 0
    """Steps taken."""
    seconds: float = 0.0
    """Time taken up to the last saved state, by all calls together."""
    losses: dict[str, float] = field(default_factory=dict)
    """Running means."""
    log: list[dict[str, float]] = field(default_factory=list)
    """Losses every so many steps."""

    def __post_init__(self) -> None:
        settings, device = self.settings, torch.device(self.context.device)
        seed = int(np.random.default_rng([self.context.seed, 1]).integers(2**63))
        self.device = device
        self.model = _build(settings, self.sample_rate, seed).to(device)
        codec_quantizer.prepare(self.model.quantizer.layers)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.discriminator = Discriminator(settings.discriminator_filters).to(device)
        self.spectral = SpectralLoss(self.sample_rate).to(device)
        self.balancer = Balancer(_WEIGHTS)
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), settings.learning_rate, betas=(0.5, 0.9))
            for name, network in self._networks().items()
            if name != "average"
        }
        self._started = time.monotonic()

    def _networks(self) -> dict[str, torch.nn.Module]:
        networks = {"model": self.model, "average": self.average}
        if self.settings.adversarial_from is not None:
            networks["discriminator"] = self.discriminator
        return networks

    def advance(self, crops: torch.Tensor) -> None:
        """Take one step on ``crops`` (batch, samples)."""
        audio = crops.to(self.device)
        rng = np.random.default_rng([self.context.seed, self.step, 2])
        latents = self.model.encoder(audio[:, None])
        commitment = latents.new_zeros(())
        if self.settings.codebooks:
            layers = self.model.quantizer.layers
            latents, commitment = codec_quantizer.straight_through(layers, latents, rng)
        decoded = self.model.decoder(latents)[:, 0, : audio.shape[1]]
        losses = {
            "waveform": (decoded - audio).abs().mean(),
            "spectrum": self.spectral(decoded, audio),
        }
        values = {}
        if (
            self.settings.adversarial_from is not None
            and self.step >= self.settings.adversarial_from
        ):
            values["discriminator"] = self._train_discriminator(audio, decoded.detach())
            logits, features = self.discriminator(decoded)
            with torch.no_grad():
                _, wanted = self.discriminator(audio)
            losses["adversarial"] = adversarial_loss(logits)
            losses["features"] = feature_loss(wanted, features)
        values |= {name: float(loss.detach()) for name, loss in losses.items()}
        if self.settings.codebooks:
            values["commitment"] = float(commitment.detach())
        if not all(math.isfinite(value) for value in values.values()):
            raise DataError(
                f"training the codec failed: a loss is not finite at step {self.step}: {values}",
                "Lower the learning rate; what was saved before this step goes on from there.",
            )
        gradient = self.balancer.gradient(losses, decoded)
        optimizer = self.optimizers["model"]
        optimizer.zero_grad()
        if self.settings.codebooks:
            commitment.backward(retain_graph=True)
        decoded.backward(gradient)
        optimizer.step()
        self._follow()
        self.step += 1
        for name, value in values.items():
            self.losses[name] = _SMOOTH * self.losses.get(name, value) + (1 - _SMOOTH) * value

    def _train_discriminator(self, audio: torch.Tensor, decoded: torch.Tensor) -> float:
        loss = discriminator_loss(self.discriminator(audio)[0], self.discriminator(decoded)[0])
        optimizer = self.optimizers["discriminator"]
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the running means; ones of few steps weigh those few equally."""
        share = max(1 - self.settings.ema, 1 / (self.step + 1))
        current = self.model.state_dict()
        for name, value in self.average.state_dict().items():
            value.lerp_(current[name], share)

    @torch.no_grad()
    def validate(self, crops: torch.Tensor) -> None:
        """Add to the log, with the running means' spectral distance of ``crops``."""
        codec = EncodecCodec(self.average)
        audio = crops.to(self.device)
        decoded = codec.decode(codec.encode(audio), audio.shape[1], range(len(audio)))
        held_out = float(self.spectral(decoded, audio))
        self.log.append({"step": self.step, "held_out_spectrum": held_out, **self.losses})

    def save(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """Write the state into ``folder``: at any moment the old one or the new one is there."""
        now = time.monotonic()
        self.seconds, self._started = self.seconds + now - self._started, now
        tensors = {"balancer": self.balancer.sums}
        for name, network in self._networks().items():
            for key, value in network.state_dict().items():
                tensors[f"{name}.{key}"] = value
        for name, optimizer in self.optimizers.items():
            for index, moments in optimizer.state_dict()["state"].items():
                for key, value in moments.items():
                    tensors[f"adam.{name}.{index}.{key}"] = value
        progress = {key: getattr(self, key) for key in ("step", "seconds", "losses", "log")}
        metadata = {"identity": json.dumps(identity), "progress": json.dumps(progress)}
        part = folder / f".{STATE}.part"
        save_file({key: _plain(value) for key, value in tensors.items()}, part, metadata)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(part, folder / STATE)

    def resume(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """Go on from the state in ``folder``, if there is one.

        Raises
        ------
        DataError
            When it is damaged, or of another call.
        """
        path = folder / STATE
        if not path.exists():
            return
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata()
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise DataError(
                f"{path} is truncated or damaged: {error}", "Delete it to train from the start."
            ) from error
        check_identity(path, json.loads(metadata["identity"]), identity)
        self.balancer.sums = tensors["balancer"]
        for name, network in self._networks().items():
            network.load_state_dict(_under(tensors, f"{name}."))
        for name, optimizer in self.optimizers.items():
            moments: dict[int, dict[str, torch.Tensor]] = {}
            for key, value in _under(tensors, f"adam.{name}.").items():
                index, _, moment = key.partition(".")
                moments.setdefault(int(index), {})[moment] = value
            optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})
        for key, value in json.loads(metadata["progress"]).items():
            setattr(self, key, value)


def check_identity(path: Path, found: Any, wanted: Mapping[str, Any]) -> None:
    """Refuse the work of a call with other data, settings or seed."""
    if found == wanted:
        return
    differing = [
        key for key in wanted if not isinstance(found, dict) or found.get(key) != wanted[key]
    ]
    raise DataError(
        f"{path} was left by a training with other {', '.join(differing)}",
        "Name another folder, or delete this one to train from the start.",
    )


def _build(settings: CodecSettings, sample_rate: int, seed: int) -> Any:
    """Return an ``EncodecModel`` in training mode."""
    from transformers import EncodecConfig

    frame_rate = math.ceil(sample_rate / math.prod(settings.ratios))
    bits = settings.codebook_size.bit_length() - 1
    config = EncodecConfig(
        sampling_rate=sample_rate,
        num_filters=settings.filters,
        upsampling_ratios=list(settings.ratios),
        num_lstm_layers=settings.lstm_layers,
        hidden_size=DIMENSIONS,
        codebook_dim=DIMENSIONS,
        codebook_size=settings.codebook_size,
        target_bandwidths=[settings.codebooks * bits * frame_rate / 1000],  # kbit/s
    )
    model = new_model(config, seed)
    model.train()
    return model


def _under(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key[len(prefix) :]: tensors[key] for key in tensors if key.startswith(prefix)}


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    # Some recurrent layers keep their weights in one storage, which safetensors refuses.
    return tensor.detach().cpu().clone().contiguous()
