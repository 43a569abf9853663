from __future__ import annotations

import json

import jsonschema
import pytest
import typer
import yaml
from typer.testing import CliRunner

from asdbench.cli.schema import schema
from asdbench.suite import bundled_suites

app = typer.Typer()
app.command()(schema)


def published(name: str) -> dict[str, object]:
    result = CliRunner().invoke(app, [name])
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    jsonschema.Draft202012Validator.check_schema(found)
    return found


@pytest.mark.parametrize("name", sorted(bundled_suites()))
def test_bundled_suites_follow_the_published_schema(name: str) -> None:
    data = yaml.safe_load(bundled_suites()[name].read_text())
    jsonschema.validate(data, published("suite"))


def test_the_suite_schema_refuses_what_the_loader_refuses() -> None:
    suite = {"name": "x", "dataset": {"use": "simulated"}, "detectors": [{"id": "a", "use": "b"}]}
    found = published("suite")
    jsonschema.validate(suite, found)
    for wrong in ({"nmae": 1}, {"name": "a b"}, {"detectors": []}, {"seeds": {"master": -1}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**suite, **wrong}, found)


def test_every_field_of_a_suite_is_described() -> None:
    found = published("suite")
    definitions = found["$defs"]
    assert isinstance(definitions, dict)
    models = [found, *definitions.values()]
    fields = {
        f"{model['title']}.{name}": {
            **definitions.get(field.get("$ref", "").rpartition("/")[2], {}),
            **field,
        }
        for model in models
        for name, field in model.get("properties", {}).items()
    }
    assert len(fields) > 20
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_the_report_has_a_schema_too() -> None:
    assert "properties" in published("report")


def test_another_name_is_a_usage_error() -> None:
    assert CliRunner().invoke(app, ["plan"]).exit_code == 2
