"""Words of prompts as tokens of a model, each in the same way wherever it stands.

A prompt is written as text, tokenised as a whole, and compared with the tokens of its
words one by one, each with the space before it. Where they differ a symbol would not
have one embedding, and the tokenizer is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from symbind_theory.validation import InputError, shorten

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["PromptPieces"]


class PromptPieces:
    """A tokenizer that is asked for words, and for texts made of them.

    Args:
        tokenizer: of the model.

    Attributes:
        prefix: the tokens that the tokenizer puts before any text, such as the one for
            its beginning.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._cache: dict[str, tuple[int, ...]] = {}
        plain = self._tokens(" a")
        whole = tuple(tokenizer(" a")["input_ids"])
        starts = range(len(whole) - len(plain) + 1)
        first = [s for s in starts if whole[s : s + len(plain)] == plain]
        self.prefix = whole[: first[0]] if first else ()

    def _tokens(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def piece(self, text: str) -> tuple[int, ...]:
        """The tokens of a piece of text.

        Args:
            text: with the space before it, where it has one.
        """
        if text not in self._cache:
            self._cache[text] = self._tokens(text)
        return self._cache[text]

    def single(self, word: str, what: str) -> int:
        """The one token of a word with the space before it.

        Args:
            word: without the space.
            what: its name in messages, such as "the label word".

        Raises:
            InputError: the word is several tokens, none, or not in the vocabulary.
        """
        tokens = self.piece(f" {word}")
        if len(tokens) != 1 or tokens[0] == self._tokenizer.unk_token_id:
            raise InputError(
                f"{what} is {shorten(word)}, {len(tokens)} tokens of this tokenizer "
                "or unknown to it; expected a word that is one token with the space "
                "before it"
            )
        return tokens[0]

    def tokens(self, pieces: Iterable[str]) -> tuple[int, ...]:
        """The tokens of a text, those before any text first.

        Args:
            pieces: what the text is made of.

        Raises:
            InputError: the text's tokens are not those of its pieces.
        """
        listed = list(pieces)
        joined = tuple(token for piece in listed for token in self.piece(piece))
        if joined != self._tokens("".join(listed)):
            raise InputError(
                f"prompt {shorten(''.join(listed))} has tokens that join its words; "
                "expected a tokenizer that keeps words apart, or another arrow or "
                "separator"
            )
        return (*self.prefix, *joined)
