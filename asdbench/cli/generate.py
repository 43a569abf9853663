"""``asdbench generate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asdbench.cli.options import (
    DataOption,
    DataSetOption,
    DeviceOption,
    MachinesOption,
    ParameterOption,
    PluginOption,
    SectionsOption,
    StoreOption,
    SuiteOption,
    names,
)

if TYPE_CHECKING:
    from asdbench.engine.wanted import Wanted


def generate(
    plugin_name: Annotated[
        str, typer.Argument(metavar="PLUGIN", help="A generator, or ./file.py:Class.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Where clips and manifest go.")
    ],
    machine: Annotated[str | None, typer.Option("--machine", help="Machine type.")] = None,
    section: Annotated[str, typer.Option("--section", help="Section.")] = "00",
    domain: Annotated[str | None, typer.Option("--domain", help="source or target.")] = None,
    attributes: Annotated[
        str,
        typer.Option(
            "--attributes", metavar="NAME=VALUE,...", help="The operating condition; - for none."
        ),
    ] = "-",
    conditions: Annotated[
        Path | None,
        typer.Option(
            "--conditions",
            metavar="FILE",
            help="YAML list or CSV of conditions instead: machine, section, domain, attributes, "
            "label, count, seconds. What it leaves out, the options below say.",
        ),
    ] = None,
    label: Annotated[str, typer.Option("--label", help="normal or anomaly.")] = "anomaly",
    count: Annotated[int, typer.Option("--count", min=1, help="Clips of each condition.")] = 10,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.01, max=3600.0, help="Length of a clip.")
    ] = 10.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Other seeds, other clips.")] = 0,
    sample_rate: Annotated[
        int | None,
        typer.Option(
            "--sample-rate",
            min=1000,
            max=384000,
            help="Hz. Default: the suite's, where there is one, else 16000.",
        ),
    ] = None,
    set_: ParameterOption = None,
    suite: SuiteOption = None,
    data: DataOption = None,
    data_set: DataSetOption = None,
    machines: MachinesOption = None,
    sections: SectionsOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
    plugin: PluginOption = None,
) -> None:
    """Generate clips for your own use: WAV files named as in DCASE data, and manifest.csv.

    A generator that comes with a trained checkpoint needs nothing else. One that must learn from
    clips gets them from what a suite lends to generators (--suite) or from a data set (--data).

    Each clip depends on its condition, its number and the seed alone, so that asking for more
    clips later adds to those that are there. The same command resumes what was interrupted.
    manifest.csv can be used as a data set: `dataset: {use: manifest, file: clips/manifest.csv}`.

    For example:

        asdbench generate mimii-gen --machine fan --attributes m-n=W --count 20 --out clips

        asdbench generate mimii-gen --conditions conditions.yaml --label normal --out clips

        asdbench generate perturb --machine fan --suite quickstart --out clips
    """
    from asdbench.cli.work import work_observer
    from asdbench.engine.generation import Generation, run_generation
    from asdbench.engine.material import find_material
    from asdbench.engine.store import Store, default_store
    from asdbench.suite.arguments import load_plugin

    wanted = _wanted(machine, section, domain, attributes, conditions, label, count, seconds)
    loaded = load_plugin("generators", plugin_name, set_ or ())
    with work_observer() as watch:
        material = None
        if suite is not None or data is not None:
            material = find_material(
                suite=suite,
                data=data,
                settings=data_set or (),
                machines=names(machines),
                sections=names(sections),
                sample_rate=sample_rate,
                store=store,
                observer=watch,
            )
        made = run_generation(
            Generation.of(loaded, wanted, seed, sample_rate, material),
            out,
            store=Store((store or default_store()).absolute()),
            device=device,
            observer=watch,
        )
    for warning in made.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"{made.written} clips written, {made.kept} kept: {made.manifest}")


def _wanted(
    machine: str | None,
    section: str,
    domain: str | None,
    attributes: str,
    conditions: Path | None,
    label: str,
    count: int,
    seconds: float,
) -> list[Wanted]:
    from asdbench.engine.wanted import one_wanted, read_wanted

    if (machine is None) == (conditions is None):
        raise typer.BadParameter("give one of --machine and --conditions")
    if conditions is not None:
        return read_wanted(conditions, label, count, seconds)
    assert machine is not None
    return [one_wanted(machine, section, domain, attributes, label, count, seconds)]
