"""``--only machine=fan``: a part of a suite."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from asdbench.registry import did_you_mean
from asdbench.suite.model import Suite
from asdbench.suite.outcome_models import ORACLE
from asdbench.suite.problem import Place, Problem

FIELDS = ("machine", "section", "detector", "generator")


def narrow(
    suite: Suite, only: Sequence[str], members: Mapping[str, Sequence[str]]
) -> tuple[Suite, list[Problem]]:
    """Return the suite restricted to what ``only`` names, and what it names wrongly.

    ``only`` are ``FIELD=NAME``; several of one field add up. Machines and sections that the
    suite does not list are left for the data set to know. ``members`` are the ids that a sweep
    stands for, by its own.
    """
    wanted: dict[str, list[str]] = defaultdict(list)
    problems: list[Problem] = []
    for text in only:
        field, _, name = text.partition("=")
        if field not in FIELDS or not name:
            message = f"expected FIELD=NAME.{did_you_mean(field, FIELDS)}"
            hint = f"Fields: {', '.join(FIELDS)}."
            problems.append(Problem.at(Place(f"--only {text}"), message, hint))
            continue
        names = members.get(name, (name,)) if field == "detector" else (name,)
        known = _known(suite, field)
        if known is not None and not set(names) <= set(known):
            allowed = (*members, *known) if field == "detector" else known
            message = f"the suite has no {field} '{name}'.{did_you_mean(name, allowed)}"
            hint = f"Allowed: {', '.join(known) or 'none'}."
            problems.append(Problem.at(Place(f"--only {text}"), message, hint))
        wanted[field] += names
    update: dict[str, Any] = {}
    chosen = {f"{f}s": tuple(dict.fromkeys(wanted[f])) for f in FIELDS[:2] if f in wanted}
    if chosen:
        update["dataset"] = suite.dataset.model_copy(update=chosen)
    if "detector" in wanted:
        update |= _of_detectors(suite, wanted["detector"])
    if "generator" in wanted:
        ids = wanted["generator"]
        update["generators"] = tuple(g for g in suite.generators if g.id in ids)
        update["grids"] = {n: g for n, g in suite.grids.items() if g.generator in ids}
    return suite.model_copy(update=update), problems


def _of_detectors(suite: Suite, ids: Sequence[str]) -> dict[str, Any]:
    """Return the detectors, and what is left of selections and references."""
    selections = []
    for selection in suite.selections:
        left = tuple(name for name in selection.candidates if name in ids)
        if left:
            selections.append(selection.model_copy(update={"among": left}))
    there = {*ids, *(s.id for s in selections), *(s.id + ORACLE for s in selections)}
    return {
        "detectors": tuple(d for d in suite.detectors if d.id in ids),
        "selections": tuple(selections),
        "references": tuple(
            used.model_copy(
                update={"detectors": {m: d for m, d in used.detectors.items() if d in there}}
            )
            for used in suite.references
        ),
    }


def _known(suite: Suite, field: str) -> tuple[str, ...] | None:
    match field:
        case "machine":
            return suite.dataset.machines
        case "section":
            return suite.dataset.sections
        case "detector":
            return tuple(plugin.id for plugin in suite.detectors)
        case _:
            return tuple(plugin.id for plugin in suite.generators)
