"""Identity of a plug-in's code, for cache keys."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import site
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from asdbench.errors import PluginError

_CONTRACT = {"asdbench", "asdbench.api", "asdbench.errors"}
"""Not followed: these hold the contract, and no arithmetic."""
_DIGESTS: dict[type, str] = {}


def code_digest(cls: type) -> str:
    """Return the SHA-256 of the source that defines a plug-in class; see :func:`source_digest`.

    Read once for each class: what was imported is what runs, whatever happens to the files.

    Raises
    ------
    PluginError
        When the source cannot be found.
    """
    if cls not in _DIGESTS:
        _DIGESTS[cls] = _digest_of(cls)
    return _DIGESTS[cls]


def _digest_of(cls: type) -> str:
    if getattr(sys.modules.get(cls.__module__), "__file__", None) is not None:
        return source_digest(cls.__module__)
    try:
        return hashlib.sha256(inspect.getsource(cls).encode()).hexdigest()
    except (OSError, TypeError) as error:
        raise PluginError(
            f"the source of {cls.__module__}.{cls.__qualname__} cannot be found",
            "Results are cached by the source of a plug-in: define it in a file.",
        ) from error


def source_digest(module: str) -> str:
    """Return the SHA-256 of the source of an importable module.

    Covers the module and what it imports, directly or not, from its own package and from
    asdbench (e.g. ``asdbench.features``), or, for a file outside any package, from files beside
    it. Independent of where the code is installed and of line endings.

    Raises
    ------
    ImportError
        When there is no such module.
    """
    loaded = importlib.import_module(module)
    assert loaded.__file__ is not None, module
    file = Path(loaded.__file__)
    own = module if loaded.__package__ else ""
    sources = {own: _normalized(file)}
    pending = [(own, file)]
    while pending:
        name, path = pending.pop()
        for imported in _imports(name, path):
            if imported in sources or imported in _CONTRACT:
                continue
            found = _locate(imported, own, file.parent)
            if found is not None:
                sources[imported] = _normalized(found)
                pending.append((imported, found))
    total = hashlib.sha256()
    for name in sorted(sources):
        total.update(f"{name}\0{hashlib.sha256(sources[name]).hexdigest()}\n".encode())
    return total.hexdigest()


def _normalized(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix != ".py":
        return content
    return content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _imports(name: str, path: Path) -> Iterator[str]:
    """Yield the full names of modules that ``path`` may import (``from a import b``: both)."""
    if path.suffix != ".py":
        return
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, *([node.module] if node.module else [])])
            yield base
            for alias in node.names:
                yield f"{base}.{alias.name}"


def _locate(name: str, own: str, folder: Path) -> Path | None:
    """Return the file of module ``name`` if a digest covers it."""
    top = name.partition(".")[0]
    beside = folder / f"{top}.py"
    if not own and top and top != "asdbench" and beside.is_file():
        return beside
    if top not in {"asdbench", own.partition(".")[0]} and not _is_work_in_progress(top):
        return None
    return _file_of(name)


@cache
def _is_work_in_progress(top: str) -> bool:
    """Return whether a top-level module lies outside the folders of installed packages.

    What is installed changes with its version; what lies on PYTHONPATH changes under one's hands.
    """
    if not top or top in sys.stdlib_module_names:
        return False
    file = _file_of(top)
    return file is not None and not any(file.is_relative_to(place) for place in _INSTALLED)


_INSTALLED = {
    Path(path).resolve()
    for name, path in sysconfig.get_paths().items()
    if name in {"stdlib", "platstdlib", "purelib", "platlib"}
} | {Path(path).resolve() for path in site.getsitepackages()}


def _file_of(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return None
    return Path(spec.origin).resolve()
