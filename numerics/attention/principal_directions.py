"""Which directions of the shared randomness the softmax sees, the loudest first.

The logits of template i given its wildcards are M_i z, z the shared standard normals.
Softmax sees M_i z up to a shift, so z matters only through the row space of the centred
M_i, whose dimension is smaller: with the cls readout γ p_CLS and g_CLS act as one, and
positions that always carry one regular token act with it. Quasi-random points are the
most even in their first coordinates; those go to the principal directions of
Σ_i M_iᵀ Π M_i.

Source: Acworth, Broadie & Glasserman 1998, on principal components for quasi-Monte
Carlo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from numerics.shapes import Float64

__all__ = ["Directions", "seen_directions"]

# Far above the rounding of integer matrices, far below what is not 0 in them.
_ZERO = 1e-9
_QUIETEST = 1e-200


@dataclass(frozen=True, slots=True)
class Directions:
    """What the softmax sees of some standard normals, by decreasing variance.

    Attributes:
        basis: orthonormal columns, at least one; where the softmax sees nothing at all
            the one column is 0.
        variance: what each column adds to the variance of the logits, summed over keys
            and templates.
    """

    basis: Float64[np.ndarray, "coordinates dimension"]
    variance: Float64[np.ndarray, " dimension"]


def seen_directions(
    unit: Float64[np.ndarray, "coordinates coordinates"],
    scale: Float64[np.ndarray, " coordinates"],
) -> Directions:
    """The principal directions of D U D, U made of integers and D = diag(scale).

    What the softmax does not see follows from the integers alone; no direction is left
    out for being quiet, as gaps may be as quiet.

    Args:
        unit: U = Σ_i M_iᵀ Π M_i with every scale set to 1; positive semi-definite.
        scale: the size of each coordinate in the logits, ≥ 0.
    """
    moving = scale > 0
    variance, basis = np.linalg.eigh(unit[np.ix_(moving, moving)])
    null = basis[:, variance <= _ZERO * max(1.0, variance.max(initial=0.0))]
    rowspace = np.zeros((len(scale), moving.sum() - null.shape[1]))
    if not rowspace.shape[1]:
        return Directions(basis=np.zeros((len(scale), 1)), variance=np.zeros(1))
    # D U D is blind to D⁻¹ null(U), and sees what is orthogonal to it.
    # Scales so far apart that their ratio leaves float64 need no exact ratio.
    ratio = np.maximum(scale[moving], _QUIETEST * scale.max()) / scale.max()
    rowspace[moving] = _orthogonal_complement(null / ratio[:, None])
    # Principal components within the row space, which eigh lists from the quietest up.
    covariance = rowspace.T @ (unit * np.outer(scale, scale)) @ rowspace
    variance, components = np.linalg.eigh(covariance)
    return Directions(
        basis=(rowspace @ components)[:, ::-1].copy(),
        variance=variance[::-1].copy(),
    )


def _orthogonal_complement(
    columns: Float64[np.ndarray, "n m"],
) -> Float64[np.ndarray, "n rest"]:
    """An orthonormal basis of what is orthogonal to columns of graded rows.

    Householder QR with the largest rows first and pivoted columns errs in each row by
    that row's own size (Cox & Higham 1998).
    """
    count, dimension = columns.shape
    if not dimension:
        return np.eye(count)
    order = np.argsort(-np.abs(columns).max(1), kind="stable")
    scaled = columns / np.abs(columns).max(0)
    q = np.asarray(scipy.linalg.qr(scaled[order], pivoting=True, mode="full")[0])
    complement = np.empty((count, count - dimension))
    complement[order] = q[:, dimension:]
    return complement
