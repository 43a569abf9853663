"""Published numbers: files of `suites/references`, or anybody's own beside a suite."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from asdbench.errors import SuiteError
from asdbench.registry import did_you_mean
from asdbench.suite.base import DefinitionName, Identifier, Model, ResultMetric
from asdbench.suite.validate import validate
from asdbench.suite.yaml_source import parse


class ReferenceValue(Model):
    """One published number."""

    method: str
    """What the publication calls the detector."""
    machine: str | None = None
    """Machine type; null: over all machines of the method."""
    section: str | None = None
    """Section; null: over all sections of the reference."""
    domain: Literal["source", "target"] | None = None
    """Domain; null: both."""
    metric: ResultMetric
    """`auc`, `pauc`, or `hmean`, the harmonic mean of both over sections and domains. An AUC or
    pAUC over several sections or domains is their arithmetic mean."""
    value: float = Field(ge=0.0, le=1.0)
    """The number, as a fraction."""


class Reference(Model):
    """Numbers of one publication."""

    schema_: Literal["asdbench/reference@1"] = Field(alias="schema")
    """Version of this format."""
    id: Identifier
    """Name in suites and tables."""
    source: str
    """Where the numbers were published."""
    what: str
    """What they are, on which data."""
    definition: DefinitionName
    """Which clips enter their AUC and pAUC."""
    sections: tuple[str, ...] = Field(min_length=1)
    """Sections that numbers without a section are over."""
    values: tuple[ReferenceValue, ...] = Field(min_length=1)
    """The numbers."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        seen = set()
        for v in self.values:
            place = (v.method, v.machine, v.section, v.domain, v.metric)
            if place in seen:
                named = "/".join(part for part in place if part)
                raise ValueError(f"two values of {named}")
            seen.add(place)
        return self

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the order of the file."""
        return tuple(dict.fromkeys(value.method for value in self.values))

    def machines(self, method: str) -> tuple[str, ...]:
        """Return the machines that have numbers of a method, in the order of the file."""
        found = (v.machine for v in self.values if v.method == method)
        return tuple(dict.fromkeys(machine for machine in found if machine is not None))


def bundled_references() -> dict[str, Path]:
    """Return the references that come with asdbench, by name."""
    folder = Path(str(resources.files("asdbench.suites"))) / "references"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_reference(use: str, folder: Path) -> Reference:
    """Return published numbers.

    Parameters
    ----------
    use
        The name of a bundled reference, or a path (with a slash) relative to ``folder``.
    folder
        The suite's.

    Raises
    ------
    SuiteError
        When there is no such reference, or with one line for every mistake in it.
    """
    path = _find(use, folder)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SuiteError(f"{use}: cannot be read: {error.strerror}") from error
    document, found = parse(content, use)
    reference = None
    if document is not None:
        reference, mistakes = validate(Reference, document.data, document)
        found += mistakes
    if reference is None or found:
        raise SuiteError("\n".join(str(problem) for problem in found))
    return reference


def _find(use: str, folder: Path) -> Path:
    bundled = bundled_references()
    if "/" in use:
        path = (folder / Path(use).expanduser()).resolve()
        if path.is_file():
            return path
        beside: Sequence[str] = [p.name for p in path.parent.glob("*.y*ml")]
        raise SuiteError(
            f"no reference file '{use}'.{did_you_mean(path.name, beside)}",
            "Paths are relative to the folder of the suite.",
        )
    if use not in bundled:
        raise SuiteError(
            f"unknown reference '{use}'.{did_you_mean(use, bundled)}",
            f"Allowed: {', '.join(bundled)}, or ./file.yaml beside the suite.",
        )
    return bundled[use]
