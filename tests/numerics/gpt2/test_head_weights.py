"""Weights of heads, against the layers of transformers that multiply by them."""

import pytest
import torch
from symbind_testing.builders.tiny_models import tiny_gpt2, tiny_llama

from numerics.gpt2.head_weights import head_shape, layer_heads
from symbind_theory import InputError


def stream(width, seed=1):
    return torch.randn(5, width, generator=torch.Generator().manual_seed(seed))


def by_head(rows, heads):
    """tokens × (heads · e) as heads × tokens × e."""
    return rows.unflatten(1, (heads, -1)).movedim(1, 0).double()


@torch.no_grad()
def test_gpt2_heads_are_what_its_layer_multiplies_by():
    """Its one layer gives queries, keys and values side by side; biases are 0 here."""
    model = tiny_gpt2()
    for block, heads in zip(model.model.transformer.h, layer_heads(model), strict=True):
        x = stream(32)
        parts = block.attn.c_attn(x).split(32, dim=1)
        for part, weight in zip(
            parts, (heads.query, heads.key, heads.value), strict=True
        ):
            torch.testing.assert_close(
                x.double() @ weight, by_head(part, 2), rtol=1e-4, atol=1e-6
            )
        values = stream(32, 2)
        added = (by_head(values, 2) @ heads.output.mT).sum(0)
        torch.testing.assert_close(
            added, block.attn.c_proj(values).double(), rtol=1e-4, atol=1e-6
        )
        assert heads.centred


@torch.no_grad()
@pytest.mark.parametrize("head_width", [8, 6])
def test_llama_heads_are_what_its_layers_multiply_by(head_width):
    """Two heads share keys and values; heads need not be as wide as d/heads."""
    model = tiny_llama(head_width=head_width)
    assert head_shape(model).head_width == head_width
    for block, heads in zip(model.model.model.layers, layer_heads(model), strict=True):
        x, attention = stream(32), block.self_attn
        queries = by_head(attention.q_proj(x), 4)
        torch.testing.assert_close(
            x.double() @ heads.query, queries, rtol=1e-4, atol=1e-6
        )
        for projection, weight in (
            (attention.k_proj, heads.key),
            (attention.v_proj, heads.value),
        ):
            shared = by_head(projection(x), 2)
            for head in range(4):
                torch.testing.assert_close(
                    x.double() @ weight[head], shared[head // 2], rtol=1e-4, atol=1e-6
                )
        values = stream(4 * head_width, 2)
        added = (by_head(values, 4) @ heads.output.mT).sum(0)
        torch.testing.assert_close(
            added, attention.o_proj(values).double(), rtol=1e-4, atol=1e-6
        )
        assert not heads.centred


def test_gains_are_those_of_the_norm_before_attention():
    model = tiny_llama()
    for block, heads in zip(model.model.model.layers, layer_heads(model), strict=True):
        assert torch.equal(heads.gain.float(), block.input_layernorm.weight.detach())


def test_trained_scalars_are_read_where_there_are_any():
    model = tiny_gpt2()
    attention = model.model.transformer.h[1].attn
    attention.identity_kq = torch.nn.Parameter(torch.tensor([0.5, -2.0]))
    first, second = layer_heads(model)
    assert first.identity_kq is None
    assert second.identity_kq is not None
    assert second.identity_kq.tolist() == [0.5, -2.0]
    assert second.identity_vo is None


def test_weights_that_are_not_finite_are_refused():
    model = tiny_gpt2()
    with torch.no_grad():
        model.model.transformer.h[1].attn.c_proj.weight[3, 3] = float("nan")
    with pytest.raises(InputError, match=r"layer 1 .* not finite"):
        list(layer_heads(model))
