"""Causal language models of two layers, as small as their families allow."""

import math

import torch

from numerics.gpt2.local_models import LocalModel


def tiny_gpt2(seed=0, *, heads=2, width=32, vocabulary=50, positions=64):
    """A GPT-2 with drawn weights and drawn gains, without a tokenizer."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        n_layer=2,
        n_head=heads,
        n_embd=width,
        vocab_size=vocabulary,
        n_positions=positions,
        bos_token_id=None,
        eos_token_id=None,
    )
    return LocalModel(_drawn(GPT2LMHeadModel, config, seed), None, "gpt2", "tiny")


def tiny_llama(seed=0, *, heads=4, key_heads=2, width=32, head_width=None):
    """A Llama whose heads share keys and values, and are as wide as asked."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        num_hidden_layers=2,
        hidden_size=width,
        intermediate_size=16,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        head_dim=head_width or width // heads,
        vocab_size=50,
        max_position_embeddings=64,
    )
    return LocalModel(_drawn(LlamaForCausalLM, config, seed), None, "llama", "tiny")


def _drawn(kind, config, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kind(config).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "ln_1.weight" in name or "input_layernorm.weight" in name:
                    parameter.uniform_(0.5, 1.5)
    return model


def orthonormal(rows, columns, seed):
    """A drawn matrix whose columns are orthonormal."""
    stream = torch.Generator().manual_seed(seed)
    drawn = torch.randn(rows, columns, dtype=torch.float64, generator=stream)
    return torch.linalg.qr(drawn).Q.float()


@torch.no_grad()
def plant_keys(model, layer, head, seed=5):
    """Make W_K W_Qᵀ of one GPT-2 head a projection: tr P/‖P‖ is √e."""
    attention = model.model.transformer.h[layer].attn
    d = attention.c_attn.weight.shape[0]
    e = d // attention.num_heads
    frame = orthonormal(d, e, seed) / math.sqrt(e)
    for third in (0, 1):
        first = third * d + head * e
        attention.c_attn.weight[:, first : first + e] = frame


@torch.no_grad()
def plant_values(model, layer, head, seed=6):
    """Make W_V W_O of one GPT-2 head minus a projection."""
    attention = model.model.transformer.h[layer].attn
    d = attention.c_attn.weight.shape[0]
    e = d // attention.num_heads
    frame = orthonormal(d, e, seed)
    first = 2 * d + head * e
    attention.c_attn.weight[:, first : first + e] = frame
    attention.c_proj.weight[head * e : (head + 1) * e] = -frame.T
