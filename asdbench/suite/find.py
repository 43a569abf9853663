"""Where a suite lies: a path, or the name of one that comes with asdbench."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from asdbench.errors import SuiteError
from asdbench.registry import did_you_mean


def bundled_suites() -> dict[str, Path]:
    """Return the suites that come with asdbench, by name."""
    folder = Path(str(resources.files("asdbench.suites")))
    paths = sorted(set(folder.rglob("*.yaml")) - set(folder.glob("references/*")))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}


def find_suite(name_or_path: str | Path) -> Path:
    """Return the file of a suite.

    Raises
    ------
    SuiteError
        When there is neither such a file nor such a bundled suite.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.is_dir():
        suites = ", ".join(sorted(p.name for p in path.glob("*.yaml"))) or "none"
        raise SuiteError(f"{name_or_path}: is a folder", f"Suites in it: {suites}.")
    bundled = bundled_suites()
    name = path.as_posix().removesuffix(".yaml")
    if name in bundled:
        return bundled[name]
    beside = path.parent.glob("*.y*ml") if path.parent.is_dir() else ()
    near = did_you_mean(path.name, [p.name for p in beside]) or did_you_mean(name, bundled)
    raise SuiteError(
        f"{name_or_path}: no such file, and no suite of that name comes with asdbench.{near}",
        f"Suites that come with asdbench: {', '.join(bundled) or 'none'}.",
    )
