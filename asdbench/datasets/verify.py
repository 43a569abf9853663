"""Read every file of a data set and list those that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asdbench.api import Clip, no_progress
from asdbench.audio import AudioFormat, read_audio
from asdbench.errors import BadClipError


@dataclass(frozen=True)
class Problem:
    """A file that cannot be used."""

    clip: str
    """Its id."""
    message: str
    """What is wrong."""
    hint: str
    """What to do."""


def verify(
    clips: Sequence[Clip],
    audio_format: AudioFormat,
    progress: Callable[[int, int, str], None] = no_progress,
) -> list[Problem]:
    """Return a problem for every clip that :func:`asdbench.audio.read_audio` refuses.

    Parameters
    ----------
    clips
        With paths that can be opened.
    audio_format
        As the suite wants the audio.
    progress
        Called as ``progress(done, total, what)`` after each clip.
    """
    problems = []
    for done, clip in enumerate(clips, start=1):
        try:
            read_audio(clip.path, audio_format)
        except BadClipError as error:
            problems.append(Problem(clip.id, error.message, error.hint or ""))
        progress(done, len(clips), "verify")
    return problems
