"""Each kind of object that is passed around, named once.

Operators, solvers and estimators see a kernel through `PatternKernel` alone; learning
curves and claims see the template matrix through `TemplateMatrix` alone, or through
`AttentionMatrix` where they ask for the attention kernel behind it; the training loop
sees networks through `Trainable`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from numerics.architecture import Architecture
from numerics.overlap_types import OverlapTypes, TypeValues
from numerics.shapes import Float, Float64, Int64
from symbind_theory.interval import Interval
from symbind_theory.records.architecture import KernelName
from symbind_theory.templates import Template

__all__ = [
    "AttentionMatrix",
    "PatternGram",
    "PatternKernel",
    "PatternRows",
    "Progress",
    "Statistic",
    "Statistics",
    "TemplateMatrix",
    "Trainable",
]

Progress = Callable[[int, int], None]
"""Called with the steps that are done, and with all that may be needed."""

Statistic = Callable[[Float64[np.ndarray, "rows r"], Float64[np.ndarray, " r"]], float]
"""A number ≥ 0 from a factor G of N = GᵀG and from the excess K_self − diag N."""

Statistics = Callable[
    [Float64[np.ndarray, "rows r"], Float64[np.ndarray, " r"]], Sequence[float]
]
"""Several of them at once."""


@runtime_checkable
class TemplateMatrix(Protocol):
    """The template matrix N of r templates, with what is known of it.

    N_ij is the kernel of a string of template i with a string of template j that shares
    no symbol with it. N may be an estimate (`template_gram`), a closed form
    (`closed_matrix`), what a kernel between strings says of strings apart
    (`pattern_matrix`), or what the document of an earlier check says
    (`matrix_read_back`): whoever uses it asks for intervals, and need not know which.
    """

    @property
    def templates(self) -> tuple[Template, ...]:
        """The templates, in the order of the rows of N."""
        ...

    @property
    def architecture(self) -> Architecture | None:
        """The transformer; None for another kernel, or where it is not known."""
        ...

    @property
    def kernel(self) -> KernelName:
        """Of the transformer: "nngp", its readout trained, or "ntk", all its layers."""
        ...

    @property
    def matrix(self) -> Float64[np.ndarray, "r r"]:
        """N."""
        ...

    @property
    def matrix_self(self) -> Float64[np.ndarray, " r"]:
        """K_self, the kernel of a string of each template with itself."""
        ...

    @property
    def factor(self) -> Float64[np.ndarray, "rows r"]:
        """G with N = GᵀG: small eigenvalues of N are squares of its singular values."""
        ...

    @property
    def excess(self) -> Float64[np.ndarray, " r"]:
        """K_self − diag N ≥ 0, exactly 0 for templates without wildcards."""
        ...

    @property
    def level(self) -> float:
        """Coverage of each interval of `interval` and `intervals`, in (0, 1]."""
        ...

    @property
    def smallest_eigenvalue(self) -> Interval:
        """λ_min(N); `low` is 0 where N is not resolved from singular."""
        ...

    def interval(self, statistic: Statistic) -> Interval:
        """A statistic of N and of the excess, with its interval.

        The value is that of `factor` and `excess`. Where λ_min(N) is not resolved from
        0, nothing need bound it: the interval may be [0, ∞].

        Args:
            statistic: monotone in N in the sense of positive semi-definite matrices;
                inf where it does not exist.
        """
        ...

    def intervals(self, statistics: Statistics) -> tuple[Interval, ...]:
        """Several statistics that are computed together, with their intervals.

        Each interval covers its own statistic with probability `level`.
        """
        ...


@runtime_checkable
class AttentionMatrix(TemplateMatrix, Protocol):
    """An estimate of N by way of the attention kernel C of a transformer.

    C_ij is the kernel of what attention makes of the strings of N_ij, and N the dual of
    the activation at C and the self values d. Every entry has a halfwidth of its own,
    and all intervals have the coverage `level`.
    """

    @property
    def architecture(self) -> Architecture:
        """The transformer."""
        ...

    @property
    def attention(self) -> Float64[np.ndarray, "r r"]:
        """C."""
        ...

    @property
    def attention_self(self) -> Float64[np.ndarray, " r"]:
        """d, the attention kernel of a string of each template with itself."""
        ...

    @property
    def gaps(self) -> Float64[np.ndarray, "r r"]:
        """C_ii + C_jj − 2 C_ij ≥ 0, exactly 0 for equivalent templates."""
        ...

    @property
    def halfwidth(self) -> Mapping[str, Float64[np.ndarray, " ..."]]:
        """Of each entry of C, d, the gaps, N and K_self, by the names used here."""
        ...

    @property
    def eigenvalues(self) -> tuple[Interval, ...]:
        """All r of N, largest first."""
        ...

    @property
    def condition_number(self) -> Interval:
        """λ_max / λ_min of N; `high` is infinite where λ_min is not resolved from 0."""
        ...

    @property
    def attention_smallest_eigenvalue(self) -> Interval:
        """λ_min(C)."""
        ...

    @property
    def points(self) -> int:
        """How many outer points the estimate is from."""
        ...

    @property
    def method(self) -> str:
        """How the points were drawn."""
        ...

    @property
    def device(self) -> str:
        """Where it was computed."""
        ...


@runtime_checkable
class PatternGram(Protocol):
    """The kernel between strings of given patterns.

    All values belong to one positive semi-definite kernel, those asked for at different
    times included.
    """

    @property
    def patterns(self) -> tuple[Template, ...]:
        """The patterns, canonical and distinct; their numbers are used below."""
        ...

    @property
    def factor(self) -> Float64[np.ndarray, "rows r"]:
        """G with N = GᵀG, the kernel of strings that share no symbol."""
        ...

    @property
    def matrix_self(self) -> Float64[np.ndarray, " r"]:
        """K_self, the kernel of a string of each pattern with itself."""
        ...

    @property
    def excess(self) -> Float64[np.ndarray, " r"]:
        """`matrix_self` less the diagonal of N; ≥ 0, exactly 0 without wildcards."""
        ...

    def values(
        self, types: OverlapTypes, progress: Progress | None = None
    ) -> TypeValues:
        """The values of overlap types, computed when first asked for."""
        ...

    def rows(self) -> PatternRows:
        """The kernel between strings of any patterns and strings of these."""
        ...


@runtime_checkable
class PatternRows(Protocol):
    """The kernel between strings of any patterns and strings of a kernel's own ones.

    A value depends on its own two patterns, on the matching and on the kernel that it
    comes from: neither on what is asked for together with it, nor on what was asked for
    before. For two of the kernel's own patterns it is the kernel's.
    """

    @property
    def patterns(self) -> tuple[Template, ...]:
        """The kernel's own patterns, whose numbers are those of the columns."""
        ...

    def matrix(
        self, patterns: Sequence[Template], progress: Progress | None = None
    ) -> Float64[np.ndarray, "n r"]:
        """The values for strings that share no symbol: a row for each pattern."""
        ...

    def values(
        self,
        patterns: Sequence[Template],
        types: OverlapTypes,
        progress: Progress | None = None,
    ) -> TypeValues:
        """The values of overlap types.

        Args:
            patterns: those that the types number first.
            types: the second pattern numbered as the kernel's own.
            progress: called with the progress of the estimate, if one is needed.
        """
        ...


@runtime_checkable
class PatternKernel(Protocol):
    """A kernel between strings that sees which tokens are equal."""

    def gram(self, patterns: Sequence[Template]) -> PatternGram:
        """The kernel between strings of these patterns, canonical and distinct."""
        ...


@runtime_checkable
class Trainable(Protocol):
    """Independent networks of one kind, stacked, that are trained together.

    What is given to one network never changes another: the outputs of each depend on
    its own parameters alone.
    """

    @property
    def networks(self) -> int:
        """How many networks are stacked, ≥ 1."""
        ...

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """What training moves, in one order always.

        Where several networks are stacked each parameter has a leading axis with one
        entry for each of them; one network alone may do without.
        """
        ...

    def batch_outputs(
        self, inputs: Int64[torch.Tensor, "n k"]
    ) -> Float[torch.Tensor, "networks n *classes"]:
        """Each network's outputs for strings, with a record for gradients.

        One number for each string, or one for each class of a loss on classes.

        Args:
            inputs: strings as numbers of tokens.
        """
        ...
