"""How the U-Net is trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from asdbench.api import Params


class TrainingSettings(Params):
    """Optimization of equation 3. The defaults suit the preset ``mini``."""

    steps: int = Field(20_000, ge=1)
    """Optimizer steps."""
    batch_size: int = Field(16, ge=1)
    """Crops in one forward pass."""
    accumulate: int = Field(1, ge=1)
    """Forward passes a step."""
    crop_seconds: float | None = Field(4.096, gt=0.0)
    """Length of a training crop, seconds; null trains on whole clips."""
    learning_rate: float = Field(8e-4, gt=0.0)
    """Of AdamW, after the warm-up."""
    warmup: int = Field(300, ge=0)
    """Steps of linear warm-up."""
    cooldown: int = Field(1500, ge=0)
    """Last steps, over which the learning rate falls to a twentieth. Before them a training can be
    made longer or shorter and still be continued."""
    weight_decay: float = Field(0.01, ge=0.0)
    """Of AdamW."""
    clip_norm: float = Field(1.0, gt=0.0)
    """Largest norm of the gradient."""
    min_snr: float | None = Field(5.0, gt=0.0)
    """Limit of the min-SNR weighting; null weights all timesteps alike."""
    weight_floor: float = Field(0.25, ge=0.0, le=1.0)
    """Smallest weight of a timestep."""
    caption_dropout: float = Field(0.1, ge=0.0, lt=1.0)
    """Share of crops without a caption, for classifier-free guidance."""
    attribute_dropout: float = Field(0.1, ge=0.0, lt=1.0)
    """Share of attributes left out of a caption, so that one never seen can be left out later."""
    ema: float = Field(0.999, ge=0.0, lt=1.0)
    """Decay of the running mean of the weights, which is what samples are drawn with."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """``auto``: bf16 where the device computes it natively."""
    validate_every: int = Field(1000, ge=1)
    """Steps between validations on held-out clips."""
    review_every: int = Field(5000, ge=1)
    """Steps between sheets of spectrograms and clips to hear."""
    save_every: int = Field(250, ge=1)
    """Steps between saved states; a killed training loses no more than this."""
    seed: int | None = Field(None, ge=0)
    """Of weights, crops, noise and timesteps; null is the seed of the command, or of the suite."""
