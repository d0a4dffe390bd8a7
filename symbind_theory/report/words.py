"""What the words of a report mean, in a phrase each, for where they first stand.

The glossary (docs/glossary.md) has these phrases too, and more about each word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["MEANINGS", "first_meanings"]

MEANINGS = {
    "skeleton": "a template's regular tokens at their places",
    "coupling": ("two MLP runs, symbols permuted place by place, equal at every step"),
    "smallest direction": (
        "labels along the eigenvector of N's smallest eigenvalue; with uneven weights "
        "others may need more strings"
    ),
    "level": "probability that an interval covers",
    "points": "random draws the estimate averages over",
}
"""The words that reports explain."""


def first_meanings(texts: Sequence[str]) -> list[str]:
    """For each of the texts, the meanings of words that stand in none before it.

    >>> first_meanings(["at level 0.999", "at this level, from 64 points", "none"])
    ... # doctest: +NORMALIZE_WHITESPACE
    ['level: probability that an interval covers',
     'points: random draws the estimate averages over', '']

    Args:
        texts: in the order in which they are read.
    """
    left = dict(MEANINGS)
    meanings = []
    for text in texts:
        new = {word: left.pop(word) for word in MEANINGS if _stands(word, text, left)}
        meanings.append("; ".join(f"{word}: {new[word]}" for word in new))
    return meanings


def _stands(word: str, text: str, among: dict[str, str]) -> bool:
    """Whether a word, one of these, is in a text, its plural included."""
    return word in among and bool(re.search(rf"\b{word}s?\b", text, re.IGNORECASE))
