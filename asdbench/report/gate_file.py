"""Gates of a file, for the report of a suite that has none, or others."""

from __future__ import annotations

from pathlib import Path

from asdbench.errors import SuiteError
from asdbench.report.gates import check_gates
from asdbench.report.outcome_schema import GateResult
from asdbench.report.schema import Report
from asdbench.suite.gate_checks import Nameable, gate_problems
from asdbench.suite.gate_models import GateFile
from asdbench.suite.validate import validate
from asdbench.suite.yaml_source import parse


def check_gate_file(file: Path, report: Report) -> list[GateResult]:
    """Check the gates of ``file`` against ``report``, which stays as it is.

    Raises
    ------
    SuiteError
        With one line for every mistake in the file; what gates name must be in the report.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SuiteError(
            f"{file}: cannot be read: {error.strerror}", "Name a YAML file with a list `gates:`."
        ) from error
    document, found = parse(content, str(file))
    if document is not None:
        gates, mistakes = validate(GateFile, document.data, document)
        found = [*found, *mistakes, *gate_problems(document, _known(report))]
        if gates is not None and not found:
            return check_gates(gates.gates, report)
    ordered = sorted(dict.fromkeys(found), key=lambda problem: (problem.line, problem.column))
    raise SuiteError("\n".join(str(problem) for problem in ordered))


def _known(report: Report) -> Nameable:
    published = {
        reference.id: {
            (row.metric, row.section is not None)
            for row in report.published
            if row.reference == reference.id
        }
        for reference in report.references
    }
    return Nameable(
        [plugin.id for plugin in report.detectors],
        [plugin.id for plugin in report.generators],
        list(report.grids),
        published,
    )
