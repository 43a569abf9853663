"""Each fault changes the sound as the machine's physics say; shifts and SNRs are what they claim.

Faults are measured on pairs: the same recording of the machine alone, with and without the fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from scipy.signal import butter, get_window, hilbert, sosfiltfilt, welch

from asdbench.datasets.simulated import fan, gearbox, noise, slider
from asdbench.datasets.simulated import signals as sg
from asdbench.datasets.simulated.mix import (
    machine_sound,
    render,
    render_parts,
    section_power,
    snr_db,
)
from asdbench.datasets.simulated.plan import MODEL_VERSION, SAMPLE_RATE, SECTIONS, Fault
from asdbench.datasets.simulated.spec import ClipSpec, section_specs

SAMPLES = 6 * SAMPLE_RATE
Statistic = Callable[[np.ndarray, ClipSpec], float]


def spectrum(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    window = get_window("hann", len(audio))
    return (
        np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE),
        np.abs(np.fft.rfft(audio * window)) ** 2 / np.sum(window**2) / len(audio),
    )


def band_db(audio: np.ndarray, low: float, high: float) -> float:
    hertz, power = spectrum(audio)
    return float(10 * np.log10(power[(hertz >= low) & (hertz < high)].sum()))


def envelope_line_db(audio: np.ndarray, hertz: float, low: float, high: float) -> float:
    """Return how far the envelope's line within 1.5 % of ``hertz`` stands above its neighbors."""
    sos = butter(4, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")
    envelope = np.abs(hilbert(sosfiltfilt(sos, audio)))
    bins, power = spectrum(envelope - envelope.mean())
    near = np.abs(bins / hertz - 1)
    return float(10 * np.log10(power[near < 0.015].max() / np.median(power[near < 0.15])))


def kurtosis(audio: np.ndarray, low: float, high: float) -> float:
    sos = butter(4, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")
    band = sosfiltfilt(sos, audio)
    return float(np.mean(band**4) / np.mean(band**2) ** 2)


def blade_pass(audio: np.ndarray) -> float:
    hertz, power = spectrum(audio)
    near = np.abs(hertz / (fan.BLADES * fan.SHAFT_HZ) - 1) < 0.15
    return float(hertz[near][np.argmax(power[near])])


def off_blade_lines_db(audio: np.ndarray, spec: ClipSpec) -> float:
    """Return the power of the shaft's harmonics between blade-pass harmonics."""
    hertz, power = spectrum(audio)
    shaft = blade_pass(audio) / fan.BLADES
    order = hertz / shaft
    lines = [m for m in range(8, 28) if m % fan.BLADES]
    total = sum(power[np.abs(order - m) < 0.08].max() for m in lines)
    between = sum(np.median(power[np.abs(order - m - 0.5) < 0.3]) for m in lines)
    return float(10 * np.log10(total / between))


def krpm(spec: ClipSpec) -> float:
    return float(dict(spec.setting)["vel"]) * 1000 / 60


def closed_hiss_db(audio: np.ndarray, spec: ClipSpec) -> float:
    """Return the hiss of the quietest fifth of the clip: the valve is closed there."""
    sos = butter(4, (1500, 6000), "bandpass", fs=SAMPLE_RATE, output="sos")
    frames = sosfiltfilt(sos, audio)[: len(audio) // 320 * 320].reshape(-1, 320)
    return float(10 * np.log10(np.percentile((frames**2).mean(axis=1), 20)))


def motor_hertz(audio: np.ndarray, spec: ClipSpec) -> float:
    """Return the motor frequency at whose mesh harmonics the spectrum stands out most."""
    hertz, power = spectrum(audio)
    volts = float(dict(spec.setting).get("volt", 1.5))
    motors = gearbox.MOTOR_HZ_PER_VOLT * volts * np.linspace(0.85, 1.4, 300)
    first, second = gearbox.PINION_TEETH, gearbox.SECOND_TEETH / gearbox.RATIO
    orders = [first, 2 * first, 3 * first, second, 2 * second, 3 * second]
    smooth = np.convolve(power, np.ones(25) / 25, "same")  # the motor's speed ripples
    broad = np.convolve(power, np.ones(400) / 400, "same")
    contrast = np.log(smooth / broad)
    score = [sum(np.interp(motor * order, hertz, contrast) for order in orders) for motor in motors]
    return float(motors[int(np.argmax(score))])


CASES: dict[tuple[str, str], tuple[str, Statistic, float]] = {
    # (machine, fault): section, statistic that must rise, by at least how much on average
    ("fan", "wing-damage"): ("02", off_blade_lines_db, 2.0),
    ("fan", "unbalance"): ("02", lambda x, s: band_db(x, 23, 26.5) - band_db(x, 30, 60), 6.0),
    ("fan", "clogging"): ("02", lambda x, s: band_db(x, 30, 110) - band_db(x, 3000, 7000), 3.0),
    ("fan", "over-voltage"): ("02", lambda x, s: blade_pass(x), 0.03 * 172),
    ("gearbox", "gear-damage"): ("02", lambda x, s: kurtosis(x, 2000, 7000), 0.3),
    ("gearbox", "over-voltage"): ("01", motor_hertz, 4.0),
    ("bearing", "eccentric-horizontal"): (
        "00",
        lambda x, s: envelope_line_db(x, krpm(s), 1000, 7000),
        8.0,
    ),
    ("bearing", "eccentric-vertical"): (
        "00",
        lambda x, s: envelope_line_db(x, 2 * krpm(s), 1000, 7000),
        8.0,
    ),
    ("slider", "rail-crack"): ("01", lambda x, s: kurtosis(x, 2000, 7000), 1.0),
    ("slider", "no-grease"): (
        "01",
        lambda x, s: band_db(x, 1500, 5000) - band_db(x, 200, 700),
        0.8,
    ),
    ("slider", "loose-belt"): ("01", lambda x, s: band_db(x, 55, 300), 3.0),
    ("valve", "contamination"): ("00", closed_hiss_db, 0.5),
}


@pytest.mark.parametrize(("machine", "kind"), CASES)
def test_a_fault_changes_what_it_should(machine: str, kind: str) -> None:
    section, statistic, least = CASES[machine, kind]
    rises = []
    for index in range(8):
        spec = ClipSpec(machine, section, "source", "test", "anomaly", index, seed=11)
        healthy = statistic(machine_sound(spec, SAMPLES, None), spec)
        faulty = statistic(machine_sound(spec, SAMPLES, Fault(kind, 0.7)), spec)
        rises.append(faulty - healthy)
    assert np.mean(rises) > least
    assert np.mean(np.array(rises) > 0) >= 7 / 8


@pytest.mark.parametrize(("machine", "kind"), CASES)
def test_a_worse_fault_is_farther_from_normal(machine: str, kind: str) -> None:
    section, statistic, _ = CASES[machine, kind]
    means = []
    for severity in (0.3, 1.0):
        values = []
        for index in range(8):
            spec = ClipSpec(machine, section, "source", "test", "anomaly", index, seed=11)
            values.append(statistic(machine_sound(spec, SAMPLES, Fault(kind, severity)), spec))
        means.append(np.mean(values))
    assert means[1] > means[0]


@pytest.mark.parametrize(("machine", "section"), SECTIONS)
def test_realised_snr(machine: str, section: str) -> None:
    """The background's power is the section's mean machine power less the SNR, clip by clip."""
    seconds = 2.0
    mean_power = section_power(machine, section, 2 * SAMPLE_RATE)
    for spec in section_specs(machine, section, 2, 2, seed=3):
        parts = render_parts(spec, seconds)
        found = 10 * np.log10(mean_power / sg.power(parts.background))
        assert found == pytest.approx(snr_db(spec), abs=0.1)
        assert np.array_equal(parts.machine, machine_sound(spec, 2 * SAMPLE_RATE, spec.fault))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("machine", "section"), [("fan", "00"), ("gearbox", "00"), ("valve", "01")]
)
def test_section_power_is_that_of_the_whole_section(machine: str, section: str) -> None:
    samples = 4 * SAMPLE_RATE
    specs = section_specs(machine, section, 99, 5, seed=9)
    powers = [sg.power(machine_sound(spec, samples, spec.fault)) for spec in specs]
    ratio = 10 * np.log10(np.mean(powers) / section_power(machine, section, samples))
    assert abs(ratio) < 1.0


def test_levels_of_fan_02() -> None:
    specs = section_specs("fan", "02", 8, 8, seed=0)
    found = {dict(spec.setting)["n-lv"]: snr_db(spec) for spec in specs}
    assert found == {"L1": 3.0, "L2": -9.0, "L3": -3.0, "L4": -15.0}


def test_normals_of_one_condition_differ() -> None:
    """No two recordings of a healthy machine are alike: speed, level and phase differ."""
    for machine in ("fan", "gearbox", "bearing", "slider", "valve"):
        spec = ClipSpec(machine, "00", "source", "train", "normal", 0, seed=0)
        values = []
        for seed in range(6):
            audio = machine_sound(replace(spec, seed=seed), SAMPLES, None)
            values.append(audio / audio.std())
            assert np.isfinite(audio).all()
        correlation = np.corrcoef(values)[np.triu_indices(6, 1)]
        assert np.abs(correlation).max() < 0.9
        levels = [machine_sound(replace(spec, seed=s), SAMPLES, None).std() for s in range(6)]
        assert 0.02 < np.std(20 * np.log10(levels)) < 4.0


def shifted_part(spec: ClipSpec) -> np.ndarray:
    """Return the part of a clip that the section's shift acts on."""
    parts = render_parts(spec, 4.0)
    names = {name for name, _ in spec.setting}
    if parts.neighbor is not None:
        return parts.neighbor
    return parts.background if names & {"f-n", "n-lv"} else parts.machine


def mean_color(machine: str, section: str, domain: str, first: int) -> np.ndarray:
    """Return mean and spread over frames of 20 band levels, averaged over eight clips."""
    rows = []
    for index in range(first, first + 8):
        spec = ClipSpec(machine, section, domain, "test", "normal", index, seed=2)  # type: ignore[arg-type]
        frames = shifted_part(spec)[:63488].reshape(-1, 1024) * np.hanning(1024)
        edges = np.unique(np.geomspace(3, 512, 21).astype(int))
        bands = np.add.reduceat(np.abs(np.fft.rfft(frames)) ** 2, edges[:-1], axis=1)
        levels = 10 * np.log10(bands)
        rows.append(np.concatenate([levels.mean(axis=0), levels.std(axis=0)]))
    return np.mean(rows, axis=0)


# The weights of gearbox 01 interleave: its domains differ clip by clip, not on average.
@pytest.mark.slow
@pytest.mark.parametrize(("machine", "section"), sorted(SECTIONS.keys() - {("gearbox", "01")}))
def test_the_domains_sound_different(machine: str, section: str) -> None:
    source = mean_color(machine, section, "source", 0)
    again = mean_color(machine, section, "source", 8)
    target = mean_color(machine, section, "target", 0)
    assert np.linalg.norm(target - source) > 1.2 * np.linalg.norm(again - source)


def test_a_heavier_weight_slows_the_gearbox() -> None:
    def slowest(grams: str) -> float:
        motors = []
        for seed in range(6):
            spec = ClipSpec("gearbox", "01", "source", "test", "normal", 0, seed)
            rngs = spec.rng("machine"), spec.rng("fault")
            audio = gearbox.gearbox((("wt", grams),), rngs[0], SAMPLES, None, rngs[1])
            motors.append(motor_hertz(audio, spec))
        return float(np.mean(motors))

    light, heavy = slowest("0"), slowest("250")
    assert 0.90 < heavy / light < 0.97  # 5 % for each 200 g


def test_four_factories_sound_different() -> None:
    """A clip is closest, in units of the spread within a factory, to the clips of its own."""

    def color(name: str, seed: int) -> np.ndarray:
        audio = noise.factory_noise(name, np.random.default_rng(seed), SAMPLES)
        assert sg.power(audio) == pytest.approx(1.0, rel=1e-3)
        bins = welch(audio, SAMPLE_RATE, nperseg=1024)[1]
        edges = np.unique(np.geomspace(1, 512, 60).astype(int))
        return 10 * np.log10(np.add.reduceat(bins[:512], edges[:-1]))

    known = {name: np.array([color(name, seed) for seed in range(12)]) for name in "ABCD"}
    spread = np.mean([rows.std(axis=0) for rows in known.values()], axis=0)
    for name in "ABCD":
        for seed in range(100, 104):
            row = color(name, seed)
            distance = {
                other: np.linalg.norm((row - rows.mean(axis=0)) / spread)
                for other, rows in known.items()
            }
            assert min(distance, key=lambda other: distance[other]) == name


def test_gearbox_speed_follows_voltage() -> None:
    found = {}
    for spec in section_specs("gearbox", "00", 20, 0, seed=4):
        volts = float(dict(spec.setting)["volt"])
        found[volts] = motor_hertz(machine_sound(spec, SAMPLES, None), spec)
    volts = np.array(sorted(found))
    assert np.polyfit(volts, [found[v] for v in volts], 1)[0] == pytest.approx(
        gearbox.MOTOR_HZ_PER_VOLT, rel=0.1
    )


@pytest.mark.parametrize(("velocity", "acceleration"), [(0.3, 2.9), (1.3, 2.9), (0.6, 0.1)])
def test_the_carriage_stays_on_its_rail(velocity: float, acceleration: float) -> None:
    course = slider.motion(velocity, acceleration, 0.3, 10 * SAMPLE_RATE)
    assert course.position.min() > -0.01 * slider.STROKE
    assert course.position.max() < 1.01 * slider.STROKE
    assert course.position.max() - course.position.min() > 0.95 * slider.STROKE
    assert np.abs(course.velocity).max() <= velocity + 1e-9
    moved = np.diff(course.position) * SAMPLE_RATE
    assert np.max(np.abs(moved - course.velocity[1:])) < 0.05 * velocity + 0.02
    steps = np.abs(np.diff(course.velocity)) * SAMPLE_RATE
    assert steps.max() <= acceleration * 1.01
    # MIMII DG's rail turns at the pace that its velocity and acceleration give.
    peak = min(velocity, (acceleration * slider.STROKE) ** 0.5)
    stroke = slider.STROKE / peak + peak / acceleration
    assert len(course.reversals) == pytest.approx(10 / (stroke + 0.1), abs=1.1)


# Levels of one clip a machine in five bands, dB. When a change moves them, raise MODEL_VERSION:
# stores that hold older clips must not serve them for new ones.
PINNED: dict[int, dict[str, tuple[float, ...]]] = {
    1: {
        "bearing": (-62.77, -59.81, -61.46, -64.66, -71.27),
        "fan": (-42.38, -42.03, -50.98, -55.88, -61.85),
        "gearbox": (-38.84, -41.5, -50.33, -58.08, -65.4),
        "slider": (-50.46, -50.91, -62.32, -66.07, -69.34),
        "valve": (-50.31, -51.95, -63.99, -68.03, -70.87),
    },
}


def test_the_sound_is_that_of_its_version() -> None:
    for machine, pinned in PINNED[MODEL_VERSION].items():
        spec = ClipSpec(machine, "01", "target", "test", "anomaly", 3, seed=7)
        audio = render(spec, 2.0)
        edges = (50, 200, 800, 2000, 4000, 7900)
        levels = [band_db(audio, *edges[i : i + 2]) for i in range(5)]
        assert levels == pytest.approx(pinned, abs=0.02), machine


@pytest.mark.shared
@pytest.mark.parametrize("machine", ["bearing", "fan", "gearbox", "slider", "valve"])
def test_levels_lie_where_those_of_real_clips_lie(machine: str, shared: Path) -> None:
    real = sorted((shared / "data" / "dcase2023_dev" / machine).rglob("*.wav"))
    assert real
    ours = [
        spec for section in ("00", "01", "02") for spec in section_specs(machine, section, 6, 0, 0)
    ]

    def octaves(audio: np.ndarray) -> list[float]:
        edges = (60, 125, 250, 500, 1000, 2000, 4000, 8000)
        return [band_db(audio, *edges[i : i + 2]) for i in range(7)]

    there = np.mean([octaves(sf.read(path)[0]) for path in real], axis=0)
    here = np.mean([octaves(render(spec)) for spec in ours], axis=0)
    assert np.abs(here - there).max() < 14
    assert np.abs(np.mean(here - there)) < 6
