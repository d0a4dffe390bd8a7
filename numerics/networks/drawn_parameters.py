"""How the parameters of a network come about: their form, their scale, their draws.

In the paper's form a matrix W is a parameter, as torch has it, with entries of variance
g²/fan-in. In the theory's form the parameter is Ŵ with entries N(0, 1), and W = Ŵ over
the root of the fan-in: gradient flow of wide networks then follows the tangent kernel
(Jacot et al. 2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from symbind_theory.validation import finite_number, one_of

__all__ = ["Form", "InitialDraws"]

Form = Literal["paper", "theory"]
"""How parameters are scaled: as torch has them, or as the theory does."""


@dataclass(frozen=True)
class InitialDraws:
    """The initial parameters of a network, one after the other from one stream.

    Attributes:
        generator: drawn from in float64, so that precisions share their draws.
        dtype: of the parameters.
        form: the paper's or the theory's.
        gain: g > 0, in the paper's form.

    Raises:
        InputError: an unknown form, or a gain out of range.
    """

    generator: torch.Generator
    dtype: torch.dtype = torch.float32
    form: Form = "paper"
    gain: float = 1.0

    def __post_init__(self) -> None:
        one_of("form", self.form, get_args(Form))
        finite_number("gain", self.gain, low=0, strict=True)

    @property
    def theory(self) -> bool:
        """Whether the form is the theory's."""
        return self.form == "theory"

    def normal(self, *sizes: int, variance: float = 1.0) -> torch.nn.Parameter:
        """A parameter of independent normal entries.

        Args:
            sizes: its shape.
            variance: of each entry, ≥ 0.
        """
        draws = torch.randn(*sizes, generator=self.generator, dtype=torch.float64)
        return torch.nn.Parameter((math.sqrt(variance) * draws).to(self.dtype))

    def matrix(self, rows: int, columns: int) -> torch.nn.Parameter:
        """A parameter of columns × rows entries: N(0, g²/rows), or N(0, 1).

        Args:
            rows: the fan-in.
            columns: how many numbers come out.
        """
        return self.normal(columns, rows, variance=self._variance(rows))

    def vector(self, rows: int) -> torch.nn.Parameter:
        """The same for one number that comes out.

        Args:
            rows: the fan-in.
        """
        return self.normal(rows, variance=self._variance(rows))

    def constant(self, value: float, size: int) -> torch.nn.Parameter:
        """A parameter whose entries are all the same.

        Args:
            value: of each.
            size: how many.
        """
        return torch.nn.Parameter(torch.full((size,), value, dtype=self.dtype))

    def _variance(self, rows: int) -> float:
        return 1.0 if self.theory else self.gain**2 / rows
