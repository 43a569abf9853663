"""The feature extractor of SerialOE: EfficientNet, a neck, and two heads."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import nn

from asdbench.errors import WeightsError

EMBEDDING = 128
DROPOUT = 0.3
LEAST_MAGNITUDE = 1e-5
"""Smallest magnitude before the logarithm: 100 dB below that of standardized noise."""
_HINT = (
    "get config.json and model.safetensors of google/efficientnet-b0 from the Hugging Face hub and "
    "name their folder in 'weights', or leave 'weights' out to start from random ones"
)


class Extractor(nn.Module):
    """Mel spectrogram -> EfficientNet -> mean over time and frequency -> neck -> embedding.

    The neck is dropout, a linear layer to 128, batch normalization, PReLU and a linear layer from
    128 to 128: the embedding. The logit of "this is the machine" is a scale times the mean square
    of the embedding plus a bias; the logits of the classes are linear, without bias.

    Parameters
    ----------
    classes
        Classes of the class head; with fewer than two there is nothing to tell apart.
    log
        Whether EfficientNet is given the logarithm of the magnitude.
    width, depth
        Coefficients of EfficientNet; 1 and 1 is B0, with 4,007,548 parameters.
    """

    def __init__(
        self, classes: int, log: bool = False, width: float = 1.0, depth: float = 1.0
    ) -> None:
        from transformers import EfficientNetConfig, EfficientNetModel
        from transformers.models.efficientnet.modeling_efficientnet import round_filters

        super().__init__()
        self.log = log
        config = EfficientNetConfig(
            width_coefficient=width,
            depth_coefficient=depth,
            drop_connect_rate=0.0,
            # transformers counts as Keras does (0.99), but PyTorch counts the other way.
            batch_norm_momentum=0.1,
        )
        config.hidden_dim = round_filters(config, 1280)
        # "meta" leaves the values out: they would be drawn from the global generator.
        with torch.device("meta"):
            self.backbone = EfficientNetModel(config)
            self.neck = nn.Sequential(
                nn.Linear(config.hidden_dim, EMBEDDING),
                nn.BatchNorm1d(EMBEDDING),
                nn.PReLU(),
                nn.Linear(EMBEDDING, EMBEDDING),
            )
            self.machine = nn.Linear(1, 1)
            self.section = nn.Linear(EMBEDDING, classes, bias=False)
        self.to_empty(device="cpu")

    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights from ``generator``.

        Convolutions are normal with variance 2 / fan-out (EfficientNet), linear layers uniform in
        ±1 / sqrt(fan-in) (PyTorch); normalizations start as the identity and the machine logit as
        the mean square itself.
        """
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.reset_parameters()
            elif isinstance(module, nn.Conv2d):
                fan_out = module.weight[0, 0].numel() * module.out_channels // module.groups
                nn.init.normal_(module.weight, 0.0, math.sqrt(2 / fan_out), generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                bound = 1 / math.sqrt(module.in_features)
                nn.init.uniform_(module.weight, -bound, bound, generator=generator)
                if module.bias is not None:
                    nn.init.uniform_(module.bias, -bound, bound, generator=generator)
            elif isinstance(module, nn.PReLU):
                nn.init.constant_(module.weight, 0.25)
        nn.init.ones_(self.machine.weight)
        nn.init.zeros_(self.machine.bias)

    def embed(self, mel: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
        """Return embeddings (batch, 128) of the magnitude ``mel`` (batch, bands, frames).

        ``keep`` is the dropout mask of training, (batch, features), its mean 1.
        """
        if self.log:
            mel = mel.clamp_min(LEAST_MAGNITUDE).log10()
        stem = self.backbone.embeddings
        # One channel under the sum of the kernels is three equal channels, at a third of the work.
        kernel = stem.convolution.weight.sum(1, keepdim=True)
        image = stem.padding(mel[:, None])
        hidden = nn.functional.conv2d(image, kernel, stride=2)
        # From here on channels last in memory, which convolutions on a CPU prefer.
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        hidden = stem.activation(stem.batchnorm(hidden))
        pooled = self.backbone.encoder(hidden).last_hidden_state.mean((2, 3))
        embedding: torch.Tensor = self.neck(pooled if keep is None else pooled * keep)
        return embedding

    def forward(
        self, mel: torch.Tensor, keep: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the machine logits (batch,) and the class logits (batch, classes)."""
        embedding = self.embed(mel, keep)
        norm = embedding.square().mean(1, keepdim=True)
        return self.machine(norm)[:, 0], self.section(embedding)

    def dropout_mask(self, batch: int, generator: torch.Generator) -> torch.Tensor:
        """Draw the dropout mask of a batch, (batch, features), its mean 1."""
        features = self.backbone.config.hidden_dim
        kept = torch.rand(batch, features, generator=generator) >= DROPOUT
        return kept.float() / (1 - DROPOUT)

    def load_backbone(self, weights: str) -> None:
        """Fill EfficientNet with pretrained weights from a folder or the hub.

        Raises
        ------
        WeightsError
            When there are none, or they are another network's.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file
        from transformers.utils.hub import cached_file

        try:
            tensors = load_file(cached_file(Path(weights).expanduser(), "model.safetensors") or "")
        except (OSError, ValueError, SafetensorError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise WeightsError(
                f"serial-oe: there are no weights at '{weights}': {reason}", _HINT
            ) from error
        own = self.backbone.state_dict()
        found = {name.removeprefix("efficientnet."): value for name, value in tensors.items()}
        unlike = [
            name
            for name, value in own.items()
            if not name.endswith("num_batches_tracked")
            and (name not in found or found[name].shape != value.shape)
        ]
        if unlike:
            raise WeightsError(
                f"serial-oe: '{weights}' is not EfficientNet-B0: {len(unlike)} of its "
                f"{len(own)} tensors are absent or of another shape, e.g. {unlike[0]}",
                _HINT,
            )
        self.backbone.load_state_dict({name: found.get(name, own[name]) for name in own})
