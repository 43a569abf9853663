"""MIMII-Gen: machine sound from a text-conditioned latent diffusion model.

Captions are written from metadata, embedded, and given to a U-Net that denoises latents of a
codec; the codec's decoder makes the audio. One fit covers all machines of a suite.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from asdbench.api import (
    ClipSet,
    Context,
    GeneratedBatch,
    Generator,
    GeneratorInfo,
    Label,
    LabelledClipSet,
    Request,
    TrainingClip,
    TrainingManifest,
)
from asdbench.conditions import parse_condition
from asdbench.errors import PluginError

from .._matching import Sources
from .building import train_generator
from .checkpoint import load_checkpoint, save_checkpoint
from .codec import Codec
from .codec_factory import restore
from .model import LatentDiffusion
from .params import LatentDiffusionParams, MIMIIGenParams
from .rendering import Renderer
from .sampling import Sampling
from .shipped import shipped

_FIT_SHARE = 0.1  # of the clips lent by a suite, held out for validation


class LatentDiffusionGenerator(Generator):
    """Generates clips with a checkpoint, or trains one on the suite's clips.

    What is the same whatever the codec. A subclass brings ``info``, parameters that make its
    codec, and :meth:`codec_of`, which makes it again from a checkpoint.
    """

    trainable: ClassVar[dict[str, str]] = {
        "generator": "U-Net, and its text encoder, on latents of a codec"
    }
    params: LatentDiffusionParams

    def __init__(self, params: LatentDiffusionParams) -> None:
        super().__init__(params)
        self._model: LatentDiffusion | None = None

    def fit(self, train: LabelledClipSet, context: Context) -> None:
        """Load the checkpoint, or train one in the scratch folder."""
        where = self.params.checkpoint
        if where is not None:
            self._model = self._load(shipped(where) if isinstance(where, str) else where)
            return
        order = context.rng().permutation(len(train))
        count = max(1, round(_FIT_SHARE * len(train)))
        kept, withheld = (sorted(int(i) for i in part) for part in (order[count:], order[:count]))
        self._model = train_generator(
            self.params, train.subset(kept), train.subset(withheld), context.scratch, context
        )

    def train(
        self,
        part: str,
        train: LabelledClipSet,
        held_out: LabelledClipSet,
        folder: Path,
        context: Context,
    ) -> None:
        """Train into ``folder``; the result is a folder for ``checkpoint``."""
        model = train_generator(self.params, train, held_out, folder, context)
        save_checkpoint(model, folder, self.params.architecture.store_as)

    def refuses(self, request: Request) -> str | None:
        """Return why ``request`` cannot be made: its machine or section was not trained on."""
        model = self._require()
        where = request.condition
        sections = sorted({c.section for c in model.conditions if c.machine == where.machine})
        machines = sorted({c.machine for c in model.conditions})
        if not sections:
            return f"the checkpoint knows the machines {', '.join(machines)}"
        if not model.statistics.knows(where):
            return f"of {where.machine}, the checkpoint knows the sections {', '.join(sections)}"
        return None

    def generate(
        self, requests: Sequence[Request], train: LabelledClipSet, context: Context
    ) -> Iterator[GeneratedBatch]:
        """Yield batches of clips.

        Raises
        ------
        PluginError
            With ``from: normal``, when ``train`` has no normal clip of a request's machine.
        """
        if self.params.start == "normal":
            self._check_normals(requests, Sources.of(train))
        done = 0
        for batch in self._renderer(context).render(requests, train, train.sample_rate):
            done += len(batch.audio)
            context.progress(done, len(requests), f"{self.info.id}: clips")
            yield batch

    def roundtrip(
        self, clips: ClipSet, seeds: Sequence[int], context: Context
    ) -> Iterator[GeneratedBatch]:
        """Yield every clip through the codec and back."""
        for done, batch in enumerate(self._renderer(context).roundtrip(clips, seeds), start=1):
            context.progress(done, len(seeds), f"{self.info.id}: clips coded")
            yield batch

    def training_manifest(self) -> TrainingManifest | None:
        """Return the clips that the U-Net was trained on; None where a checkpoint lists none."""
        model = self._require()
        if not model.clips:
            return None
        known = {text: parse_condition(text) for text in {c.condition for c in model.clips}}
        labels: dict[str, Label] = {"normal": "normal", "anomaly": "anomaly"}
        clips = [TrainingClip(c.sha256, known[c.condition], labels[c.label]) for c in model.clips]
        return TrainingManifest(clips, model.sample_rate)

    def save(self, folder: Path) -> None:
        """Write a checkpoint."""
        save_checkpoint(self._require(), folder)

    @classmethod
    def load(cls, folder: Path, params: LatentDiffusionParams, context: Context) -> Self:
        """Return the generator that :meth:`save` wrote."""
        made = cls(params)
        made._model = made._load(folder)
        return made

    def _load(self, folder: Path) -> LatentDiffusion:
        params = self.params
        return load_checkpoint(folder, params.codec_weights(), params.text_source, self.codec_of)

    @staticmethod
    @abstractmethod
    def codec_of(settings: Mapping[str, Any], source: str | None) -> Codec:
        """Return the codec that a checkpoint was trained with.

        Parameters
        ----------
        settings
            What its ``identity`` said, as stored.
        source
            Where weights of the codec lie now.
        """

    def _require(self) -> LatentDiffusion:
        if self._model is None:
            raise PluginError(f"{self.info.id} is not fitted", "Call fit() or load() first.")
        return self._model

    def _renderer(self, context: Context) -> Renderer:
        params = self.params
        from_normals = params.start == "normal"
        how = Sampling(
            params.sampler,
            params.steps,
            params.spacing,
            params.guidance,
            params.severity,
            params.strength if from_normals else 1.0,
        )
        model = self._require().to(context.device)
        return Renderer(model, how, from_normals, params.calibrate, context.device)

    def _check_normals(self, requests: Sequence[Request], sources: Sources) -> None:
        for condition in dict.fromkeys(request.condition for request in requests):
            if sources.match(condition, "normal") is None:
                raise PluginError(
                    f"{self.info.id}: 'from: normal' needs a normal clip of {condition.machine} to "
                    "start from, and the split lends it none",
                    "Raise 'split.generator_normals', or use 'from: noise'.",
                )


class MIMIIGen(LatentDiffusionGenerator):
    """Generates with a shipped or trained checkpoint, on latents of EnCodec or log-mel frames."""

    info: ClassVar[GeneratorInfo] = GeneratorInfo(
        id="mimii-gen",
        version="1",
        params=MIMIIGenParams,
        description="Text-conditioned latent diffusion; brings a checkpoint of simulated machines.",
        paper="Purohit et al., MIMII-Gen, arXiv 2409.18542, 2024",
        scope="suite",
    )
    trainable: ClassVar[dict[str, str]] = {
        **LatentDiffusionGenerator.trainable,
        "codec": "a small codec of EnCodec's architecture",
    }
    check_params: ClassVar[Mapping[str, Any]] = {"steps": 2}
    params: MIMIIGenParams
    codec_of = staticmethod(restore)

    def train(
        self,
        part: str,
        train: LabelledClipSet,
        held_out: LabelledClipSet,
        folder: Path,
        context: Context,
    ) -> None:
        """Train into ``folder``; the result is a folder for ``checkpoint`` or ``codec_source``."""
        if part == "codec":
            from .codec_training import train_codec

            train_codec(train, held_out, folder, self.params.codec_training, context)
        else:
            super().train(part, train, held_out, folder, context)
