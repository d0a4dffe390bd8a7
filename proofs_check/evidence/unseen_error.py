"""The error of a trained kernel regressor on symbols that it has never seen."""

from __future__ import annotations

import math
import warnings

from sklearn.exceptions import ConvergenceWarning

from numerics import TransformerKernelRegressor
from numerics.estimators import unseen_error
from symbind_theory.tasks import Sample, TemplateTask

__all__ = ["fresh_error", "left_by_solver"]

# The relative residual that the solver aims at: what it leaves then is rounding.
_AIMED_AT = 1e-11


def fresh_error(
    model: TransformerKernelRegressor, task: TemplateTask, sample: Sample
) -> float:
    """The squared error on unseen symbols, whether or not the solver ended early.

    Args:
        model: to be fitted.
        task: whose labels without noise are held against the predictions.
        sample: training strings and labels.
    """
    with warnings.catch_warnings():
        # `left_by_solver` bounds what it does to the error.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return unseen_error.fresh_error(model, task, sample)


def left_by_solver(
    model: TransformerKernelRegressor, sample: Sample, largest: float
) -> float:
    """Bound on what an early end of the solver does to a prediction; 0 without one.

    A residual r changes the prediction at x by k_xᵀ (K + αI)⁻¹ r, which is at most
    √K(x, x) |r| / (2 √α), for k_x = K^½ v with |v|² ≤ K(x, x).

    Args:
        model: fitted to the sample.
        sample: training strings and labels.
        largest: bound on K(x, x).
    """
    if model.residual_ <= _AIMED_AT:
        return 0.0
    norm = model.residual_ * math.hypot(*map(float, sample.labels))
    return norm * math.sqrt(largest / model.alpha) / 2
