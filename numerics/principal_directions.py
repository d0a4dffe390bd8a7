"""Which directions of the shared randomness the softmax sees, the loudest first.

The logits of template i given its wildcards are M_i z, z the standard normals of
positions and regular tokens. Softmax sees M_i z up to a shift, so z matters only
through the row space of the centred M_i, whose dimension is smaller: γ p_CLS and g_CLS
act as one, and positions that always carry one regular token act with it. Quasi-random
points are the most even in their first coordinates; those go to the principal
directions of Σ_i M_iᵀ Π M_i.

Source: principal components for quasi-Monte Carlo, Acworth, Broadie & Glasserman 1998.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numerics.shapes import Float64
from symbind_theory.templates import CLS, Template

__all__ = ["principal_directions"]

# Directions whose share of the largest variance is rounding.
_NEGLIGIBLE = 1e-12


def principal_directions(
    templates: Sequence[Template], tokens: Sequence[str], gamma: float
) -> Float64[np.ndarray, "coordinates dimension"]:
    """An orthonormal basis of what the softmax sees, by decreasing variance.

    Args:
        templates: templates of one length k.
        tokens: the regular tokens, `[CLS]` included.
        gamma: position scale, ≥ 0.

    Returns:
        One column for each direction, at least one; rows are the K = k + 1 positions,
        then the tokens. Where the softmax sees nothing at all the one column is 0.
    """
    keys = templates[0].length + 1
    total = np.zeros((keys + len(tokens),) * 2)
    for template in templates:
        logits = np.hstack([gamma * np.eye(keys), np.zeros((keys, len(tokens)))])
        for position, token in enumerate((*template.skeleton, CLS)):
            if token is not None:
                logits[position, keys + tokens.index(token)] = 1.0
        centred = logits - logits.mean(0)
        total += centred.T @ centred
    variance, basis = np.linalg.eigh(total)
    seen = variance > _NEGLIGIBLE * variance[-1]
    if not seen.any():
        return np.zeros((len(total), 1))
    return basis[:, seen][:, ::-1].copy()
