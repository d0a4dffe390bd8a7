"""Words that can stand for wildcards, by how frequent they are.

A word is usable where " word", with the space before it, is one token of the model's
tokenizer: then a symbol has one embedding wherever it stands. It has at least three
letters, all lower case: shorter tokens are mostly beginnings of words.

How frequent a word is, is read from one of two sources.

- The order of tokens. Byte-pair encoding numbers its merges in the order in which the
  pairs were the most frequent ones of the tokenizer's training text, so an early token
  is mostly a frequent one. It is a proxy: that text need not be the model's.
- Counts of the tokens in a text. Words that do not occur in it are left out.

Source: Sennrich, Haddow & Birch 2016 for merges by frequency.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symbind_theory.validation import InputError, finite_number

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["SymbolClass", "frequency_classes", "single_token_words"]

# What byte-level and SentencePiece tokenizers write for a space.
_SPACES = ("Ġ", "▁")

_FEWEST_LETTERS = 3


@dataclass(frozen=True)
class SymbolClass:
    """Words of one frequency.

    Attributes:
        name: "common" or "rare".
        words: the words, without the space before them, the most frequent first.
        source: where the frequencies are from, in words.
    """

    name: str
    words: tuple[str, ...]
    source: str


def single_token_words(tokenizer: PreTrainedTokenizerBase) -> Mapping[str, int]:
    """The usable words of a tokenizer and their tokens, in the order of the tokens."""
    numbered = sorted(
        (number, token)
        for token, number in tokenizer.get_vocab().items()
        if number not in tokenizer.all_special_ids
    )
    marked = [(n, t) for n, t in numbered if t.startswith(_SPACES)]
    # A tokenizer of whole words writes no spaces.
    pairs = [(n, t.lstrip("".join(_SPACES))) for n, t in marked or numbered]
    words = [
        (number, word)
        for number, word in pairs
        if len(word) >= _FEWEST_LETTERS
        and word.isascii()
        and word.isalpha()
        and word.islower()
    ]
    if not words:
        return {}
    texts = [f" {word}" for _, word in words]
    encoded = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return {
        word: number
        for (number, word), tokens in zip(words, encoded, strict=True)
        if list(tokens) == [number]
    }


def frequency_classes(
    tokenizer: PreTrainedTokenizerBase,
    *,
    fraction: float = 0.1,
    text: str | None = None,
) -> tuple[SymbolClass, SymbolClass]:
    """The common and the rare words of a tokenizer.

    Args:
        tokenizer: of the model.
        fraction: of the usable words that each class has, in (0, 1/2]. Raise it for a
            tokenizer of few words.
        text: counts the words; the order of the tokens decides when None. Choose a
            text like those that the model was trained on.

    Raises:
        InputError: a fraction out of range, or no usable words.
    """
    if finite_number("fraction", fraction, low=0, strict=True) > 0.5:
        raise InputError(f"fraction is {fraction}; expected at most 0.5")
    tokens = single_token_words(tokenizer)
    if text is None:
        ordered = list(tokens)
        source = "order of the tokenizer's tokens"
    else:
        # It would warn of a text that is longer than the model's context.
        counted = tokenizer(text, add_special_tokens=False, verbose=False)
        counts = Counter(counted["input_ids"])
        ordered = [word for word, token in tokens.items() if counts[token]]
        # Sorting keeps the order of tokens among equal counts.
        ordered.sort(key=lambda word: -counts[tokens[word]])
        source = "counts of tokens in a text"
    size = math.floor(fraction * len(ordered))
    if not size:
        raise InputError(
            f"usable words are {len(ordered)} and the fraction is {fraction}; expected "
            "enough lower-case words that are one token with the space before them"
        )
    return (
        SymbolClass("common", tuple(ordered[:size]), source),
        SymbolClass("rare", tuple(ordered[-size:]), source),
    )
