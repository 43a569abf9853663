"""A mistake in a suite, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Place:
    """A position in a file, counted from 1; line 0 where there is no file (``--set ...``)."""

    file: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True)
class Problem:
    """One mistake: what is wrong, where, and what would be right."""

    file: str
    """As the user typed it, or ``--set KEY=VALUE``."""
    line: int
    column: int
    message: str
    hint: str = ""
    syntax: bool = False
    """Whether the text is no YAML at all; only then does the column help a reader."""

    @classmethod
    def at(cls, place: Place, message: str, hint: str = "", syntax: bool = False) -> Problem:
        """Return a problem at ``place``."""
        return cls(place.file, place.line, place.column, message, hint, syntax)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        if self.line and self.syntax:
            where += f":{self.column}"
        message = self.message if self.message.endswith((".", "?", "!")) else f"{self.message}."
        return f"{where}: {message} {self.hint}".rstrip()
