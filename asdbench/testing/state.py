"""What belongs to the process and not to a plug-in: random state, defaults of torch and numpy."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class _Item:
    """One piece of state, how to read it and how to put it back."""

    name: str
    get: Callable[[], Any]
    put: Callable[[Any], object]


def _items() -> list[_Item]:
    import torch

    return [
        _Item("random.getstate()", random.getstate, random.setstate),
        _Item(
            "numpy.random.get_state()",
            lambda: np.random.get_state(legacy=True),  # noqa: NPY002 - the state that is guarded
            lambda state: np.random.set_state(state),  # noqa: NPY002
        ),
        _Item("torch.get_rng_state()", torch.get_rng_state, torch.set_rng_state),
        _Item("torch.get_default_dtype()", torch.get_default_dtype, torch.set_default_dtype),
        _Item("torch.get_num_threads()", torch.get_num_threads, torch.set_num_threads),
        _Item("torch.is_grad_enabled()", torch.is_grad_enabled, torch.set_grad_enabled),
        _Item(
            "torch.are_deterministic_algorithms_enabled()",
            torch.are_deterministic_algorithms_enabled,
            torch.use_deterministic_algorithms,
        ),
        _Item(
            "torch.backends.cudnn.deterministic",
            lambda: torch.backends.cudnn.deterministic,
            lambda value: setattr(torch.backends.cudnn, "deterministic", value),
        ),
        _Item(
            "torch.backends.cudnn.benchmark",
            lambda: torch.backends.cudnn.benchmark,
            lambda value: setattr(torch.backends.cudnn, "benchmark", value),
        ),
        _Item("numpy.geterr()", np.geterr, lambda state: np.seterr(**state)),
        _Item("the working folder", os.getcwd, os.chdir),
    ]


@dataclass(frozen=True)
class ProcessState:
    """A snapshot of what plug-ins must leave alone."""

    items: tuple[tuple[_Item, Any], ...]

    @classmethod
    def now(cls) -> ProcessState:
        """Return the present state."""
        return cls(tuple((item, item.get()) for item in _items()))

    def changed(self) -> list[str]:
        """Return what differs from the snapshot, by name."""
        return [item.name for item, before in self.items if not _equal(before, item.get())]

    def restore(self) -> None:
        """Put back what differs from the snapshot."""
        for item, before in self.items:
            if not _equal(before, item.get()):
                item.put(before)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if hasattr(one, "shape"):
        return bool((one == other).all())
    return bool(one == other)


@contextmanager
def preserved() -> Iterator[ProcessState]:
    """Put the state of the process back at the end, whatever happened in between."""
    state = ProcessState.now()
    try:
        yield state
    finally:
        state.restore()


def seed_everything(seed: int) -> None:
    """Seed all global generators, so that whoever draws from them is found out."""
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - see above
    torch.default_generator.manual_seed(seed)
