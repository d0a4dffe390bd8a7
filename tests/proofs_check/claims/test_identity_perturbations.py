"""C6: its strings and records against counting, and that each finding can fail."""

import math
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.builders.grams import one_layer_estimate

from numerics import ReLU
from numerics.architecture import Architecture
from numerics.networks.transformer import NetworkShape, TransformerNetwork
from numerics.strings.sampled_gram import string_gram
from numerics.template_matrix.accuracy import Accuracy
from numerics.template_matrix.one_layer import one_layer_gram
from proofs_check.claims.identity_perturbations import (
    IdentityExperiment,
    identity_perturbations,
)
from proofs_check.evidence import identity_in_keys, identity_in_values
from proofs_check.evidence.identity_in_values import in_values
from proofs_check.evidence.identity_setting import IdentitySetting, interval_ratio
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.separation.incidence import READOUTS
from symbind_theory.strategies import tasks
from symbind_theory.validation import InputError

SAME_DIFFERENT = builtin_task("same-different")
REGULAR = TemplateTask(["?a X ?a", "?a X ?b", "X Y ?a"], [1, -1, 2])
SMALL = IdentityExperiment(
    rel_tol=0.1, max_points=1024, draws=2**12, networks=20, width=32, heads=4
)

# Enough draws for the changed logit, and for b's part in networks to a third of itself.
LARGER = replace(SMALL, draws=2**16, networks=100)

inequivalent = tasks(pairwise_inequivalent=True, max_templates=2, max_length=3).filter(
    lambda task: len(task) > 1
)


def setting(task, architecture, experiment=SMALL, seed=0):
    return IdentitySetting(task, architecture, experiment, seed)


class MorePointsWithB(IdentitySetting):
    """Estimates take twice as many points with b as without."""

    def gram(self, architecture, precise=True):
        points = 2**10 if architecture.identity_vo == 0 else 2**11
        accuracy = Accuracy(rel_tol=1e-9, max_points=points, seed=self.seed)
        return one_layer_gram(self.task.templates, architecture, accuracy)


def test_what_b_adds_is_exact_where_more_points_would_be_taken_with_it():
    """It is added to the estimate without b: at other points gaps would differ."""
    task, base = builtin_task("aabb-abab"), Architecture()
    chosen = MorePointsWithB(task, base, SMALL, 3)
    plain, other = (chosen.gram(Architecture(identity_vo=b)) for b in (0.0, 1.0))
    assert (plain.points, other.points) == (2**10, 2**11)
    assert abs(other.gaps[0, 1] - plain.gaps[0, 1]) > 1e-9
    no_gap_lower, exactly_0 = islice(in_values(chosen, 1.0, False), 2)
    assert no_gap_lower.outcome is Outcome.HOLDS, no_gap_lower.statement
    assert exactly_0.outcome is Outcome.HOLDS, exactly_0.statement


def test_networks_that_are_not_wide_are_off_by_no_more_than_is_allowed():
    """Of twenty embeddings in 16 dimensions few are orthogonal: it shows, in bounds.

    The part of the allowance that is twice the value itself is less than what shows.
    """
    long = TemplateTask([" ".join(f"?v{i}" for i in range(20))], [1])
    base = Architecture()
    narrow = replace(SMALL, width=16, heads=1, networks=600)
    chosen = setting(long, base, narrow)
    strings = [identity_in_values._string(t) for t in long.templates]
    kernel = string_gram(strings, base, 2**14, seed=1).attention
    own = float(kernel[0, 0])
    added = identity_in_values._added_by_identity(chosen, strings, 1.0)
    error = 4 * added.std() / math.sqrt(len(added))
    # With one head ⟨z1, z1⟩ gains what attention has.
    off = added.mean() - own
    allowed = 2 * own + identity_in_values._overlapping(base, own)
    assert 2 * own / narrow.width < off - error
    assert off + error < allowed / narrow.width


@settings(max_examples=4)
@given(
    inequivalent,
    st.sampled_from(READOUTS),
    st.sampled_from([0.0, 1.0, -0.5]),
    st.sampled_from([0.5, 1.0, 2.0]),
)
def test_b_does_what_is_claimed_on_any_task(task, readout, a, b):
    """Sampled attention and finite networks never refute the formulas.

    They may be UNDECIDED: templates that differ in regular tokens alone may have gaps
    far below the resolution, and where all that is read is regular tokens four heads
    differ in nothing from infinitely many. On the ledger's tasks they must hold.
    """
    architecture = Architecture(0.8, 0.9, readout, identity_kq=a)
    findings = list(in_values(setting(task, architecture), b, False))
    assert [str(f) for f in findings if f.outcome is Outcome.REFUTED] == []


@settings(max_examples=4)
@given(inequivalent, st.sampled_from([0.5, 1.0]))
def test_a_under_cls_is_a_changed_logit_on_any_task(task, a):
    base = Architecture(0.8, 0.9)
    with_setting = setting(task, base, LARGER)
    before, after = (with_setting.gram(replace(base, identity_kq=x)) for x in (0.0, a))
    order = identity_in_keys._leading_orders(with_setting, a, False)
    assert order.outcome is Outcome.HOLDS
    same = identity_in_keys._changed_logit(with_setting, a, before, after)
    # What a does to the mean entry may cancel over templates: then it is UNDECIDED.
    assert same.outcome is not Outcome.REFUTED
    # An entry is in [0, 1 + γ²], so that its deviation is at most half of that.
    normal = 4.5 * (1 + base.gamma**2) / 2 / math.sqrt(LARGER.draws)
    rounding = float(after.halfwidth["attention"].mean())
    assert same.estimate is not None
    assert same.estimate.halfwidth < normal + rounding
    # A multiple by which `[CLS]` takes far more of the attention is refuted.
    other = identity_in_keys._changed_logit(with_setting, a + 2.5, before, after)
    assert other.outcome is Outcome.REFUTED


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("task", [SAME_DIFFERENT, REGULAR], ids=["wild", "regular"])
def test_a_residual_adds_what_the_queries_share(task, readout):
    """⟨Z0_q, Z0_q'⟩ counted over strings with disjoint wildcards."""
    architecture = Architecture(1.0, 0.7, readout)
    gram = one_layer_estimate(task.templates, architecture, max_points=1024)
    found = identity_in_values._with_residual(setting(task, architecture), gram)
    strings = [
        [
            [*t.substitute({w: f"{w}{side}" for w in t.wildcards}).split()]
            for side in "12"
        ]
        for t in task.templates
    ]
    if readout == "cls":
        strings = [[[*s, "[CLS]"] for s in sides] for sides in strings]
    queries = range(len(strings[0][0]))[
        slice(None) if readout == "mean" else slice(-1, None)
    ]

    def shared(one, other):
        products = [
            (one[p] == other[q]) + 0.7**2 * (p == q) for p in queries for q in queries
        ]
        return np.mean(products)

    between = np.array([[shared(x[0], y[1]) for y in strings] for x in strings])
    itself = np.array([shared(x[0], x[0]) for x in strings])
    factor = found.features[0][:, list(found.column)]
    np.testing.assert_allclose(factor.T @ factor, gram.attention + between, rtol=1e-11)
    own = found.self_values[0][list(found.column)]
    np.testing.assert_allclose(own, gram.attention_self + itself, rtol=1e-12)
    np.testing.assert_allclose(found.attention_self, own, rtol=1e-12)
    np.testing.assert_allclose(found.attention, gram.attention + between, rtol=1e-11)


@pytest.mark.parametrize("readout", READOUTS)
def test_a_matrix_with_a_residual_is_the_one_of_its_factor(readout):
    """N, K_self and gaps follow from its features, as those of any estimate do."""
    architecture = Architecture(1.0, 0.7, readout)
    gram = one_layer_estimate(REGULAR.templates, architecture, max_points=1024)
    found = identity_in_values._with_residual(setting(REGULAR, architecture), gram)
    np.testing.assert_allclose(found.factor.T @ found.factor, found.matrix, rtol=1e-6)
    own = np.diagonal(found.matrix) + found.excess
    np.testing.assert_allclose(found.matrix_self, own, rtol=1e-6)
    d = np.diagonal(found.attention)
    gaps = d[:, None] + d - 2 * found.attention
    np.testing.assert_allclose(found.gaps, gaps, atol=1e-12)
    assert not np.array_equal(found.halfwidth["matrix"], gram.halfwidth["matrix"])


def test_both_signs_of_b_leave_the_mean_attention_of_the_heads():
    """Exactly, in every network: b² |mean over heads of A_h Z0|²."""
    base = Architecture(readout="last", identity_kq=0.5)
    with_setting = setting(REGULAR, base, replace(SMALL, networks=5))
    strings = [["a", "X", "a"], ["a", "X", "b"]]
    found = identity_in_values._added_by_identity(with_setting, strings, 1.5)
    random = torch.Generator().manual_seed(int(with_setting.random(3).integers(2**63)))
    tokens = torch.tensor([[0, 1, 0], [0, 1, 2]])
    for added in found:
        network = TransformerNetwork(NetworkShape(3, 3, 32, 32, 4, 1), base, random)
        with torch.no_grad():
            network.value.zero_()
            network.identity_vo.fill_(1.0)
            squares = (network.attention(tokens) ** 2).sum(1)
        assert added == pytest.approx(1.5**2 * float(squares.mean()), rel=1e-10)


positive = st.floats(0.01, 100)


@given(positive, positive, st.floats(0, 0.9), st.floats(0, 0.9))
def test_ratios_hold_every_ratio_of_members(x, y, below, above):
    one = Interval(x, x * (1 - below), x * (1 + above), 0.999)
    other = Interval(y, y * (1 - above), y * (1 + below), 0.999)
    ratio = interval_ratio(one, other)
    assert ratio.level == pytest.approx(0.998)
    for p in (one.low, one.value, one.high):
        for q in (other.low, other.value, other.high):
            assert ratio.low * (1 - 1e-12) <= p / q <= ratio.high * (1 + 1e-12)


def test_unknown_ratios_know_nothing():
    never, some = Interval(np.inf, 1.0, np.inf), Interval(2.0, 0.0, 3.0)
    assert interval_ratio(never, some).low == 0
    assert interval_ratio(some, some).high == np.inf


def test_numbers_of_the_page():
    """docs/identity.md, last readout at a = 2: 2.8456e-3 over 3.0713e-4 against e."""
    report = identity_perturbations(
        SAME_DIFFERENT, Architecture(readout="last"), identity_kq=2.0
    )
    found = {f.statement.split(" with")[0]: f.estimate for f in report.findings}
    relative, condition, strings = (
        found[key]
        for key in ("λ_min(N) against e", "condition number of N", "data needed")
    )
    assert relative is not None
    assert relative.contains(9.53e-3 / 1.04535e-3)
    assert condition is not None
    assert condition.contains(149.88 / 1465.0)
    assert strings is not None
    assert strings.contains(1889.1 / 17228)


def test_a_that_shows_nothing_is_refuted():
    """The last symbol occurs once in both, so its copies tell nothing."""
    task = TemplateTask(["?a ?a ?b", "?a ?b ?c"], [1, -1])
    last = Architecture(readout="last")
    report = identity_perturbations(task, last, identity_kq=1.0, less_data=True)
    assert report.findings[0].outcome is Outcome.REFUTED


def test_what_a_does_to_the_data_is_judged_where_it_is_claimed_alone():
    """Read at the last symbol, counting needs nine times the strings with a = 2."""
    last, counting = Architecture(readout="last"), builtin_task("counting")
    plain, claimed = (
        identity_perturbations(counting, last, identity_kq=2.0, less_data=less)
        for less in (False, True)
    )
    assert plain.outcome is Outcome.HOLDS
    assert claimed.outcome is Outcome.REFUTED
    assert "data needed with a = 2" in claimed.evidence


def test_each_multiple_is_looked_at_alone_where_none_is_given():
    both, a, b = (
        identity_perturbations(
            SAME_DIFFERENT, None, SMALL, identity_kq=a, identity_vo=b
        )
        for a, b in ((None, None), (2.0, None), (None, 1.0))
    )
    assert both.findings == a.findings + b.findings


def test_a_gap_that_does_not_vanish_is_refuted(monkeypatch):
    monkeypatch.setattr(identity_in_keys, "_OUTWEIGHS", 0.0)
    report = identity_perturbations(SAME_DIFFERENT, identity_kq=0.5)
    (gap,) = (f for f in report.findings if "largest gap" in f.statement)
    assert gap.outcome is Outcome.REFUTED


def test_another_b_is_refuted():
    """Sampled attention for b = 1 against gaps for b = 1.5, and finite networks."""
    found = identity_in_values._mean_features_apart(
        setting(SAME_DIFFERENT, Architecture()), 1.0
    )
    plain, more = (
        one_layer_estimate(SAME_DIFFERENT.templates, Architecture(identity_vo=b), 1.0)
        for b in (0.0, 1.5)
    )
    added = float((more.gaps - plain.gaps)[0, 1])
    assert not found.contains(added)
    assert found.contains(added / 1.5**2)


def test_less_data_with_relu_and_b_is_reported_only():
    """And symbolic labels leave the data needed out."""
    report = identity_perturbations(
        SAME_DIFFERENT, Architecture(activation=ReLU()), SMALL, identity_vo=1.0
    )
    assert any("data needed" in f.statement for f in report.findings)
    symbolic = TemplateTask(["?a ?a", "?a ?b"], ["yes", "no"])
    report = identity_perturbations(
        symbolic, None, SMALL, identity_kq=1.0, identity_vo=1.0
    )
    assert not any("data needed" in f.statement for f in report.findings)


def test_equal_seeds_equal_reports():
    first, second, other = (
        identity_perturbations(SAME_DIFFERENT, None, SMALL, identity_vo=1.0, seed=seed)
        for seed in (3, 3, 4)
    )
    assert first == second
    assert first != other


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"identity_kq": 0.0}, "identity_kq and identity_vo are 0"),
        ({"identity_vo": float("nan")}, "identity_vo is nan"),
        ({"architecture": Architecture(identity_kq=1.0)}, "of the architecture is 1"),
        ({"architecture": Architecture(gamma=0.0)}, "gamma is 0.0; .* above 0"),
        ({"architecture": Architecture(beta=0.0)}, "beta is 0.0"),
        ({"architecture": Architecture(depth=2)}, "depth is 2"),
        ({"task": TemplateTask(["?a ?a"], [1])}, "task has 1 template, "),
        ({"task": TemplateTask(["?a ?b", "?b ?a"], [1, 2])}, "1 pairs of them"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_input(arguments: Any, message):
    with pytest.raises(InputError, match=message):
        identity_perturbations(
            **{"task": SAME_DIFFERENT, "identity_kq": 1.0, **arguments}
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rel_tol": 0.0}, "rel_tol is 0.0"),
        ({"max_points": 1}, "max_points is 1"),
        ({"draws": 100}, "draws is 100"),
        ({"networks": 1}, "networks is 1"),
        ({"heads": 0}, "heads is 0"),
        ({"width": 0}, "width is 0"),
        ({"target": 0.0}, "target is 0.0"),
    ],
)
def test_bad_experiments(settings: Any, message):
    with pytest.raises(InputError, match=message):
        IdentityExperiment(**settings)
