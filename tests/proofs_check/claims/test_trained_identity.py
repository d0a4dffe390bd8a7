"""C13: what a saves is held against, and that each part can fail."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from symbind_testing.findings import finding
from symbind_testing.refusals import refusal
from symbind_testing.tasks import SAME_DIFFERENT, ZERO_FLOOR

from numerics import Architecture
from numerics.networks.blocks import BlockShape
from numerics.networks.deep_transformer import PAPER
from numerics.networks.training import Training
from proofs_check.claims.trained_identity import trained_identity
from proofs_check.evidence.finite_networks import (
    FiniteTransformer,
    NetworkSizes,
    NetworkTraining,
)
from symbind_theory import Outcome, TemplateTask, builtin_task

MODULE = importlib.import_module("proofs_check.claims.trained_identity")
SMALL = FiniteTransformer(
    Architecture(readout="last"),
    BlockShape(width=16, heads=2, head_width=4, hidden=8),
)
FEW = NetworkSizes(strings=16, networks=3, epochs=6, held_out=32)
MEAN, SHARE = "squared error on unseen symbols", "share of pairs"
PAIRS = 18


def drawn(monkeypatch, saved):
    """The checker with errors of 2 without a, and as much less with it."""
    plain = np.full(PAIRS, 2.0)
    errors = np.stack([plain - saved, plain])
    monkeypatch.setattr(NetworkTraining, "errors", lambda *_: errors)


def test_what_is_saved_is_in_units_of_the_floor(monkeypatch):
    """A half of a floor of 4 is 2."""
    drawn(monkeypatch, 2 + np.linspace(-0.1, 0.1, PAIRS))
    report = trained_identity(TemplateTask(["?a ?a", "?a ?b"], [2, -2]))
    estimate = finding(report, MEAN).estimate
    assert estimate is not None
    assert estimate.value == pytest.approx(0.5)
    assert report.claim == "C13"
    assert report.outcome is Outcome.HOLDS
    assert report.false_alarm == pytest.approx(2e-5)


@pytest.mark.parametrize(
    ("enough", "outcome"), [(True, Outcome.REFUTED), (False, Outcome.UNDECIDED)]
)
def test_nothing_saved_refutes_where_it_is_claimed(monkeypatch, enough, outcome):
    drawn(monkeypatch, np.linspace(-0.1, 0.1, PAIRS))
    report = trained_identity(SAME_DIFFERENT, enough=enough)
    for start in (MEAN, SHARE):
        assert finding(report, start).outcome is outcome


def test_a_few_pairs_that_save_all_are_not_half(monkeypatch):
    """The mean is above a quarter, as a third of the pairs saves 2."""
    drawn(monkeypatch, np.where(np.arange(PAIRS) % 3, 0.0, 1.9))
    share = finding(trained_identity(SAME_DIFFERENT, enough=True), SHARE)
    assert share.estimate is not None
    assert share.estimate.value == pytest.approx(1 / 3)
    assert share.outcome is Outcome.UNDECIDED
    assert "strings=" in str(share.expected)


def test_what_both_have_learned_asks_for_fewer_strings(monkeypatch):
    """Errors of 0.1 of a floor of 1 have nothing to save."""
    errors = np.full((2, PAIRS), 0.1)
    monkeypatch.setattr(NetworkTraining, "errors", lambda *_: errors)
    report = trained_identity(SAME_DIFFERENT)
    assert report.outcome is Outcome.UNDECIDED
    assert "pass sizes=NetworkSizes(strings=32)" in report.evidence


def test_no_scalar_saves_exactly_nothing():
    report = trained_identity(
        SAME_DIFFERENT, SMALL.without_scalars, enough=True, sizes=FEW
    )
    estimate = finding(report, MEAN).estimate
    assert estimate is not None
    assert (estimate.low, estimate.high) == (0, 0)
    assert finding(report, MEAN).outcome is Outcome.REFUTED


def test_equivalent_templates_are_refuted_before_training():
    report = trained_identity(TemplateTask(["?a ?b", "?b ?a"], [1, -1]))
    assert report.outcome is Outcome.REFUTED
    assert "differ to the network" in report.evidence


def test_copied_labels_are_out_of_reach_without_b():
    task = TemplateTask(["?a ?b ?a", "?a ?b ?b"], ["?a", "?b"])
    assert "C7" in trained_identity(task).evidence


@pytest.mark.parametrize(
    "task",
    [
        TemplateTask(["?a ?a", "?a ?b", "?b ?a"], [1, -1, 1], [0.5, 0.5, 0]),
        TemplateTask(["?a ?a", "?a ?b", "?b ?b"], ["x", "y", "?b"], [0.5, 0.5, 0]),
    ],
)
def test_templates_of_weight_0_refute_nothing(task):
    """The last one is in conflict, or is copied, and never occurs."""
    assert trained_identity(task, SMALL, sizes=FEW).outcome is not Outcome.REFUTED


def test_uniform_attention_is_not_refuted_by_proof():
    uniform = FiniteTransformer(replace(PAPER, beta=0.0), SMALL.shape)
    report = trained_identity(builtin_task("aba-abb"), uniform, sizes=FEW)
    assert report.outcome is Outcome.UNDECIDED
    assert "differ to the network" not in report.evidence


def test_pairs_that_read_too_much_are_undecided():
    """One kind of network would read just as much as may be read."""
    sizes = NetworkSizes(16, 3, 6, most_tokens=576)
    report = trained_identity(SAME_DIFFERENT, SMALL, sizes=sizes)
    assert report.outcome is Outcome.UNDECIDED
    assert "most_tokens=1200" in report.evidence


def test_training_that_diverges_is_undecided():
    wild = Training(optimiser="sgd", learning_rate=1e9)
    report = trained_identity(SAME_DIFFERENT, SMALL, wild, sizes=FEW)
    assert report.outcome is Outcome.UNDECIDED
    assert "lower the learning rate" in report.evidence


def test_a_floor_of_0_is_refused():
    assert "floor is 0" in refusal(lambda: trained_identity(ZERO_FLOOR))
