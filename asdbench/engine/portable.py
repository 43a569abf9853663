"""What may stand in a file that others read: no folder of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def placeless(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values, of absolute paths the last part."""

    def portable(value: Any) -> Any:
        absolute = isinstance(value, str) and Path(value).is_absolute()
        return Path(value).name if absolute else value

    return {name: portable(value) for name, value in values.items()}
