"""Moments of one row of attention within one string, by one-dimensional integrals.

Tokens and positions of one string are all independent in the row of one query, whose
logits have the covariance (1+γ²)(1[x_i = x_j] + γ² 1[i = j]). With T_w = Σ_{i∈w} T_i
the exponentials of a token's positions, the denominator is S = Σ_w T_w, and
1/S² = ∫ t e^{−tS} dt splits E[s_a s_b] into products with one factor for each token:

    M0(τ) = E exp(−e^τ T),   M2(τ) = E[e^{2τ}(T² + γ² Σ_{i∈w} T_i²) exp(−e^τ T)].

Given the token's own Gaussian g the positions factorise as well, so with l_m the
Laplace moments of one position, at y = τ + σg, σ = β√(1+γ²), a token that occurs n
times has

    M0 = E_g l0ⁿ,   M2 = E_g [n (1+γ²) l2 l0ⁿ⁻¹ + n(n−1) l1² l0ⁿ⁻²],

and Σ_w ∫ M2_w Π_{v≠w} M0_v dτ is the self value. 1/S = ∫ e^{−tS} dt gives the mean
weights E s_i in the same way. A multiple a of the identity added to W_K W_Qᵀ moves the
logits of the query's copies by βa, its own by βa(1+γ²): their l_m are taken elsewhere.

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
        self._blocks: dict[tuple[_Block, float], _BlockMoments] = {}
        self._kinds: dict[_Kind, _Averages] = {}
        self.defect = 0.0

    def __call__(self, symbols: Sequence[Hashable], query: int) -> Row:
        """The row of one query.

        Args:
            symbols: what stands at each key; only their equality matters.
            query: position of the query.
        """
        counts = Counter(symbols)
        special = symbols[query] if self._shift else None
        block = {
            x: _Block(n, self._shift != 0 and x == special) for x, n in counts.items()
        }
        kind = tuple(sorted(Counter(block.values()).items()))
        if kind not in self._kinds:
            self._kinds[kind] = self._integrate(kind)
            found = self._kinds[kind]
            self.defect = max(self.defect, abs(found.one - 1), abs(found.both - 1))
        found = self._kinds[kind]
        weights = np.array([found.weight[block[x]] for x in symbols])
        if self._shift:
            weights[query] = found.own
        return Row(weights, found.square)

    def _integrate(self, kind: _Kind) -> _Averages:
        """Sum over the tokens, those of one multiplicity together."""
        centre = max(self._level(block) for block, _ in kind)
        moments = {block: self._moments(block, centre) for block, _ in kind}

        def integral(without: Counter[_Block], *factors: np.ndarray) -> float:
            rest = math.prod(
                (moments[b].none ** (count - without[b]) for b, count in kind),
                start=np.float64(self._nodes.step),
            )
            return float((math.prod(factors, start=rest)).sum())

        one = both = square = own = 0.0
        weight = {}
        for b, count in kind:
            alone, of = Counter([b]), moments[b]
            weight[b] = integral(alone, of.ordinary)
            one += count * integral(alone, of.first)
            both += count * integral(alone, of.second)
            square += count * integral(alone, of.square)
            if b.query:
                own = integral(alone, of.own)
            for c, other in kind:
                pairs = count * (other - (b == c))
                if pairs:
                    both += pairs * integral(
                        Counter([b, c]), of.first, moments[c].first
                    )
        return _Averages(weight, own, square, one, both)

    def _level(self, block: _Block) -> float:
        """The largest mean of the block's logits."""
        if not block.query:
            return 0.0
        own = self._shift * (1 + self._gamma**2)
        return max(own, self._shift) if block.size > 1 else own

    def _moments(self, block: _Block, centre: float) -> _BlockMoments:
        if (block, centre) not in self._blocks:
            moments = self._nodes.block_moments(block, self._shift, centre)
            self._blocks[block, centre] = moments
        return self._blocks[block, centre]


@dataclass(frozen=True, slots=True, order=True)
class _Block:
    """A token: how often it occurs, and whether its copies' logits are moved."""

    size: int
    query: bool


_Kind = tuple[tuple[_Block, int], ...]


@dataclass(frozen=True, slots=True)
class _Averages:
    """What `Row` is made of, and the two sums that must be 1.

    Attributes:
        weight: E s_i at a position of each block, the query's own position excepted.
        own: E s_i at the query's own position, where the identity moves it.
        square: as in `Row`.
        one: E Σ_i s_i.
        both: E Σ_ij s_i s_j.
    """

    weight: dict[_Block, float]
    own: float
    square: float
    one: float
    both: float


@dataclass(frozen=True, slots=True)
class _BlockMoments:
    """Moments of a token's exponentials T_i, times exp(−e^τ T), at the nodes.

    Attributes:
        none: of 1.
        ordinary: of e^τ T_i at one position.
        own: the same at the query's own position.
        first: of e^τ T.
        second: of (e^τ T)².
        square: of e^{2τ} (T² + γ² Σ T_i²).
    """

    none: Float64[np.ndarray, " nodes"]
    ordinary: Float64[np.ndarray, " nodes"]
    own: Float64[np.ndarray, " nodes"]
    first: Float64[np.ndarray, " nodes"]
    second: Float64[np.ndarray, " nodes"]
    square: Float64[np.ndarray, " nodes"]


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
        return cls(np.arange(low, high + step, step), step, gamma, sigma)

    def block_moments(
        self, block: _Block, shift: float, centre: float
    ) -> _BlockMoments:
        """The moments of a token.

        Args:
            block: the token.
            shift: what the identity adds to the logits of the query's copies; γ² times
                as much again to its own.
            centre: what is subtracted from every logit.
        """
        # Averaging over g on the nodes themselves needs them denser than g's deviation;
        # else the integrand is smooth in g, and a few values of g are enough.
        dense = self.sigma >= 2 * self.step
        g, weight = (np.zeros(1), np.ones(1)) if dense else _gaussian_rule()
        ordinary = shift * block.query - centre
        l0, l1, l2 = self._position_moments(g, ordinary)
        q0, q1, q2 = np.ones_like(l0), np.zeros_like(l0), np.zeros_like(l0)
        n = block.size
        if block.query:
            q0, q1, q2 = self._position_moments(g, ordinary + shift * self.gamma**2)
            n -= 1
        each = l1 * l0 ** max(n - 1, 0) * q0
        own = q1 * l0**n
        first = n * each + own
        squares = n * l2 * l0 ** max(n - 1, 0) * q0 + q2 * l0**n
        pairs = n * (n - 1) * l1**2 * l0 ** max(n - 2, 0) * q0
        pairs += 2 * n * l1 * l0 ** max(n - 1, 0) * q1
        given_g = [
            l0**n * q0,
            each,
            own,
            first,
            squares + pairs,
            (1 + self.gamma**2) * squares + pairs,
        ]
        averages = [table @ weight for table in given_g]
        return _BlockMoments(*(map(self._smooth, averages) if dense else averages))

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
