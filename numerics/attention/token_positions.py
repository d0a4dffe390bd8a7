"""The tokens of a template with their positions, and what their logits depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numerics.attention.shared_logits import Query
from symbind_theory.separation.incidence import Incidence

__all__ = [
    "LogitKey",
    "TokenPositions",
    "grouped_by_wildcards",
    "logit_keys",
    "positions_of_tokens",
]

# Templates whose integrals are one matrix product: more would only take memory.
_BESIDE = 32


@dataclass(frozen=True, slots=True)
class TokenPositions:
    """The positions of one symbol, and its token; None for a wildcard."""

    positions: tuple[int, ...]
    token: str | None


LogitKey = tuple[int, str | None, bool]
"""What the mean of a logit depends on in one row: its position, its token, and whether
that is the query's."""


def logit_keys(symbol: TokenPositions, query: Query) -> list[LogitKey]:
    """What the mean of the logit of each of a symbol's positions depends on."""
    same = query.position in symbol.positions
    return [(position, symbol.token, same) for position in symbol.positions]


def grouped_by_wildcards(
    templates: Sequence[Incidence], numbers: Sequence[int]
) -> list[list[int]]:
    """Templates whose wildcards stand at the same positions, a few at a time.

    Args:
        templates: all templates.
        numbers: those that are wanted.
    """
    groups: dict[tuple[str | int, ...], list[int]] = {}
    for i in numbers:
        wild = tuple("" if isinstance(x, str) else x for x in templates[i].symbols)
        groups.setdefault(wild, []).append(i)
    return [
        group[start : start + _BESIDE]
        for group in groups.values()
        for start in range(0, len(group), _BESIDE)
    ]


def positions_of_tokens(incidence: Incidence) -> tuple[TokenPositions, ...]:
    """The symbols of a template, by first appearance."""
    positions: dict[str | int, list[int]] = {}
    for position, symbol in enumerate(incidence.symbols):
        positions.setdefault(symbol, []).append(position)
    return tuple(
        TokenPositions(tuple(those), symbol if isinstance(symbol, str) else None)
        for symbol, those in positions.items()
    )
