"""Executable contracts: what every plug-in must do, as checks with names."""

from asdbench.testing.check import Check, CheckFailure
from asdbench.testing.detectors import detector_checks
from asdbench.testing.generators import generator_checks
from asdbench.testing.material import Material, simulated_material

__all__ = [
    "Check",
    "CheckFailure",
    "Material",
    "detector_checks",
    "generator_checks",
    "simulated_material",
]
