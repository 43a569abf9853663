"""The codec without weights: log-mel frames, inverted by shaping noise until its frames match.

Encoding is the log-mel spectrogram of the DCASE baselines (128 bands). Decoding starts from white
noise of the clip's seed. In every iteration each band of each frame is scaled to its wanted power,
the gains spread over the bins by the mel filters, and the result is made a consistent short-time
spectrum by going through a waveform (Griffin and Lim 1984, with the momentum of Perraudin et al.
2013). The mel filters are thus inverted together with the phase, and within a band the fine
structure stays that of noise, which most of a machine's sound is.

What the iterations leave unreached are the deepest dips of the bands, so that decoded clips would
be a little smoother than real ones, which an autoencoder hears. ``sharpen`` exaggerates the wanted
fluctuations around their local mean by a few percent and so restores their size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import nn

from asdbench.features import LOG_FLOOR, LogMelSpec, mel_filters

from .codec import DIMENSIONS, Codec

_DB = 10.0 / 2.302585092994046  # decibels a neper of power
_LOCAL = 9  # frames of the local mean that `sharpen` works around
_REACH_DB = 130.0  # largest change of a band in one iteration
_THIN = 0.05  # sum of squared windows below which samples are faded instead of divided by it


class MelCodec(Codec):
    """Latents are log-mel frames in dB.

    Parameters
    ----------
    sample_rate
        Hz.
    n_fft, hop
        Window (periodic Hann) and step, samples.
    iterations
        Of the decoder.
    momentum
        0 is plain Griffin-Lim.
    sharpen
        Relative exaggeration of fluctuations before decoding.

    Raises
    ------
    ValueError
        When a setting is out of range.
    """

    stochastic: ClassVar[bool] = True
    bands: ClassVar[int] = DIMENSIONS
    """Mel bands of a frame."""

    def __init__(
        self,
        sample_rate: int = 16_000,
        n_fft: int = 1024,
        hop: int = 512,
        iterations: int = 20,
        momentum: float = 0.5,
        sharpen: float = 0.025,
    ) -> None:
        if min(sample_rate, iterations) < 1:
            raise ValueError(f"sample_rate {sample_rate} or iterations {iterations} below 1")
        self.sample_rate = sample_rate
        self.hop = hop
        self._n_fft = n_fft
        self._iterations = iterations
        self._momentum = momentum
        self._sharpen = sharpen
        spec = LogMelSpec(n_fft=n_fft, hop_length=hop, n_mels=self.bands)
        self._filters = torch.from_numpy(mel_filters(sample_rate, spec)).float()  # (bands, bins)
        shares = self._filters / self._filters.sum(0, keepdim=True).clamp_min(1e-12)
        shares[0, 0] = shares[-1, -1] = 1.0  # no band reaches the bins at 0 Hz and at the top
        self._spread = shares.T.contiguous()  # (bins, bands): how a bin divides
        self._window = torch.hann_window(n_fft)

    def frames(self, samples: int) -> int:
        """Return ``1 + samples // hop``."""
        return 1 + samples // self.hop

    @torch.no_grad()
    def encode(self, audio: torch.Tensor) -> torch.Tensor:
        """Return log-mel frames in dB, (batch, 128, frames)."""
        return self._log_mel(self._spectrum(audio.to(self._window.device)))

    @torch.no_grad()
    def decode(self, latents: torch.Tensor, samples: int, seeds: Sequence[int]) -> torch.Tensor:
        """Return audio whose log-mel frames are ``latents``, nearly."""
        noise = [torch.randn(samples, generator=_generator(seed)) for seed in seeds]
        device = self._window.device
        wanted = self._sharpened(latents.to(device, torch.float32))
        spectrum = self._spectrum(torch.stack(noise).to(device))
        fade = self._fade(samples)
        before: torch.Tensor | None = None
        for _ in range(self._iterations):
            change = (wanted - self._log_mel(spectrum)).clamp_(-_REACH_DB, _REACH_DB)
            gain = torch.matmul(self._spread, change).mul_(0.5 / _DB).exp_()
            audio = torch.istft(
                spectrum * gain, self._n_fft, self.hop, window=self._window, length=samples
            ).mul_(fade)
            after = self._spectrum(audio)
            spectrum = after if before is None else after + self._momentum * (after - before)
            before = after
        return audio

    def identity(self) -> Mapping[str, Any]:
        """Return the settings."""
        return {"codec": "mel", **self.settings()}

    def settings(self) -> dict[str, Any]:
        """Return what the constructor needs to make this codec again."""
        return {
            "sample_rate": self.sample_rate,
            "n_fft": self._n_fft,
            "hop": self.hop,
            "iterations": self._iterations,
            "momentum": self._momentum,
            "sharpen": self._sharpen,
        }

    def to(self, device: str | torch.device) -> MelCodec:
        """Move the filters to ``device``."""
        for name in ("_filters", "_spread", "_window"):
            setattr(self, name, getattr(self, name).to(device))
        return self

    def _spectrum(self, audio: torch.Tensor) -> torch.Tensor:
        return torch.stft(
            audio,
            self._n_fft,
            self.hop,
            window=self._window,
            pad_mode="constant",
            return_complex=True,
        )

    def _log_mel(self, spectrum: torch.Tensor) -> torch.Tensor:
        power = torch.view_as_real(spectrum).square().sum(-1)
        return torch.matmul(self._filters, power).clamp_(min=LOG_FLOOR).log_().mul_(_DB)

    def _fade(self, samples: int) -> torch.Tensor:
        """Return factors (samples,): below 1 where the last window alone reaches, and barely."""
        squares = self._window.square()[None, None]
        ones = torch.ones(1, 1, self.frames(samples), device=squares.device)
        total = nn.functional.conv_transpose1d(ones, squares, stride=self.hop)[0, 0]
        start = self._n_fft // 2
        return (total[start : start + samples] / _THIN).clamp_(max=1.0)

    def _sharpened(self, latents: torch.Tensor) -> torch.Tensor:
        if not self._sharpen:
            return latents
        side = _LOCAL // 2
        local = nn.functional.avg_pool1d(
            nn.functional.pad(latents, (side, side), mode="replicate"), _LOCAL, 1
        )
        return latents + self._sharpen * (latents - local)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed % 2**63)
