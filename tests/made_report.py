"""Reports written by hand, for tests of what reads them."""

from __future__ import annotations

from typing import Any

from asdbench.report.audit_schema import CoverageRow, LeakageRow, MemorizationRow
from asdbench.report.schema import DataFacts, PluginUse, Report, SuiteFacts
from asdbench.report.trust_schema import AgreementRow, GapVerdict, VerdictRow


def plugin(name: str) -> PluginUse:
    return PluginUse(id=name, use=name, version="1", code="0", params={})


def made_report(*, simulated: bool = False, **parts: Any) -> Report:
    """Return a report with the given parts; by default of detector `ae` and generator `made`."""
    data = DataFacts(
        dataset=plugin("manifest"),
        simulated=simulated,
        digest="0",
        split_digest="0",
        n_detector_train=1,
        n_generator_train_normal=1,
        n_generator_train_anomaly=1,
        n_test_normal=1,
        n_test_anomaly=1,
        n_test_unlabelled=0,
        normals_shared=False,
        skipped={},
    )
    suite = SuiteFacts(name="hand", version="1", description="", digest="0", overrides=())
    given: dict[str, Any] = {
        "schema": "asdbench/report@1",
        "asdbench": "0",
        "suite": suite,
        "data": data,
        "definition": "dcase2022",
        "definitions": dict.fromkeys(
            ("auc", "pauc", "real", "generated", "gap", "official_score"), "In words."
        ),
        "confidence": 0.95,
        "detectors": (plugin("ae"),),
        "generators": (plugin("made"),),
        "grids": {},
        "cells": (),
        "means": (),
        "official": (),
    }
    return Report.model_validate(given | parts)


def gap(
    machine: str | None,
    value: float | None,
    half: float | None = 0.03,
    *,
    detector: str = "ae",
    verdict: GapVerdict | None = None,
    **more: Any,
) -> VerdictRow:
    """Return the matched AUC gap of a machine, or of the suite; ``half`` its interval's width."""
    known = value is not None and half is not None
    given: dict[str, Any] = {
        "over": "suite" if machine is None else "machine",
        "section": None,
        "domain": None,
        "generator": "made",
        "grid": "faults",
        "gap": "matched",
        "headline": True,
        "metric": "auc",
        "low": value - half if known else None,
        "high": value + half if known else None,
        "margin": 0.07,
        "reason": None if value is not None else "a task failed",
    }
    return VerdictRow(
        machine=machine, detector=detector, value=value, verdict=verdict, **given | more
    )


def agreement(
    tau: float | None, low: float | None, high: float | None, **more: Any
) -> AgreementRow:
    given: dict[str, Any] = {
        "machine": None,
        "generator": "made",
        "grid": "faults",
        "gap": "matched",
        "n_detectors": 4,
        "best_real": "ae",
        "best_generated": "ae",
        "tau_ceiling": 0.8,
    }
    return AgreementRow(tau=tau, tau_low=low, tau_high=high, **given | more)


def leakage(
    status: str, overlap: int = 0, checked: int = 100, generator: str = "made"
) -> LeakageRow:
    return LeakageRow.model_validate(
        {
            "generator": generator,
            "status": status,
            "n_checked": checked,
            "n_training": 50,
            "n_overlap": overlap,
            "sentence": f"{generator}: {status}, {overlap} of {checked}.",
        }
    )


def memorization(finding: str, share: float | None, p: float | None, machine: str = "fan") -> Any:
    return MemorizationRow.model_validate(
        {
            "generator": "made",
            "grid": "faults",
            "machine": machine,
            "finding": finding,
            "share": share,
            "expected": 0.01,
            "p": p,
            "n": 100,
            "sentence": f"{machine}: {finding}.",
        }
    )


def condition(
    status: str,
    gap_: float | None = None,
    half: float = 0.05,
    distance: float | None = None,
    name: str = "vel=6",
) -> CoverageRow:
    return CoverageRow.model_validate(
        {
            "machine": "fan",
            "section": "00",
            "domain": "source",
            "condition": name,
            "detector": "ae",
            "generator": "made",
            "status": status,
            "n_real": 0 if status == "extrapolated" else 10,
            "n_generated": 20,
            "auc_real": None,
            "auc_generated": 0.7,
            "gap": gap_,
            "low": None if gap_ is None else gap_ - half,
            "high": None if gap_ is None else gap_ + half,
            "distance": distance,
        }
    )
