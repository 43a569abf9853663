"""``asdbench train``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

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


class HoldOutBy(StrEnum):
    """What is held out as a whole."""

    CLIP = "clip"
    CONDITION = "condition"


def train(
    part: Annotated[
        str, typer.Argument(metavar="PART", help="What to train; a plug-in says what it offers.")
    ],
    plugin_name: Annotated[
        str,
        typer.Argument(
            metavar="PLUGIN",
            help="A generator or detector that can be trained, or ./file.py:Class.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Where the result goes, and resumes.")
    ],
    suite: SuiteOption = None,
    data: DataOption = None,
    data_set: DataSetOption = None,
    machines: MachinesOption = None,
    sections: SectionsOption = None,
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="NAME", help="Short for --set preset=NAME.")
    ] = None,
    set_: ParameterOption = None,
    hold_out: Annotated[
        float,
        typer.Option(
            "--hold-out", metavar="SHARE", min=0.0, max=0.9, help="Share kept for validation."
        ),
    ] = 0.1,
    hold_out_by: Annotated[
        HoldOutBy,
        typer.Option(
            "--hold-out-by",
            help="Single clips of each machine, section and label; or whole operating conditions "
            "of each section, so that validation hears what training never did.",
        ),
    ] = HoldOutBy.CLIP,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of the hold-out and of the training.")
    ] = 0,
    device: DeviceOption = "auto",
    store: StoreOption = None,
    plugin: PluginOption = None,
) -> None:
    """Train a part of a plug-in, e.g. a generator's checkpoint.

    It learns from the clips that a suite's split lends to generators (--suite), so that no clip
    the suite evaluates on is ever seen; or from all labelled clips of a data set (--data). Some
    are held out for validation. FOLDER/training_manifest.json says which clips were used for
    what, with their digests, before the training starts.

    The same command resumes what was interrupted or killed. A folder that was begun for
    something else is refused, with what differs.

    For example:

        asdbench train generator mimii-gen --suite quickstart --preset mini --out checkpoint

        asdbench train generator mimii-gen --data simulated --data-set seed=101 --out checkpoint

        asdbench train codec ./mine.py:Mine --data manifest --data-set file=my.csv --out codec

    --hold-out 0.2 --hold-out-by condition keeps a fifth of the operating conditions for
    validation; --machines fan,valve learns from these alone.

    'asdbench plugins show PLUGIN' lists its parameters. A PART that a plug-in does not have is
    answered with those that it has; a plug-in that cannot be trained, with those that can.
    """
    from asdbench.cli.work import work_observer
    from asdbench.engine.hold_out import HoldOut
    from asdbench.engine.material import find_material
    from asdbench.engine.training import load_trainable, plan_training, run_training

    settings = [*([f"preset={preset}"] if preset is not None else ()), *(set_ or ())]
    loaded = load_trainable(part, plugin_name, settings)
    rule = HoldOut(hold_out, hold_out_by.value, seed)
    with work_observer() as watch:
        clips = find_material(
            suite=suite,
            data=data,
            settings=data_set or (),
            machines=names(machines),
            sections=names(sections),
            store=store,
            observer=watch,
        )
        training = plan_training(part, loaded, clips, rule, seed)
        run_training(training, out, device=device, observer=watch)
    typer.echo(f"{part} of {loaded.cls.info.id}: {out}")
