"""The other side of ``serial_oe.py``: SerialOE's extractor as it is usually trained.

Waveforms in memory, one ``__getitem__`` a crop through a DataLoader with a sampler of as many
outliers as positives, mixup of waveforms, the mel spectrogram computed in the network and copied to
three channels, EfficientNet of transformers as it comes. Same network, crops, batches, optimizer
and schedule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import EfficientNetConfig, EfficientNetModel

RATE, N_FFT, HOP, BANDS = 16000, 2048, 256, 224


class Waves(Dataset):
    """Random crops of waveforms: positives first, then as many outliers."""

    def __init__(
        self, read: Callable[[int], NDArray[np.float32]], clips: int, crop: int, sections: int
    ) -> None:
        waves = np.stack([read(index) for index in range(2 * clips)])
        self.waves = (waves - waves.mean()) / waves.std()
        self.clips, self.crop, self.sections = clips, crop, sections

    def __len__(self) -> int:
        return len(self.waves)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        start = np.random.randint(0, self.waves.shape[1] - self.crop + 1)  # noqa: NPY002
        section = torch.zeros(self.sections)
        if index < self.clips:
            section[index % self.sections] = 1.0
        machine = torch.tensor(float(index < self.clips))
        return torch.from_numpy(self.waves[index, start : start + self.crop]), machine, section


class Balanced(Sampler):
    """Batches of as many positives as outliers."""

    def __init__(self, clips: int, half: int) -> None:
        self.clips, self.half = clips, half

    def __iter__(self) -> Iterator[list[int]]:
        positives = torch.randperm(self.clips).tolist()
        outliers = (torch.randperm(self.clips) + self.clips).tolist()
        for at in range(0, self.clips, self.half):
            yield positives[at : at + self.half] + outliers[at : at + self.half]

    def __len__(self) -> int:
        return -(-self.clips // self.half)


class Network(nn.Module):
    """Mel spectrogram, EfficientNet, neck and heads."""

    def __init__(self, width: float, sections: int) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(N_FFT))
        filters = librosa.filters.mel(
            sr=RATE, n_fft=N_FFT, n_mels=BANDS, fmin=50, fmax=7800, htk=True, norm=None
        )
        self.register_buffer("filters", torch.from_numpy(filters).float())
        features = int(1280 * width)
        config = EfficientNetConfig(
            width_coefficient=width,
            depth_coefficient=1.0,
            hidden_dim=features,
            drop_connect_rate=0.0,
            batch_norm_momentum=0.1,
        )
        self.backbone = EfficientNetModel(config)
        self.neck = nn.Sequential(
            nn.Dropout(0.3),
            nn.Linear(features, 128),
            nn.BatchNorm1d(128),
            nn.PReLU(),
            nn.Linear(128, 128),
        )
        self.machine = nn.Linear(1, 1)
        self.section = nn.Linear(128, sections, bias=False)

    def forward(self, wave: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the machine logits (batch,) and the section logits (batch, sections)."""
        spectrum = torch.stft(wave, N_FFT, HOP, window=self.window, return_complex=True).abs()
        mel = self.filters @ spectrum / self.window.square().sum().sqrt()
        image = mel[:, None].expand(-1, 3, -1, -1)
        embedding = self.neck(self.backbone(image).pooler_output)
        return self.machine(embedding.square().mean(1, keepdim=True))[:, 0], self.section(embedding)


class Plain:
    """What ``serial_oe.py`` times: one step at a time."""

    def __init__(
        self,
        read: Callable[[int], NDArray[np.float32]],
        clips: int,
        batch_size: int,
        seconds: float,
        width: float,
        sections: int,
        total: int,
    ) -> None:
        torch.manual_seed(2022)
        data = Waves(read, clips, int(seconds * RATE), sections)
        self.loader = DataLoader(data, batch_sampler=Balanced(clips, batch_size // 2))
        self.model = Network(width, sections).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, weight_decay=0.0)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, 1e-3, total)
        self.total = total

    def steps(self) -> Iterator[None]:
        """Train one step, and pause."""
        bce = nn.functional.binary_cross_entropy_with_logits
        for step in range(self.total):
            if step % len(self.loader) == 0:
                batches = iter(self.loader)
            wave, machine, section = next(batches)
            if np.random.random() < math.cos(math.pi / 2 * step / self.total):  # noqa: NPY002
                share = torch.from_numpy(np.random.beta(0.2, 0.2, len(wave))).float()  # noqa: NPY002
                other = torch.randperm(len(wave))
                wave = share[:, None] * wave + (1 - share[:, None]) * wave[other]
                machine = share * machine + (1 - share) * machine[other]
                section = share[:, None] * section + (1 - share[:, None]) * section[other]
            logit, logits = self.model(wave)
            some = machine > 0
            loss = bce(logit, machine) + 10.0 * bce(logits[some], section[some])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            loss.item()
            yield
