"""Names, counts and conditions of the simulated data set."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest
from pydantic import ValidationError

from asdbench.datasets.names import parse_name
from asdbench.datasets.simulated import Simulated, SimulatedParams
from asdbench.datasets.simulated.plan import FAULTS, MACHINES, SECTIONS
from asdbench.datasets.simulated.spec import ClipSpec, section_specs, target_count

# MIMII DG, Table 1, as printed, but for gearbox 00 (2.3 V printed twice; the names have 2.8).
TABLE_1 = {
    ("fan", "00", "m-n"): ("W X", "Y Z"),
    ("fan", "01", "f-n"): ("A B", "C"),
    ("fan", "02", "n-lv"): ("L1 L2", "L3 L4"),
    ("gearbox", "00", "volt"): ("1.0 1.5 2.0 2.5 3.0", "0.6 0.8 1.3 1.8 2.3 2.8 3.3 3.5"),
    ("gearbox", "01", "wt"): ("0 50 100 150 200", "30 80 130 180 230 250"),
    ("gearbox", "02", "id"): ("05 08 13", "00 02 11"),
    ("bearing", "00", "vel"): ("6 10 14 18 22", "2 4 8 12 16 20 24 26"),
    ("bearing", "01", "loc"): ("A B C D", "E F G H"),
    ("bearing", "02", "f-n"): ("A B", "C"),
    ("slider", "00", "vel"): ("300 500 700 900 1100", "100 200 400 600 800 1000 1200 1300"),
    ("slider", "01", "ac"): (
        "0.03 0.05 0.07 0.09 0.11",
        "0.01 0.02 0.04 0.06 0.08 0.10 0.12 0.14",
    ),
    ("slider", "02", "f-n"): ("A B", "C"),
    ("valve", "00", "pat"): ("00 01", "02 03"),
    ("valve", "01", "panel"): ("open bs-c", "b-c s-c"),
}
SNR_DB = {
    "fan": (-6, -12, None),
    "gearbox": (-6, -12, -12),
    "bearing": (12, 12, 12),
    "slider": (-6, -3, -12),
    "valve": (0, 0, 0),
}


def test_counts_of_table_2() -> None:
    clips = Simulated(SimulatedParams()).clips()
    counts = Counter((c.machine, c.section, c.split, c.domain, c.label) for c in clips)
    assert len(clips) == 5 * 3 * 1200
    for machine in MACHINES:
        for section in ("00", "01", "02"):
            assert counts[machine, section, "train", "source", "normal"] == 990
            assert counts[machine, section, "train", "target", "normal"] == 10
            for domain in ("source", "target"):
                for label in ("normal", "anomaly"):
                    assert counts[machine, section, "test", domain, label] == 50
    assert len(counts) == 15 * 6


@pytest.mark.parametrize(("machine", "section", "name"), TABLE_1)
def test_values_of_table_1(machine: str, section: str, name: str) -> None:
    found = defaultdict(Counter)
    for spec in section_specs(machine, section, 990, 50, seed=0):
        found[spec.domain][dict(spec.setting)[name]] += 1
    source, target = TABLE_1[machine, section, name]
    assert sorted(found["source"]) == sorted(source.split())
    assert sorted(found["target"]) == sorted(target.split())
    for counts in found.values():  # every value as often as any other, within a block's remainder
        assert max(counts.values()) - min(counts.values()) <= 5


def test_valve_02_has_one_valve_in_the_source_and_two_in_the_target() -> None:
    specs = section_specs("valve", "02", 99, 20, seed=0)
    settings = {domain: {s.setting for s in specs if s.domain == domain} for domain in
                ("source", "target")}  # fmt: skip
    assert settings["source"] == {((f"v{v}pat", p),) for v in "12" for p in ("04", "05")}
    assert settings["target"] == {
        (("v1pat", one), ("v2pat", two)) for one in ("04", "05") for two in ("04", "05")
    }


def test_snr_of_table_1() -> None:
    for machine, values in SNR_DB.items():
        assert tuple(SECTIONS[machine, f"0{i}"].snr_db for i in range(3)) == values


def test_names_parse_to_what_they_say() -> None:
    for clip in Simulated(SimulatedParams(train=30, test=10)).clips():
        parsed = parse_name(clip.path.name)
        assert parsed is not None
        assert (parsed.section, parsed.domain, parsed.split, parsed.label) == (
            clip.section,
            clip.domain,
            clip.split,
            clip.label,
        )
        assert tuple(sorted(parsed.attributes)) == clip.condition.attributes


@pytest.mark.shared
def test_names_have_the_form_of_the_real_ones(shared) -> None:
    import csv
    import gzip

    def form(name: str) -> str:
        return re.sub(r"_\d{4}_", "_0000_", name)

    real = defaultdict(set)
    with gzip.open(shared / "lists" / "mimii_dg_names.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            if (row["year"], row["subset"]) == ("2022", "dev") and row["section"] < "03":
                real[row["machine"], row["section"], row["split"]].add(form(row["file_name"]))
    missing = set()
    for machine in MACHINES:
        for section in ("00", "01", "02"):
            ours = {form(s.name) for s in section_specs(machine, section, 99, 50, 0)
                    if s.split == "test"}  # fmt: skip
            names = real[machine, section, "test"]
            assert names <= ours, sorted(names - ours)
            missing |= ours - names
    # Table 1 lists more pairs of valves than were recorded.
    assert {name.split("_0000_")[1] for name in missing} == {
        "v2pat_04.wav",
        "v1pat_04_v2pat_04.wav",
        "v1pat_05_v2pat_04.wav",
    }


@pytest.mark.parametrize(("train", "target"), [(0, 0), (1, 1), (99, 1), (100, 2), (990, 10)])
def test_target_training_clips(train: int, target: int) -> None:
    assert target_count(train) == target


def test_a_subset_is_part_of_the_whole() -> None:
    def listed(train: int, test: int) -> dict[str, object]:
        return {c.id: c for c in Simulated(SimulatedParams(train=train, test=test)).clips()}

    part = listed(37, 5)
    assert part.items() <= listed(120, 20).items()
    assert len(part) == 15 * (37 + 1 + 4 * 5)


def test_clips_are_sorted_and_unique() -> None:
    clips = Simulated(SimulatedParams(train=20, test=4)).clips()
    ids = [clip.id for clip in clips]
    assert ids == sorted(set(ids))
    assert len({clip.digest for clip in clips}) == len(clips)
    first = next(clip for clip in clips if clip.machine == "fan")
    assert first.id == "fan/test/section_00_source_test_anomaly_0000_m-n_X.wav" or (
        first.id == "fan/test/section_00_source_test_anomaly_0000_m-n_W.wav"
    )
    assert first.part == "fan/00"
    assert str(first.path) == first.id


def test_digest_follows_what_changes_the_audio_and_nothing_else() -> None:
    def digest(**params: object) -> dict[str, str | None]:
        clips = Simulated(SimulatedParams(test=2, **params)).clips()
        return {clip.id: clip.digest for clip in clips}

    base = digest(train=5)
    assert digest(train=9).items() >= base.items()
    assert not digest(train=5, seed=1).items() & base.items()
    assert not digest(train=5, duration=2.0).items() & base.items()


def test_parts_and_keys() -> None:
    data = Simulated(SimulatedParams())
    assert list(data.parts()) == [f"{m}/{s}" for m in sorted(MACHINES) for s in ("00", "01", "02")]
    assert {clip.part for clip in data.clips()} == set(data.parts())
    assert len({str(data.part_key(part)) for part in data.parts()}) == 15
    with pytest.raises(LookupError):
        data.part_key("fan/03")


@pytest.mark.parametrize(
    "params", [{"train": 0}, {"test": -1}, {"duration": 0.0}, {"machines": ("fan",)}]
)
def test_parameters_that_make_no_sense(params: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SimulatedParams(**params)


def test_every_anomaly_type_occurs_and_none_is_named() -> None:
    for machine, kinds in FAULTS.items():
        specs = [s for s in section_specs(machine, "01", 1, 24, 0) if s.label == "anomaly"]
        faults = [s.fault for s in specs]
        counts = Counter(fault.kind for fault in faults if fault is not None)
        assert set(counts) == set(kinds)
        assert max(counts.values()) - min(counts.values()) <= 2
        severities = [fault.severity for fault in faults if fault is not None]
        assert 0.2 <= min(severities) < 0.5 < 0.7 < max(severities) <= 1.0
        for spec in specs:
            assert not any(kind in spec.name for kind in kinds)


def test_normal_clips_have_no_fault() -> None:
    assert ClipSpec("fan", "00", "source", "test", "normal", 3, 0).fault is None
