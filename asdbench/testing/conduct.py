"""Checks of how any plug-in treats what is not its own: clips, process, device, progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from unittest import mock

from asdbench.errors import AsdbenchError
from asdbench.testing.bench import Lender, fail_unless
from asdbench.testing.check import CheckFailure, describe_error
from asdbench.testing.watched import Journal

NOT_FITTED = (
    "raise asdbench.errors.PluginError('... is not fitted', 'Call fit() or load() first.')."
)


def check_clear(error: BaseException) -> None:
    """Check that an error says that a plug-in is not fitted.

    Raises
    ------
    CheckFailure
        When it does not.
    """
    accident = type(error) in (AttributeError, TypeError, KeyError, NameError, IndexError)
    accident = accident or isinstance(error, SystemExit)
    if not isinstance(error, AsdbenchError) and (accident or "fit" not in str(error).lower()):
        raise CheckFailure(
            f"before fit() it raised {describe_error(error)}",
            "an error that says that it is not fitted",
            NOT_FITTED,
        ) from error


def check_progress(lender: Lender) -> None:
    """Check all that was told to the contexts of ``lender``.

    Raises
    ------
    CheckFailure
        When a call was not as declared.
    """
    wrong = [call for call in lender.progress if not call.sane]
    if wrong:
        one = wrong[0]
        raise CheckFailure(
            f"progress({one.done!r}, {one.total!r}, {one.what!r})",
            "progress(done, total, what): whole numbers, 0 <= done <= total, and a text",
            "count from 0 or 1 to the total of what goes on, e.g. progress(3, 10, 'epoch').",
        )


def check_peeked(journal: Journal, protocol: str) -> None:
    """Check that nothing beyond ``protocol`` was asked of clips.

    Raises
    ------
    CheckFailure
        When something was.
    """
    names = ", ".join(journal.peeked)
    fail_unless(
        not names,
        f"it asked the clips for {names}",
        f"it uses what asdbench.api.{protocol} offers, and nothing else",
        "do without: what a run hands out has no such thing, or tells nothing by it.",
    )


def check_written(journal: Journal) -> None:
    """Check that no array that was lent has been written into.

    Raises
    ------
    CheckFailure
        When one has.
    """
    written = journal.written
    fail_unless(
        not written,
        f"it wrote into {', '.join(written[:3])}{' ...' if len(written) > 3 else ''}",
        "arrays are lent, and others read them too",
        "copy before you change: clip = clip - clip.mean(), not clip -= clip.mean().",
    )


def check_state(changed: Iterable[str], calls: str) -> None:
    """Check that ``calls`` changed nothing of the process.

    Raises
    ------
    CheckFailure
        When they did.
    """
    names = list(changed)
    advice = dict.fromkeys(_remedy(name) for name in names)
    fail_unless(
        not names,
        f"{calls} changed {', '.join(names)}",
        "the state of the process belongs to everybody in it",
        f"{'; '.join(advice)}.",
    )


_RANDOM = (
    "draw from a generator of your own; build networks within torch.random.fork_rng(), or "
    "initialize them from a torch.Generator"
)
_REMEDIES = {
    "the working folder": "no os.chdir(): write into context.scratch by its full path",
    "numpy.geterr()": "use 'with np.errstate(...)', which ends, in place of np.seterr()",
    "torch.get_default_dtype()": "give tensors and networks their dtype, and leave the default",
    "torch.get_num_threads()": "leave the number of threads to who runs the process",
    "torch.is_grad_enabled()": "use 'with torch.no_grad():' or set_grad_enabled as a context",
}


def _remedy(name: str) -> str:
    """Return what to do about a change of one piece of state, by its name."""
    if "determin" in name or "cudnn" in name:
        return "leave torch's settings of kernels alone, or put them back before you return"
    return _REMEDIES.get(name, _RANDOM)


def check_device(work: Callable[[], object]) -> None:
    """Check that ``work``, which has a context on the CPU, uses no other device.

    Where there is a GPU, its memory is watched; where there is none, whoever asks torch in place
    of the context is told that there is one, and fails to use it.

    Raises
    ------
    CheckFailure
        When it does.
    """
    import torch

    seen = ""
    if torch.cuda.is_available():
        torch.zeros(1, device="cuda")  # statistics cannot be reset before the first use
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        if torch.cuda.max_memory_allocated() > before:
            seen = "it used memory of a GPU"
    else:
        try:
            with mock.patch("torch.cuda.is_available", return_value=True):
                work()
        except Exception as error:
            if not any(word in str(error).lower() for word in ("cuda", "nvidia")):
                raise
            seen = f"it tried to use a GPU: {describe_error(error)}"
    fail_unless(
        not seen,
        seen,
        "everything is computed on context.device",
        "take the device from context.device, not from torch.cuda.is_available().",
    )
