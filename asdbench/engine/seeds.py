"""Every random number of a run derives from the suite's master seed."""

from __future__ import annotations

from asdbench.engine.store import digest


def derive_seed(master: int, *names: str | int) -> int:
    """Return a 63-bit seed for the purpose that ``names`` spell out.

    Seeds of different purposes are unrelated, and none depends on the order of the work.
    """
    return int(digest([master, *names])[:16], 16) >> 1


def shuffle_rank(seed: int, name: str) -> str:
    """Return a sort key that orders ``name`` among others at random, whatever the others are."""
    return digest(["rank", seed, name])
