from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from asdbench.api import Condition, Context, SupportsEmbedding
from asdbench.clips import ClipPool
from asdbench.detectors._mobilenet_network import FEATURES, MobileNetV2Network
from asdbench.detectors.mobilenet_v2 import MobileNetV2, MobileNetV2Params
from asdbench.errors import AsdbenchError, DataError, PluginError

RATE = 8000
TONES = {"00": 250.0, "01": 3000.0}
SMALL: dict[str, Any] = {
    "n_fft": 256,
    "hop_length": 128,
    "n_mels": 16,
    "frames": 16,
    "train_hop": 8,
    "test_hop": 4,
    "epochs": 1,
    "batch_size": 64,
    "learning_rate": 3e-3,
}
TRAINED = 30
"""Epochs, of one step or two each, after which the network tells the tones apart."""


def hum(seed: int, tone: float, samples: int = RATE // 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    wave = np.sin(2 * np.pi * tone * rng.uniform(0.97, 1.03) * time + rng.uniform(0, 6))
    return (0.05 * wave + 0.005 * rng.standard_normal(samples)).astype(np.float32)


def pool(made: list[tuple[np.ndarray, Condition]]) -> ClipPool:
    return ClipPool.from_arrays([clip for clip, _ in made], RATE, [one for _, one in made])


def sections(count: int, first: int = 0, names: tuple[str, ...] = ("00", "01")) -> ClipPool:
    """Return ``count`` normal clips of each section."""
    return pool(
        [
            (hum(first + i, TONES[name]), Condition("fan", name, "source"))
            for name in names
            for i in range(count)
        ]
    )


def speeds(count: int) -> ClipPool:
    """Return ``count`` clips of each of two attributes of one section."""
    return pool(
        [
            (hum(i, tone), Condition("fan", "00", "source", (("vel", speed),)))
            for speed, tone in (("6", 250.0), ("10", 3000.0))
            for i in range(count)
        ]
    )


def fitted(
    tmp_path: Path, train: ClipPool | None = None, seed: int = 1, **params: Any
) -> MobileNetV2:
    detector = MobileNetV2(MobileNetV2Params(**(SMALL | params)))
    detector.fit(train or sections(6), Context(seed, tmp_path))
    return detector


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> MobileNetV2:
    torch.set_num_threads(1)
    return fitted(tmp_path_factory.mktemp("trained"), sections(8), epochs=TRAINED)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [("mimii-dg", (1e-4, 128, 20, 16, 16, "none")), ("dcase2022", (1e-5, 32, 20, 8, 1, "clips"))],
)
def test_presets_are_the_published_ones_and_can_be_overridden(
    preset: Any, expected: tuple[object, ...]
) -> None:
    assert tuple(vars(MobileNetV2Params(preset=preset).settings()).values()) == expected
    overridden = MobileNetV2Params(preset=preset, epochs=3, test_hop=5).settings()
    assert (overridden.epochs, overridden.test_hop) == (3, 5)
    assert overridden.learning_rate == expected[0]


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"preset": "keras"}, {"hop": 1}, {"n_fft": 7}])
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MobileNetV2Params(**wrong)


def test_every_parameter_is_described() -> None:
    properties = MobileNetV2Params.model_json_schema()["properties"]
    assert all(field.get("description") for field in properties.values())
    assert MobileNetV2.info.id == "mobilenet-v2"
    assert MobileNetV2.info.score_params == {"test_hop"}


def test_clips_that_are_hard_to_place_rank_above_normals(
    tmp_path: Path, trained: MobileNetV2
) -> None:
    normal = sections(6, first=100)
    # Each sounds like the other section.
    odd = pool([(hum(200 + i, TONES["01"]), Condition("fan", "00")) for i in range(4)])
    scores, odd_scores = (trained.score(clips, Context(0, tmp_path)) for clips in (normal, odd))
    assert scores.dtype == np.float64
    assert scores.shape == (12,)
    assert odd_scores.min() > scores.max()
    assert trained.decide(odd_scores).all()


def test_the_score_is_the_mean_log_odds_of_the_own_section(
    tmp_path: Path, trained: MobileNetV2
) -> None:
    clips = pool(
        [
            (hum(1, 500.0), Condition("fan", "01")),
            (hum(2, 500.0, samples=3001), Condition("fan", "00")),
        ]
    )
    frames = clips.features(trained.params.log_mel())
    scores = trained.score(clips, Context(0, tmp_path))
    for clip, own in enumerate((1, 0)):
        level = frames.clip(clip)
        x = torch.stack(
            [torch.tensor(level[t : t + 16])[None] for t in range(0, len(level) - 15, 4)]
        )
        with torch.no_grad():
            p = trained._fitted.network(x).double().softmax(1)[:, own]
        expected = (torch.log(1 - p) - torch.log(p)).mean().item()
        assert scores[clip] == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_a_clip_is_scored_alike_in_any_company(tmp_path: Path, trained: MobileNetV2) -> None:
    clips = pool(
        [
            (hum(50 + i, 400.0 + 200 * i, 2200 + 517 * i), Condition("fan", f"0{i % 2}"))
            for i in range(7)
        ]
    )
    context = Context(0, tmp_path)
    together, rows = trained.score(clips, context), trained.embed(clips, context).rows
    order = [5, 0, 6, 2]
    chosen = clips.subset(order)
    assert trained.score(chosen, Context(9, tmp_path)).tolist() == together[order].tolist()
    assert np.array_equal(trained.embed(chosen, context).rows, rows[order])
    assert trained.score(clips.subset([]), context).shape == (0,)
    assert trained.embed(clips.subset([]), context).rows.shape == (0, FEATURES)
    assert rows.shape == (7, FEATURES)
    assert isinstance(trained, SupportsEmbedding)


def test_the_embedding_separates_the_sections(tmp_path: Path, trained: MobileNetV2) -> None:
    rows = trained.embed(sections(4, first=300), Context(0, tmp_path)).rows
    gaps = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    assert gaps[:4, 4:].min() > gaps[:4, :4].max()


def test_decisions_flag_about_a_tenth_of_training_clips(
    tmp_path: Path, trained: MobileNetV2
) -> None:
    detector = MobileNetV2(trained.params.model_copy(update={"test_hop": 8}))
    detector._fitted = trained._fitted
    flagged = detector.decide(detector.score(sections(8), Context(0, tmp_path)))
    assert 0.02 <= flagged.mean() <= 0.25
    value = np.array([trained._fitted.threshold.value])
    assert not trained.decide(value)[0]
    assert trained.decide(np.nextafter(value, np.inf))[0]


def test_same_seed_same_scores_and_no_global_randomness(tmp_path: Path) -> None:
    clips = sections(3)
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002
    torch_state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    scores = [
        fitted(tmp_path, seed=seed).score(clips, Context(0, tmp_path)) for seed in (3, 3, 2**64 - 1)
    ]
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert scores[0].tolist() == scores[1].tolist()
    assert not np.array_equal(scores[0], scores[2])


def test_saved_detector_scores_bit_for_bit(tmp_path: Path) -> None:
    detector = fitted(tmp_path, speeds(4), classes="attributes")
    folder, again = tmp_path / "model", tmp_path / "again"
    for path in (folder, again):
        path.mkdir()
    detector.save(folder)
    loaded = MobileNetV2.load(folder, detector.params, Context(0, tmp_path))
    clips, context = speeds(3), Context(0, tmp_path)
    scores = detector.score(clips, context)
    assert loaded.score(clips, context).tolist() == scores.tolist()
    assert loaded.decide(scores).tolist() == detector.decide(scores).tolist()
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}
    loaded.save(again)
    digests = [
        [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(one.iterdir())]
        for one in (folder, again)
    ]
    assert digests[0] == digests[1]


def test_clips_of_one_section_have_nothing_to_be_told_apart_by(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)one class \(fan/00/-/-\).*classes: attributes"):
        fitted(tmp_path, sections(4, names=("00",)))
    with pytest.raises(DataError, match=r"(?s)one class.*several machines or sections"):
        fitted(tmp_path, sections(4, names=("00",)), classes="machine-section")
    with pytest.raises(DataError, match=r"(?s)one class.*dcase-ae"):
        fitted(tmp_path, sections(4, names=("00",)), classes="attributes")


def test_a_clip_of_an_unknown_section_is_an_error(tmp_path: Path, trained: MobileNetV2) -> None:
    strange = pool([(hum(1, 250.0), Condition("fan", name)) for name in ("00", "03")])
    with pytest.raises(DataError, match=r"clip 1 is of section fan/03.*\n.*fan/00, fan/01"):
        trained.score(strange, Context(0, tmp_path))
    assert np.isfinite(trained.embed(strange, Context(0, tmp_path)).rows).all()


def test_attributes_serve_as_classes(tmp_path: Path) -> None:
    detector = fitted(tmp_path, speeds(8), classes="attributes", epochs=TRAINED)
    assert [c.attributes for c in detector._fitted.classes] == [
        (("vel", "10"),),
        (("vel", "6"),),
    ]

    def score(tone: float, speed: str | None) -> float:
        attributes = () if speed is None else (("vel", speed),)
        clip = pool([(hum(400, tone), Condition("fan", "00", None, attributes))])
        return float(detector.score(clip, Context(0, tmp_path))[0])

    assert score(250.0, "6") < score(3000.0, "6")
    # Attributes never heard, or not told: the class of the section that fits best.
    for unknown in ("8", None):
        assert score(250.0, unknown) == score(250.0, "6")
        assert score(3000.0, unknown) == score(3000.0, "10")


def test_machines_with_one_section_each_are_told_apart(tmp_path: Path) -> None:
    def clips(first: int, count: int, swapped: bool = False) -> ClipPool:
        tones = (3000.0, 250.0) if swapped else (250.0, 3000.0)
        return pool(
            [
                (hum(first + i, tone), Condition(machine, "00"))
                for machine, tone in zip(("fan", "pump"), tones, strict=True)
                for i in range(count)
            ]
        )

    detector = fitted(tmp_path, clips(0, 8), classes="machine-section", epochs=TRAINED)
    context = Context(0, tmp_path)
    normal, odd = (detector.score(clips(100, 3, swapped), context) for swapped in (False, True))
    assert odd.min() > normal.max()
    with pytest.raises(DataError, match=r"valve/00.*\n.*fan/00, pump/00"):
        detector.score(pool([(hum(1, 250.0), Condition("valve", "00"))]), context)


def test_validation_withholds_the_last_clips(tmp_path: Path) -> None:
    # The last tenth is never trained on, so what it holds must not move the weights.
    clips = [(hum(i, TONES[name]), Condition("fan", name)) for name in ("00", "01") for i in (1, 2)]
    clips += [(hum(i, TONES["01"]), Condition("fan", "01")) for i in range(3, 9)]
    other = [*clips[:-1], (hum(5, 1000.0), Condition("fan", "01"))]
    same, moved = (
        [
            fitted(tmp_path, pool(made), validation=validation)._fitted.network.state_dict()
            for made in (clips, other)
        ]
        for validation in ("clips", "none")
    )
    assert all(torch.equal(same[0][name], same[1][name]) for name in same[0])
    assert not all(torch.equal(moved[0][name], moved[1][name]) for name in moved[0])


def test_a_class_that_is_withheld_altogether_is_an_error(tmp_path: Path) -> None:
    clips = [(hum(i, 250.0), Condition("fan", "00")) for i in range(19)]
    clips.append((hum(1, 3000.0), Condition("fan", "01")))
    with pytest.raises(DataError, match=r"fan/01.*\n.*validation: none"):
        fitted(tmp_path, pool(clips), validation="clips")


def test_normalization_has_the_statistics_of_the_training_windows(tmp_path: Path) -> None:
    detector = fitted(tmp_path, sections(4), batch_size=1000, learning_rate=1e-12)
    windows = sections(4).features(detector.params.log_mel()).windows(16, 8)
    x = torch.from_numpy(windows.view[windows.starts]).view(-1, 1, 16, 16)
    stem = detector._fitted.network.stem
    untrained = MobileNetV2Network(2)
    untrained.initialize(torch.Generator().manual_seed(1))
    untrained.stem.norm.momentum = 1.0
    with torch.no_grad():
        untrained.train().stem(x)
    assert torch.allclose(stem.norm.running_mean, untrained.stem.norm.running_mean, rtol=1e-3)
    assert torch.allclose(stem.norm.running_var, untrained.stem.norm.running_var, rtol=1e-3)


def test_progress_counts_epochs(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    detector = MobileNetV2(MobileNetV2Params(**(SMALL | {"epochs": 2})))
    detector.fit(sections(3), Context(1, tmp_path, progress=lambda *call: seen.append(call)))
    assert seen == [(1, 2, "epoch"), (2, 2, "epoch")]


def test_too_short_clips_are_named(tmp_path: Path, trained: MobileNetV2) -> None:
    clips = pool([(hum(i, 250.0, n), Condition("fan", "00")) for i, n in enumerate((4000, 1500))])
    with pytest.raises(DataError, match=r"1 of 2 clips .* 12 frames\n.*16 frames are needed"):
        trained.score(clips, Context(0, tmp_path))


def test_diverging_training_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AsdbenchError, match=r"not finite after epoch .*\n.*learning_rate"):
        fitted(tmp_path, learning_rate=1e38, epochs=5)


def test_unfitted_detector_says_so(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="not fitted"):
        MobileNetV2(MobileNetV2Params()).score(sections(1), Context(0, tmp_path))


def test_silent_clips_give_finite_scores(tmp_path: Path) -> None:
    silent = pool([(np.zeros(4000, np.float32), Condition("fan", f"0{i % 2}")) for i in range(6)])
    detector = fitted(tmp_path, silent)
    scores = detector.score(silent, Context(0, tmp_path))
    assert np.isfinite(scores).all()
    assert np.isfinite(detector._fitted.threshold.value)
