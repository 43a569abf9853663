from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from asdbench.suite.yaml_source import MAX_BYTES, parse, scalar

Mistakes = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "my.yaml:1: the file is empty."),
        (b"# nothing\n", "my.yaml:1: the file is empty."),
        (b"name: a\n\tversion: b\n", "my.yaml:2:1: found a tab. Indent with spaces."),
        (b"split:\n\tseed: 1\n", "my.yaml:2:1: found a tab. Indent with spaces."),
        (b"name: caf\xe9\n", "my.yaml:1:10: not UTF-8 text. Save the file as UTF-8."),
        (b"a: 1\nname: \x07\n", "my.yaml:2:7: the character U+0007 is not allowed."),
        (b"a: [1, 2\nb: 3\n", "my.yaml:2:2: expected ',' or ']', but got ':' (while parsing"),
        (b"a: b: c\n", "my.yaml:1:5: mapping values are not allowed here."),
        (b"a: &x [1]\nb: *x\n", "my.yaml:1:4: anchors (&) and aliases (*) are not allowed"),
        (b"a: *x\n", "my.yaml:1:4: anchors (&) and aliases (*) are not allowed"),
        (b"a: !!python/object:os.system x\n", "my.yaml:1:4: the tag tag:yaml.org,2002:python"),
        (b"a: 1\n---\nb: 2\n", "my.yaml:2:1: but found another document (expected a single"),
        (b"a: " + b"[" * 40 + b"]" * 40, "my.yaml:1:35: nested more than 32 levels deep."),
        (b"x: {root: ${HOME}/a}\n", 'with ${...} needs quotes: "${ASDBENCH_DATA}/folder".'),
        (b"- a\n- b\n", "my.yaml:1: expected a mapping (key: value), got a list."),
        (b"? [a]\n: b\n", "my.yaml:1: a key must be text."),
        (b'name: "a\\0b"\n', "my.yaml:1: the character U+0000 is not allowed."),
        (b'plugins: ["\\ud800"]\n', "my.yaml:1: the character U+D800 is not allowed."),
        (b"#" * (MAX_BYTES + 1), f"my.yaml: the file has {MAX_BYTES + 1} bytes; a suite has at"),
    ],
)
def test_what_is_no_suite_at_all(mistakes: Mistakes, text: bytes, expected: str) -> None:
    assert any(expected in line for line in mistakes(text=text))


def test_a_billion_laughs_are_refused_at_once(mistakes: Mistakes) -> None:
    lines = ["a0: &a0 [lol, lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    start = time.perf_counter()
    assert "aliases (*) are not allowed" in mistakes(text="\n".join(lines).encode())[0]
    assert time.perf_counter() - start < 1.0


def test_nesting_without_end_is_refused_and_no_crash(mistakes: Mistakes) -> None:
    assert "nested more than 32 levels" in mistakes(text=b"a: " + b"[" * 100_000)[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("00", "00"),
        ("01", "01"),
        ("0", 0),
        ("-7", -7),
        ("10", 10),
        ("1e-3", 1e-3),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("1.0.0", "1.0.0"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_quoted_scalars_are_text() -> None:
    document, problems = parse(b"a: \"10\"\nb: 'true'\nc: |\n  5\n", "f")
    assert not problems
    assert document is not None
    assert document.data == {"a": "10", "b": "true", "c": "5\n"}


def test_places_count_from_one() -> None:
    document, _ = parse(b"a:\n  - b: 1\n    c: [x, y]\n", "f")
    assert document is not None
    place = document.values["a", 0, "c", 1]
    assert (place.line, place.column) == (3, 12)
    assert document.keys["a", 0, "c"].line == 3
    assert document.place(("a", 0, "missing")).line == 2
