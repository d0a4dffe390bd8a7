"""What chance gives the scores of a product: same singular values, unrelated vectors.

The null hypothesis is P = U Σ Vᵀ with given Σ, d × d of rank r, U and V independent and
uniform. It has three uses here, of which two are proofs.

**Moments.** E P = 0 and E P_ij P_kl = δ_ik δ_jl ‖P‖²/d², as E U_ia U_kb = δ_ik δ_ab/d.
Hence for any matrix M

    E ⟨P, M⟩ = 0,      Var ⟨P, M⟩ = ‖P‖² ‖M‖² / d²,      z = d ⟨P, M⟩ / (‖P‖ ‖M‖),

whatever the spectrum. M = I is the cosine of `numerics.networks.identity_share`, where
z = d c. Traces between embeddings are ⟨P, M⟩ too, and diagonals less what is off them.

**Tails.** For M = I, let σ_1 ≥ … ≥ σ_r, and turn U to the first unit vectors ε_i: then
tr P = Σ σ_i ⟨ε_i, v_i⟩. Given v_1, …, v_{i−1}, v_i is uniform on the unit sphere of a
space of m = d − i + 1 dimensions, and ⟨ε_i, v_i⟩ at most 1 times a coordinate y of it.
Since E y^{2k} = (1/2)_k/(m/2)_k, and (m/2)_k ≥ (m/2)^k,

    E exp(t y) = Σ_k (t²/4)^k / ((m/2)_k k!)  ≤  exp(t²/(2m)).

One factor after the other, from the last to the first,

    E exp(t tr P) ≤ exp(t² s²/2),      s² = Σ_i σ_i² / (d − i + 1),

so that P(|tr P| ≥ x) ≤ 2 exp(−x²/(2 s²)) for every spectrum, with no appeal to a normal
law; s² is between ‖P‖²/d, the variance, and ‖P‖²/(d − r + 1).

**Draws.** Other scores are compared with those of N random products. Exchanging U for
−U changes the sign of each score: its mean is 0, and |score| of the head and of the
draws, N + 1 numbers, are exchangeable. The interval between ± the k-th smallest of the
draws therefore covers with probability at least k/(N + 1), exactly so without ties:
k = ⌈level (N + 1)⌉. Draws are shared by all heads; this leaves each interval's coverage
as it is, and so the expected number of heads outside. The standard deviation of N
draws about the mean 0 has a relative standard error near √(1/(2N)) where the score is
near to normal.

Any relation between singular vectors is enough to leave this null, such as one
direction that both factors share. `directions` tells this from a multiple of I.

Source: symbind.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import torch

from numerics.gpt2.head_products import Singular
from numerics.shapes import Float64
from symbind_theory.validation import InputError

__all__ = [
    "Frames",
    "chance_reach",
    "directions",
    "draw_frames",
    "fewest_draws",
    "order_statistic",
    "trace_tail",
    "z_linear",
    "z_without_strongest",
]

# A level such as 0.95 times a number of draws is rounded before it is rounded up.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Frames:
    """Singular vectors of random products.

    Attributes:
        left: U, orthonormal columns.
        right: V, orthonormal columns, independent of U.
    """

    left: Float64[torch.Tensor, "draws d r"]
    right: Float64[torch.Tensor, "draws d r"]


def draw_frames(
    draws: int, width: int, rank: int, generator: torch.Generator
) -> Frames:
    """Independent pairs of frames, each uniform.

    Args:
        draws: how many pairs.
        width: d.
        rank: r ≤ d, the number of columns.
        generator: of the random numbers, on the CPU.
    """
    normal = torch.randn(
        2, draws, width, rank, dtype=torch.float64, generator=generator
    )
    q, r = torch.linalg.qr(normal)
    # Without the signs the law of Q would depend on how the factorisation chooses them.
    uniform = q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)
    return Frames(uniform[0], uniform[1])


def z_linear(
    inner: Float64[torch.Tensor, " batch"],
    norms: Float64[torch.Tensor, " batch"],
    functional: Float64[torch.Tensor, "d d"],
) -> Float64[torch.Tensor, " batch"]:
    """z of ⟨P, M⟩, by its exact moments; 0 where the product is 0.

    Args:
        inner: ⟨P, M⟩.
        norms: ‖P‖.
        functional: M.
    """
    deviation = norms * functional.norm() / len(functional)
    return torch.where(deviation > 0, inner / deviation, torch.zeros_like(inner))


def trace_tail(products: Singular) -> Float64[torch.Tensor, " batch"]:
    """The proven bound of the probability that chance gives a trace so far from 0.

    Args:
        products: whose traces they are.
    """
    width, rank = products.left.shape[-2:]
    trace = products.contributions.sum(-1)
    dimensions = width - torch.arange(rank, dtype=torch.float64)
    spread = (products.values**2 / dimensions).sum(-1)
    bound = 2 * torch.exp(-(trace**2) / (2 * spread))
    bound = torch.where(spread > 0, bound, torch.ones_like(bound))
    # A bound that float64 cannot hold is still none of 0.
    return bound.clamp(min=sys.float_info.min, max=1)


def directions(products: Singular) -> Float64[torch.Tensor, " batch"]:
    """(Σs)²/Σs² for the contributions s of singular directions to the trace.

    It is r for r equal contributions, 1 for one alone, and at most the number of
    contributions that are not 0 (Cauchy and Schwarz); near 1 on average by chance.

    Args:
        products: whose traces they are.
    """
    s = products.contributions
    square = (s**2).sum(-1)
    return torch.where(square > 0, s.sum(-1) ** 2 / square, torch.zeros_like(square))


def z_without_strongest(products: Singular) -> Float64[torch.Tensor, " batch"]:
    """z of the trace when the direction that contributes most to it is taken away.

    Most in the direction of the trace's sign, so that z moves towards 0, or past it.

    Args:
        products: whose traces they are.
    """
    s = products.contributions
    trace = s.sum(-1)
    strongest = (s * trace.sign().unsqueeze(-1)).argmax(-1, keepdim=True)
    rest = trace - s.gather(-1, strongest).squeeze(-1)
    square = products.values**2
    norm = square.scatter(-1, strongest, 0.0).sum(-1).sqrt()
    z = math.sqrt(products.left.shape[-2]) * rest / norm
    return torch.where(norm > 0, z, torch.zeros_like(z))


def order_statistic(draws: int, level: float) -> int:
    """k of the interval of chance, the smallest with k/(N + 1) ≥ level.

    Args:
        draws: N.
        level: coverage, in (0, 1).

    Raises:
        InputError: too few draws for the level.
    """
    k = math.ceil(level * (draws + 1) - _ROUNDING)
    if k > draws:
        raise InputError(
            f"draws is {draws}; expected at least {fewest_draws(level)} for intervals "
            f"at level {level:g}"
        )
    return k


def fewest_draws(level: float) -> int:
    """The fewest draws that have an interval of chance at a level.

    Args:
        level: coverage, in (0, 1).
    """
    return math.ceil(level / (1 - level) - _ROUNDING)


def chance_reach(
    draws: Float64[torch.Tensor, "batch draws"], level: float
) -> Float64[torch.Tensor, " batch"]:
    """Half the interval of chance about 0: an order statistic of |score|.

    Args:
        draws: scores of random products.
        level: coverage, in (0, 1).

    Raises:
        InputError: too few draws for the level.
    """
    k = order_statistic(draws.shape[-1], level)
    return draws.abs().kthvalue(k, dim=-1).values
