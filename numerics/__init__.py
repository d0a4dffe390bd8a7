"""Estimates with error bars: the transformer's kernel and what follows from it."""

from typing import TYPE_CHECKING

from numerics.activations import GELU, Cosine, Erf, ReLU
from numerics.architecture import Architecture, Block
from numerics.custom_activation import CustomActivation
from numerics.learning.advice import advise
from numerics.learning.architecture_scan import Scan, scan
from numerics.learning.curves import LearningCurve, learning_curve
from numerics.learning.grid import Precision
from numerics.learning.strings_needed import (
    alignment,
    relative_eigenvalue,
    sample_complexity,
)
from numerics.notebook_hooks import register
from numerics.protocols import AttentionMatrix, TemplateMatrix
from numerics.strings.sampled_gram import StringGram, string_gram
from numerics.template_matrix.deep_record import DeepGram
from numerics.template_matrix.empirical_bernstein import GapBounds, gap_bounds
from numerics.template_matrix.estimate import tangent_gram, template_gram
from numerics.template_matrix.record import TemplateGram
from symbind_theory.lazy_exports import loaded_when_asked

if TYPE_CHECKING:
    from numerics.estimators.ideal_classifier import MarginTransfer, margin_transfer
    from numerics.estimators.transformer_kernel import (
        TransformerKernelClassifier,
        TransformerKernelRegressor,
    )
    from numerics.learning.collision_bound import diversity_bound
    from numerics.learning.finite_vocabulary import perturbed_curve
    from numerics.strings.collisions import CollisionGraph, collision_graph
    from numerics.strings.deep_kernel import DeepKernel
    from numerics.strings.one_layer_kernel import OneLayerKernel

__all__ = [
    "GELU",
    "Architecture",
    "AttentionMatrix",
    "Block",
    "CollisionGraph",
    "Cosine",
    "CustomActivation",
    "DeepGram",
    "DeepKernel",
    "Erf",
    "GapBounds",
    "LearningCurve",
    "MarginTransfer",
    "OneLayerKernel",
    "Precision",
    "ReLU",
    "Scan",
    "StringGram",
    "TemplateGram",
    "TemplateMatrix",
    "TransformerKernelClassifier",
    "TransformerKernelRegressor",
    "advise",
    "alignment",
    "collision_graph",
    "diversity_bound",
    "gap_bounds",
    "learning_curve",
    "margin_transfer",
    "perturbed_curve",
    "relative_eigenvalue",
    "sample_complexity",
    "scan",
    "string_gram",
    "tangent_gram",
    "template_gram",
]

# Loaded when first asked for: scikit-learn takes a second, and few need the others.
_LATER = {
    "CollisionGraph": "numerics.strings.collisions",
    "DeepKernel": "numerics.strings.deep_kernel",
    "MarginTransfer": "numerics.estimators.ideal_classifier",
    "OneLayerKernel": "numerics.strings.one_layer_kernel",
    "TransformerKernelClassifier": "numerics.estimators",
    "TransformerKernelRegressor": "numerics.estimators",
    "collision_graph": "numerics.strings.collisions",
    "diversity_bound": "numerics.learning.collision_bound",
    "margin_transfer": "numerics.estimators.ideal_classifier",
    "perturbed_curve": "numerics.learning.finite_vocabulary",
}

register()

__getattr__ = loaded_when_asked(__name__, _LATER)
