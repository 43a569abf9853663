"""``asdbench quality``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asdbench.cli.options import PluginOption

if TYPE_CHECKING:
    from collections.abc import Callable


def quality(
    real: Annotated[
        Path, typer.Argument(metavar="REAL_DIR", help="Folder of real recordings, any depth.")
    ],
    generated: Annotated[
        Path, typer.Argument(metavar="GENERATED_DIR", help="Folder of generated recordings.")
    ],
    train: Annotated[
        Path | None,
        typer.Option(
            "--train",
            metavar="DIR",
            help="The generator's training clips: adds the search for copies of them.",
        ),
    ] = None,
    embedding: Annotated[
        list[str] | None,
        typer.Option(
            "--embedding",
            metavar="NAME",
            help="An embedding (asdbench plugins list), or ./file.py:Class. Repeatable. "
            "Default: logmel-stats, which needs no weights.",
        ),
    ] = None,
    embedding_param: Annotated[
        list[str] | None,
        typer.Option(
            "--embedding-param",
            metavar="KEY=VALUE",
            help="Set its parameter, e.g. weights=FOLDER; with several embeddings "
            "NAME.KEY=VALUE. Repeatable.",
        ),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write all values and notes as JSON."),
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the values as CSV.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of random splits and permutations.")
    ] = 0,
    device: Annotated[
        str, typer.Option("--device", help="Of embeddings: auto, cpu, cuda or cuda:N.")
    ] = "auto",
    plugin: PluginOption = None,
) -> None:
    """Say how far generated clips lie from real ones: FAD, KAD, copies of training clips.

    WAV and FLAC files are read, at any depth. Machine and label (normal, anomaly) come from
    folders and file names as in DCASE, MIMII and `asdbench generate`; each is compared with its
    like, and all machines together. Values of different embeddings are not comparable; nor are
    FADs of different numbers of clips: read FAD against the noise floor beside it, which is real
    against real, or read KAD, which has no such bias, with its p-value.

    For example:

        asdbench quality data/fan/test generated/fan

        asdbench quality data generated --train data --json quality.json

        asdbench quality data generated --embedding clap --embedding-param weights=DIR

    docs/quality.md explains every number.
    """
    import json
    import tempfile

    from asdbench.api import Context
    from asdbench.cli.quality_tables import print_quality
    from asdbench.engine.run import choose_device
    from asdbench.metrics.quality_csv import to_csv
    from asdbench.metrics.quality_embeddings import DEFAULT, make_embeddings
    from asdbench.metrics.quality_folders import quality_of_folders

    embeddings = make_embeddings(embedding or [DEFAULT], embedding_param or ())
    with _bar() as progress, tempfile.TemporaryDirectory() as scratch:
        context = Context(seed, Path(scratch), choose_device(device), progress)
        table = quality_of_folders(real, generated, embeddings, context, train)
    if json_file is not None:
        text = json.dumps(table.to_json(), indent=2, allow_nan=False)
        json_file.write_text(text + "\n", encoding="utf-8")
    if csv_file is not None:
        csv_file.write_text(to_csv(table), encoding="utf-8")
    print_quality(table)


@contextmanager
def _bar() -> Iterator[Callable[[int, int, str], None]]:
    """Yield a progress function: a bar on a terminal's stderr, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("clips", total=None)

        def show(done: int, total: int, what: str) -> None:
            progress.update(task, completed=done, total=total, description=f"{what}s")

        yield show
