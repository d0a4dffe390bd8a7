"""C7: the checker can fail, on tasks of any kind; the ledger runs its instances."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.tasks import COPY

from numerics.architecture import Architecture
from numerics.networks.copying_network import InitialRates, copying_strings
from proofs_check.checker import Effort
from proofs_check.claims.copying import CHECKER, copying
from proofs_check.evidence.copying_rates import (
    CopyingExperiment,
    CopyingSetting,
    MeasuredRates,
)
from proofs_check.judgements import mean_interval
from symbind_theory import TemplateTask
from symbind_theory.outcome import Outcome
from symbind_theory.strategies import tasks
from symbind_theory.validation import InputError

SMALL = CopyingExperiment(symbols=8, widths=(64,), networks=12, head_width=8)

copying_tasks = tasks(symbolic=True, max_templates=3, max_length=3).filter(
    lambda task: any(task.weights[i] for i in task.copied)
)


readouts = st.sampled_from(["cls", "last", "mean"])
gammas = st.sampled_from([0.0, 0.5, 1.0])

# With 200 networks rates are known far better than their bounds, but for α → α alone,
# whose rates are held against a closed form.
MANY = replace(SMALL, networks=200)
all_copied = tasks(symbolic=True, max_templates=2, max_length=3).filter(
    lambda task: len(task.copied) == len(task) and not len(task) == task.length == 1
)


@settings(max_examples=5)
@given(all_copied, readouts, gammas)
def test_every_task_that_copies_shows_the_claim(task, readout, gamma):
    report = copying(task, Architecture(readout=readout, gamma=gamma), MANY)
    assert report.outcome is Outcome.HOLDS, report.evidence


@settings(max_examples=10)
@given(copying_tasks, readouts, gammas)
def test_a_dozen_networks_may_not_tell_but_never_refute(task, readout, gamma):
    """Templates whose label is not copied leave b's rate open: UNDECIDED is honest.

    Rates are shares of all the training loss, most of which may be theirs.
    """
    report = copying(task, Architecture(readout=readout, gamma=gamma), SMALL)
    refuted = [str(f) for f in report.findings if f.outcome is Outcome.REFUTED]
    assert refuted == []


@settings(max_examples=6)
@given(copying_tasks, st.sampled_from(["cls", "last", "mean"]))
def test_b_teaches_every_task(task, readout):
    """The claim that b teaches nothing is refuted on any task, at width ≫ n.

    A hundred networks know b's rate to a quarter or so, a dozen to 1 or 2, which leaves
    it undecided.
    """
    wide = replace(SMALL, widths=(256,), networks=100)
    report = copying(task, Architecture(readout=readout), wide, groups=["identity_vo"])
    assert report.findings[0].outcome is Outcome.REFUTED


def test_trained_findings_tell_seen_from_unseen_symbols():
    """On seen symbols networks copy without b, and as well when wide."""
    trained = replace(SMALL, trained_widths=(16, 64), trained_networks=20)
    no_positions = Architecture(readout="last", gamma=0.0)
    with_b, without, fall = copying(COPY, no_positions, trained).findings[-3:]
    assert with_b.outcome is Outcome.HOLDS
    assert without.outcome is Outcome.HOLDS
    assert fall.estimate is not None
    assert fall.estimate.value > 0.1
    seen = copying(COPY, no_positions, trained, unseen=False).findings[-3:]
    assert [f.outcome for f in seen[:2]] == [Outcome.HOLDS, Outcome.REFUTED]
    assert seen[2].estimate is not None
    assert seen[2].estimate.value == 0


def test_the_slope_fails_where_the_rates_do_not_fall():
    """Seen symbols gain alike at every width."""
    wide = replace(SMALL, widths=(64, 256))
    found = copying(COPY, None, wide, unseen=False).findings
    (slope,) = (f for f in found if "slope" in f.statement)
    assert slope.outcome is Outcome.REFUTED
    assert slope.estimate is not None
    assert slope.estimate.contains(0)


def test_pseudo_values_are_the_jackknifes_to_first_order():
    """An independent error of a ratio of means: leave one network out at a time."""

    random = np.random.default_rng(0)
    squares = random.gamma(20, size=200)
    products = 0.3 * squares + random.normal(size=200)
    rates = InitialRates({("margin", "value"): products}, {"value": squares})
    setting = CopyingSetting(copying_strings(COPY, 8), Architecture(), SMALL, True)
    found = MeasuredRates(setting, 64, rates).rate("margin", "value")
    total, whole = products.sum(), squares.sum()
    left_out = (total - products) / (whole - squares)
    jackknife = 200 * (total / whole) - 199 * left_out
    expected = mean_interval(jackknife, found.level)
    assert found.value == pytest.approx(rates.rate("margin", "value"), rel=1e-12)
    assert found.value == pytest.approx(expected.value, abs=1e-4)
    assert found.halfwidth == pytest.approx(expected.halfwidth, rel=0.02)


def test_equal_seeds_equal_reports():
    first, second, other = (copying(COPY, None, SMALL, seed=s) for s in (3, 3, 4))
    assert first == second
    assert first != other


def test_each_width_has_networks_of_its_own():
    """The report on two widths has the second's networks not from the first's seed."""
    alone = copying(COPY, None, SMALL).findings[-1]
    both = copying(COPY, None, replace(SMALL, widths=(32, 64))).findings[-1]
    assert alone.statement == both.statement
    assert alone.estimate != both.estimate


def test_false_alarms_are_counted():
    """The ledger at quick makes as many tests as eight or ten at the common level."""
    assert copying(COPY, None, SMALL).false_alarm == pytest.approx(7 * 5e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": TemplateTask(["?a"], ["yes"])}, "labels are yes"),
        ({"task": TemplateTask(["?a"], [1])}, "labels are 1"),
        ({"architecture": Architecture(identity_vo=1.0)}, "identity_vo is 1"),
        ({"architecture": Architecture(depth=2)}, "depth is 2"),
        ({"statistic": "accuracy"}, "statistic is 'accuracy'"),
        ({"groups": "value"}, "groups are 'value'"),
        ({"groups": ()}, "groups are"),
        ({"groups": ("W_V",)}, "groups is 'W_V'"),
        ({"groups": ("key",)}, "contain key, whose gradient is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_input(arguments: Any, message):
    with pytest.raises(InputError, match=message):
        copying(**{"task": COPY, "experiment": SMALL, **arguments})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"symbols": 1}, "symbols is 1"),
        ({"networks": 1}, "networks is 1"),
        ({"widths": ()}, "at least one"),
        ({"widths": (64, 32)}, "expected them to ascend"),
        ({"trained_widths": (0,)}, "width is 0"),
        ({"head_width": 0}, "head_width is 0"),
    ],
)
def test_bad_experiments(settings: Any, message):
    with pytest.raises(InputError, match=message):
        CopyingExperiment(**settings)


@pytest.mark.slow
def test_a_longer_template_is_learned_with_b():
    (longer,) = (i for i in CHECKER.instances if "β" in i.name)
    report = longer.run(Effort.STANDARD, 0)
    assert report.outcome is Outcome.HOLDS, report.evidence
    assert "with b" in " ".join(f.statement for f in report.findings)
