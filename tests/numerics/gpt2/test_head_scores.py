"""Every head beside chance: planted heads are named, random models have none."""

import math
from typing import Any

import pytest
import torch
from symbind_testing.builders.tiny_models import (
    blocks,
    plant_keys,
    plant_values,
    tiny_gpt2,
    tiny_llama,
)

from numerics.gpt2 import heads_by_identity, score_heads
from numerics.gpt2.head_weights import layer_heads
from symbind_theory import InputError

FEW: dict[str, Any] = {"draws": 19, "sequences": 2, "length": 4}


def test_planted_heads_are_named_and_no_others():
    """A projection has tr P/‖P‖ = √e, 4 here, and z = √(d e), against ±1 by chance."""
    model = tiny_gpt2(heads=4, width=64)
    plant_keys(model, 1, 2)
    plant_values(model, 0, 3)
    report = score_heads(model, **FEW)
    assert [(h.layer, h.head) for h in report.passing("keys")] == [(1, 2)]
    assert [(h.layer, h.head) for h in report.passing("values")] == [(0, 3)]
    [keys], [values] = report.passing("keys"), report.passing("values")
    assert keys.keys.raw.share.value == pytest.approx(4, rel=1e-5)
    assert keys.keys.raw.share.z == pytest.approx(math.sqrt(64 * 16), rel=1e-5)
    assert keys.keys.nearness == pytest.approx(1, rel=1e-5)
    assert values.values.nearness == pytest.approx(-1, rel=1e-5)
    assert report.near("keys") == (keys,)
    assert keys.keys.raw.copying.value == pytest.approx(1, rel=1e-5)
    assert keys.keys.raw.share.outside
    assert keys.keys.directions == pytest.approx(16, rel=1e-4)
    assert values.values.raw.share.value == pytest.approx(-4, rel=1e-5)
    assert values.values.raw.copying.value == pytest.approx(-1, rel=1e-5)
    assert heads_by_identity(model)[0] == (1, 2)


def test_one_shared_direction_is_told_from_the_identity():
    """A rank of one leaves the null as well; its trace comes from one direction."""
    model = tiny_gpt2(heads=8, width=128)
    direction = torch.nn.functional.normalize(
        torch.randn(128, generator=torch.Generator().manual_seed(1)), dim=0
    )
    with torch.no_grad():
        weight = blocks(model)[0].attn.c_attn.weight
        weight[:, 0] = 30 * direction
        weight[:, 128] = 30 * direction
    report = score_heads(model, **FEW)
    [head] = report.passing("keys")
    assert (head.layer, head.head) == (0, 0)
    assert head.keys.raw.share.z > 10
    assert head.keys.directions == pytest.approx(1, abs=0.05)
    assert abs(head.keys.z_without_strongest) < 5


def test_random_models_have_no_heads_beyond_chance():
    """The union bound: any of 12 models names a head with probability ≤ 12 · 10⁻⁵.

    Each interval is left by chance once in 20 times; draws are shared within a model,
    so that the deviation is wider than a binomial one, by √2 at 5 deviations here.
    """
    outside, expected = 0, 0.0
    for seed in range(12):
        model = tiny_llama(seed) if seed % 2 else tiny_gpt2(seed, heads=4)
        strict = score_heads(model, draws=19, level=0.95, sequences=2, length=4)
        named = [
            getattr(h, product).chance
            for h in strict.heads
            for product in ("keys", "values")
        ]
        assert min(named) > 1e-5 / (2 * len(strict.heads))
        outside += strict.outside("keys", "raw", "share")
        outside += strict.outside("values", "embeddings", "copying")
        expected += 2 * strict.expected_outside
        assert strict.expected_outside == pytest.approx(0.05 * len(strict.heads))
    assert 0 < outside < expected + 5 * math.sqrt(2 * expected)


def test_the_order_needs_no_draws():
    model = tiny_llama()
    report = score_heads(model, **FEW)
    ranked = report.ranked(lambda head: head.keys.raw.share.z)
    assert [(h.layer, h.head) for h in ranked] == heads_by_identity(model)


def test_one_seed_gives_one_report():
    model = tiny_gpt2()
    assert score_heads(model, seed=3, **FEW) == score_heads(model, seed=3, **FEW)
    assert score_heads(model, seed=3, **FEW) != score_heads(model, seed=4, **FEW)


def test_shared_keys_are_expanded_and_said_to_be_shared():
    """The second head of a group has the keys of the first: written out by hand."""
    model = tiny_llama()
    report = score_heads(model, **FEW)
    attention = blocks(model)[0].self_attn
    keys = attention.k_proj.weight.detach().double()[8:16].T
    queries = attention.q_proj.weight.detach().double()[24:32].T
    product = keys @ queries.T
    share = float(product.trace() / product.norm())
    assert report.heads[3].keys.raw.share.value == pytest.approx(share, rel=1e-9)
    assert any("offset 0" in note for note in report.notes)
    assert any("Groups of 2 heads" in note for note in report.notes)


def test_nearness_is_the_cosine_over_the_largest_of_its_rank():
    """By hand: cos(P, I) = tr P/(√d ‖P‖), and √(r/d) is the cosine of a projection."""
    model = tiny_gpt2(heads=4, width=32)
    for head in score_heads(model, **FEW).heads:
        weight = blocks(model)[head.layer].attn.c_attn.weight.detach().double()
        columns = slice(8 * head.head, 8 * head.head + 8)
        product = weight[:, 32:64][:, columns] @ weight[:, :32][:, columns].T
        cosine = torch.nn.functional.cosine_similarity(
            product.flatten(), torch.eye(32, dtype=torch.float64).flatten(), dim=0
        )
        assert head.keys.nearness == pytest.approx(float(cosine) / (8 / 32) ** 0.5)


def test_trained_scalars_are_reported_and_not_added():
    model = tiny_gpt2()
    plain = score_heads(model, **FEW)
    attention = blocks(model)[1].attn
    attention.identity_vo = torch.nn.Parameter(torch.tensor([0.5, -2.0]))
    report = score_heads(model, **FEW)
    assert [h.identity_vo for h in report.heads] == [None, None, 0.5, -2.0]
    assert [h.values for h in report.heads] == [h.values for h in plain.heads]


def test_a_head_of_zeros_is_at_chance():
    model = tiny_gpt2()
    with torch.no_grad():
        blocks(model)[0].attn.c_attn.weight.zero_()
    head = score_heads(model, **FEW).heads[0]
    assert head.keys.raw.share.z == head.keys.embeddings.copying.z == 0
    assert head.keys.chance == 1
    assert not head.values.raw.excess.outside


def test_progress_counts_strings_and_layers():
    steps = []
    score_heads(tiny_gpt2(), **FEW, progress=lambda *step: steps.append(step))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"draws": 18}, "draws is 18; expected at least 19"),
        ({"level": 1.0}, "level is 1.0; expected a number in"),
        ({"level": 0.0}, "level is 0.0; expected a finite number above 0"),
        ({"sequences": 1}, "sequences is 1"),
        ({"length": 1}, "length is 1"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(InputError, match=message):
        score_heads(tiny_gpt2(), **{**FEW, **setting})


def test_layers_are_in_order():
    model = tiny_gpt2()
    report = score_heads(model, **FEW)
    assert [(h.layer, h.head) for h in report.heads] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert len(list(layer_heads(model))) == report.layers
