"""Whether a generator learned from clips that it is evaluated on.

Clips are compared by the digest of their samples (:func:`asdbench.api.audio_digest`): the same
audio under two names, or in two containers, is found; a shifted, cut, louder or recoded copy is
not. For those there is the search for copies (:mod:`asdbench.audit.memorization`). A generator that
returns evaluation clips as they are has learned from them, whatever it says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from asdbench.api import TrainingManifest

LeakageStatus = Literal["none", "leaked", "unknown"]


@dataclass(frozen=True)
class Learned:
    """What one fit of a generator learned from, and what it is evaluated on.

    Clips are given as digests by id.
    """

    lent: Mapping[str, str]
    """Clips that the suite gave it."""
    evaluation: Mapping[str, str]
    """Clips that its own are compared with."""
    declares: bool
    """Whether it says what else it learned from, or that nobody knows."""
    manifest: TrainingManifest | None = None
    """What it says; None where it does not know, or says nothing."""


@dataclass(frozen=True)
class Leakage:
    """What was found."""

    status: LeakageStatus
    checked: int
    """Distinct evaluation clips."""
    lent: int
    """Distinct clips that the suite gave it."""
    listed: int
    """Distinct clips that it says it learned from elsewhere."""
    overlap: tuple[str, ...]
    """Evaluation clips among them, or among the generated clips, sorted."""
    returned: int = 0
    """Evaluation clips among the generated clips."""
    unknown: str | None = None
    """Why more could not be compared."""


def find_leakage(fits: Sequence[Learned], sample_rate: int, made: Collection[str] = ()) -> Leakage:
    """Look for the evaluation clips of each fit of a generator among what it learned from.

    Parameters
    ----------
    fits
        All fits of one generator.
    sample_rate
        At which the suite's clips were read before their digests were taken, Hz.
    made
        Digests of the clips that it made.
    """
    checked: set[str] = set()
    lent: set[str] = set()
    listed: set[str] = set()
    overlap: set[str] = set()
    given = {digest for fit in fits for digest in fit.lent.values()}  # to this fit or to another
    strange = set(made) - given
    returned: set[str] = set()
    unknown: str | None = None
    for fit in fits:
        known = set(fit.lent.values())
        lent |= known
        reason, elsewhere = _elsewhere(fit, sample_rate)
        unknown = unknown or reason
        listed |= elsewhere
        known |= elsewhere
        checked |= set(fit.evaluation)
        overlap |= {name for name, digest in fit.evaluation.items() if digest in known}
        returned |= {name for name, digest in fit.evaluation.items() if digest in strange}
    found = tuple(sorted(overlap | returned))
    status: LeakageStatus = "leaked" if found else "unknown" if unknown else "none"
    return Leakage(status, len(checked), len(lent), len(listed), found, len(returned), unknown)


def _elsewhere(fit: Learned, sample_rate: int) -> tuple[str | None, set[str]]:
    """Return why nothing can be said, or None; and the digests of clips learned elsewhere."""
    if not fit.declares:
        return "it does not say what else it learned from", set()
    if fit.manifest is None:
        return "nobody knows what its weights were trained on", set()
    if fit.manifest.clips and fit.manifest.sample_rate != sample_rate:
        rates = f"{fit.manifest.sample_rate} Hz, this suite has {sample_rate} Hz"
        return f"its list identifies clips at {rates}: they cannot be compared", set()
    return None, {clip.digest for clip in fit.manifest.clips}


def leakage_sentence(name: str, found: Leakage, sample_rate: int) -> str:
    """Return the finding in words, with what was compared."""
    sources = [f"the {found.lent} clips that this suite gave it"]
    if found.listed:
        sources.append(f"the {found.listed} that it was trained on before")
    among = " and ".join(sources)
    how = f"Compared by SHA-256 of the samples at {sample_rate} Hz"
    if found.status == "leaked":
        places = [among] if len(found.overlap) > found.returned else []
        if found.returned:
            places.append(f"the clips that it made ({found.returned}, sample for sample)")
        where = f"they are among {' or '.join(places)}"
        return (
            f"{name} learned from {len(found.overlap)} of the {found.checked} evaluation clips: "
            f"{where}. {how}."
        )
    none = f"none of the {found.checked} evaluation clips is among {among}"
    if found.status == "unknown":
        return f"{name}: {found.unknown}; {none}. {how}."
    return f"{name}: {none}. {how}; altered copies would not be found so."
