"""How much of the identity is in a head's products of weights, and what chance gives.

For P = W_K W_Qᵀ, or W_V W_O, of one head, the share of the identity is the cosine

    c = ⟨P, I⟩ / (‖P‖ ‖I‖) = tr P / (√d ‖P‖),      −1 ≤ c ≤ 1,

in Frobenius norms. The null hypothesis is a matrix of the same singular values σ and
with singular vectors that have no relation: P = U Σ Vᵀ, U and V independent and uniform
on the orthogonal group. Then tr P = Σ_i σ_i Q_ii with Q = VᵀU uniform too. Changing the
sign of a row of Q leaves its law, so that E Q_ii = 0 and E Q_ii Q_jj = 0 for i ≠ j;
E Q_ii² = 1/d, as a row has length 1. Hence E c = 0 and

    Var c = Σ σ_i² / d / (d ‖P‖²) = 1/d²,

whatever the spectrum is: d c has standard deviation 1 by chance.

Singular vectors without relation are all that this excludes. Where both factors share
one direction u, P = σ u uᵀ has tr P = ‖P‖ = σ and d c = √d; r orthogonal directions of
equal σ have d c = √(r d). So values up to √d need not mean the identity: one direction
that keys and queries have in common is enough.

Exchanging W_K and W_Q transposes P, and leaves its trace and its norm: c is the same
whichever of the two is on the side of the position that attends.

Neither P nor its singular values are formed: with W_K and W_Q of e columns, tr P and
‖P‖² = tr (W_KᵀW_K)(W_QᵀW_Q) take d e² operations.

Source: symbind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from numerics.networks.blocks import SelfAttention
from numerics.shapes import Float64

__all__ = ["HeadShares", "head_shares"]


@dataclass(frozen=True)
class HeadShares:
    """Shares of the identity in the heads of one block.

    Attributes:
        keys: c of W_K W_Qᵀ for each head.
        values: c of W_V W_O for each head.
        width: d.
    """

    keys: Float64[np.ndarray, " heads"]
    values: Float64[np.ndarray, " heads"]
    width: int

    @property
    def null_deviation(self) -> float:
        """The standard deviation of a share by chance, 1/d."""
        return 1 / self.width


@torch.no_grad()
def head_shares(attention: SelfAttention) -> HeadShares:
    """The shares of one block's heads; the scalars a and b are left out.

    Args:
        attention: of any form.
    """
    heads, d = attention.shape.heads, attention.shape.width

    def by_head(matrix: torch.Tensor) -> torch.Tensor:
        return matrix.detach().double().unflatten(0, (heads, -1))

    pairs = (
        (by_head(attention.query), by_head(attention.key)),
        (by_head(attention.value), by_head(attention.output.T)),
    )
    keys, values = (_cosines(left, right) for left, right in pairs)
    return HeadShares(keys.cpu().numpy(), values.cpu().numpy(), d)


def _cosines(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """c of LᵀR for factors of heads × e × d; 0 where the product is 0."""
    trace = (left * right).sum((1, 2))
    grams = [factor @ factor.transpose(1, 2) for factor in (left, right)]
    square = (grams[0] * grams[1]).sum((1, 2)).clamp(min=0)
    cosine = trace / (left.shape[2] * square).sqrt()
    return torch.where(square > 0, cosine, torch.zeros_like(cosine))
