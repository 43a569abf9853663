"""Errors that a person can act on: what went wrong, where, and what to do next."""

from __future__ import annotations


class AsdbenchError(Exception):
    """Base of every expected failure; the command line prints it without a traceback.

    Parameters
    ----------
    message
        What went wrong and where, in one sentence.
    hint
        What is allowed, or what to do next.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[type[AsdbenchError], tuple[str, str | None]]:
        # Exceptions cross process boundaries; the default would pass str(self) only.
        return (type(self), (self.message, self.hint))


class SuiteError(AsdbenchError):
    """A suite file is wrong; `message` may hold several `file:line: ...` lines."""


class DataError(AsdbenchError):
    """A data set is missing, or contradicts what was asked of it."""


class BadClipError(DataError):
    """One audio file cannot be used: truncated, empty, silent, not audio, wrong rate."""


class PluginError(AsdbenchError):
    """A plug-in is unknown, clashes with another, fails to import or breaks its contract."""


class WeightsError(AsdbenchError):
    """A model's weights (or the package that reads them) are absent, damaged or another model's."""
