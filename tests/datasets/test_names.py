from __future__ import annotations

import csv
import gzip
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asdbench.datasets.names import ParsedName, parse_attribute_text, parse_name


def test_development_name() -> None:
    assert parse_name("section_01_target_test_anomaly_0012_vel_8_loc_B.wav") == ParsedName(
        section="01",
        index="0012",
        domain="target",
        split="test",
        label="anomaly",
        attributes=(("loc", "B"), ("vel", "8")),
    )


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("section_03_0012.wav", ParsedName("03", "0012")),
        ("section_03_0012", ParsedName("03", "0012")),
        ("section_03_0012.WAV", ParsedName("03", "0012")),
        (
            "section_03_source_test_0007.wav",
            ParsedName("03", "0007", domain="source", split="test"),
        ),
        ("section_03_test_0007.wav", ParsedName("03", "0007", split="test")),
        (
            "section_00_source_normal_0035_weight15_BckgF.wav",  # 2024 RoboticArm
            ParsedName(
                "00",
                "0035",
                domain="source",
                label="normal",
                attributes=(("Bckg", "F"), ("weight", "15")),
            ),
        ),
        (
            "anomaly_id_04_00000005.wav",
            ParsedName("04", "00000005", label="anomaly", numbered_ids=True),
        ),
        ("id_01_00000000.wav", ParsedName("01", "00000000", numbered_ids=True)),
    ],
)
def test_every_form(name: str, parsed: ParsedName) -> None:
    assert parse_name(name) == parsed


@pytest.mark.parametrize(
    ("text", "attributes", "damage"),
    [
        ("", {}, None),
        ("noAttribute", {}, None),
        ("vel_6", {"vel": "6"}, None),
        ("m-n_W", {"m-n": "W"}, None),
        ("n-lv_L1", {"n-lv": "L1"}, None),
        ("ac_0.03_", {"ac": "0.03"}, None),
        ("pat_04_panel_bs-c", {"pat": "04", "panel": "bs-c"}, None),
        ("v1pat_05_v2pat_05", {"v1pat": "05", "v2pat": "05"}, None),
        ("v2pat_05", {"v2pat": "05"}, None),
        ("spd1000_BckgA", {"spd": "1000", "Bckg": "A"}, None),
        ("weight00_BckgC", {"weight": "00", "Bckg": "C"}, None),
        ("pro_A_wt_200_damage1", {"pro": "A", "wt": "200"}, "damage1"),
        ("car_B2_spd_Mb_mic_1", {"car": "B2", "spd": "Mb", "mic": "1"}, None),
        (
            "mic_imp23absu_mic_pos_A_grind_0_bkg_B",
            {"mic": "imp23absu", "mic_pos": "A", "grind": "0", "bkg": "B"},
            None,
        ),
        # 2021 training clips: free text is kept whole.
        ("strength_1_ambient", {"text": "strength_1_ambient"}, None),
        ("0_g_25_mm_2000_mV_none", {"text": "0_g_25_mm_2000_mV_none"}, None),
        ("A1Spd6Mic1", {"text": "A1Spd6Mic1"}, None),
        ("vel_6_vel_8", {"text": "vel_6_vel_8"}, None),
    ],
)
def test_attribute_text(text: str, attributes: dict[str, str], damage: str | None) -> None:
    assert parse_attribute_text(text) == (tuple(sorted(attributes.items())), damage)


def test_damage_is_no_condition() -> None:
    """Anomalies must not be told from normals by their operating condition."""
    normal = parse_name("section_00_source_test_normal_0001_pro_A_wt_200.wav")
    anomaly = parse_name("section_00_source_test_anomaly_0001_pro_A_wt_200_damage2.wav")
    assert normal is not None
    assert anomaly is not None
    assert anomaly.attributes == normal.attributes
    assert anomaly.damage == "damage2"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".wav",
        "clip.wav",
        "section_0_source_train_normal_0000.wav",
        "section_00_source_train_normal.wav",
        "section_00_middle_train_normal_0000.wav",
        "section_00_source_train_normal_0000vel_6.wav",
        "source/section_00_source_train_normal_0000.wav",
        "._section_00_source_train_normal_0000.wav",
        "section_٠٠_٠٠٠٠.wav",
        "abnormal_id_00_00000000.wav",
        "normal_id_00_00000000_.wav",
    ],
)
def test_other_names_are_none(name: str) -> None:
    assert parse_name(name) is None


@given(
    st.one_of(
        st.text(),
        st.from_regex(r"section_\d\d(_source|_target)?(_test)?(_normal)?_\d{4}.*", fullmatch=True),
        st.lists(
            st.sampled_from(
                ["section", "00", "source", "test", "normal", "0001", "mic", "pos", "damage", ""]
            )
        ).map("_".join),
    )
)
def test_never_fails(name: str) -> None:
    parsed = parse_name(name)
    if parsed is not None:
        assert len(parsed.section) == 2
        assert parsed.index.isdigit()
        names = [attribute for attribute, _ in parsed.attributes]
        assert names == sorted(set(names))
        assert all(names)


@pytest.mark.shared
def test_all_real_names_say_what_their_list_says(shared: Path) -> None:
    with gzip.open(shared / "lists/mimii_dg_names.csv.gz", "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 73560
    without_test: Counter[tuple[str, str]] = Counter()
    names_of: dict[str, set[tuple[str, ...]]] = {}
    for row in rows:
        parsed = parse_name(row["file_name"])
        assert parsed is not None, row
        assert parsed.section == row["section"]
        if row["machine"] == "RoboticArm":
            # The list was made by position and is blank here.
            without_test[row["year"], row["machine"]] += 1
            assert (parsed.domain or "") in row["file_name"].split("_")
            assert (parsed.label or "") in row["file_name"].split("_")
            assert parsed.split is None
            assert [name for name, _ in parsed.attributes] == ["Bckg", "weight"]
            continue
        assert (parsed.domain, parsed.split, parsed.label) == (
            row["domain"],
            row["split"],
            row["label"],
        )
        text = row["attributes"]
        if text == "noAttribute":
            assert parsed.attributes == ()
            continue
        # All of the text is accounted for: the names and values put together again, in any order.
        pieces = [piece for pair in parsed.attributes for piece in pair] + [parsed.damage or ""]
        letters = sorted("".join(pieces).replace("_", ""))
        assert letters == sorted(text.replace("_", "")), row
        assert "text" not in dict(parsed.attributes)
        assert parsed.damage is None or parsed.label == "anomaly"
        names_of.setdefault(f"{row['year']} {row['machine']} {row['section']}", set()).add(
            tuple(name for name, _ in parsed.attributes)
        )
    assert without_test == {("2024", "RoboticArm"): 200}
    # Within a section all clips have the same attributes (valves run alone or together).
    varied = {section for section, names in names_of.items() if len(names) > 1}
    assert varied == {"2022 valve 02", "2022 valve 05"}
