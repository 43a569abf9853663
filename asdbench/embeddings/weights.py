"""Weights from the hub or a local folder, and audio as models want it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from asdbench.api import Audio, ClipSet
from asdbench.audio import resample
from asdbench.errors import WeightsError

if TYPE_CHECKING:
    import torch
    from torch import nn

_T = TypeVar("_T")


def from_hub_or_folder(load: Callable[..., _T], weights: str, model: str, files: str) -> _T:
    """Return ``load(weights, local_files_only=...)``: a folder, the hub's cache, or the hub.

    Parameters
    ----------
    load
        A ``from_pretrained``.
    weights
        The plug-in's parameter of that name: a hub id or a folder.
    model
        What is loaded, for messages.
    files
        What a folder must hold, for messages.

    Raises
    ------
    WeightsError
        When there is no such folder, the hub cannot be reached, or the files are of another
        model.
    """
    folder = Path(weights).expanduser()
    hint = (
        f"Name a local folder that holds {files}: `--embedding-param weights=FOLDER`, or "
        "`weights:` among the parameters of the embedding."
    )
    if folder.is_dir():
        sources = [(str(folder), True)]
    elif weights.startswith((".", "/", "~")) or weights.count("/") != 1:
        raise WeightsError(f"{model}: there is no folder {weights}", hint)
    else:
        sources = [(weights, True), (weights, False)]  # the cache first: it needs no network
    for source, local in sources:
        try:
            return load(source, local_files_only=local)
        except Exception as error:  # transformers raises whatever its parsers raise
            failure = error
    reason = str(failure).strip().partition("\n")[0]
    raise WeightsError(
        f"{model}: weights '{weights}' cannot be loaded: {type(failure).__name__}: {reason}", hint
    ) from failure


def complete(loaded: tuple[Any, Mapping[str, Any]], model: str, weights: str) -> Any:
    """Return the model of ``from_pretrained(..., output_loading_info=True)``.

    Raises
    ------
    WeightsError
        When the files lack weights of the model, which would then be random.
    """
    network, info = loaded
    absent = sorted(info["missing_keys"]) + [str(key) for key in info.get("mismatched_keys", ())]
    if absent:
        raise WeightsError(
            f"{model}: '{weights}' lacks {len(absent)} of its weights, e.g. {absent[0]}",
            "Is it a checkpoint of another model? See docs/quality.md.",
        )
    return network.eval()


def read_safetensors(weights: str | None, model: str, where: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file, or of the only one in a folder.

    Raises
    ------
    WeightsError
        When ``weights`` is None, names no such file, or the file is damaged; ``where`` says
        where to get it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    hint = f"{where} Then name the file: `--embedding-param weights=FILE`."
    if weights is None:
        raise WeightsError(f"{model} needs its weights, and has none", hint)
    path = Path(weights).expanduser()
    found = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if len(found) != 1:
        raise WeightsError(f"{model}: {path} holds {len(found)} safetensors files, not one", hint)
    if found[0].suffix != ".safetensors":
        raise WeightsError(f"{model}: {found[0]} is no safetensors file; no other is read", hint)
    try:
        return load_file(found[0])
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{model}: {found[0]} cannot be read: {error}", hint) from error


def fill(network: nn.Module, tensors: Mapping[str, torch.Tensor], model: str) -> None:
    """Load ``tensors`` into ``network``, every one of them, and switch to evaluation.

    Raises
    ------
    WeightsError
        When a name or a shape differs.
    """
    try:
        network.load_state_dict(dict(tensors))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:400]
        raise WeightsError(
            f"{model}: the weights are of another model: {reason}",
            "docs/quality.md lists the names and shapes.",
        ) from error
    network.eval()


def weights_digest(network: nn.Module) -> str:
    """Return the SHA-256 of the names, shapes, types and bytes of all weights."""
    total = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        array = np.ascontiguousarray(tensor.detach().cpu().numpy())
        total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.data)
    return total.hexdigest()


def batches(clips: ClipSet, sample_rate: int, size: int) -> Iterator[list[Audio]]:
    """Yield the clips at ``sample_rate`` Hz, up to ``size`` at a time, in order."""
    for start in range(0, len(clips), size):
        chosen = range(start, min(start + size, len(clips)))
        audio = (clips.audio(index) for index in chosen)
        if clips.sample_rate == sample_rate:
            yield list(audio)
        else:
            yield [resample(one, clips.sample_rate, sample_rate) for one in audio]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return class probabilities in float64, (n, classes)."""
    from scipy.special import softmax as of

    return np.asarray(of(logits.astype(np.float64), axis=1))
