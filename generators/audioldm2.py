"""AudioLDM 2 (Liu et al. 2023) through diffusers: a text-to-audio model asked with captions.

Nothing is trained and nothing heard of the suite's clips: what comes out is what the pretrained
model makes of a caption, at its own level. It needs the published weights (licensed for
non-commercial use), some 4 GB, and in practice a GPU.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field

from asdbench.api import (
    Audio,
    Context,
    GeneratedBatch,
    Generator,
    GeneratorInfo,
    LabelledClipSet,
    Params,
    Request,
)
from asdbench.errors import PluginError, WeightsError

from ._looping import limited
from .mimii_gen.captions import Detail, caption
from .mimii_gen.encodec_codec import from_codec_rate

HUB_ID = "cvssp/audioldm2"
_RECORD = "audioldm2.json"
_BATCH = {"cpu": 1, "cuda": 8}
_DIFFUSERS = {
    "vae": "AutoencoderKL",
    "unet": "AudioLDM2UNet2DConditionModel",
    "projection_model": "AudioLDM2ProjectionModel",
}
_TRANSFORMERS = {
    "text_encoder": "ClapModel",
    "text_encoder_2": "T5EncoderModel",
    # published folders name GPT2Model, which newer versions of transformers do not let generate;
    # the weights are the same
    "language_model": "GPT2LMHeadModel",
    "vocoder": "SpeechT5HifiGan",
}
"""The parts with weights and their classes, whatever the files say."""
_TOKENIZERS = {"tokenizer": "RobertaTokenizerFast", "tokenizer_2": "T5TokenizerFast"}


class AudioLDM2Params(Params):
    """What can be chosen. The defaults are those of the pipeline."""

    source: str = HUB_ID
    """Hub id of what was downloaded before, or a local folder with one for every part."""
    detail: Detail = "full"
    """How much of the condition the caption tells."""
    negative_prompt: str = "Low quality."
    """What to guide away from; has no effect with `guidance` 1."""
    steps: int = Field(200, ge=1, le=1000)
    """Of the pipeline's own sampler (DDIM)."""
    guidance: float = Field(3.5, ge=1.0, le=20.0)
    """Classifier-free guidance; 1 is none and costs half."""


class AudioLDM2(Generator):
    """Asks ``diffusers.AudioLDM2Pipeline`` for every clip, with the caption that MIMII-Gen gets.

    Clips of one caption and length are made in one batch. Captions are not mixed: the pipeline's
    language model would number the tokens it makes by the length of the longest of a batch.
    """

    info: ClassVar[GeneratorInfo] = GeneratorInfo(
        id="audioldm2",
        version="1",
        params=AudioLDM2Params,
        description="AudioLDM 2, pretrained, asked with captions; needs weights.",
        paper="Liu et al., AudioLDM 2, arXiv 2308.05734, 2023",
        scope="suite",
    )
    check_params: ClassVar[Mapping[str, Any]] = {"steps": 2}
    params: AudioLDM2Params

    def __init__(self, params: AudioLDM2Params) -> None:
        super().__init__(params)
        self._pipeline: Any = None
        self._digest = ""

    def fit(self, train: LabelledClipSet, context: Context) -> None:
        """Load the weights; no clip is used.

        Raises
        ------
        WeightsError
            When they are missing, damaged or incomplete.
        """
        folder = _folder(self.params.source)
        self._pipeline = _load(folder, self.params.source)
        self._digest = _weights_digest(folder)

    def generate(
        self, requests: Sequence[Request], train: LabelledClipSet, context: Context
    ) -> Iterator[GeneratedBatch]:
        """Yield clips at the sample rate of ``train``.

        Raises
        ------
        PluginError
            When neither :meth:`fit` nor :meth:`load` was called.
        """
        if self._pipeline is None:
            raise PluginError("audioldm2 is not fitted", "Call fit() or load() first.")
        self._pipeline.to(context.device)
        size = _BATCH["cpu" if context.device == "cpu" else "cuda"]
        done = 0
        for (text, samples), group in groupby(requests, self._question):
            run = list(group)
            for start in range(0, len(run), size):
                seeds = [request.seed for request in run[start : start + size]]
                audio = self._ask(text, samples, train.sample_rate, seeds)
                done += len(audio)
                context.progress(done, len(requests), "audioldm2: clips")
                yield GeneratedBatch(audio, train.sample_rate, [{"caption": text}] * len(audio))

    def save(self, folder: Path) -> None:
        """Write which weights were used, not the weights."""
        record = {"source": self.params.source, "weights": self._digest}
        (folder / _RECORD).write_text(json.dumps(record) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, params: AudioLDM2Params, context: Context) -> Self:
        """Return the generator that :meth:`save` described.

        Raises
        ------
        WeightsError
            When the weights are gone, or others than at that time.
        """
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        made = cls(params)
        weights = _folder(params.source)
        made._digest = _weights_digest(weights)
        if made._digest != record["weights"]:
            raise WeightsError(
                f"audioldm2: the weights at '{params.source}' have changed since the generator "
                "was fitted",
                "Fit it again, or name the folder with the weights of that time.",
            )
        made._pipeline = _load(weights, params.source)
        return made

    def _question(self, request: Request) -> tuple[str, int]:
        text = caption(request.condition, request.label, self.params.detail)
        return text, request.samples

    def _ask(self, text: str, samples: int, rate: int, seeds: Sequence[int]) -> list[Audio]:
        """Return one clip a seed; a clip's noise is drawn from its seed alone, on the CPU."""
        pipeline, params = self._pipeline, self.params
        vocoder = pipeline.vocoder.config
        own_rate = int(vocoder.sampling_rate)
        shortest = pipeline.vae_scale_factor * int(np.prod(vocoder.upsample_rates))
        inside = max(-(-samples * own_rate // rate), shortest)
        waves = pipeline(
            prompt=[text] * len(seeds),
            negative_prompt=[params.negative_prompt] * len(seeds),
            audio_length_in_s=(inside + 0.5) / own_rate,  # is rounded down to samples
            num_inference_steps=params.steps,
            guidance_scale=params.guidance,
            generator=[torch.Generator().manual_seed(seed % 2**63) for seed in seeds],
        ).audios
        clips = [from_codec_rate(wave, own_rate, rate, samples) for wave in waves]
        return [limited(clip.astype(np.float64))[0].astype(np.float32) for clip in clips]


def _hint(source: str) -> str:
    hub_id = source if source.count("/") == 1 and source[0] not in "./~" else HUB_ID
    return (
        f"Download it once with `hf download {hub_id} --exclude '*.bin'`; or with `--local-dir "
        "FOLDER` and name FOLDER with 'source'. It must hold scheduler, tokenizer, tokenizer_2 "
        f"and, as safetensors, {', '.join([*_DIFFUSERS, *_TRANSFORMERS])}."
    )


def _folder(source: str) -> Path:
    """Return the folder of ``source``: a local one, or the hub's local cache. No download."""
    from huggingface_hub import snapshot_download

    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if source.startswith((".", "/", "~")) or source.count("/") != 1:
        raise WeightsError(f"audioldm2: there is no folder {source}", _hint(source))
    try:
        return Path(snapshot_download(source, local_files_only=True))
    except (OSError, ValueError) as problem:
        raise WeightsError(
            f"audioldm2: '{source}' is neither a folder nor in the hub's local cache",
            _hint(source),
        ) from problem


def _load(folder: Path, source: str) -> Any:
    """Return the pipeline in ``folder``, float32, on the CPU; safetensors only."""
    import diffusers
    import transformers

    scheduler: Any = diffusers.DDIMScheduler  # typed in some versions only
    assembled: Any = diffusers.AudioLDM2Pipeline
    weighted: dict[str, tuple[Any, dict[str, Any]]] = {
        name: (getattr(diffusers, kind), {"low_cpu_mem_usage": False})
        for name, kind in _DIFFUSERS.items()
    }
    for name, kind in _TRANSFORMERS.items():
        weighted[name] = (getattr(transformers, kind), {"dtype": torch.float32})
    parts: dict[str, Any] = {}
    name = "scheduler"
    try:
        parts[name] = scheduler.from_pretrained(str(folder / name), local_files_only=True)
        for name, kind in _TOKENIZERS.items():
            parts[name] = getattr(transformers, kind).from_pretrained(
                str(folder / name), local_files_only=True
            )
        for name, (cls, options) in weighted.items():
            model, found = cls.from_pretrained(
                str(folder / name),
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                **options,
            )
            if found["missing_keys"]:
                raise ValueError(f"weights are missing, e.g. {sorted(found['missing_keys'])[0]}")
            parts[name] = model.eval().requires_grad_(False)
    except Exception as problem:  # the libraries raise whatever their parsers raise
        reason = str(problem).strip().partition("\n")[0]
        raise WeightsError(
            f"audioldm2: {name} of '{source}' cannot be loaded: {type(problem).__name__}: {reason}",
            _hint(source),
        ) from problem
    pipeline = assembled(**parts, feature_extractor=None)  # which would rank clips; none is
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _weights_digest(folder: Path) -> str:
    """Return the SHA-256 of the weight files' names and digests."""
    total = hashlib.sha256()
    for name in sorted([*_DIFFUSERS, *_TRANSFORMERS]):
        for path in sorted((folder / name).glob("*.safetensors")):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            total.update(f"{name}/{path.name} {digest}\n".encode())
    return total.hexdigest()
