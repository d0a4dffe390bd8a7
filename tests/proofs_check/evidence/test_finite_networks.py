"""Networks of finite width: what pairs share, and what is too much to train."""

import math

import numpy as np
import pytest
import torch
from symbind_testing.tasks import (
    AA_AB,
    ABA_ABB,
    SAME_DIFFERENT,
    SAME_DIFFERENT_IN_WORDS,
    ZERO_FLOOR,
    same_different,
)

from numerics import Architecture
from numerics.networks.blocks import BlockShape
from numerics.networks.mlp import MLP
from numerics.networks.training import Training
from numerics.networks.unseen_strings import unseen_symbols
from proofs_check.evidence.finite_networks import (
    FiniteTransformer,
    NetworkSizes,
    NetworkTraining,
    without_floor,
)
from proofs_check.judgements import at_most, exactly
from symbind_theory import InputError, Outcome, TemplateTask

SMALL = FiniteTransformer(
    Architecture(readout="last"),
    BlockShape(width=16, heads=2, head_width=4, hidden=8),
)
FEW = NetworkSizes(strings=16, networks=3, epochs=6, held_out=32)
DATA = unseen_symbols(SAME_DIFFERENT, 16, seed=0, held_out=8)


def setting(training=None, *, enough=False, sizes=FEW, seed=0):
    training = training or Training(learning_rate=1e-2)
    return NetworkTraining(training, sizes, enough, seed)


def test_pairs_differ_by_the_scalar_alone():
    """Before training both give the same outputs to the last bit."""
    one = SMALL.built(DATA, 7).batch_outputs(DATA.test.tokens)
    other = SMALL.without_scalars.built(DATA, 7).batch_outputs(DATA.test.tokens)
    assert torch.equal(one, other)
    assert not torch.equal(one, SMALL.built(DATA, 8).batch_outputs(DATA.test.tokens))


def test_without_scalars_both_of_a_pair_are_one():
    plain = SMALL.without_scalars
    one, other = setting().errors(SAME_DIFFERENT, plain, plain)
    np.testing.assert_array_equal(one, other)


def test_a_unit_of_the_scalar_scales_what_a_step_moves():
    """After one step of Adam, which moves each number by the rate, a is unit · rate."""
    for unit in (1.0, 1 / 16):
        network = FiniteTransformer(
            SMALL.architecture, SMALL.shape, identity_unit=unit
        ).built(DATA, 0)
        rate = 1e-3
        optimiser = torch.optim.Adam(network.parameters(), lr=rate, eps=0.0)
        network.batch_outputs(DATA.train.tokens).square().sum().backward()
        optimiser.step()
        a = network.attentions[0].identity_kq
        assert a is not None
        assert a.abs().tolist() == pytest.approx(2 * [unit * rate], rel=1e-3)


def test_a_unit_keeps_the_scalar_that_heads_start_with():
    started = Architecture(readout="last", identity_kq=0.5)
    one = FiniteTransformer(started, SMALL.shape).built(DATA, 0)
    other = FiniteTransformer(started, SMALL.shape, identity_unit=0.25).built(DATA, 0)
    assert torch.equal(
        one.batch_outputs(DATA.test.tokens), other.batch_outputs(DATA.test.tokens)
    )


@pytest.mark.parametrize("network", [SMALL, MLP(width=8)])
def test_errors_scale_with_the_square_of_the_labels(network):
    """Labels 10 and 4 are 7 ± 3: networks see 1 and −1, noise in the same units."""
    near = setting().errors(same_different(noise=0.5), network)
    far = setting().errors(TemplateTask(AA_AB, [10, 4], noise=1.5), network)
    np.testing.assert_allclose(far, 9 * near, rtol=1e-5)


def test_equal_seeds_equal_errors():
    one, same = (setting(seed=4).errors(SAME_DIFFERENT, SMALL) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    assert len(set(one[0])) == FEW.networks


def test_training_that_diverges_has_no_finite_error():
    wild = Training(optimiser="sgd", learning_rate=1e9)
    assert (setting(wild).errors(SAME_DIFFERENT, SMALL) == math.inf).all()


def test_refuted_for_want_of_strings_is_undecided():
    finding = at_most("error", exactly(1.0), 0.5)
    found = setting().judged(finding, setting().more_strings)
    assert found.outcome is Outcome.UNDECIDED
    assert found.expected is not None
    assert found.expected.startswith("at most 0.5: pass sizes=NetworkSizes(strings=64")
    assert setting(enough=True).judged(finding, "") is finding


def test_what_is_too_much_to_read_says_what_to_pass():
    """Twice six epochs of three networks on 16 strings of 2 tokens are 1152 tokens."""
    sizes = NetworkSizes(16, 3, 6, most_tokens=1151)
    assert setting(sizes=sizes).too_long(SAME_DIFFERENT, 1) is None
    found = setting(sizes=sizes).too_long(SAME_DIFFERENT, 2)
    assert found is not None
    assert found.estimate == exactly(1152.0)
    assert found.expected is not None
    assert "most_tokens=1200" in found.expected
    # Labels that are tokens are two tasks, of which each has its networks.
    assert setting(sizes=sizes).too_long(SAME_DIFFERENT_IN_WORDS, 1) is not None


def test_conflicts_are_those_that_no_scalar_mends():
    labels = [1, -1]
    for network, templates, expected in (
        (SMALL, ["?a ?b", "?b ?a"], True),
        (SMALL, ABA_ABB, False),
        (FiniteTransformer(Architecture(gamma=0.0), SMALL.shape), ABA_ABB, True),
        (FiniteTransformer(Architecture(beta=0.0), SMALL.shape), AA_AB, False),
    ):
        found = network.conflict(TemplateTask(templates, labels))
        assert (found is not None) is expected


def test_copies_need_a_scalar_on_values():
    assert not FiniteTransformer().copies
    assert FiniteTransformer(trained=("kq", "vo")).copies
    assert FiniteTransformer(Architecture(identity_vo=0.5)).copies


def test_nothing_is_said_where_skeletons_decide_or_laws_name_tokens():
    assert "floor is 0" in str(without_floor(ZERO_FLOOR))
    named = same_different(laws={"u": 1, "v": 1})
    assert "law names its tokens" in str(without_floor(named))
    assert without_floor(SAME_DIFFERENT_IN_WORDS) is None


@pytest.mark.parametrize(
    "bad", [{"gain": 0.0}, {"identity_unit": -1.0}, {"trained": ("qk",)}]
)
def test_transformers_out_of_range(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        FiniteTransformer(**bad)


@pytest.mark.parametrize(
    "bad",
    [
        {"strings": 0},
        {"networks": 1},
        {"epochs": 0},
        {"held_out": 0},
        {"most_tokens": 0},
    ],
)
def test_sizes_out_of_range(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        NetworkSizes(**bad)
