"""Plug-ins named on the command line, outside any suite, checked as a suite's are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asdbench.errors import AsdbenchError
from asdbench.registry import Kind, PluginSpec
from asdbench.suite.check import Checker
from asdbench.suite.loaded import LoadedPlugin
from asdbench.suite.model import DatasetModel
from asdbench.suite.overrides import apply_overrides
from asdbench.suite.problem import Place
from asdbench.suite.yaml_source import Document

_ELSEWHERE = "Choose with --data, --machines and --sections."


def load_plugin(kind: Kind, use: str, settings: Sequence[str] = ()) -> LoadedPlugin:
    """Return a detector or generator with the parameters that ``settings`` give it.

    Parameters
    ----------
    kind
        ``detectors`` or ``generators``.
    use
        A registered name, or ``./file.py:Class`` relative to the working folder.
    settings
        ``name=value`` as ``--set`` has them; values are YAML.

    Raises
    ------
    AsdbenchError
        With one line for every mistake.
    """
    data: dict[str, Any] = {str(kind): [{"id": use, "use": use, "params": {}}]}
    checker = _checker(data, use, settings, "--set", f"{kind}.{use}.params")
    return _one(checker, checker.entries(kind))


def load_dataset(
    use: str,
    settings: Sequence[str] = (),
    machines: Sequence[str] | None = None,
    sections: Sequence[str] | None = None,
) -> LoadedPlugin:
    """Return a data set plug-in with its parameters; see :func:`load_plugin`.

    ``settings`` are what ``--data-set`` has; ``machines`` and ``sections`` are handed on to a
    plug-in that has such parameters.
    """
    own = PluginSpec.of("datasets", use, Path()).load().info.params.model_fields
    for key in (text.partition("=")[0] for text in settings):
        if key in DatasetModel.model_fields and key not in own:  # a suite's key, not a parameter
            raise AsdbenchError(f"--data-set {key}: that is no parameter of '{use}'", _ELSEWHERE)
    data: dict[str, Any] = {"use": use}
    data |= {"machines": list(machines)} if machines is not None else {}
    data |= {"sections": list(sections)} if sections is not None else {}
    checker = _checker({"dataset": data}, f"--data {use}", settings, "--data-set", "dataset")
    found = checker.dataset()
    return _one(checker, [found] if found is not None else [])


def _checker(
    data: Mapping[str, Any], place: str, settings: Sequence[str], option: str, below: str
) -> Checker:
    written = Document(dict(data), {(): Place(place)}, {})
    document, applied, problems = apply_overrides(written, settings, option, below)
    return Checker(document, written, applied, Path(), problems)


def _one(checker: Checker, found: Sequence[LoadedPlugin]) -> LoadedPlugin:
    if checker.problems or not found:
        lines = dict.fromkeys(str(problem) for problem in checker.problems)
        raise AsdbenchError("\n".join(lines))
    return found[0]
