"""Attention with a and b: against its formula, against plain weights, in each form."""

import math
from typing import Any

import pytest
import torch
from symbind_testing.language_models import small_gpt2
from transformers import StaticCache

from numerics.gpt2.identity_model import add_identity_scalars, scalar_parameters
from symbind_theory.validation import InputError

# Float64: what is left is rounding, of sums of about a hundred terms of size 1.
ROUNDING = 1e-11


def _scalars_drawn(model: Any, seed: int = 1) -> Any:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, parameter in scalar_parameters(model):
            parameter.normal_(std=0.3, generator=generator)
    return model


def _model(which: str = "both", mask_diagonal: bool = False, **settings: Any) -> Any:
    model: Any = small_gpt2(**settings)
    add_identity_scalars(model, which=which, mask_diagonal=mask_diagonal)
    return _scalars_drawn(model.double())


def _tokens(rows=3, length=11, seed=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(1, 50, (rows, length), generator=generator)


def _written_out(attention, x):
    """The formula of the module, head by head, for one string of x."""
    d, heads, width = x.shape[1], attention.num_heads, attention.head_dim
    weight, bias = attention.c_attn.weight, attention.c_attn.bias
    query, key, value = (x @ weight + bias).split(d, dim=1)
    output = attention.c_proj.bias.expand(len(x), d)
    a, b = attention.identity_kq, attention.identity_vo
    for h in range(heads):
        of_head = slice(h * width, (h + 1) * width)
        logits = query[:, of_head] @ key[:, of_head].T
        if a is not None:
            gram = x @ x.T
            if attention.mask_diagonal:
                gram = gram - torch.diag(torch.diag(gram))
            logits = logits + a[h] * gram
        logits = logits / math.sqrt(width)
        future = torch.ones(len(x), len(x)).triu(1).bool()
        weights = logits.masked_fill(future, -math.inf).softmax(1)
        mixed = weights @ value[:, of_head] @ attention.c_proj.weight[of_head]
        output = output + mixed
        if b is not None:
            output = output + b[h] * weights @ x
    return output


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("mask_diagonal", [False, True])
@pytest.mark.parametrize("which", ["kq", "vo", "both"])
def test_sublayer_is_its_formula(which, mask_diagonal, implementation):
    """Whatever kernel computes it, the sublayer is the sum over heads as written."""
    model = _model(which, mask_diagonal, attn_implementation=implementation)
    tokens = _tokens(1)
    seen = {}
    block = model.transformer.h[1]
    block.attn.register_forward_hook(
        lambda module, inputs, kwargs, output: seen.update(
            x=inputs[0][0], output=output[0][0]
        ),
        with_kwargs=True,
    )
    with torch.no_grad():
        model(tokens)
        expected = _written_out(block.attn, seen["x"])
    assert (seen["output"] - expected).abs().max() < ROUNDING


def test_scalars_are_what_full_rank_weights_hold():
    """One head as wide as the stream can hold W_Q W_Kᵀ + aI and W_V W_O + bI itself."""
    with_scalars = _model(n_head=1)
    plain = small_gpt2(n_head=1).double()
    d = 16
    with torch.no_grad():
        for block, other in zip(
            with_scalars.transformer.h, plain.transformer.h, strict=True
        ):
            # Biases of queries and keys would meet the new weights.
            block.attn.c_attn.bias[: 2 * d] = other.attn.c_attn.bias[: 2 * d] = 0
            query, key, value = block.attn.c_attn.weight.split(d, dim=1)
            a, b = block.attn.identity_kq, block.attn.identity_vo
            eye = torch.eye(d, dtype=torch.float64)
            other.attn.c_attn.weight[:, :d] = query + a * torch.linalg.inv(key.T)
            moved = torch.linalg.solve(value, b * eye)
            other.attn.c_proj.weight.add_(moved)
            # The bias of values passes W_O alone, not the identity.
            shift = block.attn.c_attn.bias[2 * d :] @ moved
            other.attn.c_proj.bias.sub_(shift)
        tokens = _tokens()
        difference = with_scalars(tokens).logits - plain(tokens).logits
    # Two inverses of random 16 × 16 matrices.
    assert difference.abs().max() < 1e-8


@pytest.mark.parametrize("mask_diagonal", [False, True])
@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("static", [False, True])
def test_cache_gives_what_the_whole_text_gives(static, implementation, mask_diagonal):
    """A cache holds x too: a prefix and then the rest is the whole."""
    model = _model("both", mask_diagonal, attn_implementation=implementation)
    tokens = _tokens()
    cache = StaticCache(config=model.config, max_cache_len=32) if static else None
    with torch.no_grad():
        whole = model(tokens).logits
        begun = model(tokens[:, :4], cache=cache, use_cache=True)
        middle = model(tokens[:, 4:5], cache=begun.cache, use_cache=True)
        rest = model(tokens[:, 5:], cache=middle.cache, use_cache=True)
    parts = torch.cat([begun.logits, middle.logits, rest.logits], dim=1)
    assert (parts - whole).abs().max() < ROUNDING


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("left", [False, True])
def test_padding_changes_nothing(left, implementation):
    """What is masked has no part in logits nor in what b adds."""
    model = _model(attn_implementation=implementation)
    tokens = _tokens(1, 7)
    padding = torch.zeros(1, 4, dtype=torch.long)
    ones = torch.ones_like(tokens)
    order = [1, 0] if left else [0, 1]
    padded = torch.cat([[tokens, padding][i] for i in order], dim=1)
    mask = torch.cat([[ones, torch.zeros_like(padding)][i] for i in order], dim=1)
    places = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        alone = model(tokens).logits
        beside = model(padded, attention_mask=mask, position_ids=places).logits
    assert (beside[mask.bool()] - alone[0]).abs().max() < ROUNDING


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_flex_attention_is_given_the_same(monkeypatch):
    """Flex attention, where a model allows it, takes the bias and the wide values.

    GPT-2 itself does not allow it yet. Transformers compiles it; here it runs as it is
    written, all but the mask.
    """
    from torch.nn.attention.flex_attention import flex_attention
    from transformers.integrations import flex_attention as integration
    from transformers.models.gpt2.modeling_gpt2 import GPT2PreTrainedModel

    monkeypatch.setattr(GPT2PreTrainedModel, "_supports_flex_attn", True)

    def as_written(query, key, value, training=False, **options):
        return flex_attention(query, key, value, **options)

    monkeypatch.setattr(integration, "compile_friendly_flex_attention", as_written)
    model = _model()
    tokens = _tokens()
    mask = torch.ones_like(tokens)
    mask[0, :3] = 0
    with torch.no_grad():
        expected = model(tokens, attention_mask=mask).logits
        model.set_attn_implementation("flex_attention")
        with pytest.warns(UserWarning, match="flex_attention"):
            logits = model(tokens, attention_mask=mask).logits
    assert (logits - expected)[mask.bool()].abs().max() < ROUNDING


def test_upcast_attention_has_the_scalars_too():
    """GPT-2's own form in float32 gives the same as the usual one."""
    tokens = _tokens()
    usual = _model(attn_implementation="eager").float()
    upcast = _model(attn_implementation="eager", reorder_and_upcast_attn=True).float()
    with torch.no_grad():
        difference = usual(tokens).logits - upcast(tokens).logits
    # Float32, logits of size 10.
    assert difference.abs().max() < 1e-4


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_gradients_are_differences(implementation):
    """Gradients of a and b, also through checkpoints of activations, are slopes."""
    model = _model(attn_implementation=implementation, attn_pdrop=0.0)
    tokens = _tokens()

    def loss():
        logits = model(tokens, use_cache=False).logits[:, :-1]
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), tokens[:, 1:].flatten()
        )

    gradients = []
    for checkpoints in (False, True):
        model.train(checkpoints)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        if checkpoints:
            model.activation_checkpointing_enable()
        model.zero_grad(set_to_none=True)
        loss().backward()
        gradients.append({n: p.grad for n, p in scalar_parameters(model)})
    step = 1e-5
    for name, parameter in scalar_parameters(model):
        assert (gradients[0][name] - gradients[1][name]).abs().max() < ROUNDING
        for h in range(2):
            with torch.no_grad():
                parameter[h] += step
                above = loss().item()
                parameter[h] -= 2 * step
                below = loss().item()
                parameter[h] += step
            slope = (above - below) / (2 * step)
            # The third derivative times step², and rounding of the loss over step.
            assert abs(slope - gradients[0][name][h].item()) < 1e-7


def test_attention_that_takes_no_bias_is_refused_when_called():
    """A way that was chosen after the conversion would leave a out without a word."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask
    from transformers.models.gpt2.modeling_gpt2 import eager_attention_forward

    def without_bias(*given, **options):
        return eager_attention_forward(*given, **options)

    AttentionInterface.register("without-bias", without_bias)
    AttentionMaskInterface.register("without-bias", sdpa_mask)
    model = _model()
    model.set_attn_implementation("without-bias")
    with pytest.raises(InputError, match="the model's attention is 'without-bias'"):
        model(_tokens())


def test_cache_beside_an_encoder_gives_the_same():
    """Two caches in one: x is kept in that of the model's own text."""
    model = _model(add_cross_attention=True)
    tokens = _tokens()
    generator = torch.Generator().manual_seed(4)
    encoded = torch.randn(3, 5, 16, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        whole = model(tokens, encoder_hidden_states=encoded, use_cache=False).logits
        begun = model(tokens[:, :4], encoder_hidden_states=encoded, use_cache=True)
        rest = model(
            tokens[:, 4:],
            encoder_hidden_states=encoded,
            cache=begun.cache,
            use_cache=True,
        )
    parts = torch.cat([begun.logits, rest.logits], dim=1)
    assert (parts - whole).abs().max() < ROUNDING
