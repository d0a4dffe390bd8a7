"""When margins on templates transfer to symbols that were never seen.

Kernel logistic regression on strings that collide is a perturbation of an ideal
classifier of templates: the one that sees K₀ = Π N Πᵀ + diag(excess) in place of
K = K₀ + S. With coefficients a and a₀, m_i copies of string i and p' ≤ 1/4,

    (αI + W K)(a − a₀) = −W S a₀,     0 ≤ W_i ≤ m_i / 4,

and as k_x = K^½ u with |u|² ≤ K_xx, on any string x, k_x its true kernel values with
the training strings,

    |f(x) − k_xᵀ a₀| ≤ √K_xx / (4 √α) · |√m S a₀|₂.

A string of fresh symbols collides with none, so that k_xᵀ a₀ is the logit f₀(x) of the
ideal classifier: a template whose ideal logit is beyond this bound is classified on
fresh symbols as the ideal classifier does. On a string that shares symbols with the
training strings f₀ does not have the collisions that k_x has, f − f₀ gains
(k_x − k_x⁰)ᵀ a₀, and the bound alone does not hold of it. It is a bound: what it does
not certify may be right all the same.

Source: the view, an ideal classifier and a perturbation by collisions, is that of Guan
& Bradic, arXiv 2605.07120, who prove through a coloured collision graph that margins
transfer with high probability. This bound, deterministic for given training strings,
and its proof are symbind's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from numerics.estimators.kernel_logistic import solve_logistic
from numerics.estimators.transformer_kernel import TransformerKernelClassifier
from numerics.shapes import Bool, Float64
from numerics.strings.overlap_gram import OverlapGram
from numerics.strings.patterns import StringInput
from symbind_theory.templates import Template
from symbind_theory.validation import InputError

__all__ = ["MarginTransfer", "margin_transfer"]


@dataclass(frozen=True)
class MarginTransfer:
    """Logits on fresh symbols, with and without collisions, for each pattern.

    Attributes:
        patterns: those of the training strings.
        ideal: f₀ of strings with fresh symbols; shape (r,).
        fitted: f of strings with fresh symbols; shape (r,).
        bound: what |f − k_xᵀ a₀| is at most on any string of the pattern, and |f − f₀|
            on one with fresh symbols; shape (r,).
        ideal_coef: a₀, one for each distinct training string; in the place of
            `dual_coef_` of the model they give k_xᵀ a₀; shape (n, 1).
    """

    patterns: tuple[Template, ...]
    ideal: Float64[np.ndarray, " r"]
    fitted: Float64[np.ndarray, " r"]
    bound: Float64[np.ndarray, " r"]
    ideal_coef: Float64[np.ndarray, "n 1"]

    @property
    def certified(self) -> Bool[np.ndarray, " r"]:
        """Which patterns' classes transfer to fresh symbols by the bound."""
        return np.abs(self.ideal) > self.bound


def margin_transfer(
    model: TransformerKernelClassifier, X: StringInput, y: Any
) -> MarginTransfer:
    """Compare a fit for two classes with the ideal classifier of templates.

    Args:
        model: the classifier, whose parameters count; it is fitted again.
        X: training strings.
        y: their classes, two of them.

    Raises:
        InputError: more than two classes, or what `fit` refuses.
    """
    model.fit(X, y)
    if len(model.classes_) != 2:
        raise InputError(
            f"y has {len(model.classes_)} classes; expected two for a bound on margins"
        )
    data = model.data_
    second = np.asarray(y).ravel() == model.classes_[1]
    counts = np.zeros((len(data.strings), 2))
    np.add.at(counts, (data.copy_of, second.astype(np.int64)), 1.0)
    gram, ideal_gram = data.gram, _without_collisions(data.gram)
    solution = solve_logistic(ideal_gram, counts, 2 * model.alpha).coefficients
    ideal = solution[:, 1:] - solution[:, :1]
    pushed = gram.matmat(ideal) - ideal_gram.matmat(ideal)
    weighted = np.sqrt(counts.sum(1, keepdims=True)) * pushed
    size = float(np.linalg.norm(weighted)) / (4 * np.sqrt(model.alpha))
    return MarginTransfer(
        patterns=data.strings.patterns,
        ideal=_on_fresh_symbols(gram, ideal),
        fitted=_on_fresh_symbols(gram, model.dual_coef_),
        bound=np.sqrt(data.kernel.matrix_self) * size,
        ideal_coef=ideal,
    )


def _without_collisions(gram: OverlapGram) -> OverlapGram:
    nothing = sp.csr_array((len(gram.pattern), 0))
    return replace(
        gram,
        sets=nothing,
        blocks=sp.csr_array((0, 0)),
        tokens=np.empty(0, dtype=np.int64),
    )


def _on_fresh_symbols(
    gram: OverlapGram, coefficients: Float64[np.ndarray, "n 1"]
) -> Float64[np.ndarray, " r"]:
    r = gram.factor.shape[1]
    sums = np.bincount(gram.pattern, coefficients[:, 0], minlength=r)
    return gram.factor.T @ (gram.factor @ sums)
