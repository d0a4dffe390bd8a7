"""Strings as integers: tokens to numbers, strings to patterns and symbols.

The pattern of a string is its most specific template: a wildcard for each distinct
token, but for the few tokens that count as regular. What remains of the string is the
token of each wildcard, its symbols. All of it is work on arrays of integers, linear in
the number of strings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from scipy.sparse import issparse

from numerics.shapes import Int64
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template, parse_string
from symbind_theory.validation import InputError, shorten

__all__ = [
    "PatternedStrings",
    "StringInput",
    "Vocabulary",
    "find_regular_tokens",
    "listed",
    "pattern_strings",
    "row_codes",
    "task_patterns",
]

StringInput = Any
"""Strings of one length: text with spaces between tokens, lists of tokens, or an array
of integer tokens of shape (n, k). An integer token is the token that prints it."""

# A regular token occurs in one string of fifty or more, three times as often as any
# other, and so often that chance (a Poisson law) does not explain it. Tokens of
# Zipf's law have no such gap.
_SHARE, _GAP, _DEVIATIONS = 50, 3, 6
# More patterns than this cost more than regular tokens save.
_MOST_PATTERNS = 64


def listed(strings: object) -> np.ndarray | list[Any]:
    """Strings as an array or a list, so that they can be counted and chosen from.

    Args:
        strings: as `StringInput` says, or anything that yields them in order.

    Raises:
        InputError: no strings, strings in no order, one string alone, or a task.
    """
    if isinstance(strings, str | bytes | bytearray):
        raise InputError(
            f"X is one string, {shorten(strings)}; expected a list of strings"
        )
    if isinstance(strings, TemplateTask):
        raise InputError(
            "X is a task; expected strings, such as task.sample(1000, 5000).strings"
        )
    if issparse(strings):
        raise InputError("X is sparse; sparse input is not supported: give strings")
    if isinstance(strings, set | frozenset | Mapping):
        raise InputError(
            f"X is a {type(strings).__name__}, which has no rows in order; expected a "
            "list of strings"
        )
    if hasattr(strings, "__array__"):
        strings = np.asarray(strings)
        if strings.shape[1:] == (1,) and strings.dtype.kind not in "iu":
            # One column, such as of a data frame: its entries are the strings.
            strings = strings[:, 0]
    scalar = isinstance(strings, np.ndarray) and not strings.ndim
    if scalar or not isinstance(strings, Iterable):
        raise InputError(f"X is {shorten(strings)}; expected a list of strings")
    found = strings if isinstance(strings, np.ndarray | list) else list(strings)
    if not len(found):
        raise InputError("X is empty; expected at least one string")
    return found


class Vocabulary:
    """Numbers for tokens, by first appearance. Grows when it reads new tokens.

    Attributes:
        names: the token of each number.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._number = {name: number for number, name in enumerate(names)}

    @property
    def names(self) -> list[str]:
        """The token of each number."""
        return list(self._number)

    def __len__(self) -> int:
        return len(self._number)

    def copy(self) -> Vocabulary:
        """A vocabulary of its own with the same numbers."""
        return Vocabulary(self._number)

    def number(self, token: str) -> int | None:
        """The number of a token; None where it did not occur."""
        return self._number.get(token)

    def read(
        self, strings: StringInput, length: int | None = None
    ) -> Int64[np.ndarray, "n k"]:
        """The numbers of the strings' tokens, new ones included.

        Args:
            strings: as `StringInput` says.
            length: the length that strings must have; any one length when None.

        Raises:
            InputError: no strings, strings of different or of a wrong length, or
                something that is no token.
        """
        strings = listed(strings)
        if isinstance(strings, np.ndarray) and strings.shape[1:] == (0,):
            raise InputError(
                f"X has 0 feature(s) (shape={strings.shape}) while a minimum of 1 is "
                "required: strings of at least one token"
            )
        if isinstance(strings, np.ndarray) and strings.dtype.kind in "iu":
            tokens = self._read_integers(strings)
        else:
            tokens = self._read_tokens(strings)
        if length is not None and tokens.shape[1] != length:
            raise InputError(
                f"X has strings of {tokens.shape[1]} tokens; expected {length}, as in "
                "the training data"
            )
        return tokens

    def _read_integers(self, array: np.ndarray) -> Int64[np.ndarray, "n k"]:
        if array.ndim != 2:
            raise InputError(
                f"X is an array of shape {array.shape}; expected (n, k). Reshape your "
                "data"
            )
        values, inverse = np.unique(array, return_inverse=True)
        numbers = self._numbers(map(str, values.tolist()))
        return numbers[inverse.reshape(array.shape)]

    def _read_tokens(self, strings: Iterable[Any]) -> Int64[np.ndarray, "n k"]:
        split = [_split(string) for string in strings]
        lengths = set(map(len, split))
        if 0 in lengths:
            raise InputError(
                "X has an empty string; expected strings of at least one token"
            )
        if len(lengths) > 1:
            raise InputError(
                f"X has strings of {min(lengths)} and of {max(lengths)} tokens; "
                "expected one length"
            )
        flat = self._numbers(chain.from_iterable(split))
        return flat.reshape(len(split), -1)

    def _numbers(self, tokens: Iterable[Any]) -> Int64[np.ndarray, " tokens"]:
        number, known = self._number, len(self._number)
        try:
            found = [number.setdefault(token, len(number)) for token in tokens]
        except TypeError as error:
            raise InputError(f"X has something that is no token: {error}") from None
        try:
            for token in list(number)[known:]:
                _check_token(token)
        except InputError:
            for token in list(number)[known:]:
                del number[token]
            raise
        return np.array(found, dtype=np.int64)


def _split(string: Any) -> Sequence[Any]:
    if isinstance(string, str):
        return string.split()
    if isinstance(string, bytes | bytearray):
        raise InputError(
            f"X has the string {shorten(string)} of bytes; expected text: decode it"
        )
    if isinstance(string, set | frozenset | Mapping):
        raise InputError(
            f"X has the string {shorten(string)}, whose tokens have no order; expected "
            "text or a list of tokens"
        )
    if not isinstance(string, Iterable):
        raise InputError(
            f"X has the string {shorten(string)}; expected text or a list of tokens"
        )
    return [
        str(x) if isinstance(x, int | np.integer) and not isinstance(x, bool) else x
        for x in string
    ]


def _check_token(token: object) -> None:
    if not isinstance(token, str):
        raise InputError(
            f"X has the token {shorten(token)}; expected text or an integer"
        )
    if not (token.isascii() and token.isalnum()):
        parse_string([token])


@dataclass(frozen=True)
class PatternedStrings:
    """Strings as patterns and symbols.

    Attributes:
        patterns: the distinct patterns, canonical.
        pattern: which of them each string has; shape (n,).
        symbols: the number of the token of each wildcard, −1 beyond the pattern's
            wildcards; shape (n, w).
    """

    patterns: tuple[Template, ...]
    pattern: Int64[np.ndarray, " n"]
    symbols: Int64[np.ndarray, "n w"]

    def __len__(self) -> int:
        return len(self.pattern)


def pattern_strings(
    tokens: Int64[np.ndarray, "n k"],
    regular: Mapping[int, str],
) -> PatternedStrings:
    """Canonicalise strings.

    Args:
        tokens: numbers ≥ 0.
        regular: the numbers that stay what they are, with their tokens.
    """
    shape, symbols = _shapes(tokens, regular)
    _, first, inverse = np.unique(
        row_codes(shape), return_index=True, return_inverse=True
    )
    found = [_template(row, regular) for row in shape[first].tolist()]
    # Sorted, so that their order does not depend on that of the strings.
    patterns = sorted(set(found), key=lambda t: t.tokens)
    place = {t: i for i, t in enumerate(patterns)}
    of = np.array([place[t] for t in found], dtype=np.int64)
    return PatternedStrings(tuple(place), of[inverse], symbols)


def _shapes(
    tokens: Int64[np.ndarray, "n k"], regular: Mapping[int, str]
) -> tuple[Int64[np.ndarray, "n k"], Int64[np.ndarray, "n w"]]:
    """For each position the number of its wildcard, or −1 − number of its token; and
    the symbols."""
    n, k = tokens.shape
    is_regular = np.isin(tokens, list(regular))
    shape = np.where(is_regular, -1 - tokens, 0)
    symbols = np.full((n, k), -1, dtype=np.int64)
    used = np.zeros(n, dtype=np.int64)
    for position in range(k):
        column = tokens[:, position]
        same = symbols == column[:, None]
        seen = same.any(1)
        fresh = np.flatnonzero(~seen & ~is_regular[:, position])
        symbols[fresh, used[fresh]] = column[fresh]
        shape[seen, position] = same.argmax(1)[seen]
        shape[fresh, position] = used[fresh]
        used[fresh] += 1
    return shape, symbols[:, : int(used.max(initial=0))].copy()


def _template(shape: Sequence[int], regular: Mapping[int, str]) -> Template:
    return Template([f"?{x + 1}" if x >= 0 else regular[-1 - x] for x in shape])


def row_codes(rows: Int64[np.ndarray, "n columns"]) -> Int64[np.ndarray, " n"]:
    """Numbers that are equal where rows are equal."""
    codes, bound = np.zeros(len(rows), dtype=np.int64), 1
    for column in rows.T:
        low = int(column.min(initial=0))
        width = int(column.max(initial=0)) - low + 1
        if bound * width >= 2**62:
            found, codes = np.unique(codes, return_inverse=True)
            bound = len(found)
            if bound * width >= 2**62:
                values, column = np.unique(column, return_inverse=True)
                low, width = 0, len(values)
        codes = codes * width + (column - low)
        bound *= width
    return codes


def find_regular_tokens(
    tokens: Int64[np.ndarray, "n k"], names: Sequence[str]
) -> dict[int, str]:
    """The tokens that occur far more often than others, with their numbers.

    With the tokens ranked by the number c_1 ≥ c_2 ≥ … of strings that have them, the
    first i are regular, for the last i with c_i ≥ n/50, c_i ≥ 3 c_{i+1},
    c_i ≥ c_{i+1} + 6 √c_{i+1} and c_{i+1} > 0. If that leaves too many patterns to be
    worth it, none are.

    The kernel of two strings does not depend on what counts as regular; its estimate is
    cheaper and more accurate where a token that most strings share does.

    Args:
        tokens: distinct strings.
        names: the token of each number.
    """
    n = len(tokens)
    ordered = np.sort(tokens, axis=1)
    new = np.ones_like(ordered, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    counts = np.bincount(ordered[new])
    ranked = np.lexsort((np.arange(len(counts)), -counts))
    largest = counts[ranked][: _MOST_PATTERNS + 1]
    c, c_next = largest[:-1], largest[1:]
    gap = np.maximum(_GAP * c_next, c_next + _DEVIATIONS * np.sqrt(c_next))
    stands_out = (c >= np.maximum(gap, n / _SHARE)) & (c_next > 0)
    if not stands_out.any():
        return {}
    chosen = ranked[: int(np.flatnonzero(stands_out)[-1]) + 1]
    regular: dict[int, str] = {int(token): names[int(token)] for token in chosen}
    shapes = np.unique(row_codes(_shapes(tokens, regular)[0]))
    return regular if len(shapes) <= _MOST_PATTERNS else {}


def task_patterns(task: TemplateTask) -> list[Template]:
    """The patterns of a task's templates, in their order.

    Raises:
        InputError: templates that are equivalent have one pattern.
    """
    for i, j in task.equivalent_pairs():
        first, second = (str(task.templates[n]) for n in (i, j))
        raise InputError(
            f"the templates {first!r} and {second!r} are equivalent; expected "
            "templates that differ by more than names: leave one out"
        )
    return [t.canonical() for t in task.templates]
