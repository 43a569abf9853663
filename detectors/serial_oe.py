"""SerialOE: embeddings that tell a machine from other machines, and an inlier model on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from asdbench.api import ClipSet, Condition, Context, Detector, DetectorInfo, Embedded
from asdbench.errors import DataError, PluginError
from asdbench.features import mel_edges

from ._serial_oe_crops import Crops, band_gain, deviation
from ._serial_oe_inlier import Measure, inlier_model
from ._serial_oe_material import Material, class_numbers, learned_from
from ._serial_oe_network import EMBEDDING, Extractor
from ._serial_oe_params import LEAST_SIZE, SerialOEParams
from ._serial_oe_training import Plan, train_extractor


@dataclass(frozen=True)
class _Normal:
    """A training clip, as the inlier models need to know it."""

    section: str
    is_target: bool
    held_out: bool


@dataclass(frozen=True)
class _Machine:
    """What :meth:`SerialOE.fit` learns of one machine."""

    extractor: Extractor
    deviation: float  # of the waveforms of all training clips
    normals: list[_Normal]
    embedded: Embedded  # segments of the training clips
    seed: int
    measures: dict[str, Measure] = field(default_factory=dict)  # by section, once needed


class SerialOE(Detector):
    """Outlier exposure in two steps: a feature extractor, then a model of normal features.

    For each machine, EfficientNet-B0 learns to tell crops of the machine's normal clips from
    crops of the other machines' normal clips, and its sections from each other. Each section's
    embeddings of normal segments are then modeled by a Gaussian mixture (or kept as they are). A
    clip's score is the mean over its segments of their negative log-likelihood (or of their mean
    distance to the nearest).

    Scores of one machine are not on the scale of another's, so there is no common threshold:
    :meth:`decide` returns None.

    References
    ----------
    I. Kuroyanagi et al., "Improvement of serial approach to anomalous sound detection by
    incorporating two binary cross-entropies for outlier exposure", EUSIPCO 2022; T. Fujimura et
    al., "Discriminative neighborhood smoothing for generative anomalous sound detection", sections
    II.B and IV.A (equations 3-6; their equation 5 lacks the minus sign).

    Deviations
    ----------
    From paper and recipe: EfficientNet starts from random weights unless ``weights`` names
    ImageNet's. Mel bands lie on the Slaney scale instead of the HTK scale, because their frames
    are computed once for all (filters of unit height and the division by the window's norm are
    as in the recipe). Crops are cut out of the clip's frames, not out of the waveform, and mixup
    mixes magnitudes, not waveforms. Batches of an epoch are of like size; the last epoch's
    weights are kept, not those of the lowest validation loss. The machine logit starts as the
    mean square of the embedding. With one class the section term vanishes.

    From the recipe: target clips that the extractor does not learn from all count as held out
    (there: a third of them). From the smoothing paper: 85 % of each section's clips in each
    domain are learned from, so of three target clips all three (there: two).

    ``outliers="shifted"`` is an addition for data of one machine: crops of its own clips whose
    frequencies are multiplied by 1 to 4 semitones.
    """

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="serial-oe",
        version="1",
        params=SerialOEParams,
        description="SerialOE: EfficientNet trained with other machines as outliers, then GMM.",
        paper="Kuroyanagi et al., EUSIPCO 2022; Fujimura et al., neighborhood smoothing",
        scope="suite",
        score_params=frozenset(
            {"inlier", "inliers", "domain", "clusters", "reg_covar", "neighbors"}
        ),
    )
    check_params: ClassVar[Mapping[str, Any]] = {
        "epochs": 6,
        "batch_size": 16,
        "crop_seconds": 1.0,
        "segments": 3,
        "hop_length": 512,
        "n_mels": 32,
        "log": True,
        "width": 0.25,
        "depth": 0.25,
        "inliers": "all",
        "clusters": 1,
        "reg_covar": 0.01,
    }
    params: SerialOEParams

    def __init__(self, params: SerialOEParams) -> None:
        super().__init__(params)
        self._settings = params.settings()
        self._machines: dict[str, _Machine] | None = None

    def fit(self, train: ClipSet, context: Context) -> None:
        """Train one extractor for each machine of ``train``, and embed its clips.

        Raises
        ------
        DataError
            When there is but one machine and outliers are other machines; when a machine has no
            clips to learn from; when crops are too short for the network.
        """
        names = np.array([condition.machine for condition in train.conditions])
        machines = sorted(set(names.tolist()))
        if len(machines) == 1 and self.params.outliers == "machines":
            raise DataError(
                f"serial-oe: '{machines[0]}' is the only machine, so there are no other machines' "
                "clips to tell it from",
                "add machines to the suite, or set 'outliers: shifted': its own clips shifted in "
                "pitch",
            )
        learned = learned_from(
            train.conditions, self._settings.held_out, self._settings.train_domain, context.rng()
        )
        members = {name: np.flatnonzero(names == name) for name in machines}
        deviations = {name: deviation(train, members[name]) for name in machines}
        crops = self._crops(train, deviations)
        plan = self._plan(train.sample_rate)
        device = torch.device(context.device)
        fitted: dict[str, _Machine] = {}
        for number, name in enumerate(machines):
            seed = int(np.random.SeedSequence([context.seed, number]).generate_state(1)[0])
            positives = members[name][learned[members[name]]]
            others = np.flatnonzero((names != name) & learned)
            classes = class_numbers(
                [train.conditions[int(i)] for i in positives], self.params.classes == "attributes"
            )
            material = Material(positives, classes, others if plan.centers is None else positives)
            extractor = self._extractor(int(classes.max()) + 1)
            extractor.initialize(torch.Generator().manual_seed(seed))
            if self.params.weights is not None:
                extractor.load_backbone(self.params.weights)
            extractor.to(device)

            def progress(epoch: int, before: int = number * plan.epochs) -> None:
                context.progress(before + epoch, len(machines) * plan.epochs, "epoch")

            train_extractor(extractor, crops, material, plan, seed, device, progress)
            normals = [
                _Normal(condition.section, condition.domain == "target", not bool(learned[i]))
                for i in members[name].tolist()
                for condition in [train.conditions[i]]
            ]
            embedded = self._embed(extractor, crops, members[name], device)
            fitted[name] = _Machine(extractor.cpu(), deviations[name], normals, embedded, seed)
        self._machines = fitted

    def score(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        """Return the mean over segments of how far they lie from the section's normal ones.

        Raises
        ------
        DataError
            When a clip's machine or section was not in training, or the inlier model has fewer
            segments than it needs.
        """
        if len(clips) == 0:
            return np.zeros(0)
        self._check_known(clips.conditions)
        embedded = self.embed(clips, context)
        places = sorted({(c.machine, c.section) for c in clips.conditions})
        number = {place: i for i, place in enumerate(places)}
        clip_place = np.array([number[c.machine, c.section] for c in clips.conditions])
        row_place = clip_place[embedded.clip]
        far = np.empty(len(embedded.rows))
        for i, (machine, section) in enumerate(places):
            far[row_place == i] = self._measure(machine, section)(embedded.rows[row_place == i])
        means: NDArray[np.float64] = np.bincount(embedded.clip, far) / np.bincount(embedded.clip)
        return means

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        """Return the embeddings of the clips' segments, (rows, 128), each by its own machine.

        A clip as long as a segment, or shorter, has one row.
        """
        machines = self._check_known(clips.conditions)
        if len(clips) == 0:
            return Embedded.one_per_clip(np.zeros((0, EMBEDDING)))
        crops = self._crops(clips, {name: m.deviation for name, m in machines.items()})
        device = torch.device(context.device)
        names = np.array([condition.machine for condition in clips.conditions])
        rows, clip = [], []
        for name in sorted(set(names.tolist())):
            extractor = machines[name].extractor.to(device)
            indices = np.flatnonzero(names == name)
            part = self._embed(extractor, crops, indices, device)
            extractor.cpu()
            rows.append(part.rows)
            clip.append(indices[part.clip])
        order = np.argsort(np.concatenate(clip), kind="stable")
        return Embedded(np.concatenate(rows)[order], np.concatenate(clip)[order])

    def save(self, folder: Path) -> None:
        """Write ``model.safetensors`` and ``machines.json``."""
        tensors, described = {}, []
        for number, (name, machine) in enumerate(self._require_fitted().items()):
            for key, value in machine.extractor.state_dict().items():
                tensors[f"{number}/network/{key}"] = value.contiguous()
            tensors[f"{number}/rows"] = torch.from_numpy(machine.embedded.rows.astype(np.float32))
            tensors[f"{number}/clip"] = torch.from_numpy(machine.embedded.clip)
            described.append(
                {
                    "machine": name,
                    "classes": machine.extractor.section.out_features,
                    "deviation": machine.deviation,
                    "seed": machine.seed,
                    "normals": [asdict(normal) for normal in machine.normals],
                }
            )
        save_file(tensors, folder / "model.safetensors")
        (folder / "machines.json").write_text(json.dumps(described) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, params: SerialOEParams, context: Context) -> Self:
        """Return the detector that :meth:`save` wrote."""
        tensors = load_file(folder / "model.safetensors")
        loaded = cls(params)
        loaded._machines = {}
        for number, facts in enumerate(json.loads((folder / "machines.json").read_text("utf-8"))):
            extractor = loaded._extractor(facts["classes"])
            prefix = f"{number}/network/"
            extractor.load_state_dict(
                {
                    key.removeprefix(prefix): tensors[key]
                    for key in tensors
                    if key.startswith(prefix)
                }
            )
            rows = tensors[f"{number}/rows"].double().numpy()
            loaded._machines[facts["machine"]] = _Machine(
                extractor.eval(),
                facts["deviation"],
                [_Normal(**normal) for normal in facts["normals"]],
                Embedded(rows, tensors[f"{number}/clip"].numpy()),
                facts["seed"],
            )
        return loaded

    def _require_fitted(self) -> dict[str, _Machine]:
        if self._machines is None:
            raise PluginError("serial-oe is not fitted", "call fit() or load() first")
        return self._machines

    def _check_known(self, conditions: Sequence[Condition]) -> dict[str, _Machine]:
        machines = self._require_fitted()
        known = {(name, n.section) for name, machine in machines.items() for n in machine.normals}
        unknown = sorted({(c.machine, c.section) for c in conditions} - known)
        if unknown:
            raise DataError(
                f"serial-oe: {', '.join(map('/'.join, unknown))} was not in training",
                f"it knows the sections {', '.join(map('/'.join, sorted(known)))}",
            )
        return machines

    def _crops(self, clips: ClipSet, deviations: dict[str, float]) -> Crops:
        spec = self.params.log_mel()
        length = spec.frames(round(self._settings.crop_seconds * clips.sample_rate))
        if length < LEAST_SIZE:
            least = (LEAST_SIZE - 1) * spec.hop_length / clips.sample_rate
            raise DataError(
                f"serial-oe: crops of {self._settings.crop_seconds:g} s have {length} frames, and "
                f"the network needs {LEAST_SIZE}",
                f"set 'crop_seconds' to at least {least:.3g}, or lower 'hop_length'",
            )
        gain = np.array([1.0 / deviations[condition.machine] for condition in clips.conditions])
        return Crops(clips.features(spec), length, band_gain(clips.sample_rate, spec), gain)

    def _extractor(self, classes: int) -> Extractor:
        params = self.params
        return Extractor(classes, params.log, params.width or 1.0, params.depth or 1.0)

    def _plan(self, sample_rate: int) -> Plan:
        shifted = self.params.outliers == "shifted"
        return Plan(
            self._settings.epochs,
            self.params.batch_size,
            self.params.learning_rate,
            self._settings.lambda_section,
            self.params.mixup,
            mel_edges(sample_rate, self.params.log_mel())[1:-1] if shifted else None,
        )

    @torch.no_grad()
    def _embed(
        self, extractor: Extractor, crops: Crops, indices: NDArray[np.int64], device: torch.device
    ) -> Embedded:
        """Embed the segments of the clips at ``indices``; rows name their place in ``indices``."""
        rows, clip = [], []
        for place, index in enumerate(indices):  # one batch a clip: no clip sees another's rounding
            starts = crops.segments(int(index), self._settings.segments)
            mel = crops(np.full(len(starts), index), starts, device)
            rows.append(extractor.embed(mel).double().cpu().numpy())
            clip.append(np.full(len(starts), place, dtype=np.int64))
        return Embedded(np.concatenate(rows), np.concatenate(clip))

    def _measure(self, machine: str, section: str) -> Measure:
        fitted = self._require_fitted()[machine]
        if section not in fitted.measures:
            clusters, domain = self.params.inlier_data(machine)
            chosen = np.array(
                [
                    normal.section == section
                    and (domain == "all" or not normal.is_target)
                    and (self._settings.inliers == "all" or normal.held_out)
                    for normal in fitted.normals
                ]
            )
            fitted.measures[section] = inlier_model(
                self.params.inlier,
                fitted.embedded.rows[chosen[fitted.embedded.clip]],
                clusters if self.params.inlier == "gmm" else self.params.neighbors,
                self.params.reg_covar,
                fitted.seed,
                f"{machine}/{section}",
            )
        return fitted.measures[section]
