"""Losses of texts: against transformers' own, and the coverage of the interval."""

import math

import numpy as np
import pytest
import torch
from symbind_testing.language_models import small_gpt2

from numerics.gpt2.perplexity import TextLoss, block_losses, text_loss, token_losses
from symbind_theory.interval import Interval


def _tokens(blocks=6, positions=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 50, (blocks, positions + 1), generator=generator)


def test_loss_is_what_transformers_computes():
    """Their loss of a block is the mean over the same tokens."""
    model = small_gpt2()
    tokens = _tokens()
    # Transformers shifts labels itself, and drops the last token's prediction.
    expected = [model(block[None], labels=block[None]).loss.item() for block in tokens]
    assert block_losses(model, tokens, 4) == pytest.approx(expected, rel=1e-5)


def test_uniform_model_has_the_perplexity_of_its_vocabulary():
    """Where all logits are equal, each token has log p = −log 50."""
    model = small_gpt2(scale=0.0)
    with torch.no_grad():
        model.transformer.ln_f.bias.zero_()
    measured = text_loss(model, _tokens())
    assert measured.loss.value == pytest.approx(math.log(50), rel=1e-6)
    assert measured.perplexity.value == pytest.approx(50, rel=1e-5)
    assert measured.tokens == 72


def test_batch_changes_nothing_but_rounding():
    """Blocks are independent of those beside them."""
    model = small_gpt2()
    one, four = (block_losses(model, _tokens(), batch) for batch in (1, 4))
    assert one == pytest.approx(four, rel=1e-5)


def test_dropout_is_off_while_measuring():
    """The loss is a function of model and text."""
    model = small_gpt2().train()
    first, again = (block_losses(model, _tokens(), 4) for _ in range(2))
    assert first.tolist() == again.tolist()


def test_one_block_has_no_spread():
    """The interval is as wide as nothing that bounds it allows."""
    measured = text_loss(small_gpt2(), _tokens(1))
    assert measured.loss.high == math.inf
    assert measured.perplexity.low == 1.0


def test_losses_of_tokens_are_by_place():
    """Row and column of a loss are those of the token that is predicted."""
    model = small_gpt2()
    tokens = _tokens(2)
    with torch.no_grad():
        losses = token_losses(model, tokens)
        log_p = model(tokens[:, :-1]).logits.log_softmax(-1)
    assert losses.shape == (2, 12)
    assert losses[1, 4].item() == pytest.approx(-log_p[1, 4, tokens[1, 5]].item())


def test_interval_covers_the_mean_of_correlated_blocks(monkeypatch):
    """Neighbours' losses have correlation 0.7; grouped, they are near to independent.

    Of 400 intervals at 0.95 the misses are binomial with mean 20 and standard deviation
    4.4, were the groups independent. Neighbouring groups of 20 blocks still share a
    correlation of about 0.12, which widens the truth by a tenth: about 29 misses. At
    most 44 is 3 deviations above that. Blocks taken singly would miss about 160.
    """
    rho, blocks, trials = 0.7, 400, 400
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((trials, blocks))
    losses = np.empty_like(noise)
    losses[:, 0] = noise[:, 0]
    for i in range(1, blocks):
        losses[:, i] = rho * losses[:, i - 1] + math.sqrt(1 - rho**2) * noise[:, i]
    losses += 3.0
    tokens = torch.zeros(blocks, 2, dtype=torch.int64)
    misses = 0
    for row in losses:
        monkeypatch.setattr(
            "numerics.gpt2.perplexity.block_losses", lambda *_, row=row: row
        )
        misses += not text_loss(torch.nn.Linear(1, 1), tokens).loss.contains(3.0)
    assert misses <= 44
    assert misses >= 8


def test_loss_too_large_for_its_perplexity_is_infinite():
    """A model that has diverged is reported, not an overflow."""
    measured = TextLoss(Interval(800.0, 790.0, 810.0, 0.95), 3)
    assert measured.perplexity.value == math.inf
