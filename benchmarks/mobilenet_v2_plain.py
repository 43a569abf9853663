"""The other side of ``mobilenet_v2.py``: the MobileNetV2 baseline as it is usually written.

Every window copied into one array, one ``__getitem__`` a window through a DataLoader, one channel
repeated into three, the network of ``transformers``, and the score from probabilities. Same
layers, batches, optimizer and steps.
"""

from __future__ import annotations

from collections.abc import Callable

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset
from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

FRAMES, BANDS, EPS = 64, 128, 2.220446049250313e-16


def clip_windows(audio: NDArray[np.float32], hop: int) -> NDArray[np.float32]:
    """Return the windows of a clip, (windows, frames, bands), copied."""
    mel = librosa.feature.melspectrogram(
        y=audio, sr=16000, n_fft=1024, hop_length=512, n_mels=BANDS, power=2.0
    )
    level = (10.0 * np.log10(np.maximum(mel, EPS))).T.astype(np.float32)
    return np.stack([level[t : t + FRAMES] for t in range(0, len(level) - FRAMES + 1, hop)])


class Sections(Dataset):
    """All windows of all clips, with their sections."""

    def __init__(
        self, read: Callable[[int], NDArray[np.float32]], clips: int, sections: int, hop: int
    ) -> None:
        parts = [clip_windows(read(index), hop) for index in range(clips)]
        self.data = np.concatenate(parts)
        self.labels = np.repeat(np.arange(clips) * sections // clips, len(parts[0]))

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        window = torch.from_numpy(self.data[index])
        return torch.stack([window, window, window]), int(self.labels[index])


class Plain:
    """The phases that ``mobilenet_v2.py`` times."""

    def __init__(
        self,
        read: Callable[[int], NDArray[np.float32]],
        clips: int,
        sections: int,
        train_hop: int,
        test_hop: int,
        batch_size: int,
    ) -> None:
        torch.manual_seed(0)
        config = MobileNetV2Config(
            depth_multiplier=0.5, num_labels=sections, classifier_dropout_prob=0.0
        )
        self.model = MobileNetV2ForImageClassification(config)
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.001
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4, eps=1e-7)
        dataset = Sections(read, clips, sections, train_hop)
        self.train = DataLoader(dataset, batch_size, shuffle=True)
        self.tests = [clip_windows(read(index), test_hop) for index in range(6)]

    def epoch(self) -> None:
        """Train on every window once."""
        self.model.train()
        for x, section in self.train:
            self.optimizer.zero_grad()
            loss = nn.functional.cross_entropy(self.model(x).logits, section)
            loss.backward()
            self.optimizer.step()
            loss.item()

    @torch.no_grad()
    def score(self, clips: int) -> list[float]:
        """Score the first clips."""
        self.model.eval()
        scores = []
        for clip in range(clips):
            x = torch.from_numpy(self.tests[clip])[:, None].repeat(1, 3, 1, 1)
            p = self.model(x).logits.softmax(1)[:, 0].double()
            odds = torch.log(torch.clamp(1 - p, EPS)) - torch.log(torch.clamp(p, EPS))
            scores.append(float(odds.mean()))
        return scores
