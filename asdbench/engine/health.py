"""What a run needs of a machine, and what to do where it is not there."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from asdbench.engine.store import default_store
from asdbench.errors import PluginError
from asdbench.registry import KINDS, plugins

LIBRARIES = ("torch", "transformers", "diffusers", "scikit-learn", "pandas", "soundfile", "soxr")


@dataclass(frozen=True)
class Finding:
    """The outcome of one check. ``bad``: a run cannot work; ``note``: it can, with limits."""

    name: str
    state: Literal["good", "note", "bad"]
    found: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Return the outcome of every check."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python, _libraries, _device, _memory, _store, _data, _plugins
    )  # fmt: skip
    return [finding for check in checks for finding in check()]


def _python() -> Iterator[Finding]:
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    state: Literal["good", "note"] = "good" if supported else "note"
    yield Finding("Python", state, platform.python_version(), "" if supported else "Use 3.11-3.13.")


def _libraries() -> Iterator[Finding]:
    for name in LIBRARIES:
        try:
            yield Finding(name, "good", metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, "bad", "not installed", "Install asdbench with its dependencies.")


def _device() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding("device", "bad", f"torch does not load: {error}", "Reinstall torch.")
        return
    if torch.cuda.is_available():
        yield Finding("device", "good", torch.cuda.get_device_name())
    else:
        yield Finding("device", "note", "CPU only", "Fine for the quickstart; a GPU is faster.")


def _memory() -> Iterator[Finding]:
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        enough = size >= 4
        remedy = "" if enough else "Run with --workers 1."
        yield Finding("memory", "good" if enough else "note", f"{size:.1f} GiB", remedy)


def _store() -> Iterator[Finding]:
    root = default_store()
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        yield Finding("store", "bad", f"{root} is not writable", "Set ASDBENCH_STORE.")
        return
    free = shutil.disk_usage(existing).free / 2**30
    enough = free >= 10
    remedy = "" if enough else "A full data set needs 10 GiB; set ASDBENCH_STORE elsewhere."
    yield Finding("store", "good" if enough else "note", f"{root} ({free:.0f} GiB free)", remedy)


def _data() -> Iterator[Finding]:
    named = os.environ.get("ASDBENCH_DATA")
    if named is None:
        remedy = "Set ASDBENCH_DATA to the folder of recorded data sets; simulated data needs none."
        yield Finding("ASDBENCH_DATA", "note", "not set", remedy)
    elif Path(named).is_dir():
        yield Finding("ASDBENCH_DATA", "good", named)
    else:
        yield Finding("ASDBENCH_DATA", "note", f"{named} is not a folder", "Correct or unset it.")


def _plugins() -> Iterator[Finding]:
    for kind in KINDS:
        for ref in plugins(kind):
            try:
                ref.load()
            except PluginError as error:
                yield Finding(str(ref.id), "note", error.message, error.hint or "")
        yield Finding(kind, "good", ", ".join(ref.id for ref in plugins(kind)))
