"""The command line. It holds no logic: each command calls the Python API and prints."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

import typer

from asdbench.cli.compare import compare
from asdbench.cli.data import data_app
from asdbench.cli.doctor import doctor
from asdbench.cli.evaluate import evaluate
from asdbench.cli.explain import explain
from asdbench.cli.gate import gate
from asdbench.cli.generate import generate
from asdbench.cli.plan import plan
from asdbench.cli.plugins import plugins_app
from asdbench.cli.quality import quality
from asdbench.cli.report import report
from asdbench.cli.run import run
from asdbench.cli.schema import schema
from asdbench.cli.train import train
from asdbench.cli.validate import validate
from asdbench.errors import AsdbenchError

app = typer.Typer(
    name="asdbench",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "Benchmark anomalous sound detectors on real and on generated anomalies.\n\n"
        "Start with: asdbench run quickstart\n\n"
        "Exit codes: 0 done, 1 internal error, 2 usage or configuration, 3 changed or gate failed, "
        "4 not comparable, 5 incomplete, 6 inconclusive (--strict), 130 interrupted."
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        from asdbench import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", callback=_version, is_eager=True
    ),
) -> None: ...


app.command("run", short_help="Run a suite and report the differences.")(run)
app.command("plan", short_help="Show what a run would do.")(plan)
app.command("validate", short_help="Check a suite, all mistakes at once.")(validate)
app.command("report", short_help="Render a report again.")(report)
app.command("gate", short_help="Say whether a run meets its suite's gates.")(gate)
app.command("explain", short_help="Show one cell of a report in full.")(explain)
app.command("compare", short_help="Compare two reports, for CI.")(compare)
app.command("evaluate", short_help="Compute the challenge's metrics of a score file.")(evaluate)
app.command("train", short_help="Train a part of a plug-in on a suite's or other clips.")(train)
app.command("generate", short_help="Generate clips for your own use.")(generate)
app.command("quality", short_help="Compare generated with real audio.")(quality)
app.command("schema", short_help="Print the JSON Schema of suites or reports.")(schema)
app.command("doctor", short_help="Check this machine.")(doctor)
app.add_typer(plugins_app, name="plugins")
app.add_typer(data_app, name="data")


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM. Not KeyboardInterrupt, which typer would swallow with exit code 1."""


def _interrupt(*_: object) -> NoReturn:
    raise Interrupted


def main() -> None:
    """Run the command line; every failure becomes a message and an exit code."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except AsdbenchError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except Interrupted:
        sys.stderr.write("\ninterrupted\n")
        if sys.argv[1:2] in (["run"], ["train"], ["generate"]):
            sys.stderr.write(_how_to_resume() + "\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone; nobody is left to tell
        sys.exit(1)
    except OSError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)


def _how_to_resume() -> str:
    import shlex
    import shutil

    program = ["asdbench"]
    if sys.argv[0].endswith("__main__.py"):
        program = [sys.executable, "-m", "asdbench"]
    elif shutil.which("asdbench") is None:
        program = [sys.argv[0]]
    command = shlex.join([*program, *sys.argv[1:]])
    if "--fresh" in sys.argv:
        return f"A fresh run cannot be continued; this starts again:\n  {command}"
    return f"What was finished is kept. The same command continues:\n  {command}"
