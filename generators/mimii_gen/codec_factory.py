"""Make a codec from what a suite says, and again from what a checkpoint says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from asdbench.errors import DataError, WeightsError

from .codec import Codec
from .encodec_codec import HUB_ID, EncodecCodec
from .mel_codec import MelCodec

CodecName = Literal["mel", "encodec"]


def make_codec(name: CodecName, source: str | None, bandwidth: float | None, rate: int) -> Codec:
    """Return the codec ``name``.

    Parameters
    ----------
    name
        ``mel`` has no weights; ``encodec`` is EnCodec or a small one of its architecture.
    source, bandwidth
        Of ``encodec``: see :meth:`EncodecCodec.load`; None is Meta's 24 kHz model on the hub.
    rate
        Sample rate of ``mel``, Hz. ``encodec`` brings its own.
    """
    if name == "mel":
        return MelCodec(rate)
    return EncodecCodec.load(source or HUB_ID, bandwidth)


def stored(codec: Codec, source: str | None) -> dict[str, Any]:
    """Return what a checkpoint keeps of ``codec``, as JSON values."""
    if isinstance(codec, EncodecCodec):
        return {**codec.identity(), "source": source or HUB_ID}
    return dict(codec.identity())


def restore(settings: Mapping[str, Any], source: str | None) -> Codec:
    """Return the codec of :func:`stored`; ``source`` says where its weights lie now.

    Raises
    ------
    DataError
        When the settings are not those of a codec.
    WeightsError
        When the weights are not those that the checkpoint was trained with.
    """
    values = dict(settings)
    kind = values.pop("codec", None)
    try:
        if kind == "mel":
            return MelCodec(**values)
        if kind == "encodec":
            codec = EncodecCodec.load(source or values["source"], values["bandwidth"])
        else:
            raise KeyError(f"codec {kind!r}")
    except (TypeError, KeyError) as problem:
        raise DataError(
            f"the checkpoint's codec is malformed: {problem}",
            "The file is damaged, or of another version of asdbench.",
        ) from problem
    if codec.identity()["weights"] != values["weights"]:
        raise WeightsError(
            f"the EnCodec at {source or values['source']} is not the one that the checkpoint was "
            "trained with: its weights differ",
            "Name the right one with 'codec_source'.",
        )
    return codec
