"""Every checker on every short built-in task: it never contradicts the check.

Larger members of families are here with the claims that take seconds on them.

A claim holds, or what it is undecided for says what to pass, or it is refuted where the
check refutes it too. At quick effort this takes some minutes of one core; remedies are
followed where that takes a quarter of a minute at most.
"""

from functools import cache

import pytest
from symbind_testing.trained_once import networks_trained_once

import numerics
import proofs_check
from proofs_check.evidence.finite_networks import NetworkSizes
from proofs_check.registry import CHECKERS, checker_of
from symbind_theory import Outcome, builtin_task, builtin_tasks, check

TASKS = [
    name
    for name in builtin_tasks()
    if len(builtin_task(name)) <= 8 and builtin_task(name).length < 20
]
"""The short tasks: some checkers take minutes on a family's larger members."""

LARGER = {
    "C1": set(builtin_tasks()) - set(TASKS),
    "C2": {
        "counting-5",
        "counting-7",
        "identity-rules-choices",
        "majority-4",
        "set-2",
        "variable-chain-2",
        "variable-chain-3",
    },
    "C3": {
        "counting-5",
        "majority-4",
        "set-2",
        "variable-chain-2",
        "variable-chain-3",
    },
    "C4": {"counting-5", "majority-4", "set-2", "variable-chain-2"},
    "C5": {"counting-5", "majority-4", "variable-chain-2", "variable-chain-3"},
    "C6": {
        "counting-5",
        "majority-4",
        "set-2",
        "variable-chain-2",
        "variable-chain-3",
    },
    "C8": {
        "counting-5",
        "counting-7",
        "majority-4",
        "set-2",
        "variable-chain-2",
        "variable-chain-3",
    },
    "C9": {
        "counting-5",
        "counting-7",
        "majority-4",
        "set-2",
        "variable-chain-2",
        "variable-chain-3",
    },
    "C10": {"counting-5", "majority-4", "set-2"},
    "C12": {"majority-4"},
}
"""Claim by claim, larger tasks on which quick effort takes a quarter of a minute."""

SILENT = {
    "C6": {"copy"},
    "C7": set(builtin_tasks())
    - {"copy", "print-any-string", "aba-abb-1-shot", "aba-abb-2-shot"},
    "C12": {"copy"},
    "C13": {"copy"},
}
"""Claims that say nothing about some tasks: a single template has no gap and no other
of its skeleton, and numbers and regular tokens are not copied."""

# Claim by claim, the tasks that ask for more than quick effort.
UNDECIDED = {
    "C3": {
        "aba-abb-2-shot",
        "print-any-string",
        "print-string",
        "variable-assignment",
        "variable-chain-2",
        "variable-chain-3",
    },
    "C5": {
        "identity-rules",
        "majority",
        "majority-4",
        "print-string",
        "relational-match-to-sample",
        "set-1",
        "variable-assignment",
        "variable-chain-2",
        "variable-chain-3",
    },
    "C6": {
        "print-any-string",
        "print-string",
        "variable-assignment",
        "variable-chain-2",
        "variable-chain-3",
    },
    "C9": {"variable-chain-3"},
    "C11": {
        "distribution-of-three",
        "identity-rules",
        "majority",
        "print-string",
        "relational-match-to-sample",
        "set-1",
        "variable-assignment",
    },
    "C12": {
        "distribution-of-three",
        "identity-rules",
        "majority",
        "majority-4",
        "print-string",
        "relational-match-to-sample",
        "set-1",
        "variable-assignment",
    },
    "C13": {
        "counting",
        "distribution-of-three",
        "identity-rules",
        "majority",
        "print-string",
        "relational-match-to-sample",
        "set-1",
        "variable-assignment",
    },
}

PAIRS = [
    pytest.param(checker, name, id=f"{checker.claim}-{name}")
    # Claims of one task follow each other, as they share tables and kernel values.
    for name in builtin_tasks()
    for checker in CHECKERS
    if name in LARGER.get(checker.claim, set()).union(TASKS)
    if name not in SILENT.get(checker.claim, ())
]


FEW = {claim: {"sizes": NetworkSizes(networks=4, epochs=5)} for claim in ("C12", "C13")}
"""Sizes where quick effort does not decide what networks do.

Such a claim is never refuted by their errors, which leave it undecided; what refutes it
is exact, and decided before any is trained. So few networks show as much as many.
"""


@pytest.fixture(scope="module", autouse=True)
def _networks_trained_once():
    """C12's are half of C13's."""
    with networks_trained_once():
        yield


@cache
def reported(claim, name):
    """What a checker finds at quick effort, once."""
    checker = checker_of(claim)
    few = FEW.get(claim, {}) if name in UNDECIDED.get(claim, ()) else {}
    return checker.check(builtin_task(name), **checker.options, **few)


def remedies(report):
    """The calls that each undecided finding says would decide it, as arguments."""
    names = {
        **{name: getattr(numerics, name) for name in numerics.__all__},
        **{name: getattr(proofs_check, name) for name in proofs_check.__all__},
    }
    for finding in report.findings:
        if finding.outcome is Outcome.UNDECIDED:
            passed = finding.expected.rsplit("pass ", 1)[1]
            yield [eval(f"dict({text})", names) for text in passed.split(", or else ")]


def test_claims_say_nothing_about_these_tasks_alone():
    for checker in CHECKERS:
        silent = {n for n in builtin_tasks() if checker.silent(builtin_task(n))}
        assert silent == SILENT.get(checker.claim, set())


@cache
def verdict(claim, name):
    """The check's, with few points, where a checker refutes a claim of a task.

    C11 is C5 for the tangent kernel; C12 and C13, on networks of finite width, are
    refuted where no number of strings is enough for C5 either.
    """
    few = {"rel_tol": 0.1, "max_points": 2**10}
    if claim == "C11":
        return check(builtin_task(name), kernel="ntk", **few).verdict("C5")
    claim = "C5" if claim in ("C12", "C13") else claim
    return check(builtin_task(name), **few).verdict(claim)


@pytest.mark.slow
@pytest.mark.parametrize(("checker", "name"), PAIRS)
def test_a_checker_never_contradicts_the_check(checker, name):
    report = reported(checker.claim, name)
    findings = [str(f) for f in report.findings if f.outcome is not Outcome.HOLDS]
    if report.outcome is Outcome.REFUTED:
        said = verdict(checker.claim, name)
        assert said is not None, findings
        assert said.outcome is Outcome.REFUTED, findings
    elif report.outcome is Outcome.UNDECIDED:
        assert name in UNDECIDED.get(checker.claim, ()), findings
        assert all(remedies(report)), findings


def test_larger_tasks_are_not_among_the_short_ones():
    larger = {name for names in LARGER.values() for name in names}
    assert larger <= set(builtin_tasks()) - set(TASKS)


FOLLOWED = [
    ("C3", "variable-assignment", 0),
    ("C5", "majority", 1),
    ("C6", "print-any-string", 0),
]
"""Claim, task, and which of the remedies that are offered is followed."""


@pytest.mark.slow
@pytest.mark.parametrize(("claim", "name", "which"), FOLLOWED)
def test_what_is_said_to_pass_decides(claim, name, which):
    checker, task = checker_of(claim), builtin_task(name)
    (offered,) = remedies(reported(claim, name))
    report = checker.check(task, **{**checker.options, **offered[which]})
    assert report.outcome is Outcome.HOLDS, report.evidence
