"""What kernel machines on strings share, whatever they solve: the kernel, and its data.

Parameters are looked at when a machine is fitted, and kept as they were given, as
scikit-learn asks of its estimators.

Source: symbind.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields, replace
from functools import partial
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from numerics.architecture import Architecture
from numerics.estimators.arguments import read_tokens
from numerics.estimators.training_strings import TrainingStrings
from numerics.learning.curves import DEFAULT_ALPHA
from numerics.protocols import PatternKernel, Progress
from numerics.shapes import Float64
from numerics.strings.architecture_kernel import kernel_between_strings, kernel_of
from numerics.strings.patterns import StringInput
from numerics.terminal import terminal_progress
from symbind_theory.records.architecture import read_kernel_name
from symbind_theory.validation import InputError, finite_number, one_of, shorten

__all__ = ["Report", "StringKernelMachine"]

_log = logging.getLogger(__name__)

Report = Callable[[str, int, float], None]
"""Called with what is being done, the steps done and, where known, how many there are
(for the kernel) or the residual that is left (for the solver)."""

# Where rounding is the limit residuals end near 1e-11; far above it something is wrong.
_CONVERGED = 1e-8

_OF_ARCHITECTURE = "architecture__"


class StringKernelMachine(BaseEstimator):
    """What regression and classification share."""

    data_: TrainingStrings
    dual_coef_: np.ndarray
    n_features_in_: int
    n_iter_: int
    residual_: float
    kernel_error_: float

    def __init__(
        self,
        architecture: Architecture = Architecture(),
        alpha: float = DEFAULT_ALPHA,
        *,
        regular_tokens: str | Sequence[str] = "auto",
        kernel: Any = None,
        points: int = 2**15,
        seed: int = 0,
        device: str = "auto",
        cache: Any = "auto",
        n_jobs: int | None = None,
        progress: Report | str | None = "auto",
    ) -> None:
        self.architecture = architecture
        self.alpha = alpha
        self.regular_tokens = regular_tokens
        self.kernel = kernel
        self.points = points
        self.seed = seed
        self.device = device
        self.cache = cache
        self.n_jobs = n_jobs
        self.progress = progress

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name.

        Args:
            deep: whether those of the architecture are there too, as
                `architecture__beta` and so on, for searches over them.
        """
        params = super().get_params(deep=False)
        if deep and isinstance(self.architecture, Architecture):
            for field in fields(self.architecture):
                value = getattr(self.architecture, field.name)
                params[f"{_OF_ARCHITECTURE}{field.name}"] = value
        return params

    def set_params(self, **params: Any) -> Any:
        """Change parameters; `architecture__beta=2` changes one of the architecture.

        Raises:
            InputError: a parameter that the architecture does not have, or refuses.
        """
        changed = {
            name.removeprefix(_OF_ARCHITECTURE): value
            for name, value in params.items()
            if name.startswith(_OF_ARCHITECTURE)
        }
        own = {
            name: value
            for name, value in params.items()
            if not name.startswith(_OF_ARCHITECTURE)
        }
        super().set_params(**own)
        names = [field.name for field in fields(Architecture)]
        for name in changed:
            one_of("parameter of architecture", name, names)
        if changed:
            self.architecture = replace(self.architecture, **changed)
        return self

    def _read(self, X: Any) -> TrainingStrings:
        """The training strings, after a look at all parameters."""
        finite_number("alpha", self.alpha, low=0, strict=True)
        read_tokens(self.regular_tokens)
        automatic = self.progress is None or self.progress == "auto"
        if not automatic and not callable(self.progress):
            raise InputError(
                f"progress is {shorten(self.progress)}; expected a function, 'auto' or "
                "None"
            )
        kernel = self._kernel()
        with self._spread(), self._kernel_progress() as progress:
            data = TrainingStrings.read(X, kernel, progress)
        if data.gram.error > self.alpha:
            _log.warning(
                "alpha is %g, below the error of the estimated kernel values, %.1g: "
                "raise alpha or points for predictions that do not depend on the seed",
                self.alpha,
                data.gram.error,
            )
        return data

    def _kernel(self) -> PatternKernel:
        if self.kernel is None or isinstance(self.kernel, str):
            name = read_kernel_name(self.kernel)
            if not isinstance(self.architecture, Architecture):
                raise InputError(
                    f"architecture is {shorten(self.architecture)}; expected an "
                    "Architecture, as in Architecture(beta=2.0)"
                )
            return kernel_between_strings(
                self.architecture,
                self.points,
                self.seed,
                self.device,
                self.cache,
                name,
            )
        passed = None if self.architecture == Architecture() else self.architecture
        return kernel_of(passed, self.kernel)

    def _exact_tokens(self, data: TrainingStrings) -> set[int] | None:
        """The tokens that the preconditioner inverts exactly."""
        names = read_tokens(self.regular_tokens)
        if names is None:
            return None
        numbers = map(data.vocabulary.number, names)
        return {number for number in numbers if number is not None}

    def _keep(self, data: TrainingStrings, **learned: Any) -> None:
        """All attributes at once: a fit that was cut short leaves none behind."""
        vars(self).update(
            data_=data,
            n_features_in_=data.length,
            kernel_error_=data.gram.error,
            **learned,
        )

    def _predict_from(self, X: StringInput) -> Float64[np.ndarray, "n outputs"]:
        check_is_fitted(self)
        with self._spread(), self._kernel_progress() as progress:
            cross = self.data_.cross(X, progress)
        return cross.matmat(self.dual_coef_)

    def _spread(self) -> AbstractContextManager[Any]:
        if self.n_jobs is None:
            return nullcontext()
        if not isinstance(self.n_jobs, int | np.integer) or not self.n_jobs:
            raise InputError(
                f"n_jobs is {shorten(self.n_jobs)}; expected a number of threads, -1 "
                "for all, or None"
            )
        return joblib.parallel_config("threading", n_jobs=self.n_jobs)

    @contextmanager
    def _kernel_progress(self) -> Iterator[Progress]:
        """A callback (steps done, steps in all) for the kernel's estimate."""
        if callable(self.progress):
            yield partial(self.progress, "kernel")
        elif self.progress is None:
            yield lambda done, total: None
        else:
            with terminal_progress("estimating the kernel", "templates × points") as it:
                yield it

    @contextmanager
    def _solver_progress(self) -> Iterator[Callable[[int, float], None]]:
        """A callback (steps done, relative residual) for the solver."""
        if callable(self.progress):
            yield partial(self.progress, "solver")
        elif self.progress is None:
            yield lambda done, residual: None
        else:
            with terminal_progress("solving", "steps") as advance:
                yield lambda done, residual: advance(done, done + 1)

    def _warn_unless(self, converged: bool, residual: float) -> None:
        if not converged and residual > _CONVERGED:
            warnings.warn(
                f"the solver stopped at a relative residual of {residual:.1g}: raise "
                "alpha",
                ConvergenceWarning,
                stacklevel=3,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags
