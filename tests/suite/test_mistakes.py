"""Every kind of mistake, with the line that it stands on and what would be right."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from asdbench.errors import SuiteError
from asdbench.suite import examine, load_suite, problems

Mistakes = Callable[..., list[str]]


def test_a_good_suite_has_no_mistakes(mistakes: Mistakes) -> None:
    assert mistakes() == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "name: small",
            "nmae: small",
            [
                "my.yaml:1: missing key 'name'. Expected a name of at most 64 letters, digits, "
                "'_', '.' and '-'.",
                "my.yaml:2: unknown key 'nmae'. Did you mean 'name'? Allowed: audio, dataset, "
                "*, version.",
            ],
            id="unknown key",
        ),
        pytest.param(
            "name: small",
            "name: small\nname: other",
            ["my.yaml:3: duplicate key 'name' (first on line 2)."],
            id="duplicate key",
        ),
        pytest.param(
            "asdbench/suite@1",
            "asdbench/suite@2",
            ["my.yaml:1: schema: expected 'asdbench/suite@1', got 'asdbench/suite@2'."],
            id="schema of another version",
        ),
        pytest.param(
            "  - {id: ae.2, use: dcase-ae}\n",
            "    cost: 3\n",
            ["my.yaml:18: unknown key 'cost'. Allowed: id, params, sweep, use."],
            id="an unknown key in the only item of a list",
        ),
        pytest.param(
            "name: small",
            "name: my suite",
            [
                "my.yaml:2: name: expected a name of at most 64 letters, digits, '_', '.' and "
                "'-', got 'my suite'."
            ],
            id="bad name",
        ),
        pytest.param(
            "name: small",
            "name: small\nversion: 1.0",
            ['my.yaml:3: version: expected text, got 1.0. Put it in quotes: "1.0".'],
            id="number for text",
        ),
        pytest.param(
            "use: manifest",
            "use: manifesto",
            [
                "my.yaml:4: unknown data set 'manifesto'. Did you mean 'manifest'? Allowed: *, "
                "manifest, *. Run 'asdbench plugins list'."
            ],
            id="unknown data set",
        ),
        pytest.param(
            "  file: clips.csv",
            "  fiel: clips.csv",
            [
                "my.yaml:3: missing parameter 'file' of 'manifest'. Expected a path.",
                "my.yaml:5: unknown parameter 'fiel' of 'manifest'. Did you mean 'file'? "
                "Allowed: file, *, machines, *, sections, *use.",
            ],
            id="unknown data set parameter",
        ),
        pytest.param(
            "[fan, pump]",
            "fan",
            ["my.yaml:6: machines: expected a list, each text, got 'fan'."],
            id="text for a list",
        ),
        pytest.param(
            "[fan, pump]",
            "[fan, 12]",
            ['my.yaml:6: machines[1]: expected text, got 12. Put it in quotes: "12".'],
            id="number in a list of text",
        ),
        pytest.param(
            "use: perturb",
            "use: dcase-ae",
            ["my.yaml:9: unknown generator 'dcase-ae'. Allowed: *, resample*."],
            id="plug-in of another kind",
        ),
        pytest.param(
            "id: altered\n    use: perturb",
            "id: altered",
            ["my.yaml:8: missing key 'use'. Expected text."],
            id="missing key in a list item",
        ),
        pytest.param(
            "generator: altered",
            "generator: altred",
            [
                "my.yaml:11: unknown generator 'altred'. Did you mean 'altered'? Allowed (ids "
                "under 'generators'): altered."
            ],
            id="grid of an unknown generator",
        ),
        pytest.param(
            "label: anomaly",
            "label: anomalous",
            [
                "my.yaml:11: label: expected one of 'normal', 'anomaly', got 'anomalous'. Did "
                "you mean 'anomaly'?"
            ],
            id="unknown label",
        ),
        pytest.param(
            "label: anomaly",
            "multiplier: 0",
            ["my.yaml:11: multiplier: expected a number > 0.0 and <= 1000.0, got 0."],
            id="number out of range",
        ),
        pytest.param(
            "  faults:",
            "  all faults:",
            [
                "my.yaml:11: 'all faults': expected a name of at most 64 letters, digits, '_', "
                "'.' and '-'."
            ],
            id="bad name of a grid",
        ),
        pytest.param(
            "id: ae.2, use: dcase-ae",
            "id: ae.2, use: dcase_ae",
            [
                "my.yaml:18: unknown detector 'dcase_ae'. Did you mean 'dcase-ae'? Allowed: "
                "*dcase-ae*. Run 'asdbench plugins list'."
            ],
            id="unknown detector",
        ),
        pytest.param(
            "id: ae.2",
            "id: ae-mse",
            ["my.yaml:18: duplicate id 'ae-mse' (first on line 13). Give each its own id."],
            id="duplicate id",
        ),
        pytest.param(
            "epochs: 2",
            "epochs: ten",
            ["my.yaml:17: epochs: expected a whole number >= 1, got 'ten'."],
            id="text for a number",
        ),
        pytest.param(
            "epochs: 2",
            "epochs: true",
            ["my.yaml:17: epochs: expected a whole number >= 1, got true."],
            id="boolean for a number",
        ),
        pytest.param(
            "epochs: 2",
            "epochs: .nan",
            ["my.yaml:17: epochs: expected a whole number >= 1, got '.nan'."],
            id="not a number",
        ),
        pytest.param(
            "epochs: 2",
            "epoch: 2",
            [
                "my.yaml:17: unknown parameter 'epoch' of 'dcase-ae'. Did you mean 'epochs'? "
                "Allowed: *epochs*."
            ],
            id="unknown parameter",
        ),
        pytest.param(
            "score: mse",
            "score: mahalanobi",
            [
                "my.yaml:16: score: expected one of 'mse', 'mahalanobis', got 'mahalanobi'. Did "
                "you mean 'mahalanobis'?"
            ],
            id="unknown choice of a parameter",
        ),
        pytest.param(
            "params:\n      score: mse\n      epochs: 2",
            "params: 3",
            ["my.yaml:15: params: expected a mapping (key: value), got 3."],
            id="no mapping of parameters",
        ),
        pytest.param(
            "name: small",
            "name: small\nsplit: {generator_normals: all, seed: 1.5}",
            [
                "my.yaml:3: generator_normals: expected a number >= 0.0 and < 1.0 or 'shared', "
                "got 'all'.",
                "my.yaml:3: seed: expected a whole number >= 0, got 1.5.",
            ],
            id="one of several types",
        ),
        pytest.param(
            "name: small",
            "name: small\nsplit:",
            ["my.yaml:3: split: expected a mapping (key: value), got nothing."],
            id="key without a value",
        ),
        pytest.param(
            "name: small",
            "name: small\nplugins: [detectr.py]",
            [
                "my.yaml:3: no plug-in file 'detectr.py'. Did you mean 'detector.py'? Paths are "
                "relative to the folder of the suite."
            ],
            id="missing plug-in file",
        ),
        pytest.param(
            "name: small",
            "name: small\nplugins:\n  - broken.py",
            ["my.yaml:4: plug-in file */broken.py * ZeroDivisionError: * (line *)."],
            id="broken plug-in file",
        ),
        pytest.param(
            "name: small",
            "name: small\nplugins: [clash.py]",
            ["my.yaml:3: detector 'dcase-ae' is claimed by 2 plug-ins: (*/clash.py, D*"],
            id="clashing plug-in file",
        ),
        pytest.param(
            "use: dcase-ae}",
            "use: ./gone.py:D}",
            ["my.yaml:18: plug-in file */gone.py cannot be read: No such file *"],
            id="missing file of a class",
        ),
        pytest.param(
            "use: dcase-ae}",
            "use: ./detector.py:E}",
            ["my.yaml:18: */detector.py has no class 'E'. Allowed: D, P."],
            id="missing class",
        ),
        pytest.param(
            "use: dcase-ae}",
            "use: ./detector.py:D, params: {low: 2, high: 1}}",
            ["my.yaml:18: params: low must be below high."],
            id="parameters that contradict each other",
        ),
        pytest.param(
            "use: dcase-ae}",
            "use: ./detector.py:D, params: {low: 13}}",
            [
                "my.yaml:18: './detector.py:D' cannot check its parameters: KeyError: 13. "
                "*/detector.py*"
            ],
            id="validator of a plug-in that raises",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(
    mistakes: Mistakes, tmp_path: Path, old: str, new: str, expected: list[str]
) -> None:
    (tmp_path / "detector.py").write_text(DETECTOR)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    clash = DETECTOR.replace("class D", "@api.detector('dcase-ae')\nclass D")
    (tmp_path / "clash.py").write_text(clash)
    found = mistakes(replace=(old, new))
    assert len(found) == len(expected), found
    for line, pattern in zip(found, expected, strict=True):
        assert _matches(line, pattern), line


DETECTOR = """\
from pydantic import model_validator
from asdbench import api

class P(api.Params):
    low: int = 0
    high: int = 100

    @model_validator(mode="after")
    def check(self):
        if self.low == 13:
            raise KeyError(13)
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self

class D(api.Detector):
    info = api.DetectorInfo(id="d", version="1", params=P)
    def fit(self, train, context): ...
    def score(self, clips, context): ...
    def save(self, folder): ...
    @classmethod
    def load(cls, folder, params, context): ...
"""


def _matches(line: str, pattern: str) -> bool:
    """Compare, where ``*`` in the pattern stands for any text."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), line) is not None


GENERATOR = """\
from asdbench import api

class G(api.Generator):
    info = api.GeneratorInfo(id="g", version="1", labels=frozenset({"anomaly"}))
    def fit(self, train, context): ...
    def generate(self, requests, train, context): ...
    def save(self, folder): ...
    @classmethod
    def load(cls, folder, params, context): ...
"""


def test_a_label_that_the_generator_cannot_make(mistakes: Mistakes, tmp_path: Path) -> None:
    (tmp_path / "generator.py").write_text(GENERATOR)
    use = ["generators.altered.use=./generator.py:G"]
    assert mistakes(overrides=use) == []
    assert mistakes(replace=("label: anomaly", "label: normal"), overrides=use) == [
        "my.yaml:11: generator 'altered' cannot make label 'normal'. Allowed: anomaly."
    ]


CODEC = """
    def roundtrip(self, clips, seeds, context): ...
"""


def test_a_round_trip_needs_a_codec_and_gives_each_clip_once(
    mistakes: Mistakes, tmp_path: Path
) -> None:
    (tmp_path / "generator.py").write_text(GENERATOR)
    (tmp_path / "coding.py").write_text(GENERATOR.rstrip() + CODEC)
    grid = ("label: anomaly", "label: normal, make: roundtrip")
    assert mistakes(replace=grid, overrides=["generators.altered.use=./generator.py:G"]) == [
        "my.yaml:11: generator 'altered' has no round trip. Allowed: generate. A round trip "
        "needs a codec."
    ]
    coding = ["generators.altered.use=./coding.py:G"]
    assert mistakes(replace=grid, overrides=coding) == []
    assert mistakes(replace=grid, overrides=[*coding, "grids.faults.multiplier=2"]) == [
        "--set grids.faults.multiplier=2: multiplier: a round trip gives every clip once, got 2. "
        "Leave it out, or write 1."
    ]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("more: {generator: altered, multiplier: 2}", []),
        ("more: {generator: altered, label: normal}", []),
        (
            "more: {generator: altered, label: normal}\n"
            "  most: {generator: altered, label: normal}",
            [
                "my.yaml:13: grid 'more' already generates normals of 'altered'. One such grid a "
                "generator: which of two is compared would be ambiguous."
            ],
        ),
    ],
)
def test_controls_are_unambiguous(mistakes: Mistakes, more: str, expected: list[str]) -> None:
    faults = "faults: {generator: altered, label: anomaly}"
    assert mistakes(replace=(faults, f"{faults}\n  {more}")) == expected


def test_round_trips_are_unambiguous(mistakes: Mistakes, tmp_path: Path) -> None:
    (tmp_path / "coding.py").write_text(GENERATOR.rstrip() + CODEC)
    faults = "faults: {generator: altered, label: anomaly}"
    coded = "{generator: altered, make: roundtrip}"
    found = mistakes(
        replace=(faults, f"{faults}\n  a: {coded}\n  b: {coded}"),
        overrides=["generators.altered.use=./coding.py:G"],
    )
    assert [line.partition(". ")[0] for line in found] == [
        "my.yaml:13: grid 'a' already codes anomalies of 'altered'"
    ]


def test_all_mistakes_come_at_once_in_the_order_of_the_file(mistakes: Mistakes) -> None:
    text = """\
        name: x y
        dataset: {use: manifst}
        generators: [{id: g, use: perturb, params: {strenth: 1}}]
        grids: {a: {generator: h}}
        detectors:
          - {id: a, use: dcase-ae, params: {epochs: -1}}
          - {id: a, use: nope}
        seeds: {master: x}
        """
    found = mistakes(text=text, overrides=["split.sede=1"], only=["machine"])
    lines = [int(line.split(":")[1]) for line in found if line.startswith("my.yaml")]
    assert lines == [1, 2, 3, 4, 6, 7, 7, 8]
    assert found[-1].startswith("--set split.sede=1: unknown key 'sede'. Did you mean 'seed'?")
    with pytest.raises(SuiteError) as caught:
        load_suite("my.yaml", ["split.sede=1"], ["machine"])
    assert str(caught.value).splitlines() == found


def test_the_file_is_named_as_the_user_typed_it(suite_file: Path) -> None:
    suite_file.write_text("name: x\n")
    typed = f"../{suite_file.parent.name}/my.yaml"
    assert {problem.file for problem in problems(typed)} == {typed}


def test_a_suite_that_is_nowhere(suite_file: Path) -> None:
    with pytest.raises(SuiteError) as caught:
        load_suite("mine.yaml")
    assert "mine.yaml: no such file" in str(caught.value)
    assert "Did you mean 'my.yaml'?" in str(caught.value)
    assert "quickstart" in str(caught.value)
    with pytest.raises(SuiteError, match=r"is a folder\n  Suites in it: my.yaml"):
        load_suite(suite_file.parent)
    with pytest.raises(SuiteError, match="Did you mean 'quickstart'"):
        problems("quikstart")


@pytest.mark.parametrize("name", ["quickstart", "quickstart.yaml"])
def test_a_bundled_suite_goes_by_its_name(name: str) -> None:
    assert load_suite(name).suite.name == "quickstart"


def test_no_damage_to_a_suite_crashes_the_loader(suite_file: Path) -> None:
    rng = random.Random(20240918)
    whole = suite_file.read_bytes()
    pieces = [b"", b"[", b"{a: 1}", b"~", b"-1", b"'", b'"\\0"', b"\t", b"\xff", b": ", b"- "]
    refused = 0
    for _ in range(150):
        start = rng.randrange(len(whole))
        end = start + rng.choice([0, 1, 5, 20])
        suite_file.write_bytes(whole[:start] + rng.choice(pieces) + whole[end:])
        loaded, found = examine(suite_file)
        assert (loaded is None) == bool(found)
        assert all(str(problem).startswith(str(suite_file)) for problem in found)
        refused += loaded is None
    assert refused > 75
