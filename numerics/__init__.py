"""Estimates with error bars: the transformer's kernel and what follows from it."""

from typing import TYPE_CHECKING, Any

from numerics.activations import GELU, Cosine, Erf, ReLU
from numerics.architecture import Architecture
from numerics.custom_activation import CustomActivation
from numerics.learning.curves import (
    LearningCurve,
    alignment,
    learning_curve,
    relative_eigenvalue,
    sample_complexity,
)
from numerics.strings.sampled_gram import StringGram, string_gram
from numerics.template_matrix.empirical_bernstein import GapBounds, gap_bounds
from numerics.template_matrix.estimate import template_gram
from numerics.template_matrix.record import TemplateGram

if TYPE_CHECKING:
    from numerics.estimators.transformer_kernel import (
        TransformerKernelClassifier,
        TransformerKernelRegressor,
    )

__all__ = [
    "GELU",
    "Architecture",
    "Cosine",
    "CustomActivation",
    "Erf",
    "GapBounds",
    "LearningCurve",
    "ReLU",
    "StringGram",
    "TemplateGram",
    "TransformerKernelClassifier",
    "TransformerKernelRegressor",
    "alignment",
    "gap_bounds",
    "learning_curve",
    "relative_eigenvalue",
    "sample_complexity",
    "string_gram",
    "template_gram",
]

_ESTIMATORS = ("TransformerKernelClassifier", "TransformerKernelRegressor")


def __getattr__(name: str) -> Any:
    """The estimators, whose scikit-learn takes a second to load, when asked for."""
    if name in _ESTIMATORS:
        from numerics import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
