"""Which clips a section has, what they are called, and where their randomness comes from."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from asdbench.api import Domain, Label, Split
from asdbench.datasets.simulated.plan import FAULTS, SECTIONS, Fault, Setting


def seed_sequence(*fields: str | int | float) -> np.random.SeedSequence:
    """Return entropy that depends on ``fields`` alone, whatever was drawn before."""
    digest = hashlib.sha256("\x1f".join(map(str, fields)).encode()).digest()
    return np.random.SeedSequence(int.from_bytes(digest, "little"))


@lru_cache(maxsize=4096)
def _shuffled(fields: tuple[str | int, ...], size: int) -> tuple[int, ...]:
    return tuple(np.random.default_rng(seed_sequence(*fields)).permutation(size).tolist())


@dataclass(frozen=True)
class ClipSpec:
    """All that one clip depends on, beside its duration.

    ``split`` is ``train`` or ``test`` for clips of the data set and ``probe`` for the clips that
    only measure a section's power.
    """

    machine: str
    section: str
    domain: Domain
    split: Split | Literal["probe"]
    label: Label
    index: int
    seed: int

    def _place(self, what: str, size: int) -> int:
        # Every run of `size` indices holds every value once, in an order of its own, so that any
        # subset is balanced. The seed plays no part: names are the same for every seed.
        block, place = divmod(self.index, size)
        fields = (self.machine, self.section, self.domain, self.split, self.label, what, block)
        return _shuffled(fields, size)[place]

    @property
    def setting(self) -> Setting:
        """Attributes in the order of the file name."""
        values = SECTIONS[self.machine, self.section].settings(self.domain)
        return values[self._place("setting", len(values))]

    @property
    def name(self) -> str:
        """File name as in DCASE 2022 Task 2."""
        words = ["section", self.section, self.domain, self.split, self.label, f"{self.index:04d}"]
        return "_".join([*words, *(word for pair in self.setting for word in pair)]) + ".wav"

    @property
    def file(self) -> str:
        """Path below the data set's root."""
        return f"{self.machine}/{self.split}/{self.name}"

    def rng(self, purpose: str) -> np.random.Generator:
        """Return this clip's own generator for one purpose, e.g. ``noise``."""
        return np.random.default_rng(
            seed_sequence(
                self.seed,
                self.machine,
                self.section,
                self.domain,
                self.split,
                self.label,
                self.index,
                purpose,
            )
        )

    @property
    def fault(self) -> Fault | None:
        """What is wrong in this clip: None in a normal one."""
        if self.label == "normal":
            return None
        kinds = FAULTS[self.machine]
        severity = float(self.rng("severity").uniform(0.2, 1.0))
        return Fault(kinds[self._place("fault", len(kinds))], severity)


def target_count(train: int) -> int:
    """Return how many target clips go with ``train`` source clips: 10 with 990 (Table 2)."""
    return math.ceil(train / 99)


def section_specs(machine: str, section: str, train: int, test: int, seed: int) -> list[ClipSpec]:
    """Return the clips of a section, sorted by file.

    Parameters
    ----------
    train
        Number of normal source clips to train on; the target domain adds
        :func:`target_count`. MIMII DG: 990.
    test
        Number of test clips for each domain and label. MIMII DG: 50.
    seed
        Of the audio; names do not depend on it.
    """
    domains: tuple[Domain, ...] = ("source", "target")
    labels: tuple[Label, ...] = ("normal", "anomaly")
    counts: list[tuple[Domain, Split, Label, int]] = [
        ("source", "train", "normal", train),
        ("target", "train", "normal", target_count(train)),
        *((domain, "test", label, test) for domain in domains for label in labels),
    ]
    specs = [
        ClipSpec(machine, section, domain, split, label, index, seed)
        for domain, split, label, count in counts
        for index in range(count)
    ]
    return sorted(specs, key=lambda spec: spec.file)
