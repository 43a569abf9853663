"""What a task has to do, as the store notes it beside the time that it took."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asdbench.engine.store import digest

if TYPE_CHECKING:
    from asdbench.engine.tasks import Task

_LISTS = ("train", "real", "clips", "made", "parts", "known")
"""Fields of tasks that hold clips to read."""


@dataclass(frozen=True)
class Workload:
    """What tasks have in common that take as long for each clip."""

    task: str
    """Type of the task."""
    plugin: str
    """As a suite uses it; empty where the harness works itself."""
    params: str
    """Digest of the plug-in's parameters."""

    def __str__(self) -> str:
        words = re.sub(r"(?<!^)([A-Z])", r" \1", self.task).lower()
        return f"{words} {self.plugin}".strip()


def workload(task: Task) -> tuple[Workload, int]:
    """Return what a task is like, and how many clips it has; at least 1."""
    use = getattr(task, "use", None)
    like = Workload(
        type(task).__name__,
        "" if use is None else use.plugin.use,
        digest({} if use is None else use.values),
    )
    seeds = getattr(task, "seeds", None)
    if seeds is not None:
        return like, max(1, len(seeds))  # a clip to make takes longer than one to read
    return like, max(1, sum(_count(getattr(task, name, ())) for name in _LISTS))


def _count(listed: Any) -> int:
    """Return the clips in a list of clips, or of lists of clips."""
    return sum(len(item) if isinstance(item, tuple) else 1 for item in listed)


def work_notes(task: Task, seconds: float, device: str) -> dict[str, Any]:
    """Return what the store notes about the work that made an entry."""
    like, size = workload(task)
    return {
        "task": like.task,
        "plugin": like.plugin,
        "params": like.params,
        "size": size,
        "seconds": round(seconds, 3),
        "device": device,
    }
