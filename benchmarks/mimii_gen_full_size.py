"""The full-size path of ``mimii-gen`` with random weights of the true classes and sizes.

Flan-T5-base (109.6 M parameters), EnCodec 24 kHz at 24 kbit/s, the base U-Net (145 M), 10 s clips
as latents of 128 x 750: encode, train, save, load, sample, decode. Prints wall seconds and peak
memory of every stage: of the process, or of the GPU with ``--device cuda``. Needs 3 GB of disk.

    python benchmarks/mimii_gen_full_size.py [--device cuda] [--batch-size 1] [--steps 4]
        [--guidance 1.5] [--precision auto] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asdbench.api import Condition, Label, no_progress
from asdbench.clips import ClipPool
from asdbench.generators.mimii_gen.checkpoint import WEIGHTS, load_checkpoint, save_checkpoint
from asdbench.generators.mimii_gen.encodec_codec import EncodecCodec
from asdbench.generators.mimii_gen.encodec_meta import new_model
from asdbench.generators.mimii_gen.latent_cache import LatentSet, encode_clips
from asdbench.generators.mimii_gen.latents import Statistics, padded_frames
from asdbench.generators.mimii_gen.model import LatentDiffusion, ModelSettings, write_prompt
from asdbench.generators.mimii_gen.sampling import Sampling, sample
from asdbench.generators.mimii_gen.text_factory import make_text_encoder
from asdbench.generators.mimii_gen.training import Trainer
from asdbench.generators.mimii_gen.training_settings import TrainingSettings
from asdbench.generators.mimii_gen.unet import build_unet

SECONDS, RATE, TRAINING_STEPS = 10, 16_000, 3
FLAN_T5_BASE = {
    "vocab_size": 32_128,
    "d_model": 768,
    "d_kv": 64,
    "d_ff": 2048,
    "num_layers": 12,
    "num_heads": 12,
    "feed_forward_proj": "gated-gelu",
}


class Stages:
    """Measures stages and prints one line for each."""

    def __init__(self, device: str) -> None:
        self._cuda = device.startswith("cuda")
        print(f"{'stage':<44}{'seconds':>9}  peak GiB")

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Print what the stage took once it is over."""
        self._forget_peak()
        begun = time.perf_counter()
        yield
        if self._cuda:
            torch.cuda.synchronize()
        print(f"{name:<44}{time.perf_counter() - begun:9.2f}{self.peak():10.2f}", flush=True)

    def peak(self) -> float:
        """Return the peak of the stage, GiB; without Linux's ``/proc``, 0."""
        if self._cuda:
            return torch.cuda.max_memory_allocated() / 2**30
        status = Path("/proc/self/status")
        lines = status.read_text().splitlines() if status.exists() else []
        found = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
        return found[0] / 2**20 if found else 0.0

    def _forget_peak(self) -> None:
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            return
        peaks = Path("/proc/self/clear_refs")
        if peaks.exists():
            peaks.write_text("5")


def write_weights(folder: Path) -> tuple[str, str]:
    """Write a random Flan-T5-base, with a tokenizer of three words, and EnCodec 24 kHz."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import EncodecConfig, PreTrainedTokenizerFast, T5Config, T5EncoderModel

    words = {"<pad>": 0, "</s>": 1, "<unk>": 2}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", words["</s>"])]
    )
    text, codec = folder / "flan-t5-base", folder / "encodec_24khz"
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(text)
    torch.manual_seed(0)
    T5EncoderModel(T5Config(**FLAN_T5_BASE)).save_pretrained(text)
    new_model(EncodecConfig()).save_pretrained(codec)
    return str(text), str(codec)


def noise_clips(count: int) -> ClipPool:
    rng = np.random.default_rng(0)
    audio = [0.05 * rng.standard_normal(SECONDS * RATE).astype(np.float32) for _ in range(count)]
    labels: list[Label] = ["normal" if i % 2 == 0 else "anomaly" for i in range(count)]
    where = [Condition("fan", "00", None, (("vel", str(i % 7)),)) for i in range(count)]
    return ClipPool.from_arrays(audio, RATE, where, labels)


def train(
    model: LatentDiffusion, latents: LatentSet, folder: Path, chosen: argparse.Namespace
) -> None:
    """Take :data:`TRAINING_STEPS` steps and save the state; print the time of a later step."""
    settings = TrainingSettings(
        steps=TRAINING_STEPS,
        batch_size=chosen.batch_size,
        crop_seconds=None,
        cooldown=0,
        precision=chosen.precision,
        learning_rate=1e-4,
    )
    marks: list[float] = []

    def progress(done: int, total: int, what: str) -> None:
        if chosen.device.startswith("cuda"):
            torch.cuda.synchronize()
        marks.append(time.perf_counter())

    trainer = Trainer(model, latents, None, settings, folder, chosen.device, progress)
    trainer.run()
    end = time.perf_counter()
    step = float(np.mean(np.diff(marks)))
    bf16 = "bf16" if trainer._bf16 else "fp32"
    print(f"  one step after the first, batch {chosen.batch_size}, {bf16}: {step:.2f} s")
    print(f"  saving the state: {end - marks[-1]:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--steps", type=int, default=4, help="of the sampler")
    parser.add_argument("--guidance", type=float, default=1.5)
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"])
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    stage = Stages(chosen.device)
    with tempfile.TemporaryDirectory() as scratch:
        run(chosen, stage, Path(scratch))


def run(chosen: argparse.Namespace, stage: Stages, folder: Path) -> None:
    device, count = chosen.device, chosen.batch_size
    with stage("write random Flan-T5 and EnCodec"):
        text_source, codec_source = write_weights(folder)
    pool = noise_clips(count)
    with stage("load EnCodec"):
        codec = EncodecCodec.load(codec_source, 24.0).to(device)
    with stage(f"encode {count} clips of {SECONDS} s"):
        latents = encode_clips(pool, codec, folder / "latents", no_progress, "training")
    assert latents.values.shape == (count, 128, 750)
    pairs = zip(latents.conditions, latents.labels, strict=True)
    prompts = [write_prompt(condition, label, "full") for condition, label in pairs]
    with stage("load Flan-T5"):
        text = make_text_encoder("flan-t5", prompts, source=text_source)
    with stage(f"embed {len(set(prompts))} captions"):
        text(prompts)
    with stage("build the U-Net"):
        unet = build_unet("base", "16x8", text.dim).to(device)
    weights = sum(weight.numel() for weight in unet.parameters())
    print(f"  {weights / 1e6:.1f} M parameters")
    settings: dict[str, Any] = {"preset": "base", "layout": "16x8", "detail": "full"}
    model = LatentDiffusion(
        settings=ModelSettings(**settings, normalization="dimension", prediction="v"),
        codec=codec,
        codec_source=codec_source,
        text=text,
        unet=unet,
        statistics=Statistics.measure(
            (latents.clip(i) for i in range(count)), latents.conditions, "dimension"
        ),
        conditions=tuple(dict.fromkeys(latents.conditions)),
        sample_rate=RATE,
    )
    with stage(f"train {TRAINING_STEPS} steps, save the state"):
        train(model, latents, folder, chosen)
    where = folder / "checkpoint"
    where.mkdir()
    with stage("save the checkpoint, float16"):
        save_checkpoint(replace(model, training=None), where, {}, "float16")
    print(f"  {(where / WEIGHTS).stat().st_size / 2**20:.0f} MiB of weights")
    del model, unet
    with stage("load the checkpoint"):
        loaded = load_checkpoint(where, codec_source, text_source).to(device)
    how = Sampling("unipc", chosen.steps, chosen.guidance)
    asked = [loaded.prompt(p.condition, p.label) for p in prompts]
    seeds = list(range(count))
    with stage(f"sample {count} clips, {chosen.steps} steps, guidance {chosen.guidance:g}"):
        made = sample(loaded, asked, 750, seeds, how)
    assert made.shape == (count, 128, 750)
    assert padded_frames(750) == 752
    with stage(f"decode {count} clips"):
        audio = loaded.codec.decode(made.to(device), SECONDS * 24_000, seeds).cpu()
    assert audio.shape == (count, SECONDS * 24_000)
    assert audio.isfinite().all()
    print(json.dumps({"torch": torch.__version__, "threads": chosen.threads, "device": device}))


if __name__ == "__main__":
    main()
