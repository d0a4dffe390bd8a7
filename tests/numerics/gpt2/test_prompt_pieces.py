"""Words keep their tokens in whatever text they stand."""

import pytest
from symbind_testing.probed_models import byte_pair_tokenizer, word_tokenizer

from numerics.gpt2.prompt_pieces import PromptPieces
from symbind_theory.validation import InputError


def test_a_text_has_the_tokens_of_its_pieces():
    pieces = PromptPieces(word_tokenizer())
    both = pieces.tokens([" bal", " ->", " A", "\n", " dam"])
    assert both == tuple(pieces.single(w, "w") for w in ("bal", "->", "A", "dam"))


def test_pieces_that_join_are_refused():
    """Without the space the word goes on: its symbol would have no embedding."""
    pieces = PromptPieces(byte_pair_tokenizer(" stone stone stone river", 270))
    assert pieces.tokens([" stone", " stone"])
    with pytest.raises(InputError, match="tokens that join its words"):
        pieces.tokens([" sto", "ne"])


@pytest.mark.parametrize("word", ["zzz", "bal dam"])
def test_words_of_other_than_one_token_are_refused(word):
    """One is not in the vocabulary, the other is two words."""
    with pytest.raises(InputError, match=f"the label is '{word}'"):
        PromptPieces(word_tokenizer()).single(word, "the label")


def test_what_comes_before_any_text_comes_first():
    """A tokenizer that begins texts with a token of its own, and ends them so."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = word_tokenizer(["bal"])
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="r $A q", special_tokens=[("r", 18), ("q", 17)]
    )
    pieces = PromptPieces(tokenizer)
    assert tokenizer.convert_ids_to_tokens(list(pieces.tokens([" bal"]))) == [
        "r",
        "bal",
    ]
