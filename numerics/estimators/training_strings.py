"""From raw training strings to their kernel matrix, and from new strings to theirs.

Strings are read once, repetitions folded, patterns found, and the kernel estimated for
what occurs. New strings may have tokens and patterns that were never seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from numerics.protocols import PatternGram, PatternKernel, PatternRows, Progress
from numerics.shapes import Int64
from numerics.strings.overlap_gram import CrossGram, OverlapGram
from numerics.strings.patterns import (
    PatternedStrings,
    StringInput,
    Vocabulary,
    find_regular_tokens,
    pattern_strings,
    row_codes,
)
from symbind_theory.validation import InputError

__all__ = ["TrainingStrings"]


@dataclass(frozen=True)
class TrainingStrings:
    """Training strings and the kernel between them.

    Attributes:
        vocabulary: the tokens that occur, numbered.
        length: tokens in a string, k.
        regular: the tokens that count as regular, by number.
        strings: the distinct strings.
        copy_of: which distinct string each training string is; shape (n,).
        kernel: the kernel of their patterns.
        gram: the kernel matrix of the distinct strings.
        rows: the kernel of other strings with these, as it was when `gram` was made.
    """

    vocabulary: Vocabulary
    length: int
    regular: Mapping[int, str]
    strings: PatternedStrings
    copy_of: Int64[np.ndarray, " n"]
    kernel: PatternGram
    gram: OverlapGram
    rows: PatternRows

    @classmethod
    def read(
        cls,
        strings: StringInput,
        kernel: PatternKernel,
        progress: Progress | None = None,
    ) -> TrainingStrings:
        """Read strings and build their kernel matrix.

        Raises:
            InputError: strings that cannot be read, or a kernel that tells symbols and
                regular tokens apart, which strings do not.
        """
        architecture = getattr(kernel, "architecture", None)
        if getattr(architecture, "tokens", None) is not None:
            raise InputError(
                "tokens is a Gram matrix; expected None: strings alone do not say "
                "which of their tokens are symbols"
            )
        vocabulary = Vocabulary()
        tokens = vocabulary.read(strings)
        _, first, copy_of = np.unique(
            row_codes(tokens), return_index=True, return_inverse=True
        )
        distinct = tokens[first]
        regular = find_regular_tokens(distinct, vocabulary.names)
        patterned = pattern_strings(distinct, regular)
        values = kernel.gram(patterned.patterns)
        gram = OverlapGram.of(patterned, values, progress)
        return cls(
            vocabulary=vocabulary,
            length=tokens.shape[1],
            regular=regular,
            strings=patterned,
            copy_of=copy_of,
            kernel=values,
            gram=gram,
            rows=values.rows(),
        )

    def cross(
        self, strings: StringInput, progress: Progress | None = None
    ) -> CrossGram:
        """The kernel between new strings and the distinct training strings.

        The row of a string does not depend on the others that it comes with.

        Raises:
            InputError: strings that cannot be read, or of another length.
        """
        tokens = self.vocabulary.copy().read(strings, self.length)
        new = pattern_strings(tokens, self.regular)
        return CrossGram.of(new, self.strings, self.rows, progress)
