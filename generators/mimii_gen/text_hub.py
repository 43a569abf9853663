"""Pretrained language models from the Hugging Face hub or from a folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from asdbench.errors import AsdbenchError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class WeightsError(AsdbenchError):
    """Pretrained weights are missing, unreadable, or not those that were asked for."""


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

    try:
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)
        model, found = model_class.from_pretrained(
            source,
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
    first_line = problem.strip().splitlines()[0] if problem.strip() else "no reason given"
    if Path(source).expanduser().is_dir():
        return WeightsError(
            f"{what}: no usable model in folder {source}: {first_line}",
            "The folder must hold config.json, the tokenizer's files and model.safetensors, as "
            "`save_pretrained` or `hf download ID --local-dir FOLDER` write them.",
        )
    return WeightsError(
        f"{what}: the model '{source}' is neither a folder nor in the hub's local cache",
        f"Download it once with `hf download {source}` (Hugging Face hub), or give the path of a "
        "folder with config.json, the tokenizer's files and model.safetensors in its place.",
    )
