"""Self values d = K_attn(X, X) under the cls readout, by one-dimensional integrals.

Within one string, `[CLS]` included, tokens and positions are all independent. With
T_w = e^{βg_w} A_w, A_w = Σ_{i: x_i = w} e^{βγp_i}, the denominator is S = Σ_w T_w, and
1/S² = ∫ t e^{−tS} dt splits E[s_a s_b] into products with one factor for each token:

    M0_n(τ) = E exp(−e^τ T),   M2_n(τ) = E[e^{2τ}(T² + γ² Σ_{i∈w} T_i²) exp(−e^τ T)]

for a token that occurs n times. Given g_w the positions factorise as well, so with l_m
the Laplace moments of one position, at y = τ + σg, σ = β√(1+γ²):

    M0_n = E_g l0ⁿ,   M2_n = E_g [n (1+γ²) l2 l0ⁿ⁻¹ + n(n−1) l1² l0ⁿ⁻²]

and d = Σ_w ∫ M2_{n_w} Π_{v≠w} M0_{n_v} dτ. So d depends on nothing but how often each
token occurs, costs milliseconds, and carries no sampling error.

Source: symbind.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import correlate1d

from numerics.laplace_table import laplace_moments
from numerics.shapes import Float64
from symbind_theory.templates import Template

__all__ = ["SelfValues", "self_values"]

# Bound on the relative error of d by the trapezoid rule, by tails cut at e^{-34} and by
# rounding, a hundred times what the sums of weights ever show.
_ERROR = 1e-12

# e^{-34} = 2e-15 on the left, exp(-e^{3.6}) = 1e-16 on the right.
_LEFT, _RIGHT = 34.0, 3.6
# A Gaussian leaves [-8.5, 8.5] with probability 2e-17.
_GAUSS = 8.5
# The trapezoid rule errs by 2|Γ(2 + 2πi/h)| = 6e-15 here, before any average over
# Gaussians; that average alone suffices at steps far below its standard deviation.
_STEP = 0.25
_STEPS_IN_DEVIATION = 16


@dataclass(frozen=True, slots=True)
class SelfValues:
    """Self values of templates, and what is known of their error.

    Attributes:
        values: d; shape (r,).
        defect: the largest |Σ_i E s_i − 1| and |Σ_ab E s_a s_b − 1|, which the same
            integrals give: zero up to their error.
        error: bound on the relative error of `values`.
    """

    values: Float64[np.ndarray, " r"]
    defect: float

    @property
    def error(self) -> float:
        """1e-12, or more where the defect shows that it is not enough."""
        return max(_ERROR, 10 * self.defect)


def self_values(templates: Iterable[Template], beta: float, gamma: float) -> SelfValues:
    """d of every template; equal multisets of multiplicities give equal bits.

    >>> d = self_values([Template("?a ?a"), Template("X ?b"), Template("Y Z")], 1, 1)
    >>> d.values.round(5).tolist()
    [1.38092, 1.29164, 1.29164]

    Args:
        templates: templates of one length; `[CLS]` is appended here.
        beta: inverse temperature, ≥ 0.
        gamma: position scale, ≥ 0.
    """
    kinds = [_multiplicities(t) for t in templates]
    occurring = sorted({n for kind in kinds for n in kind})
    keys = sum(n * count for n, count in kinds[0].items())
    nodes = _Nodes.of(keys, beta, gamma)
    moments = {n: nodes.token_moments(n) for n in occurring}
    known = {kind: _integrate(kind, moments, nodes.step) for kind in map(_key, kinds)}
    values = np.array([known[_key(kind)].squares for kind in kinds])
    sums = [x for integrals in known.values() for x in (integrals.one, integrals.both)]
    return SelfValues(values, max(abs(x - 1) for x in sums))


_Kind = tuple[tuple[int, int], ...]


def _multiplicities(template: Template) -> Counter[int]:
    """How many tokens occur n times, for each n; `[CLS]` is one that occurs once."""
    blocks = [
        *template.wildcard_positions.values(),
        *template.regular_positions.values(),
    ]
    return Counter([1, *map(len, blocks)])


def _key(kind: Mapping[int, int]) -> _Kind:
    return tuple(sorted(kind.items()))


@dataclass(frozen=True, slots=True)
class _TokenMoments:
    """Moments of a token that occurs n times, times exp(−e^τ T), at the nodes.

    Attributes:
        none: of 1.
        first: of e^τ T.
        second: of (e^τ T)².
        squares: of e^{2τ} (T² + γ² Σ T_i²).
    """

    none: Float64[np.ndarray, " nodes"]
    first: Float64[np.ndarray, " nodes"]
    second: Float64[np.ndarray, " nodes"]
    squares: Float64[np.ndarray, " nodes"]


@dataclass(frozen=True, slots=True)
class _Integrals:
    """E Σ_i s_i, E Σ_ab s_a s_b and d of one multiset of multiplicities."""

    one: float
    both: float
    squares: float


def _integrate(
    kind: _Kind, moments: Mapping[int, _TokenMoments], step: float
) -> _Integrals:
    """Sum over the tokens, those of one multiplicity together."""

    def integral(without: Counter[int], *factors: Float64[np.ndarray, " nodes"]):
        rest = math.prod(
            (moments[n].none ** (count - without[n]) for n, count in kind),
            start=np.float64(step),
        )
        return float((math.prod(factors, start=rest)).sum())

    one = both = squares = 0.0
    for n, count in kind:
        alone = Counter([n])
        one += count * integral(alone, moments[n].first)
        both += count * integral(alone, moments[n].second)
        squares += count * integral(alone, moments[n].squares)
        for m, other in kind:
            pairs = count * (other - (m == n))
            if pairs:
                first = (moments[n].first, moments[m].first)
                both += pairs * integral(Counter([n, m]), *first)
    return _Integrals(one, both, squares)


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

    def token_moments(self, n: int) -> _TokenMoments:
        """The moments of a token that occurs n times."""
        # Averaging over g on the nodes themselves needs them denser than g's deviation;
        # else the integrand is smooth in g, and a few values of g are enough.
        dense = self.sigma >= 2 * self.step
        g, weight = (np.zeros(1), np.ones(1)) if dense else _gaussian_rule()
        l0, l1, l2 = self._position_moments(g)
        pairs = n * (n - 1) * l1**2 * l0 ** max(n - 2, 0)
        own = n * l2 * l0 ** (n - 1)
        given_g = [
            l0**n,
            n * l1 * l0 ** (n - 1),
            own + pairs,
            (1 + self.gamma**2) * own + pairs,
        ]
        averages = [table @ weight for table in given_g]
        return _TokenMoments(*(map(self._smooth, averages) if dense else averages))

    def _position_moments(
        self, g: Float64[np.ndarray, " g"]
    ) -> Float64[np.ndarray, "3 nodes g"]:
        """l_0, l_1, l_2 at τ + σg."""
        y = torch.from_numpy((self.tau[:, None] + self.sigma * g).ravel())
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
