"""Each kind of object that is passed around, named once.

Operators, solvers and estimators see a kernel through `PatternKernel` alone, and the
training loop sees networks through `Trainable`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from numerics.overlap_types import OverlapTypes, TypeValues
from numerics.shapes import Float, Float64, Int64
from symbind_theory.templates import Template

__all__ = ["PatternGram", "PatternKernel", "Progress", "Trainable"]

Progress = Callable[[int, int], None]
"""Called with the steps that are done, and with all that may be needed."""


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
    def diagonal(self) -> Float64[np.ndarray, " r"]:
        """The kernel of a string with itself."""
        ...

    @property
    def excess(self) -> Float64[np.ndarray, " r"]:
        """`diagonal` less the diagonal of N; ≥ 0, exactly 0 without wildcards."""
        ...

    def values(
        self, types: OverlapTypes, progress: Progress | None = None
    ) -> TypeValues:
        """The values of overlap types, computed when first asked for."""
        ...

    def extended(self, patterns: Sequence[Template]) -> PatternGram:
        """The same kernel for more patterns, which follow those that are there."""
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
