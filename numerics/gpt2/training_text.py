"""A text as blocks of tokens: one part to train on, a later one that is held out.

Block i of a part is its tokens iT, …, iT + T: T to read, each but the first to be
predicted, so that every token of the part but the first is predicted once. The text is
cut at a line's end before any token is made, and a tokenizer that is trained here sees
the training part alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from numerics.shapes import Int64
from symbind_theory.files import read_text
from symbind_theory.validation import InputError, shorten

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = [
    "TextBlocks",
    "read_training_text",
    "split_text",
    "text_blocks",
    "trained_tokenizer",
]

_MOST_BYTES = 2**32
# Long enough that cuts at its ends are rare, short enough for a tokenizer's lists.
_PIECE = 2**20
_END = "<|endoftext|>"
# Bytes, and the token that ends a text.
_SMALLEST_VOCABULARY = 257


@dataclass(frozen=True)
class TextBlocks:
    """A part of a text, ready for a model.

    Attributes:
        tokens: blocks × (T + 1), the last token of a block being the first of the next.
        bytes: how many bytes of UTF-8 the part has.
        count: how many tokens the part has, those of an incomplete last block included.
    """

    tokens: Int64[torch.Tensor, "blocks positions"]
    bytes: int
    count: int


def read_training_text(path: str | os.PathLike[str]) -> str:
    """The text of a file.

    Raises:
        InputError: a file that is missing, unreadable, not UTF-8, empty, or that holds
            zero bytes, as no text does.
    """
    text = read_text(path, "the text", _MOST_BYTES)
    shown = shorten(os.fspath(path), 200)
    if "\0" in text:
        raise InputError(f"the text {shown} holds zero bytes; expected text, no data")
    if not text.strip():
        raise InputError(f"the text {shown} is empty; expected some")
    return text


def split_text(text: str, held_out: float) -> tuple[str, str]:
    """The part to train on and the part that is held out, the end of the text.

    Args:
        text: the whole text.
        held_out: the share of its characters that are held out, in (0, 1).

    Raises:
        InputError: a text of one line, or one with nothing on one side of the cut.
    """
    cut = text.rfind("\n", 0, round(len(text) * (1 - held_out))) + 1
    training, later = text[:cut], text[cut:]
    if not training.strip() or not later.strip():
        raise InputError(
            "the text cannot be cut in two at a line's end; expected text on both "
            f"sides of {1 - held_out:g} of its length"
        )
    return training, later


def trained_tokenizer(text: str, vocabulary: int) -> PreTrainedTokenizerBase:
    """A byte-level BPE tokenizer, trained on a text.

    Args:
        text: the text to train on.
        vocabulary: how many tokens it may have at most, one for each byte and one that
            ends a text included; at least 257.

    Raises:
        InputError: a smaller vocabulary.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if vocabulary < _SMALLEST_VOCABULARY:
        raise InputError(
            f"the vocabulary is {vocabulary}; expected at least {_SMALLEST_VOCABULARY} "
            "tokens, all bytes and the end of a text"
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_pieces(text), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=_END, eos_token=_END, pad_token=_END
    )


def text_blocks(
    text: str, tokenizer: PreTrainedTokenizerBase, positions: int
) -> TextBlocks:
    """Cut a text into blocks.

    Args:
        text: a part of a text.
        tokenizer: turns text into tokens.
        positions: T, how many tokens a model reads at once, at least 1.

    Raises:
        InputError: a text of fewer than T + 1 tokens.
    """
    tokens: list[int] = []
    for piece in _pieces(text):
        encoded = tokenizer(piece, add_special_tokens=False, verbose=False)
        tokens.extend(encoded["input_ids"])
    blocks = (len(tokens) - 1) // positions
    if blocks < 1:
        raise InputError(
            f"a part of the text has {len(tokens)} tokens; expected at least "
            f"{positions + 1}, for one block of {positions} positions"
        )
    row = torch.tensor(tokens[: blocks * positions + 1])
    return TextBlocks(
        tokens=row.unfold(0, positions + 1, positions).contiguous(),
        bytes=len(text.encode("utf-8")),
        count=len(tokens),
    )


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces that end at a line's end, where lines are not endless."""
    begin = 0
    while begin < len(text):
        end = begin + _PIECE
        if end < len(text):
            end = text.rfind("\n", begin, end) + 1 or end
        yield text[begin:end]
        begin = end
