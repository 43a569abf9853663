"""Packages for plug-ins of one's own, written from templates.

Each folder beside this file holds the files of one kind of package as ``string.Template`` text.
``module`` in a file's path stands for the name of the module.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from asdbench.errors import PluginError

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LAYOUT = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "suite.yaml": "suite.yaml",
    "module.py": "{module}/__init__.py",
    "test.py": "tests/test_{module}.py",
}
"""Templates (less their suffix) and the files that they become."""


class Kind(StrEnum):
    """What can be written."""

    DETECTOR = "detector"
    GENERATOR = "generator"


@dataclass(frozen=True)
class Package:
    """A package that was written."""

    folder: Path
    module: str
    cls: str

    @property
    def code(self) -> Path:
        """The file to change."""
        return self.folder / self.module / "__init__.py"

    @property
    def use(self) -> str:
        """What names the plug-in in the package's own folder, installed or not."""
        return f"./{self.module}/__init__.py:{self.cls}"


def class_name(name: str) -> str:
    """Return ``MyKNN`` for ``my-knn``; a word without a vowel is taken for an abbreviation."""
    words = name.split("-")
    return "".join(w.capitalize() if set(w) & set("aeiouy") else w.upper() for w in words)


def write_package(kind: Kind, name: str, out: Path) -> Package:
    """Write the package of a plug-in; it works as it stands.

    Parameters
    ----------
    kind
        What the plug-in is.
    name
        Its name in suites, lower-case words joined by hyphens; the folder is called the same.
    out
        The folder to make the package's folder in.

    Raises
    ------
    PluginError
        When ``name`` is no such name, its module would hide another one, or the folder exists.
    """
    if not _NAME.fullmatch(name):
        raise PluginError(
            f"'{name}' is no name for a {kind}",
            "Write lower-case words joined by hyphens, e.g. my-knn.",
        )
    module = name.replace("-", "_")
    if keyword.iskeyword(module) or importlib.util.find_spec(module) is not None:
        raise PluginError(
            f"'{name}' would be the Python module '{module}', which is taken",
            f"Choose another name, e.g. my-{name}.",
        )
    folder = out / name
    if folder.exists():
        raise PluginError(f"{folder} exists", "Choose another name or another folder (--out).")
    package = Package(folder, module, class_name(name))
    values = {"name": name, "module": module, "cls": package.cls}
    for template, path in _LAYOUT.items():
        file = folder / path.format(module=module)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_template(kind, template).substitute(values), encoding="utf-8")
    return package


def _template(kind: Kind, name: str) -> Template:
    file: Traversable = files(__package__) / str(kind) / f"{name}.template"
    return Template(file.read_text(encoding="utf-8"))
