"""Checkpoints that come with the package."""

from __future__ import annotations

import hashlib
from pathlib import Path

from asdbench.errors import WeightsError

from .checkpoint import CARD, WEIGHTS

FOLDER = Path(__file__).parent / "checkpoints"
DIGESTS = {"mini": "1d4eae4d72676872356c56c7d7db9d6b1a4648d3334e54016481f2b0e9d8d96f"}
"""SHA-256 of the card and the weights, by name. Being code, they are part of the keys of what a run
caches: clips of an older checkpoint are never taken for those of a newer one."""


def shipped(name: str) -> Path:
    """Return the folder of a checkpoint that comes with the package.

    Raises
    ------
    WeightsError
        When there is none of that name, or its files are not those that were shipped.
    """
    folder = FOLDER / name
    if name not in DIGESTS or not folder.is_dir():
        raise WeightsError(
            f"this version of asdbench comes without the checkpoint '{name}'",
            f"There is {', '.join(DIGESTS)}. Train your own (`asdbench train generator mimii-gen "
            "--help`) and name its folder with 'checkpoint', or set 'checkpoint: null' to train on "
            "the suite's own clips.",
        )
    if digest(folder) != DIGESTS[name]:
        raise WeightsError(
            f"{folder} does not hold what was shipped: it is incomplete, or was changed",
            "Install asdbench again; to use a checkpoint of your own, name its folder.",
        )
    return folder


def digest(folder: Path) -> str:
    """Return the SHA-256 of a checkpoint's card and weights; of nothing where one is missing."""
    found = hashlib.sha256()
    for name in (CARD, WEIGHTS):
        path = folder / name
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()
