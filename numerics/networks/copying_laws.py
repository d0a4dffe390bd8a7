"""Closed forms for copying one symbol, α → α, at random initialisation.

There are n training symbols and n unseen ones, M = 2n; embeddings e_t of width d have
entries of variance 1/d; z_t = e_t + γp, and the logits are ⟨e_u, z_t A⟩, A = W_V W_O.
The initial softmax is uniform up to `softmax_remainder`, so training string t has
∂L/∂z1 = −c_t/n with c_t = e_t − ē, ē the mean over all tokens. For test string s write
m_s for ∂stat/∂z1: c_s for the full cross-entropy, e_s less the mean of the other unseen
tokens for the margin. With W_O averaged out (and the same for the two in turn),

    ⟨∇_V stat, −∇_V L⟩ ~ Σ_{s,t} ⟨z_s, z_t⟩⟨m_s, c_t⟩ / n²
    |∇_V L|²           ~ Σ_{t,t'} ⟨z_t, z_t'⟩⟨c_t, c_t'⟩ / n²

and Isserlis' theorem gives both means exactly. Over all s the m_s of the margin cancel;
what is left is E⟨e_s, e_t⟩² = 1/d, and copying fails at the rate n/(n + d). The c_s do
not cancel: Σ_s c_s = −Σ_t c_t, of mean square n/2, so γ²⟨Σ_s c_s, Σ_t c_t⟩ stays
however wide the network is: unseen tokens are pushed down through the position that all
strings share.

Source: symbind.
"""

from __future__ import annotations

from collections.abc import Callable

from symbind_theory.validation import InputError, shorten

__all__ = ["copying_law", "softmax_remainder"]


def copying_law(
    statistic: str, group: str, symbols: int, width: int, gamma: float
) -> float:
    """R_g for α → α: E⟨∇_g s, −∇_g L⟩ / E|∇_g L|² of a network that starts with b = 0.

    >>> copying_law("margin", "value", symbols=40, width=10**6, gamma=0.0) * 10**6
    39.99...
    >>> copying_law("cross-entropy", "value", symbols=1000, width=10**9, gamma=1.0)
    -0.333...

    Args:
        statistic: "margin" or "cross-entropy".
        group: "value" or "output"; "embedding" or "positions"; "identity_vo" for the
            margin only.
        symbols: n, of training and again of the test.
        width: d.
        gamma: position scale, above 0 for the group "positions".

    Raises:
        InputError: a pair that has no closed form here.
    """
    if (statistic, group) not in _LAWS:
        raise InputError(
            f"statistic and group are {shorten((statistic, group))}; expected one of "
            f"{', '.join(map(str, _LAWS))}"
        )
    return _LAWS[statistic, group](symbols, width, gamma)


def _distinct(n: int) -> float:
    """q = d E⟨e_t, e_t'⟩⟨c_t, c_t'⟩ = (1 − 1/M)² + 1/M², for t ≠ t'."""
    M = 2 * n
    return (1 - 1 / M) ** 2 + 1 / M**2


def _loss_rate(n: int, d: int, gamma: float) -> float:
    """S = p + (n − 1) q/d + γ²/2: n E|∇_V L|², up to a factor of the widths.

    p = E⟨e_t, e_t⟩⟨c_t, c_t⟩ = (1 + 2/d)(1 − 1/M)² + (M − 1)/M² are the terms t = t',
    q those of t ≠ t', and γ²/2 the position's.
    """
    M = 2 * n
    p = (1 + 2 / d) * (1 - 1 / M) ** 2 + (M - 1) / M**2
    q = _distinct(n)
    return p + (n - 1) / d * q + gamma**2 / 2


def _margin_of_values(n: int, d: int, gamma: float) -> float:
    """R = (n/d)(1 − 1/M)/S."""
    M = 2 * n
    return n / d * (1 - 1 / M) / _loss_rate(n, d, gamma)


def _cross_entropy_of_values(n: int, d: int, gamma: float) -> float:
    """R = (n q/d − γ²/2)/S."""
    return (n / d * _distinct(n) - gamma**2 / 2) / _loss_rate(n, d, gamma)


def _cross_entropy_of_embeddings(n: int, d: int, gamma: float) -> float:
    """R = (1/(2nd) − γ²/2)/τ with τ = 2 + γ²/2 − 1/n + (2/d)(1 − 3/(4n)).

    In W_E each token has a part as input and one as output, which meet through A².
    """
    tau = 2 + gamma**2 / 2 - 1 / n + (2 / d) * (1 - 3 / (4 * n))
    return (1 / (2 * n * d) - gamma**2 / 2) / tau


def _margin_of_identity(n: int, d: int, gamma: float) -> float:
    """R = 1/(1 − 1/M), of b at b = 0."""
    M = 2 * n
    return 1 / (1 - 1 / M)


# R_g by statistic and group, from n, d and γ.
_LAWS: dict[tuple[str, str], Callable[[int, int, float], float]] = {
    ("margin", "identity_vo"): _margin_of_identity,
    ("margin", "embedding"): lambda n, d, gamma: 0.0,
    ("margin", "positions"): lambda n, d, gamma: 0.0,
    ("cross-entropy", "positions"): lambda n, d, gamma: -1.0,
    ("cross-entropy", "embedding"): _cross_entropy_of_embeddings,
    ("margin", "value"): _margin_of_values,
    ("cross-entropy", "value"): _cross_entropy_of_values,
    ("margin", "output"): _margin_of_values,
    ("cross-entropy", "output"): _cross_entropy_of_values,
}


def softmax_remainder(
    symbols: int, width: int, inner_width: int, gamma: float
) -> float:
    """How far the initial softmax is from uniform, where `copying_law` takes it to be.

    All strings share the logits γ⟨e_u, pA⟩, which move ē by γ M⁻¹ Σ_u ⟨pA, e_u⟩ e_u.
    Seen through Aᵀ, its mean square against that of half the distance between the means
    of training and test tokens, 1/M, is to leading order

        x = γ² (1 + M/d_v + 2M/d) / d.

    A rate of the margin moves by less than x of its value, one of the cross-entropy
    by up to 2x: R_P = −(1 − x)/(1 + x) = −1 + 2x.

    Args:
        symbols: n.
        width: d.
        inner_width: d_v, heads times d_head.
        gamma: position scale.
    """
    M, d, d_v = 2 * symbols, width, inner_width
    return gamma**2 * (1 + M / d_v + 2 * M / d) / d
