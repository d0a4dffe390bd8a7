"""Every checker holds on its true instances and refutes its mutants."""

import json
import subprocess
import sys

import pytest

from proofs_check.checker import Effort
from proofs_check.registry import CHECKERS
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
