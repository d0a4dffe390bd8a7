"""A check as one strict JSON document."""

from __future__ import annotations

import json
import math
from typing import Any

from symbind_theory.interval import Interval
from symbind_theory.records.check import CheckResult, Samples
from symbind_theory.tasks import Overlap
from symbind_theory.validation import as_float

__all__ = ["as_document", "as_interval", "to_json"]


def to_json(result: CheckResult) -> str:
    """The document as ASCII text: strict JSON, null for what is infinite or absent."""
    return json.dumps(as_document(result), indent=2, allow_nan=False)


def as_document(result: CheckResult) -> dict[str, Any]:
    """The document as plain lists, dictionaries, strings and finite numbers."""
    task, estimates, samples = (
        result.task,
        result.estimates,
        result.sample_complexity,
    )
    return {
        "task": task.name,
        "templates": [str(t) for t in task.templates],
        "labels": [y if isinstance(y, str) else float(y) for y in task.labels],
        "weights": [float(w) for w in task.weights],
        "noise": task.noise,
        "architecture": dict(result.architecture),
        "equivalent_pairs": [list(pair) for pair in result.equivalent_pairs],
        "overlapping_pairs": [_overlap(o) for o in result.overlapping_pairs],
        "overlapping_pairs_any": [_overlap(o) for o in result.overlapping_pairs_any],
        "collapsed_pairs": [list(pair) for pair in result.collapsed_pairs],
        "mlp_floor": None
        if result.mlp_floor is None
        else _finite(as_float(result.mlp_floor)),
        "mlp_floor_exact": None if result.mlp_floor is None else str(result.mlp_floor),
        "gaps": [
            {
                "i": gap.i,
                "j": gap.j,
                "order": gap.order,
                "coefficient": gap.coefficient,
                "estimate": as_interval(gap.estimate),
            }
            for gap in estimates.gaps
        ],
        "attention": estimates.attention,
        "attention_halfwidth": estimates.attention_halfwidth,
        "attention_self": estimates.attention_self,
        "matrix": estimates.matrix,
        "matrix_halfwidth": estimates.matrix_halfwidth,
        "matrix_self": estimates.matrix_self,
        "eigenvalues": [as_interval(x) for x in estimates.eigenvalues],
        "smallest_eigenvalue": as_interval(estimates.smallest_eigenvalue),
        "condition_number": as_interval(estimates.condition_number),
        "attention_smallest_eigenvalue": as_interval(
            estimates.attention_smallest_eigenvalue
        ),
        "sample_complexity": None if samples is None else _samples(samples),
        "alignment": None
        if result.alignment is None
        else {
            "energy": as_interval(result.alignment.energy),
            "hardest_labels": list(result.alignment.hardest),
            "hardest_sample_complexity": _samples(result.alignment.samples),
        },
        "learning_curve": None
        if result.learning_curve is None
        else {
            "sizes": list(result.learning_curve.sizes),
            "mse": [as_interval(x) for x in result.learning_curve.mse],
            "alpha": result.learning_curve.alpha,
        },
        "verdicts": [
            {"claim": v.claim, "verdict": v.outcome.value, "evidence": v.evidence}
            for v in result.verdicts
        ],
        "level": estimates.smallest_eigenvalue.level,
        "points": estimates.points,
        "method": estimates.method,
        "device": estimates.device,
        "seed": result.seed,
        "version": result.version,
    }


def _overlap(overlap: Overlap) -> dict[str, Any]:
    return {"i": overlap.i, "j": overlap.j, "witness": overlap.witness}


def _samples(samples: Samples) -> dict[str, float | int | None]:
    return {
        "n": samples.n,
        **as_interval(samples.interval),
        "target": samples.target,
        "alpha": samples.alpha,
    }


def as_interval(interval: Interval) -> dict[str, float | None]:
    """Value and ends; null for what is infinite."""
    return {
        "value": _finite(interval.value),
        "low": _finite(interval.low),
        "high": _finite(interval.high),
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
