"""``asdbench plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from asdbench.cli.options import OnlyOption, PluginOption, SetOption, StoreOption, SuiteArgument

if TYPE_CHECKING:
    from asdbench.engine.plan import Plan
    from asdbench.engine.store import Store


def plan(
    suite: SuiteArgument,
    set_: SetOption = None,
    only: OnlyOption = None,
    plugin: PluginOption = None,
    store: StoreOption = None,
) -> None:
    """Show what a run would do: tasks to do, tasks already in the store, clips by purpose.

    Nothing is computed. Reading the data's inventory may take a minute the first time.
    """
    from asdbench.cli.progress import observer
    from asdbench.engine.plan import make_plan
    from asdbench.engine.store import Store, default_store
    from asdbench.suite import load_suite

    keep = Store(store or default_store())
    loaded = load_suite(suite, set_ or (), only or ())
    with observer() as watch:
        laid_out = make_plan(loaded, keep, watch.reading)
    _print(laid_out, keep)


def _print(plan: Plan, store: Store) -> None:
    from collections import Counter

    from asdbench.cli.tables import compact_table, console

    missing = {task.entry for task in plan.missing(store)}
    total = Counter(task.entry.kind for task in plan.tasks)
    todo = Counter(entry.kind for entry in missing)
    table = compact_table(f"{plan.loaded.suite.name} {plan.loaded.suite.version}")
    table.add_column("step")
    for name in ("tasks", "in the store", "to do"):
        table.add_column(name, justify="right")
    for kind, count in total.items():
        table.add_row(kind, str(count), str(sum(_there(plan, store, kind))), str(todo.get(kind, 0)))
    console().print(table)
    split = plan.split
    labels = Counter(clip.label for clip in split.evaluation)
    typer.echo(
        f"clips: {len(split.detector_train)} to train detectors, {len(split.generator_train)} to "
        f"train generators, {labels['normal']} normal and {labels['anomaly']} anomalous to "
        f"evaluate" + (f", {len(plan.bad_clips)} skipped" if plan.bad_clips else "")
    )


def _there(plan: Plan, store: Store, kind: str) -> list[bool]:
    return [store.has(t.entry.kind, t.entry.key) for t in plan.tasks if t.entry.kind == kind]
