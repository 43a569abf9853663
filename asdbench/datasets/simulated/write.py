"""Clips on disk: the folders, names and attribute files of DCASE 2022 Task 2."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import soundfile as sf

from asdbench.api import no_progress
from asdbench.datasets.simulated.mix import render
from asdbench.datasets.simulated.plan import (
    MACHINES,
    MODEL_VERSION,
    SAMPLE_RATE,
    SECTIONS,
)
from asdbench.datasets.simulated.spec import ClipSpec, section_specs
from asdbench.datasets.stamp import STAMP
from asdbench.errors import DataError

_HEADER_BYTES = 44
_BATCH = 16


def write_clip(spec: ClipSpec, root: Path, seconds: float = 10.0) -> bool:
    """Write one clip below ``root`` unless it is there already; return whether it was written.

    The file appears under its name only when it is whole.
    """
    path = root / spec.file
    samples = round(seconds * SAMPLE_RATE)
    if path.exists() and path.stat().st_size == _HEADER_BYTES + 2 * samples:
        return False
    buffer = io.BytesIO()
    sf.write(buffer, render(spec, seconds), SAMPLE_RATE, "PCM_16", format="WAV")
    _replace(path, buffer.getvalue())
    return True


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_attributes(root: Path, machine: str, section: str) -> None:
    """Write ``attributes_NN.csv`` of a section, for the clips that lie in its folders.

    Columns ``file_name, d1p, d1v, d2p, d2v, ...``; cells that a clip does not need are empty.
    """
    rows = []
    for path in sorted((root / machine).glob(f"*/section_{section}_*.wav")):
        words = path.stem.split("_")[6:]
        rows.append([path.relative_to(root).as_posix(), *words])
    columns = max((len(row) for row in rows), default=3)
    header = ["file_name"]
    for number in range(1, columns // 2 + 1):
        header += [f"d{number}p", f"d{number}v"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([*row, *[""] * (columns - len(row))] for row in rows)
    _replace(root / machine / f"attributes_{section}.csv", text.getvalue().encode())


def simulate_to(
    root: Path,
    machines: Sequence[str] = MACHINES,
    sections: Sequence[str] = ("00", "01", "02"),
    train: int = 990,
    test: int = 50,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int, str], None] = no_progress,
    seconds: float = 10.0,
) -> dict[str, int]:
    """Write a simulated data set, or what of it is missing.

    Parameters
    ----------
    root
        Folder; made if absent. Clips go to ``<root>/<machine>/<split>/``.
    machines, sections
        What to write.
    train
        Normal source clips to train on in each section; ``ceil(train / 99)`` target clips
        come with them.
    test
        Test clips for each section, domain and label.
    seed
        Of the audio.
    workers
        Processes. The files do not depend on it.
    progress
        Called with clips done, clips in all, and the file written last.
    seconds
        Length of the clips.

    Returns
    -------
    counts
        ``written`` and ``kept``.

    Raises
    ------
    DataError
        For an unknown machine or section, or a folder that holds another simulation.
    """
    specs = [
        spec
        for machine in machines
        for section in sections
        for spec in section_specs(*known(machine, section), train, test, seed)
    ]
    _stamp(root, seed, seconds)
    counts = {"written": 0, "kept": 0}
    batches = [specs[at : at + _BATCH] for at in range(0, len(specs), _BATCH)]

    def count(done: Sequence[ClipSpec], written: int) -> None:
        counts["written"] += written
        counts["kept"] += len(done) - written
        progress(sum(counts.values()), len(specs), done[-1].file)

    if workers <= 1:
        for batch in batches:
            count(batch, _write_batch(batch, root, seconds))
    else:
        _in_parallel(batches, root, seconds, workers, count)
    for machine in machines:
        for section in sections:
            write_attributes(root, machine, section)
    return counts


def known(machine: str, section: str) -> tuple[str, str]:
    """Return machine and section if they are in Table 1, else raise DataError."""
    if (machine, section) not in SECTIONS:
        raise DataError(
            f"the simulated data set has no section {section!r} of machine {machine!r}",
            f"machines: {', '.join(MACHINES)}; sections of each: 00, 01, 02",
        )
    return machine, section


def _write_batch(batch: Sequence[ClipSpec], root: Path, seconds: float) -> int:
    return sum(write_clip(spec, root, seconds) for spec in batch)


def _in_parallel(
    batches: Sequence[Sequence[ClipSpec]],
    root: Path,
    seconds: float,
    workers: int,
    count: Callable[[Sequence[ClipSpec], int], None],
) -> None:
    """Write batches in processes; on an interrupt stop after the batches under way."""
    queue = iter(batches)
    # spawn: the parent may run threads (progress bars, torch), which a fork does not survive.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_leave_interrupts_to_parent) as pool:
        running: dict[Future[int], Sequence[ClipSpec]] = {}
        try:
            while True:
                for batch in islice(queue, 2 * workers - len(running)):
                    running[pool.submit(_write_batch, batch, root, seconds)] = batch
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    count(running.pop(future), future.result())
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _stamp(root: Path, seed: int, seconds: float) -> None:
    """Say what the folder holds, and refuse one that holds something else."""
    stamp = {
        "what": "simulated twin of MIMII DG; not recordings, not MIMII DG",
        "model_version": MODEL_VERSION,
        "seed": seed,
        "seconds": seconds,
    }
    path = root / STAMP
    if path.exists():
        found = json.loads(path.read_text())
        if found != stamp:
            raise DataError(
                f"{root} holds another simulation: {found}",
                f"asked for: {stamp}; write to another folder, or empty this one first",
            )
        return
    if root.exists() and any(root.iterdir()):
        raise DataError(
            f"{root} holds files that were not simulated here (it has no {STAMP})",
            "write to another folder, so that simulated and real clips never mix",
        )
    _replace(path, (json.dumps(stamp, indent=1) + "\n").encode())
