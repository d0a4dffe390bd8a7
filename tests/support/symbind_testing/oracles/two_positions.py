"""Kernels of deep transformers on strings of two positions: an independent oracle.

Softmax over two keys is a sigmoid of one Gaussian, so every average is an integral over
two Gaussians, which `sigmoid_moments` knows to 1e-14: no sampling, at any depth.

For templates i, j with disjoint images the stream has covariances C_ij[q, q'] across
strings and D_i[q, q'] within one. Let e = (1, −1). Row q of a string's softmax is

    ½ (1, 1) + ½ h_q e,    h_q = tanh(U_q/2),    U_q = β (M[q, 1] − M[q, 2]),

with E U_q = β a (D[q, 1] − D[q, 2]) and Cov(U_q, U'_q') = β² κ[q, q'] eᵀκe, where κ is
C or D, as attention sees it. Its derivative in the logits is v_q eeᵀ, v = (1 − h²)/4.

    attention    A(κ)[q, q'] = ¼ (1ᵀκ1 + Eh_q eᵀκ1 + Eh'_q' 1ᵀκe + Eh_q h'_q' eᵀκe)
                 J[q, q'] = β² Ev_q v'_q' eᵀκe
                            × (2 κ[q, q'] eᵀκe + κ[q, q'] eᵀΘ̃e + Θ̃[q, q'] eᵀκe)
                 K ← (sI + bS̄Δ) K (sI + bS̄Δ)ᵀ + A(κ)
                 Θ ← (sI + bS̄Δ) Θ (sI + bS̄Δ)ᵀ + 2 A(κ) + A(Θ̃) + J
    MLP          K ← s² K + E φφ'
                 Θ ← s² Θ + E φφ' + E φ̇φ̇' (κ + Θ̃)

Under "pre" κ, Θ̃ are K, Θ divided by the roots of the self values, and Δ has their
inverses; else κ, Θ̃ are K, Θ, and Δ = I. Under "post" K, Θ are so divided after each
sublayer. A causal mask leaves position 1 its own key alone: h_1 = 1, v_1 = 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from symbind_testing.builders.strings import symbols
from symbind_testing.oracles.sigmoid_moments import Logit, mean_tanh, product_moments
from symbind_testing.oracles.slopes import slope_dual

from numerics import Architecture
from symbind_theory.templates import read_templates


@dataclass(frozen=True)
class TwoPositions:
    """What r templates have at the end of the last block, and at its readout.

    Attributes:
        stream: C of the stream that is read, normalised where that is; (r, 2, r, 2).
        within: D of that stream; (r, 2, 2).
        attention: C after the last attention sublayer, its residual and, under "post",
            its normalisation, at the position that is read or averaged over both.
        attention_self: D there.
        gaps: C_ii + C_jj − 2 C_ij of `attention`.
        matrix: N.
        matrix_self: the kernel of a string with itself.
        tangent: Θ_f = N + Θ at the readout.
        tangent_self: the tangent kernel of a string with itself.
    """

    stream: np.ndarray
    within: np.ndarray
    attention: np.ndarray
    attention_self: np.ndarray
    gaps: np.ndarray
    matrix: np.ndarray
    matrix_self: np.ndarray
    tangent: np.ndarray
    tangent_self: np.ndarray


@dataclass(frozen=True)
class Pairs:
    """Covariances of pairs of strings, position by position; arrays (..., 2, 2).

    Attributes:
        kernel: κ of the first string's positions and the second's.
        tangent: Θ of the first string's positions and the second's.
        first: D of the first string.
        second: D of the second string.
    """

    kernel: np.ndarray
    tangent: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def normalised(self):
        """All of them with self values 1."""
        x, y = _roots(self.first), _roots(self.second)
        scale = x[..., :, None] * y[..., None, :]
        return Pairs(
            kernel=self.kernel / scale,
            tangent=self.tangent / scale,
            first=self.first / (x[..., :, None] * x[..., None, :]),
            second=self.second / (y[..., :, None] * y[..., None, :]),
        )


@dataclass(frozen=True)
class Stream:
    """The stream of r templates: across strings (r, r, 2, 2), within (r, 2, 2)."""

    across: np.ndarray
    within: np.ndarray
    tangent_across: np.ndarray
    tangent_within: np.ndarray

    def each(self, sublayer):
        """What a sublayer, from Pairs to (K, Θ), makes of both."""
        d = self.within
        pairs = Pairs(self.across, self.tangent_across, d[:, None], d[None, :])
        across, tangent_across = sublayer(pairs)
        within, tangent_within = sublayer(Pairs(d, self.tangent_within, d, d))
        return Stream(across, within, tangent_across, tangent_within)


PARAMETERS: frozenset[str] = frozenset(
    (
        "embedding",
        "positions",
        "key",
        "query",
        "value",
        "output",
        "up",
        "down",
        "readout",
    )
)
"""What is trained: Z0's two tables, W_K, W_Q, W_V, W_O, W_A, W_B and w_U."""


def exact(
    templates,
    architecture,
    refine=1,
    recursion=None,
    trained: Iterable[str] = PARAMETERS,
):
    """The kernels of templates of two symbols, or of one that `[CLS]` follows.

    Args:
        templates: r templates that make two positions with what the readout appends.
        architecture: of any depth.
        refine: how many times the nodes of the plain rule.
        recursion: a class in place of `Recursion`, for rules that are wrong on purpose.
        trained: the parameters that the tangent kernel counts; those of several are a
            sum over them.

    Raises:
        ValueError: templates of another length.
    """
    strings = [symbols(t, architecture.readout) for t in read_templates(templates)]
    if any(len(s) != 2 for s in strings):
        raise ValueError("expected two positions")
    rules = (recursion or Recursion)(architecture, refine, frozenset(trained))
    stream = after_attention = rules.start(strings)
    for block in architecture.record().every_block:
        after_attention = rules.attention(stream, block)
        stream = rules.mlp(after_attention, block)
    if architecture.final_normalisation:
        stream = rules.final(stream)
    return _read(stream, after_attention, rules)


@dataclass(frozen=True)
class Recursion:
    """The rules, sublayer by sublayer; subclasses may break one of them."""

    architecture: Architecture
    refine: int = 1
    trained: frozenset[str] = PARAMETERS

    def start(self, strings):
        """1[same token] + γ² 1[same position]: wildcards of two strings differ."""
        positions = self.architecture.gamma**2 * np.eye(2)
        tokens = [
            np.array(
                [[equal_tokens(x, y, apart=True) for y in strings] for x in strings]
            ),
            np.array([equal_tokens(x, x, apart=False) for x in strings]),
        ]
        moved = [
            self.has("embedding") * t + self.has("positions") * positions
            for t in tokens
        ]
        return Stream(*(t + positions for t in tokens), *moved)

    def has(self, *names):
        """How many of these parameters are trained."""
        return len(self.trained.intersection(names))

    def attention(self, stream, block):
        """The stream after an attention sublayer and its residual."""
        return self._sum(stream.each(lambda pairs: self.attended(pairs, block)))

    def mlp(self, stream, block):
        """The stream after an MLP and its residual."""
        return self._sum(stream.each(lambda pairs: self.mapped(pairs, block)))

    def final(self, stream):
        """The stream as a readout after normalisation sees it."""
        return _normalised(stream)

    def seen(self, pairs):
        """What a sublayer sees of the stream."""
        return pairs.normalised() if self.architecture.normalisation == "pre" else pairs

    def _sum(self, stream):
        post = self.architecture.normalisation == "post"
        return _normalised(stream) if post else stream

    def attended(self, pairs, block):
        """K and Θ after attention."""
        seen = self.seen(pairs)
        rows = self.rows(seen, block)
        kernel, tangent = seen.kernel, seen.tangent
        fresh = _weighed(kernel, rows)
        moved = self.has("value", "output") * fresh + _weighed(tangent, rows)
        moved = moved + self.through_logits(seen, rows, block)
        first = self.kept(pairs.first, rows.first, block)
        second = self.kept(pairs.second, rows.second, block)
        return tuple(
            first @ old @ np.swapaxes(second, -1, -2) + new
            for old, new in ((pairs.kernel, fresh), (pairs.tangent, moved))
        )

    def kept(self, own, means, block):
        """sI + b S̄Δ."""
        rows = np.stack([1 + means, 1 - means], axis=-1) / 2
        if self.architecture.normalisation == "pre":
            rows = rows / _roots(own)[..., None, :]
        return block.residual * np.eye(2) + block.identity_vo * rows

    def through_logits(self, seen, rows, block):
        """What Θ gains by keys, queries, and what they see."""
        k, t = seen.kernel, seen.tangent
        ek, et = _contrast(k), _contrast(t)
        weights = self.has("key", "query") * k * ek
        return block.beta**2 * rows.slopes * ek * (weights + k * et + t * ek)

    def rows(self, seen, block):
        """Moments of softmax, position by position."""
        shape = seen.kernel.shape
        laws = [
            np.broadcast_to(law, shape)
            for law in (
                *(x[..., :, None] for x in _law(seen.first, block)),
                *(y[..., None, :] for y in _law(seen.second, block)),
                block.beta**2 * self.logit_covariance(seen),
            )
        ]
        flat, back = np.unique(
            np.stack(laws, axis=-1).reshape(-1, 5), axis=0, return_inverse=True
        )
        found = np.array([self._moments(*law) for law in flat])
        h, g, products, slopes = np.moveaxis(
            found[back.ravel()].reshape(*shape, 4), -1, 0
        )
        first, second = h[..., :, 0].copy(), g[..., 0, :].copy()
        if self.architecture.causal:
            first[..., 0] = second[..., 0] = 1.0
            products, slopes = products.copy(), slopes.copy()
            products[..., 0, :], products[..., :, 0] = second, first
            slopes[..., 0, :] = slopes[..., :, 0] = 0.0
        return Rows(first, second, products, slopes)

    def logit_covariance(self, seen):
        """Of the differences of logits, over β²: κ[q, q'] eᵀκe."""
        return seen.kernel * _contrast(seen.kernel)

    def _moments(self, mean, variance, other_mean, other_variance, covariance):
        # In one order, so that transposed pairs are one and the same number.
        u = float(mean), float(max(variance, 0.0))
        v = float(other_mean), float(max(other_variance, 0.0))
        one, two = sorted((u, v))
        both = product_moments(Logit(*one), Logit(*two), float(covariance), self.refine)
        return (*(mean_tanh(Logit(*law), self.refine) for law in (u, v)), *both)

    def mapped(self, pairs, block):
        """K and Θ after the MLP."""
        seen = self.seen(pairs)
        phi = self.architecture.activation
        fresh = phi.dual(*_variances(seen), seen.kernel)
        inner = self.has("up") * seen.kernel + seen.tangent
        moved = self.has("down") * fresh + self.slopes(seen) * inner
        square = block.residual**2
        return square * pairs.kernel + fresh, square * pairs.tangent + moved

    def slopes(self, seen):
        """E φ̇φ̇'."""
        phi = self.architecture.activation
        return slope_dual(phi, *_variances(seen), seen.kernel)


@dataclass(frozen=True)
class Rows:
    """Moments of the softmax of two strings.

    Attributes:
        first: E h of the first string, by position; (..., 2).
        second: E h' of the second.
        products: E h h'; (..., 2, 2).
        slopes: E v v'.
    """

    first: np.ndarray
    second: np.ndarray
    products: np.ndarray
    slopes: np.ndarray


def _law(own, block):
    """Mean and variance of the differences of logits, by query."""
    mean = block.beta * block.identity_kq * (own[..., :, 0] - own[..., :, 1])
    return mean, block.beta**2 * _diagonal(own) * _contrast(own)[..., 0]


def _weighed(k, rows):
    """E of softmax rows around k."""
    ek1 = (k[..., 0, :] - k[..., 1, :]).sum(-1)[..., None, None]
    ke = (k[..., :, 0] - k[..., :, 1]).sum(-1)[..., None, None]
    total = k.sum((-1, -2))[..., None, None]
    linear = rows.first[..., :, None] * ek1 + rows.second[..., None, :] * ke
    return (total + linear + rows.products * _contrast(k)) / 4


def _contrast(k):
    """eᵀκe, with two axes of length 1 in place of the positions."""
    e = np.array([1.0, -1.0])
    return np.einsum("q,...qp,p->...", e, k, e)[..., None, None]


def _variances(seen):
    """Those of both strings, position by position, to broadcast."""
    return _diagonal(seen.first)[..., :, None], _diagonal(seen.second)[..., None, :]


def _diagonal(own):
    return np.diagonal(own, axis1=-2, axis2=-1)


def _roots(own):
    return np.sqrt(_diagonal(own))


def _normalised(stream):
    def divided(pairs):
        seen = pairs.normalised()
        return seen.kernel, seen.tangent

    return stream.each(divided)


def equal_tokens(string, other, *, apart):
    """Which tokens are one; wildcards never where the strings share none."""
    return np.array(
        [
            [x == y and not (apart and isinstance(x, tuple)) for y in other]
            for x in string
        ],
        dtype=float,
    )


def _read(stream, after_attention, rules):
    """The record, of the stream at the readout."""
    mean = rules.architecture.readout == "mean"

    def at(array):
        return array.mean((-1, -2)) if mean else array[..., -1, -1]

    c, n = at(after_attention.across), at(stream.across)
    own, self_values, linear = np.diag(c), at(stream.within), rules.has("readout")
    return TwoPositions(
        stream=np.swapaxes(stream.across, 1, 2),
        within=stream.within,
        attention=c,
        attention_self=at(after_attention.within),
        gaps=own[:, None] + own[None, :] - 2 * c,
        matrix=n,
        matrix_self=self_values,
        tangent=linear * n + at(stream.tangent_across),
        tangent_self=linear * self_values + at(stream.tangent_within),
    )
