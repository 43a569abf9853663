"""``asdbench plugins new``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from asdbench.scaffold import Kind

_BESIDE = {Kind.DETECTOR: "those of dcase-ae", Kind.GENERATOR: "those of perturb"}


def new_plugin(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="What to write.")],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Lower-case words joined by hyphens: my-knn.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder to make the package's folder in.")
    ] = Path(),
) -> None:
    """Write a package for a plug-in of your own; it works as it stands.

    For example:

        asdbench plugins new detector my-knn
    """
    from asdbench.registry import plugins
    from asdbench.scaffold import write_package

    package = write_package(kind, name, out)
    for known in plugins("detectors" if kind == Kind.DETECTOR else "generators"):
        if known.id == name:
            typer.echo(
                f"Warning: a {kind} '{name}' is registered already ({known.origin}). "
                "Both cannot be installed.",
                err=True,
            )
    steps = {
        f"asdbench plugins check {package.use}": "does it keep the contract?",
        "asdbench run suite.yaml": f"its rows beside {_BESIDE[kind]}",
        "pip install --editable .": f"then 'use: {name}' works in any suite",
    }
    width = max(len(step) for step in steps)
    typer.echo(f"Wrote {package.code}. Next:\n\n    cd {shlex.quote(str(package.folder))}")
    for step, purpose in steps.items():
        typer.echo(f"    {step:<{width}}  # {purpose}")
    typer.echo("\ndocs/plugins.md goes on from here.")
