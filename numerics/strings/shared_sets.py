"""Which sets of tokens several strings have, by an inverted index.

For each size s the index lists the sets of s tokens that at least two strings have, and
for each of these strings the wildcards that carry them. A set can only be shared if all
its subsets are: each size is built on the one before, up to where nothing is shared.
The work is near-linear in the strings whatever the law of the tokens; pairs of strings
are never listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from numerics.shapes import Bool, Int64
from numerics.strings.patterns import PatternedStrings, row_codes

__all__ = ["SharedSets", "sets_shared_among", "sets_shared_between"]


@dataclass(frozen=True, slots=True)
class SharedSets:
    """The shared sets of one size that some strings have.

    Attributes:
        string: which string each entry belongs to; shape (e,).
        token_set: which set it has; shape (e,).
        slots: the wildcards that carry the set's tokens, in the order of the tokens;
            shape (e, s).
        tokens: the tokens of each set, increasing; shape (sets, s).
    """

    string: Int64[np.ndarray, " e"]
    token_set: Int64[np.ndarray, " e"]
    slots: Int64[np.ndarray, "e s"]
    tokens: Int64[np.ndarray, "sets s"]

    def __len__(self) -> int:
        return len(self.string)

    @property
    def size(self) -> int:
        """The number of tokens in a set."""
        return self.slots.shape[1]


def sets_shared_among(strings: PatternedStrings) -> list[SharedSets]:
    """The sets that two strings or more have, by size from 1.

    Args:
        strings: distinct strings.
    """
    return [sets for (sets,) in _by_size([strings])]


def sets_shared_between(
    left: PatternedStrings, right: PatternedStrings
) -> list[tuple[SharedSets, SharedSets]]:
    """The sets that a string of each side has, by size from 1."""
    return [(a, b) for a, b in _by_size([left, right])]


def _by_size(sides: Sequence[PatternedStrings]) -> Iterator[tuple[SharedSets, ...]]:
    widest = [side.symbols.shape[1] for side in sides]
    alive = [
        {(slot,): side.symbols[:, slot] >= 0 for slot in range(w)}
        for side, w in zip(sides, widest, strict=True)
    ]
    for size in range(1, min(widest) + 1):
        candidates = [
            _candidates(side, size, possible)
            for side, possible in zip(sides, alive, strict=True)
        ]
        by_size = _shared(candidates)
        if not len(by_size[0]):
            return
        yield tuple(by_size)
        alive = [
            _supersets(sets, side) for sets, side in zip(by_size, sides, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Sets that may be shared: strings, wildcards, and tokens in increasing order."""

    string: Int64[np.ndarray, " e"]
    slots: Int64[np.ndarray, "e s"]
    tokens: Int64[np.ndarray, "e s"]


def _candidates(
    side: PatternedStrings,
    size: int,
    possible: dict[tuple[int, ...], Bool[np.ndarray, " n"]],
) -> _Candidates:
    empty = np.empty((0, size), dtype=np.int64)
    strings, slots, tokens = [empty[:, 0]], [empty], [empty]
    for chosen, mask in possible.items():
        rows = np.flatnonzero(mask)
        carried = side.symbols[rows][:, chosen]
        order = np.argsort(carried, axis=1)
        strings.append(rows)
        slots.append(np.array(chosen, dtype=np.int64)[order])
        tokens.append(np.take_along_axis(carried, order, axis=1))
    return _Candidates(
        string=np.concatenate(strings),
        slots=np.concatenate(slots),
        tokens=np.concatenate(tokens),
    )


def _shared(candidates: Sequence[_Candidates]) -> list[SharedSets]:
    """What is left when sets that are not shared are out."""
    tokens = np.concatenate([side.tokens for side in candidates])
    _, first, number = np.unique(
        row_codes(tokens), return_index=True, return_inverse=True
    )
    ends = np.cumsum([len(side.string) for side in candidates])[:-1]
    numbers = np.split(number, ends)
    if len(candidates) == 1:
        shared = np.bincount(number, minlength=len(first)) > 1
    else:
        there = [np.bincount(side, minlength=len(first)) > 0 for side in numbers]
        shared = np.logical_and.reduce(there)
    compact = np.cumsum(shared) - 1
    by_size = []
    for side, token_set in zip(candidates, numbers, strict=True):
        kept = shared[token_set]
        by_size.append(
            SharedSets(
                string=side.string[kept],
                token_set=compact[token_set[kept]],
                slots=side.slots[kept],
                tokens=tokens[first[shared]],
            )
        )
    return by_size


def _supersets(
    sets: SharedSets, side: PatternedStrings
) -> dict[tuple[int, ...], Bool[np.ndarray, " n"]]:
    """For each choice of one wildcard more, the strings whose subsets are shared."""
    width, n = side.symbols.shape[1], len(side)
    have: dict[tuple[int, ...], np.ndarray] = {}
    ordered = np.sort(sets.slots, axis=1)
    chosen, which = np.unique(ordered, axis=0, return_inverse=True)
    which = which.reshape(-1)
    for index, slots in enumerate(chosen.tolist()):
        mask = np.zeros(n, dtype=bool)
        mask[sets.string[which == index]] = True
        have[tuple(slots)] = mask
    supersets = {}
    for slots in combinations(range(width), sets.size + 1):
        subsets = list(combinations(slots, sets.size))
        if all(subset in have for subset in subsets):
            mask = np.logical_and.reduce([have[subset] for subset in subsets])
            if mask.any():
                supersets[slots] = mask
    return supersets
