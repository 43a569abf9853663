"""What a codec is trained with: spectral and adversarial losses, and their balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from asdbench.features import LogMelSpec, mel_filters

WINDOWS = (2048, 1024, 512, 256, 128)
"""Of the short-time Fourier transforms, samples; steps are a quarter of each."""
_MOST_BANDS = 80
_FLOOR = 1e-5  # of an amplitude: -100 dB of full scale, the noise of 16-bit audio

Features = Sequence[torch.Tensor]
"""The outputs of a discriminator's layers."""


class SpectralLoss(nn.Module):
    """Distance of two waveforms at several resolutions, blind to phase.

    For each window, the sum of spectral convergence ``||S - S'|| / ||S||``, of the mean absolute
    difference of log magnitudes and of that of log-mel amplitudes; then the mean over windows.
    Levels are those of the audio: white noise of deviation 0.1 has magnitudes around 0.1.

    Parameters
    ----------
    sample_rate
        Of the waveforms, Hz.
    windows
        Lengths of the windows, samples.

    References
    ----------
    R. Yamamoto et al., "Parallel WaveGAN", ICASSP 2020, section 2.2 (magnitudes);
    A. Défossez et al., "High Fidelity Neural Audio Compression", 2022, section 3.4 (mel).
    """

    def __init__(self, sample_rate: int, windows: Sequence[int] = WINDOWS) -> None:
        super().__init__()
        self.windows = tuple(windows)
        for length in self.windows:
            spec = LogMelSpec(n_fft=length, n_mels=min(_MOST_BANDS, length // 16))
            filters = torch.from_numpy(mel_filters(sample_rate, spec))
            filters = filters / filters.sum(1, keepdim=True).clamp_min(1e-12)  # mean of the band
            window = torch.hann_window(length, dtype=torch.float64)
            self.register_buffer(f"mel{length}", filters.float(), persistent=False)
            self.register_buffer(f"window{length}", window.float(), persistent=False)

    def forward(self, decoded: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        """Return the distance of ``decoded`` from ``audio``, both (batch, samples): a scalar."""
        terms = []
        for length in self.windows:
            power, wanted = (self._power(wave, length) for wave in (decoded, audio))
            mel = self.get_buffer(f"mel{length}")
            terms.append(_convergence(power, wanted) + _log_distance(power, wanted))
            terms.append(_log_distance(mel @ power, mel @ wanted))
        distance: torch.Tensor = torch.stack(terms).sum() / len(self.windows)
        return distance

    def _power(self, wave: torch.Tensor, length: int) -> torch.Tensor:
        """Return (batch, bins, frames); white noise of unit variance has 1 everywhere."""
        window = self.get_buffer(f"window{length}")
        spectrum = torch.stft(
            wave, length, length // 4, window=window, pad_mode="constant", return_complex=True
        )
        power: torch.Tensor = torch.view_as_real(spectrum).square().sum(-1)
        return power.div(window.square().sum())


def _convergence(power: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    # The floor keeps the slope of the root finite where there is no sound.
    magnitude, reference = ((value + _FLOOR**2).sqrt() for value in (power, wanted))
    distance: torch.Tensor = (magnitude - reference).norm() / reference.norm()
    return distance


def _log_distance(power: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute difference of log amplitudes."""
    logs = [0.5 * (value + _FLOOR**2).log() for value in (power, wanted)]
    return (logs[0] - logs[1]).abs().mean()


def discriminator_loss(
    real: Sequence[torch.Tensor], decoded: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Return the hinge loss of discriminators, from their logits for real and decoded audio.

    References
    ----------
    Défossez et al., 2022, section 3.4, discriminative loss.
    """
    terms = [
        torch.relu(1 - good).mean() + torch.relu(1 + bad).mean()
        for good, bad in zip(real, decoded, strict=True)
    ]
    return torch.stack(terms).mean()


def adversarial_loss(decoded: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the codec's hinge loss from the discriminators' logits for decoded audio.

    References
    ----------
    Défossez et al., 2022, section 3.4, discriminative loss.
    """
    return torch.stack([torch.relu(1 - logits).mean() for logits in decoded]).mean()


def feature_loss(real: Sequence[Features], decoded: Sequence[Features]) -> torch.Tensor:
    """Return the relative distance of decoded from real audio inside the discriminators.

    References
    ----------
    Défossez et al., 2022, section 3.4, feature matching.
    """
    terms = [
        (one - other).abs().mean() / one.abs().mean().clamp_min(_FLOOR)
        for ones, others in zip(real, decoded, strict=True)
        for one, other in zip(ones, others, strict=True)
    ]
    return torch.stack(terms).mean()


class Balancer:
    """Mixes losses so that each weight is a share of the gradient at the decoder's output.

    The gradient of each loss is divided by the running mean of its own norm, so that weights
    need not follow the scales of the losses.

    Parameters
    ----------
    weights
        Of each loss, by its name.
    decay
        Of the running means, for each step.

    References
    ----------
    Défossez et al., 2022, section 3.4, balancer.
    """

    def __init__(self, weights: Mapping[str, float], decay: float = 0.999) -> None:
        self.weights = dict(weights)
        self.decay = decay
        self.sums = torch.zeros(len(self.weights), 2, dtype=torch.float64)
        """Running sums of norms and of ones, (losses, 2): the state, in the order of weights."""

    def gradient(self, losses: Mapping[str, torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        """Return what to back-propagate from ``output`` (batch, samples), of its shape.

        ``losses`` are scalars that depend on ``output``; those of the weights that are not among
        them keep their running means.
        """
        total = sum(self.weights[name] for name in losses)
        mixed = torch.zeros_like(output)
        for row, name in enumerate(self.weights):
            if name not in losses:
                continue
            (slope,) = torch.autograd.grad(losses[name], output, retain_graph=True)
            norm = slope.norm(dim=1).mean().double().cpu()
            self.sums[row] = self.decay * self.sums[row] + torch.stack(
                [norm, torch.ones_like(norm)]
            )
            mean = float(self.sums[row, 0] / self.sums[row, 1])
            if mean > 0:
                mixed += self.weights[name] / total / mean * slope
        return mixed
