"""Parameters of SerialOE, and what its paper and its authors' recipe set them to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from asdbench.api import Params
from asdbench.features import LogMelSpec

Domains = Literal["all", "source"]
Outliers = Literal["machines", "shifted"]
Inliers = Literal["held_out", "all"]

LEAST_SIZE = 32
"""Frames and bands that EfficientNet needs: it halves both five times."""

TABLE_I: dict[str, tuple[int, Domains]] = {
    "fan": (2, "source"),
    "gearbox": (32, "source"),
    "pump": (8, "source"),
    "slider": (4, "all"),
    "ToyCar": (4, "all"),
    "ToyTrain": (16, "source"),
    "valve": (2, "all"),
}
"""Clusters and domain of the inlier model, chosen on sections 00-02 of DCASE 2021 (smoothing paper,
Table I)."""


@dataclass(frozen=True)
class Preset:
    """How the extractor is trained, how clips are cut, and what the inlier model is given."""

    epochs: int
    crop_seconds: float
    segments: int
    lambda_section: float
    held_out: float
    train_domain: Domains
    inliers: Inliers


PRESETS = {
    "recipe": Preset(300, 2.0, 10, 10.0, 1 / 6, "source", "held_out"),
    "smoothing": Preset(150, 4.0, 7, 5.0, 0.15, "all", "all"),
}


class SerialOEParams(Params):
    """Parameters of ``serial-oe``; None means: as the preset has it."""

    preset: Literal["recipe", "smoothing"] = "recipe"
    """Whose settings to follow: the authors' DCASE 2022 recipe, or the neighborhood smoothing
    paper (DCASE 2021)."""
    outliers: Outliers = "machines"
    """What normal clips are told from: the other machines' normal clips, or, for data of one
    machine, the machine's own clips shifted in pitch."""
    classes: Literal["section", "attributes"] = "section"
    """What clips of the machine are told apart by: section, or section and attributes."""
    train_domain: Domains | None = None
    """Domain of the clips that the extractor learns from (recipe: source, smoothing: all)."""
    held_out: float | None = Field(None, ge=0.0, lt=1.0)
    """Share of each section's clips that the extractor never learns from (1/6 and 0.15)."""
    epochs: int | None = Field(None, ge=1)
    """Passes over the training clips of a machine (300 and 150)."""
    batch_size: int = Field(128, ge=4)
    """Crops in a mini-batch, half of them outliers."""
    learning_rate: float = Field(1e-3, gt=0.0)
    """Highest learning rate of the one-cycle schedule (AdamW, no weight decay)."""
    lambda_section: float | None = Field(None, ge=0.0)
    """Weight of the section loss (10 and 5)."""
    mixup: float = Field(0.2, ge=0.0)
    """Both parameters of mixup's beta distribution; 0 mixes nothing."""
    crop_seconds: float | None = Field(None, gt=0.0)
    """Length of a crop in training and of a segment in scoring (2 and 4 s)."""
    segments: int | None = Field(None, ge=1)
    """Segments that a clip is scored by, evenly spread (10 and 7)."""
    log: bool = False
    """Whether the network is given the logarithm of the mel spectrogram."""
    width: float | None = Field(None, gt=0.0, le=4.0)
    """Width coefficient of EfficientNet (1, which is B0)."""
    depth: float | None = Field(None, gt=0.0, le=4.0)
    """Depth coefficient of EfficientNet (1, which is B0)."""
    weights: str | None = None
    """Folder (or hub id) of pretrained weights of EfficientNet-B0, `model.safetensors`; None draws
    them."""
    n_fft: int = 2048
    """Window of the Fourier transform, samples."""
    hop_length: int = 256
    """Step of the Fourier transform, samples."""
    n_mels: int = Field(224, ge=LEAST_SIZE)
    """Mel bands."""
    fmin: float = 50.0
    """Lowest frequency of the mel bands, Hz."""
    fmax: float = 7800.0
    """Highest frequency of the mel bands, Hz."""
    inlier: Literal["gmm", "knn"] = "gmm"
    """Model of each section's embeddings: negative log-likelihood under a Gaussian mixture, or
    mean distance to the nearest ones."""
    inliers: Inliers | None = None
    """Whose embeddings it is given: clips that the extractor did not learn from (recipe), or all
    training clips (smoothing)."""
    domain: Domains | None = None
    """Domain of those clips (all; smoothing: Table I of the paper for its machines)."""
    clusters: int | None = Field(None, ge=1)
    """Components of the mixture (2; smoothing: Table I of the paper for its machines)."""
    reg_covar: float = Field(1e-6, gt=0.0)
    """Added to the diagonal of each component's covariance."""
    neighbors: int = Field(1, ge=1)
    """Neighbors of `inlier: knn`."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.log_mel()
        if self.weights is not None and (self.width or 1.0, self.depth or 1.0) != (1.0, 1.0):
            raise ValueError("weights are those of EfficientNet-B0: leave width and depth out")
        return self

    def settings(self) -> Preset:
        """Return the preset with what the parameters override."""
        fixed = asdict(PRESETS[self.preset])
        return Preset(**(fixed | self.model_dump(include=set(fixed), exclude_none=True)))

    def inlier_data(self, machine: str) -> tuple[int, Domains]:
        """Return the number of components and the domain of the inlier model of ``machine``."""
        chosen = TABLE_I if self.preset == "smoothing" else {}
        clusters, domain = chosen.get(machine, (2, "all"))
        return self.clusters or clusters, self.domain or domain

    def log_mel(self) -> LogMelSpec:
        """Return the features that these parameters ask for: mel magnitude, in dB."""
        return LogMelSpec(self.n_fft, self.hop_length, self.n_mels, self.fmin, self.fmax, power=1.0)
