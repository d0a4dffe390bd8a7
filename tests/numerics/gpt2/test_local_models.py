"""Local models: folders and GGUF files, and one line for what is neither."""

import json

import numpy as np
import pytest
import torch
from symbind_testing.language_models import small_gpt2, small_llama

from numerics.gpt2 import add_identity_scalars, load_model
from numerics.gpt2 import local_models as module
from numerics.gpt2.local_models import (
    check_memory,
    free_memory,
    load_config,
    load_tokenizer,
    parameter_count,
)
from numerics.gpt2.training_text import trained_tokenizer
from symbind_theory.validation import InputError


def _saved(model, folder):
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("make", "family"),
    [
        (small_gpt2, "gpt2"),
        (small_llama, "llama"),
        (lambda: add_identity_scalars(small_gpt2()), "gpt2"),
    ],
)
def test_folder_is_read_as_it_was_saved(tmp_path, capfd, make, family):
    """Weights to the last bit, evaluation mode, no word on the standard error."""
    model = make()
    _saved(model, tmp_path / "m")
    capfd.readouterr()
    local = load_model(tmp_path / "m")
    assert capfd.readouterr().err == ""
    assert (local.family, local.tokenizer) == (family, None)
    assert not local.model.training
    pairs = zip(model.parameters(), local.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert load_config(tmp_path / "m").vocab_size == 50


def test_tokenizer_comes_with_the_model(tmp_path):
    """A folder with a tokenizer gives both; one with too many tokens is refused."""
    _saved(small_gpt2(vocab_size=300), tmp_path / "m")
    trained_tokenizer("a b c\n", 300).save_pretrained(tmp_path / "m")
    tokenizer = load_model(tmp_path / "m").tokenizer
    assert tokenizer is not None
    assert tokenizer.decode(tokenizer("b c")["input_ids"]) == "b c"
    path = tmp_path / "m" / "tokenizer.json"
    assert load_tokenizer(path)("b c")["input_ids"] == tokenizer("b c")["input_ids"]
    _saved(small_gpt2(vocab_size=100), tmp_path / "m")
    with pytest.raises(InputError, match="tokens, the model 100; expected the tokeni"):
        load_model(tmp_path / "m")


def _gguf(path, model):
    """A Llama model as a GGUF file in float32, as llama.cpp lays it out."""
    from gguf import GGUFWriter

    config = model.config
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    # All that its reader would add by itself.
    ends = ["<unk>", "<s>", "</s>", "<|endoftext|>"]
    words = [f"t{i}" for i in range(len(ends), config.vocab_size)]
    writer.add_token_list([*ends, *words])
    writer.add_token_scores([0.0] * config.vocab_size)
    writer.add_token_merges([])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    names = {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    heads = {
        "attn_q": config.num_attention_heads,
        "attn_k": config.num_key_value_heads,
    }
    weights = {n: p.detach().numpy() for n, p in model.named_parameters()}
    writer.add_tensor("token_embd.weight", weights["model.embed_tokens.weight"])
    writer.add_tensor("output_norm.weight", weights["model.norm.weight"])
    writer.add_tensor("output.weight", weights["lm_head.weight"])
    for layer in range(config.num_hidden_layers):
        for name, other in names.items():
            weight = weights[f"model.layers.{layer}.{name}.weight"]
            if other in heads:
                # Rotary pairs lie side by side there, and half a head apart here.
                shape = (heads[other], 2, -1, weight.shape[1])
                weight = weight.reshape(shape).swapaxes(1, 2).reshape(weight.shape)
            writer.add_tensor(
                f"blk.{layer}.{other}.weight", np.ascontiguousarray(weight)
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_gguf_file_is_the_model_and_can_be_saved(tmp_path):
    """In float32 nothing is lost: the weights, and the logits, are the model's."""
    model = small_llama(bos_token_id=0, eos_token_id=0)
    path = tmp_path / "small.gguf"
    _gguf(path, model)
    local = load_model(path)
    assert local.family == "llama"
    tokens = torch.arange(10)[None]
    with torch.no_grad():
        difference = model(tokens).logits - local.model(tokens).logits
    assert difference.abs().max() < 1e-5
    local.model.save_pretrained(tmp_path / "m")
    again = load_model(tmp_path / "m").model
    pairs = zip(local.model.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_parameters_are_counted_without_the_model():
    """Of a configuration alone, as many as the model has."""
    for model in (small_gpt2(), small_llama()):
        expected = sum(p.numel() for p in model.parameters())
        assert parameter_count(model.config) == expected


def test_memory_is_compared_with_what_is_free(monkeypatch):
    """Less is fine, more is refused, and a machine that does not say is trusted."""
    free = free_memory()
    assert free is None or free > 2**20
    monkeypatch.setattr(module, "free_memory", lambda: 3 * 2**30)
    check_memory(3 * 2**30, "the model")
    with pytest.raises(InputError) as caught:
        check_memory(4 * 2**30, "the model x")
    assert str(caught.value) == (
        "the model x needs about 4.0 GiB of memory, and 3.0 GiB are free; expected a "
        "smaller one or more memory"
    )
    monkeypatch.setattr(module, "free_memory", lambda: None)
    check_memory(2**60, "the model")


def test_model_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    """The estimate needs the configuration alone."""
    _saved(small_gpt2(), tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").unlink()
    monkeypatch.setattr(module, "free_memory", lambda: 1000)
    with pytest.raises(InputError, match=r"GiB of memory, and 0\.0 GiB are free"):
        load_model(tmp_path / "m")


def test_name_of_a_hub_is_refused():
    """Nothing is ever fetched."""
    with pytest.raises(InputError) as caught:
        load_model("gpt2")
    assert str(caught.value) == (
        "the model is 'gpt2'; expected the path of a local folder that save_pretrained "
        "wrote or of a .gguf file: nothing is fetched from a hub"
    )


def test_what_is_no_model_is_refused_in_one_line(tmp_path):
    """No configuration, another family, missing weights, damaged files."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"has no config\.json; expected a folder"):
        load_model(tmp_path / "empty")
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(InputError, match="of the family 'bert'; expected one of gpt2,"):
        load_model(tmp_path / "bert")
    folder = _saved(small_gpt2(), tmp_path / "m")
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match="cannot be read: ") as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="cannot be read: "):
        load_model(folder)
    (tmp_path / "x.gguf").write_bytes(b"not a model")
    with pytest.raises(InputError, match="cannot be read: "):
        load_model(tmp_path / "x.gguf")


def test_missing_transformers_is_said(monkeypatch):
    """With the extra that brings it."""
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(InputError, match=r"expected the extra symbind\[gpt2\]"):
        load_model("anything")
