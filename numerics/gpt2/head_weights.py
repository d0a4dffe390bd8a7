"""The weights of each head, read from the layouts of GPT-2 and of Llama.

A sublayer sees x, d numbers, the normalised stream times the gain of the norm. Head h
has keys x W_K, queries x W_Q, values x W_V, all of e numbers, and adds values times
W_O (e × d), weighted by its attention A, to the stream:

    logit of query q and key i  ∝  x_q W_Q W_Kᵀ x_iᵀ,    output  Σ_i A_qi x_i W_V W_O.

GPT-2 keeps W_Q, W_K, W_V side by side in one d × 3d matrix that multiplies from the
right; Llama keeps transposed ones, of heads × e rows, and lets groups of heads share
one W_K and one W_V, which are repeated here. Biases are left out: no product has them.

Rotary positions turn queries and keys of e numbers by an angle of their offset; at
offset 0 by none, and W_K W_Qᵀ is that of equal positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from numerics.gpt2.local_models import LocalModel
from numerics.shapes import Float64
from symbind_theory.validation import InputError

__all__ = ["HeadShape", "LayerHeads", "head_shape", "layer_heads"]


@dataclass(frozen=True)
class HeadShape:
    """How many heads a model has, and how wide they are.

    Attributes:
        layers: how many blocks.
        heads: how many heads in each.
        key_heads: how many heads of keys and of values in each.
        width: d.
        head_width: e.
    """

    layers: int
    heads: int
    key_heads: int
    width: int
    head_width: int


@dataclass(frozen=True)
class LayerHeads:
    """The heads of one layer, in float64.

    Attributes:
        key: W_K of each head.
        query: W_Q.
        value: W_V.
        output: W_Oᵀ, so that all four are of one shape.
        gain: of the norm before the sublayer.
        centred: whether that norm takes the mean of the stream's coordinates away.
        identity_kq: the trained scalar a of each head; None where there is none.
        identity_vo: the trained scalar b of each head; None where there is none.
    """

    key: Float64[torch.Tensor, "heads d e"]
    query: Float64[torch.Tensor, "heads d e"]
    value: Float64[torch.Tensor, "heads d e"]
    output: Float64[torch.Tensor, "heads d e"]
    gain: Float64[torch.Tensor, " d"]
    centred: bool
    identity_kq: Float64[torch.Tensor, " heads"] | None = None
    identity_vo: Float64[torch.Tensor, " heads"] | None = None


def head_shape(model: LocalModel) -> HeadShape:
    """The numbers and widths of a model's heads.

    Args:
        model: of any family that `load_model` reads.
    """
    config: Any = model.model.config
    heads, width = config.num_attention_heads, config.hidden_size
    if model.family == "gpt2":
        return HeadShape(config.num_hidden_layers, heads, heads, width, width // heads)
    return HeadShape(
        layers=config.num_hidden_layers,
        heads=heads,
        key_heads=getattr(config, "num_key_value_heads", None) or heads,
        width=width,
        head_width=getattr(config, "head_dim", None) or width // heads,
    )


@torch.no_grad()
def layer_heads(model: LocalModel) -> Iterator[LayerHeads]:
    """The heads of each layer, one layer after the other.

    Args:
        model: of any family that `load_model` reads.

    Raises:
        InputError: a weight that is not finite.
    """
    shape = head_shape(model)
    layout: Any = model.model
    if model.family == "gpt2":
        layers = (_of_gpt2(block, shape) for block in layout.transformer.h)
    else:
        layers = (_of_llama(block, shape) for block in layout.model.layers)
    for index, heads in enumerate(layers):
        weights = (heads.key, heads.query, heads.value, heads.output, heads.gain)
        if not all(bool(w.isfinite().all()) for w in weights):
            raise InputError(
                f"the attention of layer {index} has weights that are not finite; "
                "expected finite numbers"
            )
        yield heads


def _of_gpt2(block: Any, shape: HeadShape) -> LayerHeads:
    attention = block.attn
    query, key, value = (
        _by_head(matrix, shape.heads)
        for matrix in _exact(attention.c_attn.weight).chunk(3, dim=1)
    )
    return LayerHeads(
        key=key,
        query=query,
        value=value,
        output=_by_head(_exact(attention.c_proj.weight).T, shape.heads),
        gain=_exact(block.ln_1.weight),
        centred=True,
        identity_kq=_scalars(attention, "identity_kq"),
        identity_vo=_scalars(attention, "identity_vo"),
    )


def _of_llama(block: Any, shape: HeadShape) -> LayerHeads:
    attention = block.self_attn
    group = shape.heads // shape.key_heads

    def shared(projection: Any) -> torch.Tensor:
        by_head = _by_head(_exact(projection.weight).T, shape.key_heads)
        return by_head.repeat_interleave(group, dim=0)

    return LayerHeads(
        key=shared(attention.k_proj),
        query=_by_head(_exact(attention.q_proj.weight).T, shape.heads),
        value=shared(attention.v_proj),
        output=_by_head(_exact(attention.o_proj.weight), shape.heads),
        gain=_exact(block.input_layernorm.weight),
        centred=False,
        identity_kq=_scalars(attention, "identity_kq"),
        identity_vo=_scalars(attention, "identity_vo"),
    )


def _by_head(matrix: torch.Tensor, heads: int) -> torch.Tensor:
    """d × (heads · e) as heads × d × e."""
    return matrix.unflatten(1, (heads, -1)).movedim(1, 0)


def _exact(parameter: torch.Tensor) -> torch.Tensor:
    return parameter.detach().cpu().double()


def _scalars(attention: Any, name: str) -> torch.Tensor | None:
    vector = getattr(attention, name, None)
    return None if vector is None else _exact(vector)
