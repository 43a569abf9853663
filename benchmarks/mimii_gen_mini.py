"""What generating with a preset of ``mimii-gen`` costs: CPU seconds per second of audio.

Random weights; one thread. Prints the U-Net's part (with the text encoder's), the decoder's part
(the mel codec) and their sum.

    python benchmarks/mimii_gen_mini.py [--preset mini] [--steps 16] [--guidance 1] [--clips 8]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import get_args

import torch

from asdbench.api import Condition
from asdbench.generators.mimii_gen.latents import Statistics
from asdbench.generators.mimii_gen.mel_codec import MelCodec
from asdbench.generators.mimii_gen.model import LatentDiffusion, ModelSettings, write_prompt
from asdbench.generators.mimii_gen.rendering import BATCH
from asdbench.generators.mimii_gen.sampling import Sampling, sample
from asdbench.generators.mimii_gen.text_factory import make_text_encoder
from asdbench.generators.mimii_gen.unet import PresetName, build_unet

SECONDS, RATE = 10, 16_000
WHERE = Condition("fan", "00", None, (("m-n", "W"), ("vel", "6")))


def random_model(preset: PresetName) -> LatentDiffusion:
    settings = ModelSettings(
        preset=preset,
        layout="16x8",
        normalization="dimension",
        prediction="v",
        detail="full",
    )
    text = make_text_encoder("attributes", [write_prompt(WHERE, "normal", "full")])
    torch.manual_seed(0)
    return LatentDiffusion(
        settings=settings,
        codec=MelCodec(RATE),
        codec_source=None,
        text=text.eval(),
        unet=build_unet(preset, "16x8", text.dim).eval(),
        statistics=Statistics(
            "dimension", ("*",), torch.full((1, 128), -30.0), torch.full((1, 128), 5.0)
        ),
        conditions=(WHERE,),
        sample_rate=RATE,
    )


def cpu_seconds(task: Callable[[], torch.Tensor]) -> tuple[float, torch.Tensor]:
    begun = time.process_time()
    result = task()
    return time.process_time() - begun, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="mini", choices=get_args(PresetName))
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--clips", type=int, default=BATCH["cpu"])
    chosen = parser.parse_args()
    torch.set_num_threads(1)

    model = random_model(chosen.preset)
    how = Sampling("unipc", chosen.steps, chosen.guidance)
    samples = SECONDS * RATE
    frames = model.codec.frames(samples)
    prompts = [model.prompt(WHERE, "anomaly")] * chosen.clips
    seeds = list(range(chosen.clips))
    sample(model, prompts[:1], 32, seeds[:1], how)  # imports, first calls
    model.codec.decode(torch.full((1, 128, 32), -30.0), 31 * 512, [0])

    network, latents = cpu_seconds(lambda: sample(model, prompts, frames, seeds, how))
    decoder, audio = cpu_seconds(lambda: model.codec.decode(latents, samples, seeds))
    assert audio.shape == (chosen.clips, samples)
    made = chosen.clips * SECONDS
    weights = sum(weight.numel() for weight in model.unet.parameters())
    print(
        f"{chosen.preset}, {weights / 1e6:.1f} M parameters, {chosen.steps} steps of UniPC, "
        f"guidance {chosen.guidance:g}, {chosen.clips} clips of {SECONDS} s in a batch"
    )
    for name, spent in (("U-Net", network), ("decoder", decoder), ("together", network + decoder)):
        print(f"{name:<9}{spent / made:8.4f} CPU seconds per second of audio")


if __name__ == "__main__":
    main()
