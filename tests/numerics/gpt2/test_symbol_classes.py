"""Words for symbols: one token each, and rare or common."""

import pytest
from symbind_testing.probed_models import (
    WORDS,
    byte_pair_tokenizer,
    word_tokenizer,
)

from numerics.gpt2.symbol_classes import frequency_classes, single_token_words
from symbind_theory.validation import InputError

# Frequencies fall by the word, so merges are numbered in this order.
TEXT = " ".join(
    " ".join([word] * count)
    for word, count in [("stone", 90), ("river", 60), ("glass", 40), ("moon", 20)]
)


@pytest.fixture(scope="module")
def pairs():
    return byte_pair_tokenizer(f" {TEXT}", 290)


def test_words_are_one_token_with_the_space(pairs):
    """What stands in a prompt is the text's token, not a spelling of the vocabulary."""
    words = single_token_words(pairs)
    assert {"stone", "river", "glass"} <= set(words)
    for word, token in words.items():
        assert pairs(f" {word}")["input_ids"] == [token]
        assert pairs.decode([token]) == f" {word}"


def test_short_and_strange_tokens_are_left_out():
    """Signs, capitals, digits and words of two letters stand for no wildcard."""
    tokenizer = word_tokenizer(["ab", "abc", "Abc", "ab1", "été", "abd"])
    assert list(single_token_words(tokenizer)) == ["print", "abc", "abd"]


def test_early_tokens_are_common():
    common, rare = frequency_classes(word_tokenizer(), fraction=0.2)
    assert (common.name, rare.name) == ("common", "rare")
    assert common.words == ("print", *WORDS)[:30]
    assert rare.words == WORDS[-30:]
    assert "order" in common.source


def test_merges_come_by_frequency(pairs):
    """The proxy: of whole words the more frequent one has the earlier token."""
    words = [w for w in single_token_words(pairs) if w in TEXT.split()]
    assert words[0] == "stone"


def test_a_text_decides_where_there_is_one():
    """The last word of the vocabulary is common if the text says so; absent ones go."""
    text = " ".join([WORDS[-1]] * 3 + [WORDS[0]] * 2 + [WORDS[7]])
    common, rare = frequency_classes(word_tokenizer(), fraction=0.34, text=text)
    assert common.words == (WORDS[-1],)
    assert rare.words == (WORDS[7],)
    assert "counts" in common.source


def test_long_texts_are_counted_in_silence(capfd):
    """A text is longer than any prompt; no warning of transformers is shown."""
    tokenizer = word_tokenizer()
    tokenizer.model_max_length = 5
    frequency_classes(tokenizer, fraction=0.5, text=" ".join(WORDS[:20]))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("fraction", "message"),
    [(0.7, "at most 0.5"), (0.0, "above 0"), (0.001, "usable words are 151")],
)
def test_refusals(fraction, message):
    with pytest.raises(InputError, match=message):
        frequency_classes(word_tokenizer(), fraction=fraction)


def test_a_tokenizer_without_words_is_refused():
    with pytest.raises(InputError, match="usable words are 0"):
        frequency_classes(byte_pair_tokenizer("?", 256))
