"""Finding plug-ins: entry points, decorated classes, plug-in files."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from asdbench.api import DECORATED
from asdbench.errors import PluginError
from asdbench.registry.files import import_file
from asdbench.registry.names import did_you_mean
from asdbench.registry.ref import KINDS, Kind, PluginRef, singular

_FILE_USE = re.compile(r"(?P<path>.+\.py):(?P<name>[A-Za-z_]\w*)")
_registered_files: dict[Path, None] = {}


def register_file(path: str | Path) -> list[PluginRef]:
    """Make what the decorators of a Python file register known to this process.

    Returns
    -------
    list of PluginRef
        What the file registers.

    Raises
    ------
    PluginError
        As :func:`inspect_file`.
    """
    refs = inspect_file(path)
    _registered_files[Path(path).resolve()] = None
    return refs


def inspect_file(path: str | Path, others: Sequence[Path] = ()) -> list[PluginRef]:
    """Import a plug-in file and return what it registers.

    Parameters
    ----------
    path
        A Python file with decorated classes.
    others
        Further plug-in files which it must not clash with.

    Raises
    ------
    PluginError
        When the file is missing or broken, registers nothing, or registers a name that
        another plug-in has.
    """
    path = Path(path).resolve()
    refs = [ref for kind in KINDS for ref in _from_file(kind, path)]
    if not refs:
        raise PluginError(
            f"plug-in file {path} registers nothing",
            'Decorate a class with @asdbench.api.detector("my-name") or @generator("my-name").',
        )
    for ref in refs:
        _one_of([known for known in plugins(ref.kind, [*others, path]) if known.id == ref.id])
    return refs


def plugins(kind: Kind, files: Sequence[Path] = ()) -> list[PluginRef]:
    """List the plug-ins of a kind, sorted by id. Entry points are not imported.

    Parameters
    ----------
    kind
        ``detectors``, ``generators``, ``datasets`` or ``embeddings``.
    files
        Plug-in files to look into, beside those given to :func:`register_file`.

    Returns
    -------
    list of PluginRef
        Two of the same id where two plug-ins clash; using that name is then an error.
    """
    found: dict[tuple[str, str], PluginRef] = {}
    for ref in _from_entry_points(kind):
        found.setdefault((ref.id, ref.origin), ref)
    named_by_entry_points = {ref.origin.rpartition(", ")[2] for ref in found.values()}
    for path in dict.fromkeys([*_registered_files, *(file.resolve() for file in files)]):
        for ref in _from_file(kind, path):
            found.setdefault((ref.id, ref.origin), ref)
    for name, cls in DECORATED[kind].items():
        target = f"{cls.__module__}:{cls.__qualname__}"
        if target not in named_by_entry_points:
            module = sys.modules.get(cls.__module__)
            origin = getattr(module, "__file__", None) or cls.__module__
            ref = PluginRef(kind, name, f"{origin}, {cls.__qualname__}", False, _constant(cls))
            found.setdefault((ref.id, ref.origin), ref)
    return [found[key] for key in sorted(found)]


def find(
    kind: Kind, use: str, base_folder: Path | None = None, files: Sequence[Path] = ()
) -> PluginRef:
    """Return the plug-in that ``use`` names, without importing it if it is an entry point.

    Parameters
    ----------
    kind
        ``detectors``, ``generators``, ``datasets`` or ``embeddings``.
    use
        A registered name, or ``./file.py:Class``.
    base_folder
        What a path in ``use`` is relative to; the working folder by default.
    files
        As in :func:`plugins`.

    Raises
    ------
    PluginError
        When the name is unknown (with the nearest one) or two plug-ins claim it.
    """
    if by_file := _FILE_USE.fullmatch(use):
        path = (base_folder or Path()) / by_file["path"]
        return _class_in_file(kind, use, path, by_file["name"])
    if use.startswith((".", "/")) or ".py" in use or "/" in use:
        raise PluginError(
            f"'{use}' names no {singular(kind)}",
            "Write ./file.py:Class, or a name from 'asdbench plugins list'.",
        )
    known = plugins(kind, files)
    matches = [ref for ref in known if ref.id == use]
    if not matches:
        names = sorted({ref.id for ref in known})
        raise PluginError(
            f"unknown {singular(kind)} '{use}'.{did_you_mean(use, names)}",
            f"Allowed: {', '.join(names) or 'none is installed'}. Run 'asdbench plugins list'.",
        )
    return _one_of(matches)


def load(
    kind: Kind, use: str, base_folder: Path | None = None, files: Sequence[Path] = ()
) -> type[Any]:
    """Return the checked class of the plug-in that ``use`` names; see :func:`find`.

    Raises
    ------
    PluginError
        As :func:`find` and :meth:`PluginRef.load`.
    """
    return find(kind, use, base_folder, files).load()


@dataclass(frozen=True)
class PluginSpec:
    """How to load a plug-in again, in this process or in a fresh one. Picklable."""

    kind: Kind
    use: str
    base_folder: Path
    files: tuple[Path, ...] = ()

    @classmethod
    def of(cls, kind: Kind, use: str, base_folder: Path, files: Sequence[Path] = ()) -> PluginSpec:
        """Describe ``use`` with all files that this process knows, as absolute paths."""
        known = dict.fromkeys([*_registered_files, *(file.resolve() for file in files)])
        return cls(kind, use, base_folder.resolve(), tuple(known))

    def find(self) -> PluginRef:
        """Return the plug-in; see :func:`find`."""
        return find(self.kind, self.use, self.base_folder, self.files)

    def load(self) -> type[Any]:
        """Return its class, importing the files that define it where that is still to do."""
        return self.find().load()


@dataclass(frozen=True)
class Use:
    """A plug-in with its parameters, as another process can load it."""

    plugin: PluginSpec
    values: dict[str, Any]
    """JSON values."""

    def load(self) -> tuple[type[Any], Any]:
        """Return the plug-in's class and its validated parameters."""
        cls = self.plugin.load()
        return cls, cls.info.params.model_validate(self.values)


def _from_entry_points(kind: Kind) -> Iterator[PluginRef]:
    for point in metadata.entry_points(group=f"asdbench.{kind}"):
        name = point.dist.name if point.dist else "unknown distribution"
        version = f" {point.dist.version}" if point.dist else ""
        origin = f"{name}{version}, {point.value}"
        yield PluginRef(kind, point.name, origin, name == "asdbench", point.load)


def _from_file(kind: Kind, path: Path) -> Iterator[PluginRef]:
    for name, cls in import_file(path).registered[kind].items():
        origin = f"{path}, {cls.__qualname__}"
        yield PluginRef(kind, name, origin, False, _constant(cls))


def _class_in_file(kind: Kind, use: str, path: Path, name: str) -> PluginRef:
    module = import_file(path).module
    cls = getattr(module, name, None)
    if not isinstance(cls, type):
        classes = [key for key, value in vars(module).items() if _defined_in(value, module)]
        allowed = ", ".join(sorted(classes)) or "the file defines no class"
        raise PluginError(
            f"{path} has no class '{name}'.{did_you_mean(name, classes)}", f"Allowed: {allowed}."
        )
    origin = f"{path.resolve()}, {name}"
    return PluginRef(kind, use, origin, False, _constant(cls), named=False)


def _defined_in(value: object, module: Any) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__


def _one_of(matches: Sequence[PluginRef]) -> PluginRef:
    first = matches[0]
    if len(matches) > 1:
        origins = " and ".join(f"({ref.origin})" for ref in matches)
        raise PluginError(
            f"{singular(first.kind)} '{first.id}' is claimed by {len(matches)} plug-ins: {origins}",
            "Rename or uninstall one of them.",
        )
    return first


def _constant(value: type) -> Callable[[], type]:
    return lambda: value
