"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SuiteArgument = Annotated[
    str, typer.Argument(metavar="SUITE", help="A suite file, or the name of a bundled suite.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a value of the suite, e.g. detectors.ae-mse.params.epochs=5. Repeatable.",
    ),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="WHAT=NAME",
        help="Keep only machine=, section=, detector= or generator=NAME. Repeatable.",
    ),
]


def _register(files: list[Path] | None) -> list[Path] | None:
    from asdbench.registry import register_file

    for file in files or ():
        register_file(file)
    return files


PluginOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        metavar="FILE",
        help="Python file whose decorated classes (@detector, @embedding ...) to use. Repeatable.",
        callback=_register,
    ),
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="DIR",
        help="Where results are kept and found again. Default: ASDBENCH_STORE, or the user's "
        "cache folder.",
        envvar="ASDBENCH_STORE",
        show_envvar=False,
    ),
]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder, or its report.json.")
]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Set a parameter of PLUGIN; the value is YAML. Repeatable.",
    ),
]
SuiteOption = Annotated[
    str | None,
    typer.Option(
        "--suite", metavar="SUITE", help="Learn from what this suite's split lends to generators."
    ),
]
DataOption = Annotated[
    str | None,
    typer.Option(
        "--data", metavar="DATASET", help="Learn from all labelled clips of this data set plug-in."
    ),
]
DataSetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--data-set",
        metavar="NAME=VALUE",
        help="Set a parameter of the data set, e.g. seed=101 or root=DIR. Repeatable.",
    ),
]
MachinesOption = Annotated[
    str | None, typer.Option("--machines", help="Comma-separated machine types to learn from.")
]
SectionsOption = Annotated[
    str | None, typer.Option("--sections", help="Comma-separated sections to learn from.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]


def names(text: str | None) -> tuple[str, ...] | None:
    """Return the names in a comma-separated text."""
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())
