from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asdbench.suite import LoadedSuite, load_suite

Mistakes = Callable[..., list[str]]


def load(*overrides: str, only: tuple[str, ...] = ()) -> LoadedSuite:
    return load_suite("my.yaml", overrides, only)


def test_items_of_lists_go_by_their_id(suite_file: Path) -> None:
    loaded = load("detectors.ae-mse.params.epochs=5", "detectors.ae.2.params.score=mahalanobis")
    assert [plugin.params.epochs for plugin in loaded.detectors] == [5, None]
    assert [plugin.params.score for plugin in loaded.detectors] == ["mse", "mahalanobis"]
    assert loaded.overrides[0] == "--set detectors.ae-mse.params.epochs=5"
    assert loaded.portable_overrides == loaded.overrides


def test_values_are_yaml(suite_file: Path) -> None:
    loaded = load("dataset.machines=[fan]", 'dataset.sections=["00", 01]', "seeds={master: 3}")
    assert loaded.suite.dataset.machines == ("fan",)
    assert loaded.suite.dataset.sections == ("00", "01")
    assert loaded.suite.seeds.master == 3


def test_the_last_of_two_wins(suite_file: Path) -> None:
    assert load("seeds.master=1", "seeds.master=2").suite.seeds.master == 2


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "detectors.ae-mae.params.epochs=5",
            "'detectors' has no item with id 'ae-mae'. Did you mean 'ae-mse'? Allowed: ae-mse, "
            "ae.2.",
        ),
        (
            "detectors.ae-mse.params.epoch=5",
            "unknown parameter 'epoch' of 'dcase-ae'. Did you mean 'epochs'? Allowed: ",
        ),
        (
            "detectors.ae-mse.parms.epochs=5",
            "unknown key 'parms'. Did you mean 'params'? Allowed: id, params, sweep, use.",
        ),
        ("detectors.ae-mse.params.epochs=many", "epochs: expected a whole number >= 1, got 'many'"),
        ("splt.seed=5", "unknown key 'splt'. Did you mean 'split'? Allowed: "),
        ("name.x=5", "'name' holds a single value; nothing lies below it."),
        ("dataset.machines.0=fan", "'dataset.machines' is a list; set it as a whole: [a, b]."),
        ("name", "expected KEY=VALUE. Example: seeds.master=1."),
        ("=3", "expected KEY=VALUE. Example: seeds.master=1."),
        ("name=[a", "expected ',' or ']', but got '<stream end>'"),
        ("split.=3", "expected KEY=VALUE. Example: seeds.master=1."),
        ("name=", "name: expected a name of at most 64 letters"),
    ],
)
def test_a_wrong_override_is_named(mistakes: Mistakes, override: str, expected: str) -> None:
    found = mistakes(overrides=[override])
    assert len(found) == 1, found
    assert found[0].startswith(f"--set {override}: {expected}")


def test_an_override_mends_the_mistake_it_replaces(mistakes: Mistakes) -> None:
    replace = ("epochs: 2", "epochs: ten")
    assert mistakes(replace=replace)
    assert mistakes(replace=replace, overrides=["detectors.ae-mse.params.epochs=3"]) == []


def test_only_keeps_what_it_names(suite_file: Path) -> None:
    loaded = load(only=("machine=fan", "section=00", "detector=ae-mse"))
    assert loaded.suite.dataset.machines == ("fan",)
    assert loaded.suite.dataset.sections == ("00",)
    assert [plugin.id for plugin in loaded.detectors] == ["ae-mse"]
    assert [plugin.id for plugin in loaded.suite.detectors] == ["ae-mse"]
    assert loaded.overrides == (
        "--only machine=fan",
        "--only section=00",
        "--only detector=ae-mse",
    )


def test_only_of_one_kind_adds_up(suite_file: Path) -> None:
    both = load(only=("detector=ae.2", "detector=ae-mse"))
    assert [plugin.id for plugin in both.detectors] == ["ae-mse", "ae.2"]
    assert both.digest == load().digest


def test_only_a_generator_drops_the_grids_of_others(suite_file: Path) -> None:
    text = suite_file.read_text().replace(
        "grids:\n",
        "  - {id: drawn, use: resample}\ngrids:\n  drawn: {generator: drawn}\n",
    )
    suite_file.write_text(text)
    assert set(load().suite.grids) == {"drawn", "faults"}
    loaded = load(only=("generator=drawn",))
    assert set(loaded.suite.grids) == {"drawn"}
    assert [plugin.id for plugin in loaded.generators] == ["drawn"]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("machine=fann", "the suite has no machine 'fann'. Did you mean 'fan'? Allowed: fan, pump"),
        ("detector=ae", "the suite has no detector 'ae'"),
        ("detectr=ae", "expected FIELD=NAME. Did you mean 'detector'? Fields: machine, section"),
        ("fan", "expected FIELD=NAME. Fields: machine, section, detector, generator."),
    ],
)
def test_a_wrong_only_is_named(mistakes: Mistakes, only: str, expected: str) -> None:
    found = mistakes(only=[only])
    assert len(found) == 1, found
    assert found[0].startswith(f"--only {only}: {expected}")
