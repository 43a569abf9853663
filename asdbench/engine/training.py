"""Train what a plug-in offers to train, on clips that are written down first."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asdbench import __version__
from asdbench.api import Clip, Context, SupportsTraining
from asdbench.engine.folder import agrees, claimed, state
from asdbench.engine.hold_out import HoldOut, hold_out
from asdbench.engine.material import Material, WorkObserver, census
from asdbench.engine.run import choose_device
from asdbench.engine.seeds import derive_seed
from asdbench.errors import DataError, PluginError
from asdbench.registry import Kind, did_you_mean, find_anywhere, plugins
from asdbench.suite import LoadedPlugin
from asdbench.suite.arguments import load_plugin

MANIFEST = "training_manifest.json"
FORMAT = "asdbench/training@1"
_KINDS: tuple[Kind, ...] = ("generators", "detectors")


@dataclass(frozen=True)
class Training:
    """One training: what, on which clips, from which seed."""

    part: str
    plugin: LoadedPlugin
    material: Material
    train: tuple[Clip, ...]
    held_out: tuple[Clip, ...]
    rule: HoldOut
    seed: int

    @property
    def manifest(self) -> dict[str, Any]:
        """All that the result depends on, beside the machine: no folder, no time."""
        info = self.plugin.cls.info
        return {
            "format": FORMAT,
            "asdbench": __version__,
            "plugin": {"id": info.id, "version": info.version, "params": self.plugin.identity},
            "part": self.part,
            "seed": self.seed,
            "data": dict(self.material.facts),
            "audio": {
                "sample_rate": self.material.audio.sample_rate,
                "channel": self.material.audio.channel,
            },
            "hold_out": self.rule.to_json(),
            "train": [self.material.describe(clip) for clip in self.train],
            "held_out": [self.material.describe(clip) for clip in self.held_out],
        }


def load_trainable(part: str, use: str, settings: Sequence[str] = ()) -> LoadedPlugin:
    """Return the plug-in ``use`` with its parameters, after checking that it can train ``part``.

    Raises
    ------
    AsdbenchError
        When there is no such plug-in or part, with all that can be trained; or when parameters
        are wrong, one line for every mistake.
    """
    refs = [ref for ref in find_anywhere(use, Path()) if ref.kind in _KINDS]
    refs = [ref for ref in refs if _trainable(ref.load())]
    if not refs:
        raise PluginError(f"'{use}' has nothing to train", _what_is_trainable())
    parts = _trainable(refs[0].load())
    if part not in parts:
        raise PluginError(
            f"'{use}' has no part '{part}' to train.{did_you_mean(part, parts)}",
            "It has:\n" + "\n".join(f"    {name}: {what}" for name, what in parts.items()),
        )
    return load_plugin(refs[0].kind, use, settings)


def _trainable(cls: type[Any]) -> Mapping[str, str]:
    parts = getattr(cls, "trainable", None)
    return parts if isinstance(parts, Mapping) and callable(getattr(cls, "train", None)) else {}


def _what_is_trainable() -> str:
    """Return a line for everything that can be trained; broken plug-ins are left out."""
    lines = []
    for ref in [ref for kind in _KINDS for ref in plugins(kind)]:
        try:
            parts = _trainable(ref.load())
        except PluginError:
            continue
        lines += [f"    asdbench train {name} {ref.id}: {what}" for name, what in parts.items()]
    return "\n".join(["Trainable:", *lines]) if lines else "No plug-in here can be trained."


def plan_training(
    part: str, plugin: LoadedPlugin, material: Material, rule: HoldOut, seed: int
) -> Training:
    """Decide which clips to train on and which to hold out.

    Raises
    ------
    DataError
        When none are left to train on.
    """
    train, held_out = hold_out(material.clips, rule)
    if not train:
        raise DataError(
            f"all {len(held_out)} clips are held out; none are left to train on",
            "Lower --hold-out.",
        )
    return Training(part, plugin, material, train, held_out, rule, seed)


def run_training(training: Training, folder: Path, *, device: str, observer: WorkObserver) -> None:
    """Train into ``folder``, going on from what an interrupted call left there.

    The manifest is written before the plug-in is called.

    Raises
    ------
    AsdbenchError
        When the folder holds another training, or the work cannot be done.
    """
    material, info = training.material, training.plugin.cls.info
    device = choose_device(device)
    with claimed(folder, material.store):
        manifest = training.manifest
        begun = agrees(folder, MANIFEST, manifest)
        if material.unlabelled:
            observer.say(f"{material.unlabelled} clips without a label are left out")
        observer.say(
            f"{'resuming' if begun else 'training'} {training.part} of {info.id}: "
            f"{census(training.train)}, {len(training.held_out)} held out -> {folder}"
        )
        material.build([*training.train, *training.held_out], observer)
        if not begun:
            state(folder, MANIFEST, manifest)
        plugin: SupportsTraining = training.plugin.cls(training.plugin.params)
        with tempfile.TemporaryDirectory(prefix="asdbench-") as scratch:
            seed = derive_seed(training.seed, "train", info.id, training.part)
            context = Context(seed, Path(scratch), device, observer.working)
            pools = material.pool(training.train), material.pool(training.held_out)
            plugin.train(training.part, *pools, folder, context)
