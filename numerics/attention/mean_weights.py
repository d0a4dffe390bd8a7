"""Mean attention weights from the factors of a softmax's Laplace integral.

    E s_a = ∫ B_{v,a}(τ) Π_{u≠v} B_u(τ) dτ     for a position a of the symbol v

(`symbol_factors`), by the trapezoid rule on a window's nodes τ_0, τ_0 + h, …. Before
the first node the integrand falls off as e^τ, and a geometric series stands for the
nodes there (`laplace_table`).

Source: symbind; docs/estimation.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from numerics.attention.laplace_table import Window
from numerics.attention.prefix_products import products_of_others, times
from numerics.attention.symbol_factors import KnownFactors, SymbolFactor
from numerics.shapes import Float

__all__ = ["add_mean_weights", "add_mean_weights_beside"]


def add_mean_weights(
    factors: Sequence[SymbolFactor],
    window: Window,
    weights: Float[torch.Tensor, "n keys"],
) -> None:
    """Add E s_a = ∫ B_{v,a} Π_{u≠v} B_u dτ for one row of one template.

    Args:
        factors: those of all its symbols.
        window: the nodes τ.
        weights: what to add to, in place.
    """
    B = [v.B for v in factors]
    for v, others in zip(factors, products_of_others(B), strict=True):
        every = torch.ones_like(v.B) if others is None else others
        total = _integral(v.B_a, every[:, None], window)[:, :, 0]
        weights[:, list(v.positions)] += v.share * total


def add_mean_weights_beside(
    random: Sequence[SymbolFactor],
    known: KnownFactors,
    window: Window,
    templates: Sequence[int],
    weights: Float[torch.Tensor, "n r keys"],
) -> None:
    """The same for one row of m templates that have their random symbols in common.

    What the random symbols share is computed once, and all m integrals by one product.

    Args:
        random: the factors of symbols with random logits, each moved by one Gaussian.
        known: the factors of all other positions, one for each template.
        window: the nodes τ.
        templates: which rows of `weights` are theirs.
        weights: what to add to, in place.
    """
    others = products_of_others([v.B for v in random])
    parts = []
    for v, rest in zip(random, others, strict=True):
        integrand = v.B_a if rest is None else v.B_a * rest[:, None]
        parts.append(v.share[:, None] * _integral(known.B, integrand, window))
    every = torch.ones_like(known.B_a[:, 0])
    if random:
        product = times(random[-1].B, others[-1])
        assert product is not None
        every = product
    parts.append(known.share * _integral(known.B_a, every[:, None], window))
    # Each position has one part: they come in the order of symbols.
    positions = [*(j for v in random for j in v.positions), *known.positions]
    place = torch.tensor(positions, device=weights.device).argsort()
    rows = torch.tensor(templates, device=weights.device)
    weights.index_add_(1, rows, torch.cat(parts, dim=2).index_select(2, place))


def _integral(
    factors: Float[torch.Tensor, "n p count"],
    others: Float[torch.Tensor, "n q count"],
    window: Window,
) -> Float[torch.Tensor, "n p q"]:
    """∫ of each factor times each of the others, which fall off as e^τ on the left."""
    total = torch.bmm(factors, others.transpose(1, 2))
    total += window.before * factors[..., :1] * others[:, None, :, 0]
    return total.mul_(window.rule.step)
