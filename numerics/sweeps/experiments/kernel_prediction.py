"""The experiment "kernel": the error of n strings by the closed form of a kernel.

N, or the tangent kernel's matrix, is estimated for the architecture of a transformer;
what follows from it is the expected error of ridge regression on n strings that share
no symbol. A network of finite width that is trained in all its layers need not follow
it: beside a measured curve it shows what features that do not move would give.

Source: symbind (`ridge_law`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field

from numerics.architecture import Architecture
from numerics.learning.curves import learning_curve
from numerics.learning.strings_needed import sample_complexity
from numerics.protocols import TemplateMatrix
from numerics.sweeps.experiment import Axes, Measured, PointFailed, Presets
from numerics.sweeps.experiments.models import (
    MODEL_PRESETS,
    Model,
    TransformerModel,
)
from numerics.sweeps.experiments.settings import Count, Number, TaskSettings
from numerics.template_matrix.estimate import tangent_gram, template_gram
from symbind_theory.tasks import TemplateTask

__all__ = ["EXPERIMENT", "KernelPrediction", "predict_error"]

# The time of a point of the estimate, for one template and three of its positions, in
# operations of a product of matrices. Over built-in tasks with 8192 points, for both
# kernels at depths 1 and 2, between 2e4 and 2e5 were measured.
_OPERATIONS = 5e4


class KernelPrediction(TaskSettings):
    """A transformer's kernel, and how many strings it is given."""

    model: Model
    kernel: Literal["nngp", "ntk"] = Field(
        default="nngp", description="'nngp' or 'ntk'"
    )
    alpha: Number = Field(default=1e-3, gt=0, description="ridge, a number above 0")
    target: Number = Field(
        default=0.1, gt=0, description="an error that is aimed at, a number above 0"
    )
    rel_tol: Number = Field(
        default=0.03,
        gt=0,
        description="relative halfwidth of the smallest eigenvalue at which points are "
        "no longer added, a number above 0",
    )
    max_points: Count = Field(
        default=2**13,
        ge=256,
        description="points of the estimate at most, an integer from 256",
    )


def predict_error(settings: KernelPrediction) -> Measured:
    """The closed form at n strings, with its interval, and n for the target.

    Args:
        settings: the point; its vocabulary plays no part.

    Raises:
        PointFailed: a model that is no transformer, trains scalars, starts near the
            identity, or has scalars in the paper's scaling; or labels that are tokens.
    """
    model = _with_kernel(settings.model)
    task = settings.template_task()
    if task.symbolic:
        raise PointFailed("labels are tokens; expected numbers for the closed form")
    gram = _estimated(
        task,
        model.architecture(),
        settings.kernel,
        settings.rel_tol,
        settings.max_points,
        settings.seed,
    )
    curve = learning_curve(
        task, sizes=[settings.n], alpha=settings.alpha, counts="random", gram=gram
    )
    needed = sample_complexity(
        task, target=settings.target, alpha=settings.alpha, gram=gram
    )
    error, eigenvalue = curve.intervals[0], gram.smallest_eigenvalue
    return {
        "test_error": error.value,
        "test_error_low": error.low,
        "test_error_high": _finite(error.high),
        "strings_needed": needed.n,
        "strings_needed_low": _finite(needed.interval.low),
        "strings_needed_high": _finite(needed.interval.high),
        "smallest_eigenvalue": eigenvalue.value,
        "smallest_eigenvalue_low": eigenvalue.low,
        "smallest_eigenvalue_high": eigenvalue.high,
    }


def _with_kernel(model: Any) -> TransformerModel:
    """The model, if it has a kernel as its width grows."""
    if not isinstance(model, TransformerModel):
        raise PointFailed(f"model is of kind {model.kind!r}, without a kernel")
    if model.trained_identity:
        raise PointFailed(
            "model trains scalars, which a kernel does not; expected identity_kq or "
            "identity_vo in their place"
        )
    if model.mimetic:
        raise PointFailed(
            "model is mimetic, whose start has no kernel here; expected mimetic = false"
        )
    if model.form == "paper" and (model.identity_kq or model.identity_vo):
        raise PointFailed(
            "model has identity_kq or identity_vo in the paper's scaling; expected "
            "form = 'theory' beside them"
        )
    return model


def _finite(end: float) -> float | None:
    """An end of an interval; None where nothing bounds it."""
    return end if math.isfinite(end) else None


@lru_cache(maxsize=16)
def _estimated(
    task: TemplateTask,
    architecture: Architecture,
    kernel: str,
    rel_tol: float,
    max_points: int,
    seed: int,
) -> TemplateMatrix:
    """The matrix, kept for the other sizes of one curve."""
    estimate = tangent_gram if kernel == "ntk" else template_gram
    return estimate(
        task.templates,
        architecture,
        rel_tol=rel_tol,
        max_points=max_points,
        seed=seed,
        device="cpu",
    )


@dataclass(frozen=True)
class _Kernel:
    name: str = "kernel"
    settings: type[KernelPrediction] = KernelPrediction
    axes: Axes = ("n", "test_error", "kernel")

    @property
    def presets(self) -> Presets:
        return {"model": MODEL_PRESETS}

    def measure(self, settings: Any) -> Measured:
        return predict_error(settings)

    def operations(self, settings: Any) -> float:
        task = settings.template_task()
        depth = getattr(settings.model, "depth", 1)
        size = len(task) * (task.length + 1) ** 3
        return _OPERATIONS * settings.max_points * depth * size


EXPERIMENT = _Kernel()
"""What sweep files call "kernel"."""
