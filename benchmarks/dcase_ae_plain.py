"""The other side of ``dcase_ae.py``: the autoencoder baseline as it is usually written.

Clip by clip with librosa, every window copied into one float64 array, one ``__getitem__`` a
window through a DataLoader with the window's label, file name and index, the domain looked up in
the name, autograd, and the Mahalanobis score by the full matrix of residual row pairs. Same
network, batches, optimizer and steps.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

FRAMES, BANDS = 5, 128


class Vectors(Dataset):
    """All windows of all clips, copied."""

    def __init__(self, read: Callable[[int], NDArray[np.float32]], clips: int) -> None:
        parts = []
        for index in range(clips):
            mel = librosa.feature.melspectrogram(
                y=read(index), sr=16000, n_fft=1024, hop_length=512, n_mels=BANDS, power=2.0
            )
            level = 10.0 * np.log10(np.maximum(mel, 2.220446049250313e-16))
            count = level.shape[1] - FRAMES + 1
            vectors = np.zeros((count, FRAMES * BANDS))
            for frame in range(FRAMES):
                vectors[:, frame * BANDS : (frame + 1) * BANDS] = level[:, frame : frame + count].T
            parts.append(vectors)
        self.per_clip = len(parts[0])
        self.data = np.concatenate(parts)
        domains = ["target" if clip % 100 == 99 else "source" for clip in range(clips)]
        self.names = [
            f"section_00_{domain}_train_normal_{clip:04d}.wav"
            for clip, domain in enumerate(domains)
        ]

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int, str, int]:
        vector = torch.from_numpy(self.data[index].astype(np.float32))
        return vector, 0, self.names[index // self.per_clip], index


def network() -> nn.Sequential:
    layers: list[nn.Module] = []
    sizes = [FRAMES * BANDS, 128, 128, 128, 128, 8, 128, 128, 128, 128]
    for fan_in, fan_out in pairwise(sizes):
        norm = nn.BatchNorm1d(fan_out, momentum=0.01, eps=1e-3)
        layers += [nn.Linear(fan_in, fan_out), norm, nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], sizes[0]))


class Plain:
    """The phases that ``dcase_ae.py`` times."""

    def __init__(self, batch_size: int) -> None:
        torch.manual_seed(13711)
        self.batch_size = batch_size
        self.model = network()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)

    def features(self, read: Callable[[int], NDArray[np.float32]], clips: int) -> None:
        """Copy all windows into one array and split them."""
        self.vectors = Vectors(read, clips)
        order = torch.randperm(len(self.vectors)).tolist()
        held = len(order) // 10
        self.train = DataLoader(Subset(self.vectors, order[held:]), self.batch_size, shuffle=True)
        self.held = DataLoader(Subset(self.vectors, order[:held]), self.batch_size)

    def epoch(self) -> None:
        """Train on every window once."""
        self.model.train()
        for x, *_ in self.train:
            self.optimizer.zero_grad()
            loss = nn.functional.mse_loss(self.model(x), x)
            loss.backward()
            self.optimizer.step()
            loss.item()

    @torch.no_grad()
    def covariances(self) -> None:
        """One pass for the covariances, one over all batches for the threshold."""
        self.model.eval()
        scatter, counts = [torch.zeros(BANDS, BANDS) for _ in range(2)], [0, 0]
        for x, _, names, _ in self.train:
            is_target = torch.tensor(["target" in name for name in names])
            residual = x - self.model(x)
            for domain in range(2):
                chosen = residual[is_target == bool(domain)]
                if len(chosen):
                    rows = chosen.reshape(-1, BANDS)
                    rows = rows - rows.mean(0)
                    scatter[domain] += rows.t() @ rows
                    counts[domain] += len(chosen)
        self.inverses = [
            torch.linalg.inv(total / (count - 1))
            for total, count in zip(scatter, counts, strict=True)
        ]
        scores = []
        for loader in (self.train, self.held):
            for x, *_ in loader:
                scores.append(self._distance(x))
        self.threshold = stats.gamma.ppf(0.9, *stats.gamma.fit(scores))

    @torch.no_grad()
    def score(self, clips: int) -> None:
        """Score the first clips."""
        for clip in range(clips):
            rows = slice(clip * self.vectors.per_clip, (clip + 1) * self.vectors.per_clip)
            self._distance(torch.from_numpy(self.vectors.data[rows].astype(np.float32)))

    def _distance(self, x: torch.Tensor) -> float:
        rows = (x - self.model(x)).reshape(-1, BANDS)
        return min(float((rows @ inverse @ rows.t()).mean()) for inverse in self.inverses)
