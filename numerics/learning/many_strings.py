"""The average over random counts to second order: where all counts are large.

Counts of n strings are n_i = n μ_i (1 + δ_i), E δ_i = 0, with the multinomial
covariance C_ij = E δ_i δ_j = (1[i = j]/μ_i − 1)/n. With D = diag(δ), and at D = 0

    Λ = diag(n μ_i / e_i),   m = (I + NΛ)⁻¹ y,   H = (I + NΛ)⁻¹ NΛ

(`ridge_law`), labels are missed by (I + HD)⁻¹ m = m − HDm + HDHDm − …, and noise of
deviation σ adds σ² diag (I + HD)⁻¹ H (I + D) diag(1/nμ) Hᵀ (I + HD)⁻ᵀ. With

    R = H diag(1/nμ) Hᵀ,   Y = mmᵀ + σ² R,   S = C ∘ H

the error Σ_i μ_i Y_ii grows on average, to second order in D, by

    Σ_i μ_i {2 [H S Y]_ii + [H (C ∘ Y) Hᵀ]_ii − 2σ² [H S diag(1/nμ) Hᵀ]_ii}.

Terms of two orders more are less by a factor of a few over the rarest template's n μ_i:
an error in one template's n_i⁻², the largest power there is, has the average
(nμ_i)⁻² (1 + 3/nμ_i + 11/(nμ_i)² + …).

Source: symbind.
"""

from __future__ import annotations

import numpy as np

from numerics.averages.linalg import singular_system
from numerics.learning.ridge_law import Regression
from numerics.protocols import TemplateMatrix
from numerics.shapes import Float64
from symbind_theory.interval import Interval

__all__ = ["error_over_many"]

# Of the second order, over the rarest count, is left for the orders beyond; in an error
# that falls as n⁻² it is 11/3.
_BEYOND = 10.0


def error_over_many(gram: TemplateMatrix, regression: Regression, n: float) -> Interval:
    """By how much chance in the counts multiplies the closed form at n_i = n μ_i.

    Args:
        gram: the template matrix, whose estimate stands for N.
        regression: labels, weights, ridge and noise.
        n: number of strings, enough for hundreds of each template.

    Returns:
        The factor; its interval is what orders beyond the second may add.
    """
    occurs = regression.weights > 0
    mu = regression.weights[occurs]
    e = gram.excess[occurs] + regression.alpha
    m, H = _at_the_means(
        gram.factor[:, occurs], regression.labels[occurs], root=np.sqrt(n * mu / e)
    )
    C = (np.diag(1 / mu) - 1) / n
    by_count = H / (n * mu)
    variance = regression.noise**2
    Y = np.outer(m, m) + variance * by_count @ H.T
    HS = H @ (C * H)
    terms = np.array(
        [
            2 * ((HS @ Y).diagonal() @ mu),
            ((H @ (C * Y)) * H).sum(1) @ mu,
            -2 * variance * ((HS * by_count).sum(1) @ mu),
        ]
    )
    error = float(Y.diagonal() @ mu)
    if error == 0:
        return Interval(1.0, 1.0, 1.0, gram.level)
    value = 1 + float(terms.sum()) / error
    width = _BEYOND * float(np.abs(terms).sum()) / error / (n * float(mu.min()))
    return Interval(value, max(0.0, value - width), value + width, gram.level)


def _at_the_means(
    factor: Float64[np.ndarray, "rows r"],
    labels: Float64[np.ndarray, " r"],
    root: Float64[np.ndarray, " r"],
) -> tuple[Float64[np.ndarray, " r"], Float64[np.ndarray, "r r"]]:
    """m and H, by the singular values of GΛ^½.

    Args:
        factor: G with N = GᵀG.
        labels: y.
        root: the diagonal of Λ^½.
    """
    _, singular, right = singular_system(factor * root)
    shrink = np.ones(len(right))
    shrink[: len(singular)] = 1 / (1 + singular**2)
    m = (shrink * (right @ (root * labels))) @ right / root
    H = (right.T * (1 - shrink)) @ right * root / root[:, None]
    return m, H
