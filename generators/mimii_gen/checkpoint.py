"""A trained generator on disk: ``model.safetensors``, ``card.json``, ``training_clips.csv``."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from asdbench.conditions import format_condition, parse_condition
from asdbench.errors import DataError, WeightsError

from .by_condition import ByCondition
from .calibration import Calibration
from .codec import DIMENSIONS, Codec
from .codec_factory import restore, stored
from .latents import Statistics
from .model import LatentDiffusion, ModelSettings, TrainingClip
from .text_factory import load_text_encoder
from .unet import build_unet

FORMAT = "asdbench/mimii-gen@1"
CARD = "card.json"
WEIGHTS = "model.safetensors"
CLIPS = "training_clips.csv"
_PARTS = ("unet", "text", "statistics", "calibration")
CodecReader = Callable[[Mapping[str, Any], str | None], Codec]
_REMEDY = "Fetch or train the checkpoint again: `asdbench train generator --help`."


def save_checkpoint(
    model: LatentDiffusion,
    folder: Path,
    store_as: Literal["float16", "float32"] = "float32",
) -> None:
    """Write ``model`` into ``folder``.

    Parameters
    ----------
    model
        Trained.
    folder
        Exists.
    store_as
        Type of the weights of U-Net and text encoder; statistics stay float32.
    """
    dtype = torch.float16 if store_as == "float16" else torch.float32
    tensors = {f"unet.{name}": value.to(dtype) for name, value in model.unet.state_dict().items()}
    if model.text.trained:
        tensors |= {f"text.{k}": v.to(dtype) for k, v in model.text.state_dict().items()}
    tensors["statistics.mean"] = model.statistics.mean
    tensors["statistics.std"] = model.statistics.std
    means = model.statistics.of_conditions
    if means is not None:
        tensors["statistics.of_conditions"] = means.values
    if model.calibration is not None:
        tensors |= {f"calibration.{k}": v for k, v in model.calibration.tensors().items()}
    facts = {
        "format": FORMAT,
        "settings": model.settings.model_dump(mode="json"),
        "codec": stored(model.codec, model.codec_source),
        "text": {**model.text.settings(), "trained": model.text.trained},
        "statistics": {
            "normalization": model.statistics.normalization,
            "groups": list(model.statistics.groups),
            "conditions": [format_condition(c) for c in means.conditions] if means else [],
        },
        "calibration": None if model.calibration is None else model.calibration.facts(),
        "sample_rate": model.sample_rate,
        "conditions": [format_condition(condition) for condition in model.conditions],
        "training": model.training,
        "trained_on": {"clips": len(model.clips), "sha256": _digest(model.clips)},
    }
    if model.clips:
        _write_clips(folder / CLIPS, model.clips)
    draft = folder / (WEIGHTS + ".part")
    save_file({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, draft)
    os.replace(draft, folder / WEIGHTS)
    (folder / CARD).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def load_checkpoint(
    folder: Path,
    codec_source: str | None = None,
    text_source: str | None = None,
    codec_of: CodecReader = restore,
) -> LatentDiffusion:
    """Return the generator in ``folder``, on the CPU, in float32.

    Parameters
    ----------
    folder
        What :func:`save_checkpoint` wrote.
    codec_source, text_source
        Where the weights of EnCodec and of Flan-T5 lie on this machine, where the checkpoint
        needs them.
    codec_of
        Makes the codec of what the card says of it and of ``codec_source``.

    Raises
    ------
    WeightsError
        When there is no checkpoint, it is damaged, or of another format; a tensor is missing,
        unexpected or of the wrong shape.
    """
    card = _read_card(folder)
    tensors = _read_tensors(folder / WEIGHTS)
    try:
        model = _assemble(card, tensors, codec_source, text_source, codec_of)
        model.clips = _read_clips(folder / CLIPS, card["trained_on"])
        return model
    except ValidationError as problem:
        wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in problem.errors()]
        raise WeightsError(f"{folder / CARD}: {'; '.join(wrong)}", _REMEDY) from problem
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise WeightsError(f"{folder / CARD} is malformed: {problem!r}", _REMEDY) from problem
    except (DataError, WeightsError) as problem:  # of codec, text encoder or a condition
        raise WeightsError(f"{folder}: {problem.message}", problem.hint) from problem
    except _MismatchError as problem:
        raise WeightsError(f"{folder / WEIGHTS}: {problem}", _REMEDY) from None


class _MismatchError(Exception):
    """Tensors are not those that the card promises."""


def _assemble(
    card: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor],
    codec_source: str | None,
    text_source: str | None,
    codec_of: CodecReader,
) -> LatentDiffusion:
    _check_names_and_values(tensors)
    settings = ModelSettings(**card["settings"])
    codec = codec_of(card["codec"], codec_source)
    told = dict(card["text"])
    told.pop("trained")
    text = load_text_encoder(told, _part(tensors, "text"), source=text_source)
    with torch.random.fork_rng(devices=[]):
        unet = build_unet(settings.preset, settings.layout, text.dim)
    state = _part(tensors, "unet")
    _compare({name: value.shape for name, value in unet.state_dict().items()}, state, "unet")
    unet.load_state_dict(state)
    groups = tuple(card["statistics"]["groups"])
    shape = torch.Size((len(groups), DIMENSIONS))
    shapes = {"mean": shape, "std": shape}
    named = tuple(parse_condition(text) for text in card["statistics"]["conditions"])
    if settings.normalization == "condition":
        shapes["of_conditions"] = torch.Size((len(named), DIMENSIONS))
    measured = _part(tensors, "statistics")
    _compare(shapes, measured, "statistics")
    if not bool((measured["std"] > 0).all()):
        raise _MismatchError("statistics.std is not positive everywhere")
    if int(card["sample_rate"]) < 1 or not card["conditions"]:
        raise ValueError("no sample rate, or no conditions")
    means = ByCondition(named, measured["of_conditions"]) if named else None
    statistics = Statistics(
        settings.normalization, groups, measured["mean"], measured["std"], means
    )
    conditions = tuple(parse_condition(text) for text in card["conditions"])
    for condition in conditions:
        if not statistics.knows(condition):
            raise ValueError(f"the statistics' groups {groups} are not those of {condition}")
    return LatentDiffusion(
        settings=settings,
        codec=codec,
        codec_source=codec_source or card["codec"].get("source"),
        text=text,
        unet=unet.eval(),
        statistics=statistics,
        conditions=conditions,
        sample_rate=int(card["sample_rate"]),
        calibration=_calibration(card.get("calibration"), _part(tensors, "calibration")),
        training=card.get("training"),
    )


def _calibration(
    facts: Mapping[str, Any] | None, tensors: Mapping[str, torch.Tensor]
) -> Calibration | None:
    if facts is None:
        _compare({}, tensors, "calibration")
        return None
    _compare(Calibration.shapes(facts), tensors, "calibration")
    return Calibration.of(facts, tensors)


def _check_names_and_values(tensors: Mapping[str, torch.Tensor]) -> None:
    for name, value in sorted(tensors.items()):
        if name.partition(".")[0] not in _PARTS:
            raise _MismatchError(f"{name} is unexpected")
        if not bool(torch.isfinite(value).all()):
            raise _MismatchError(f"{name} holds NaN or infinity")


def _part(tensors: Mapping[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    prefix = name + "."
    return {
        key.removeprefix(prefix): value.float().clone()  # aligned, so that products are the same
        for key, value in tensors.items()
        if key.startswith(prefix)
    }


def _compare(
    wanted: Mapping[str, torch.Size], found: Mapping[str, torch.Tensor], what: str
) -> None:
    """Raise unless ``found`` has the names and shapes ``wanted``."""
    absent = sorted(wanted.keys() - found.keys())
    extra = sorted(found.keys() - wanted.keys())
    if absent:
        raise _MismatchError(f"{len(absent)} tensors of {what} are missing, the first: {absent[0]}")
    if extra:
        raise _MismatchError(
            f"{len(extra)} tensors of {what} are unexpected, the first: {extra[0]}"
        )
    for name, shape in wanted.items():
        if found[name].shape != shape:
            raise _MismatchError(
                f"{what}.{name} has shape {tuple(found[name].shape)}, not {tuple(shape)}"
            )


def _read_card(folder: Path) -> dict[str, Any]:
    path = folder / CARD
    if not folder.is_dir():
        found = "a file, not a folder" if folder.exists() else "not there"
        raise WeightsError(f"the checkpoint {folder} is {found}", _REMEDY)
    if not path.is_file():
        pickled = sorted(p.name for p in folder.glob("*.bin"))
        found = f"; {pickled[0]} is pickled and not read" if pickled else ""
        raise WeightsError(
            f"{folder} is no checkpoint of a generator: it has no {CARD}{found}", _REMEDY
        )
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as problem:
        raise WeightsError(f"{path} cannot be read: {problem}", _REMEDY) from problem
    known = card.get("format") if isinstance(card, dict) else None
    if known != FORMAT:
        raise WeightsError(f"{path} has format {known!r}; this version reads {FORMAT!r}", _REMEDY)
    return dict(card)


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise WeightsError(f"{path} is missing", _REMEDY)
    try:
        return load_file(path)
    except (SafetensorError, OSError) as problem:
        raise WeightsError(
            f"{path} is truncated, or no safetensors file: {problem}", _REMEDY
        ) from problem


def _write_clips(path: Path, clips: Sequence[TrainingClip]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TrainingClip._fields)
        writer.writerows(clips)


def _read_clips(path: Path, facts: Mapping[str, Any]) -> tuple[TrainingClip, ...]:
    """Return the training clips.

    Raises
    ------
    ValueError
        When they are not those that the card promises.
    """
    clips: tuple[TrainingClip, ...] = ()
    if facts["clips"]:
        if not path.is_file():
            raise ValueError(f"{path.name} is missing")
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))[1:]
        clips = tuple(TrainingClip(*row) for row in rows)
    if _digest(clips) != facts["sha256"]:
        raise ValueError(f"{path.name} does not hold the clips of the card")
    return clips


def _digest(clips: Sequence[TrainingClip]) -> str:
    text = json.dumps([list(clip) for clip in clips])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
