from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from asdbench.metrics.quality_rows import CaptionRow, DistanceRow, MemorizationRow
from asdbench.registry import plugins

PAGE = Path(__file__).resolve().parents[2] / "docs" / "quality.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="docs/ is not here")
EVIDENT = {"machine", "label", "embedding", "digest", "space", "notes"}


@pytest.mark.parametrize("row", [CaptionRow, DistanceRow, MemorizationRow])
def test_the_page_explains_every_column(row: type) -> None:
    text = PAGE.read_text(encoding="utf-8")
    counts = {"real_clips", "generated_clips"}
    names = {field.name for field in fields(row)} - EVIDENT - counts
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_the_page_lists_every_built_in_embedding() -> None:
    text = PAGE.read_text(encoding="utf-8")
    built_in = [ref.id for ref in plugins("embeddings") if ref.builtin]
    assert built_in
    assert all(f"| `{name}`" in text for name in built_in)
