"""``asdbench plugins check``."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asdbench.cli.options import ParameterOption, PluginOption

if TYPE_CHECKING:
    from asdbench.registry import Kind, PluginRef
    from asdbench.testing import Check, CheckFailure


_CHECKABLE: tuple[Kind, ...] = ("detectors", "generators")


@dataclass(frozen=True)
class Outcome:
    """What came of one check; ``message`` is empty where it passed."""

    name: str
    what: str
    seconds: float
    message: str
    cause: str
    """What the plug-in raised, or the message: failures with one cause are told once."""

    @property
    def passed(self) -> bool:
        """Whether the plug-in does as the contract says."""
        return not self.message


def check_plugin(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A name, ./file.py, or ./file.py:Class.")
    ],
    set_: ParameterOption = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CHECK", help="Execute this check alone. Repeatable."),
    ] = None,
    plugin: PluginOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check that a detector or generator does what its contract says.

    Each check executes one sentence of the contract on small simulated clips: scores are finite
    and rise with loud planted anomalies, neither order nor company of clips matters, the same
    seed gives the same result, what is saved is what is loaded, global random state stays as it
    is, and so on. docs/conformance.md lists them.

    The plug-in is fitted four times. It says with which parameters that is quick (class attribute
    check_params); --set adds to them. ./file.py alone checks all that the file registers,
    or the one class in it where it registers nothing.

    Exit codes: 0 all checks passed, 2 no such plug-in or parameter, 3 a check failed.

    For example:

        asdbench plugins check dcase-ae

        asdbench plugins check ./my_detector.py:MyKNN --set neighbors=3

        asdbench plugins check my-knn --plugin my_detector.py --only save-load --only order
    """
    rows = []
    for ref in _named(name):
        checks = _chosen(ref, _checks(ref, set_ or ()), only or ())
        outcomes = _execute(ref.id, checks)
        rows.append(_json(ref, outcomes))
        if not as_json:
            _print(ref, outcomes)
    if as_json:
        import json

        typer.echo(json.dumps(rows, indent=2))
    if not all(row["passed"] for row in rows):
        raise typer.Exit(3)


def _named(name: str) -> list[PluginRef]:
    """Return the detectors and generators that ``name`` means."""
    from asdbench.errors import PluginError
    from asdbench.registry import KINDS, did_you_mean, find_anywhere, plugins, register_file

    names = sorted({ref.id for kind in _CHECKABLE for ref in plugins(kind)})
    if name.endswith(".py"):
        only = _only_class(name)
        found = find_anywhere(f"{name}:{only}") if only else register_file(name)
    elif ".py" in name or any(ref.id == name for kind in KINDS for ref in plugins(kind)):
        found = find_anywhere(name)
    else:
        raise PluginError(
            f"no detector or generator '{name}'.{did_you_mean(name, names)}",
            f"Allowed: {', '.join(names)}; or ./file.py:Class.",
        )
    checkable = [ref for ref in found if ref.kind in _CHECKABLE]
    if not checkable:
        raise PluginError(
            f"there are no checks for {', '.join(str(ref) for ref in found)}",
            f"Detectors and generators can be checked: {', '.join(names)}.",
        )
    return checkable


def _only_class(name: str) -> str | None:
    """Return the one detector or generator in a file that registers nothing, if there is one."""
    import inspect

    from asdbench.api import Detector, Generator
    from asdbench.errors import PluginError
    from asdbench.registry.files import import_file

    file = import_file(Path(name))
    if any(file.registered.values()):
        return None
    classes = {
        value: key
        for key, value in vars(file.module).items()
        if inspect.isclass(value)
        and issubclass(value, Detector | Generator)
        and not inspect.isabstract(value)
    }
    own = {cls: key for cls, key in classes.items() if cls.__module__ == file.module.__name__}
    found = list((own or classes).values())  # a package imports what it holds
    if len(found) > 1:
        raise PluginError(
            f"{name} registers nothing and has {len(found)} classes: {', '.join(found)}",
            f"Name the one to check: {name}:{found[0]}.",
        )
    return found[0] if found else None


def _checks(ref: PluginRef, settings: Sequence[str]) -> list[Check]:
    from asdbench.suite.arguments import load_plugin
    from asdbench.testing import detector_checks, generator_checks

    cls = ref.load()
    params = None
    if settings:
        params = load_plugin(ref.kind, ref.id, [*_defaults(cls, settings), *settings]).params
    make: Any = detector_checks if ref.kind == "detectors" else generator_checks
    checks: list[Check] = make(cls, params)
    return checks


def _defaults(cls: type[Any], settings: Sequence[str]) -> list[str]:
    """Return the class's own parameters for checks as ``--set`` has them, less what is given."""
    import json

    given = {text.partition("=")[0] for text in settings}
    return [
        f"{name}={json.dumps(value, default=str)}"
        for name, value in cls.check_params.items()
        if name not in given
    ]


def _chosen(ref: PluginRef, checks: list[Check], only: Sequence[str]) -> list[Check]:
    from asdbench.errors import PluginError
    from asdbench.registry import did_you_mean

    known = [check.name for check in checks]
    for name in only:
        if name not in known:
            raise PluginError(
                f"{ref} has no check '{name}'.{did_you_mean(name, known)}",
                f"Allowed: {', '.join(known)}.",
            )
    return [check for check in checks if not only or check.name in only]


def _execute(name: str, checks: Sequence[Check]) -> list[Outcome]:
    from asdbench.testing import CheckFailure

    outcomes = []
    live = sys.stderr.isatty()
    for number, check in enumerate(checks, start=1):
        line = f"[{number:{len(str(len(checks)))}d}/{len(checks)}] {name}: {check.name}"
        if live:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
        began, message, cause = time.monotonic(), "", ""
        try:
            check()
        except CheckFailure as failure:
            message, cause = str(failure), _cause(failure)
        seconds = time.monotonic() - began
        outcomes.append(Outcome(check.name, check.what, seconds, message, cause))
        if not live:
            sys.stderr.write(f"{line} {'FAILED' if message else 'passed'} {seconds:.1f} s\n")
            sys.stderr.flush()
    if live:
        sys.stderr.write("\r\x1b[K")
    return outcomes


def _cause(failure: CheckFailure) -> str:
    from asdbench.testing.check import describe_error

    raised = failure.__cause__
    return describe_error(raised) if raised is not None else str(failure)


def _json(ref: PluginRef, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "kind": ref.kind,
        "id": ref.id,
        "origin": ref.origin,
        "passed": all(outcome.passed for outcome in outcomes),
        "checks": [
            {
                "name": outcome.name,
                "what": outcome.what,
                "result": "passed" if outcome.passed else "failed",
                "seconds": round(outcome.seconds, 3),
                "message": outcome.message or None,
            }
            for outcome in outcomes
        ],
    }


def _print(ref: PluginRef, outcomes: Sequence[Outcome]) -> None:
    from asdbench.cli.tables import compact_table, console

    failed = [outcome for outcome in outcomes if not outcome.passed]
    verdict = f"{len(failed)} of {len(outcomes)} checks failed" if failed else "all checks passed"
    typer.echo(f"{ref}: {verdict}")
    table = compact_table()
    for head in ("check", "result"):
        table.add_column(head, no_wrap=True)
    table.add_column("seconds", justify="right")
    for outcome in outcomes:
        result = "passed" if outcome.passed else "FAILED"
        table.add_row(outcome.name, result, f"{outcome.seconds:.1f}")
    console().print(table)
    first: dict[str, str] = {}
    for outcome in failed:
        typer.echo(f"{outcome.name}: {outcome.what}")
        said = first.setdefault(outcome.cause, outcome.name)
        text = outcome.message if said == outcome.name else f"as {said}"
        typer.echo("".join(f"  {line}\n" for line in text.splitlines()))
