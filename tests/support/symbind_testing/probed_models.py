"""Tiny language models and tokenizers, made where they are needed."""

from itertools import product
from typing import Any

import torch

from numerics.gpt2.local_models import LocalModel

WORDS = tuple("".join(w) for w in product("bdfgk", "aeiou", "lmnrst"))
"""The words of `word_tokenizer` that can be symbols, 150 of them."""

FIXED = ("[UNK]", *"ABCDEFGH", "->", "+", "-", "=", ";", "(", ")", '"', "q", "r")


def word_tokenizer(words: Any = WORDS) -> Any:
    """A tokenizer of whole words, after a few signs and letters."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    numbered = {word: i for i, word in enumerate([*FIXED, "print", *words])}
    whole = Tokenizer(models.WordLevel(numbered, unk_token="[UNK]"))
    whole.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=whole, unk_token="[UNK]")


def byte_pair_tokenizer(text: str, size: int) -> Any:
    """A byte-level tokenizer of pairs that are merged by their counts in a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    pairs = Tokenizer(models.BPE())
    pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pairs.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, show_progress=False
    )
    pairs.train_from_iterator([text], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=pairs)


def tiny_model(family: str, tokenizer: Any, seed: int = 0, **sizes: int) -> LocalModel:
    """An untrained model of two layers; four heads, of width eight."""
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        LlamaConfig,
        LlamaForCausalLM,
    )

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if family == "gpt2":
            config = GPT2Config(
                n_layer=2,
                n_head=4,
                n_embd=32,
                vocab_size=len(tokenizer),
                n_positions=sizes.get("positions", 128),
                bos_token_id=0,
                eos_token_id=0,
            )
            model: Any = GPT2LMHeadModel(config)
        else:
            llama = LlamaConfig(
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                hidden_size=32,
                intermediate_size=64,
                vocab_size=len(tokenizer),
                max_position_embeddings=sizes.get("positions", 128),
            )
            model = LlamaForCausalLM(llama)
    return LocalModel(model.eval(), tokenizer, family, "tiny")


def saved_model(local: LocalModel, folder: Any) -> str:
    """The path of a folder that `save_pretrained` has written."""
    local.model.save_pretrained(folder)
    if local.tokenizer is not None:
        local.tokenizer.save_pretrained(folder)
    return str(folder)
