"""Checks of fitting, saving and loading a generator, and of what it does to others."""

from __future__ import annotations

from contextlib import suppress

from asdbench.testing.bench import fail_unless
from asdbench.testing.check import Check
from asdbench.testing.conduct import (
    check_clear,
    check_device,
    check_peeked,
    check_progress,
    check_state,
    check_written,
)
from asdbench.testing.generator_bench import GeneratorBench, unlike
from asdbench.testing.generator_clips import check_audio
from asdbench.testing.saved_folder import check_no_pickle, check_unchanged, content


def fit_checks(bench: GeneratorBench) -> list[Check]:
    """Return the checks of seeds, of saved folders, of what was lent and of the process."""
    return [
        Check(
            "same-seed",
            "Two fits with the same context.seed make the same clips.",
            lambda: _check_same_seed(bench),
        ),
        Check("any-seed", "context.seed is any number of 64 bits.", lambda: _check_any_seed(bench)),
        Check(
            "two-objects",
            "What one object learns leaves others alone.",
            lambda: _check_two_objects(bench),
        ),
        Check(
            "before-fit",
            "Generating before fit() or load() works, or is an error that says so.",
            lambda: _check_before_fit(bench),
        ),
        Check(
            "save-load",
            "load() returns, in any folder, what save() wrote: it makes the same clips.",
            lambda: _check_save_load(bench),
        ),
        Check("no-pickle", "save() writes no pickle.", lambda: check_no_pickle(bench.saved())),
        Check(
            "folder-unchanged",
            "Loading and generating leave the saved folder as it is.",
            lambda: _check_folder(bench),
        ),
        Check(
            "global-state",
            "Global random state, torch's and numpy's defaults and the working folder stay as they "
            "are.",
            lambda: _check_state(bench),
        ),
        Check(
            "cpu",
            "It works on the CPU, and uses no other device where context.device is cpu.",
            lambda: check_device(lambda: bench.make(bench.load()[0], bench.requests()[:1])),
        ),
        Check(
            "blind",
            "A generator sees no file name: it uses what LabelledClipSet offers alone.",
            lambda: _check_blind(bench),
        ),
        Check(
            "inputs-unmodified",
            "Audio and features that were lent are not written into.",
            lambda: _check_inputs(bench),
        ),
        Check(
            "progress",
            "context.progress(done, total, what) is told whole numbers, 0 <= done <= total, and a "
            "text.",
            lambda: _check_progress(bench),
        ),
    ]


def _check_same_seed(bench: GeneratorBench) -> None:
    wrong = unlike(bench.base(), bench.again().clips, 0.0)
    fail_unless(
        not wrong,
        f"{len(wrong)} of {len(bench.base())} clips differ after two fits with the same seed",
        "all randomness is drawn from context.seed, and in generate() from request.seed",
        "use np.random.default_rng(seed) or torch.Generator().manual_seed(seed); nothing from "
        "random, numpy.random or torch's global generator.",
    )


def _check_any_seed(bench: GeneratorBench) -> None:
    for clip in bench.make(bench.other(), bench.requests()[:1]):
        check_audio(clip)


def _check_two_objects(bench: GeneratorBench) -> None:
    first = bench.base()
    with suppress(Exception):  # whether it can be fitted so is what other checks ask
        bench.other()
    wrong = unlike(first, bench.make(bench.fitted(), bench.requests()))
    fail_unless(
        not wrong,
        f"{len(wrong)} of {len(first)} clips changed when another was fitted on other clips",
        "several generators of one class live in one process",
        "keep what is learned in self, not in the class or the module.",
    )


def _check_before_fit(bench: GeneratorBench) -> None:
    requests = bench.requests()[:1]
    try:
        clips = bench.make(bench.cls(bench.params), requests)
    except (Exception, SystemExit) as error:
        check_clear(error)
        return
    for clip in clips:
        check_audio(clip)


def _check_save_load(bench: GeneratorBench) -> None:
    with suppress(Exception):  # what was left in the process by what was saved is overwritten
        bench.other()
    loaded, _ = bench.load()
    wrong = unlike(bench.again().clips, bench.make(loaded, bench.requests()))
    fail_unless(
        not wrong,
        f"{len(wrong)} of {len(bench.requests())} clips differ after save() and load()",
        "the same clips",
        "save all that generate() reads, e.g. normalization.",
    )


def _check_folder(bench: GeneratorBench) -> None:
    before = content(bench.saved())
    loaded, folder = bench.load()
    bench.make(loaded, bench.requests()[:1])
    check_unchanged(folder, before, "generate()")


def _check_state(bench: GeneratorBench) -> None:
    bench.load()
    check_state(bench.changed, "fit(), generate(), save() or load()")


def _check_blind(bench: GeneratorBench) -> None:
    try:
        bench.base()
    finally:  # what was asked for comes before what it broke
        check_peeked(bench.journal, "LabelledClipSet")


def _check_inputs(bench: GeneratorBench) -> None:
    bench.base()
    check_written(bench.journal)


def _check_progress(bench: GeneratorBench) -> None:
    bench.base()
    check_progress(bench.lender)
