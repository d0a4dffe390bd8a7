"""Kernel regression repeated on independent training sets, by dense algebra.

Strings that share no symbol have K = N at the templates of the pair, and the kernel of
a string with itself on the diagonal. Each set draws the template of each of its strings
and the noise of their labels, solves (K + λI)α = y and predicts fresh symbols. Nothing
here is the closed form of `numerics.learning.ridge_law`, against which the errors are
held.

Source: symbind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.learning.curves import DEFAULT_ALPHA
from numerics.learning.ridge_law import Regression, error_law
from numerics.protocols import TemplateMatrix
from numerics.shapes import Float64, Int64
from symbind_theory.validation import finite_number, positive_integer

__all__ = ["KernelSets", "closed_form", "draw_templates", "regression_errors"]

# Entries of the kernel matrices that are solved at a time: 32 MiB.
_AT_ONCE = 2**22


@dataclass(frozen=True, slots=True)
class KernelSets:
    """Training sets of kernel regression.

    Attributes:
        sets: how many training sets there are, ≥ 2.
        strings: how many strings a set has, ≥ 1; none shares a symbol with another.
        alpha: ridge λ > 0. Raise it for noisy labels.
        noise: standard deviation of the labels' noise; the task's when None.

    Raises:
        InputError: a number out of range.
    """

    sets: int = 2000
    strings: int = 64
    alpha: float = DEFAULT_ALPHA
    noise: float | None = None

    def __post_init__(self) -> None:
        positive_integer("sets", self.sets, low=2)
        positive_integer("strings", self.strings)
        finite_number("alpha", self.alpha, low=0, strict=True)
        if self.noise is not None:
            finite_number("noise", self.noise, low=0)


def draw_templates(
    options: KernelSets, regression: Regression, generator: np.random.Generator
) -> Int64[np.ndarray, "sets n"]:
    """The template of each string, by the task's weights."""
    shape = (options.sets, options.strings)
    return generator.choice(len(regression.weights), size=shape, p=regression.weights)


def regression_errors(
    gram: TemplateMatrix,
    regression: Regression,
    templates: Int64[np.ndarray, "sets n"],
    generator: np.random.Generator,
) -> Float64[np.ndarray, " sets"]:
    """Each set's expected squared error on fresh symbols, in the regression's units.

    Memory: a few times 32 MiB, or one set's matrix where that is more.

    Args:
        gram: N and self values.
        regression: labels, weights, ridge and noise.
        templates: the number of each training string's template.
        generator: from which the labels' noise is drawn.
    """
    sets, strings = templates.shape
    at_once = max(1, _AT_ONCE // strings**2)
    blocks = np.array_split(templates, -(-sets // at_once))
    return np.concatenate([_errors(gram, regression, b, generator) for b in blocks])


def _errors(
    gram: TemplateMatrix,
    regression: Regression,
    templates: Int64[np.ndarray, "sets n"],
    generator: np.random.Generator,
) -> Float64[np.ndarray, " sets"]:
    # N of the factor, as in the closed form: the terms of the series that the factor
    # leaves out would differ, which is all of the difference where the error is small.
    matrix = gram.factor.T @ gram.factor
    matrix_self = np.diagonal(matrix) + gram.excess
    kernel = matrix[templates[:, :, None], templates[:, None, :]]
    strings = np.arange(templates.shape[1])
    kernel[:, strings, strings] = matrix_self[templates] + regression.alpha
    noise = regression.noise * generator.standard_normal(templates.shape)
    labels = regression.labels[templates] + noise
    coefficients = np.linalg.solve(kernel, labels[:, :, None])
    predicted = (matrix[:, templates].transpose(1, 0, 2) @ coefficients)[:, :, 0]
    return (predicted - regression.labels) ** 2 @ regression.weights


def closed_form(
    gram: TemplateMatrix,
    regression: Regression,
    counts: Float64[np.ndarray, "sets r"],
) -> Float64[np.ndarray, " sets"]:
    """The expected error given how many strings each template has, by `error_law`.

    Args:
        gram: N and self values.
        regression: labels, weights, ridge and noise.
        counts: n_i ≥ 0 of each set.
    """
    distinct, which = np.unique(counts, axis=0, return_inverse=True)
    factor, excess = gram.factor, gram.excess
    laws = [error_law(factor, excess, regression, n) for n in distinct]
    return np.array([law(1.0) for law in laws])[which]
