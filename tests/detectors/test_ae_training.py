from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch

from asdbench.api import no_progress
from asdbench.detectors._ae_batches import SegmentBatches, WindowBatches, WindowGather
from asdbench.detectors._ae_gradient import Backpropagation
from asdbench.detectors._ae_network import Autoencoder
from asdbench.detectors._ae_training import train_network
from asdbench.detectors._dcase_ae_params import DCASEAutoencoderParams
from asdbench.features import Frames, Windows

SETTINGS = DCASEAutoencoderParams(epochs=3, batch_size=32).settings()


def some_frames(count: int = 203, bands: int = 6) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, bands)).astype(np.float32)


def test_training_is_adam_on_the_mean_squared_error() -> None:
    # In float64: Adam's first steps turn the rounding of float32 into whole steps.
    gather = WindowGather(some_frames().astype(np.float64), 5, torch.device("cpu"))
    starts = torch.arange(193)  # the seventh batch holds one window and is skipped
    networks = [Autoencoder(30).double(), Autoencoder(30).double()]
    for network in networks:
        network.initialize("torch", torch.Generator().manual_seed(0))

    generator = torch.Generator().manual_seed(1)
    gradient, batches = Backpropagation(networks[0]), WindowBatches(starts, 32)
    losses = train_network(
        gradient, gather, starts, batches, SETTINGS, generator, no_progress, "mine"
    )

    plain, generator = networks[1], torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-3)
    for _ in range(3):
        expected = []
        for batch in WindowBatches(starts, 32)(generator):
            if len(batch) > 1:
                loss = torch.nn.functional.mse_loss(plain(gather(batch)), gather(batch))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                expected.append(loss.item())

    assert len(losses) == 6
    np.testing.assert_allclose(losses, expected, rtol=1e-7)
    x = gather(starts)
    torch.testing.assert_close(networks[0].train()(x), plain.train()(x), rtol=1e-6, atol=1e-6)


def test_an_epoch_sees_every_window_once_in_another_order() -> None:
    generator = torch.Generator().manual_seed(0)
    starts = torch.arange(3, 103)
    epochs = [torch.cat(list(WindowBatches(starts, 32)(generator))) for _ in range(2)]
    assert not torch.equal(*epochs)
    for epoch in epochs:
        assert torch.equal(epoch.sort().values, starts)


def segment_windows() -> Windows:
    offsets = np.cumsum([0, 40, 12, 25, 60])  # 36, 8, 21 and 56 windows
    return Frames(some_frames(int(offsets[-1])), offsets).windows(5)


def test_a_batch_of_segments_holds_all_their_windows() -> None:
    windows = segment_windows()
    batches = SegmentBatches(torch.arange(len(windows.starts)), windows, 21, 3)
    generator = torch.Generator().manual_seed(0)
    seen = {clip: set() for clip in range(4)}
    for _ in range(200):
        epoch = list(batches(generator))
        assert [len(np.unique(windows.clip[batch])) for batch in epoch] == [3, 1]
        indices = torch.cat(epoch)
        for clip in range(4):
            mine = indices[torch.from_numpy(windows.clip[indices] == clip)]
            assert len(mine) == (8 if clip == 1 else 21)  # a short clip is used whole
            assert torch.equal(mine, torch.arange(mine[0], mine[0] + len(mine)))
            seen[clip].add(int(mine[0] - np.searchsorted(windows.clip, clip)))
    # Every place where a segment can begin is drawn, the last one included.
    assert {clip: len(found) for clip, found in seen.items()} == {0: 16, 1: 1, 2: 1, 3: 36}
    assert all(found == set(range(len(found))) for found in seen.values())


def test_segments_leave_out_what_is_withheld() -> None:
    windows = segment_windows()
    chosen = torch.from_numpy(np.flatnonzero((windows.clip != 2) & (windows.starts % 2 == 0)))
    batches = SegmentBatches(chosen, windows, 21, 2)
    for _ in range(20):
        indices = torch.cat(list(batches(torch.Generator().manual_seed(1))))
        assert set(indices.tolist()) <= set(chosen.tolist())
        assert sorted(np.unique(windows.clip[indices])) == [0, 1, 3]
    nothing = SegmentBatches(chosen[:0], windows, 21, 2)
    assert not list(nothing(torch.Generator()))


def test_gathers_windows_of_memory_mapped_frames_without_a_warning(tmp_path: Path) -> None:
    Frames(some_frames(), np.array([0, 203])).save(tmp_path)
    frames = Frames.load(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gather = WindowGather(frames.values, 5, torch.device("cpu"))
    assert gather.width == 30
    picked = gather(torch.tensor([7, 0, 198])).numpy()
    np.testing.assert_array_equal(picked, frames.windows(5).view[[7, 0, 198]])
    shifted = WindowGather(frames.values, 5, torch.device("cpu"), offset=2.0)
    np.testing.assert_array_equal(shifted(torch.tensor([7, 0, 198])).numpy(), picked + 2)
    np.testing.assert_array_equal(gather(torch.tensor([7])).numpy(), picked[:1])
