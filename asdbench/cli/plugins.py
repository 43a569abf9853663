"""``asdbench plugins``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from asdbench.cli.check_plugin import check_plugin
from asdbench.cli.new_plugin import new_plugin
from asdbench.cli.options import PluginOption

if TYPE_CHECKING:
    from asdbench.registry import PluginDescription, PluginRef

plugins_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List, show, check and write plug-ins.",
)
plugins_app.command("check")(check_plugin)
plugins_app.command("new")(new_plugin)
_JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@plugins_app.command("list")
def list_plugins(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Import each and print what it says of itself.")
    ] = False,
    plugin: PluginOption = None,
    as_json: _JsonOption = False,
) -> None:
    """List every plug-in that is installed. Imports none of them unless --verbose is given."""
    from asdbench.errors import PluginError
    from asdbench.registry import KINDS, clashes, plugins, singular

    refs = [ref for kind in KINDS for ref in plugins(kind)]
    rows = [_row(ref, verbose) for ref in refs]
    if as_json:
        import json

        typer.echo(json.dumps(rows, indent=2))
    else:
        from tabulate import tabulate

        table = [{**row, "kind": singular(row["kind"])} for row in rows]
        typer.echo(tabulate(table, headers="keys", disable_numparse=True))
    if clashing := clashes(refs):
        raise PluginError("\n".join(clashing), "Rename or uninstall one of each.")


def _row(ref: PluginRef, verbose: bool) -> dict[str, Any]:
    from asdbench.errors import PluginError
    from asdbench.registry import describe_plugin

    row: dict[str, Any] = {"kind": ref.kind, "id": ref.id}
    if verbose:
        try:
            said = describe_plugin(ref)
        except PluginError as error:
            row |= {"version": "broken", "description": error.message}
        else:
            row |= {"version": said.version, "description": said.description}
    return {**row, "origin": ref.origin}


@plugins_app.command("show")
def show_plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name, or ./file.py:Class.")],
    plugin: PluginOption = None,
    as_json: _JsonOption = False,
) -> None:
    """Show what a plug-in says of itself, and its parameters."""
    from asdbench.registry import describe_plugin, find_anywhere

    described = [describe_plugin(ref) for ref in find_anywhere(name)]
    if as_json:
        import dataclasses
        import json

        typer.echo(json.dumps([dataclasses.asdict(one) for one in described], indent=2))
        return
    typer.echo("\n\n".join(_text(one) for one in described))


def _text(plugin: PluginDescription) -> str:
    import textwrap

    from asdbench.registry import singular

    lines = [
        f"{plugin.id} {plugin.version} ({singular(plugin.kind)})",
        *([plugin.description] if plugin.description else []),
        *([f"paper: {plugin.paper}"] if plugin.paper else []),
        f"from: {plugin.origin}",
        "parameters:" if plugin.parameters else "parameters: none",
    ]
    for parameter in plugin.parameters:
        given = "required" if parameter.default is None else f"default: {parameter.default}"
        lines.append(f"  {parameter.name}: {parameter.type} ({given})")
        lines += textwrap.wrap(parameter.description, 92, initial_indent=" " * 6,
                               subsequent_indent=" " * 6)  # fmt: skip
    return "\n".join(lines)
