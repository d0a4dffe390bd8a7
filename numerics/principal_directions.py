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

# Far above the rounding of integer matrices, far below what is not 0 in them.
_ZERO = 1e-9


def principal_directions(
    templates: Sequence[Template], tokens: Sequence[str], gamma: float
) -> Float64[np.ndarray, "coordinates dimension"]:
    """An orthonormal basis of what the softmax sees, by decreasing variance.

    What it does not see follows from integers alone, once positions are measured in
    units of γ; no direction is left out for being quiet, as gaps may be as quiet.

    Args:
        templates: templates of one length k.
        tokens: the regular tokens, `[CLS]` included.
        gamma: position scale, ≥ 0.

    Returns:
        One column for each direction, at least one; rows are the K = k + 1 positions,
        then the tokens. Where the softmax sees nothing at all the one column is 0.
    """
    keys = templates[0].length + 1
    unit = sum(_seen(template, tokens) for template in templates)
    scale = np.concatenate([np.full(keys, gamma), np.ones(len(tokens))])
    if gamma == 0:
        unit *= np.outer(scale, scale)
    variance, basis = np.linalg.eigh(unit / len(templates))
    unseen = basis[:, variance <= _ZERO * variance[-1]]
    if gamma > 0:
        # In units of γ a null direction is (γ p, g); both parts within range.
        parts = [min(1 / gamma, 1.0)] * keys + [min(gamma, 1.0)] * len(tokens)
        unseen = unseen * np.array(parts)[:, None]
    if unseen.shape[1] == len(unseen):
        return np.zeros((len(unseen), 1))
    complete = np.linalg.qr(unseen, mode="complete").Q
    seen = complete[:, unseen.shape[1] :]
    total = seen.T @ (unit * np.outer(scale, scale)) @ seen
    _, order = np.linalg.eigh(total)
    return (seen @ order)[:, ::-1].copy()


def _seen(
    template: Template, tokens: Sequence[str]
) -> Float64[np.ndarray, "coordinates coordinates"]:
    """MᵀΠM of one template at γ = 1."""
    keys = template.length + 1
    logits = np.hstack([np.eye(keys), np.zeros((keys, len(tokens)))])
    for position, token in enumerate((*template.skeleton, CLS)):
        if token is not None:
            logits[position, keys + tokens.index(token)] = 1.0
    centred = logits - logits.mean(0)
    return centred.T @ centred
