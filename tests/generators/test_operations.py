"""Every operation does what it says, measured on the sound it makes."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from asdbench.generators._operations import (
    OPERATIONS,
    Impacts,
    Kind,
    Level,
    Modulation,
    Noise,
    Resonance,
    Speed,
)

RATE = 16000
KINDS = list(OPERATIONS)


def white(seconds: float = 4.0, rate: int = RATE) -> np.ndarray:
    return 0.05 * np.random.default_rng(5).standard_normal(int(seconds * rate))


def rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(audio**2)))


def level_db(audio: np.ndarray, reference: np.ndarray) -> float:
    return 20 * np.log10(rms(audio) / rms(reference))


def psd_db(audio: np.ndarray, rate: int = RATE) -> tuple[np.ndarray, np.ndarray]:
    frequency, power = scipy.signal.welch(audio, rate, nperseg=1024)
    return frequency, 10 * np.log10(power + 1e-30)


def apply(operation, audio, rate=RATE, seed=0):
    return operation.apply(audio, rate, np.random.default_rng(seed))


@pytest.mark.parametrize("factor", [0.88, 0.97, 1.03, 1.12])
def test_speed_moves_a_tone_by_its_factor(factor: float) -> None:
    t = np.arange(4 * RATE) / RATE
    out = apply(Speed(factor), np.sin(2 * np.pi * 1000 * t) + white() / 50)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    assert np.argmax(spectrum) / 4 == pytest.approx(1000 * factor, abs=0.5)
    assert len(out) == len(t)


def test_speed_moves_events_in_time() -> None:
    audio = white() / 1000
    audio[RATE] = audio[2 * RATE] = 1.0
    out = apply(Speed(1.1), audio)
    first, second = np.sort(np.argsort(np.abs(out))[-2:])
    assert second - first == pytest.approx(RATE / 1.1, abs=2)


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.2])
def test_speed_leaves_no_empty_band(factor: float) -> None:
    audio = white()
    frequency, before = psd_db(audio)
    _, after = psd_db(apply(Speed(factor), audio))
    inside = (frequency > 50) & (frequency < 7950)
    assert np.max(np.abs(after - before)[inside]) < 4.5  # an empty band is 20 dB and more
    assert np.mean((after - before)[frequency > 7000]) == pytest.approx(0.0, abs=0.4)


def test_modulation_has_its_rate_and_depth_and_keeps_the_power() -> None:
    audio = np.ones(4 * RATE)
    out = apply(Modulation(rate_hz=5.0, depth=0.4), audio)
    assert rms(out) == pytest.approx(1.0, abs=1e-6)
    lines = np.abs(np.fft.rfft(out)) / len(out)
    assert np.argmax(lines[1:]) + 1 == 5 * 4
    assert 2 * lines[20] / lines[0] == pytest.approx(0.4, abs=1e-6)


def test_resonance_lifts_its_frequency_by_its_gain_and_little_else() -> None:
    audio = white(20.0)
    frequency, before = psd_db(audio)
    _, after = psd_db(apply(Resonance(frequency_hz=2000.0, q=5.0, gain_db=10.0), audio))
    lift = after - before
    assert lift[np.argmin(np.abs(frequency - 2000))] == pytest.approx(10.0, abs=0.3)
    assert np.argmax(lift) == pytest.approx(np.argmin(np.abs(frequency - 2000)), abs=1)
    assert np.max(np.abs(lift[(frequency < 400) | (frequency > 7000)])) < 0.5


@pytest.mark.parametrize("regular", [True, False])
def test_impacts_have_their_level_frequency_and_count(regular: bool) -> None:
    audio = white(10.0)
    operation = Impacts(4.0, regular, frequency_hz=3000.0, decay_ms=3.0, level_db=-10.0)
    added = apply(operation, audio) - audio
    assert level_db(added, audio) == pytest.approx(-10.0, abs=1e-6)
    frequency, power = psd_db(added)
    assert frequency[np.argmax(power)] == pytest.approx(3000, abs=60)
    envelope = np.abs(added)
    peaks, _ = scipy.signal.find_peaks(envelope, height=0.3 * envelope.max(), distance=160)
    if regular:
        assert len(peaks) == 40
        assert np.diff(peaks) == pytest.approx(RATE / 4, abs=6)
    else:
        assert 20 <= len(peaks) <= 60
        assert np.std(np.diff(peaks)) > 0.2 * RATE / 4
    near = np.zeros(len(audio), bool)
    for peak in peaks:
        near[max(peak - 10, 0) : peak + 300] = True
    assert np.sum(added[near] ** 2) > 0.9 * np.sum(added**2)


def test_a_single_impact_at_the_very_end_is_no_giant() -> None:
    audio = white(0.2)
    operation = Impacts(1.0, False, frequency_hz=1000.0, decay_ms=20.0, level_db=-10.0)
    peaks = [np.max(np.abs(apply(operation, audio, seed=i) - audio)) for i in range(200)]
    assert max(peaks) < 3 * np.median(peaks)


def test_noise_has_its_band_and_level() -> None:
    audio = white(10.0)
    operation = Noise(low_hz=1000.0, high_hz=2000.0, level_db=-12.0)
    added = apply(operation, audio) - audio
    assert level_db(added, audio) == pytest.approx(-12.0, abs=1e-6)
    frequency, power = psd_db(added)
    inside = (frequency > 1050) & (frequency < 1950)
    outside = (frequency < 900) | (frequency > 2100)
    assert np.ptp(power[inside]) < 6.0  # flat, but for the variance of the estimate
    assert np.median(power[inside]) - np.max(power[outside]) > 30.0


def test_level_is_a_gain() -> None:
    audio = white()
    np.testing.assert_allclose(apply(Level(-6.0), audio), audio * 10 ** (-6 / 20))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [1000, 8000, 16000, 48000])
@pytest.mark.parametrize("strength", [0.01, 1.0, 2.0])
def test_what_is_drawn_can_be_applied(kind: Kind, rate: int, strength: float) -> None:
    audio = white(1.0, rate)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        operation = OPERATIONS[kind].draw(rng, rate, strength)
        out = operation.apply(audio, rate, rng)
        assert out.shape == audio.shape
        assert np.all(np.isfinite(out))
        assert not np.array_equal(out, audio)
        assert str(operation).startswith(f"{kind} ")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [1, 2, 3, 7, 100])
def test_very_short_and_silent_clips(kind: Kind, samples: int) -> None:
    for audio in (np.full(samples, 0.1), np.zeros(samples)):
        for seed in range(10):
            rng = np.random.default_rng(seed)
            out = OPERATIONS[kind].draw(rng, RATE, 1.0).apply(audio, RATE, rng)
            assert out.shape == audio.shape
            assert np.all(np.isfinite(out))


@pytest.mark.parametrize("kind", KINDS)
def test_a_stronger_operation_changes_more(kind: Kind) -> None:
    audio = white(1.0)
    spectra = {s: [] for s in (0.25, 1.0)}
    for strength, found in spectra.items():
        for seed in range(30):
            rng = np.random.default_rng(seed)
            out = OPERATIONS[kind].draw(rng, RATE, strength).apply(audio, RATE, rng)
            frames = np.abs(scipy.signal.stft(out, RATE, nperseg=512)[2])
            reference = np.abs(scipy.signal.stft(audio, RATE, nperseg=512)[2])
            found.append(np.mean(np.abs(frames - reference)))
    assert np.mean(spectra[1.0]) > 1.05 * np.mean(spectra[0.25])


def test_default_ranges() -> None:
    rng = np.random.default_rng(0)
    drawn = {kind: [op.draw(rng, RATE, 1.0) for _ in range(500)] for kind, op in OPERATIONS.items()}
    change = np.abs([op.factor - 1 for op in drawn["speed"]])
    assert change.min() >= 0.01 - 1e-12
    assert change.max() <= 0.1 + 1e-12
    assert {op.factor > 1 for op in drawn["speed"]} == {True, False}
    assert all(0.1 <= op.depth <= 0.5 and 2 <= op.rate_hz <= 30 for op in drawn["modulation"])
    assert all(
        3 <= op.gain_db <= 12 and 200 <= op.frequency_hz <= 6400 for op in drawn["resonance"]
    )
    assert all(-26 <= op.level_db <= -8 for op in drawn["impacts"])
    assert all(-26 <= op.level_db <= -8 and op.high_hz < RATE / 2 for op in drawn["noise"])
    assert all(1 <= abs(op.gain_db) <= 6 for op in drawn["level"])
