"""Products of all factors but one, for each in turn, by prefixes and suffixes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch

__all__ = ["products_of_others", "times"]


def products_of_others(
    factors: Sequence[torch.Tensor],
) -> list[torch.Tensor | None]:
    """For each factor the product of all others; None, the empty product, for one.

    Prefix times suffix: linear work, and no division by factors that may be tiny.
    """
    if not factors:
        return []
    before = accumulate([None, *factors[:-1]], times)
    after = list(accumulate([None, *reversed(factors[1:])], times))
    return [times(p, q) for p, q in zip(before, reversed(after), strict=True)]


def times(p: torch.Tensor | None, q: torch.Tensor | None) -> torch.Tensor | None:
    """The product of two products, each None where it is empty."""
    if p is None or q is None:
        return p if q is None else q
    return p * q
