"""What a suite says about its results: selections and published references."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from asdbench.suite.base import Identifier, Model

ORACLE = ":oracle"
"""What follows a selection's id where its upper bound is meant; no id can hold a colon."""


class SectionsModel(Model):
    """A part of the data, by section."""

    sections: tuple[str, ...] = Field(min_length=1)
    """Sections of every machine."""


class SelectionModel(Model):
    """For each machine the best of several detectors, chosen on other sections than reported."""

    id: Identifier
    """Name in tables; no detector may bear it."""
    among: str | tuple[str, ...]
    """An entry of `detectors` with a `sweep`, or a list of ids."""
    by: Literal["hmean"] = "hmean"
    """Harmonic mean of AUC and pAUC over sections and domains."""
    choose_on: SectionsModel
    """Where the best one is found."""
    report_on: SectionsModel
    """Where its result is taken from; no section of `choose_on`."""

    @property
    def candidates(self) -> tuple[str, ...]:
        """Ids of the detectors to choose among."""
        return (self.among,) if isinstance(self.among, str) else self.among


class ReferenceUseModel(Model):
    """Published numbers to set beside this suite's own."""

    use: str
    """A reference that comes with asdbench, or `./file.yaml` beside the suite."""
    detectors: dict[str, str] = Field(min_length=1)
    """Method as the reference names it -> id of a detector, of a selection, or `SELECTION:oracle`
    for a selection's upper bound."""
