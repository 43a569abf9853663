"""Plug-in files: one Python file, imported by its path."""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from asdbench.api import DECORATED
from asdbench.errors import PluginError


@dataclass(frozen=True)
class PluginFile:
    """An imported plug-in file and what its decorators registered, by kind and id."""

    path: Path
    module: ModuleType
    registered: Mapping[str, Mapping[str, type]]


_IMPORTED: dict[str, PluginFile] = {}


def import_file(path: Path) -> PluginFile:
    """Import the Python file at ``path``, once for as long as its content stays the same.

    What its decorators register is returned, not left in :data:`asdbench.api.DECORATED`, so that
    suites with different plug-in files do not see each other's.

    Raises
    ------
    PluginError
        When there is no such file, or it raises while being imported (chained).
    """
    path = path.resolve()
    try:
        source = path.read_bytes()
    except OSError as error:
        raise PluginError(
            f"plug-in file {path} cannot be read: {error.strerror}",
            "Paths in a suite are relative to the folder of the suite.",
        ) from error
    name = "asdbench_plugin_" + hashlib.sha256(bytes(path) + b"\0" + source).hexdigest()[:16]
    if name not in _IMPORTED:
        _IMPORTED[name] = _execute(path, source, name)
    return _IMPORTED[name]


def _execute(path: Path, source: bytes, name: str) -> PluginFile:
    module = ModuleType(name)
    module.__file__ = str(path)
    outside = {kind: dict(classes) for kind, classes in DECORATED.items()}
    for classes in DECORATED.values():
        classes.clear()
    sys.modules[name] = module  # dataclasses and pydantic look their module up while it runs
    try:
        # Not importlib's loader: its bytecode cache goes by size and second of the last change.
        code = compile(source, str(path), "exec", dont_inherit=True)
        exec(code, module.__dict__)
        registered = {kind: dict(classes) for kind, classes in DECORATED.items()}
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        hint = None
        if isinstance(error, ModuleNotFoundError) and error.name:
            if (path.parent / f"{error.name}.py").exists():
                hint = (
                    f"A plug-in file stands alone. Put its folder on PYTHONPATH to use "
                    f"{error.name}.py, or make a package with an entry point."
                )
            else:
                hint = f"Install the package that provides '{error.name}'."
        raise PluginError(
            f"plug-in file {path} cannot be imported: {_describe(error, path)}", hint
        ) from error
    finally:
        for kind, classes in DECORATED.items():
            classes.clear()
            classes.update(outside[kind])
    return PluginFile(path, module, registered)


def _describe(error: BaseException, path: Path) -> str:
    """Return what went wrong, and in which line of the file."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    where = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {error}{where}"
