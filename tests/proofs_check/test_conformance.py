"""Every checker holds on its true instances and refutes its mutants."""

import inspect
from functools import cache
from typing import Any

import pytest
from joblib.externals.loky.backend.reduction import dumps, loads
from symbind_testing.refusals import refusal
from symbind_testing.tasks import AA_AB
from symbind_testing.trained_once import networks_trained_once

from numerics import Architecture
from numerics.networks.mlp import MLP
from numerics.networks.training import Training
from proofs_check.checker import Effort
from proofs_check.evidence.kernel_sets import KernelSets
from proofs_check.evidence.learning_setting import TrainingSizes
from proofs_check.evidence.string_estimates import Sampling
from proofs_check.registry import CHECKERS, checker_of
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.outcome import Outcome

INSTANCES = [
    pytest.param(checker, instance, id=f"{checker.claim}-{instance.name}")
    for checker in CHECKERS
    for instance in checker.instances
]
MUTANTS = [
    pytest.param(checker, mutant, id=f"{checker.claim}-{mutant.name}")
    for checker in CHECKERS
    for mutant in checker.mutants
]
TRAINED_LONGER = {"C1", "C2", "C7", "C10", "C12"}
"""Claims for which effort changes lengths of training or widths, not numbers alone."""
SEED = 20


@pytest.fixture(scope="module", autouse=True)
def _networks_trained_once():
    with networks_trained_once():
        yield


@cache
def quick(instance):
    """A trial's report at quick effort, made once."""
    return instance.run(Effort.QUICK, SEED)


@pytest.mark.parametrize(("checker", "instance"), INSTANCES)
def test_a_true_instance_holds(checker, instance):
    report = quick(instance)
    assert report.claim == checker.claim
    assert report.outcome is Outcome.HOLDS, report.evidence
    # Twenty instances of five tests each stay below a false alarm in a thousand.
    assert report.false_alarm <= 3e-4


@pytest.mark.parametrize(("checker", "mutant"), MUTANTS)
def test_a_mutant_is_refuted(checker, mutant):
    report = quick(mutant)
    assert report.claim == checker.claim
    assert report.outcome is Outcome.REFUTED, [str(f) for f in report.findings]
    refuted = [f.statement for f in report.findings if f.outcome is Outcome.REFUTED]
    assert any(mutant.refuted_by in statement for statement in refuted), refuted


def test_the_quick_ledger_is_seldom_wrong_by_chance():
    """Of the reports above, which the ledger adds up.

    That the command runs trials, in processes, and adds them up is tested beside it on
    small ones: no test runs all of them once more.
    """
    reports = [quick(trial) for checker in CHECKERS for trial in checker.instances]
    assert 0 < sum(report.false_alarm for report in reports) < 1e-3


@pytest.mark.parametrize(("checker", "trial"), INSTANCES + MUTANTS)
def test_trials_are_sent_to_processes(checker, trial):
    """By joblib, which pickles their functions."""
    sent = loads(dumps(trial))
    assert (type(sent), sent.name) == (type(trial), trial.name)
    assert callable(sent.run)


TAKE_BLOCKS: dict[str, dict[str, Any]] = {
    "C3": {"sampling": Sampling(2**10, 8, 64, 2)},
    "C5": {"sizes": TrainingSizes(few_sets=24, many=500, many_sets=6)},
    "C11": {"sizes": TrainingSizes(few_sets=24, many=500, many_sets=6)},
    "C10": {
        "mlp": MLP(width=4),
        "training": Training(steps=2),
        "runs": 8,
        "kernel_sets": KernelSets(sets=24, strings=16),
    },
}
"""Claims on any transformer, with sizes that take little time."""

REFUSE_BLOCKS = {
    "depth": 2,
    "residual": 1.0,
    "normalisation": "pre",
    "causal": True,
    "final_normalisation": True,
}
ONE_LAYER = [
    checker.claim
    for checker in CHECKERS
    if "architecture" in inspect.signature(checker.check).parameters
    and checker.claim not in TAKE_BLOCKS
]


@pytest.mark.parametrize("claim", TAKE_BLOCKS)
def test_claims_on_any_transformer_take_blocks(claim):
    """With few runs some findings stay undecided; none is refuted."""
    deep = Architecture(readout="last", depth=2, residual=1.0, normalisation="pre")
    task = TemplateTask(AA_AB, [1, -1], noise=0.1)
    report = checker_of(claim).check(task, architecture=deep, **TAKE_BLOCKS[claim])
    assert report.claim == claim
    assert report.outcome is not Outcome.REFUTED, report.evidence


@pytest.mark.parametrize("claim", ONE_LAYER)
@pytest.mark.parametrize("name", REFUSE_BLOCKS)
def test_claims_on_one_layer_refuse_blocks(claim, name):
    """In one line, and before anything is estimated."""
    deep = Architecture(**{name: REFUSE_BLOCKS[name]})
    task = builtin_task("copy" if claim == "C7" else "same-different")
    said = refusal(lambda: checker_of(claim).check(task, architecture=deep))
    assert said.startswith(f"{name} is ")


def test_claims_on_one_layer_are_these():
    assert ONE_LAYER == ["C4", "C6", "C7", "C9"]


@pytest.mark.slow
def test_other_seeds_of_trained_networks_find_the_same():
    """Seed 0 of each trial of C12 and C13 but C12's last two, which are exact.

    Together, as they compare the same networks. With the seed of the trials above that
    makes two seeds; each network of a trial has a seed of its own besides.
    """
    trained = checker_of("C12"), checker_of("C13")
    for checker in trained:
        for instance in checker.instances:
            report = instance.run(Effort.QUICK, 0)
            assert report.outcome is Outcome.HOLDS, report.evidence
    for mutant in (*trained[0].mutants[:2], *trained[1].mutants):
        report = mutant.run(Effort.QUICK, 0)
        assert report.outcome is Outcome.REFUTED, report.evidence


@pytest.mark.slow
@pytest.mark.parametrize(("checker", "instance"), INSTANCES)
def test_more_effort_finds_the_same(checker, instance):
    """Narrower intervals show a bias that wider ones hide."""
    report = instance.run(Effort.STANDARD, SEED)
    assert report.outcome is Outcome.HOLDS, [str(f) for f in report.findings]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("checker", "mutant"),
    [m for m in MUTANTS if getattr(m.values[0], "claim", None) in TRAINED_LONGER],
)
def test_more_effort_does_not_lose_a_mutant(checker, mutant):
    """It did when longer training let the weights of unseen symbols decay (C10).

    Where effort only draws more points, sets or networks, what an interval excludes a
    narrower one excludes too: the mutants at quick effort stand for those.
    """
    report = mutant.run(Effort.STANDARD, SEED)
    assert report.outcome is Outcome.REFUTED, [str(f) for f in report.findings]


def test_names_tell_runs_apart():
    for checker in CHECKERS:
        names = [i.name for i in (*checker.instances, *checker.mutants)]
        assert len(set(names)) == len(names)
