"""Which scored clips are set side by side: the arms of a suite (docs/metrics.md, Arms)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from asdbench.suite.model import REAL, Suite

ArmName = str
SIDES: Mapping[ArmName, tuple[str, str]] = {
    "real": ("real normals", "real anomalies"),
    "matched": ("generated normals", "generated anomalies"),
    "paper": ("real normals", "generated anomalies"),
    "artifact": ("real normals", "generated normals"),
    "coded": ("coded normals", "coded anomalies"),
    "codec": ("real normals", "coded normals"),
}
"""What each arm sets in the place of normals and in that of anomalies."""


@dataclass(frozen=True)
class Pairing:
    """The grids of one generator that are set side by side."""

    generator: str
    grids: Mapping[str, str]
    """Grid by what it holds, e.g. ``coded normals``; a pool without a grid is absent."""

    @property
    def anomalies(self) -> str | None:
        """The grid that asks for anomalies."""
        return self.grids.get("generated anomalies")

    def origin(self, pool: str) -> str | None:
        """Return where the clips of ``pool`` come from: ``real``, a grid, or None."""
        return REAL if pool.startswith("real ") else self.grids.get(pool)

    def missing(self, pool: str) -> str:
        """Return why there is no ``pool``."""
        label = pool.partition(" ")[2].replace("anomalies", "anomaly").replace("normals", "normal")
        made = ", make: roundtrip" if pool.startswith("coded") else ""
        wanted = f"{{generator: {self.generator}, label: {label}{made}}}"
        return f"the suite has no grid of {pool}: {wanted}"


class Wanted(Protocol):
    """A grid, in a suite or in a report."""

    @property
    def generator(self) -> str:
        """`id` in the suite."""

    @property
    def label(self) -> str:
        """`normal` or `anomaly`."""

    @property
    def make(self) -> str:
        """`generate` or `roundtrip`."""

    @property
    def sweeps(self) -> bool:
        """Whether it goes over axes, and so belongs to no arm."""


def pairings(suite: Suite) -> list[Pairing]:
    """Return the grids of each generator: one pairing for every grid of anomalies, or one."""
    return pairings_of([plugin.id for plugin in suite.generators], suite.grids)


def pairings_of(generators: Sequence[str], grids: Mapping[str, Wanted]) -> list[Pairing]:
    """Return :func:`pairings` of generators, by id, and of what they are asked for."""
    found = []
    for generator in generators:
        pools: dict[str, list[str]] = {}
        for name, grid in grids.items():
            if grid.generator == generator and not grid.sweeps:
                made = "generated" if grid.make == "generate" else "coded"
                label = "normals" if grid.label == "normal" else "anomalies"
                pools.setdefault(f"{made} {label}", []).append(name)
        asked = pools.pop("generated anomalies", [])
        controls = {pool: names[0] for pool, names in pools.items()}  # the suite has one of each
        found += [Pairing(generator, {"generated anomalies": n, **controls}) for n in asked]
        if controls and not asked:
            found.append(Pairing(generator, controls))
    return found


def sweep_pairings(suite: Suite) -> list[Pairing]:
    """Return the grids over axes, each with the controls of its generator: for coverage alone."""
    controls = {
        found.generator: {n: grid for n, grid in found.grids.items() if n != "generated anomalies"}
        for found in pairings(suite)
    }
    return [
        Pairing(g.generator, {"generated anomalies": name, **controls.get(g.generator, {})})
        for name, g in suite.grids.items()
        if g.sweeps
    ]


def arm_origins(pairing: Pairing) -> dict[ArmName, tuple[str, str]]:
    """Return the origins of both sides of every arm that the grids of ``pairing`` allow."""
    found = {}
    for name, sides in SIDES.items():
        negative, positive = (pairing.origin(side) for side in sides)
        if negative is not None and positive is not None:
            found[name] = negative, positive
    return found


def pool_name(*origins: str) -> str:
    """Return what clips of these origins are called where they are scored together."""
    return "+".join(dict.fromkeys(origins))


def within(pool: str, origin: str) -> str:
    """Return what the clips of ``origin`` are called when they are scored in ``pool``."""
    return origin if pool == origin else f"{origin} in {pool}"
