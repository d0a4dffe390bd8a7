"""At which points the components of so many shared tokens are averaged.

What a point is depends on the length, the regular tokens and the number of shared
tokens alone, and so does how many there are and how far out they lie: values computed
at different times belong to one positive semi-definite kernel. Components of more
tokens are smaller, and so are their errors: at as many points a fifth for each token
more, at β = γ = 1. They get fewer points, unless few points decide.

Source: symbind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numerics.architecture import Architecture
from numerics.attention.rare_points import inflation_of
from numerics.averages.inflation import Inflation
from numerics.averages.jackknife import GROUPS
from symbind_theory.separation.incidence import Readout, incidence_of
from symbind_theory.templates import Template, fresh_tokens

__all__ = ["PointsOfSize", "points_of_size", "streams_of_size"]

# Points of each group at least.
_FEWEST_POINTS = 32


def points_of_size(points: int, size: int, needed: int = 1) -> int:
    """How many outer points the components of one size get.

    Args:
        points: those for two tokens; one token gets four times as many, and each token
            more has a quarter.
        size: number of tokens, ≥ 0; none have as many points as one.
        needed: points of each group from which their spread is to be believed; they are
            drawn up to as many as one token gets.
    """
    each = points // GROUPS
    quarters = 2 * max(size - 1, 0)
    usual = max(4 * each >> quarters, min(each, _FEWEST_POINTS))
    return GROUPS * max(usual, min(1 << (needed - 1).bit_length(), 4 * each))


def streams_of_size(size: int) -> range:
    """The streams of points of one size, which are its own.

    Args:
        size: number of tokens, ≥ 0.
    """
    return range(GROUPS * size, GROUPS * (size + 1))


@dataclass(frozen=True)
class PointsOfSize:
    """The points for the components of one size.

    Attributes:
        pool: names for the tokens that are shared.
        reference: templates that see all that any template of the kernel sees.
        inflation: how far out the points lie.
        count: how many there are, in 16 groups.
    """

    pool: tuple[str, ...]
    reference: tuple[Template, ...]
    inflation: Inflation
    count: int

    @classmethod
    def of(
        cls,
        size: int,
        length: int,
        regular_tokens: Sequence[str],
        architecture: Architecture,
        points: int,
    ) -> PointsOfSize:
        """The points of one size.

        Args:
            size: number of shared tokens, ≥ 0.
            length: of all templates.
            regular_tokens: those of all templates that the kernel serves, in any order.
            architecture: the transformer, of depth 1.
            points: those for two tokens.
        """
        regular, readout = sorted(regular_tokens), architecture.readout
        names = fresh_tokens(regular)
        pool = tuple(next(names) for _ in range(size))
        reference = tuple(_reference(length, [*regular, *pool], readout))
        seen = [incidence_of(template, readout) for template in reference]
        inflation = inflation_of(seen, architecture)
        count = points_of_size(points, size, inflation.points_needed)
        return cls(pool, reference, inflation, count)

    @property
    def few(self) -> bool:
        """Whether so few points decide that the spread of groups says nothing."""
        return self.count < GROUPS * self.inflation.points_needed


def _reference(length: int, tokens: Sequence[str], readout: Readout) -> list[Template]:
    """Templates that see all that any template with these tokens sees.

    Softmax sees logits up to a shift: of the positions their differences, and of a
    token all there is wherever it stands. So each row that may be read has to meet each
    token beside the one that makes it.
    """
    wild = [f"?{position}" for position in range(length)]
    read = [q for q in incidence_of(Template(wild), readout).queries if q < length]
    placed: list[dict[int, str]] = [
        {},
        *({position: token} for token in tokens for position in range(length)),
    ]
    if length > 1:
        placed += [
            {query: token, (query + 1) % length: other}
            for query in read
            for token in tokens
            for other in tokens
        ]
    return [
        Template([at.get(position, x) for position, x in enumerate(wild)])
        for at in placed
    ]
