"""What a report says of a run beside its numbers."""

from __future__ import annotations

from collections.abc import Iterable

from asdbench.engine.local import Failure
from asdbench.engine.plan import Plan
from asdbench.engine.store import Store
from asdbench.registry import code_digest
from asdbench.report.build import Facts
from asdbench.report.schema import DataFacts, PluginUse, Problem, SuiteFacts
from asdbench.suite import LoadedPlugin


def gather_facts(plan: Plan, store: Store, failures: Iterable[Failure]) -> Facts:
    """Describe the suite, its data, its plug-ins, and what failed."""
    loaded, split = plan.loaded, plan.split
    suite = SuiteFacts(
        name=loaded.suite.name,
        version=loaded.suite.version,
        description=loaded.suite.description,
        digest=loaded.digest,
        overrides=loaded.portable_overrides,
    )
    labels = [clip.label for clip in split.evaluation]
    lent = [clip.label for clip in split.generator_train]
    data = DataFacts(
        dataset=plugin_use(loaded.dataset),
        simulated=loaded.dataset.cls(loaded.dataset.params).simulated(),
        digest=plan.data_digest,
        n_detector_train=len(split.detector_train),
        n_generator_train_normal=lent.count("normal"),
        n_generator_train_anomaly=lent.count("anomaly"),
        n_test_normal=labels.count("normal"),
        n_test_anomaly=labels.count("anomaly"),
        n_test_unlabelled=labels.count(None),
        normals_shared=loaded.suite.split.generator_normals == "shared" and bool(lent),
        skipped=dict(plan.bad_clips),
    )
    problems = [
        # A report names no folder of this machine.
        Problem(task=f.title, error=f.error, message=f.message.replace(str(store.root), "STORE"))
        for f in sorted(failures, key=lambda f: f.title)
    ]
    return Facts(
        suite,
        data,
        tuple(plugin_use(p) for p in loaded.detectors),
        tuple(plugin_use(p) for p in loaded.generators),
        tuple(problems),
    )


def plugin_use(plugin: LoadedPlugin) -> PluginUse:
    """Describe a plug-in as the suite uses it."""
    info = plugin.cls.info
    return PluginUse(
        id=plugin.id,
        use=info.id,
        version=info.version,
        code=code_digest(plugin.cls),
        params=plugin.stated,
        paper=info.paper,
        needs=tuple(sorted(getattr(info, "needs", ()))),
    )
