"""C2: the floor by brute force, the orbit inequality, and the statistic's rates."""

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from symbind_testing.tasks import same_different

from numerics.networks.mlp import MLP, MLPStack
from numerics.networks.training import Training
from proofs_check.claims import mlp_floor as module
from proofs_check.claims.mlp_floor import mlp_floor
from proofs_check.evidence.mlp_data import MLPData, MLPSizes
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.outcome import Outcome
from symbind_theory.strategies import tasks
from symbind_theory.validation import InputError

TASK = builtin_task("same-different")
WILD = Training(30, optimiser="sgd", learning_rate=1e9)
SHORT = Training(steps=20)


def orbits(strings: set[tuple[str, ...]], symbols: str) -> list[set[tuple[str, ...]]]:
    """Orbits of strings under swaps of two symbols at one position."""
    left, found = set(strings), []
    while left:
        orbit, new = set(), {next(iter(left))}
        while new:
            orbit |= new
            new = {
                (*x[:p], b if x[p] == a else a, *x[p + 1 :])
                for x in new
                for a, b in itertools.combinations(symbols, 2)
                for p in range(len(x))
                if x[p] in (a, b)
            } - orbit
        found.append(orbit)
        left -= orbit
    return found


@settings(max_examples=50)
@given(tasks(max_length=3, max_templates=4))
def test_floor_is_the_best_loss_of_a_function_of_orbits(task):
    symbols = "stu"
    chances: dict[tuple[str, ...], dict[Any, float]] = {}
    for (template, label), weight in zip(task, task.weights, strict=True):
        fills = list(itertools.permutations(symbols, len(template.wildcards)))
        for fill in fills:
            images = dict(zip(template.wildcards, fill, strict=True))
            string = tuple(template.substitute(images).split())
            share = chances.setdefault(string, {})
            share[label] = share.get(label, 0.0) + float(weight) / len(fills)
    expected = 0.0
    for orbit in orbits(set(chances), symbols):
        pairs = [pair for x in orbit for pair in chances.get(x, {}).items()]
        mass = sum(p for _, p in pairs)
        if mass:
            mean = sum(p * float(y) for y, p in pairs) / mass
            expected += sum(p * (float(y) - mean) ** 2 for y, p in pairs)
    assert float(task.mlp_floor()) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=25)
@given(tasks(), st.integers(0, 2**16), st.floats(-2, 2))
def test_no_function_at_all_is_below_the_floor_on_slot_fills(task, seed, shift):
    data = MLPData.draw(task, MLPSizes(strings=4, seen=4, unseen=4, fills=5), seed)
    draws = torch.Generator().manual_seed(seed)
    stack = MLPStack(MLP(first_layer="tied"), 3, task.length, data.vocabulary, draws)
    with torch.no_grad():
        stack.readout += shift
    assert (data.loss(stack, data.fills) >= data.floor * (1 - 1e-12)).all()


def test_a_constant_at_the_mean_label_attains_the_floor():
    task = same_different([1, 3])
    data = MLPData.draw(task, MLPSizes(), 0)
    draws = torch.Generator().manual_seed(0)
    stack = MLPStack(MLP(width=1, depth=1), 1, 2, data.vocabulary, draws)
    with torch.no_grad():
        stack.first.zero_()
        stack.biases[0].fill_(1.0)
        stack.readout.fill_(-0.5)
    assert float(data.loss(stack, data.test)[0]) == pytest.approx(data.floor)
    assert data.floor == 0.75


def test_false_alarm_is_students_tail():
    report = mlp_floor(TASK, training=SHORT, networks=48, deviations=3.0)
    (finding,) = (f for f in report.findings if "mean of D" in f.statement)
    assert finding.estimate is not None
    assert finding.false_alarm == pytest.approx(2 * t.sf(3.0, 47))
    assert finding.estimate.level == pytest.approx(1 - 2 * t.sf(3.0, 47))


def test_mean_of_d_is_that_of_the_losses():
    report = mlp_floor(TASK, MLP(), SHORT, networks=20, seed=3)
    data = MLPData.draw(TASK, MLPSizes(), 3)
    stack = data.trained(MLP(), SHORT, 20, 3)
    apart = data.loss(stack, data.test) - data.loss(stack, data.fills)
    estimates = {f.statement: f.estimate for f in report.findings}
    found = estimates["z of D"]
    assert found is not None
    z = apart.mean() / (apart.std(ddof=1) / 20**0.5)
    assert found.value == pytest.approx(z)
    # Four standard errors either way.
    assert found.high - found.value == pytest.approx(4.0)


def test_a_mean_below_the_floor_is_refuted():
    """Labels that a network is right about, on a floor that is too high for it."""
    (finding,) = module._expectation(np.full(20, 0.5) + 0.01 * np.arange(20), 1.0)
    assert finding.outcome is Outcome.REFUTED


def test_orbits_below_the_floor_are_refuted(monkeypatch):
    real = MLPData.loss
    monkeypatch.setattr(MLPData, "loss", lambda *a: real(*a) / 4)
    report = mlp_floor(TASK, training=SHORT, networks=10)
    assert report.findings[1].outcome is Outcome.REFUTED


def test_without_a_floor_nothing_but_the_statistic_is_judged():
    task = TemplateTask(["?a X", "X ?a"], [1, -1])
    report = mlp_floor(task, training=SHORT, networks=48)
    assert report.outcome is Outcome.HOLDS
    assert any("the floor is 0" in f.statement for f in report.findings)


def test_without_wildcards_strings_are_their_own_fills():
    report = mlp_floor(
        TemplateTask(["X Y", "Y X"], [1, -1]), training=SHORT, networks=4
    )
    assert report.outcome is Outcome.HOLDS
    assert report.false_alarm == 0


def test_a_shift_of_every_network_is_refuted():
    """Without scatter there is no error bar, and no excuse."""
    (finding,) = module._orbit_statistic(np.full(9, 0.5), 1.0, 4.0)
    assert finding.outcome is Outcome.REFUTED


def test_few_networks_leave_it_undecided():
    report = mlp_floor(TASK, training=SHORT, networks=4)
    assert report.outcome is Outcome.UNDECIDED


def test_beyond_float64_nothing_is_decided():
    report = mlp_floor(TASK, training=WILD, networks=3)
    assert report.outcome is Outcome.UNDECIDED
    assert "lower the learning rate" in report.evidence


def test_equal_seeds_equal_reports():
    one, same, other = (
        mlp_floor(TASK, training=SHORT, networks=4, seed=s) for s in (0, 0, 1)
    )
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"networks": 1}, "networks is 1"),
        ({"deviations": 0.0}, "deviations is 0.0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_arguments_out_of_range(bad: dict[str, Any], message):
    with pytest.raises(InputError, match=message):
        mlp_floor(TASK, **bad)


def test_labels_that_are_tokens_have_a_floor_each():
    """Two labels, each of one half of the templates of one skeleton: 1/4."""
    task = TemplateTask(["?a ?a", "?a ?b"], ["same", "different"])
    report = mlp_floor(task, training=SHORT, networks=4)
    best = "the best function of the skeleton has the expected loss 1/4"
    first = [f.statement for f in report.findings if best in f.statement]
    assert first == [f"label same: {best}", f"label different: {best}"]


def test_the_effort_says_how_many_networks_are_trained(monkeypatch):
    trained = []
    real = MLPData.trained

    def counted(data, mlp, training, networks, seed):
        trained.append((training.steps, networks))
        return real(data, mlp, SHORT, 2, seed)

    monkeypatch.setattr(MLPData, "trained", counted)
    for effort in ("quick", "standard", "full"):
        mlp_floor(TASK, effort=effort)
    assert trained == [(60, 128), (200, 384), (400, 1024)]


@pytest.mark.slow
def test_z_is_a_standard_score_over_seeds():
    """Its mean and spread over training sets are those of Student's statistic."""
    found = []
    for seed in range(60):
        report = mlp_floor(TASK, MLP(width=16), SHORT, networks=64, seed=seed)
        estimates = {f.statement: f.estimate for f in report.findings}
        z = estimates["z of D"]
        assert z is not None
        found.append(z.value)
    # Five standard errors, at variance 63/61 and with normal fourth moments.
    assert abs(np.mean(found)) < 5 * (63 / 61 / 60) ** 0.5
    assert abs(np.var(found) - 63 / 61) < 5 * (63 / 61) * (2 / 59) ** 0.5


@pytest.mark.parametrize("task", ["same-different", "variable-assignment", "majority"])
def test_the_floor_is_what_the_best_function_of_the_skeleton_misses(task):
    built_in = builtin_task(task)
    exact = module._best_of_skeleton(built_in)
    assert exact == built_in.mlp_floor()
    for claimed, expected in (
        (exact, Outcome.HOLDS),
        (exact / 2 + Fraction(1, 10**6), Outcome.REFUTED),
        (2 * exact + 1, Outcome.REFUTED),
    ):
        report = mlp_floor(built_in, networks=2, training=SHORT, floor=claimed)
        assert report.findings[0].outcome is expected


def test_a_floor_of_0_does_not_make_any_interval_narrow_enough(monkeypatch):
    """Losses that scatter by more than the labels' mean square, without a floor."""
    real = MLPData.loss

    def scattered(data, stack, strings):
        losses = real(data, stack, strings)
        return losses + (strings is data.test) * np.array([0.0, 3.0])

    monkeypatch.setattr(MLPData, "loss", scattered)
    task = TemplateTask(["X ?a", "Y ?a"], [1, -1])
    report = mlp_floor(task, networks=2, training=SHORT)
    assert report.outcome is Outcome.UNDECIDED
