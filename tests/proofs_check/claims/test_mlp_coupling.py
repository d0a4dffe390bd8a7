"""C1 as a law, and every way in which its checker can say no or not know."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.networks.mlp import MLP
from numerics.networks.optimisers import OPTIMISERS, optimiser_options
from numerics.networks.training import LOSSES, Training
from proofs_check.claims import mlp_coupling as module
from proofs_check.claims.mlp_coupling import (
    MOVED,
    ROUNDING,
    drawn_coupling,
    mlp_coupling,
)
from proofs_check.evidence import lockstep
from proofs_check.evidence.mlp_data import MLPSizes
from proofs_check.remedies import as_call
from proofs_check.strategies import mlps, trainings
from symbind_theory import builtin_task
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.strategies import tasks
from symbind_theory.validation import InputError

TASK = builtin_task("same-different")
FEW = Training(steps=5)
SMALL = MLPSizes(strings=20, seen=4, unseen=3, test=2, fills=1)


@settings(max_examples=25)
@given(tasks(max_wildcards=3), mlps(), trainings(), st.sampled_from(MOVED))
def test_runs_are_coupled(task, mlp, training, moved):
    report = mlp_coupling(task, mlp, training, moved=moved, sizes=SMALL)
    assert report.outcome is Outcome.HOLDS
    assert report.false_alarm == 0


@pytest.mark.slow
@settings(max_examples=60)
@given(
    tasks(max_wildcards=3),
    mlps(max_depth=4, max_width=40),
    trainings(max_steps=30),
    st.sampled_from(MOVED),
)
def test_longer_runs_are_coupled(task, mlp, training, moved):
    """Also deeper and wider, 60 of them: tied embeddings are seen within 50.

    The ledger draws 500 of its own at standard effort.
    """
    report = mlp_coupling(task, mlp, training, moved=moved)
    assert report.outcome is Outcome.HOLDS


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_optimiser_and_loss_to_the_last_bit(optimiser, loss):
    decay = 0.01 if "weight_decay" in optimiser_options(optimiser) else 0.0
    training = Training(20, 10, 0.01, optimiser, loss, decay)
    report = mlp_coupling(TASK, MLP(width=5), training, moved="all", sizes=SMALL)
    for finding in report.findings[:2]:
        assert finding.outcome is Outcome.HOLDS
        assert finding.estimate is not None
        assert finding.estimate.high == 0


def test_rounding_is_far_below_its_tolerance():
    training = Training(100, 10, 0.01, "adam", clip=0.1)
    task = builtin_task("aabb-abab")
    report = mlp_coupling(task, MLP(first_layer="dense"), training, moved="all")
    for finding in report.findings[:2]:
        assert finding.estimate is not None
        assert finding.estimate.high < ROUNDING / 100


def test_inputs_for_equal_tokens_break_the_coupling():
    """Such an MLP tells αα from αβ: the claim is about one-hot strings alone."""
    report = mlp_coupling(TASK, MLP(first_layer="relations"), FEW)
    assert report.outcome is Outcome.REFUTED
    assert report.findings[0].estimate is not None
    assert report.findings[0].estimate.low > 0.01


def test_where_nothing_seen_moves_the_weights_alone_are_enough():
    one = mlp_coupling(TASK, training=FEW, permuted="weights")
    assert one.findings == mlp_coupling(TASK, training=FEW).findings


@pytest.mark.parametrize("permuted", ["data", "weights"])
@pytest.mark.parametrize("task", ["same-different", "aabb-abab"])
def test_half_a_permutation_is_refuted(permuted, task):
    for seed in range(5):
        report = mlp_coupling(
            builtin_task(task), training=FEW, permuted=permuted, moved="all", seed=seed
        )
        for finding in report.findings[:2]:
            assert finding.outcome is Outcome.REFUTED
            assert finding.estimate is not None
            assert finding.estimate.value > 0.1


def test_a_permutation_of_seen_tokens_is_noticed(monkeypatch):
    real = module.random_permutations
    monkeypatch.setattr(
        module, "random_permutations", lambda k, m, moved, g: real(k, m, m, g)
    )
    report = mlp_coupling(TASK, training=FEW, moved="unseen")
    assert report.findings[2].outcome is Outcome.REFUTED


def test_beyond_float64_nothing_is_decided():
    report = mlp_coupling(
        TASK, training=Training(30, optimiser="sgd", learning_rate=1e9)
    )
    assert report.outcome is Outcome.UNDECIDED
    assert "finite" in report.evidence


def test_relative_differences():
    zeros, ones = torch.zeros(3), torch.ones(3)
    assert lockstep.relative_difference(zeros, zeros) == 0
    # A dead network's twin that is alive is as far off as can be.
    assert lockstep.relative_difference(ones, zeros) == 1
    assert lockstep.relative_difference(ones, ones * 4) == 0.75
    assert math.isnan(lockstep.relative_difference(ones * math.nan, ones))
    assert math.isnan(lockstep._largest([1.0, math.nan, 2.0]))


def test_equal_seeds_equal_reports():
    one, same, other = (mlp_coupling(TASK, training=FEW, seed=s) for s in (0, 0, 1))
    assert one == same
    assert one != other


@pytest.mark.slow
def test_a_search_ends_with_the_smallest_counterexample():
    report = drawn_coupling(50, mlps(first_layers=["tied"]), seed=0)
    assert report.outcome is Outcome.REFUTED
    assert "MLP(depth=1, width=1, activation='relu'" in report.evidence
    assert "Training(steps=1, batch_size=1" in report.evidence
    assert report == drawn_coupling(50, mlps(first_layers=["tied"]), seed=0)


def test_a_search_that_finds_nothing():
    report = drawn_coupling(10, seed=3)
    assert report.outcome is Outcome.HOLDS
    assert "all 10" in report.evidence


def test_a_search_that_decides_nothing(monkeypatch):
    unknown = Report("C1", (Finding("too large", Outcome.UNDECIDED),))
    monkeypatch.setattr(module, "mlp_coupling", lambda *_, **__: unknown)
    report = drawn_coupling(5)
    assert report.outcome is Outcome.UNDECIDED
    assert "5 that left the finite numbers" in report.evidence


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"permuted": "both"}, "permuted is 'both'"),
        ({"moved": "seen"}, "moved is 'seen'"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_arguments_out_of_range(bad: dict[str, Any], message):
    with pytest.raises(InputError, match=message):
        mlp_coupling(TASK, **bad)


def test_labels_that_are_tokens_are_coupled_one_by_one():
    report = mlp_coupling(builtin_task("print-string"), training=FEW)
    assert report.outcome is Outcome.HOLDS
    labels = {f.statement.partition(":")[0] for f in report.findings}
    assert labels == {"label q", "label r"}


@pytest.mark.parametrize("effort", ["quick", "standard"])
def test_training_is_as_long_as_the_effort_says(effort):
    report = mlp_coupling(TASK, effort=effort)
    steps = module.SIZES[effort].steps
    assert f"after each of {steps} steps" in report.findings[0].statement


def test_what_left_the_finite_numbers_is_decided_by_what_it_says_to_pass():
    wild = Training(30, optimiser="sgd", learning_rate=1e9)
    evidence = mlp_coupling(TASK, training=wild).evidence
    slower = replace(wild, learning_rate=1e8)
    assert f"pass training={as_call(slower)}" in evidence


def test_strategies_out_of_range():
    for bad in (
        lambda: mlps(max_depth=0),
        lambda: mlps(max_width=0),
        lambda: trainings(max_steps=0),
        lambda: drawn_coupling(0),
    ):
        with pytest.raises(InputError, match="is 0"):
            bad()
