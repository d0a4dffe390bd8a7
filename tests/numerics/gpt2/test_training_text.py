"""Texts in two parts, tokenizers trained on them, blocks of tokens."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from numerics.gpt2.training_text import (
    read_training_text,
    split_text,
    text_blocks,
    trained_tokenizer,
)
from symbind_theory.validation import InputError

TEXT = "".join(f"line {i} says that {i % 7} is not {i % 5}\n" for i in range(300))


@given(
    lines=st.lists(st.text("ab \té漢", min_size=1), min_size=2, max_size=20),
    held_out=st.floats(0.05, 0.95),
)
def test_parts_make_the_whole_and_end_lines(lines, held_out):
    """Nothing is lost or seen twice, and the first part ends with a line."""
    text = "".join(f"x{line}\n" for line in lines)
    try:
        training, later = split_text(text, held_out)
    except InputError:
        # The cut fell into the first line.
        assert "\n" not in text[: round(len(text) * (1 - held_out))]
        return
    assert training + later == text
    assert training.endswith("\n")
    assert len(training) <= round(len(text) * (1 - held_out))


@pytest.mark.parametrize("positions", [1, 7, 64])
def test_blocks_predict_each_token_once(positions):
    """The last token of a block is the first of the next; all tokens are the text's."""
    tokenizer = trained_tokenizer(TEXT, 300)
    blocks = text_blocks(TEXT, tokenizer, positions)
    ids = tokenizer(TEXT, verbose=False)["input_ids"]
    assert blocks.count == len(ids)
    assert blocks.bytes == len(TEXT.encode())
    assert torch.equal(blocks.tokens[1:, 0], blocks.tokens[:-1, -1])
    row = torch.cat([blocks.tokens[:, :-1].flatten(), blocks.tokens[-1:, -1]])
    assert row.tolist() == ids[: len(row)]
    # Less than one block is left over.
    assert len(ids) - len(row) < positions


@given(st.text(max_size=60))
def test_tokenizer_has_a_token_for_all_text(text):
    """Bytes are tokens, so that what was never seen is written and read back."""
    tokenizer = trained_tokenizer("abc\n", 257)
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def test_tokenizer_is_a_function_of_the_text():
    """Runs that train it again have the same tokens."""
    first, again = (trained_tokenizer(TEXT, 400) for _ in range(2))
    assert first.get_vocab() == again.get_vocab()
    assert len(first) <= 400
    assert len(first(TEXT)["input_ids"]) < len(TEXT) / 2


def test_long_texts_are_cut_into_pieces_at_lines(monkeypatch):
    """Pieces change no token where lines end in line ends."""
    tokenizer = trained_tokenizer(TEXT, 400)
    whole = text_blocks(TEXT, tokenizer, 16)
    monkeypatch.setattr("numerics.gpt2.training_text._PIECE", 500)
    assert torch.equal(text_blocks(TEXT, tokenizer, 16).tokens, whole.tokens)


def _file(tmp_path, content):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty; expected some"),
        (b" \n\n", "is empty; expected some"),
        (b"a\0b", "holds zero bytes; expected text, no data"),
        (b"ab\n\xff\xfe", "is not UTF-8 at line 2; expected UTF-8 text"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, complaint):
    """One line, with the path."""
    path = _file(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_training_text(path)
    assert str(caught.value) == f"the text {str(path)!r} {complaint}"


def test_missing_text_is_refused(tmp_path):
    """One line."""
    with pytest.raises(InputError, match="could not be read: No such file"):
        read_training_text(tmp_path / "none.txt")


def test_short_texts_are_refused():
    """A text of one line has no two parts; a part of few tokens has no block."""
    with pytest.raises(InputError, match="cannot be cut in two"):
        split_text("one line\n", 0.1)
    with pytest.raises(InputError, match="has 4 tokens; expected at least 9"):
        text_blocks("abc\n", trained_tokenizer("abc\n", 257), 8)
    with pytest.raises(InputError, match="vocabulary is 256; expected at least 257"):
        trained_tokenizer("abc\n", 256)
