"""A detector, a generator and data for tests of the engine: quick, with a known truth."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import soundfile

DETECTOR = '''
import json
import os
import time

import numpy as np

from asdbench.api import Detector, DetectorInfo, Params, detector


class LevelParams(Params):
    sign: int = 1
    """-1 flips the score."""
    pause: float = 0.0
    """Seconds that a fit takes."""
    fail: str = ""
    """`fit`: raise; `die`: kill the process; `exit`: leave; `nan`: return NaN; `decide`: return
    no bools; `state`: change what belongs to the process."""


@detector("level")
class Level(Detector):
    """Scores a clip by how far its level lies from that of the training clips."""

    info = DetectorInfo(
        id="level", version="1", params=LevelParams, score_params=frozenset({"sign"})
    )

    def fit(self, train, context):
        if self.params.fail == "fit":
            raise ValueError("no luck today")
        if self.params.fail == "die":
            os._exit(9)
        if self.params.fail == "exit":
            raise SystemExit(0)
        if self.params.fail == "state":
            import torch

            torch.set_default_dtype(torch.float64)
            os.chdir("/")
        for step in range(10):
            time.sleep(self.params.pause / 10)
            context.progress(step + 1, 10, "steps")
        levels = [float(np.std(train.audio(i))) for i in range(len(train))]
        self.level = float(np.mean(levels)) + 1e-6 * context.rng().standard_normal()

    def score(self, clips, context):
        if self.params.fail == "nan":
            return np.full(len(clips), np.nan)
        assert all(c.domain is None for c in clips.conditions), "test-time domain leaked"
        levels = np.array([float(np.std(clips.audio(i))) for i in range(len(clips))])
        return self.params.sign * np.abs(levels - self.level)

    def decide(self, scores):
        return scores if self.params.fail == "decide" else scores > 0.02

    def save(self, folder):
        (folder / "level.json").write_text(json.dumps(self.level))

    @classmethod
    def load(cls, folder, params, context):
        self = cls(params)
        self.level = json.loads((folder / "level.json").read_text())
        return self
'''

SUITE = """\
schema: asdbench/suite@1
name: toy
dataset: {use: manifest, file: clips.csv}
plugins: [./level.py]
split: {generator_train: 0.5, generator_normals: 0.25}
generators:
  - {id: perturb, use: perturb}
  - {id: resample, use: resample}
grids:
  perturbed: {generator: perturb, multiplier: 2}
  resampled: {generator: resample}
detectors:
  - {id: level, use: level}
  - {id: flipped, use: level, params: {sign: -1}}
statistics: {bootstrap: 100}
"""

GENERATOR = '''
import json

import numpy as np

from asdbench.api import GeneratedBatch, Generator, GeneratorInfo, Params, generator


class TapeParams(Params):
    gain: float = 1.0
    """Of generated clips; 1 gives training clips back, anything else is an artifact."""
    hiss: float = 0.05
    """Noise that the codec adds, relative to the level of the clip."""
    gain_coded: float = 1.0
    """Of clips that went through the codec."""
    lose: int = 0
    """Clips that the codec loses."""


@generator("tape")
class Tape(Generator):
    """Gives training clips of the label back; its codec adds noise."""

    info = GeneratorInfo(id="tape", version="1", params=TapeParams)

    def fit(self, train, context): ...

    def generate(self, requests, train, context):
        turn = {}
        for r in requests:
            domain = r.condition.domain
            known = enumerate(zip(train.conditions, train.labels))
            found = [i for i, (c, label) in known if (c.domain, label) == (domain, r.label)]
            count = turn[domain] = turn.get(domain, -1) + 1
            clip = self.params.gain * train.audio(found[count % len(found)])
            yield GeneratedBatch([clip.astype(np.float32)], train.sample_rate)

    def roundtrip(self, clips, seeds, context):
        assert all(c.domain is None for c in clips.conditions), "domain leaked"
        assert not getattr(clips, "labels", ()), "labels leaked"
        for i in range(len(clips) - self.params.lose):
            clip = clips.audio(i)
            hiss = np.random.default_rng(seeds[i]).standard_normal(len(clip))
            coded = self.params.gain_coded * (clip + self.params.hiss * np.std(clip) * hiss)
            yield GeneratedBatch([coded.astype(np.float32)], clips.sample_rate)

    def save(self, folder):
        (folder / "tape.json").write_text(json.dumps({}))

    @classmethod
    def load(cls, folder, params, context):
        return cls(params)
'''

ARMS_SUITE = """\
schema: asdbench/suite@1
name: arms
dataset: {use: manifest, file: clips.csv}
plugins: [./level.py, ./tape.py]
split: {generator_train: 0.5, generator_normals: 0.5}
generators:
  - {id: tape, use: tape}
grids:
  made: {generator: tape, label: anomaly}
  made-normals: {generator: tape, label: normal}
  coded: {generator: tape, label: anomaly, make: roundtrip}
  coded-normals: {generator: tape, label: normal, make: roundtrip}
detectors:
  - {id: level, use: level}
  - {id: flipped, use: level, params: {sign: -1}}
statistics: {bootstrap: 100}
"""


def write_toy(folder: Path, machines: tuple[str, ...] = ("fan", "pump")) -> Path:
    """Write clips, manifest, plug-in and suite; return the suite's path."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    rows = []
    for machine in machines:
        for split, label, count in (
            ("train", "normal", 8),
            ("test", "normal", 6),
            ("test", "anomaly", 6),
        ):
            for domain in ("source", "target"):
                for index in range(count):
                    level = 0.1 * (1.25 if label == "anomaly" else 1.0)
                    level *= 1.0 + 0.15 * rng.standard_normal() + 0.1 * (domain == "target")
                    audio = np.clip(level * rng.standard_normal(8000), -1, 1)
                    name = f"{machine}_{domain}_{split}_{label}_{index}.wav"
                    soundfile.write(folder / name, audio, 16000, subtype="PCM_16")
                    rows.append(
                        {
                            "path": name,
                            "machine": machine,
                            "section": "00",
                            "domain": domain,
                            "split": split,
                            "label": label,
                            "speed": str(6 + index % 2),
                        }
                    )
    with (folder / "clips.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "level.py").write_text(DETECTOR)
    (folder / "tape.py").write_text(GENERATOR)
    suite = folder / "toy.yaml"
    suite.write_text(SUITE)
    return suite


def write_arms(folder: Path) -> Path:
    """Write the toy's clips and plug-ins with a suite of all four grids; return its path."""
    suite = write_toy(folder).with_name("arms.yaml")
    suite.write_text(ARMS_SUITE)
    return suite


def events(folder: Path) -> list[dict[str, object]]:
    """Return what ``events.jsonl`` of a run folder says."""
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
