"""From the text of a suite to a :class:`LoadedSuite`, or to all of its mistakes at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asdbench.errors import SuiteError
from asdbench.suite.check import Checker
from asdbench.suite.find import find_suite
from asdbench.suite.loaded import LoadedPlugin, LoadedSuite
from asdbench.suite.model import DatasetModel, PluginModel, Suite
from asdbench.suite.only import narrow
from asdbench.suite.outcomes import check_outcomes
from asdbench.suite.overrides import apply_overrides
from asdbench.suite.problem import Problem
from asdbench.suite.sweep import expand_sweeps
from asdbench.suite.validate import validate
from asdbench.suite.yaml_source import parse


def load_suite(
    name_or_path: str | Path, overrides: Sequence[str] = (), only: Sequence[str] = ()
) -> LoadedSuite:
    """Read a suite, import its plug-ins and check everything but the data.

    Parameters
    ----------
    name_or_path
        A file, or the name of a suite that comes with asdbench.
    overrides
        ``dotted.path=value``; items of lists go by their ``id``, values are YAML.
    only
        ``machine=NAME``, ``section=NAME``, ``detector=ID`` or ``generator=ID``; the id of an entry
        with a sweep means all that it stands for.

    Raises
    ------
    SuiteError
        With one line for every mistake, in the order of the file.
    """
    loaded, found = examine(name_or_path, overrides, only)
    if loaded is None:
        raise SuiteError("\n".join(str(problem) for problem in found))
    return loaded


def problems(
    name_or_path: str | Path, overrides: Sequence[str] = (), only: Sequence[str] = ()
) -> list[Problem]:
    """Return every mistake in a suite, in the order of the file; see :func:`load_suite`.

    Raises
    ------
    SuiteError
        When there is no such suite.
    """
    return examine(name_or_path, overrides, only)[1]


def foreign_code(loaded: LoadedSuite) -> list[str]:
    """Return where code outside asdbench comes from that running the suite executes."""
    plugins = [loaded.dataset, *loaded.generators, *loaded.detectors]
    for plugin in plugins:  # grows by the parts of each
        plugins += plugin.parts.values()
    origins = [plugin.origin for plugin in plugins if not plugin.builtin]
    files = [str(file) for file in loaded.plugin_files]
    idle = [file for file in files if not any(origin.startswith(file) for origin in origins)]
    return list(dict.fromkeys([*origins, *idle]))


def examine(
    name_or_path: str | Path,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
    *,
    data_needed: bool = True,
) -> tuple[LoadedSuite | None, list[Problem]]:
    """Return the suite, or None and its mistakes; see :func:`load_suite`.

    Without ``data_needed`` a variable that says where the data lies need not be set; then the
    data is not found where it would be.

    Raises
    ------
    SuiteError
        When there is no such suite.
    """
    source = find_suite(name_or_path)
    shown = str(name_or_path) if source == Path(name_or_path) else str(source)
    try:
        content = source.read_bytes()
    except OSError as error:
        raise SuiteError(f"{shown}: cannot be read: {error.strerror}") from error
    written, found = parse(content, shown)
    if written is None:
        return None, found
    document, applied, mistakes = apply_overrides(written, overrides)
    found += mistakes
    expanded = expand_sweeps(document, written, applied)
    document, written, applied = expanded.document, expanded.written, expanded.overrides
    found += expanded.problems
    source = source.resolve()
    checker = Checker(document, written, applied, source.parent, found, data_needed=data_needed)
    suite, mistakes = validate(Suite, document.data, document)
    found += mistakes
    checker.plugin_files()
    dataset = checker.dataset()
    detectors = checker.entries("detectors")
    generators = checker.entries("generators")
    checker.grids(generators)
    references, mistakes = check_outcomes(document, source.parent, expanded.members)
    found += mistakes
    if suite is not None:
        suite, mistakes = narrow(suite, only, expanded.members)
        found += mistakes
    if found or suite is None or dataset is None:
        return None, _in_order(found, shown)
    chosen = {plugin.id for plugin in suite.detectors}, {plugin.id for plugin in suite.generators}
    detectors = [plugin for plugin in detectors if plugin.id in chosen[0]]
    generators = [plugin for plugin in generators if plugin.id in chosen[1]]
    located = {override.text for override in applied if override.path in checker.locations}
    restricted = [f"--only {text}" for text in only]
    return LoadedSuite(
        suite=_portable(suite, dataset, detectors, generators),
        source=source,
        name_for_people=shown,
        text=content.decode("utf-8-sig"),
        overrides=(*(f"--set {text}" for text in overrides), *restricted),
        portable_overrides=(*(f"--set {t}" for t in overrides if t not in located), *restricted),
        plugin_files=tuple(checker.files),
        dataset=dataset,
        detectors=tuple(detectors),
        generators=tuple(generators),
        references=references,
    ), []


def _portable(
    suite: Suite,
    dataset: LoadedPlugin,
    detectors: Sequence[LoadedPlugin],
    generators: Sequence[LoadedPlugin],
) -> Suite:
    """Return the suite with all parameters filled in and locations as written."""

    def filled(entries: Sequence[PluginModel], plugins: Sequence[LoadedPlugin]) -> tuple[Any, ...]:
        pairs = zip(entries, plugins, strict=True)
        return tuple(entry.model_copy(update={"params": p.stated}) for entry, p in pairs)

    chosen = {name: getattr(suite.dataset, name) for name in DatasetModel.model_fields}
    return suite.model_copy(
        update={
            "dataset": DatasetModel(**{**dataset.stated, **chosen}),
            "detectors": filled(suite.detectors, detectors),
            "generators": filled(suite.generators, generators),
        }
    )


def _in_order(found: Sequence[Problem], file: str) -> list[Problem]:
    """Sort by line; what stands on the command line comes last."""
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda p: (p.file != file, p.line, p.column))
