"""The contract of detectors, as checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from asdbench.api import Detector
from asdbench.testing.bench import params_of
from asdbench.testing.check import Check
from asdbench.testing.detector_bench import DetectorBench
from asdbench.testing.detector_clips import clip_checks
from asdbench.testing.detector_fit import fit_checks
from asdbench.testing.detector_optional import optional_checks
from asdbench.testing.detector_scores import score_checks
from asdbench.testing.material import Material
from asdbench.testing.plugin_checks import plugin_checks


def detector_checks(
    cls: type[Detector],
    params: Mapping[str, Any] | BaseModel | None = None,
    *,
    material: Material | None = None,
) -> list[Check]:
    """Return the checks that every detector must pass.

    Making them costs nothing; the detector is fitted when a check first needs it, four times in
    all, and the checks of one call share these fits. With pytest::

        @pytest.mark.parametrize("check", detector_checks(MyDetector), ids=str)
        def test_contract(check):
            check()

    Parameters
    ----------
    cls
        The detector.
    params
        Parameters with which it fits quickly and still finds loud anomalies. Default: the class
        attribute ``check_params`` over the model's defaults.
    material
        Clips to use in place of :func:`asdbench.testing.simulated_material`.

    Raises
    ------
    PluginError
        When the parameters are not valid.
    """
    chosen = params_of(cls, params)
    bench = DetectorBench(cls, chosen, material)
    return [
        *plugin_checks(cls, chosen),
        *score_checks(bench),
        *clip_checks(bench),
        *fit_checks(bench),
        *optional_checks(bench),
    ]
