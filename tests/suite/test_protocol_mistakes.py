"""Mistakes in a cross-fit, in repeats of generators and in grids over axes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asdbench.suite import load_suite

Mistakes = Callable[..., list[str]]
GRID = "  faults: {generator: altered, label: anomaly}\n"
AXES = 'axes: {fan: {"00": {m-n: {from: dataset, add: [Z]}}}}'


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("{folds: 5, by: condition}", []),
        ("{folds: null, generator_train: 0.5}", []),
        (
            "{folds: 1}",
            ["my.yaml:3: folds: expected a whole number >= 2 and <= 20, got 1."],
        ),
        (
            "{folds: 2.5}",
            ["my.yaml:3: folds: expected a whole number >= 2 and <= 20, got 2.5."],
        ),
        (
            "\n  folds: 5\n  generator_train: 0.5",
            [
                "my.yaml:5: generator_train: with folds, each fit learns from all anomalies but "
                "its own. Leave it out, or leave out 'folds'."
            ],
        ),
    ],
)
def test_a_cross_fit(mistakes: Mistakes, split: str, expected: list[str]):
    assert mistakes(replace=("name: small", f"name: small\nsplit: {split}")) == expected


def test_a_cross_fit_from_the_command_line(mistakes: Mistakes):
    assert mistakes(overrides=["split.folds=3"]) == []
    (found,) = mistakes(overrides=["split.folds=3", "split.generator_train=0.5"])
    assert found.startswith("--set split.generator_train=0.5: generator_train: with folds")


def test_repeats_of_generators(mistakes: Mistakes):
    assert mistakes(overrides=["seeds.generator_repeats=3"]) == []
    assert mistakes(overrides=["seeds.generator_repeats=0"]) == [
        "--set seeds.generator_repeats=0: generator_repeats: expected a whole number >= 1 and "
        "<= 100, got 0."
    ]


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        (f"sweep: {{generator: altered, {AXES}}}", []),
        (f"sweep: {{generator: altered, clips_per_cell: 5, {AXES}}}", []),
        (
            f"sweep: {{generator: altered, label: normal, {AXES}}}",
            [
                "my.yaml:12: label: the coverage map, which alone reads a grid over axes, is of "
                "anomalies. Leave it out."
            ],
        ),
        (
            f"sweep:\n    generator: altered\n    match: real\n    multiplier: 2\n    {AXES}",
            [
                "my.yaml:14: match: a grid over axes has its conditions and numbers from them. "
                "Leave it out, or leave out 'axes'.",
                "my.yaml:15: multiplier: a grid over axes has its conditions and numbers from "
                "them. Leave it out, or leave out 'axes'.",
            ],
        ),
        (
            "sweep: {generator: altered, clips_per_cell: 5}",
            [
                "my.yaml:12: clips_per_cell: there are no axes, so there are no cells. Give "
                "'axes', or a multiplier of the real clips."
            ],
        ),
        (
            "sweep: {generator: altered, axes: {}}",
            [
                "my.yaml:12: axes: there is nothing to vary. For example: "
                '{fan: {"00": {m-n: {from: dataset, add: [Z]}}}}.'
            ],
        ),
        (
            'sweep:\n    generator: altered\n    axes:\n      fan: {}\n      pump: {"00": {}}',
            [
                "my.yaml:15: fan: there is nothing to vary. For example: "
                '{fan: {"00": {m-n: {from: dataset, add: [Z]}}}}.',
                "my.yaml:16: 00: there is nothing to vary. For example: "
                '{fan: {"00": {m-n: {from: dataset, add: [Z]}}}}.',
            ],
        ),
        (
            'sweep:\n    generator: altered\n    axes:\n      fna: {"00": {m-n: {values: [W]}}}',
            [
                "my.yaml:15: the dataset has no machine 'fna'. Did you mean 'fan'? Allowed "
                "(under 'dataset'): fan, pump."
            ],
        ),
        (
            'sweep: {generator: altered, axes: {fan: {"00": {m-n: {}}}}}',
            ["my.yaml:12: m-n: an axis has either 'from: dataset' or 'values'."],
        ),
        (
            'sweep: {generator: altered, axes: {fan: {"00": {m-n: {add: [Z], values: [W]}}}}}',
            ["my.yaml:12: m-n: 'add' goes with 'from: dataset'."],
        ),
        (
            'sweep: {generator: altered, axes: {fan: {"00": {m-n: {from: data}}}}}',
            ["my.yaml:12: from: expected 'dataset', got 'data'."],
        ),
    ],
)
def test_a_grid_over_axes(mistakes: Mistakes, grid: str, expected: list[str]):
    assert mistakes(replace=(GRID, f"{GRID}  {grid}\n")) == expected


def test_several_sweeps_may_ask_for_the_same(mistakes: Mistakes):
    sweep = f"{{generator: altered, {AXES}}}"
    assert mistakes(replace=(GRID, f"{GRID}  a: {sweep}\n  b: {sweep}\n")) == []


def test_values_keep_their_type(mistakes: Mistakes):
    values = "{values: [1, 1.0, '1', 0.6]}"
    axes = f'{{fan: {{"00": {{volt: {values}}}}}}}'
    sweep = f"sweep: {{generator: altered, axes: {axes}}}"
    assert mistakes(replace=(GRID, f"{GRID}  {sweep}\n")) == []
    grid = load_suite("my.yaml").suite.grids["sweep"]
    assert [str(v) for v in grid.axes["fan"]["00"]["volt"].values] == ["1", "1.0", "1", "0.6"]
    assert not load_suite("my.yaml").suite.grids["faults"].sweeps
    assert list(load_suite("my.yaml").suite.matched_grids) == ["faults"]
