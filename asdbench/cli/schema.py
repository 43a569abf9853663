"""``asdbench schema``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """A file format that has a JSON Schema."""

    suite = "suite"
    report = "report"
    comparison = "comparison"


def schema(
    name: Annotated[
        Format, typer.Argument(metavar="suite|report|comparison", help="Which file format.")
    ],
) -> None:
    """Print the JSON Schema of suites (for editors and linters), of report.json or of comparisons.

    For example:

        asdbench schema suite > suite.schema.json
    """
    import json

    from pydantic import BaseModel

    from asdbench.comparison.schema import ComparisonFile
    from asdbench.report.schema import Report
    from asdbench.suite.model import Suite

    models: dict[Format, type[BaseModel]] = {
        Format.suite: Suite,
        Format.report: Report,
        Format.comparison: ComparisonFile,
    }
    described = models[name].model_json_schema()
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    typer.echo(json.dumps({**dialect, **described}, indent=2))
