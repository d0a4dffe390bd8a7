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

# What has to be among the findings that refute a mutant.
REASONS = {
    "data permuted, weights not": "of f(Πx; θ') from f(x; θ)",
    "symbols moved that training has seen": "of f(Πx; θ') from f(x; θ)",
    "tied embeddings drawn by Hypothesis": "coupled in all cases drawn",
    "half the floor claimed": "the best function of the skeleton",
    "first layers of two positions correlated -1": "mean of D",
    "a template renamed": "are equal up to a renaming of wildcards",
    "no positions": "gaps are positive where exact separation says so",
    "uniform attention": "gaps are positive where exact separation says so",
    "constant activation": "the activation is constant",
    "Zipf's law with the diversity of a uniform one": "mean |K − N|",
    "blocks of a kernel with γ = 0.5": "entries of strings that share no symbol",
    "αβ and βα with different labels": "squared error on unseen symbols after 2000",
    "αβα and αββ without positions": "squared error on unseen symbols after 2000",
    "the closed form of a kernel with β = 1": "less the closed form",
    "the closed form without the labels' noise": "less the closed form",
    "a = 6 with the last readout claimed to help": "data needed with a = 6",
    "a = 4 under cls claimed to help": "data needed with a = 4",
    "one head claimed to follow infinitely many": "b's part of ⟨z1, z1⟩",
    "the full cross-entropy claimed not to change": "cross-entropy gained",
    "symbols that were seen": "margin gained on the test symbols",
    "b claimed to teach nothing": "b: margin gained",
    "V / w claimed for Zipf's law": "largest probability",
    "V claimed for two wildcards": "largest probability",
    "more diverse data never hurt": "error at V = 32 less that at V = 10000",
    "mean pooling said to see the equality pattern": "does not see which positions",
    "an MLP on X Xᵀ said to see regular tokens": "does not see the template",
    "a recurrent network said to see repeats": "does not see the template",
    "a mean over time said to see repeats": "does not see the template",
    "a recurrent network said to see a bag only": "their rows of N are parallel",
    "a transformer said to see the skeleton only": "their rows of N are parallel",
    "a transformer without positions": "does not see the template",
    "every single run stays above the floor": "every run's loss",
    "training sets of four strings have the error of two of each template": (
        "closed form at the expected counts"
    ),
}
TIED = {"C1": "of f(Πx; θ')", "C2": "mean of D", "C10": "distance between the laws"}


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
    name = mutant.name
    reason = TIED[checker.claim] if "tied across" in name else REASONS[name]
    refuted = [f.statement for f in report.findings if f.outcome is Outcome.REFUTED]
    assert any(reason in statement for statement in refuted), refuted


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
