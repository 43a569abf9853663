"""EnCodec weights under the names of ``transformers``, also from Meta's own checkpoint file.

Meta distributes EnCodec as ``encodec_24khz-d7cc33bc.th``, a pickled state dict in the names of
the ``encodec`` package. The class of ``transformers`` computes the same, bit by bit, under other
names, so that neither that package nor what it imports is needed.
"""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from asdbench.audio import file_digest
from asdbench.errors import WeightsError

if TYPE_CHECKING:
    from transformers import EncodecModel

META_FILE = "encodec_24khz-d7cc33bc.th"
"""Meta's file of the 24 kHz model; the digits begin the SHA-256 of its bytes."""

_RENAMED = (
    (r"^(encoder|decoder)\.model\.", r"\1.layers."),
    (r"\.(?:conv\.conv|convtr\.convtr)\.", ".conv."),
    (r"^quantizer\.vq\.layers\.(\d+)\._codebook\.", r"quantizer.layers.\1.codebook."),
    (r"\.weight_g$", ".parametrizations.weight.original0"),
    (r"\.weight_v$", ".parametrizations.weight.original1"),
)
_DIGEST_IN_NAME = re.compile(r"-([0-9a-f]{8,64})$")
_UNUSED = ("cluster_size", "embed_avg", "inited")  # of a codebook: training reads them alone


def transformers_name(name: str) -> str:
    """Return what ``transformers`` calls the tensor ``name``.

    Takes the names of the ``encodec`` package, and those that ``torch.nn.utils.weight_norm``
    wrote into older files; all others are returned as they are.
    """
    for pattern, replacement in _RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def load_meta_checkpoint(path: Path) -> EncodecModel:
    """Return the 24 kHz model with the weights of Meta's checkpoint file.

    The file is read without unpickling code (``weights_only``).

    Raises
    ------
    WeightsError
        When the file is damaged, its SHA-256 is not the one in its name, or its tensors are not
        those of the 24 kHz model.
    """
    from transformers import EncodecConfig

    wanted = _DIGEST_IN_NAME.search(path.stem)
    if wanted and not file_digest(path).startswith(wanted[1]):
        raise WeightsError(
            f"{path} is damaged: its SHA-256 does not begin with {wanted[1]}, as its name says",
            "Download it again.",
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        # The first line says what is wrong; what follows tells how to load it unsafely.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"{path} cannot be read as a checkpoint: {reason}",
            f"Only plain tensors are read; Meta's file {META_FILE} holds nothing else.",
        ) from error
    if not isinstance(state, Mapping) or not all(
        isinstance(value, torch.Tensor) for value in state.values()
    ):
        raise WeightsError(
            f"{path} is no state dict of tensors", f"Expected Meta's file {META_FILE}."
        )
    return filled(new_model(EncodecConfig()), state, path)


def new_model(config: Any, seed: int = 0) -> EncodecModel:
    """Return a model of ``config``, an ``EncodecConfig``, with weights drawn from ``seed``."""
    from transformers import EncodecModel

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # not those of GPUs
        return EncodecModel(config)


def filled(model: EncodecModel, state: Mapping[str, torch.Tensor], source: Path) -> EncodecModel:
    """Copy ``state``, in any of the names above, into ``model`` and return it.

    Raises
    ------
    WeightsError
        When a tensor is missing, unexpected, of another shape, or not finite.
    """
    own = model.state_dict()
    given = {transformers_name(name): tensor for name, tensor in state.items()}
    problems = [
        *(f"{name} is missing" for name in own.keys() - given.keys()),
        *(f"{name} is unexpected" for name in given.keys() - own.keys()),
        *(
            f"{name} has shape {tuple(given[name].shape)}, not {tuple(own[name].shape)}"
            for name in own.keys() & given.keys()
            if given[name].shape != own[name].shape
        ),
    ] or [f"{name} is not finite" for name in own if not torch.isfinite(given[name]).all()]
    if problems:
        shown = "; ".join(sorted(problems)[:3])
        raise WeightsError(
            f"{source} does not fit an EnCodec of its configuration: {len(problems)} of "
            f"{len(own)} tensors are wrong: {shown}",
            "Take the weights and the configuration from the same download.",
        )
    model.load_state_dict(given)
    return model


def weights_digest(model: EncodecModel) -> str:
    """Return the SHA-256 of names, shapes and float32 values of all that coding depends on."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if not name.endswith(_UNUSED):
            digest.update(f"{name}{tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().to(torch.float32).numpy().tobytes())
    return digest.hexdigest()
