"""scikit-learn estimators: kernel machines of a transformer on strings.

Both learn as the dense kernel machine would, in time and memory near-linear in the
strings (`OverlapGram`). The kernel sees which tokens are equal and not which they are:
tokens that were never seen are as good as any other at predict time.

Source: arXiv 2310.09753 (kernel); symbind.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin

from numerics.estimators.arguments import (
    read_classes,
    read_labels,
    read_weighted,
)
from numerics.estimators.kernel_logistic import solve_logistic
from numerics.estimators.kernel_ridge import solve_ridge
from numerics.estimators.string_kernel_machine import StringKernelMachine
from numerics.shapes import Float64
from numerics.strings.patterns import StringInput
from symbind_theory.validation import InputError, shorten

__all__ = ["TransformerKernelClassifier", "TransformerKernelRegressor"]

_log = logging.getLogger(__name__)

_TOLERANCE = 1e-11
_LOGISTIC_TOLERANCE = 1e-12


class TransformerKernelRegressor(RegressorMixin, StringKernelMachine):
    """Ridge regression with the kernel of a transformer, (K + alpha·I) a = y.

    Labels are not centred.

    >>> strings = [f"t{i} t{i}" for i in range(50)]
    >>> strings += [f"u{i} v{i}" for i in range(50)]
    >>> model = TransformerKernelRegressor().fit(strings, [1] * 50 + [-1] * 50)
    >>> (model.predict(["p p", "q r"]) > 0).tolist()
    [True, False]

    Args:
        architecture: the transformer, of one layer or deep.
        alpha: ridge > 0, in units of the kernel. Raise it for noisy labels, and above
            `kernel_error_` where predictions must not depend on the seed.
        regular_tokens: tokens that the solver treats exactly because many strings have
            them, or "auto". They change its speed and never its results.
        kernel: "ntk" for the tangent kernel of the architecture, all of whose layers
            are trained; "nngp" or None where its readout alone is. Or another kernel by
            overlap type, in place of `architecture`, which is then left out, and of
            what says how to estimate it.
        points: outer points for kernel values of strings that share tokens, where they
            share two, or one if the transformer is deep (`OneLayerKernel`,
            `DeepKernel`). Raise it where `kernel_error_` exceeds alpha.
        seed: equal seeds give equal points.
        device: "auto", "cpu" or "cuda", for the kernel's estimate.
        cache: folder where kernel values are kept between runs; "auto" for the
            environment variable SYMBIND_CACHE or the user's cache folder, None for
            nowhere.
        n_jobs: threads for the kernel's estimate; what joblib is configured to when
            None.
        progress: called with ("kernel", steps done, steps in all) and with ("solver",
            iterations done, relative residual). "auto" draws a bar on a terminal when
            work takes more than a second; None is silent.

    Attributes:
        dual_coef_: a, one row for each distinct training string.
        data_: the training strings with their kernel matrix.
        n_features_in_: tokens in a string.
        n_iter_: iterations of the solver; 0 where a closed or dense solution was at
            hand.
        residual_: what the solver left of the equation, relative to y.
        kernel_error_: largest halfwidth of the kernel values between strings that
            share tokens, at level 0.999, with bounds on what a deep transformer's
            estimate leaves out; 0 if none do.
    """

    _flat: bool

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(
        self,
        X: StringInput,
        y: Any,
        sample_weight: Any = None,
    ) -> TransformerKernelRegressor:
        """Learn from strings and their labels.

        Args:
            X: strings of one length: text with spaces between tokens, lists of tokens,
                or an array of integer tokens of shape (n, k). An integer token is the
                token that prints it.
            y: labels, shape (n,) or (n, outputs).
            sample_weight: ≥ 0 and not all 0; a weight of 2 counts as two copies.

        Raises:
            InputError: strings, labels or parameters that cannot be used.
        """
        X, y, weight = read_weighted(X, read_labels(y), sample_weight)
        data = self._read(X)
        mass = np.bincount(data.copy_of, weight)
        targets = _sums(data.copy_of, weight[:, None] * y.reshape(len(y), -1))
        with self._solver_progress() as progress:
            solution = solve_ridge(
                data.gram,
                targets / mass[:, None],
                self.alpha / mass,
                tol=_TOLERANCE,
                tokens=self._exact_tokens(data),
                progress=progress,
            )
        self._warn_unless(solution.converged, solution.residual)
        self._keep(
            data,
            dual_coef_=solution.coefficients,
            n_iter_=solution.iterations,
            residual_=solution.residual,
            _flat=y.ndim == 1,
        )
        return self

    def predict(self, X: StringInput) -> Float64[np.ndarray, " ..."]:
        """Labels of strings; unseen tokens and patterns are welcome.

        The label of a string is the same to the last bit whatever other strings are
        asked for with it, or were asked for before.

        Args:
            X: strings of the length of the training strings, given in any way that
                `fit` takes.
        """
        found = self._predict_from(X)
        return found[:, 0] if self._flat else found


class TransformerKernelClassifier(ClassifierMixin, StringKernelMachine):
    """Logistic regression with the kernel of a transformer, without intercept.

    Minimises Σ log-loss + (alpha/2) ‖f‖² with one function f for two classes, or one
    for each of more classes (multinomial), as scikit-learn's `LogisticRegression` does
    with C = 1/alpha and without intercept.

    >>> strings = [f"t{i} t{i}" for i in range(50)]
    >>> strings += [f"u{i} v{i}" for i in range(50)]
    >>> model = TransformerKernelClassifier(alpha=0.01)
    >>> model = model.fit(strings, ["same"] * 50 + ["other"] * 50)
    >>> model.predict(["p p", "q r"]).tolist()
    ['same', 'other']

    Args:
        architecture: the transformer, of one layer or deep.
        alpha: weight of ‖f‖², > 0.
        regular_tokens: checked and then left alone: this solver inverts what patterns
            say, and no columns of tokens. Here so that both estimators take the same.
        kernel: "ntk" for the tangent kernel of the architecture, all of whose layers
            are trained; "nngp" or None where its readout alone is. Or another kernel by
            overlap type, in place of `architecture`, which is then left out, and of
            what says how to estimate it.
        points: outer points for kernel values of strings that share tokens, where they
            share two, or one if the transformer is deep (`OneLayerKernel`,
            `DeepKernel`). Raise it where `kernel_error_` exceeds alpha.
        seed: equal seeds give equal points.
        device: "auto", "cpu" or "cuda", for the kernel's estimate.
        cache: folder where kernel values are kept between runs; "auto" for the
            environment variable SYMBIND_CACHE or the user's cache folder, None for
            nowhere.
        n_jobs: threads for the kernel's estimate; what joblib is configured to when
            None.
        progress: called with ("kernel", steps done, steps in all) and with ("solver",
            Newton steps done, relative residual). "auto" draws a bar on a terminal when
            work takes more than a second; None is silent.

    Attributes:
        classes_: the classes, sorted.
        dual_coef_: one row for each distinct training string, one column for each
            function.
        data_: the training strings with their kernel matrix.
        n_features_in_: tokens in a string.
        n_iter_: Newton steps.
        residual_: what the solver left of the optimality conditions, relative to the
            largest multiplicity.
        kernel_error_: largest halfwidth of the kernel values between strings that
            share tokens, at level 0.999, with bounds on what a deep transformer's
            estimate leaves out; 0 if none do.
    """

    classes_: np.ndarray

    def fit(
        self,
        X: StringInput,
        y: Any,
        sample_weight: Any = None,
    ) -> TransformerKernelClassifier:
        """Learn from strings and their classes.

        Args:
            X: strings of one length: text with spaces between tokens, lists of tokens,
                or an array of integer tokens of shape (n, k). An integer token is the
                token that prints it.
            y: classes, at least two; shape (n,).
            sample_weight: ≥ 0 and not all 0; a weight of 2 counts as two copies.

        Raises:
            InputError: strings, classes or parameters that cannot be used.
        """
        X, y, weight = read_weighted(X, read_classes(y), sample_weight)
        classes, number = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise InputError(
                f"y has one class, {shorten(classes.tolist()[0])}; expected at least "
                "two"
            )
        data = self._read(X)
        shape = (len(data.strings), len(classes))
        counts = np.zeros(shape)
        np.add.at(counts, (data.copy_of, number), weight)
        # For two classes f = 2 f_1 = −2 f_0 has twice the norm of both together.
        binary = len(classes) == 2
        with self._solver_progress() as progress:
            solution = solve_logistic(
                data.gram,
                counts,
                self.alpha * (2 if binary else 1),
                tol=_LOGISTIC_TOLERANCE,
                progress=progress,
            )
        self._warn_unless(solution.converged, solution.residual)
        found = solution.coefficients
        self._keep(
            data,
            classes_=classes,
            dual_coef_=found[:, 1:] - found[:, :1] if binary else found,
            n_iter_=solution.newton_steps,
            residual_=solution.residual,
        )
        return self

    def decision_function(self, X: StringInput) -> Float64[np.ndarray, " ..."]:
        """Logits: f > 0 for the second of two classes, else one column each.

        Those of a string are the same to the last bit whatever other strings are asked
        for with it, or were asked for before.

        Args:
            X: strings of the length of the training strings, given in any way that
                `fit` takes.
        """
        found = self._predict_from(X)
        return found[:, 0] if len(self.classes_) == 2 else found

    def predict_proba(self, X: StringInput) -> Float64[np.ndarray, "n classes"]:
        """The probability of each class.

        Args:
            X: strings of the length of the training strings, given in any way that
                `fit` takes.
        """
        logits = self.decision_function(X)
        if logits.ndim == 1:
            logits = np.column_stack([np.zeros_like(logits), logits])
        odds = np.exp(logits - logits.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    def predict(self, X: StringInput) -> np.ndarray:
        """The most probable class.

        Args:
            X: strings of the length of the training strings, given in any way that
                `fit` takes.
        """
        logits = self.decision_function(X)
        best = (logits > 0).astype(int) if logits.ndim == 1 else logits.argmax(1)
        return self.classes_[best]


def _sums(
    groups: np.ndarray, values: Float64[np.ndarray, "n c"]
) -> Float64[np.ndarray, "groups c"]:
    return np.column_stack([np.bincount(groups, column) for column in values.T])
