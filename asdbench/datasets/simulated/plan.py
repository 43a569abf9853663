"""What MIMII DG recorded, as data: sections, domains, parameter values, SNRs, names.

Source: Dohi et al., "MIMII DG", section 2, Tables 1 and 2. Attribute names and values are spelled
as in the file names of DCASE 2022 Task 2. Two entries of Table 1 differ from those names and the
names are followed: gearbox 00 has 2.8 V where the table prints 2.3 V twice, and bearing 01 and 02
and valve 01 carry a second attribute whose values both domains share.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from asdbench.api import Domain

MODEL_VERSION = 1
"""Raised whenever the bytes of any clip change."""

SAMPLE_RATE = 16_000
Setting = tuple[tuple[str, str], ...]
"""Attributes of a clip in the order of its file name, e.g. ``(("vel", "4"), ("loc", "A"))``."""


@dataclass(frozen=True)
class Section:
    """One row of Table 1. ``snr_db`` is None where the noise level itself shifts (fan 02)."""

    machine: str
    section: str
    snr_db: float | None
    shift: str
    source: tuple[Setting, ...]
    target: tuple[Setting, ...]

    def settings(self, domain: Domain) -> tuple[Setting, ...]:
        """Return the parameter values of ``domain``."""
        return self.source if domain == "source" else self.target


@dataclass(frozen=True)
class Fault:
    """What is wrong with a machine, and how much: ``severity`` is in (0, 1]."""

    kind: str
    severity: float


FAULTS: dict[str, tuple[str, ...]] = {
    "bearing": ("eccentric-horizontal", "eccentric-vertical"),
    "fan": ("wing-damage", "unbalance", "clogging", "over-voltage"),
    "gearbox": ("gear-damage", "over-voltage"),
    "slider": ("rail-crack", "no-grease", "loose-belt"),
    "valve": ("contamination",),
}
"""Anomaly types of each machine (MIMII DG, section 2). Never in a name or an attribute."""

MACHINES = tuple(FAULTS)

NOISE_LEVELS_DB = {"L1": 3.0, "L2": -9.0, "L3": -3.0, "L4": -15.0}
"""SNR of each noise level of fan 02."""


def _each(name: str, values: str) -> tuple[Setting, ...]:
    return tuple(((name, value),) for value in values.split())


def _cross(*axes: tuple[Setting, ...]) -> tuple[Setting, ...]:
    return tuple(sum(parts, ()) for parts in product(*axes))


_VALVES = {"1": _each("v1pat", "04 05"), "2": _each("v2pat", "04 05")}

SECTIONS: dict[tuple[str, str], Section] = {
    (row.machine, row.section): row
    for row in (
        Section(
            "fan",
            "00",
            -6.0,
            "mixing of different machine sound",
            _each("m-n", "W X"),
            _each("m-n", "Y Z"),
        ),
        Section(
            "fan",
            "01",
            -12.0,
            "mixing of different factory noise",
            _each("f-n", "A B"),
            _each("f-n", "C"),
        ),
        Section(
            "fan",
            "02",
            None,
            "different levels of noise",
            _each("n-lv", "L1 L2"),
            _each("n-lv", "L3 L4"),
        ),
        Section(
            "gearbox",
            "00",
            -6.0,
            "different operation voltage",
            _each("volt", "1.0 1.5 2.0 2.5 3.0"),
            _each("volt", "0.6 0.8 1.3 1.8 2.3 2.8 3.3 3.5"),
        ),
        Section(
            "gearbox",
            "01",
            -12.0,
            "different weight attached to the gearbox",
            _each("wt", "0 50 100 150 200"),
            _each("wt", "30 80 130 180 230 250"),
        ),
        Section(
            "gearbox",
            "02",
            -12.0,
            "different gearbox ID",
            _each("id", "05 08 13"),
            _each("id", "00 02 11"),
        ),
        Section(
            "bearing",
            "00",
            12.0,
            "different rotation speed",
            _each("vel", "6 10 14 18 22"),
            _each("vel", "2 4 8 12 16 20 24 26"),
        ),
        Section(
            "bearing",
            "01",
            12.0,
            "different microphone location",
            _cross(_each("vel", "4 12"), _each("loc", "A B C D")),
            _cross(_each("vel", "4 12"), _each("loc", "E F G H")),
        ),
        Section(
            "bearing",
            "02",
            12.0,
            "mixing of different factory noise",
            _cross(_each("vel", "6 14"), _each("f-n", "A B")),
            _cross(_each("vel", "6 14"), _each("f-n", "C")),
        ),
        Section(
            "slider",
            "00",
            -6.0,
            "different operation velocity",
            _each("vel", "300 500 700 900 1100"),
            _each("vel", "100 200 400 600 800 1000 1200 1300"),
        ),
        Section(
            "slider",
            "01",
            -3.0,
            "different acceleration",
            _each("ac", "0.03 0.05 0.07 0.09 0.11"),
            _each("ac", "0.01 0.02 0.04 0.06 0.08 0.10 0.12 0.14"),
        ),
        Section(
            "slider",
            "02",
            -12.0,
            "mixing of different factory noise",
            _each("f-n", "A B"),
            _each("f-n", "C"),
        ),
        Section(
            "valve",
            "00",
            0.0,
            "different open/close operation patterns",
            _each("pat", "00 01"),
            _each("pat", "02 03"),
        ),
        Section(
            "valve",
            "01",
            0.0,
            "different number and location of panels",
            _cross(_each("pat", "04 05"), _each("panel", "open bs-c")),
            _cross(_each("pat", "04 05"), _each("panel", "b-c s-c")),
        ),
        Section(
            "valve",
            "02",
            0.0,
            "different number of valves",
            _VALVES["1"] + _VALVES["2"],
            _cross(_VALVES["1"], _VALVES["2"]),
        ),
    )
}
"""Table 1, by machine and section."""
