"""The kernel of an infinitely wide MLP on the one-hot string, and its template matrix.

First-layer units see W x with W i.i.d. N(0, 1/k): two strings have the covariance

    c(X, Y) = (number of positions where x_i = y_i) / k,         d = c(X, X) = 1,

and each further layer replaces c and d by the dual activation of what came before.
All strings have the same d, so K is a function κ_l of c: a power series with
coefficients a_n² ≥ 0, strictly increasing on [0, 1] unless φ is constant.

For fresh symbols c_ij counts the positions where both templates carry the same regular
token: it is a Gram matrix of the skeletons' incidence vectors u_i.

**Rows i and j of N are equal exactly when the templates share a skeleton**: equal rows
have κ_l(c_ii) = κ_l(c_ij) = κ_l(c_jj), so c_ii = c_ij = c_jj and |u_i − u_j|² = 0.

**N is singular as soon as two share one. Conversely**, let the skeletons differ, and φ
not be a polynomial. Then N is non-singular, except where some template has no regular
token and κ_l(0) = 0, as for an odd φ: its row is 0. *Proof.* At depth 1 let
Σ_i x_i u_i^⊗n = 0 for all n with a_n ≠ 0, infinitely many. The u_i are distinct and
their inner products ≥ 0, so no two are ± each other, and a generic vector v gives
numbers ⟨u_i, v⟩ of distinct sizes with Σ x_i ⟨u_i, v⟩ⁿ = 0. As n grows the largest one
forces its x_i = 0, then the next; u_i = 0 is left to n = 0, where a_0 ≠ 0. The features
a_n u_i^⊗n of one layer are again distinct with inner products ≥ 0, so the argument
repeats for the next. ∎

Sources: Neal 1996, Lee et al. 2018 (infinitely wide networks); arXiv 2310.09753 for
equal rows where skeletons are shared; the converse and the exception: symbind.
"""

from __future__ import annotations

import numpy as np

from numerics.activations import Activation
from numerics.shapes import Float64, Int64

__all__ = ["mlp_kernel"]


def mlp_kernel(
    x: Int64[np.ndarray, "n k"],
    y: Int64[np.ndarray, "m k"],
    activation: Activation,
    depth: int = 1,
) -> Float64[np.ndarray, "n m"]:
    """E φ(u) φ(v) after `depth` hidden layers, weights of variance 1/fan-in, no bias.

    >>> from numerics import ReLU
    >>> x = np.array([[0, 1], [0, 0]])
    >>> mlp_kernel(x, x, ReLU()).round(4).tolist()
    [[0.5, 0.3045], [0.3045, 0.5]]

    Args:
        x: strings of k tokens as numbers; the input has a one for each pair of a
            position and its token.
        y: strings of the same length.
        activation: φ of each layer.
        depth: hidden layers, ≥ 1.

    Source: Lee et al. 2018, for one-hot strings.
    """
    c = (x[:, None] == y[None]).mean(-1)
    d = np.ones((1, 1))
    for _ in range(depth):
        c, d = activation.dual(d, d, c), activation.dual(d, d, d)
    return c
