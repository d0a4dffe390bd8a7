"""Heads taken out: against a forward pass by hand, and against random sets."""

from collections import Counter
from typing import Any, cast

import pytest
import torch
from symbind_testing.probed_models import WORDS, tiny_model, word_tokenizer

from numerics.gpt2.head_ablation import (
    ablate_ranked,
    ablated_heads,
    output_projections,
    random_sets,
)
from numerics.gpt2.identity_model import add_identity_scalars, scalar_parameters
from numerics.gpt2.in_context import answer_prompts, next_token_logits
from numerics.gpt2.prompts import PromptWriter
from symbind_theory import builtin_task
from symbind_theory.validation import InputError

TOKENIZER = word_tokenizer()
TOKENS = torch.arange(20).reshape(2, 10)
FAMILIES = ("gpt2", "llama")


@pytest.fixture(scope="module", params=FAMILIES)
def local(request):
    """A tiny model whose heads do something: weights are ten times the usual ones."""
    made = tiny_model(request.param, TOKENIZER)
    with torch.no_grad():
        for projection in output_projections(made.model, made.family):
            for parameter in projection.parameters():
                # Biases are 0 at first, and would hide whether they stay.
                parameter.copy_(
                    torch.sin(torch.arange(parameter.numel()) + 1.0).view(
                        parameter.shape
                    )
                )
    return made


def logits(local):
    return next_token_logits(local.model)(TOKENS)


def without_attention(local, removed):
    """The last logits by hand, without the attention of one layer but for its bias."""
    model = local.model
    with torch.no_grad():
        if local.family == "gpt2":
            body = model.transformer
            x = body.wte(TOKENS) + body.wpe(torch.arange(TOKENS.shape[1]))
            for i, block in enumerate(body.h):
                if i == removed:
                    x = x + block.attn.c_proj.bias
                else:
                    x = x + block.attn(block.ln_1(x))[0]
                x = x + block.mlp(block.ln_2(x))
            return model.lm_head(body.ln_f(x))[:, -1]
        body = model.model
        x = body.embed_tokens(TOKENS)
        positions = torch.arange(TOKENS.shape[1])[None]
        turned = body.rotary_emb(x, positions)
        for i, block in enumerate(body.layers):
            if i != removed:
                x = (
                    x
                    + block.self_attn(
                        hidden_states=block.input_layernorm(x),
                        position_embeddings=turned,
                        attention_mask=None,
                    )[0]
                )
            x = x + block.mlp(block.post_attention_layernorm(x))
        return model.lm_head(body.norm(x))[:, -1]


@pytest.mark.parametrize("layer", [0, 1])
def test_a_layer_without_heads_is_one_without_attention(local, layer):
    """What is left of it is the bias of its output projection."""
    with ablated_heads(local.model, local.family, [(layer, h) for h in range(4)]):
        ablated = logits(local)
    torch.testing.assert_close(ablated, without_attention(local, layer))
    assert not torch.allclose(ablated, logits(local), atol=1e-3)


def test_one_head_is_taken_out_alone(local):
    """As if the columns of W_O that read it were 0."""
    with ablated_heads(local.model, local.family, [(1, 2)]):
        ablated = logits(local)
    weight: Any = output_projections(local.model, local.family)[1].weight
    # GPT-2 writes rows for inputs, Llama columns.
    rows = weight.data if local.family == "gpt2" else weight.data.T
    kept = rows[16:24].clone()
    rows[16:24] = 0
    by_weight = logits(local)
    rows[16:24] = kept
    torch.testing.assert_close(ablated, by_weight)


def test_no_head_changes_nothing_and_all_come_back(local):
    before = logits(local)
    with ablated_heads(local.model, local.family, []):
        torch.testing.assert_close(logits(local), before, rtol=0, atol=0)
    with (
        pytest.raises(ZeroDivisionError),
        ablated_heads(local.model, local.family, [(0, 1), (0, 1)]),
    ):
        raise ZeroDivisionError
    torch.testing.assert_close(logits(local), before, rtol=0, atol=0)


def test_random_sets_have_as_many_heads_of_each_layer():
    """And each head of a layer is drawn equally often: 4 σ of 300 draws at 2/4."""
    sets = random_sets([(3, 0), (3, 1), (5, 2)], per_layer=4, sets=300, seed=0)
    for chosen in sets:
        assert len(set(chosen)) == 3
        assert Counter(layer for layer, _ in chosen) == {3: 2, 5: 1}
    counts = Counter(head for chosen in sets for head in chosen)
    for head in range(4):
        assert abs(counts[3, head] - 150) < 4 * 300**0.5 / 2


def prompts(count=40):
    writer = PromptWriter(builtin_task("aba-abb"), TOKENIZER)
    return writer.draw(WORDS, 1, count, 0)


def test_the_ranked_heads_are_asked_what_random_ones_are(local):
    """Its numbers are those of the measure, prompt by prompt; p counts sets."""
    asked = prompts()
    seen = []
    result = ablate_ranked(
        local,
        [(0, 1), (1, 3)],
        asked,
        sets=4,
        seed=7,
        progress=lambda *step: seen.append(step),
    )
    accuracies = []
    for chosen in random_sets([(0, 1), (1, 3)], 4, 4, seed=7):
        with ablated_heads(local.model, local.family, chosen):
            answers = answer_prompts(next_token_logits(local.model), asked)
        accuracies.append(float(answers.right.mean()))
    assert result.random == pytest.approx(accuracies)
    without = result.without.interval.value
    assert result.loss.value == pytest.approx(result.intact.interval.value - without)
    mean = sum(accuracies) / 4
    assert result.random_excess.value == pytest.approx(mean - without)
    assert result.p == (1 + sum(a <= without + 1e-9 for a in accuracies)) / 5
    assert seen[-1] == (6 * 40, 6 * 40)


def test_the_rank_of_all_heads_of_a_layer_is_no_evidence(local):
    """Every random set is the same set: p is 1, and nothing differs."""
    result = ablate_ranked(local, [(1, h) for h in range(4)], prompts(8), sets=3)
    assert result.p == 1
    assert result.random_excess.value == 0
    assert result.random_excess.halfwidth > 0


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ([], "heads are 0"),
        ([(0, 1), (0, 1)], "heads are 2, 1 of them distinct"),
        ([(2, 0)], "layer is 2; expected an integer from 0 to 1"),
        ([(0, 4)], "head is 4; expected an integer from 0 to 3"),
    ],
)
def test_heads_that_there_are_not_are_refused(local, heads, message):
    with pytest.raises(InputError, match=message):
        ablate_ranked(local, heads, prompts(8), sets=2)


def test_another_family_is_refused(local):
    with pytest.raises(InputError, match="family is 'bert'"):
        output_projections(local.model, "bert")


def test_a_head_that_copies_is_taken_out_with_its_scalar():
    """b x goes past the output projection: without all heads of a layer it is gone."""
    made = tiny_model("gpt2", TOKENIZER)
    plain = [(1, h) for h in range(4)]
    with ablated_heads(made.model, "gpt2", plain):
        expected = logits(made)
    add_identity_scalars(cast(Any, made.model), which="vo")
    (_, first), (_, second) = scalar_parameters(made.model)
    with torch.no_grad():
        second.fill_(2.0)
    before = logits(made)
    assert not torch.allclose(before, expected, atol=1e-3)
    with ablated_heads(made.model, "gpt2", plain):
        torch.testing.assert_close(logits(made), expected)
    with ablated_heads(made.model, "gpt2", [(1, 2)]):
        assert second.tolist() == [2, 2, 0, 2]
    assert (first.tolist(), second.tolist()) == ([0] * 4, [2] * 4)
    torch.testing.assert_close(logits(made), before, rtol=0, atol=0)
