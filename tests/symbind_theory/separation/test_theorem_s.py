"""Theorem S as a decision: each hypothesis off in turn, every readout."""

import pytest

from symbind_theory import Outcome, Template
from symbind_theory.separation.theorem_s import Hypotheses, decide

HOLDS, REFUTED, UNDECIDED = Outcome.HOLDS, Outcome.REFUTED, Outcome.UNDECIDED
PATTERN = ["?a ?a ?b ?b", "?a ?b ?a ?b"]
MULTIPLICITIES = ["?a ?a", "?a ?b"]
MOVED = ["X ?a", "?a X"]
COUNTS = ["X ?a", "?a ?b"]


def found(templates, **facts):
    return decide([Template(t) for t in templates], Hypotheses(**facts))


@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
@pytest.mark.parametrize("activation", ["cosine", "relu", "other"])
@pytest.mark.parametrize("identity_kq", [False, True])
@pytest.mark.parametrize("templates", [PATTERN, MULTIPLICITIES, MOVED, COUNTS, ["?a"]])
def test_the_theorem_holds(readout, activation, identity_kq, templates):
    decision = found(
        templates, readout=readout, activation=activation, identity_kq=identity_kq
    )
    assert decision.outcome is HOLDS
    assert decision.collapses == ()
    assert "by Theorem S" in decision.reason


OFF = [
    # Facts, templates, outcome; where they collapse, whether nothing tells them apart.
    ({"gamma_is_zero": True}, PATTERN, REFUTED, True),
    ({"gamma_is_zero": True}, MOVED, REFUTED, True),
    ({"gamma_is_zero": True}, MULTIPLICITIES, HOLDS, None),
    ({"gamma_is_zero": True}, COUNTS, HOLDS, None),
    ({"gamma_is_zero": True, "activation": "other"}, PATTERN, REFUTED, True),
    ({"gamma_is_zero": True, "activation": "other"}, MULTIPLICITIES, HOLDS, None),
    ({"beta_is_zero": True}, PATTERN, REFUTED, True),
    ({"beta_is_zero": True}, MULTIPLICITIES, REFUTED, False),
    ({"beta_is_zero": True}, COUNTS, HOLDS, None),
    ({"beta_is_zero": True, "activation": "relu"}, PATTERN, REFUTED, True),
    ({"beta_is_zero": True, "activation": "relu"}, MULTIPLICITIES, HOLDS, None),
    ({"beta_is_zero": True, "activation": "other"}, MULTIPLICITIES, UNDECIDED, None),
    ({"beta_is_zero": True, "activation": "other"}, PATTERN, REFUTED, True),
    ({"beta_is_zero": True, "gamma_is_zero": True}, COUNTS, HOLDS, None),
    ({"activation": "constant"}, COUNTS, REFUTED, True),
    ({"activation": "constant"}, ["?a"], UNDECIDED, None),
    ({"one_layer": False}, COUNTS, UNDECIDED, None),
    ({"one_layer": False}, ["?a ?b", "?u ?v"], REFUTED, True),
]


@pytest.mark.parametrize(("facts", "templates", "outcome", "identical"), OFF, ids=str)
def test_a_hypothesis_off_under_cls(facts, templates, outcome, identical):
    decision = found(templates, **facts)
    assert decision.outcome is outcome
    assert [c.identical for c in decision.collapses] == (
        [] if identical is None else [identical]
    )
    assert decision.reason.endswith(".")


@pytest.mark.parametrize("activation", ["cosine", "relu", "other"])
@pytest.mark.parametrize("readout", ["last", "mean"])
def test_without_positions_and_regular_tokens_features_vanish(readout, activation):
    """f = 0: rows of N are proportional whatever φ is; self values may differ."""
    decision = found(
        MULTIPLICITIES, readout=readout, activation=activation, gamma_is_zero=True
    )
    assert decision.outcome is REFUTED
    assert [c.identical for c in decision.collapses] == [False]


def test_at_gamma_zero_the_last_readout_knows_the_query():
    """A regular query by name; a wildcard only through the identity, by its copies."""
    ends = ["X Y ?a", "Y X ?a", "X ?a Y"]
    facts = {"readout": "last", "gamma_is_zero": True}
    pairs = [(c.i, c.j) for c in found(ends, **facts).collapses]
    assert pairs == [(0, 1)]
    copies = ["X ?a ?a ?b", "X ?b ?a ?a"]
    assert found(copies, **facts).outcome is REFUTED
    assert found(copies, **facts, identity_kq=True).outcome is UNDECIDED
    assert found(copies, readout="mean", gamma_is_zero=True).outcome is REFUTED


def test_equal_counts_with_equal_squares_are_identical_at_beta_zero():
    """Multiplicities 3, 3 and 4, 1, 1: the sums and the sums of squares agree."""
    templates = ["?a ?a ?a ?b ?b ?b", "?a ?a ?a ?a ?b ?c"]
    (collapse,) = found(templates, beta_is_zero=True, activation="relu").collapses
    assert collapse.identical


def test_the_witness_is_an_equivalent_pair_where_there_is_one():
    decision = found(["X ?a", "?a X", "?b X"], beta_is_zero=True)
    assert len(decision.collapses) == 3
    assert "templates 2 and 3, '?a X' and '?b X', are equal up to" in decision.reason


def test_reasons_name_what_is_off_and_the_pair():
    assert "with gamma = 0" in found(PATTERN, gamma_is_zero=True).reason
    assert "with beta = 0" in found(PATTERN, beta_is_zero=True).reason
    assert "proportional" in found(MULTIPLICITIES, beta_is_zero=True).reason
    assert "'?a ?a ?b ?b'" in found(PATTERN, gamma_is_zero=True).reason
    assert "constant" in found(COUNTS, activation="constant").reason


LENGTHS = ["?a", "?a ?a", "?a ?b", "X", "X ?a", "X X ?a ?a"]


@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
def test_the_theorem_holds_for_several_lengths(readout):
    assert found(LENGTHS, readout=readout, activation="other").outcome is HOLDS
    again = found([*LENGTHS, "?b ?c"], readout=readout)
    assert [(c.i, c.j) for c in again.collapses] == [(2, 6)]


@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize("activation", ["cosine", "other"])
def test_uniform_attention_sees_shares_where_there_are_no_positions(
    readout, activation
):
    """n_t/K and Σ n_v²/K² are all that is left; positions and [CLS] show K too."""
    twice = ["X ?a", "X X ?a ?a"]
    facts = {"readout": readout, "activation": activation, "beta_is_zero": True}
    (collapse,) = found(twice, **facts, gamma_is_zero=True).collapses
    assert collapse.identical
    assert found(twice, **facts).collapses == ()
    assert (
        found(twice, **facts | {"readout": "cls"}, gamma_is_zero=True).collapses == ()
    )


@pytest.mark.parametrize(
    ("activation", "gamma_is_zero", "outcome"),
    [
        ("cosine", True, HOLDS),
        ("relu", True, UNDECIDED),
        ("relu", False, HOLDS),
        ("other", False, UNDECIDED),
    ],
)
def test_a_relu_may_not_tell_proportional_features_apart(
    activation, gamma_is_zero, outcome
):
    """f = (n_t, 1)/K and d = (Σ n_t² + Σ n_v² + 1)/K²: K scales a row of the ReLU."""
    scaled = ["X ?a ?a ?b", "X ?a ?b ?c ?d ?e"]
    facts = {"activation": activation, "beta_is_zero": True}
    assert found(scaled, **facts, gamma_is_zero=gamma_is_zero).outcome is outcome


def test_lengths_and_multiplicities_at_gamma_zero():
    """The [CLS] coordinate of f knows K only through counts and multiplicities."""
    assert found(LENGTHS, gamma_is_zero=True).outcome is HOLDS
    pair = found(["X ?a ?a", "?b X ?b", "X ?a"], gamma_is_zero=True)
    assert [(c.i, c.j) for c in pair.collapses] == [(0, 1)]
