"""The other side of ``gamma_vae.py``: GammaVAE as it is usually written.

Modules, autograd, ``torch.distributions`` for sample and divergence, one ``__getitem__`` a window
through a DataLoader. Same network, batches, optimizer and steps.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.distributions import Gamma, kl_divergence
from torch.utils.data import DataLoader, Dataset


class Vectors(Dataset):
    """All windows of all clips, copied."""

    def __init__(self, clips: list[NDArray[np.float32]], frames: int) -> None:
        parts = []
        for clip in clips:
            count = len(clip) - frames + 1
            parts.append(np.concatenate([clip[i : i + count] for i in range(frames)], axis=1))
        self.data = np.concatenate(parts)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.data[index])


class GammaVAE(nn.Module):
    """Softplus heads, implicit reparameterization."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*blocks([width, 128, 128, 128, 128]))
        self.fc_mu, self.fc_var = nn.Linear(128, 8), nn.Linear(128, 8)
        self.decoder = nn.Sequential(*blocks([8, 128, 128, 128, 128]), nn.Linear(128, width))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, Gamma]:
        """Return the reconstruction from a sample, and the posterior."""
        hidden = self.encoder(x)
        shape, rate = (
            nn.functional.softplus(head(hidden)) + 1e-2 for head in (self.fc_mu, self.fc_var)
        )
        posterior = Gamma(shape, rate)
        return self.decoder(posterior.rsample()), posterior


def blocks(sizes: list[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        norm = nn.BatchNorm1d(fan_out, momentum=0.01, eps=1e-3)
        layers += [nn.Linear(fan_in, fan_out), norm, nn.ReLU()]
    return layers


class Plain:
    """Trains on nine tenths of the windows, as the baseline does."""

    def __init__(self, clips: list[NDArray[np.float32]], batch_size: int) -> None:
        torch.manual_seed(13711)
        vectors = Vectors(clips, 5)
        order = torch.randperm(len(vectors)).tolist()[-(-len(vectors) // 10) :]
        train = torch.utils.data.Subset(vectors, order)
        self.loader = DataLoader(train, batch_size, shuffle=True)
        self.model = GammaVAE(vectors.data.shape[1])
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        self.prior = Gamma(torch.tensor(2.0), torch.tensor(1.0))

    def epoch(self) -> None:
        """Train on every window once."""
        self.model.train()
        for x in self.loader:
            self.optimizer.zero_grad()
            reconstruction, posterior = self.model(x)
            divergence = kl_divergence(posterior, self.prior).sum(1).mean()
            loss = nn.functional.mse_loss(reconstruction, x) + divergence
            loss.backward()
            self.optimizer.step()
            loss.item()
