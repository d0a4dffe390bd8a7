"""C12: what is held against an MLP's floor, and that each part can fail."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from symbind_testing.findings import finding
from symbind_testing.refusals import refusal
from symbind_testing.tasks import (
    COPY,
    SAME_DIFFERENT,
    SAME_DIFFERENT_IN_WORDS,
    ZERO_FLOOR,
)

from numerics import Architecture
from numerics.networks.blocks import BlockShape
from numerics.networks.deep_transformer import PAPER
from numerics.networks.mlp import MLP
from numerics.networks.training import Training
from proofs_check.claims.trained_transformer import trained_transformer
from proofs_check.evidence.finite_networks import (
    FiniteTransformer,
    NetworkSizes,
    NetworkTraining,
)
from symbind_theory import Outcome, TemplateTask, builtin_task

MODULE = importlib.import_module("proofs_check.claims.trained_transformer")
SMALL = FiniteTransformer(
    Architecture(readout="last"),
    BlockShape(width=16, heads=2, head_width=4, hidden=8),
)
FEW = NetworkSizes(strings=16, networks=3, epochs=6, held_out=32)
MEAN, SHARE = "mean squared error", "share of networks"


def drawn(monkeypatch, errors):
    """The checker with these errors in place of networks'."""
    monkeypatch.setattr(
        NetworkTraining, "errors", lambda *_: np.array(errors, dtype=float)[None]
    )


def test_small_errors_hold(monkeypatch):
    drawn(monkeypatch, np.linspace(0, 0.2, 18))
    report = trained_transformer(SAME_DIFFERENT)
    assert report.claim == "C12"
    assert report.outcome is Outcome.HOLDS
    assert report.false_alarm == pytest.approx(2e-5)


def test_one_failure_in_eighteen_is_undecided(monkeypatch):
    """The mean is below; that half the networks are is not known: more networks."""
    drawn(monkeypatch, [*np.linspace(0, 0.2, 17), 1.01])
    report = trained_transformer(SAME_DIFFERENT)
    assert finding(report, MEAN).outcome is Outcome.HOLDS
    share = finding(report, SHARE)
    assert share.outcome is Outcome.UNDECIDED
    assert "networks=" in str(share.expected)
    drawn(monkeypatch, [*np.linspace(0, 0.2, 23), 1.01])
    assert trained_transformer(SAME_DIFFERENT).outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("enough", "outcome"), [(True, Outcome.REFUTED), (False, Outcome.UNDECIDED)]
)
def test_an_error_above_refutes_where_strings_are_enough(monkeypatch, enough, outcome):
    drawn(monkeypatch, np.linspace(1.05, 1.1, 18))
    report = trained_transformer(SAME_DIFFERENT, enough=enough)
    for start in (MEAN, SHARE):
        assert finding(report, start).outcome is outcome
        assert ("pass sizes=" in str(finding(report, start).expected)) is not enough


def test_a_target_below_the_floor_is_what_is_claimed(monkeypatch):
    """One above it is not: the floor is."""
    drawn(monkeypatch, np.linspace(0.55, 0.6, 18))
    assert trained_transformer(SAME_DIFFERENT, target=3.0).outcome is Outcome.HOLDS
    report = trained_transformer(SAME_DIFFERENT, target=0.5, enough=True)
    assert report.outcome is Outcome.REFUTED


def test_labels_that_are_tokens_are_judged_one_by_one():
    report = trained_transformer(SAME_DIFFERENT_IN_WORDS, SMALL, sizes=FEW)
    labels = {f.statement.partition(":")[0] for f in report.findings}
    assert labels == {"label same", "label different"}
    # Half a variance of 1: telling one of two labels from the other.
    assert "at most 0.25" in report.evidence


def test_labels_that_skeletons_decide_are_reported():
    task = TemplateTask(["?a ?a", "?a ?b", "X X"], ["s", "d", "x"])
    report = trained_transformer(task, SMALL, sizes=FEW)
    (found,) = (f for f in report.findings if f.statement.startswith("label x"))
    assert "floor is 0" in found.statement
    assert found.outcome is None


def test_copied_labels_are_out_of_reach_without_b():
    task = TemplateTask(["?a ?b ?a", "?a ?b ?b"], ["?a", "?b"])
    report = trained_transformer(task)
    assert report.outcome is Outcome.REFUTED
    assert "C7" in report.evidence
    both = FiniteTransformer(SMALL.architecture, SMALL.shape, trained=("kq", "vo"))
    assert trained_transformer(task, both, sizes=FEW).outcome is not Outcome.REFUTED


NEVER = [
    TemplateTask(["?a ?a", "?a ?b", "?b ?a"], [1, -1, 1], [0.5, 0.5, 0]),
    TemplateTask(["?a ?a", "?a ?b", "?b ?b"], ["x", "y", "?b"], [0.5, 0.5, 0]),
]
"""Tasks whose last template is in conflict, or is copied, and never occurs."""


@pytest.mark.parametrize("task", NEVER)
def test_templates_of_weight_0_refute_nothing(task):
    assert trained_transformer(task, SMALL, sizes=FEW).outcome is not Outcome.REFUTED


def test_uniform_attention_is_not_refuted_by_proof():
    """Training may tell αβα from αββ by their norms, so networks are trained."""
    uniform = FiniteTransformer(replace(PAPER, beta=0.0), SMALL.shape)
    report = trained_transformer(builtin_task("aba-abb"), uniform, sizes=FEW)
    assert report.outcome is Outcome.UNDECIDED
    assert "differ to the network" not in report.evidence
    blind = replace(uniform, architecture=replace(PAPER, beta=0.0, gamma=0.0))
    report = trained_transformer(builtin_task("aba-abb"), blind, sizes=FEW)
    assert "differ to the network" in report.evidence


def test_long_strings_are_not_trained_on():
    wide = " ".join(f"?{c}{i}" for i in range(200) for c in "ab")
    other = wide.replace("?b199", "?a0")
    report = trained_transformer(TemplateTask([wide, other], [1, -1]))
    assert report.outcome is Outcome.UNDECIDED
    assert "most_tokens=" in report.evidence


def test_training_that_diverges_is_undecided():
    wild = Training(optimiser="sgd", learning_rate=1e9)
    report = trained_transformer(SAME_DIFFERENT, SMALL, wild, sizes=FEW)
    assert report.outcome is Outcome.UNDECIDED
    assert "lower the learning rate" in report.evidence


@pytest.mark.parametrize("task", [ZERO_FLOOR, COPY])
def test_a_floor_of_0_is_refused(task):
    assert "floor is 0" in refusal(lambda: trained_transformer(task))


@pytest.mark.slow
def test_an_mlp_is_held_against_its_floor():
    sizes = NetworkSizes(strings=64, networks=40, epochs=20, held_out=64)
    network = MLP(width=64)
    report = trained_transformer(SAME_DIFFERENT, network, enough=True, sizes=sizes)
    assert finding(report, MEAN).outcome is Outcome.REFUTED
