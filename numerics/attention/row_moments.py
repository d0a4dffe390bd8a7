"""Moments of one row of attention within one string, by one-dimensional integrals.

Tokens and positions of one string are all independent in the row of one query, whose
logits have the covariance (1+γ²)(1[x_i = x_j] + γ² 1[i = j]). With T_i = e^{logit i},
T = Σ_{i∈w} T_i over the positions of a token w and S = Σ_w T, the representations

    1/S = ∫ e^τ e^{−e^τ S} dτ,     1/S² = ∫ e^{2τ} e^{−e^τ S} dτ

split averages into products with one factor for each token. At t = e^τ let

    M0 = E e^{−tT},   M1 = E[tT e^{−tT}],   M1_i = E[t T_i e^{−tT}],
    M11 = E[(tT)² e^{−tT}],   M2 = E[t² (T² + γ² Σ_{i∈w} T_i²) e^{−tT}];

then

    E s_i = ∫ M1_i Π_{v≠w} M0_v dτ for i in w,
    E Σ_ij s_i s_j (1[x_i = x_j] + γ² 1[i = j]) = Σ_w ∫ M2_w Π_{v≠w} M0_v dτ,

the second the self value. Weights sum to 1, in two ways that check the integrals:

    1 = Σ_w ∫ M1_w Π_{v≠w} M0_v dτ,
    1 = Σ_w ∫ M11_w Π_{v≠w} M0_v dτ + Σ_{w≠u} ∫ M1_w M1_u Π_{v≠w,u} M0_v dτ.

Given the token's own Gaussian g its positions factorise as well. With σ = β√(1+γ²) and
l_m the Laplace moments of one position at y = τ + σg, a token that occurs n times has

    M0 = E_g l0ⁿ,   M1 = E_g n l1 l0ⁿ⁻¹,   M11 = E_g [n l2 l0ⁿ⁻¹ + n(n−1) l1² l0ⁿ⁻²],

and M2 has n(1+γ²) in place of M11's first n. A multiple a of the identity added to
W_K W_Qᵀ moves the logits of the query's copies by βa, and the query's own by
βa(1+γ²): their l_m are taken elsewhere.

So the moments depend on nothing but how often each token occurs, and which is the
query's; they cost milliseconds and carry no sampling error.

Source: symbind; docs/estimation.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import correlate1d

from numerics.attention.laplace_table import laplace_moments
from numerics.shapes import Float64

__all__ = ["Row", "RowMoments"]

# e^{-34} = 2e-15 on the left, exp(-e^{3.6}) = 1e-16 on the right.
_LEFT, _RIGHT = 34.0, 3.6
# A Gaussian leaves [-8.5, 8.5] with probability 2e-17.
_GAUSS = 8.5
# The trapezoid rule errs by 2|Γ(2 + 2πi/h)| = 6e-15 here, before any average over
# Gaussians; that average alone suffices at steps far below its standard deviation.
_STEP = 0.25
_STEPS_IN_DEVIATION = 16


@dataclass(frozen=True, slots=True)
class Row:
    """Moments of the softmax weights s of one query.

    Attributes:
        weights: E s_i; shape (K,).
        square: E Σ_ij s_i s_j (1[x_i = x_j] + γ² 1[i = j]).
    """

    weights: Float64[np.ndarray, " keys"]
    square: float


class RowMoments:
    """Rows of strings with K keys; equal multiplicities give equal bits.

    >>> moments = RowMoments(3, beta=1, gamma=1)
    >>> round(moments("uu.", 2).square, 5), round(moments("uv.", 2).square, 5)
    (1.38092, 1.29164)

    Args:
        keys: K.
        beta: inverse temperature, ≥ 0.
        gamma: position scale, ≥ 0.
        identity_kq: a.

    Attributes:
        defect: the largest |Σ_i E s_i − 1| and |Σ_ij E s_i s_j − 1| so far, which the
            same integrals give: zero up to their error.
    """

    def __init__(
        self, keys: int, beta: float, gamma: float, identity_kq: float = 0.0
    ) -> None:
        self._nodes = _Nodes.of(keys, beta, gamma)
        self._shift = beta * identity_kq
        self._gamma = gamma
        self._moments: dict[tuple[_Token, float], _TokenMoments] = {}
        self._averages: dict[_Multiplicities, _Averages] = {}
        self.defect = 0.0

    def __call__(self, symbols: Sequence[Hashable], query: int) -> Row:
        """The row of one query.

        Args:
            symbols: what stands at each key; only their equality matters.
            query: position of the query.
        """
        moved = symbols[query] if self._shift else None
        token = {
            symbol: _Token(copies, self._shift != 0 and symbol == moved)
            for symbol, copies in Counter(symbols).items()
        }
        averages = self._of(tuple(sorted(Counter(token.values()).items())))
        weights = np.array([averages.weight[token[symbol]] for symbol in symbols])
        if self._shift:
            weights[query] = averages.query_weight
        return Row(weights, averages.square)

    def _of(self, tokens: _Multiplicities) -> _Averages:
        if tokens not in self._averages:
            averages = self._averages[tokens] = self._integrate(tokens)
            defects = abs(averages.sum - 1), abs(averages.sum_of_pairs - 1)
            self.defect = max(self.defect, *defects)
        return self._averages[tokens]

    def _integrate(self, tokens: _Multiplicities) -> _Averages:
        """The integrals over τ, with one factor for each of the tokens."""
        level = max(self._level(token) for token, _ in tokens)
        of = {token: self._token_moments(token, level) for token, _ in tokens}

        def integral(*factors: tuple[_Token, Float64[np.ndarray, " nodes"]]) -> float:
            """∫ of some tokens' factors and of M0 of all the others."""
            given = Counter(token for token, _ in factors)
            others = math.prod(
                (of[token].m0 ** (count - given[token]) for token, count in tokens),
                start=np.float64(self._nodes.step),
            )
            return float(math.prod((x for _, x in factors), start=others).sum())

        total = pairs = square = query_weight = 0.0
        weight = {}
        for w, count in tokens:
            weight[w] = integral((w, of[w].m1_other))
            total += count * integral((w, of[w].m1))
            pairs += count * integral((w, of[w].m11))
            square += count * integral((w, of[w].m2))
            if w.moved:
                query_weight = integral((w, of[w].m1_query))
            for u, other_count in tokens:
                both = count * (other_count - (w == u))
                if both:
                    pairs += both * integral((w, of[w].m1), (u, of[u].m1))
        return _Averages(
            weight=weight,
            query_weight=query_weight,
            square=square,
            sum=total,
            sum_of_pairs=pairs,
        )

    def _level(self, token: _Token) -> float:
        """The largest mean of the token's logits."""
        if not token.moved:
            return 0.0
        query = self._shift * (1 + self._gamma**2)
        return max(query, self._shift) if token.copies > 1 else query

    def _token_moments(self, token: _Token, level: float) -> _TokenMoments:
        if (token, level) not in self._moments:
            moments = self._nodes.token_moments(token, self._shift, level)
            self._moments[token, level] = moments
        return self._moments[token, level]


@dataclass(frozen=True, slots=True, order=True)
class _Token:
    """What the moments of a token depend on.

    Attributes:
        copies: how often it occurs.
        moved: whether it is the query's, and the identity moves its logits.
    """

    copies: int
    moved: bool


_Multiplicities = tuple[tuple[_Token, int], ...]
"""How many tokens of a string are alike, for each way to be."""


@dataclass(frozen=True, slots=True)
class _Averages:
    """What `Row` is made of, and the two sums that must be 1.

    Attributes:
        weight: E s_i at a position of each token, the query's own position excepted.
        query_weight: E s_i at the query's own position, where the identity moves it.
        square: E Σ_ij s_i s_j (1[x_i = x_j] + γ² 1[i = j]).
        sum: E Σ_i s_i.
        sum_of_pairs: E Σ_ij s_i s_j.
    """

    weight: dict[_Token, float]
    query_weight: float
    square: float
    sum: float
    sum_of_pairs: float


@dataclass(frozen=True, slots=True)
class _TokenMoments:
    """The factors of one token at the nodes τ.

    Attributes:
        m0: M0.
        m1_other: M1_i at a position that is not the query's.
        m1_query: M1_i at the query's own position; 0 where the identity moves nothing.
        m1: M1.
        m11: M11.
        m2: M2.
    """

    m0: Float64[np.ndarray, " nodes"]
    m1_other: Float64[np.ndarray, " nodes"]
    m1_query: Float64[np.ndarray, " nodes"]
    m1: Float64[np.ndarray, " nodes"]
    m11: Float64[np.ndarray, " nodes"]
    m2: Float64[np.ndarray, " nodes"]


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Equally spaced τ on which all factors are known.

    Attributes:
        tau: the nodes.
        step: their distance.
        gamma: position scale.
        sigma: standard deviation of a token's part of a logit; of a position's, γσ.
    """

    tau: Float64[np.ndarray, " nodes"]
    step: float
    gamma: float
    sigma: float

    @classmethod
    def of(cls, keys: int, beta: float, gamma: float) -> _Nodes:
        """Nodes that reach as far as the integrands do, for `keys` logits."""
        sigma = beta * math.sqrt(1 + gamma**2)
        step = max(_STEP, gamma * sigma / _STEPS_IN_DEVIATION)
        far = _GAUSS * (1 + gamma) * sigma
        low, high = -_LEFT - math.log(keys) - far, _RIGHT + far
        tau = np.arange(low, high + step, step)
        return cls(tau=tau, step=step, gamma=gamma, sigma=sigma)

    def token_moments(self, token: _Token, shift: float, level: float) -> _TokenMoments:
        """The moments of a token.

        Args:
            token: the token.
            shift: what the identity adds to the logits of the query's copies; γ² times
                as much again to its own.
            level: what is subtracted from every logit.
        """
        # Averaging over g on the nodes themselves needs them denser than g's deviation;
        # else the integrand is smooth in g, and a few values of g are enough.
        dense = self.sigma >= 2 * self.step
        g, weight = (np.zeros(1), np.ones(1)) if dense else _gaussian_rule()
        mean = shift * token.moved - level
        l0, l1, l2 = self._position_moments(g, mean)
        # q_m are the l_m of the query's own position, and n counts the other copies.
        q0, q1, q2 = np.ones_like(l0), np.zeros_like(l0), np.zeros_like(l0)
        n = token.copies
        if token.moved:
            q0, q1, q2 = self._position_moments(g, mean + shift * self.gamma**2)
            n -= 1
        m1_other = l1 * l0 ** max(n - 1, 0) * q0
        m1_query = q1 * l0**n
        m1 = n * m1_other + m1_query
        # Σ_i T_i² and Σ_{i≠j} T_i T_j, in units of e^{−2τ}.
        squares = n * l2 * l0 ** max(n - 1, 0) * q0 + q2 * l0**n
        pairs = n * (n - 1) * l1**2 * l0 ** max(n - 2, 0) * q0
        pairs += 2 * n * l1 * l0 ** max(n - 1, 0) * q1

        def average(given_g: Float64[np.ndarray, "nodes g"]) -> np.ndarray:
            """E_g, by the rule for g or on the nodes."""
            return self._smooth(given_g @ weight) if dense else given_g @ weight

        return _TokenMoments(
            m0=average(l0**n * q0),
            m1_other=average(m1_other),
            m1_query=average(m1_query),
            m1=average(m1),
            m11=average(squares + pairs),
            m2=average((1 + self.gamma**2) * squares + pairs),
        )

    def _position_moments(
        self, g: Float64[np.ndarray, " g"], shift: float
    ) -> Float64[np.ndarray, "3 nodes g"]:
        """l_0, l_1, l_2 at τ + shift + σg."""
        y = torch.from_numpy((self.tau[:, None] + shift + self.sigma * g).ravel())
        flat = laplace_moments(y, self.gamma * self.sigma, 3)
        return flat.unflatten(1, (len(self.tau), len(g))).numpy()

    def _smooth(
        self, values: Float64[np.ndarray, " nodes"]
    ) -> Float64[np.ndarray, " nodes"]:
        """E_g of values at τ + σg, by the trapezoid rule on the nodes."""
        reach = math.ceil(_GAUSS * self.sigma / self.step)
        taps = np.exp(
            -((np.arange(-reach, reach + 1) * self.step / self.sigma) ** 2) / 2
        )
        # Both ends are flat: 1 or 0 on the left, 0 on the right.
        return correlate1d(values, taps / taps.sum(), mode="nearest")


def _gaussian_rule() -> tuple[Float64[np.ndarray, " g"], Float64[np.ndarray, " g"]]:
    """The trapezoid rule in steps of 1/2, exact for smooth averages to 1e-16."""
    g = np.arange(-18, 19) / 2
    weight = np.exp(-(g**2) / 2)
    return g, weight / weight.sum()
