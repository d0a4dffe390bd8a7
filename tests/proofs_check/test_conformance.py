"""Every checker holds on its true instances and refutes its mutants."""

import inspect
import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
from symbind_testing.refusals import refusal
from symbind_testing.tasks import AA_AB

from numerics import Architecture
from numerics.networks.mlp import MLP
from numerics.networks.training import Training
from proofs_check.checker import Effort
from proofs_check.evidence import finite_networks
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
SEED = 20


@pytest.fixture(scope="module", autouse=True)
def _networks_trained_once():
    """Trials of C12 and C13 share the networks that are equal in all, seeds included.

    Their errors follow from the arguments; that repeating a training repeats its error
    is tested beside the networks.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("unseen_symbols", "_trained_error"):
            patch.setattr(finite_networks, name, cache(getattr(finite_networks, name)))
        yield


@pytest.mark.parametrize(("checker", "instance"), INSTANCES)
def test_a_true_instance_holds(checker, instance):
    report = instance.run(Effort.QUICK, SEED)
    assert report.claim == checker.claim
    assert report.outcome is Outcome.HOLDS, report.evidence
    # Twenty instances of five tests each stay below a false alarm in a thousand.
    assert report.false_alarm <= 3e-4


@pytest.mark.parametrize(("checker", "mutant"), MUTANTS)
def test_a_mutant_is_refuted(checker, mutant):
    report = mutant.run(Effort.QUICK, SEED)
    assert report.claim == checker.claim
    assert report.outcome is Outcome.REFUTED, [str(f) for f in report.findings]
    refuted = [f.statement for f in report.findings if f.outcome is Outcome.REFUTED]
    assert any(mutant.refuted_by in statement for statement in refuted), refuted


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
@pytest.mark.parametrize(("checker", "instance"), INSTANCES + MUTANTS)
def test_more_effort_finds_the_same(checker, instance):
    expected = Outcome.HOLDS if instance in checker.instances else Outcome.REFUTED
    report = instance.run(Effort.STANDARD, SEED)
    assert report.outcome is expected, [str(f) for f in report.findings]


def test_names_tell_runs_apart():
    for checker in CHECKERS:
        names = [i.name for i in (*checker.instances, *checker.mutants)]
        assert len(set(names)) == len(names)


@pytest.mark.slow
def test_the_quick_ledger_is_as_expected_and_seldom_wrong_by_chance(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "proofs_check", "--quick", "--json", "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ledger = json.loads(done.stdout)
    assert len(ledger["claims"]) == len(CHECKERS)
    assert 0 < ledger["false_alarm"] < 1e-3
