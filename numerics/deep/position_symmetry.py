"""Which entries of the stream's covariances are equal because positions are alike.

Embeddings of positions are independent and equal in law, and without a mask attention
treats all positions alike. So permuting the positions of a template permutes its D, and
what is left is how often each token and each wildcard occurs: D_i[q, q'] depends on
what occurs at q and at q', on whether that is the same, and on whether q = q'. Averages
over entries that must be equal are less noisy, and exactly equal.

Source: symbind; docs/theorem-d.md.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from numerics.shapes import Float64, Int64
from symbind_theory.separation.incidence import Incidence

__all__ = ["PositionSymmetry"]


@dataclass(frozen=True, slots=True)
class PositionSymmetry:
    """Numbers that are equal where entries must be.

    Attributes:
        sites: one for each (template, position), for what two strings of one template
            have there.
        pairs: one for each (template, position, position), for what one string has.
    """

    sites: Int64[np.ndarray, "r keys"]
    pairs: Int64[np.ndarray, "r keys keys"]

    @classmethod
    def of(cls, templates: Sequence[Incidence], alike: bool) -> PositionSymmetry:
        """The symmetry of templates of one length.

        Args:
            templates: as the network sees them.
            alike: whether the network treats all positions alike.
        """
        keys = templates[0].size
        sites: list[Hashable] = []
        pairs: list[Hashable] = []
        for i, template in enumerate(templates):
            kinds = _kinds(template)
            whole: Hashable = tuple(sorted(kinds, key=str)) if alike else i
            for q in range(keys):
                sites.append((whole, kinds[q]) if alike else (whole, q))
                for p in range(keys):
                    same = template.symbols[q] == template.symbols[p]
                    entry = (kinds[q], kinds[p], same, q == p) if alike else (q, p)
                    pairs.append((whole, entry))
        shape = len(templates), keys
        return cls(_numbered(sites, shape), _numbered(pairs, (*shape, keys)))

    def averaged_rows(
        self,
        values: Float64[np.ndarray, "r queries keys"],
        queries: Int64[np.ndarray, " queries"],
    ) -> Float64[np.ndarray, "r queries keys"]:
        """Rows of some positions, entries replaced by means of those that are equal."""
        return _averaged(values, self.pairs[:, queries])

    def averaged_sites(
        self,
        values: Float64[np.ndarray, "r queries"],
        queries: Int64[np.ndarray, " queries"],
    ) -> Float64[np.ndarray, "r queries"]:
        """Every entry replaced by the mean of those that must equal it."""
        return _averaged(values, self.sites[:, queries])

    def representatives(self, queries: Int64[np.ndarray, " queries"]) -> list[int]:
        """Templates, among whose entries at some positions all others' are.

        Args:
            queries: the positions.
        """
        seen: dict[tuple[int, ...], int] = {}
        for i, numbers in enumerate(self._between(queries)):
            seen.setdefault(tuple(np.unique(numbers).tolist()), i)
        return list(seen.values())

    def spread(
        self,
        values: Float64[np.ndarray, "kinds queries queries"],
        queries: Int64[np.ndarray, " queries"],
    ) -> Float64[np.ndarray, "r queries queries"]:
        """Entries of all templates from those of the representatives.

        Args:
            values: for each of the `representatives`.
            queries: the positions.
        """
        pairs = self._between(queries)
        flat = pairs[self.representatives(queries)].ravel()
        size = int(pairs.max()) + 1
        total = np.bincount(flat, values.ravel(), size)
        return (total / np.maximum(np.bincount(flat, minlength=size), 1))[pairs]

    def _between(
        self, queries: Int64[np.ndarray, " queries"]
    ) -> Int64[np.ndarray, "r queries queries"]:
        return self.pairs[:, queries][:, :, queries]


def _kinds(template: Incidence) -> list[tuple[str, int]]:
    """What occurs at each position, up to a permutation of positions."""
    return [
        (token or "", occurrences)
        for token, occurrences in zip(
            template.skeleton, template.occurrences, strict=True
        )
    ]


def _numbered(labels: Sequence[Hashable], shape: tuple[int, ...]) -> np.ndarray:
    number: dict[Hashable, int] = {}
    flat = [number.setdefault(label, len(number)) for label in labels]
    return np.array(flat, dtype=np.int64).reshape(shape)


def _averaged(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    flat = numbers.ravel()
    count = np.maximum(np.bincount(flat), 1)
    mean = np.bincount(flat, values.ravel()) / count
    return mean[flat].reshape(values.shape)
