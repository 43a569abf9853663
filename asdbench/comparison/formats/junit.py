"""A comparison as a JUnit report, which every build server shows: one test case a row.

The structure is that of the Apache Ant task, which is the common ground of its readers:
testsuites / testsuite / testcase / failure, error or skipped.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from asdbench.comparison.formats.words import conclusion, sentence
from asdbench.comparison.outcome import Change, Comparison
from asdbench.comparison.quantity import Key

_NOT_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def as_junit(outcome: Comparison) -> str:
    """Return the XML: failures where numbers changed, errors where rows or values were lost.

    A row in which nothing fails and something is unresolved is skipped, with the reason; so is one
    that no gate covers.
    """
    cases = [_case(outcome, "comparability")]
    for obstacle in outcome.obstacles:
        _add(cases[0], "error", "not comparable", obstacle, obstacle)
    by_row: dict[Key, list[Change]] = {}
    for row in outcome.rows:
        by_row.setdefault(row.key, []).append(row)
    for key in outcome.lost:
        case = _case(outcome, str(key))
        _add(case, "error", "lost", "the row is lost", f"{key}: the new report lacks it")
        cases.append(case)
    for key, rows in by_row.items():
        cases.append(_row_case(outcome, key, rows))
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    attributes = {name: str(count) for name, count in counts.items()}
    attributes["time"] = "0"
    name = {"name": _clean(outcome.suite)}
    root = ET.Element("testsuites", {"name": "asdbench compare", **attributes})
    del root.attrib["skipped"]  # readers know it of a suite only
    suite = ET.SubElement(root, "testsuite", {**name, **attributes})
    suite.extend(cases)
    out = ET.SubElement(suite, "system-out")
    out.text = _clean("\n".join([conclusion(outcome), *outcome.notes]))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _case(outcome: Comparison, name: str) -> ET.Element:
    classname = f"asdbench.{outcome.suite.partition(' ')[0]}"
    return ET.Element(
        "testcase", {"classname": _clean(classname), "name": _clean(name), "time": "0"}
    )


def _row_case(outcome: Comparison, key: Key, rows: list[Change]) -> ET.Element:
    case = _case(outcome, str(key))
    failing = [row for row in rows if row.fails]
    open_rows = [row for row in rows if row.status == "unresolved"]
    if failing:
        lost = any(row.status == "lost" for row in failing)
        kinds = ", ".join(dict.fromkeys(f"{row.value}: {row.status}" for row in failing))
        text = "\n".join(map(sentence, [*failing, *(r for r in open_rows if not r.fails)]))
        _add(case, "error" if lost else "failure", failing[0].status, kinds, text)
    elif open_rows:
        names = ", ".join(row.value for row in open_rows)
        skipped = ET.SubElement(case, "skipped", {"message": _clean(f"unresolved: {names}")})
        skipped.text = _clean("\n".join(map(sentence, open_rows)))
    elif all(row.status == "not examined" for row in rows):
        skipped = ET.SubElement(case, "skipped", {"message": "not examined"})
        skipped.text = _clean("\n".join(map(sentence, rows)))
    return case


def _add(case: ET.Element, tag: str, kind: str, message: str, text: str) -> None:
    found = ET.SubElement(case, tag, {"type": kind, "message": _clean(message)})
    found.text = _clean(text)


def _clean(text: str) -> str:
    """Return ``text`` without characters that XML 1.0 cannot hold."""
    return _NOT_XML.sub("?", text)
