"""The pieces of SerialOE: crops, outliers, network, inlier model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from asdbench.api import Condition
from asdbench.clips import ClipPool
from asdbench.detectors._serial_oe_crops import Crops, band_gain, deviation
from asdbench.detectors._serial_oe_inlier import inlier_model
from asdbench.detectors._serial_oe_material import Material, class_numbers, learned_from
from asdbench.detectors._serial_oe_network import Extractor
from asdbench.detectors._serial_oe_outliers import draw_shifts, shift_pitch
from asdbench.detectors._serial_oe_params import SerialOEParams
from asdbench.detectors._serial_oe_training import Plan, _batch, _halves, _loss, _mix
from asdbench.errors import DataError, WeightsError
from asdbench.features import LogMelSpec, mel_edges

CPU = torch.device("cpu")
RATE = 8000
SPEC = LogMelSpec(n_fft=512, hop_length=128, n_mels=32, fmin=50.0, fmax=3900.0, power=1.0)


def small(classes: int = 2, seed: int = 0) -> Extractor:
    extractor = Extractor(classes, width=0.1, depth=0.1)
    extractor.initialize(torch.Generator().manual_seed(seed))
    return extractor


def crops_of(*clips: np.ndarray, length: int = 32, clip_gain: float = 1.0) -> Crops:
    conditions = [Condition("fan", "00")] * len(clips)
    frames = ClipPool.from_arrays(clips, RATE, conditions).features(SPEC)
    return Crops(frames, length, band_gain(RATE, SPEC), np.full(len(clips), clip_gain))


def noise(seed: int, samples: int = 8000) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32)


def test_crops_are_mel_magnitudes_under_filters_of_unit_height() -> None:
    wave = noise(0)
    mel = crops_of(wave, clip_gain=0.5)(np.array([0]), np.array([20]), CPU)[0]
    assert mel.shape == (32, 32)
    window = np.hanning(513)[:-1]
    spectra = [
        np.abs(np.fft.rfft(window * wave[at * 128 - 256 : at * 128 + 256])) for at in range(20, 52)
    ]
    edges, bins = mel_edges(RATE, SPEC), np.arange(257) * RATE / 512
    filters = [np.interp(bins, edges[i : i + 3], [0, 1, 0]) for i in range(32)]
    expected = 0.5 * np.array(filters) @ np.array(spectra).T / np.sqrt((window**2).sum())
    np.testing.assert_allclose(mel.numpy(), expected, rtol=2e-4)


def test_segments_are_evenly_spread_and_the_last_is_flush_right() -> None:
    crops = crops_of(noise(0), noise(1, 31 * 128), noise(2, 1000), noise(3, 33 * 128))
    assert crops.segments(0, 4).tolist() == [0, 10, 20, 31]  # 63 frames, 31 to spare
    assert crops.segments(0, 1).tolist() == [15]
    assert crops.segments(1, 4).tolist() == [0]
    assert crops.segments(2, 4).tolist() == [0]
    assert crops.segments(3, 4).tolist() == [0, 2]


def test_the_published_segments_overlap_as_published() -> None:
    for preset, hop in (("recipe", 55), ("smoothing", 62)):
        params = SerialOEParams(preset=preset)
        spec = params.log_mel()
        seconds, segments = params.settings().crop_seconds, params.settings().segments
        frames = ClipPool.from_arrays(
            [np.ones(160000, np.float32)], 16000, [Condition("fan", "00")]
        ).features(spec)
        crops = Crops(frames, spec.frames(round(seconds * 16000)), np.ones(224), np.ones(1))
        starts = crops.segments(0, segments)
        assert len(starts) == segments
        assert set(np.diff(starts)[:-1]) == {hop}  # 16 ms each
        assert starts[-1] + crops.length == 626


def test_a_short_clip_is_repeated() -> None:
    crops = crops_of(noise(0, 1300))
    count = int(crops.counts[0])
    mel = crops(np.array([0]), np.array([0]), CPU)[0]
    assert torch.equal(mel[:, count : 2 * count], mel[:, :count])
    rng = np.random.default_rng(0)
    assert crops.random_starts(np.zeros(5, np.int64), rng).tolist() == [0] * 5


def test_deviation_is_over_all_samples() -> None:
    clips = [3 * noise(0, 500) + 1, noise(1, 2000)]
    pool = ClipPool.from_arrays(clips, RATE, [Condition("fan", "00")] * 2)
    expected = np.concatenate(clips).astype(np.float64).std()
    assert deviation(pool, np.arange(2)) == pytest.approx(expected, rel=1e-6)
    silent = ClipPool.from_arrays([np.zeros(9, np.float32)], RATE, [Condition("fan", "00")])
    assert deviation(silent, np.arange(1)) == 1.0


def test_shifting_moves_a_peak_to_its_multiple() -> None:
    centers = mel_edges(RATE, SPEC)[1:-1]
    mel = torch.zeros(3, 32, 4)
    mel[:, 12] = 1.0
    factors = np.array([1.0, 1.25, 0.8])
    shifted = shift_pitch(mel, centers, factors)
    torch.testing.assert_close(shifted[0], mel[0])
    for row in (1, 2):
        peak = centers[shifted[row, :, 0].argmax()]
        nearest = np.abs(centers - factors[row] * centers[12]).min()
        assert abs(peak - factors[row] * centers[12]) <= nearest + 60.0  # a band is 60 Hz wide
    semitones = np.abs(12 * np.log2(draw_shifts(200, np.random.default_rng(0))))
    assert semitones.min() >= 1.0
    assert semitones.max() <= 4.0


def test_efficientnet_b0_has_its_parameters() -> None:
    before = torch.get_rng_state()
    extractor = Extractor(6)
    extractor.initialize(torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)
    assert sum(p.numel() for p in extractor.backbone.parameters()) == 4_007_548
    neck = sum(p.numel() for p in extractor.neck.parameters())
    assert neck == (1280 + 1) * 128 + 2 * 128 + 1 + (128 + 1) * 128
    assert extractor.section.weight.shape == (6, 128)
    assert all(torch.isfinite(tensor).all() for tensor in extractor.state_dict().values())


def test_the_network_is_that_of_three_equal_channels() -> None:
    extractor = small().eval()
    mel = torch.rand(2, 32, 40, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = extractor.backbone(mel[:, None].expand(-1, 3, -1, -1)).pooler_output
        torch.testing.assert_close(extractor.embed(mel), extractor.neck(whole))
        machine, _ = extractor(mel)
        torch.testing.assert_close(machine, extractor.embed(mel).square().mean(1))


def test_convolutions_see_channels_last_memory() -> None:
    extractor = small()
    formats = []
    for block in extractor.backbone.encoder.blocks:
        block.register_forward_hook(
            lambda _, inputs, output: formats.append(
                output.is_contiguous(memory_format=torch.channels_last)
            )
        )
    extractor.embed(torch.rand(2, 64, 64))
    assert formats
    assert all(formats)


def test_dropout_is_drawn_from_the_generator_and_has_mean_one() -> None:
    extractor = small()
    masks = [extractor.dropout_mask(500, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
    assert masks[0].mean().item() == pytest.approx(1.0, abs=0.02)


def test_weights_come_from_a_folder(tmp_path: Path) -> None:
    source = small(seed=3).backbone.state_dict()
    named = {f"efficientnet.{name}": value.contiguous() for name, value in source.items()}
    save_file(named | {"classifier.weight": torch.zeros(3)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    extractor = small(seed=4)
    extractor.load_backbone(str(tmp_path))
    for name, value in extractor.backbone.state_dict().items():
        assert torch.equal(value, source[name])
    with pytest.raises(WeightsError, match=r"not EfficientNet-B0.*\n.*google/efficientnet-b0"):
        Extractor(2, width=0.2, depth=0.1).load_backbone(str(tmp_path))


def test_absent_and_damaged_weights_are_errors(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no weights at.*\n.*google/efficientnet-b0"):
        small().load_backbone(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(WeightsError, match="no weights at"):
        small().load_backbone(str(tmp_path))


def test_a_share_of_each_group_is_held_out_and_targets_where_asked() -> None:
    conditions = [
        Condition(machine, section, domain)
        for machine in ("fan", "pump")
        for section in ("00", "01")
        for domain, count in (("source", 12), ("target", 3), (None, 1))
        for _ in range(count)
    ]
    source = learned_from(conditions, 0.25, "source", np.random.default_rng(0))
    everything = learned_from(conditions, 0.25, "all", np.random.default_rng(0))
    for machine in ("fan", "pump"):
        for section in ("00", "01"):
            own = np.array([(c.machine, c.section) == (machine, section) for c in conditions])
            target = np.array([c.domain == "target" for c in conditions])
            assert source[own & ~target].sum() == everything[own & ~target].sum() == 10
            assert source[own & target].sum() == 0
            assert everything[own & target].sum() == 2
    assert learned_from(conditions, 0.0, "all", np.random.default_rng(0)).all()


def test_classes_are_sections_or_sections_with_attributes() -> None:
    conditions = [
        Condition("fan", section, "source", (("speed", speed),))
        for section in ("03", "01")
        for speed in ("6", "10")
    ]
    assert class_numbers(conditions, False).tolist() == [1, 1, 0, 0]
    assert class_numbers(conditions, True).tolist() == [3, 2, 1, 0]


def plan(**changes: Any) -> Plan:
    values = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3, "lambda_section": 5.0}
    return Plan(**(values | {"mixup": 0.2, "centers": None} | changes))


def test_an_epoch_has_every_positive_once_with_as_many_outliers() -> None:
    material = Material(np.arange(10, 19), np.zeros(9, np.int64), np.array([1, 2, 3, 4]))
    halves = list(_halves(material, plan(), np.random.default_rng(0)))
    assert [len(places) for places, _ in halves] == [3, 3, 3]
    assert [len(outliers) for _, outliers in halves] == [3, 3, 3]
    assert sorted(np.concatenate([places for places, _ in halves])) == list(range(9))
    assert set(np.concatenate([outliers for _, outliers in halves])) == {1, 2, 3, 4}


def test_a_batch_is_positives_with_their_classes_then_outliers() -> None:
    crops = crops_of(*(noise(seed) for seed in range(5)))
    material = Material(np.array([0, 2]), np.array([1, 0]), np.array([3, 4]))
    rng = np.random.default_rng(0)
    places = np.array([1, 0])
    mel, machine, section = _batch(crops, material, plan(), places, np.array([3, 4]), rng, CPU)
    assert mel.shape == (4, 32, 32)
    assert machine.tolist() == [1, 1, 0, 0]
    assert section.tolist() == [[1, 0], [0, 1], [0, 0], [0, 0]]


def test_mixup_mixes_labels_as_it_mixes_crops() -> None:
    machine = torch.tensor([1.0, 1.0, 0.0, 0.0])
    section = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    marked = torch.cat([machine[:, None], section], 1)[..., None].expand(-1, -1, 5)
    rng = np.random.default_rng(0)
    mel, mixed_machine, mixed_section = _mix(marked, machine, section, 1.0, rng)
    torch.testing.assert_close(mel[:, 0, 2], mixed_machine)
    torch.testing.assert_close(mel[:, 1:, 4], mixed_section)
    assert ((mixed_machine > 0) & (mixed_machine < 1)).any()


def test_the_loss_is_equation_3() -> None:
    machine = torch.tensor([1.0, 0.3, 0.0])
    section = torch.tensor([[1.0, 0.0], [0.0, 0.3], [0.0, 0.0]])
    logit, logits = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([[1.0, -2.0], [0.1, 0.2], [9, 9]])

    def entropy(p: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        q = torch.sigmoid(x)
        return -(p * q.log() + (1 - p) * (1 - q).log())

    expected = entropy(machine, logit).mean() + 5 * entropy(section[:2], logits[:2]).mean()
    torch.testing.assert_close(_loss((logit, logits), machine, section, 5.0), expected)
    alone = _loss((logit, logits[:, :1]), machine, section[:, :1], 5.0)
    torch.testing.assert_close(alone, entropy(machine, logit).mean())


def test_inlier_models_measure_what_they_say() -> None:
    rng = np.random.default_rng(0)
    normal = rng.standard_normal((400, 3)) * [1.0, 2.0, 3.0]
    rows = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 3.0]])
    gmm = inlier_model("gmm", normal, 1, 1e-6, 0, "fan/00")(rows)
    centered = rows - normal.mean(0)
    covariance = np.cov(normal.T, bias=True) + 1e-6 * np.eye(3)
    squared = np.einsum("ij,jk,ik->i", centered, np.linalg.inv(covariance), centered)
    expected = 0.5 * (squared + np.linalg.slogdet(2 * np.pi * covariance)[1])
    np.testing.assert_allclose(gmm, expected, rtol=1e-9)
    knn = inlier_model("knn", normal, 3, 1e-6, 0, "fan/00")(rows)
    distances = np.sort(np.linalg.norm(rows[:, None] - normal, axis=2), axis=1)
    np.testing.assert_allclose(knn, distances[:, :3].mean(1), rtol=1e-9)


def test_a_mixture_of_few_or_equal_rows_is_defined_or_refused() -> None:
    same = np.ones((6, 4))
    assert np.isfinite(inlier_model("gmm", same, 2, 1e-6, 0, "fan/00")(np.eye(4))).all()
    with pytest.raises(DataError, match=r"1 segments of fan/00 .* at least 2"):
        inlier_model("gmm", same[:1], 1, 1e-6, 0, "fan/00")
