"""What is advised where a plug-in changes what is not its own."""

from __future__ import annotations

import pytest

from asdbench.testing import CheckFailure
from asdbench.testing.conduct import check_state
from asdbench.testing.state import ProcessState


def test_advice_fits_what_was_changed() -> None:
    for name, word in (
        ("the working folder", "os.chdir"),
        ("numpy.geterr()", "np.errstate"),
        ("torch.get_default_dtype()", "dtype"),
        ("torch.backends.cudnn.benchmark", "kernels"),
        ("torch.get_rng_state()", "generator of your own"),
    ):
        assert name in {item.name for item, _ in ProcessState.now().items}
        with pytest.raises(CheckFailure) as failure:
            check_state([name], "fit()")
        assert word in failure.value.remedy
        assert ("generator" in failure.value.remedy) == (name == "torch.get_rng_state()")
