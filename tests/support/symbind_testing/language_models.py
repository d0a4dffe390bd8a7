"""Small language models with random weights.

Their type is Any: torch's types of submodules would ask for a cast at each attribute.
"""

from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

__all__ = ["small_gpt2", "small_llama"]

# The names of tokens that begin and end a text are among the 50 there are.
_ENDS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}


def small_gpt2(seed: int = 0, scale: float = 5.0, **settings: Any) -> Any:
    """A GPT-2 of two layers of two heads, with biases that are not zero.

    Args:
        seed: of the weights.
        scale: what weights of matrices are multiplied by, so that attention is far from
            uniform.
        settings: of the configuration, where they differ.
    """
    shape = {"n_layer": 2, "n_head": 2, "n_embd": 16, "vocab_size": 50}
    config = GPT2Config(**{**_ENDS, **shape, "n_positions": 64, **settings})
    return _drawn(GPT2LMHeadModel, config, seed, scale)


def small_llama(seed: int = 0, scale: float = 5.0, **settings: Any) -> Any:
    """A Llama of two layers, of four heads for queries and two for keys and values.

    Args:
        seed: of the weights.
        scale: what weights of matrices are multiplied by.
        settings: of the configuration, where they differ.
    """
    shape = {
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "hidden_size": 16,
        "intermediate_size": 32,
        "vocab_size": 50,
        "max_position_embeddings": 64,
    }
    config = LlamaConfig(**{**_ENDS, **shape, **settings})
    return _drawn(LlamaForCausalLM, config, seed, scale)


def _drawn(kind: Any, config: Any, seed: int, scale: float) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kind(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() == 2:
                    parameter.mul_(scale)
                else:
                    parameter.add_(0.1 * torch.randn_like(parameter))
    return model
