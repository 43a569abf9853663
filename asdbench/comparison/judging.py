"""From two numbers, a tolerance and an interval to a status."""

from __future__ import annotations

from collections.abc import Callable

from asdbench.comparison.numbers import Pair
from asdbench.comparison.outcome import Change, Status
from asdbench.comparison.paired import Paired
from asdbench.comparison.tolerance import Tolerances

ROUNDING = 1e-12
"""Forgives the rounding of a sum, so that 0.7 -> 0.71 is within 0.01."""
NOT_EXAMINED = "no gate covers it"
Inference = Callable[[Pair], Paired]


def judge(pair: Pair, tolerances: Tolerances, inference: Inference) -> Change:
    """Return what became of one number.

    A number that moved by more than its tolerance fails, whatever its interval: the interval says
    whether other clips would show the same. A number that did not is within its tolerance only
    where its interval is. What no gate covers is not examined: it gets no interval.
    """
    tolerance, gated = tolerances.of(pair.quantity), tolerances.gated(pair.quantity)
    base = pair.base.value if pair.base is not None else None
    new = pair.new.value if pair.new is not None else None

    def change(
        status: Status, reason: str | None = None, beyond: bool = False, found: Paired | None = None
    ) -> Change:
        low, high, method = (found.low, found.high, found.method) if found else (None, None, None)
        return Change(
            pair.key, pair.quantity.name, base, new, status, gated, beyond, tolerance,
            low, high, method, reason,
        )  # fmt: skip

    if base is None or new is None:
        status, reason = _without_value(pair)
        return change(status if gated else ungated(status), reason)
    beyond = abs(new - base) > tolerance + ROUNDING
    if not gated:
        return change("not examined", NOT_EXAMINED, beyond)
    found = inference(pair)
    direction: Status = pair.quantity.direction(base, new)
    if found.low is None or found.high is None:
        return change(direction if beyond else "within tolerance", found.reason, beyond, found)
    ends = f"[{found.low:+.3f}, {found.high:+.3f}]"
    if beyond and (found.low > 0.0 or found.high < 0.0):
        return change(direction, found.reason, True, found)
    if beyond:
        reason = f"the interval {ends} includes 0: another draw of clips may not show it"
        return change("unresolved", reason, True, found)
    if max(-found.low, found.high) > tolerance + ROUNDING:
        reason = f"the interval {ends} reaches beyond {tolerance:g}: more clips are needed"
        return change("unresolved", reason, False, found)
    return change("within tolerance", found.reason, False, found)


def ungated(status: Status) -> Status:
    """Return what is said of a row that no gate covers: only whether it is there."""
    return status if status in ("lost", "appeared", "new") else "not examined"


def _without_value(pair: Pair) -> tuple[Status, str]:
    base, new = pair.base, pair.new
    if base is None:
        return "new", "the base has no such number"
    if new is None:
        return "lost", "the new report has no such number"
    if base.value is None and new.value is None:
        return "unresolved", f"no value on either side: {new.reason or 'no reason given'}"
    if new.value is None:
        return "lost", f"no value any more: {new.reason or 'no reason given'}"
    return "appeared", f"the base has no value: {base.reason or 'no reason given'}"
