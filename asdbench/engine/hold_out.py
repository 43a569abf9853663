"""Which of the clips to learn from are kept aside for validation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from asdbench.api import Clip
from asdbench.conditions import format_attributes
from asdbench.engine.seeds import shuffle_rank

HoldOutBy = Literal["clip", "condition"]


@dataclass(frozen=True)
class HoldOut:
    """How much is held out, and by what."""

    share: float = 0.1
    """From 0 to less than 1."""
    by: HoldOutBy = "clip"
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


def hold_out(clips: Sequence[Clip], rule: HoldOut) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Divide ``clips`` into those to train on and those held out, each sorted by id.

    By clip: the share of each (machine, section, label), rounded; clips of one recording stay
    together, so that it may be a little more or less.

    By condition: whole conditions of each (machine, section), where a condition is its
    attributes: normal and anomalous clips of either domain go together. At least one condition
    is held out and at least one is kept where there are two or more; a section with a single
    condition is trained on.

    The choice depends on the seed and on names, not on the order of the listing.
    """
    held = _clips(clips, rule) if rule.by == "clip" else _conditions(clips, rule)
    ordered = sorted(clips, key=lambda c: c.id)
    return (
        tuple(c for c in ordered if c.id not in held),
        tuple(c for c in ordered if c.id in held),
    )


def _clips(clips: Sequence[Clip], rule: HoldOut) -> set[str]:
    strata: dict[tuple[str, ...], list[Clip]] = defaultdict(list)
    for clip in clips:
        strata[clip.machine, clip.section, clip.label or ""].append(clip)
    wanted = {stratum: round(rule.share * len(members)) for stratum, members in strata.items()}
    recordings: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        recordings[clip.recording or clip.id].append(clip)
    held: set[str] = set()
    count: Counter[tuple[str, ...]] = Counter()
    for name in sorted(recordings, key=lambda name: shuffle_rank(rule.seed, name)):
        members = recordings[name]
        adds = Counter((c.machine, c.section, c.label or "") for c in members)
        # Take a recording if that brings the share nearer to what was asked.
        if all(
            count[stratum] + added / 2 <= wanted[stratum]
            and count[stratum] + added < len(strata[stratum])
            for stratum, added in adds.items()
        ):
            held.update(c.id for c in members)
            count.update(adds)
    return held


def _conditions(clips: Sequence[Clip], rule: HoldOut) -> set[str]:
    sections: dict[tuple[str, str], dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        attributes = format_attributes(clip.condition.attributes)
        sections[clip.machine, clip.section][attributes].append(clip)
    held: set[str] = set()
    if rule.share == 0:
        return held
    for (machine, section), groups in sections.items():
        order = sorted(
            groups, key=lambda name: shuffle_rank(rule.seed, f"{machine}/{section}/{name}")
        )
        count = min(max(1, round(rule.share * len(order))), len(order) - 1)
        held.update(clip.id for name in order[:count] for clip in groups[name])
    return held
