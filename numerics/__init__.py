"""Estimates with error bars: the transformer's kernel and what follows from it."""

from numerics.activations import GELU, Cosine, Erf, ReLU
from numerics.architecture import Architecture
from numerics.custom_activation import CustomActivation
from numerics.gap_bounds import GapBounds, gap_bounds
from numerics.learning import (
    LearningCurve,
    alignment,
    learning_curve,
    relative_eigenvalue,
    sample_complexity,
)
from numerics.string_gram import StringGram, string_gram
from numerics.template_gram import template_gram
from numerics.template_matrix import TemplateGram

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
    "alignment",
    "gap_bounds",
    "learning_curve",
    "relative_eigenvalue",
    "sample_complexity",
    "string_gram",
    "template_gram",
]
