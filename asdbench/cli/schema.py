"""``asdbench schema``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """A file format that has a JSON Schema."""

    suite = "suite"
    report = "report"


def schema(
    name: Annotated[Format, typer.Argument(metavar="suite|report", help="Which file format.")],
) -> None:
    """Print the JSON Schema of suites (for editors and linters) or of report.json.

    For example:

        asdbench schema suite > suite.schema.json
    """
    import json

    from asdbench.report.schema import Report
    from asdbench.suite.model import Suite

    described = (Suite if name is Format.suite else Report).model_json_schema()
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    typer.echo(json.dumps({**dialect, **described}, indent=2))
