"""The contract of generators, as checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from asdbench.api import Generator
from asdbench.testing.bench import params_of
from asdbench.testing.check import Check
from asdbench.testing.generator_bench import GeneratorBench
from asdbench.testing.generator_clips import clip_checks
from asdbench.testing.generator_fit import fit_checks
from asdbench.testing.generator_manifest import manifest_checks
from asdbench.testing.material import Material
from asdbench.testing.plugin_checks import plugin_checks


def generator_checks(
    cls: type[Generator],
    params: Mapping[str, Any] | BaseModel | None = None,
    *,
    material: Material | None = None,
) -> list[Check]:
    """Return the checks that every generator must pass; see :func:`detector_checks`.

    The generator is fitted four times in all, on normal clips and planted anomalies, and asked
    for some fifty clips.

    Parameters
    ----------
    cls
        The generator.
    params
        Parameters with which it fits and generates quickly. Default: the class attribute
        ``check_params`` over the model's defaults.
    material
        Clips to use in place of :func:`asdbench.testing.simulated_material`.

    Raises
    ------
    PluginError
        When the parameters are not valid.
    """
    chosen = params_of(cls, params)
    bench = GeneratorBench(cls, chosen, material)
    return [
        *plugin_checks(cls, chosen),
        *clip_checks(bench),
        *fit_checks(bench),
        *manifest_checks(bench),
    ]
