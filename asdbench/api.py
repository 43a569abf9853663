"""Everything that the author of a plug-in imports. No torch, no files, no clock.

A detector is fitted on normal clips and gives every clip a score; a generator is fitted on
labelled clips and makes clips for the conditions it is asked for; a data set lists clips; an
embedding turns clips into vectors whose distributions are compared. Each is a class with an
``info`` and a pydantic model of its parameters, registered as an entry point (groups
``asdbench.detectors``, ``asdbench.generators``, ``asdbench.datasets``, ``asdbench.embeddings``)
or with :func:`detector`, :func:`generator`, :func:`dataset` or :func:`embedding` in a file named
by ``--plugin`` or by the suite.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    Protocol,
    Self,
    TypeVar,
    runtime_checkable,
)

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from asdbench.features import Frames, LogMelSpec

Label = Literal["normal", "anomaly"]
Domain = Literal["source", "target"]
Split = Literal["train", "test"]
Scope = Literal["machine", "section", "suite"]
Audio = NDArray[np.float32]
"""One clip, mono: (samples,), full scale is 1.0."""


class Params(BaseModel):
    """Base of a plug-in's parameters: unknown names are refused, values are fixed."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Part(BaseModel):
    """Another detector that a detector is made of, as a parameter of it.

    A field of this type in a detector's parameters asks the engine to fit that detector first, on
    the training clips of its own scope, and to lend it, fitted, under the name of the field:
    :attr:`Context.parts`. Two detectors with the same part share its fit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    use: str
    """A detector's name (`asdbench plugins list`), or `./file.py:Class` beside the suite."""
    params: dict[str, Any] = {}
    """Its parameters (`asdbench plugins show NAME`)."""


class EmbeddingPart(Part):
    """A part that is asked for its embedding: a detector with ``embed()``."""


@dataclass(frozen=True, order=True)
class Condition:
    """An operating condition: what MIMII DG calls the domain-shift parameter values.

    ``attributes`` holds (name, value) pairs as text, sorted by name, e.g. ``(("vel", "6"),)``.
    ``domain`` is None for data that knows no domains.
    """

    machine: str
    section: str
    domain: Domain | None = None
    attributes: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        named = ",".join(f"{name}={value}" for name, value in self.attributes)
        return "/".join([self.machine, self.section, self.domain or "-", named or "-"])


@dataclass(frozen=True)
class Clip:
    """One recording as a data set lists it.

    ``id`` is unique in the data set, POSIX style, free of machine paths. ``path`` is relative to
    ``part``'s folder where the data set builds itself (see :class:`Dataset`), absolute otherwise.
    ``digest`` identifies the audio; None asks the engine to hash the file. ``label`` is None for
    an unlabelled evaluation set; ``recording`` groups clips cut from one recording.
    """

    id: str
    path: Path
    condition: Condition
    split: Split
    label: Label | None
    part: str | None = None
    recording: str | None = None
    digest: str | None = None

    @property
    def machine(self) -> str:
        """Machine type, e.g. ``fan``."""
        return self.condition.machine

    @property
    def section(self) -> str:
        """Section, two digits in DCASE data, e.g. ``00``."""
        return self.condition.section

    @property
    def domain(self) -> Domain | None:
        """``source``, ``target`` or None."""
        return self.condition.domain


def no_progress(done: int, total: int, what: str) -> None:
    """Report nothing: the default of :attr:`Context.progress`."""


@dataclass(frozen=True)
class Context:
    """What the engine lends a plug-in for one call."""

    seed: int
    """64-bit seed of this call; draw all randomness from it (see :meth:`rng`)."""
    scratch: Path
    """An empty folder for temporary files."""
    device: str = "cpu"
    """``cpu``, ``cuda`` or ``cuda:N``."""
    progress: Callable[[int, int, str], None] = no_progress
    """``progress(done, total, what)``, as often as you like."""
    parts: Mapping[str, Detector] = field(default_factory=dict)
    """The fitted detectors that the parameters ask for, by the name of the :class:`Part`."""

    def rng(self) -> np.random.Generator:
        """Return a fresh NumPy generator from :attr:`seed`."""
        return np.random.default_rng(self.seed)


class ClipSet(Protocol):
    """Clips as a detector sees them: no label, no origin, no file name.

    ``conditions`` carries machine, section and attributes. Its ``domain`` is given in training;
    when scoring it is None unless the detector declares ``needs={"test_domain"}``.
    """

    @property
    def conditions(self) -> Sequence[Condition]:
        """One condition a clip."""
        ...

    @property
    def sample_rate(self) -> int:
        """Sample rate of every clip, Hz."""
        ...

    def __len__(self) -> int: ...

    def audio(self, index: int) -> Audio:
        """Return clip ``index`` as float32 (samples,). Clips may have unequal lengths."""
        ...

    def features(self, spec: LogMelSpec) -> Frames:
        """Return log-mel frames of all clips, computed once for all who ask for ``spec``."""
        ...

    def subset(self, indices: Sequence[int]) -> Self:
        """Return the clips at ``indices``, in that order."""
        ...


class LabelledClipSet(ClipSet, Protocol):
    """Clips as a generator sees them in training: with labels."""

    @property
    def labels(self) -> Sequence[Label]:
        """One label a clip."""
        ...


@dataclass(frozen=True)
class PluginInfo:
    """What every plug-in says of itself. ``version`` is part of every cache key."""

    id: str
    """Lower-case words joined by hyphens, e.g. ``dcase-ae``."""
    version: str
    params: type[Params] = Params
    """The model that validates ``params:`` of the suite."""
    description: str = ""
    """One sentence for ``asdbench plugins list``."""
    paper: str = ""
    """Where the method is described."""


@dataclass(frozen=True)
class DetectorInfo(PluginInfo):
    """A detector's description."""

    scope: Scope = "machine"
    """What one fit covers: all sections of a machine, one section, or the whole suite."""
    score_params: frozenset[str] = frozenset()
    """Parameters that only :meth:`Detector.score` reads: entries that differ in nothing else
    share one fit."""
    transductive: bool = False
    """Whether a clip's score depends on the other clips scored with it. Such a detector is given
    one arm at a time: one section's normals with as many of one kind of anomalies as in the test
    data (see docs/metrics.md)."""
    needs: frozenset[str] = frozenset()
    """What it needs beyond the default; known: ``test_domain``."""


@dataclass(frozen=True)
class GeneratorInfo(PluginInfo):
    """A generator's description."""

    scope: Scope = "machine"
    """What one fit covers."""
    labels: frozenset[Label] = frozenset({"normal", "anomaly"})
    """What it can be asked for."""


@dataclass(frozen=True)
class DatasetInfo(PluginInfo):
    """A data set's description."""

    simulated: bool = False
    """Whether its audio is synthetic; every table and title then says so."""


@dataclass(frozen=True)
class EmbeddingInfo(PluginInfo):
    """An embedding's description."""


class Detector(ABC):
    """Gives every clip an anomaly score; higher is more anomalous."""

    info: ClassVar[DetectorInfo]
    check_params: ClassVar[Mapping[str, Any]] = {}
    """Optional: parameters with which the conformance checks run quickly."""

    def __init__(self, params: Any) -> None:
        self.params = params

    @classmethod
    def scope(cls, params: Any) -> Scope:
        """Return what one fit covers with ``params``: :attr:`DetectorInfo.scope`, or more."""
        return cls.info.scope

    @abstractmethod
    def fit(self, train: ClipSet, context: Context) -> None:
        """Learn from normal clips."""

    @abstractmethod
    def score(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        """Return finite scores, float64 (len(clips),)."""

    def decide(self, scores: NDArray[np.float64]) -> NDArray[np.bool_] | None:
        """Return True where a score means *anomalous*; None where no threshold is known."""
        return None

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what :meth:`load` needs into an empty ``folder``; no pickle."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, params: Any, context: Context) -> Self:
        """Return a fitted detector from what :meth:`save` wrote."""


@dataclass(frozen=True)
class Request:
    """One clip to generate.

    Draw its noise from ``seed`` alone, so that batching changes nothing.
    """

    condition: Condition
    label: Label
    seed: int
    samples: int
    """Length of the clip, in samples at the sample rate of the training clips."""


@dataclass(frozen=True)
class GeneratedBatch:
    """Some of the requested clips, in the order of the requests."""

    audio: Sequence[Audio]
    sample_rate: int
    notes: Sequence[Mapping[str, str]] = field(default_factory=tuple)
    """Optional, one a clip: how it was made (kept with the clip, never shown to a detector).

    `asdbench generate` also says what a note named ``warning`` says, once for each text.
    """


class Generator(ABC):
    """Makes clips for conditions and labels."""

    info: ClassVar[GeneratorInfo]
    check_params: ClassVar[Mapping[str, Any]] = {}
    """Optional: parameters with which the conformance checks run quickly."""

    def __init__(self, params: Any) -> None:
        self.params = params

    @abstractmethod
    def fit(self, train: LabelledClipSet, context: Context) -> None:
        """Learn from the clips that the split gives to generators."""

    def refuses(self, request: Request) -> str | None:
        """Return why ``request`` cannot be made, or None. Called after :meth:`fit`."""
        return None

    @abstractmethod
    def generate(
        self, requests: Sequence[Request], train: LabelledClipSet, context: Context
    ) -> Iterator[GeneratedBatch]:
        """Yield one clip for every request, in order. ``train`` is what :meth:`fit` got."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what :meth:`load` needs into an empty ``folder``; no pickle."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, params: Any, context: Context) -> Self:
        """Return a fitted generator from what :meth:`save` wrote."""


@runtime_checkable
class SupportsRoundtrip(Protocol):
    """A generator that can pass clips through its codec and back, and change nothing else.

    What a detector hears in such clips is the codec's doing, not the generator's.
    """

    def roundtrip(
        self, clips: ClipSet, seeds: Sequence[int], context: Context
    ) -> Iterator[GeneratedBatch]:
        """Yield every clip after encoding and decoding, in order, as long as it was.

        Draw what randomness decoding needs for clip ``i`` from ``seeds[i]`` alone.
        """
        ...


def audio_digest(audio: Audio) -> str:
    """Return what identifies the samples of a clip, whatever file holds them.

    The first 32 hexadecimal digits of the SHA-256 of the samples as little-endian float32, full
    scale 1.0, as :meth:`ClipSet.audio` gives them.
    """
    return hashlib.sha256(np.ascontiguousarray(audio, dtype="<f4").tobytes()).hexdigest()[:32]


@dataclass(frozen=True)
class TrainingClip:
    """A clip that a generator learned from."""

    digest: str
    """Its :func:`audio_digest`, at the rate of :attr:`TrainingManifest.sample_rate`."""
    condition: Condition | None = None
    """None where it is not known."""
    label: Label | None = None
    """None where it is not known."""


@dataclass(frozen=True)
class TrainingManifest:
    """What a generator learned from; without clips, from what :meth:`Generator.fit` was given."""

    clips: Sequence[TrainingClip] = ()
    sample_rate: int | None = None
    """Of the audio that the digests identify, Hz; None where there are no clips."""


@runtime_checkable
class SupportsTrainingManifest(Protocol):
    """A generator that says what it learned from, so that leakage can be looked for.

    Without it the report says ``leakage: unknown``: nobody knows what weights were trained on.
    """

    def training_manifest(self) -> TrainingManifest | None:
        """Return all clips that it learned from; called on a fitted generator.

        A generator that learns from the clips that ``fit()`` was given, and from no others,
        returns ``TrainingManifest()``. One that came with weights lists what these were trained
        on, and those of ``fit()`` if it learned from them, too. None: nobody knows.
        """
        ...


@runtime_checkable
class SupportsTraining(Protocol):
    """A plug-in whose training is worth a command of its own: ``asdbench train``."""

    trainable: ClassVar[Mapping[str, str]]
    """What can be trained, and what it is in one sentence: ``{"generator": "..."}``."""

    def train(
        self,
        part: str,
        train: LabelledClipSet,
        held_out: LabelledClipSet,
        folder: Path,
        context: Context,
    ) -> None:
        """Train ``part`` into ``folder``, going on from what an interrupted call left there.

        The same call gives the same result, interrupted or not. ``held_out`` serves for
        validation alone.
        """
        ...


class Dataset(ABC):
    """Lists clips; may also make them.

    A data set that lies on disk has no parts and lists absolute paths. One that builds itself
    names its parts (e.g. ``fan/00``); the engine builds each part once into the store and looks
    for ``clip.path`` in the folder of ``clip.part``.
    """

    info: ClassVar[DatasetInfo]

    def __init__(self, params: Any) -> None:
        self.params = params

    def parts(self) -> Sequence[str]:
        """Return the names of the parts to build."""
        return ()

    def part_key(self, part: str) -> Mapping[str, Any]:
        """Return all that the bytes of ``part`` depend on, as JSON values (beside the version)."""
        raise LookupError(part)

    def build(self, part: str, folder: Path, context: Context) -> None:
        """Write ``part`` into an empty ``folder``."""
        raise LookupError(part)

    @abstractmethod
    def clips(self) -> Sequence[Clip]:
        """Return every clip, sorted by id. Must not need the parts to be built.

        Raises
        ------
        DataError
            When data is missing or malformed, saying where to get it or what to mend.
        """


@dataclass(frozen=True)
class Embedded:
    """Vectors of clips.

    ``rows`` is float64 (n_rows, d), finite; ``clip`` is int64 (n_rows,): the clip of each row,
    rising from 0. Every clip has at least one row; frame-level embeddings give it several.
    """

    rows: NDArray[np.float64]
    clip: NDArray[np.int64]

    @classmethod
    def one_per_clip(cls, rows: NDArray[np.float64]) -> Self:
        """Return ``rows`` (n_clips, d) as the vectors of as many clips."""
        return cls(np.asarray(rows, dtype=np.float64), np.arange(len(rows), dtype=np.int64))

    def clip_means(self) -> NDArray[np.float64]:
        """Return the mean vector of each clip, (clips, d)."""
        counts = np.bincount(self.clip)
        starts = np.cumsum(counts) - counts
        return np.asarray(np.add.reduceat(self.rows, starts, axis=0) / counts[:, None])


class Embedding(ABC):
    """Turns clips into vectors; two sets of clips are compared by how their vectors lie."""

    info: ClassVar[EmbeddingInfo]

    def __init__(self, params: Any) -> None:
        self.params = params

    @abstractmethod
    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        """Return the vectors of all clips. The same clips give the same vectors.

        Raises
        ------
        WeightsError
            When weights or a package are absent, saying where to get them.
        """

    @abstractmethod
    def digest(self) -> str:
        """Return a SHA-256 in hexadecimal of all that the vectors depend on, beside the clips.

        That is the weights, or the settings where there are none. Vectors of different digests
        are never compared.
        """

    def refuses(self) -> str | None:
        """Return why it cannot be used on this machine (weights, package), or None."""
        return None


@runtime_checkable
class SupportsEmbedding(Protocol):
    """A fitted detector whose inner representation can serve as an embedding."""

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        """Return the vectors of all clips. The same clips give the same vectors."""
        ...


@runtime_checkable
class SupportsPosteriors(Protocol):
    """An embedding that is also a classifier, for the KL divergence and the inception score."""

    def posteriors(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        """Return class probabilities, float64 (len(clips), classes), each row summing to 1."""
        ...


@runtime_checkable
class SupportsText(Protocol):
    """An embedding that puts text into the same space, for the cosine of clip and caption."""

    def embed_text(self, texts: Sequence[str], context: Context) -> NDArray[np.float64]:
        """Return the vectors of ``texts``, float64 (len(texts), d)."""
        ...


_P = TypeVar("_P", bound=type)
DECORATED: dict[str, dict[str, type]] = {
    "detectors": {},
    "generators": {},
    "datasets": {},
    "embeddings": {},
}
"""What the decorators below have registered, by kind and id; read by the registry."""


def _decorator(kind: str, plugin_id: str) -> Callable[[_P], _P]:
    def register(cls: _P) -> _P:
        known = DECORATED[kind].get(plugin_id)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise ValueError(f"{kind[:-1]} '{plugin_id}' is defined twice: {known} and {cls}")
        DECORATED[kind][plugin_id] = cls
        return cls

    return register


def detector(plugin_id: str) -> Callable[[_P], _P]:
    """Register a :class:`Detector` class as ``plugin_id``."""
    return _decorator("detectors", plugin_id)


def generator(plugin_id: str) -> Callable[[_P], _P]:
    """Register a :class:`Generator` class as ``plugin_id``."""
    return _decorator("generators", plugin_id)


def dataset(plugin_id: str) -> Callable[[_P], _P]:
    """Register a :class:`Dataset` class as ``plugin_id``."""
    return _decorator("datasets", plugin_id)


def embedding(plugin_id: str) -> Callable[[_P], _P]:
    """Register an :class:`Embedding` class as ``plugin_id``."""
    return _decorator("embeddings", plugin_id)
