"""Where few points decide: the query's own key takes the softmax, others are rare.

A multiple a of the identity added to W_K W_Qᵀ lifts the logit of the query's own key
above that of any other by βa(1 + γ²), up to copies of its symbol, which get βa of it.
Templates are told apart by the weights that are left to the others, and these come up
where the shared Gaussians are far out. With the offset m = β|a|(1 + γ²) and the
variances v_j that a coordinate j of the points adds to the difference of a key's logit
and the query's, on average over the keys of all rows that are read, this is the model
of `averages.inflation`, which says how far out points should lie.

A negative a lifts one key above all others only where there are two keys, or where all
others carry the query's symbol; under cls it lifts none.

All of this is known before any point is drawn, from the templates and the architecture
alone: no interval is chosen by what it turns out to be.

Source: symbind.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from numerics.architecture import Architecture
from numerics.attention.shared_logits import SharedLogits
from numerics.averages.inflation import Inflation, inflation_for
from numerics.shapes import Float64
from symbind_theory.separation.incidence import Incidence

__all__ = ["inflation_of", "shared_variances"]


def inflation_of(
    templates: Sequence[Incidence], architecture: Architecture
) -> Inflation:
    """How far out the shared Gaussians are drawn: the plain way where a is 0.

    Args:
        templates: templates of one length as the network sees them.
        architecture: the transformer, of depth 1.
    """
    beta, gamma, a = architecture.beta, architecture.gamma, architecture.identity_kq
    if a == 0 or (architecture.readout == "cls" and a < 0):
        return Inflation(np.ones(SharedLogits(templates, beta, gamma).dimension), 1.0)
    variances = shared_variances(templates, beta, gamma)
    return inflation_for(variances, beta * abs(a) * (1 + gamma**2))


def shared_variances(
    templates: Sequence[Incidence], beta: float, gamma: float
) -> Float64[np.ndarray, " dimension"]:
    """v: what each coordinate adds to the variance of a key's logit and the query's.

    It is the mean over the keys but the query's own, and over the rows that are read.

    Args:
        templates: templates of one length as the network sees them.
        beta: inverse temperature, ≥ 0.
        gamma: position scale, ≥ 0.
    """
    shared = SharedLogits(templates, beta, gamma)
    squares: list[torch.Tensor] = []
    # Logits are linear in the points: unit vectors show their coefficients.
    for query, row in shared(torch.eye(shared.dimension, dtype=torch.float64)):
        for i in shared.users[query]:
            logits = row.position.clone()
            for key, token in enumerate(templates[i].skeleton):
                if token is not None:
                    logits[:, key] += row.token[:, shared.tokens.index(token)]
            difference = logits - logits[:, query.position, None]
            others = max(1, templates[i].size - 1)
            squares.append((difference**2).sum(1) / others)
    return torch.stack(squares).mean(0).numpy()
