"""What detectors are shown on the bench: scopes, domains, parts, nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from broken_detectors import Good, Reseeding

from asdbench.api import Part
from asdbench.errors import PluginError
from asdbench.testing import CheckFailure, Material, detector_checks, simulated_material


class Noting(Good):
    """Notes the conditions that it is shown."""

    seen: dict[str, Any]

    def fit(self, train: Any, context: Any) -> None:
        type(self).seen["fit"] = list(train.conditions)
        super().fit(train, context)

    def score(self, clips: Any, context: Any) -> Any:
        type(self).seen["score"] = list(clips.conditions)
        return super().score(clips, context)


def noting(**changed: Any) -> type[Noting]:
    return type("Noting", (Noting,), {"info": replace(Good.info, **changed), "seen": {}})


def run(cls: type[Good], *names: str, **chosen: Any) -> None:
    for check in detector_checks(cls, **chosen):
        if check.name in names:
            check()


@pytest.mark.parametrize(("scope", "sections"), [("suite", 4), ("machine", 2), ("section", 1)])
def test_a_fit_covers_what_the_scope_says(scope: str, sections: int) -> None:
    cls = noting(scope=scope)
    run(cls, "scores")
    for call in ("fit", "score"):
        assert len({(c.machine, c.section) for c in cls.seen[call]}) == sections


def test_domains_are_shown_in_training_and_hidden_when_scoring() -> None:
    cls = noting()
    run(cls, "scores")
    assert {c.domain for c in cls.seen["fit"]} == {"source", "target"}
    assert {c.domain for c in cls.seen["score"]} == {None}
    cls = noting(needs=frozenset({"test_domain"}))
    run(cls, "scores")
    assert {c.domain for c in cls.seen["score"]} == {"source", "target"}


def test_a_transductive_detector_is_given_one_section_and_may_compare_its_clips() -> None:
    class Relative(noting(transductive=True)):  # type: ignore[misc]
        def score(self, clips: Any, context: Any) -> Any:
            scores = super().score(clips, context)
            return scores - scores.mean() if len(scores) else scores

    for check in detector_checks(Relative):
        check()
    assert len({c.section for c in Relative.seen["score"]}) == 1


class MadeOfParams(Good.info.params):  # type: ignore[name-defined,misc]
    """With a part."""

    base: Part = Part(use="knn")


class MadeOf(Good):
    """Adds the scores of another detector."""

    info = replace(Good.info, params=MadeOfParams, scope="section")

    def score(self, clips: Any, context: Any) -> Any:
        own = super().score(clips, context)
        return own + context.parts["base"].score(clips, context)


def test_parts_are_fitted_and_lent() -> None:
    for check in detector_checks(MadeOf):
        check()


def test_a_part_that_covers_too_little_is_named() -> None:
    class Wide(MadeOf):
        info = replace(MadeOf.info, scope="machine")

    with pytest.raises(CheckFailure, match=r"part 'base' \('knn'\) is fitted once a section"):
        run(Wide, "scores")


def test_parameters_are_the_class_s_own_unless_given() -> None:
    class Wrong(Good):
        check_params: ClassVar[dict[str, str]] = {"distance": "none"}

    with pytest.raises(PluginError, match="the check_params of 'good' are not valid"):
        detector_checks(Wrong)
    with pytest.raises(PluginError, match="the params of 'good' are not valid"):
        detector_checks(Good, {"distanze": "mean"})
    run(Wrong, "scores", params={"distance": "largest"})


def test_making_checks_imports_and_fits_nothing() -> None:
    cls = noting()
    assert len({check.name for check in detector_checks(cls)}) == len(detector_checks(cls))
    assert cls.seen == {}


def test_own_material_takes_the_place_of_the_simulated() -> None:
    usual = simulated_material()
    flipped = ["normal" if label == "anomaly" else "anomaly" for label in usual.mixed.labels]
    wrong = Material(usual.normals, replace(usual.mixed, labels=flipped))
    with pytest.raises(CheckFailure, match=r"AUC of loud planted anomalies 0\.00"):
        run(Good, "anomalies-rank-higher", material=wrong)


def test_the_material_is_the_same_every_time_and_within_full_scale() -> None:
    one, other = simulated_material(), simulated_material.__wrapped__()
    for pool, again in ((one.normals, other.normals), (one.mixed, other.mixed)):
        assert list(pool.conditions) == list(again.conditions)
        for i in range(len(pool)):
            assert np.array_equal(pool.audio(i), again.audio(i))
            assert 0.1 < np.abs(pool.audio(i)).max() < 1.0
            assert len(pool.audio(i)) == 40_000


def test_what_a_check_changes_of_the_process_is_put_back() -> None:
    import torch
    from broken_generators import DoubleByDefault

    from asdbench.testing import generator_checks

    before = torch.get_default_dtype(), np.random.get_state()[1].copy()  # type: ignore[index] # noqa: NPY002
    for check in [*detector_checks(Reseeding)]:
        if check.name != "global-state":
            check()
    for check in generator_checks(DoubleByDefault):
        if check.name == "global-state":
            with pytest.raises(CheckFailure, match=r"changed torch\.get_default_dtype\(\)"):
                check()
    assert torch.get_default_dtype() == before[0]
    assert np.array_equal(np.random.get_state()[1], before[1])  # type: ignore[index] # noqa: NPY002
