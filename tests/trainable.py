"""A generator that can be trained, for tests: a plug-in file and what calls it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

PLUGIN = '''
import hashlib
import json
import time
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from asdbench.api import GeneratedBatch, Generator, GeneratorInfo, Params, generator


class ToyParams(Params):
    """Of the toy."""

    preset: Literal["mini", "base"] = "mini"
    """Size."""
    steps: int = 12
    """Training steps."""
    pause: float = 0.0
    """Of every step or clip, s."""
    weights: Path | None = None
    """A file."""


class Toy(Generator):
    """Training chains digests of what it hears; generating makes noise."""

    info: ClassVar[GeneratorInfo] = GeneratorInfo(id="toy", version="1", params=ToyParams)
    trainable = {"chain": "a chain of digests", "broken": "raises"}

    def train(self, part, train, held_out, folder, context):
        if part == "broken":
            raise RuntimeError("no luck today")
        rng = context.rng()
        order = [int(rng.integers(len(train))) for _ in range(self.params.steps)]
        state = folder / "state.json"
        done = json.loads(state.read_text()) if state.exists() else []
        for step in range(len(done), self.params.steps):
            heard = train.audio(order[step]).tobytes() + train.labels[order[step]].encode()
            before = done[-1] if done else ""
            done.append(hashlib.sha256(before.encode() + heard).hexdigest())
            draft = folder / "state.draft"
            draft.write_text(json.dumps(done))
            draft.replace(state)
            context.progress(step + 1, self.params.steps, "steps")
            time.sleep(self.params.pause)
        result = {"chain": done[-1], "train": len(train), "held_out": len(held_out)}
        (folder / "result.json").write_text(json.dumps(result))

    def fit(self, train, context):
        pass

    def refuses(self, request):
        return "unknown machine" if request.condition.machine == "rocket" else None

    def generate(self, requests, train, context):
        for request in requests:
            time.sleep(self.params.pause)
            noise = 0.1 * np.random.default_rng(request.seed).standard_normal(request.samples)
            audio = noise.astype(np.float32)
            yield GeneratedBatch([audio], train.sample_rate, [{"made": "by, the \\"toy\\""}])

    def save(self, folder):
        pass

    @classmethod
    def load(cls, folder, params, context):
        return cls(params)


class Needy(Toy):
    """Cannot do without clips."""

    def fit(self, train, context):
        self.level = np.concatenate([train.audio(i) for i in range(len(train))]).std()
'''


def write_plugin(folder: Path) -> str:
    """Write the plug-in file; return what to call the plug-in."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "toy_plugin.py").write_text(PLUGIN)
    return f"{folder / 'toy_plugin.py'}:Toy"


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start asdbench in a process of its own."""
    command = [sys.executable, "-m", "asdbench", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run asdbench to its end in this process, which has everything imported."""
    from asdbench.cli.main import main

    out, err = StringIO(), StringIO()
    code: object = 0
    with (
        mock.patch("sys.argv", ["asdbench", *map(str, arguments)]),
        mock.patch("signal.signal"),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return subprocess.CompletedProcess(arguments, int(str(code)), out.getvalue(), err.getvalue())


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds; give up after two minutes."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
