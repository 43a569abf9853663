from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from asdbench.api import Condition, Context, SupportsEmbedding
from asdbench.clips import ClipPool
from asdbench.detectors.serial_oe import SerialOE, SerialOEParams
from asdbench.errors import AsdbenchError, DataError, PluginError

RATE = 8000
PITCH = {"fan": 400.0, "pump": 900.0, "valve": 1700.0}
SMALL: dict[str, Any] = {
    "n_fft": 512,
    "hop_length": 128,
    "n_mels": 32,
    "fmax": 3900.0,
    "crop_seconds": 0.5,
    "segments": 3,
    "width": 0.1,
    "depth": 0.1,
    "batch_size": 16,
    "epochs": 2,
}
TRAINED: dict[str, Any] = {"epochs": 16, "held_out": 0.25, "learning_rate": 2e-3}


def hum(seed: int, pitch: float, samples: int = 6400, gain: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    tone = np.sin(2 * np.pi * pitch * rng.uniform(0.98, 1.02) * time + rng.uniform(0, 6))
    return (gain * 0.05 * (tone + 0.3 * rng.standard_normal(samples))).astype(np.float32)


def normals(
    machines: tuple[str, ...] = ("fan", "pump"),
    sections: int = 1,
    count: int = 12,
    targets: int = 2,
) -> ClipPool:
    """Return ``count`` clips a section; the last ``targets`` of each are of the target domain."""
    clips, conditions = [], []
    for machine in machines:
        for section in range(sections):
            for i in range(count):
                domain = "target" if i >= count - targets else "source"
                attribute = (("speed", str(i % 2)),)
                conditions.append(Condition(machine, f"{section:02d}", domain, attribute))
                pitch = PITCH[machine] * 1.2**section
                clips.append(hum(len(clips), pitch))
    return ClipPool.from_arrays(clips, RATE, conditions)


def pool(clips: list[np.ndarray], machine: str = "fan", section: str = "00") -> ClipPool:
    return ClipPool.from_arrays(clips, RATE, [Condition(machine, section)] * len(clips))


def fitted(tmp_path: Path, train: ClipPool | None = None, seed: int = 1, **params: Any) -> SerialOE:
    detector = SerialOE(SerialOEParams(**(SMALL | params)))
    detector.fit(train or normals(), Context(seed, tmp_path))
    return detector


def again(detector: SerialOE, folder: Path, **params: Any) -> SerialOE:
    """Return the detector after saving and loading, with other parameters."""
    folder.mkdir()
    detector.save(folder)
    changed = SerialOEParams(**(detector.params.model_dump() | params))
    return SerialOE.load(folder, changed, Context(0, folder))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SerialOE:
    """Barely trained on two machines of two sections."""
    return fitted(tmp_path_factory.mktemp("small"), normals(sections=2))


def test_presets_are_the_published_ones_and_can_be_overridden() -> None:
    recipe = SerialOEParams().settings()
    assert tuple(vars(recipe).values()) == (300, 2.0, 10, 10.0, 1 / 6, "source", "held_out")
    smoothing = SerialOEParams(preset="smoothing").settings()
    assert tuple(vars(smoothing).values()) == (150, 4.0, 7, 5.0, 0.15, "all", "all")
    changed = SerialOEParams(preset="smoothing", epochs=3, inliers="held_out").settings()
    assert (changed.epochs, changed.inliers, changed.segments) == (3, "held_out", 7)


def test_clusters_and_domain_follow_table_i_of_the_smoothing_paper() -> None:
    smoothing = SerialOEParams(preset="smoothing")
    assert smoothing.inlier_data("gearbox") == (32, "source")
    assert smoothing.inlier_data("slider") == (4, "all")
    assert smoothing.inlier_data("bearing") == (2, "all")
    assert SerialOEParams().inlier_data("gearbox") == (2, "all")
    changed = SerialOEParams(preset="smoothing", clusters=3, domain="all")
    assert changed.inlier_data("gearbox") == (3, "all")


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"n_mels": 31},
        {"inlier": "lof"},
        {"held_out": 1.0},
        {"fmax": 40.0},
        {"cluster": 2},
        {"weights": "x", "width": 0.5},
    ],
)
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SerialOEParams(**wrong)


def test_every_parameter_is_described() -> None:
    properties = SerialOEParams.model_json_schema()["properties"]
    assert all(field.get("description") for field in properties.values())


@pytest.mark.slow
def test_planted_anomalies_rank_above_normals(tmp_path: Path) -> None:
    detector = fitted(tmp_path, normals(("fan", "pump", "valve"), count=24), **TRAINED)
    normal = [hum(500 + i, 400.0) for i in range(8)]
    loud = [hum(600 + i, 400.0, gain=6.0) for i in range(8)]
    with_pump = [hum(600 + i, 400.0) + hum(700 + i, 900.0) for i in range(8)]
    for number, inlier in enumerate([{"inlier": "gmm"}, {"inlier": "knn", "inliers": "all"}]):
        ready = again(detector, tmp_path / str(number), **inlier)
        scores = ready.score(pool(normal + loud + with_pump), Context(0, tmp_path))
        assert (scores[:8, None] < scores[8:16]).mean() > 0.9
        assert (scores[:8, None] < scores[16:]).mean() > 0.75


@pytest.mark.slow
def test_shifted_outliers_serve_where_there_is_one_machine(tmp_path: Path) -> None:
    train = normals(("fan",), count=32)
    with pytest.raises(DataError, match=r"only machine.*\n.*outliers: shifted"):
        fitted(tmp_path, train)
    detector = fitted(tmp_path, train, outliers="shifted", **TRAINED)
    clips = [hum(500 + i, 400.0) for i in range(8)]
    clips += [hum(600 + i, 400.0) + hum(700 + i, 500.0) for i in range(8)]
    scores = detector.score(pool(clips), Context(0, tmp_path))
    assert (scores[:8, None] < scores[8:]).mean() > 0.75


def test_the_logarithm_can_be_taken(tmp_path: Path) -> None:
    clips = pool([hum(80 + i, 420.0) for i in range(2)])
    linear, log = (
        fitted(tmp_path, log=log, epochs=1).score(clips, Context(0, tmp_path))
        for log in (False, True)
    )
    assert np.isfinite(log).all()
    assert not np.allclose(linear, log)


def test_scores_are_the_same_in_any_company_and_order(small: SerialOE, tmp_path: Path) -> None:
    lengths = [6400, 3000, 4000, 9000, 7777, 4100]
    clips = [hum(i, 400.0, samples) for i, samples in enumerate(lengths)]
    places = [("fan", "00"), ("pump", "01"), ("fan", "01"), ("fan", "00"), ("pump", "00")]
    conditions = [Condition(*place) for place in [*places, ("fan", "00")]]
    mixed = ClipPool.from_arrays(clips, RATE, conditions)
    together = small.score(mixed, Context(0, tmp_path))
    assert together.dtype == np.float64
    assert np.isfinite(together).all()
    order = [4, 0, 5, 2]
    part = small.score(mixed.subset(order), Context(9, tmp_path))
    np.testing.assert_allclose(part, together[order], rtol=1e-9)
    alone = [small.score(mixed.subset([i]), Context(0, tmp_path))[0] for i in range(len(clips))]
    np.testing.assert_allclose(alone, together, rtol=1e-9)
    assert small.score(mixed.subset([]), Context(0, tmp_path)).shape == (0,)


def test_embeddings_have_one_row_a_segment(small: SerialOE, tmp_path: Path) -> None:
    assert isinstance(small, SupportsEmbedding)
    clips = pool([hum(0, 400.0), hum(1, 400.0, 4000), hum(2, 400.0, 1500), hum(3, 400.0)])
    embedded = small.embed(clips, Context(0, tmp_path))
    assert embedded.clip.tolist() == [0, 0, 0, 1, 2, 3, 3, 3]
    assert embedded.rows.shape == (8, 128)
    assert np.isfinite(embedded.rows).all()
    assert small.embed(clips.subset([]), Context(0, tmp_path)).rows.shape == (0, 128)


def test_the_score_is_the_mean_over_segments(small: SerialOE, tmp_path: Path) -> None:
    knn = again(small, tmp_path / "knn", inlier="knn", neighbors=2, inliers="all", domain="source")
    clips = pool([hum(70, 400.0), hum(71, 500.0)], "pump", "01")
    rows = knn.embed(clips, Context(0, tmp_path))
    train = normals(sections=2)
    chosen = [
        i
        for i, c in enumerate(train.conditions)
        if (c.machine, c.section, c.domain) == ("pump", "01", "source")
    ]
    normal = knn.embed(train.subset(chosen), Context(0, tmp_path)).rows
    distances = np.linalg.norm(rows.rows[:, None] - normal, axis=2)
    nearest = np.sort(distances, axis=1)[:, :2].mean(1)
    expected = [nearest[rows.clip == clip].mean() for clip in range(2)]
    assert knn.score(clips, Context(0, tmp_path)) == pytest.approx(expected, rel=1e-6)


def test_inlier_parameters_share_one_fit(small: SerialOE, tmp_path: Path) -> None:
    clips = pool([hum(80 + i, 420.0) for i in range(3)])
    variants = [
        {},
        {"inliers": "all"},
        {"inliers": "all", "domain": "source"},
        {"inliers": "all", "clusters": 1},
        {"reg_covar": 1e-2},
        {"inlier": "knn"},
        {"inlier": "knn", "neighbors": 4},
    ]
    assert {name for variant in variants for name in variant} == SerialOE.info.score_params
    seen = set()
    for number, variant in enumerate(variants):
        ready = again(small, tmp_path / str(number), **variant)
        seen.add(tuple(ready.score(clips, Context(0, tmp_path))))
    assert len(seen) == len(variants)


def test_the_same_seed_gives_the_same_scores_and_global_state_stays(tmp_path: Path) -> None:
    clips = pool([hum(90 + i, 430.0) for i in range(3)])
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    scores = []
    for seed in (1, 1, 2):
        scores.append(fitted(tmp_path, seed=seed, epochs=1).score(clips, Context(0, tmp_path)))
        torch.rand(3 - seed)  # had training drawn from the global state, this would show
        torch.set_rng_state(before[0])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


def test_saved_and_loaded_it_scores_alike_without_its_weights(tmp_path: Path) -> None:
    detector = fitted(tmp_path, epochs=1)
    clips = pool([hum(95 + i, 440.0) for i in range(3)])
    loaded = again(detector, tmp_path / "saved")
    expected = detector.score(clips, Context(0, tmp_path))
    np.testing.assert_array_equal(loaded.score(clips, Context(3, tmp_path)), expected)
    names = sorted(file.name for file in (tmp_path / "saved").iterdir())
    assert names == ["machines.json", "model.safetensors"]


def test_unknown_machines_and_sections_are_errors(small: SerialOE, tmp_path: Path) -> None:
    clip = [hum(0, 400.0)]
    for place in (("fan", "07"), ("slider", "00")):
        with pytest.raises(
            DataError, match=rf"{place[0]}/{place[1]} was not in training\n.*fan/00"
        ):
            small.score(pool(clip, *place), Context(0, tmp_path))


def test_too_few_segments_for_the_inlier_model_are_an_error(
    small: SerialOE, tmp_path: Path
) -> None:
    clips = pool([hum(0, 400.0)])
    for number, inlier in enumerate([{"clusters": 200}, {"inlier": "knn", "neighbors": 200}]):
        ready = again(small, tmp_path / str(number), **inlier)
        with pytest.raises(DataError, match=r"fan/00 are too few .*=200.*\n.*inliers: all"):
            ready.score(clips, Context(0, tmp_path))


def test_target_clips_alone_are_nothing_to_learn_from(tmp_path: Path) -> None:
    train = normals(count=6, targets=6)
    with pytest.raises(DataError, match=r"only target clips of fan, pump\n.*train_domain: all"):
        fitted(tmp_path, train)
    detector = fitted(tmp_path, train, train_domain="all", inliers="all", epochs=1)
    assert np.isfinite(detector.score(train, Context(0, tmp_path))).all()


def test_crops_too_short_for_the_network_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"have 16 frames.*32\n.*at least 0.496"):
        fitted(tmp_path, crop_seconds=0.25)


def test_bands_above_half_the_sample_rate_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="7800 Hz do not exist"):
        fitted(tmp_path, fmax=7800.0)


def test_silent_training_clips_give_finite_scores(tmp_path: Path) -> None:
    conditions = [Condition(name, "00", "source") for name in ("fan", "pump") for _ in range(8)]
    silent = ClipPool.from_arrays([np.zeros(6400, np.float32)] * 16, RATE, conditions)
    detector = fitted(tmp_path, silent, epochs=1)
    scores = detector.score(pool([np.zeros(6400, np.float32), hum(0, 400.0)]), Context(0, tmp_path))
    assert np.isfinite(scores).all()


def test_diverging_training_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AsdbenchError, match=r"not finite in epoch .*\n.*learning_rate"):
        fitted(tmp_path, learning_rate=1e30)


def test_unfitted_detector_says_so(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="not fitted"):
        SerialOE(SerialOEParams()).embed(pool([hum(0, 400.0)]), Context(0, tmp_path))


def test_progress_counts_the_epochs_of_all_machines(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    detector = SerialOE(SerialOEParams(**SMALL))
    detector.fit(normals(), Context(0, tmp_path, progress=lambda *step: seen.append(step)))
    assert seen == [(i, 4, "epoch") for i in range(1, 5)]
