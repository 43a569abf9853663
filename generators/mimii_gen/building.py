"""From clips to a trained model: encode, measure, train."""

from __future__ import annotations

import platform
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import torch

from asdbench.api import Context, LabelledClipSet
from asdbench.conditions import format_condition
from asdbench.errors import DataError

from .calibrating import calibrate
from .latent_cache import LatentSet, encode_clips
from .latents import Statistics
from .model import LatentDiffusion, ModelSettings, TrainingClip, write_prompt
from .params import LatentDiffusionParams
from .review import Reviewer
from .sampling import Sampling
from .text_factory import make_text_encoder
from .training import Trainer, seen_conditions
from .unet import build_unet


def train_generator(
    params: LatentDiffusionParams,
    train: LabelledClipSet,
    held_out: LabelledClipSet,
    folder: Path,
    context: Context,
) -> LatentDiffusion:
    """Train in ``folder``, going on from what is there, and return the model.

    Raises
    ------
    DataError
        When there are no clips to train on.
    """
    plan = params.architecture
    training = plan.training
    if training.seed is None:
        training = training.model_copy(update={"seed": context.seed % 2**31})
    seed = training.seed or 0
    codec = params.new_codec(train.sample_rate)
    codec.to(context.device)
    if not len(train):
        raise DataError("there are no clips to train on", "Check the split.")
    latents = encode_clips(train, codec, folder / "latents", context.progress, "training")
    unseen: LatentSet | None = None
    if len(held_out):
        where = folder / "latents_held_out"
        unseen = encode_clips(held_out, codec, where, context.progress, "held-out")
    settings = ModelSettings(
        preset=params.preset,
        layout=plan.layout,
        normalization=plan.normalization,
        prediction=plan.prediction,
        detail=plan.detail,
    )
    clips = (latents.clip(i) for i in range(len(latents)))
    statistics = Statistics.measure(clips, latents.conditions, plan.normalization)
    prompts = [
        write_prompt(condition, label, plan.detail)
        for condition, label in zip(latents.conditions, latents.labels, strict=True)
    ]
    text = make_text_encoder(
        plan.text_encoder,
        prompts,
        dim=plan.text_dim,
        source=params.text_source,
        cache=folder / "text",
        seed=seed,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet = build_unet(params.preset, plan.layout, text.dim)
    model = LatentDiffusion(
        settings=settings,
        codec=codec,
        codec_source=params.codec_weights(),
        text=text,
        unet=unet,
        statistics=statistics,
        conditions=seen_conditions(latents),
        sample_rate=train.sample_rate,
        clips=tuple(
            TrainingClip(digest[:32], label, format_condition(condition))
            for digest, label, condition in zip(
                latents.digests, latents.labels, latents.conditions, strict=True
            )
        ),
    )
    if unseen is not None:
        kept = [i for i, c in enumerate(unseen.conditions) if statistics.knows(c)]
        unseen = unseen.take(kept)
    how = Sampling(params.sampler, params.steps, params.spacing, params.guidance)
    shown = unseen if unseen is not None and len(unseen) else latents
    trainer = Trainer(
        model,
        latents,
        unseen,
        training,
        folder,
        context.device,
        context.progress,
        Reviewer(model, shown, how, folder / "review"),
    )
    record = trainer.run()
    finished = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    trained = replace(model, training={"finished": finished, **versions(), **record})
    if not plan.calibration_clips:
        return trained
    return replace(
        trained,
        calibration=calibrate(
            trained,
            latents,
            how,
            plan.calibration_clips,
            seed,
            folder / "calibration",
            context.progress,
        ),
    )


def versions() -> dict[str, str]:
    """Return the versions that a training depends on."""
    packages = {name: version(name) for name in ("asdbench", "torch", "diffusers", "transformers")}
    return {"python": platform.python_version(), **packages}
