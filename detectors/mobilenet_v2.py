"""The MobileNetV2 baseline of DCASE 2022 Task 2 and of the MIMII DG paper."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from asdbench.api import ClipSet, Condition, Context, Detector, DetectorInfo, Embedded, Scope
from asdbench.errors import DataError, PluginError
from asdbench.features import Windows

from ._ae_batches import WindowGather
from ._gamma_threshold import Threshold, gamma_threshold
from ._mobilenet_classes import admissible, class_of, find_classes
from ._mobilenet_inference import Classifier
from ._mobilenet_network import FEATURES, MobileNetV2Network
from ._mobilenet_params import MobileNetV2Params
from ._mobilenet_scores import clip_features, clip_scores
from ._mobilenet_training import train_classifier
from ._windows import windows_of


@dataclass(frozen=True)
class _Fitted:
    """What :meth:`MobileNetV2.fit` learns."""

    network: MobileNetV2Network
    classes: tuple[Condition, ...]
    threshold: Threshold


class MobileNetV2(Detector):
    """The section classifier that DCASE 2022 Task 2 has as its second baseline.

    It learns from windows of 64 log-mel frames of normal sound which section they are of. The
    score of a clip is the mean over its windows of log((1 - p) / p), p being the probability of
    the clip's own section: an anomalous clip is hard to place. A clip is called anomalous when
    its score is above the 90 % quantile of a gamma distribution fitted to scores of training
    clips.

    References
    ----------
    K. Dohi et al., "MIMII DG: Sound dataset for malfunctioning industrial machine investigation
    and inspection for domain generalization task", DCASE Workshop 2022, section 4.1; K. Dohi et
    al., "Description and discussion on DCASE 2022 Challenge Task 2", DCASE Workshop 2022.

    Deviations
    ----------
    From the paper, none known: it does not say what was withheld from training (``mimii-dg``
    withholds nothing) nor how windows lie when scoring (as in training).

    From the official code: the threshold is fitted to scores computed as those of test clips are
    (the code misplaces a parenthesis in training, so that its threshold lies on another scale);
    log((1 - p) / p) is computed from the logits in float64 (the code's float32 probabilities are
    1 beyond a score of about -17, which it then counts as -36); the statistics of batch
    normalization are taken with the final weights, which matters where training is short (see
    ``train_classifier``); a clip of an unknown section is an error instead
    of NaN; clips may have unequal lengths; a last batch of one window is left out.
    """

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="mobilenet-v2",
        version="1",
        params=MobileNetV2Params,
        description="Section classifier of DCASE 2022 Task 2; scores how hard a clip is to place.",
        paper="Dohi et al., MIMII DG, DCASE Workshop 2022, section 4.1",
        scope="machine",
        score_params=frozenset({"test_hop"}),
    )
    check_params: ClassVar[Mapping[str, Any]] = {
        "classes": "attributes",
        "frames": 32,
        "train_hop": 8,
        "test_hop": 8,
        "n_mels": 32,
        "learning_rate": 1e-3,
        "batch_size": 64,
        "epochs": 12,
    }
    params: MobileNetV2Params

    def __init__(self, params: MobileNetV2Params) -> None:
        super().__init__(params)
        self._settings = params.settings()
        self._fitted: _Fitted | None = None

    @classmethod
    def scope(cls, params: MobileNetV2Params) -> Scope:
        """Return ``suite`` where machines are told apart, ``machine`` otherwise."""
        return "suite" if params.classes == "machine-section" else "machine"

    def fit(self, train: ClipSet, context: Context) -> None:
        """Train the network, then fit the threshold.

        Raises
        ------
        DataError
            When there are fewer than two classes, a class has all its clips withheld, or a clip
            is shorter than a window.
        """
        classes = find_classes(train.conditions, self.params.classes)
        index = {key: number for number, key in enumerate(classes)}
        own = np.array([index[class_of(one, self.params.classes)] for one in train.conditions])
        kept = np.arange(len(train)) < self._kept(len(train))
        absent = sorted(set(own) - set(own[kept]))
        if absent:
            raise DataError(
                f"mobilenet-v2: every clip of class {classes[absent[0]]} lies in the last tenth "
                "of the training clips, which 'validation: clips' withholds",
                "set 'validation: none' to train on all clips",
            )
        windows, gather = self._windows(train, self._settings.train_hop, context)
        generator = torch.Generator().manual_seed(context.seed)
        network = MobileNetV2Network(len(classes))
        network.initialize(generator)
        network.to(context.device)
        chosen = kept[windows.clip]
        train_classifier(
            network,
            gather,
            self.params.n_mels,
            torch.from_numpy(windows.starts[chosen]),
            torch.from_numpy(own[windows.clip[chosen]]),
            self._settings,
            generator,
            context.progress,
        )
        network.to("cpu")
        classifier = Classifier(network, torch.device(context.device))
        allowed = own[:, None] == np.arange(len(classes))
        scores = clip_scores(classifier, gather, self.params.n_mels, windows, allowed)
        self._fitted = _Fitted(network, classes, gamma_threshold(scores))

    def score(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        """Return log((1 - p) / p) of each clip's class. A score depends on that clip alone.

        With ``classes: attributes`` a clip whose attributes were not trained on is scored by the
        class of its section that fits it best.

        Raises
        ------
        DataError
            When a clip is of a section that was not trained on, or shorter than a window.
        """
        fitted = self._require_fitted()
        if len(clips) == 0:
            return np.zeros(0)
        allowed = admissible(clips.conditions, fitted.classes, self.params.classes)
        windows, gather = self._windows(clips, self._settings.test_hop, context)
        classifier = Classifier(fitted.network, torch.device(context.device))
        return clip_scores(classifier, gather, self.params.n_mels, windows, allowed)

    def decide(self, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return True where a score is above (not at) the threshold."""
        return scores > self._require_fitted().threshold.value

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        """Return the pooled features of each clip, averaged over its windows, (clips, 1280).

        Clips of any section will do.
        """
        fitted = self._require_fitted()
        rows = np.zeros((len(clips), FEATURES))
        if len(clips):
            windows, gather = self._windows(clips, self._settings.test_hop, context)
            classifier = Classifier(fitted.network, torch.device(context.device))
            found = clip_features(classifier, gather, self.params.n_mels, windows, len(clips))
            for clip, features in enumerate(found):
                rows[clip] = features.double().mean(0).cpu().numpy()
        return Embedded.one_per_clip(rows)

    def save(self, folder: Path) -> None:
        """Write ``model.safetensors`` and ``model.json`` (classes and threshold)."""
        fitted = self._require_fitted()
        tensors = {name: value.contiguous() for name, value in fitted.network.state_dict().items()}
        save_file(tensors, folder / "model.safetensors")
        saved = {
            "classes": [[c.machine, c.section, c.attributes] for c in fitted.classes],
            "threshold": asdict(fitted.threshold),
        }
        (folder / "model.json").write_text(json.dumps(saved) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, params: MobileNetV2Params, context: Context) -> Self:
        """Return the detector that :meth:`save` wrote."""
        saved = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        classes = tuple(
            Condition(machine, section, None, tuple((name, value) for name, value in attributes))
            for machine, section, attributes in saved["classes"]
        )
        network = MobileNetV2Network(len(classes))
        network.load_state_dict(load_file(folder / "model.safetensors"))
        network.eval()
        loaded = cls(params)
        loaded._fitted = _Fitted(network, classes, Threshold(**saved["threshold"]))
        return loaded

    def _require_fitted(self) -> _Fitted:
        if self._fitted is None:
            raise PluginError("mobilenet-v2 is not fitted", "call fit() or load() first")
        return self._fitted

    def _kept(self, clips: int) -> int:
        """Return how many of the first clips are trained on."""
        return clips if self._settings.validation == "none" else max(1, int(0.9 * clips))

    def _windows(self, clips: ClipSet, hop: int, context: Context) -> tuple[Windows, WindowGather]:
        params = self.params
        frames, windows = windows_of(self.info.id, clips, params.log_mel(), params.frames, hop)
        device = torch.device(context.device)
        return windows, WindowGather(frames.values, params.frames, device)
