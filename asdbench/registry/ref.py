"""One plug-in that is known to exist, and the checks that its class must pass."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from pydantic import BaseModel

from asdbench.api import (
    Dataset,
    DatasetInfo,
    Detector,
    DetectorInfo,
    Embedding,
    EmbeddingInfo,
    Generator,
    GeneratorInfo,
    PluginInfo,
)
from asdbench.errors import PluginError

Kind = Literal["detectors", "generators", "datasets", "embeddings"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_CONTRACTS: dict[str, tuple[type, type[PluginInfo]]] = {
    "detectors": (Detector, DetectorInfo),
    "generators": (Generator, GeneratorInfo),
    "datasets": (Dataset, DatasetInfo),
    "embeddings": (Embedding, EmbeddingInfo),
}


def singular(kind: str) -> str:
    """Return what to call one plug-in of ``kind``, e.g. ``detector``."""
    return {"datasets": "data set"}.get(kind, kind.removesuffix("s"))


@dataclass(frozen=True)
class PluginRef:
    """A plug-in as discovery sees it; nothing of it is imported before :meth:`load`."""

    kind: Kind
    id: str
    """Its name; for ``use: ./file.py:Class``, that text."""
    origin: str
    """Where it comes from: distribution, version and class, or a file."""
    builtin: bool
    """Whether it is part of asdbench."""
    fetch: Callable[[], Any] = field(repr=False, compare=False)
    """Import it and return the class, unchecked."""
    named: bool = True
    """Whether ``id`` is a registered name, which the class must agree with."""

    def __str__(self) -> str:
        return f"{singular(self.kind)} '{self.id}' ({self.origin})"

    def load(self) -> type[Any]:
        """Import the plug-in and check its class.

        Returns
        -------
        type
            A subclass of :class:`asdbench.api.Detector`, ``Generator``, ``Dataset`` or
            ``Embedding``.

        Raises
        ------
        PluginError
            When the import fails (chained) or the class breaks its contract.
        """
        try:
            cls = self.fetch()
        except PluginError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{self} cannot be loaded: {type(error).__name__}: {error}",
                "Mend or uninstall it; other plug-ins are not affected.",
            ) from error
        fault = self._fault(cls)
        if fault is not None:
            raise PluginError(f"{self} {fault}", "asdbench.api describes what a plug-in must be.")
        return cast("type[Any]", cls)

    def _fault(self, cls: Any) -> str | None:
        base, info_type = _CONTRACTS[self.kind]
        if not (isinstance(cls, type) and issubclass(cls, base)):
            return f"is not a subclass of asdbench.api.{base.__name__}"
        info = getattr(cls, "info", None)
        if not isinstance(info, info_type):
            return f"has no 'info' of type asdbench.api.{info_type.__name__}"
        params: Any = info.params
        if not (isinstance(params, type) and issubclass(params, BaseModel)):
            return "has an info.params that is not a subclass of asdbench.api.Params"
        if self.named and info.id != self.id:
            return f"calls itself '{info.id}' in its info; the two names must agree"
        if inspect.isabstract(cls):
            missing = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
            return f"lacks the methods: {missing}"
        return None
