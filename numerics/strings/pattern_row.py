"""One pattern beside the patterns of a kernel: the row of N, by control variates.

A new pattern p has a row of C from points of its own, which serve it and the kernel's
own patterns o. With C̃ the estimate from them and C_oo that of the kernel,

    C_op = C̃_op + (C_oo − C̃_oo) A,     A = C̃_oo⁺ C̃_op:

A has the coefficients of f_p on f_o, and the row becomes consistent with C_oo in the
directions in which C_oo is small and the coefficients of a fit are large. Eigenvalues
of C̃_oo that rounding has swallowed are left out of A; in their directions the plain
estimate remains. Rounding in A, of relative size ε/σ² in a direction of length σ, is
multiplied by C_oo − C̃_oo, of size σ there.

Source: symbind; control variates: Owen 2013, "Monte Carlo theory, methods and
examples", section 8.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.attention.string_moments import mean_features, moments_of
from numerics.shapes import Float64
from numerics.strings.component_table import ComponentSettings
from numerics.strings.pairwise_components import ComponentBlock
from numerics.template_matrix.accuracy import Accuracy
from numerics.template_matrix.one_layer import one_layer_gram
from symbind_theory.separation.incidence import incidence_of
from symbind_theory.templates import CLS, Template

__all__ = ["BaseKernel", "NewPattern", "PatternRow", "new_row", "own_row"]

# The least number of points: where one row is read, self values need none.
_FEWEST_POINTS = 64
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class BaseKernel:
    """The kernel of strings that share no symbol.

    Attributes:
        features: F with C = FᵀF.
        attention_self: d.
        halfwidth: halfwidths of N's entries.
        self_halfwidth: those of the kernel of a string with itself; 0 where one row is
            read, which leaves it known but for rounding.
        feature_error: bound on the relative error of each column of F.
        self_error: bound on the relative error of d.
    """

    features: Float64[np.ndarray, "rows r"]
    attention_self: Float64[np.ndarray, " r"]
    halfwidth: Float64[np.ndarray, "r r"]
    self_halfwidth: Float64[np.ndarray, " r"]
    feature_error: float
    self_error: float


@dataclass(frozen=True)
class PatternRow:
    """What is known of one pattern beside the kernel's own patterns.

    Attributes:
        attention: C between its strings and theirs that share no symbol.
        matrix: N of the same.
        halfwidth: halfwidths of N.
        attention_self: d.
        apart: C_pp, of two of its strings that share no symbol.
    """

    attention: Float64[np.ndarray, " r"]
    matrix: Float64[np.ndarray, " r"]
    halfwidth: Float64[np.ndarray, " r"]
    attention_self: float
    apart: float


def own_row(
    base: BaseKernel, factor: Float64[np.ndarray, "rows r"], index: int
) -> PatternRow:
    """The row that the kernel has for one of its own patterns.

    Args:
        base: the kernel of strings that share no symbol.
        factor: G with N = GᵀG.
        index: which pattern.
    """
    features = base.features
    return PatternRow(
        attention=features[:, index] @ features,
        matrix=factor[:, index] @ factor,
        halfwidth=base.halfwidth[index],
        attention_self=float(base.attention_self[index]),
        apart=float((features[:, index] ** 2).sum()),
    )


@dataclass(frozen=True)
class NewPattern:
    """A pattern that the kernel does not have, and what was estimated for it.

    The blocks are components of size 0, from points that serve all of them.

    Attributes:
        pattern: the pattern, p.
        known: the kernel's own patterns, o.
        among_known: C̃_oo but for the identity b.
        towards_known: C̃_po.
        with_itself: C̃_pp.
    """

    pattern: Template
    known: Sequence[Template]
    among_known: ComponentBlock
    towards_known: ComponentBlock
    with_itself: ComponentBlock


def new_row(
    new: NewPattern, base: BaseKernel, settings: ComponentSettings
) -> PatternRow:
    """The row of a pattern that the kernel does not have.

    Args:
        new: the pattern and its estimates.
        base: the kernel of strings that share no symbol.
        settings: of the kernel.
    """
    d, own_self = base.attention_self, _self_value(new.pattern, settings)
    b_p, b_o = _identity_features(new, settings)
    c_op = new.towards_known.values[0, :, 0] + b_p @ b_o
    c_oo = new.among_known.values[:, :, 0] + b_o.T @ b_o
    c_pp = float(new.with_itself.values[0, 0, 0] + b_p @ b_p)
    # A pattern without wildcards has one string, whose C_ii = d_i is known.
    single = np.array([not t.wildcards for t in new.known])
    length = np.where(single, np.sqrt(d / np.diagonal(c_oo)), 1.0)
    own_length = 1.0 if new.pattern.wildcards else np.sqrt(own_self.value / c_pp)
    scaled = length * c_op * own_length
    c_oo = length[:, None] * c_oo * length
    coefficients = _pseudo_inverse(c_oo) @ scaled
    attention = scaled + (base.features.T @ base.features - c_oo) @ coefficients
    in_c = new.towards_known.halfwidth[0, :, 0] + np.abs(attention - c_op)
    in_c += new.towards_known.error
    in_c += 2 * base.feature_error * np.sqrt(own_self.value * d)

    dual = settings.architecture.activation.dual
    x = np.full(len(d), own_self.value)
    matrix = dual(x, d, attention)
    moved = (
        dual(x, d, attention + in_c),
        dual(x + own_self.halfwidth, d, attention),
        dual(x, d * (1 + base.self_error), attention),
    )
    halfwidth = sum(np.abs(other - matrix) for other in moved)
    return PatternRow(
        attention=attention,
        matrix=matrix,
        halfwidth=np.asarray(halfwidth),
        attention_self=own_self.value,
        apart=c_pp if new.pattern.wildcards else own_self.value,
    )


@dataclass(frozen=True, slots=True)
class _SelfValue:
    """d of one pattern and its halfwidth."""

    value: float
    halfwidth: float


def _self_value(pattern: Template, settings: ComponentSettings) -> _SelfValue:
    """Exact where one row is read; sampled with the mean readout."""
    sampled = settings.architecture.readout == "mean"
    accuracy = Accuracy(
        rel_tol=_EPS if sampled else 1.0,
        max_points=settings.points if sampled else _FEWEST_POINTS,
        seed=settings.seed,
        device=settings.device,
    )
    gram = one_layer_gram([pattern], settings.architecture, accuracy)
    halfwidth = gram.halfwidth["attention_self"]
    return _SelfValue(float(gram.attention_self[0]), float(halfwidth[0]))


def _identity_features(
    new: NewPattern, settings: ComponentSettings
) -> tuple[Float64[np.ndarray, " coordinates"], Float64[np.ndarray, "coordinates r"]]:
    """b E f of the pattern, and of the kernel's own."""
    architecture, tokens = settings.architecture, [CLS, *settings.regular_tokens]
    columns = []
    for t in (new.pattern, *new.known):
        string = [incidence_of(t, architecture.readout).symbols]
        weights = moments_of(string, architecture).weights
        columns.append(mean_features(string, weights, tokens, architecture.gamma))
    features = architecture.identity_vo * np.hstack(columns)
    return features[:, 0].copy(), features[:, 1:].copy()


def _pseudo_inverse(c: Float64[np.ndarray, "r r"]) -> Float64[np.ndarray, "r r"]:
    """C⁺, without what rounding has swallowed."""
    values, basis = np.linalg.eigh(c)
    kept = values > len(c) * _EPS * values.max(initial=0.0)
    return (basis[:, kept] / values[kept]) @ basis[:, kept].T
