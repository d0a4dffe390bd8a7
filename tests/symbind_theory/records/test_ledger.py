"""Findings, reports and the ledger: three-valued, and never a pass by accident."""

import math
from itertools import product

import pytest

from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import (
    Entry,
    Finding,
    Ledger,
    Report,
    Trial,
    conjunction,
)
from symbind_theory.validation import InputError

HOLDS, REFUTED, UNDECIDED = Outcome.HOLDS, Outcome.REFUTED, Outcome.UNDECIDED


def report(*outcomes, false_alarm=0.0):
    return Report(
        "C3", tuple(Finding(f"s{o}", o, false_alarm=false_alarm) for o in outcomes)
    )


def trial(outcome, expected=HOLDS, false_alarm=0.0):
    return Trial("case", expected, report(outcome, false_alarm=false_alarm), 2.0)


@pytest.mark.parametrize("outcomes", list(product(Outcome, repeat=3)))
def test_one_refuted_part_refutes_and_an_undecided_one_never_passes(outcomes):
    expected = HOLDS
    if UNDECIDED in outcomes:
        expected = UNDECIDED
    if REFUTED in outcomes:
        expected = REFUTED
    assert conjunction(outcomes) is expected
    assert report(*outcomes).outcome is expected


def test_what_is_only_reported_takes_no_part():
    mixed = Report("C3", (Finding("a number"), Finding("true", HOLDS)))
    assert mixed.outcome is HOLDS
    assert mixed.evidence == "true."
    with pytest.raises(InputError, match="no finding that was judged"):
        Report("C3", (Finding("a number"),))


def test_a_report_is_no_boolean():
    with pytest.raises(TypeError, match="three-valued"):
        bool(report(HOLDS))
    with pytest.raises(InputError, match="claim is 'C99'"):
        Report("C99", (Finding("true", HOLDS),))


def test_the_evidence_is_what_decides():
    found = Report(
        "C3",
        (
            Finding("fine", HOLDS),
            Finding("gap", REFUTED, Interval(2.0, 1.0, math.inf), "at least 3"),
        ),
    )
    assert found.evidence == "gap: 2 in [1, inf], expected at least 3."
    assert found.verdict.claim == "C3"
    assert found.verdict.outcome is REFUTED


def test_a_number_that_is_known_exactly_has_no_interval():
    exact = Finding("apart", HOLDS, Interval(0.5, 0.5, 0.5, 1.0), "at most 1")
    assert str(exact) == "apart: 0.5, expected at most 1"
    assert Finding("apart", HOLDS).number == ""


def test_false_alarms_add_up_over_true_instances_only():
    entry = Entry("C3", (trial(HOLDS, false_alarm=1e-5),) * 3, (trial(REFUTED),))
    noisy = Entry("C4", (trial(HOLDS),), (trial(REFUTED, REFUTED, false_alarm=0.5),))
    ledger = Ledger((entry, noisy), "quick", 0, "1")
    assert ledger.false_alarm == pytest.approx(3e-5)
    assert entry.seconds == 8.0


@pytest.mark.parametrize(
    ("instance", "mutant", "status"),
    [
        (HOLDS, REFUTED, 0),
        (UNDECIDED, REFUTED, 3),
        (HOLDS, UNDECIDED, 3),
        (REFUTED, REFUTED, 1),
        (HOLDS, HOLDS, 1),
        (UNDECIDED, HOLDS, 1),
    ],
)
def test_the_exit_status_wants_every_verdict_as_expected(instance, mutant, status):
    entry = Entry("C3", (trial(HOLDS), trial(instance)), (trial(mutant, REFUTED),))
    assert Ledger((entry,), "quick", 0, "1").exit_status == status
    assert entry.as_expected == (status == 0)
    assert entry.outcome is instance


@pytest.mark.parametrize(
    ("refuted_by", "status"), [("the gap", 0), ("apart", 1), ("a number", 1)]
)
def test_a_mutant_is_refuted_by_the_finding_it_names(refuted_by, status):
    """Whatever else is refuted, the checker must see what was changed."""
    found = Report(
        "C3",
        (
            Finding("the gap is 0", REFUTED),
            Finding("apart", HOLDS),
            Finding("a number"),
        ),
    )
    mutant = Trial("case", REFUTED, found, 1.0, refuted_by)
    entry = Entry("C3", (trial(HOLDS),), (mutant,))
    assert mutant.as_expected == entry.as_expected == (status == 0)
    assert Ledger((entry,), "quick", 0, "1").exit_status == status
