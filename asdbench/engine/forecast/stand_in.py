"""The clips of a data set that is not here, as far as they are known without it.

MIMII DG, the development set of DCASE 2022 Task 2 for its five machines, has the layout of its
simulated twin: the same sections, domains, attributes and numbers of clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from asdbench.api import Clip
from asdbench.datasets.dcase import DCASE
from asdbench.datasets.simulated import Simulated, SimulatedParams
from asdbench.datasets.simulated.plan import MACHINES
from asdbench.engine.plan import list_clips
from asdbench.errors import DataError
from asdbench.registry import PluginSpec, Use
from asdbench.suite import LoadedPlugin, LoadedSuite

KNOWN = "MIMII DG (DCASE 2022 Task 2, development set)"


def with_known_layout(loaded: LoadedSuite) -> LoadedSuite | None:
    """Return the suite with clips of the same numbers and conditions as its own, or None.

    None where the layout of its data is not known without the data.
    """
    params, machines = loaded.dataset.params, loaded.suite.dataset.machines
    if not issubclass(loaded.dataset.cls, DCASE) or machines is None:
        return None
    known = (getattr(params, "year", None), getattr(params, "subset", None)) == (2022, "dev")
    if not known or not {*machines} <= {*MACHINES}:
        return None
    spec = PluginSpec.of("datasets", "simulated", loaded.folder)
    twin = SimulatedParams()
    use = Use(spec, twin.model_dump(mode="json"))
    stated = twin.model_dump(mode="json")
    return replace(
        loaded, dataset=LoadedPlugin("dataset", Simulated, twin, use, stated, "asdbench", True)
    )


def known_clips(loaded: LoadedSuite) -> tuple[Sequence[Clip], str | None]:
    """Return the suite's clips, or those of its known layout and why the data is not read.

    Raises
    ------
    DataError
        When the data is missing and its layout is not known.
    """
    try:
        return list_clips(loaded), None
    except DataError as error:
        twin = with_known_layout(loaded)
        if twin is None:
            raise
        return list_clips(twin), error.message
