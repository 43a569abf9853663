"""Pretrained language models from the Hugging Face hub or from a folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from asdbench.errors import WeightsError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_language_model(model_class: Any, source: str, what: str) -> tuple[Any, Any]:
    """Return a frozen float32 model and its tokenizer, on the CPU, from files of this machine.

    Nothing is downloaded (T5-large is 3 GB), and weights are read from safetensors alone.

    Parameters
    ----------
    model_class
        A class of transformers with ``from_pretrained``.
    source
        A folder, or the id of a model on the hub whose files are in the hub's local cache.
    what
        Who needs it, for the error.

    Raises
    ------
    WeightsError
        When files are missing, cannot be read, or lack some of the model's tensors.
    """
    from safetensors import SafetensorError
    from transformers import AutoTokenizer

    folder = Path(source).expanduser()
    place = str(folder) if folder.is_dir() else source
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True)
        model, found = model_class.from_pretrained(
            place,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, ImportError, SafetensorError) as problem:
        raise _unusable(source, what, str(problem)) from problem
    if found["missing_keys"]:
        absent = ", ".join(sorted(found["missing_keys"])[:3])
        raise _unusable(source, what, f"its weights lack {absent}")
    return model.eval().requires_grad_(False), tokenizer


def weights_digest(model: PreTrainedModel, tokenizer: Any) -> str:
    """Return the SHA-256 of all tensors of ``model`` and of the vocabulary of ``tokenizer``."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().cpu().contiguous().view(-1)
        digest.update(f"{name}\x1f{flat.dtype}\x1f{tuple(tensor.shape)}\x1f".encode())
        digest.update(memoryview(flat.view(torch.uint8).numpy()))
    digest.update(json.dumps(sorted(tokenizer.get_vocab().items())).encode())
    return digest.hexdigest()


def _unusable(source: str, what: str, problem: str) -> WeightsError:
    files = "config.json, the tokenizer's files and model.safetensors"
    if Path(source).expanduser().is_dir():
        reason = problem.strip().partition("\n")[0]
        return WeightsError(
            f"{what}: no usable model in folder {source}: {reason}",
            f"The folder must hold {files}, as `hf download ID --local-dir FOLDER` or "
            "`save_pretrained` write them.",
        )
    if source.startswith(("/", ".", "~")):
        return WeightsError(
            f"{what}: folder {source} does not exist", f"Give a folder with {files}."
        )
    return WeightsError(
        f"{what}: the model '{source}' is neither a folder nor complete in the hub's local cache",
        f"Download it once with `hf download {source}` (Hugging Face hub), or give the path of a "
        f"folder with {files} in its place.",
    )
