"""A comparison as text: for a page, a program, a table, a test report, a workflow."""

from __future__ import annotations

from collections.abc import Callable

from asdbench.comparison.formats.annotations import as_annotations
from asdbench.comparison.formats.data import as_csv, as_json
from asdbench.comparison.formats.junit import as_junit
from asdbench.comparison.formats.page import as_markdown
from asdbench.comparison.outcome import Comparison

_RENDERERS: dict[str, Callable[[Comparison], str]] = {
    "md": as_markdown,
    "json": as_json,
    "csv": as_csv,
    "junit": as_junit,
    "github": as_annotations,
}
FORMATS = tuple(_RENDERERS)


def render(outcome: Comparison, name: str) -> str:
    """Return the text of a comparison in one of :data:`FORMATS`; it ends with a line break."""
    return _RENDERERS[name](outcome)


__all__ = ["FORMATS", "render"]
