"""Two scalars a head: how many, where, unchanged at 0, and kept with the model."""

from typing import Any

import pytest
import torch
from symbind_testing.language_models import small_gpt2, small_llama
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from numerics.gpt2 import (
    GPT2IdentityLMHeadModel,
    add_identity_scalars,
    freeze_all_but_scalars,
    identity_scalars,
    scalar_parameters,
)
from symbind_theory.validation import InputError

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:FutureWarning")


def _tokens(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(1, 50, (3, 12), generator=generator)


def _with_scalars(**options: Any) -> Any:
    return add_identity_scalars(small_gpt2(), **options)


def _count(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(("which", "count"), [("kq", 144), ("vo", 144), ("both", 288)])
def test_small_configuration_gains_two_a_head(which, count):
    """12 layers of 12 heads; on the meta device, since no number matters here."""
    with torch.device("meta"):
        model = GPT2LMHeadModel(GPT2Config())
    before = _count(model)
    assert _count(add_identity_scalars(model, which=which)) - before == count


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("mask_diagonal", [False, True])
@pytest.mark.parametrize("which", ["kq", "vo", "both"])
def test_at_zero_nothing_changes(which, mask_diagonal, implementation):
    """Scalars of 0 are GPT-2: plain, padded, generated with and without a cache."""
    model = small_gpt2(attn_implementation=implementation)
    tokens = _tokens()
    mask = torch.ones_like(tokens)
    mask[1, :5] = 0

    def outputs():
        with torch.inference_mode():
            plain = model(tokens).logits
            padded = model(tokens, attention_mask=mask).logits[mask.bool()]
            texts = [
                model.generate(
                    tokens, max_new_tokens=5, do_sample=False, use_cache=cache
                )
                for cache in (True, False)
            ]
        return plain, padded, texts

    before: Any = outputs()
    assert (
        add_identity_scalars(model, which=which, mask_diagonal=mask_diagonal) is model
    )
    after: Any = outputs()
    for i in range(2):
        difference = (before[i] - after[i]).abs().max()
        # Eager attention adds zeros alone; fused attention rounds in another order:
        # float32, logits of size 10.
        assert difference <= (0 if implementation == "eager" else 2e-5)
    for x, y in zip(before[2], after[2], strict=True):
        assert torch.equal(x, y)


def test_parameters_stay_the_same_objects():
    """An optimiser that was made before goes on with the model's own parameters."""
    model = small_gpt2()
    before = dict(model.named_parameters())
    after = dict(add_identity_scalars(model).named_parameters())
    assert all(after[name] is parameter for name, parameter in before.items())
    assert set(after) - set(before) == dict(scalar_parameters(model)).keys()


def test_saved_model_is_read_back_with_its_scalars(tmp_path):
    """Both readers give the model that was saved; GPT-2's own says that it is not."""
    model = _with_scalars(which="kq", mask_diagonal=True)
    with torch.no_grad():
        for i, (_, parameter) in enumerate(scalar_parameters(model)):
            parameter.fill_(0.1 + i)
    model.save_pretrained(tmp_path)
    for reader in (GPT2IdentityLMHeadModel, AutoModelForCausalLM):
        again: Any = reader.from_pretrained(tmp_path)
        assert type(again) is GPT2IdentityLMHeadModel
        assert again.config.identity_which == "kq"
        blocks: Any = again.transformer.h
        assert blocks[0].attn.mask_diagonal
        assert identity_scalars(again).vo is None
        for (name, x), (other, y) in zip(
            model.named_parameters(), again.named_parameters(), strict=True
        ):
            assert name == other
            assert torch.equal(x, y)
        with torch.no_grad():
            assert torch.equal(model(_tokens()).logits, again.eval()(_tokens()).logits)


def test_plain_files_are_read_with_scalars_of_zero(tmp_path):
    """Scalars that no file has start at 0, whatever memory held."""
    model = small_gpt2()
    model.save_pretrained(tmp_path)
    again = GPT2IdentityLMHeadModel.from_pretrained(tmp_path).eval()
    values = identity_scalars(again)
    assert values.kq is not None
    assert values.vo is not None
    assert not values.kq.any()
    assert not values.vo.any()
    with torch.no_grad():
        difference = again(_tokens()).logits - model(_tokens()).logits
    assert difference.abs().max() < 2e-5


def test_frozen_model_trains_scalars_alone():
    """Gradients reach a and b and nothing else."""
    model = _with_scalars()
    assert freeze_all_but_scalars(model) == 8
    model(_tokens(), use_cache=False).logits.logsumexp(-1).sum().backward()
    for name, parameter in model.named_parameters():
        is_scalar = name in dict(scalar_parameters(model))
        assert parameter.requires_grad is is_scalar
        assert (parameter.grad is not None and bool(parameter.grad.any())) is is_scalar


def test_scalars_are_laid_out_by_layer_and_head():
    """Rows are layers and columns heads, in the model's order."""
    model = _with_scalars()
    with torch.no_grad():
        model.transformer.h[1].attn.identity_kq[0] = 3.0
        model.transformer.h[0].attn.identity_vo[1] = -2.0
    values = identity_scalars(model)
    assert values.kq is not None
    assert values.vo is not None
    assert values.kq.tolist() == [[0, 0], [3, 0]]
    assert values.vo.tolist() == [[0, -2], [0, 0]]


def test_configuration_is_one_object():
    """What attention is used is looked up in it by all modules."""
    model = small_gpt2(attn_implementation="eager")
    add_identity_scalars(model)
    configs = {id(m.config) for m in model.modules() if hasattr(m, "config")}
    assert configs == {id(model.config)}
    model.set_attn_implementation("sdpa")
    assert model.transformer.h[0].attn.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(
    ("make", "options", "complaint"),
    [
        (
            small_llama,
            {},
            "the model is a LlamaForCausalLM; expected a GPT2LMHeadModel",
        ),
        (small_gpt2, {"which": "q"}, "which is 'q'; expected one of kq, vo, both"),
        (
            lambda: _with_scalars(),
            {},
            "the model has identity scalars; expected one without",
        ),
    ],
)
def test_refusals_say_what_was_expected(make, options, complaint):
    """One line each."""
    with pytest.raises(InputError) as caught:
        add_identity_scalars(make(), **options)
    assert str(caught.value) == complaint


def test_attention_without_bias_is_refused():
    """Kernels that take no bias would leave a out without a word."""
    model = small_gpt2()
    model.config._attn_implementation_internal = "flash_attention_2"
    with pytest.raises(
        InputError, match="the model's attention is 'flash_attention_2'"
    ):
        add_identity_scalars(model)


def test_model_without_scalars_cannot_be_frozen():
    """Nothing would be left to train."""
    with pytest.raises(InputError, match="no identity scalars"):
        freeze_all_but_scalars(small_gpt2())


def test_wrapped_attention_is_refused():
    """What accelerate hooks into is called in its old form, which has no scalars."""
    model: Any = small_gpt2()
    attention = model.transformer.h[1].attn
    attention.forward = attention.forward
    with pytest.raises(InputError, match="the model's attention is wrapped; expected"):
        add_identity_scalars(model)
