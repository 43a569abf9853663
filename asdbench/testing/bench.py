"""What detectors and generators have in common on the bench: parameters, contexts, parts."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from asdbench.api import Condition, Context, Detector, Part, Scope
from asdbench.clips import ClipPool
from asdbench.errors import PluginError
from asdbench.registry import load, parts_of
from asdbench.testing.check import CheckFailure
from asdbench.testing.refused_params import missing, why_refused

SEED = 20240918
LARGE_SEED = 2**64 - 1
_WIDTH: dict[Scope, int] = {"suite": 0, "machine": 1, "section": 2}
"""How much of (machine, section) names what one fit covers."""
FIT = "fit() learns from the clips it is given, with any seed of 64 bits"


def params_of(cls: type[Any], params: Mapping[str, Any] | BaseModel | None) -> BaseModel:
    """Return the parameters to check ``cls`` with.

    Raises
    ------
    PluginError
        When they are not valid.
    """
    if isinstance(params, BaseModel):
        return params
    given = getattr(cls, "check_params", {}) if params is None else params
    model: type[BaseModel] = cls.info.params
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        what = "check_params" if params is None else "params"
        hint = f"Correct {what}."
        if names := missing(error):
            hint = (
                f"On the command line: {' '.join(f'--set {name}=VALUE' for name in names)}; "
                "or set the class attribute check_params."
            )
        raise PluginError(
            f"the {what} of '{cls.info.id}' are not valid: {why_refused(model, error, given)}",
            hint,
        ) from error


@dataclass(frozen=True)
class ProgressCall:
    """What a plug-in told :attr:`asdbench.api.Context.progress`."""

    done: Any
    total: Any
    what: Any

    @property
    def sane(self) -> bool:
        """Whether the arguments are as declared."""
        counts = isinstance(self.done, int) and isinstance(self.total, int)
        return counts and 0 <= self.done <= self.total and isinstance(self.what, str)


class Lender:
    """Makes contexts, each with a scratch folder of its own, and listens to progress."""

    def __init__(self) -> None:
        self.progress: list[ProgressCall] = []
        self._folder = tempfile.TemporaryDirectory(prefix="asdbench-check-")
        self._count = 0

    def folder(self, name: str) -> Path:
        """Return a new, empty folder."""
        self._count += 1
        made = Path(self._folder.name) / f"{name}-{self._count}"
        made.mkdir()
        return made

    def context(self, seed: int = SEED, parts: Mapping[str, Detector] | None = None) -> Context:
        """Return a context on the CPU."""
        return Context(seed, self.folder("scratch"), "cpu", self._heard, parts or {})

    def _heard(self, done: Any, total: Any, what: Any) -> None:
        self.progress.append(ProgressCall(done, total, what))


def in_scope(pool: ClipPool, scope: Scope) -> ClipPool:
    """Return the clips that one fit covers: the first machine's, the first section's, or all."""
    first = min((c.machine, c.section) for c in pool.conditions)
    width = _WIDTH[scope]
    return pool.subset(
        [
            i
            for i, c in enumerate(pool.conditions)
            if (c.machine, c.section)[:width] == first[:width]
        ]
    )


def without_domains(conditions: Sequence[Condition]) -> list[Condition]:
    """Return conditions as they are shown when scoring."""
    return [replace(condition, domain=None) for condition in conditions]


def fit_parts(
    params: BaseModel, scope: Scope, train: ClipPool, lender: Lender
) -> dict[str, Detector]:
    """Return the detectors that ``params`` ask for, fitted on the clips of their own scopes.

    A part takes the parameters with which its class is checked, under those that ``params`` give.

    Raises
    ------
    PluginError
        When a part covers less than what it is a part of, whose scope is ``scope``.
    """
    fitted = {}
    for name, part in parts_of(params).items():
        cls, chosen = _part(part)
        detector: Detector = cls(chosen)
        own = cls.scope(chosen)
        if _WIDTH[own] > _WIDTH[scope]:
            raise PluginError(
                f"the part '{name}' ('{cls.info.id}') is fitted once a {own}, the whole once a "
                f"{scope}",
                "A part must cover what the whole covers: choose another detector for it.",
            )
        context = lender.context(parts=fit_parts(chosen, own, train, lender))
        detector.fit(in_scope(train, own), context)
        fitted[name] = detector
    return fitted


def _part(part: Part) -> tuple[type[Detector], BaseModel]:
    cls: type[Detector] = load("detectors", part.use)
    return cls, params_of(cls, {**getattr(cls, "check_params", {}), **part.params})


def fail_unless(holds: bool, seen: str, required: str, remedy: str) -> None:
    """Raise a failure unless something holds.

    Raises
    ------
    CheckFailure
        When it does not.
    """
    if not holds:
        raise CheckFailure(seen, required, remedy)
