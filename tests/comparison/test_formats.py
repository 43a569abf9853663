from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from asdbench.comparison import Comparison, Key, Side, compare
from asdbench.comparison.formats import FORMATS, render
from asdbench.comparison.formats.annotations import command
from asdbench.comparison.formats.page import as_markdown
from asdbench.comparison.schema import ComparisonFile

CASE = {"failure": ("type", "message"), "error": ("type", "message"), "skipped": ("message",)}
"""What a test case may hold, with the attributes of each, in the schema of JUnit reports."""


@pytest.fixture(scope="module")
def broken(before: Side, after: Side) -> Comparison:
    """A regression and a lost row, in a suite and a detector with awkward names."""
    outcome = compare(before, replace(after, report=_less(after)), 0.02)
    odd = Key("fan|<b>", "00", "source", "a%e:1,2\n\x07&é", None)
    rows = tuple(replace(r, key=odd) if r is outcome.changes[0] else r for r in outcome.rows)
    return replace(outcome, rows=rows)


def _less(one: Side):
    return one.report.model_copy(update={"cells": one.report.cells[:-1]})


def test_markdown_has_the_worst_rows_first_and_counts_the_rest(broken: Comparison):
    page = as_markdown(broken, limit=4)
    lines = page.splitlines()
    assert "incomplete" in lines[0]
    assert "**Lost rows**" in lines
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 4
    assert all(line.count("|") == table[0].count("|") for line in table if "\\|" not in line)
    assert "**regression**" in table[2]
    assert re.search(r"^and \d+ more rows, \d+ of them fail\.$", page, re.MULTILINE)
    assert "paired over the clips" in page
    assert "<b>" not in page


def test_markdown_of_equal_reports_has_no_table(before: Side):
    page = as_markdown(compare(before, before))
    assert "same" in page.splitlines()[0]
    assert "|" not in page


def test_json_follows_its_schema(broken: Comparison, before: Side):
    validator = Draft202012Validator(ComparisonFile.model_json_schema())
    for outcome in (broken, compare(before, before), _incomparable(before)):
        content = json.loads(render(outcome, "json"))
        validator.validate(content)
        assert ComparisonFile.model_validate(content).verdict == outcome.verdict
        assert content["exit_code"] == outcome.exit_code
        assert sum(row["fails"] for row in content["rows"]) == len(outcome.changes)
    described = ComparisonFile.model_json_schema()["$defs"]["ComparedRow"]["properties"]
    assert all("description" in field for field in described.values())


def _incomparable(before: Side) -> Comparison:
    data = before.report.data.model_copy(update={"simulated": False})
    return compare(before, before.report.model_copy(update={"data": data}))


def test_csv_has_every_row(broken: Comparison):
    rows = list(csv.DictReader(io.StringIO(render(broken, "csv"))))
    assert len(rows) == len(broken.rows) + len(broken.lost)
    assert {row["section"] for row in rows} == {"00", ""}
    assert sum(row["fails"] == "True" for row in rows) == len(broken.changes) + len(broken.lost)


def test_junit_is_what_build_servers_read(broken: Comparison, before: Side):
    for outcome in (broken, compare(before, before), _incomparable(before)):
        root = ET.fromstring(render(outcome, "junit"))
        assert root.tag == "testsuites"
        (suite,) = root
        cases = suite.findall("testcase")
        assert [child.tag for child in suite] == ["testcase"] * len(cases) + ["system-out"]
        counts = dict.fromkeys(("failure", "error", "skipped"), 0)
        for case in cases:
            assert set(case.attrib) == {"classname", "name", "time"}
            assert len(case) <= 1
            for child in case:
                counts[child.tag] += 1
                assert tuple(child.attrib) == CASE[child.tag]
                assert child.text
        for element in (root, suite):
            assert int(element.get("tests", "-1")) == len(cases)
            assert int(element.get("failures", "-1")) == counts["failure"]
            assert int(element.get("errors", "-1")) == counts["error"]
        assert int(suite.get("skipped", "-1")) == counts["skipped"]
        bad = counts["failure"] + counts["error"]
        assert (bad > 0) == (outcome.exit_code != 0)
        names = [case.get("name") for case in cases]
        assert len(set(names)) == len(names)
    assert any("é" in (name or "") for name in _names(broken))


def _names(outcome: Comparison) -> list[str | None]:
    root = ET.fromstring(render(outcome, "junit"))
    return [case.get("name") for case in root.iter("testcase")]


def test_annotations_are_one_line_each_and_few(broken: Comparison):
    text = render(broken, "github")
    lines = text.splitlines()
    assert all(re.match(r"::(error|warning|notice) title=[^:,]+::.+", line) for line in lines)
    assert lines[-1].startswith("::notice")
    assert sum(line.startswith("::error") for line in lines) == 10
    assert sum(line.startswith("::warning") for line in lines) <= 10
    assert "a%25e:1,2%0A" in text


def test_workflow_commands_are_escaped():
    assert command("error", "a,b:c", "50%\r\n::x") == "::error title=a%2Cb%3Ac::50%25%0D%0A::x"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_ends_with_one_line_break(broken: Comparison, name: str):
    text = render(broken, name)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_what_no_gate_covers_is_skipped_in_junit(before: Side, after: Side):
    outcome = compare(before, after, gates={"auc_artifact": 0.02})
    root = ET.fromstring(render(outcome, "junit"))
    skipped = {
        case.get("name")
        for case in root.iter("testcase")
        if (found := case.find("skipped")) is not None and found.get("message") == "not examined"
    }
    assert "fan/00/source/ae" in skipped
    assert "fan/00/source/ae/made" not in skipped
    content = json.loads(render(outcome, "json"))
    Draft202012Validator(ComparisonFile.model_json_schema()).validate(content)
    assert content["counts"]["not examined"] == sum(not row["gated"] for row in content["rows"])
    assert "::error" not in render(outcome, "github")


def test_one_obstacle_is_one_reason(before: Side):
    assert "not comparable: 1 reason\n" in render(_incomparable(before), "github")
