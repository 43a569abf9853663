"""``asdbench plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from asdbench.cli.options import OnlyOption, PluginOption, SetOption, StoreOption, SuiteArgument

if TYPE_CHECKING:
    from asdbench.suite import LoadedSuite


def plan(
    suite: SuiteArgument,
    set_: SetOption = None,
    only: OnlyOption = None,
    plugin: PluginOption = None,
    store: StoreOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a run would do, how long it may take, and what it could show.

    Tasks to do and tasks already in the store, clips by purpose, the smallest margin that so
    many clips can certify, and every gate that cannot pass honestly. Nothing is computed.
    Reading the data's inventory may take a minute the first time.

    For example:

        asdbench plan mimii_dg --set grids.perturbed.multiplier=10
    """
    from asdbench.cli.plan_tables import forecast_json, print_forecast
    from asdbench.cli.progress import observer
    from asdbench.engine.forecast import forecast
    from asdbench.engine.store import Store, default_store

    loaded = _loaded(suite, set_, only)
    with observer() as watch:
        found = forecast(loaded, Store(store or default_store()), watch.reading)
    if as_json:
        typer.echo(forecast_json(found))
    else:
        print_forecast(found)


def _loaded(suite: str, set_: list[str] | None, only: list[str] | None) -> LoadedSuite:
    """Return the suite; where its data should lie may be unknown."""
    from asdbench.errors import SuiteError
    from asdbench.suite import examine

    loaded, problems = examine(suite, set_ or (), only or (), data_needed=False)
    if loaded is None:
        raise SuiteError("\n".join(str(problem) for problem in problems))
    return loaded
