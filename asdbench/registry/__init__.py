"""Plug-ins: found by entry point, by decorator in a file, or as ``./file.py:Class``.

The harness knows no detector, generator, data set or embedding by name; all of them, the built-in
ones included, arrive through here. Listing imports nothing; a broken plug-in breaks only itself.
"""

from asdbench.registry.describe import (
    ParameterDescription,
    PluginDescription,
    clashes,
    describe_plugin,
    find_anywhere,
)
from asdbench.registry.digest import code_digest, source_digest
from asdbench.registry.discovery import (
    PluginSpec,
    Use,
    find,
    inspect_file,
    load,
    plugins,
    register_file,
)
from asdbench.registry.names import did_you_mean, nearest
from asdbench.registry.parts import parts_of
from asdbench.registry.ref import KINDS, Kind, PluginRef, singular

__all__ = [
    "KINDS",
    "Kind",
    "ParameterDescription",
    "PluginDescription",
    "PluginRef",
    "PluginSpec",
    "Use",
    "clashes",
    "code_digest",
    "describe_plugin",
    "did_you_mean",
    "find",
    "find_anywhere",
    "inspect_file",
    "load",
    "nearest",
    "parts_of",
    "plugins",
    "register_file",
    "singular",
    "source_digest",
]
