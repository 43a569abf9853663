"""``asdbench data``: simulate, list, verify."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asdbench.cli.options import SetOption

if TYPE_CHECKING:
    from rich.progress import Progress

    from asdbench.api import Clip
    from asdbench.audio import AudioFormat

data_app = typer.Typer(no_args_is_help=True, help="Simulate, list and verify data sets.")

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A suite (file or bundled name) whose data is meant, or a folder of a DCASE data set.",
    ),
]
YearOption = Annotated[
    int, typer.Option("--year", help="Year of the challenge, where SOURCE is a folder.")
]


@data_app.command("simulate")
def simulate(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the machines' folders are written.")
    ] = Path("simulated_mimii_dg"),
    machines: Annotated[
        str, typer.Option(help="Comma-separated: bearing, fan, gearbox, slider, valve.")
    ] = "bearing,fan,gearbox,slider,valve",
    sections: Annotated[str, typer.Option(help="Comma-separated: 00, 01, 02.")] = "00,01,02",
    train: Annotated[
        int, typer.Option(min=1, help="Source training normals a section. MIMII DG has 990.")
    ] = 990,
    test: Annotated[
        int, typer.Option(min=1, help="Test clips for each domain and label. MIMII DG has 50.")
    ] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other recordings.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes. Default: one a core.")
    ] = None,
) -> None:
    """Write a simulated twin of MIMII DG: same layout, names, domains and noise levels.

    Files that are there already are kept, so an interrupted command continues. Any subset holds
    the same clips as the full set.

    For example:

        asdbench data simulate twin --machines fan --sections 00 --train 100 --test 20
    """
    from asdbench.datasets.simulated.write import simulate_to
    from asdbench.engine.local import default_workers

    with _bar() as progress:
        bar = progress.add_task("clips", total=None)
        counts = simulate_to(
            folder,
            machines=_names(machines),
            sections=_names(sections),
            train=train,
            test=test,
            seed=seed,
            workers=workers or default_workers(),
            progress=lambda done, total, what: progress.update(bar, completed=done, total=total),
        )
    typer.echo(f"{counts['written']} clips written, {counts['kept']} kept, in {folder}")


def _bar() -> Progress:
    """Return a progress bar on stderr, silent where that is no terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(console=console, disable=not console.is_terminal)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


@data_app.command("list")
def list_(source: SourceArgument, set_: SetOption = None, year: YearOption = 2022) -> None:
    """Count clips by machine, section, domain, split and label.

    For example:

        asdbench data list quickstart
    """
    from collections import Counter

    from asdbench.cli.tables import compact_table, console

    clips, _ = _listed(source, set_ or (), year)
    counts = Counter((c.machine, c.section, c.domain, c.split, c.label) for c in clips)
    table = compact_table()
    for name in ("machine", "section", "domain", "split", "label"):
        table.add_column(name)
    for name in ("clips", "conditions"):
        table.add_column(name, justify="right")
    for key, count in sorted(counts.items(), key=lambda item: [part or "" for part in item[0]]):
        conditions = {
            c.condition for c in clips if (c.machine, c.section, c.domain, c.split, c.label) == key
        }
        table.add_row(*(part or "-" for part in key), str(count), str(len(conditions)))
    console().print(table)
    typer.echo(f"{len(clips)} clips")


@data_app.command("verify")
def verify(source: SourceArgument, set_: SetOption = None, year: YearOption = 2022) -> None:
    """Read every audio file and list those that cannot be used. Exit code 2 if there are any.

    For example:

        asdbench data verify mimii_dg --set dataset.root=DIR
    """
    from asdbench.datasets.verify import verify as verify_clips

    listed, audio = _listed(source, set_ or (), year)
    clips = [c for c in listed if c.part is None]
    if not clips:
        typer.echo(
            "this data set makes its own audio when a suite runs; there are no files to read"
        )
        return
    with _bar() as progress:
        bar = progress.add_task("files", total=len(clips))
        problems = verify_clips(
            clips,
            audio,
            lambda done, total, what: progress.update(bar, completed=done, total=total),
        )
    for problem in problems:
        typer.echo(f"{problem.message}\n  {problem.hint}")
    typer.echo(f"{len(clips)} files read, {len(problems)} cannot be used")
    if problems:
        raise typer.Exit(2)


def _listed(source: str, overrides: Sequence[str], year: int) -> tuple[Sequence[Clip], AudioFormat]:
    """Return the clips of a suite's data set, or of a DCASE folder, and how to read them."""
    from asdbench.audio import AudioFormat

    if not Path(source).is_dir():
        from asdbench.engine.plan import list_clips
        from asdbench.suite import load_suite

        loaded = load_suite(source, overrides)
        return list_clips(loaded), AudioFormat(**loaded.suite.audio.model_dump())
    from asdbench.errors import AsdbenchError
    from asdbench.registry import load

    if overrides:
        raise AsdbenchError(
            f"--set changes a suite, and {source} is a folder", "Name a suite, or leave --set out."
        )
    dataset = load("datasets", "dcase")
    params = dataset.info.params(root=Path(source).resolve(), year=year)
    return dataset(params).clips(), AudioFormat()
