"""Checks of selections, references and gates: that each names what is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from asdbench.errors import SuiteError
from asdbench.registry import did_you_mean
from asdbench.suite.gate_checks import Nameable, gate_problems
from asdbench.suite.outcome_models import ORACLE, ReferenceUseModel, SelectionModel
from asdbench.suite.problem import Problem
from asdbench.suite.reference import Reference, load_reference
from asdbench.suite.validate import validate
from asdbench.suite.yaml_source import Document, KeyPath

M = TypeVar("M", bound=BaseModel)


def check_outcomes(
    document: Document, folder: Path, members: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Reference], list[Problem]]:
    """Return the published numbers that the suite names, by `use`, and its mistakes.

    Parameters
    ----------
    document
        After overrides and sweeps. It may hold other mistakes: what has the wrong form is left
        to the checks of the format.
    folder
        What paths of references are relative to.
    members
        What sweeps stand for, for hints.
    """
    problems: list[Problem] = []
    detectors = [v["id"] for _, v in _items(document, "detectors") if isinstance(v.get("id"), str)]
    selections = _models(document, "selections", SelectionModel)
    for path, selection in selections:
        problems += _selection_problems(document, path, selection, detectors, members)
    problems += _repeated(document, "selections", detectors)
    names = [selection.id for _, selection in selections]
    targets = [*detectors, *names, *(name + ORACLE for name in names)]
    found: dict[str, Reference] = {}
    for path, used in _models(document, "references", ReferenceUseModel):
        place = document.place((*path, "use"))
        if used.use in found:
            problems.append(Problem.at(place, f"'{used.use}' is given twice", "Give it once."))
            continue
        try:
            found[used.use] = load_reference(used.use, folder)
        except SuiteError as error:
            problems.append(Problem.at(place, error.message, error.hint or ""))
            continue
        problems += _use_problems(document, path, used, found[used.use], targets, members)
    known = Nameable(
        detectors,
        [v["id"] for _, v in _items(document, "generators") if isinstance(v.get("id"), str)],
        [str(path[1]) for path in document.keys if len(path) == 2 and path[0] == "grids"],
        {r.id: {(v.metric, v.section is not None) for v in r.values} for r in found.values()},
        members,
    )
    problems += gate_problems(document, known)
    return found, problems


def _selection_problems(
    document: Document,
    path: KeyPath,
    selection: SelectionModel,
    detectors: Sequence[str],
    members: Collection[str],
) -> Iterator[Problem]:
    for k, name in enumerate(selection.candidates):
        if name not in detectors:
            message = f"unknown detector '{name}'.{did_you_mean(name, [*members, *detectors])}"
            yield Problem.at(document.place((*path, "among", k)), message, _listed(detectors))
    if not selection.candidates:
        place = document.place((*path, "among"))
        yield Problem.at(place, "among: there is nothing to choose from", _listed(detectors))
    listed = document.data.get("dataset")
    known = listed.get("sections") if isinstance(listed, dict) else None
    for key, part in (("choose_on", selection.choose_on), ("report_on", selection.report_on)):
        for k, section in enumerate(part.sections):
            if isinstance(known, list) and section not in known:
                place = document.place((*path, key, "sections", k))
                yield Problem.at(
                    place, f"the dataset has no section '{section}'", _listed(known, "sections")
                )
    both = sorted({*selection.choose_on.sections} & {*selection.report_on.sections})
    if both:
        place = document.place((*path, "report_on", "sections"))
        message = f"section '{both[0]}' is chosen on and reported on"
        yield Problem.at(place, message, "A result on data that chose it is none.")


def _use_problems(
    document: Document,
    path: KeyPath,
    used: ReferenceUseModel,
    reference: Reference,
    targets: Sequence[str],
    members: Mapping[str, Sequence[str]],
) -> Iterator[Problem]:
    for method, target in used.detectors.items():
        inside = (*path, "detectors", method)
        if method not in reference.methods:
            message = f"'{used.use}' has no method '{method}'."
            message += did_you_mean(method, reference.methods)
            yield Problem.at(document.key_place(inside), message, _listed(reference.methods, ""))
        if target not in targets:
            message = f"unknown detector or selection '{target}'.{did_you_mean(target, targets)}"
            hint = _listed([name for name in targets if not name.endswith(ORACLE)])
            if target in members:
                hint = f"It has a sweep: name a selection, or one of {', '.join(members[target])}."
            yield Problem.at(document.place(inside), message, hint)
    definition = document.data.get("definition", "dcase2022")
    if definition != reference.definition:
        message = f"'{used.use}' has numbers by {reference.definition}, the suite by {definition}"
        hint = f"Set definition: {reference.definition}."
        yield Problem.at(document.place((*path, "use")), message, hint)


def _repeated(document: Document, key: str, taken: Collection[str]) -> Iterator[Problem]:
    """Yield the ids under ``key`` that are used before, or by a detector."""
    seen = set(taken)
    for path, item in _items(document, key):
        name = item.get("id")
        if isinstance(name, str) and name in seen:
            place = document.place((*path, "id"))
            yield Problem.at(place, f"duplicate id '{name}'", "Give each its own id.")
        elif isinstance(name, str):
            seen.add(name)


def _models(document: Document, key: str, model: type[M]) -> list[tuple[KeyPath, M]]:
    """Return what stands under ``key`` and has the right form."""
    found = []
    for path, item in _items(document, key):
        valid, _ = validate(model, item, document, path)
        if valid is not None:
            found.append((path, valid))
    return found


def _items(document: Document, key: str) -> list[tuple[KeyPath, dict[str, Any]]]:
    items = document.data.get(key) if isinstance(document.data, dict) else None
    if not isinstance(items, list):
        return []
    return [((key, i), item) for i, item in enumerate(items) if isinstance(item, dict)]


def _listed(names: Collection[str], what: str = "ids under 'detectors'") -> str:
    where = f" ({what})" if what else ""
    shown = list(names)[:12]
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"Allowed{where}: {', '.join(shown) or 'none'}{more}."
