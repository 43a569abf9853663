"""Choose which normal clips to test with, where a data set does not say.

The choice ranks recordings by a hash of the seed and their name: it does not depend on the order
of the clips or on the machine it runs on, and it moves few clips when clips are added.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """A clip before its split is known."""

    id: str
    recording: str
    """Clips of one recording stay together; the id where nothing else is known."""
    stratum: Hashable
    """Clips of one stratum are counted together."""
    anomalous: bool


def held_out(
    candidates: Sequence[Candidate], seed: int, wanted: Callable[[int, int], int]
) -> frozenset[str]:
    """Return the ids of the clips to test with: all anomalies, and some of the normals.

    Parameters
    ----------
    candidates
        All clips.
    seed
        Another seed, another choice.
    wanted
        Says, from the number of normals and of anomalies in a stratum, how many normals to
        test with. A recording is taken whole, so that a few more may be taken; one that holds
        an anomaly is always taken.
    """
    taken = {clip.recording for clip in candidates if clip.anomalous}
    anomalies = Counter(clip.stratum for clip in candidates if clip.anomalous)
    recordings: dict[Hashable, Counter[str]] = defaultdict(Counter)  # normals by recording
    for clip in candidates:
        if not clip.anomalous:
            recordings[clip.stratum][clip.recording] += 1
    for stratum, normals in recordings.items():
        count = wanted(normals.total(), anomalies[stratum])
        held = sum(normals[recording] for recording in normals.keys() & taken)
        for recording in sorted(normals.keys() - taken, key=lambda name: _rank(name, seed)):
            if held >= count:
                break
            taken.add(recording)
            held += normals[recording]
    return frozenset(clip.id for clip in candidates if clip.recording in taken)


def _rank(recording: str, seed: int) -> tuple[bytes, str]:
    digest = hashlib.sha256(f"{seed}:{recording}".encode("utf-8", "surrogateescape")).digest()
    return digest, recording
