"""Estimators with the interface of scikit-learn, and the solvers under them."""

from numerics.estimators.transformer_kernel import (
    TransformerKernelClassifier,
    TransformerKernelRegressor,
)

__all__ = ["TransformerKernelClassifier", "TransformerKernelRegressor"]
