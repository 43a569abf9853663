"""What a report says of a run beside its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from asdbench.api import Clip
from asdbench.datasets.stamp import any_stamped
from asdbench.engine.audit_rows import audit_facts
from asdbench.engine.local import Failure
from asdbench.engine.plan import Plan
from asdbench.engine.portable import placeless
from asdbench.engine.quality import read_quality
from asdbench.engine.split import Fold
from asdbench.engine.store import Store, digest
from asdbench.engine.tasks import Entry, MakeClips, SweepClips, refusal
from asdbench.registry import code_digest
from asdbench.report.build import Facts
from asdbench.report.schema import DataFacts, FoldFacts, PluginUse, Problem, SuiteFacts
from asdbench.suite import LoadedPlugin, LoadedSuite


def gather_facts(plan: Plan, store: Store, failures: Mapping[Entry, Failure]) -> Facts:
    """Describe the suite, its data, its plug-ins, and what failed."""
    loaded, split = plan.loaded, plan.split
    suite = SuiteFacts(
        name=loaded.suite.name,
        version=loaded.suite.version,
        description=loaded.suite.description,
        digest=loaded.digest,
        overrides=loaded.portable_overrides,
    )
    parts = [split.detector_train, split.generator_train, split.evaluation]
    if split.crossed:
        parts += [fold.evaluation for fold in split.folds]
    labels = [clip.label for clip in split.evaluation]
    lent = [clip.label for clip in split.generator_train]
    data = DataFacts(
        dataset=plugin_use(loaded.dataset),
        simulated=any_simulated(plan.loaded, plan.clips),
        digest=plan.data_digest,
        split_digest=digest([[c.id for c in part] for part in parts]),
        sections=dict(plan.section_digests),
        n_detector_train=len(split.detector_train),
        n_generator_train_normal=lent.count("normal"),
        n_generator_train_anomaly=lent.count("anomaly"),
        n_test_normal=labels.count("normal"),
        n_test_anomaly=labels.count("anomaly"),
        n_test_unlabelled=labels.count(None),
        normals_shared=loaded.suite.split.generator_normals == "shared" and bool(lent),
        skipped=dict(plan.bad_clips),
        folds=tuple(map(_fold_facts, split.folds)) if split.crossed else (),
        folds_by=loaded.suite.split.by if split.crossed else None,
    )
    problems = [
        # A report names no folder of this machine.
        Problem(task=f.title, error=f.error, message=f.message.replace(str(store.root), "STORE"))
        for f in sorted(failures.values(), key=lambda f: f.title)
    ]
    return Facts(
        suite,
        data,
        tuple(plugin_use(p) for p in loaded.detectors),
        tuple(plugin_use(p) for p in loaded.generators),
        tuple(problems),
        tuple(
            read_quality(measured, store)
            for measured in plan.measured
            if not failures.keys() & set(measured.entries)
        ),
        loaded.references,
        _made(plan),
        audits=audit_facts(
            plan.audits,
            store,
            failures,
            loaded.suite.audio.sample_rate,
            loaded.suite.seeds.master,
        ),
        refused=_refused(plan, store, failures),
    )


def _fold_facts(fold: Fold) -> FoldFacts:
    lent = Counter(clip.label for clip in fold.generator_train)
    test = Counter(clip.label for clip in fold.evaluation)
    return FoldFacts(
        n_generator_train_normal=lent["normal"],
        n_generator_train_anomaly=lent["anomaly"],
        n_test_normal=test["normal"],
        n_test_anomaly=test["anomaly"],
    )


def _refused(
    plan: Plan, store: Store, failures: Mapping[Entry, Failure]
) -> dict[str, tuple[str, ...]]:
    """Return the conditions that generators refused, with their reasons, by grid."""
    found: dict[str, dict[str, None]] = {}
    for task in plan.tasks:
        if isinstance(task, SweepClips) and task.entry not in failures:
            reason = refusal(task.entry, store)
            if reason is not None:
                found.setdefault(task.grid, {})[f"{task.real[0].condition}: {reason}"] = None
    return {grid: tuple(lines) for grid, lines in found.items()}


def _made(plan: Plan) -> dict[str, dict[str, str]]:
    """Return what identifies the clips that each grid makes, by `machine/section`."""
    keys: dict[str, dict[str, list[str]]] = {}
    for task in plan.tasks:
        if isinstance(task, MakeClips):
            place = task.real[0].condition
            made = keys.setdefault(task.grid, {})
            made.setdefault(f"{place.machine}/{place.section}", []).append(task.entry.key)
    return {grid: {p: digest(made) for p, made in places.items()} for grid, places in keys.items()}


def any_simulated(loaded: LoadedSuite, clips: Sequence[Clip]) -> bool:
    """Return whether the clips are simulated, whichever data set plug-in lists them."""
    on_disk = (clip.path for clip in clips if clip.part is None)
    return bool(loaded.dataset.cls.info.simulated) or any_stamped(on_disk)


def plugin_use(plugin: LoadedPlugin) -> PluginUse:
    """Describe a plug-in as the suite uses it."""
    info = plugin.cls.info
    return PluginUse(
        id=plugin.id,
        use=info.id,
        version=info.version,
        code=_code(plugin),
        params=placeless(plugin.stated),
        paper=info.paper,
        needs=tuple(sorted(getattr(info, "needs", ()))),
        transductive=getattr(info, "transductive", False),
    )


def _code(plugin: LoadedPlugin) -> str:
    own = code_digest(plugin.cls)
    parts = {name: _code(part) for name, part in plugin.parts.items()}
    return digest([own, parts]) if parts else own
