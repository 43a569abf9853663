"""A comparison as annotations of a GitHub workflow."""

from __future__ import annotations

from asdbench.comparison.formats.words import conclusion, sentence
from asdbench.comparison.outcome import Comparison

LIMIT = 10
"""Annotations of one kind that GitHub shows for a step; the rest is counted in the notice."""


def as_annotations(outcome: Comparison) -> str:
    """Return workflow commands: errors for what fails, warnings for what is unresolved."""
    title = f"asdbench compare {outcome.suite}"
    errors = [f"not comparable: {text}" for text in outcome.obstacles]
    errors += [f"{key}: row lost" for key in outcome.lost]
    errors += [sentence(row) for row in outcome.changes]
    warnings = [sentence(row) for row in outcome.unresolved if not row.fails]
    lines = [command("error", title, text) for text in errors[:LIMIT]]
    lines += [command("warning", title, text) for text in warnings[:LIMIT]]
    lines.append(command("notice", title, conclusion(outcome)))
    return "\n".join(lines) + "\n"


def command(level: str, title: str, message: str) -> str:
    """Return one workflow command, escaped as GitHub asks."""
    text = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    name = title.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    name = name.replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={name}::{text}"
