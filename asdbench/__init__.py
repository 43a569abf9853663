"""asdbench: a benchmark harness for anomalous sound detection with synthetic anomalies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asdbench.comparison import compare
    from asdbench.engine.run import Run, run

__all__ = ["Run", "__version__", "compare", "run"]
__version__ = "0.1.0"


_HOMES = {
    "Run": "asdbench.engine.run",
    "run": "asdbench.engine.run",
    "compare": "asdbench.comparison",
}


def __getattr__(name: str) -> Any:
    """Import the Python API when it is asked for: ``--help`` must not wait for it."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'asdbench' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
