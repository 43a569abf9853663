"""A simulated twin of MIMII DG; ``docs/simulated.md`` describes it.

Importing this package loads no signal processing: listing clips is quick.
"""

from asdbench.datasets.simulated.dataset import Simulated, SimulatedParams

__all__ = ["Simulated", "SimulatedParams"]
