"""From the values that a gate looked at to its result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from asdbench.report.outcome_schema import GateResult, GateValue, Verdict
from asdbench.report.text import with_interval

SHOWN = 3
"""Rows that a reason names."""


def rule(
    gate: BaseModel,
    demand: str,
    values: Sequence[GateValue],
    absent: str,
    *,
    signed: bool = False,
) -> GateResult:
    """Return the result of a gate.

    It fails where a value fails, passes where all pass and there is one, and is inconclusive
    otherwise.

    Parameters
    ----------
    gate
        A gate of a suite.
    demand
        What must hold, in words.
    values
        What was looked at.
    absent
        Why there is no value, where there is none.
    signed
        Whether numbers are shown with their sign.
    """
    verdict = verdict_of_values(values)
    reason = _reason(values, verdict, signed) if values else absent
    return GateResult(
        **head(gate), demand=demand, verdict=verdict, reason=reason, values=tuple(values)
    )


def head(gate: BaseModel) -> dict[str, Any]:
    """Return the fields of a result that repeat the gate."""
    said = gate.model_dump(mode="json")
    own = {key: said.pop(key) for key in ("id", "check")}
    shared = {key: said.get(key) for key in ("metric", "over", "reference", "tolerance")}
    return {**own, **shared, "settings": said}


def verdict_of_values(values: Sequence[GateValue]) -> Verdict:
    """Return ``fail`` before ``inconclusive`` before ``pass``; without values nothing passes."""
    found = {value.verdict for value in values}
    if "fail" in found:
        return "fail"
    return "pass" if found == {"pass"} else "inconclusive"


def _reason(values: Sequence[GateValue], verdict: Verdict, signed: bool) -> str:
    deciding = sorted((v for v in values if v.verdict == verdict), key=pressing)
    what = {"fail": "fail", "inconclusive": "undecided", "pass": "pass"}[verdict]
    count = f"{len(deciding)} of {len(values)} {what}"
    if verdict == "pass":
        least = max(deciding, key=lambda value: value.p_pass or 0.0)
        if len(values) == 1:
            return _described(least, signed)
        if least.p_pass is None:
            return f"all {len(values)} pass"
        return f"all {len(values)} pass, the least clear: {_described(least, signed)}"
    named = [_described(value, signed) for value in deciding[:SHOWN]]
    if len(deciding) > SHOWN:
        named.append(f"and {len(deciding) - SHOWN} more")
    return f"{count}: {'; '.join(named)}"


def pressing(value: GateValue) -> float:
    """Return what sorts the values that speak most clearly against a gate to the front."""
    return value.p_fail if value.p_fail is not None else 1.0


def _described(value: GateValue, signed: bool) -> str:
    """Return a value in words, e.g. ``fan, ae, mimii-gen: +0.120 [+0.070, +0.170]``."""
    shown = value.reason
    if shown is None and value.ours is not None:
        shown = with_interval(value.ours, value.low, value.high, signed)
    where = _place(value)
    if not where or not shown:
        return where or shown or "no value"
    if value.generator is not None and shown.startswith(f"{value.generator} "):
        return shown  # a sentence about it
    return f"{where}: {shown.removeprefix(f'{value.machine}: ')}"


def _place(value: GateValue) -> str:
    """Return what a value belongs to, e.g. ``fan/00/source, ae-mse, mimii-gen (matched)``."""
    parts = (value.machine, value.section, value.domain)
    made = value.generator or ""
    if value.grid is not None:
        made += f" ({value.grid})"
    words = ["/".join(p for p in parts if p), value.method or value.detector or "", made.strip()]
    return ", ".join(word for word in words if word)
