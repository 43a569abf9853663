from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from asdbench.api import Clip, Condition
from asdbench.audio import AudioFormat
from asdbench.datasets.verify import verify


def test_lists_the_files_that_cannot_be_used(tmp_path: Path) -> None:
    tone = np.sin(np.arange(1600) / 5.0)
    soundfile.write(tmp_path / "good.wav", tone, 16000)
    soundfile.write(tmp_path / "rate.wav", tone, 8000)
    soundfile.write(tmp_path / "silent.wav", tone * 0, 16000)
    names = ["good.wav", "missing.wav", "rate.wav", "silent.wav"]
    clips = [
        Clip(f"id/{name}", tmp_path / name, Condition("fan", "00"), "test", "normal")
        for name in names
    ]
    steps: list[tuple[int, int, str]] = []
    problems = verify(clips, AudioFormat(), lambda *step: steps.append(step))
    assert [problem.clip for problem in problems] == [
        "id/missing.wav",
        "id/rate.wav",
        "id/silent.wav",
    ]
    assert "8000 Hz" in problems[1].message
    assert "resample" in problems[1].hint
    assert steps == [(done, 4, "verify") for done in (1, 2, 3, 4)]
    resampled = verify(clips, AudioFormat(resample=True))
    assert [problem.clip for problem in resampled] == ["id/missing.wav", "id/silent.wav"]
