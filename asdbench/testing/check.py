"""One sentence of a contract, executable."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from asdbench.errors import WeightsError

T = TypeVar("T")


class CheckFailure(AssertionError):  # noqa: N818 - pytest says that a check failed
    """A plug-in does not do what its contract says.

    Parameters
    ----------
    seen
        What the plug-in did.
    required
        What the contract asks for.
    remedy
        What to do about it.
    """

    def __init__(self, seen: str, required: str, remedy: str) -> None:
        super().__init__(f"seen: {seen}\nrequired: {required}\nwhat to do: {remedy}")
        self.seen = seen
        self.required = required
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[CheckFailure], tuple[str, str, str]]:
        # Exceptions cross process boundaries; the default would pass the joined text only.
        return (type(self), (self.seen, self.required, self.remedy))


@dataclass(frozen=True)
class Check:
    """A named check. Call it without arguments: it returns, or raises :class:`CheckFailure`.

    Parameters
    ----------
    name
        Lower-case words joined by hyphens, e.g. ``save-load``.
    what
        The sentence of the contract that it executes.
    run
        Does the work.
    """

    name: str
    what: str
    run: Callable[[], None] = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self.name

    def __call__(self) -> None:
        """Execute the check.

        Raises
        ------
        CheckFailure
            When the plug-in breaks its contract, or raises where it should not.
        WeightsError
            When a model's weights are not on this machine, which is not the plug-in's fault.
        """
        with required_to_work("it", self.what):
            self.run()


@contextmanager
def required_to_work(what: str, required: str) -> Iterator[None]:
    """Turn what a plug-in raises into a failure.

    Raises
    ------
    CheckFailure
        When something is raised.
    WeightsError
        As it is: the plug-in is not at fault.
    """
    try:
        yield
    except (CheckFailure, WeightsError):
        raise
    except (Exception, SystemExit) as error:
        raise CheckFailure(
            f"{what} raised {describe_error(error)}",
            required,
            f"mend what raised{_last_calls(error)}.",
        ) from error


_STRANGERS = {*sys.stdlib_module_names, "numpy", "pydantic", "scipy", "sklearn", "torch"}
"""What stands between the checks and a plug-in, or below it."""


def _last_calls(error: BaseException) -> str:
    """Return where in the plug-in's own code it was, the innermost three calls."""
    calls: list[tuple[str, str]] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        package = module.partition(".")[0]
        if package not in _STRANGERS and not module.startswith(__package__):
            code = frame.f_code
            calls.append((package, f"{Path(code.co_filename).name}:{line} {code.co_name}"))
    own = [call for package, call in calls if package == calls[0][0]]
    return f"; calls, the last one last: {', '.join(own[-3:])}" if own else ""


def describe_error(error: BaseException) -> str:
    """Return type, message and place of an exception on one line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}{where}" if text else f"{type(error).__name__}{where}"


class Once(Generic[T]):
    """Calls ``make`` when first asked, and gives everybody the same result or error."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        self._error: BaseException | None = None

    def __call__(self) -> T:
        """Return the result.

        Raises
        ------
        Exception or SystemExit
            What ``make`` raised, every time.
        """
        if self._error is not None:
            raise self._error
        if not self._made:
            try:
                self._made.append(self._make())
            except (Exception, SystemExit) as error:
                self._error = error
                raise
        return self._made[0]
