"""The ledger's trials: seeds, order, processes, and going on after an interruption."""

from dataclasses import replace

import numpy as np
import pytest
from symbind_testing.builders.toy_checkers import checker
from symbind_testing.tasks import SAME_DIFFERENT

from proofs_check.checker import Checker, Effort, Instance, Mutant
from proofs_check.judgements import equals, mean_interval, proved
from proofs_check.run import run_ledger, run_on_task
from proofs_check.trial_store import TrialStore
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Report
from symbind_theory.validation import InputError


def evidence(ledger):
    return [t.report for entry in ledger.entries for t in entry.trials]


def test_a_true_instance_holds_and_a_mutant_is_refuted():
    ledger = run_ledger([checker()], Effort.QUICK)
    (entry,) = ledger.entries
    assert entry.outcome is Outcome.HOLDS
    assert entry.mutants[0].report.outcome is Outcome.REFUTED
    assert ledger.exit_status == 0
    assert ledger.false_alarm == pytest.approx(1e-5)
    assert ledger.effort == "quick"


def test_a_false_claim_is_found_out():
    assert run_ledger([checker(mean=3.0)], Effort.QUICK).exit_status == 1


def test_a_mutant_refuted_by_another_finding_is_unexpected():
    (mutant,) = checker().mutants
    other = replace(mutant, refuted_by="1 = 1")
    ledger = run_ledger([replace(checker(), mutants=(other,))], Effort.QUICK)
    assert ledger.entries[0].mutants[0].report.outcome is Outcome.REFUTED
    assert not ledger.entries[0].as_expected
    assert ledger.exit_status == 1


def test_equal_seeds_agree_and_each_run_has_its_own_stream():
    both = [checker("C1"), checker("C2")]
    once = run_ledger(both, Effort.QUICK, seed=5)
    assert evidence(once) == evidence(run_ledger(both, Effort.QUICK, seed=5))
    assert evidence(once) != evidence(run_ledger(both, Effort.QUICK, seed=6))
    one, two = (e.instances[0].report.findings[0].estimate for e in once.entries)
    assert one != two
    # What else is run changes nothing.
    alone = run_ledger([checker("C2")], Effort.QUICK, seed=5)
    assert evidence(alone) == [t.report for t in once.entries[1].trials]


def test_processes_change_nothing():
    both = [checker("C1"), checker("C2")]
    here = run_ledger(both, Effort.QUICK, seed=5)
    there = run_ledger(both, Effort.QUICK, seed=5, jobs=2)
    assert evidence(here) == evidence(there)


def test_more_effort_is_more_work():
    def jackknife_halfwidth(effort):
        trial = run_ledger([checker()], effort).entries[0].instances[0]
        estimate = trial.report.findings[0].estimate
        assert estimate is not None
        return estimate.halfwidth

    assert jackknife_halfwidth(Effort.QUICK) > jackknife_halfwidth(Effort.STANDARD)
    assert jackknife_halfwidth(Effort.STANDARD) > jackknife_halfwidth(Effort.FULL)


def test_progress_counts_the_runs():
    seen = []
    run_ledger([checker()], Effort.QUICK, progress=lambda *counts: seen.append(counts))
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_an_interrupted_ledger_goes_on_from_what_is_finished(tmp_path):
    runs = []

    def counted(effort, seed):
        runs.append("good")
        return checker().instances[0].run(effort, seed)

    def interrupted(effort, seed):
        runs.append("bad")
        if runs.count("bad") == 1:
            raise KeyboardInterrupt
        return checker().mutants[0].run(effort, seed)

    both = Checker(
        "C1",
        checker().check,
        (Instance("counted", counted),),
        (Mutant("interrupted", interrupted, refuted_by="1 = 2"),),
    )
    store = TrialStore(tmp_path / "trials")
    with pytest.raises(KeyboardInterrupt):
        run_ledger([both], Effort.QUICK, store=store)
    seen = []
    resumed = run_ledger(
        [both],
        Effort.QUICK,
        store=store,
        resume=True,
        progress=lambda *counts: seen.append(counts),
    )
    assert runs == ["good", "bad", "bad"]
    assert seen == [(1, 2), (2, 2)]
    assert resumed.exit_status == 0
    # Without resume, everything is run again.
    run_ledger([both], Effort.QUICK, store=store)
    assert runs == ["good", "bad", "bad", "good", "bad"]


def test_other_settings_are_other_runs(tmp_path):
    store = TrialStore(tmp_path / "trials")
    kept = run_ledger([checker()], Effort.QUICK, 1, store=store, resume=True)
    again = run_ledger([checker()], Effort.QUICK, 1, store=store, resume=True)
    assert kept == again
    other = run_ledger([checker()], Effort.QUICK, 2, store=store, resume=True)
    assert evidence(other) != evidence(kept)


def test_bad_arguments():
    with pytest.raises(InputError, match="seed is -1"):
        run_ledger([checker()], Effort.QUICK, -1)
    with pytest.raises(InputError, match="0 mutants"):
        Checker("C1", checker().check, checker().instances, ())
    with pytest.raises(InputError, match="refuted_by of the mutant 'bad arithmetic'"):
        replace(checker().mutants[0], refuted_by=" ")


def on_task(claim="C1", **given):
    """A checker that reports what it was called with."""

    def check(task, *, effort, seed, scale=1.0):
        values = np.random.default_rng(seed).normal(size=100)
        mean = mean_interval(scale * values)
        found = (equals(f"{task.name} {effort}", mean, 0.0, 1.0),)
        return Report(claim, found)

    return replace(checker(claim), check=check, **given)


def test_a_task_of_ones_own_is_given_to_each_checker():
    both = [on_task("C1"), on_task("C2", options={"scale": 100.0})]
    ledger = run_on_task(SAME_DIFFERENT, "mine", both, Effort.QUICK, seed=5)
    assert [entry.claim for entry in ledger.entries] == ["C1", "C2"]
    (one,), (other,) = (entry.trials for entry in ledger.entries)
    assert one.report.findings[0].statement == "None quick"
    assert (one.name, one.report.outcome) == ("mine", Outcome.HOLDS)
    assert other.report.outcome is Outcome.UNDECIDED
    assert ledger.exit_status == 3
    assert run_on_task(SAME_DIFFERENT, "mine", both[:1]).exit_status == 0
    again = run_on_task(SAME_DIFFERENT, "mine", both, Effort.QUICK, seed=5, jobs=2)
    assert evidence(again) == evidence(ledger)


def test_a_refuted_task_is_status_1():
    def refuted(task, *, effort, seed):
        return Report("C3", (proved("N is non-singular", False),))

    bad = replace(on_task("C3"), check=refuted)
    undecided = on_task("C2", options={"scale": 100.0})
    ledger = run_on_task(SAME_DIFFERENT, "mine", [undecided, bad], Effort.QUICK)
    assert ledger.exit_status == 1
