"""All entries of the kernel matrix of a few strings, for whoever draws it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from numerics.protocols import PatternKernel, Progress
from numerics.shapes import Float64
from numerics.strings.overlap_gram import OverlapGram
from numerics.strings.patterns import Vocabulary, pattern_strings
from numerics.strings.strings_apart import pattern_matrix

__all__ = ["DenseKernel", "dense_kernel"]


@dataclass(frozen=True, slots=True)
class DenseKernel:
    """The kernel between strings and themselves.

    Attributes:
        matrix: its entries.
        halfwidth: the largest halfwidth of an entry.
        level: of each entry's interval.
    """

    matrix: Float64[np.ndarray, "n n"]
    halfwidth: float
    level: float


def dense_kernel(
    strings: Sequence[str],
    kernel: PatternKernel,
    regular_tokens: Collection[str],
    progress: Progress | None = None,
) -> DenseKernel:
    """The kernel between strings, which may repeat and may share tokens.

    Args:
        strings: tokens separated by spaces, of one length.
        kernel: the kernel.
        regular_tokens: tokens that belong to the patterns.
        progress: called with the progress of the kernel's estimate.

    Raises:
        InputError: strings that cannot be read, or more patterns than can be estimated.
    """
    vocabulary = Vocabulary()
    rows = vocabulary.read(list(strings))
    regular = {n: x for n, x in enumerate(vocabulary.names) if x in regular_tokens}
    distinct, copy_of = np.unique(rows, axis=0, return_inverse=True)
    patterned = pattern_strings(distinct, regular)
    gram = kernel.gram(patterned.patterns)
    overlaps = OverlapGram.of(patterned, gram, progress)
    apart = pattern_matrix(gram)
    widest = max(apart.halfwidth.max(), apart.self_halfwidth.max(), overlaps.error)
    place = copy_of.reshape(-1)
    return DenseKernel(
        matrix=overlaps.dense()[np.ix_(place, place)],
        halfwidth=float(widest),
        level=apart.entry_level,
    )
