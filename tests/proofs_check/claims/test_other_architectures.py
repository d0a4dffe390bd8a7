"""C9: invariants, what is claimed of each architecture, and that a claim can fail."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.tasks import AA_AB

from numerics import Architecture, Cosine, ReLU
from numerics.kernels.closed_form import parallel_rows
from numerics.template_matrix.bounded import BoundedMatrix
from proofs_check.claims.other_architectures import other_architectures
from proofs_check.evidence.architectures import (
    EQUALITY_PATTERN,
    REGULAR_COUNTS,
    SKELETON,
    TEMPLATE,
    candidates,
    transformer,
)
from symbind_theory import Template
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.strategies import tasks, templates
from symbind_theory.validation import InputError

INVARIANTS = (EQUALITY_PATTERN, REGULAR_COUNTS, SKELETON, TEMPLATE)
CANDIDATES = candidates()


@settings(max_examples=30)
@given(task=tasks(max_length=4))
def test_closed_forms_are_singular_exactly_where_invariants_agree(task):
    report = other_architectures(task, compared=CANDIDATES)
    assert report.outcome is Outcome.HOLDS


@settings(max_examples=5)
@given(task=tasks(max_length=2, max_templates=3), seed=st.integers(0, 2**32))
def test_a_transformer_is_singular_exactly_for_equivalent_templates(task, seed):
    report = other_architectures(task, compared=[transformer(points=64, seed=seed)])
    assert report.outcome is Outcome.HOLDS


@given(template=templates(), data=st.data())
def test_invariants_lie_between_the_template_and_nothing(template, data):
    """Renaming wildcards changes none of them; the others say less than TEMPLATE."""
    renamed = template.canonical()
    for invariant in INVARIANTS:
        assert invariant.of(template) == invariant.of(renamed)
    other = data.draw(templates(length=template.length))
    if SKELETON.of(template) == SKELETON.of(other):
        assert REGULAR_COUNTS.of(template) == REGULAR_COUNTS.of(other)
        both = EQUALITY_PATTERN.of(template) == EQUALITY_PATTERN.of(other)
        assert both == (TEMPLATE.of(template) == TEMPLATE.of(other))


@pytest.mark.parametrize(
    ("invariant", "one", "other", "equal"),
    [
        (SKELETON, "?a ?a X", "?a ?b X", True),
        (SKELETON, "?a X", "X ?a", False),
        (REGULAR_COUNTS, "?a X", "X ?a", True),
        (REGULAR_COUNTS, "X X", "X ?a", False),
        (EQUALITY_PATTERN, "X Y X", "?a ?b ?a", True),
        (EQUALITY_PATTERN, "X Y X", "?a ?b ?b", False),
        (TEMPLATE, "?a ?b X", "?b ?a X", True),
        (TEMPLATE, "?a ?b X", "?a ?b Y", False),
    ],
)
def test_invariants_by_example(invariant, one, other, equal):
    found = invariant.of(Template(one)) == invariant.of(Template(other))
    assert found == equal


# Between them these pairs tell any two of the invariants apart.
WITNESSES = [["?a ?a X", "?a ?b X"], ["X ?a", "?a X"], ["X ?a", "?a ?b"]]
MUTANTS = [
    pytest.param(candidate, wrong, id=f"{candidate.name}, {wrong.words}")
    for candidate in CANDIDATES
    for wrong in INVARIANTS
    if wrong is not candidate.invariant
]


@pytest.mark.parametrize(("candidate", "wrong"), MUTANTS)
def test_any_other_invariant_is_refuted_somewhere(candidate, wrong):
    mutant = replace(candidate, invariant=wrong)
    found = {
        other_architectures(witness, compared=[mutant]).outcome for witness in WITNESSES
    }
    assert Outcome.REFUTED in found
    assert Outcome.UNDECIDED not in found


def test_the_table_says_which_architectures_tell_same_from_different():
    report = other_architectures(AA_AB)
    rows = [f.statement for f in report.findings if f.outcome is None]
    assert len(rows) == len(list(CANDIDATES)) + 1
    non_singular = {r.split(" on '?a")[0] for r in rows if r.endswith("non-singular")}
    assert non_singular == {"N of an MLP on X Xᵀ", "N of a transformer"}
    assert all(r.endswith("singular") for r in rows)


def known(rows, low):
    """An architecture with a given N of two templates."""
    n, interval = np.array(rows), Interval(max(low, 0.1), low, 1.0)

    def matrix(templates):
        r = len(templates)
        return BoundedMatrix(
            templates=tuple(templates),
            architecture=None,
            matrix=n[:r, :r],
            matrix_self=np.diagonal(n)[:r],
            halfwidth=np.zeros((r, r)),
            self_halfwidth=np.zeros(r),
            entry_level=1.0,
            smallest_eigenvalue=interval,
        )

    return replace(CANDIDATES.equality_mlp, matrix=matrix, compares=None)


@pytest.mark.parametrize(
    ("rows", "low", "outcome"),
    [
        ([[1.0, 0.5], [0.5, 1.0]], 0.1, "HOLDS"),
        ([[1.0, 0.5], [0.5, 1.0]], 0.0, "UNDECIDED"),
        ([[1.0, 1.0], [1.0, 1.0]], 0.0, "REFUTED"),
        # Rows that are close, of a matrix that is known to be non-singular.
        ([[1.0, 1.0], [1.0, 1.0]], 1e-18, "HOLDS"),
    ],
)
def test_distinct_invariants_ask_for_a_non_singular_n(rows, low, outcome):
    report = other_architectures(AA_AB, compared=[known(rows, low)])
    assert report.outcome == outcome


@pytest.mark.parametrize(
    ("rows", "low", "outcome"),
    [
        ([[1.0, 1.0], [1.0, 1.0]], 0.0, "HOLDS"),
        ([[1.0, 0.5], [0.5, 1.0]], 0.0, "REFUTED"),
        ([[1.0, 1.0], [1.0, 1.0]], 1e-18, "REFUTED"),
    ],
)
def test_a_shared_invariant_asks_for_parallel_rows_and_a_singular_n(rows, low, outcome):
    report = other_architectures(["X ?a", "?a ?b"], compared=[known(rows, low)])
    assert report.findings[0].outcome == outcome


def test_what_a_recurrent_network_has_forgotten_is_undecided():
    """Skeletons differ in the first token: λ_min > 0 drowns in rounding."""
    rest = " ".join(f"?{i}" for i in range(20))
    pair = [f"X {rest}", f"Y {rest}"]
    recurrent = CANDIDATES.recurrent_last
    assert parallel_rows(recurrent.matrix([Template(t) for t in pair]))
    report = other_architectures(pair, compared=[recurrent])
    assert report.outcome is Outcome.UNDECIDED
    forgetful = replace(recurrent, invariant=REGULAR_COUNTS)
    swapped = [f"X ?a {rest}", f"?a X {rest}"]
    report = other_architectures(swapped, compared=[forgetful])
    assert report.outcome is Outcome.REFUTED


@settings(max_examples=30)
@given(task=tasks())
def test_the_kernels_are_functions_of_what_they_compare(task):
    """Equal comparisons give entries equal up to a factor for each string."""
    for candidate in CANDIDATES:
        blind = candidate.blind_pairs(task.templates)
        assert blind <= set(parallel_rows(candidate.matrix(task.templates)))


def test_other_activations_leave_the_closed_forms_at_the_cosine():
    report = other_architectures(AA_AB, Architecture(activation=ReLU()), points=256)
    assert report.outcome is Outcome.HOLDS
    plain = other_architectures(AA_AB, points=256)
    assert report.findings[:-2] == plain.findings[:-2]
    assert report.findings[-2] != plain.findings[-2]


def test_equal_seeds_give_equal_reports_and_others_do_not():
    closed = CANDIDATES.equality_mlp
    one, again, other = (
        other_architectures(AA_AB, compared=[closed, transformer(points=64, seed=s)])
        for s in (5, 5, 6)
    )
    assert one == again
    assert one.findings[:2] == other.findings[:2]
    assert one.findings[2].estimate != other.findings[2].estimate


BAD: list[tuple[dict[str, Any], str]] = [
    ({"task": ["?a", "?a ?b"]}, "lengths"),
    ({"task": AA_AB, "points": 10}, "points is 10"),
    ({"task": AA_AB, "seed": -1}, "seed is -1"),
    ({"task": AA_AB, "compared": []}, "compared is empty"),
    ({"task": AA_AB, "architecture": Architecture(depth=2)}, "depth is 2"),
    (
        {"task": AA_AB, "architecture": Architecture(activation=Cosine(b1=0.0))},
        "b1 other than 0",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=str)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        other_architectures(**arguments)


def test_candidates_come_in_the_order_of_the_table():
    """And each has its own name, by which the ledger's lines are told apart."""
    names = [candidate.name for candidate in CANDIDATES]
    assert names[0] == CANDIDATES.one_hot_mlp.name
    assert names[-1] == CANDIDATES.equality_mlp.name
    assert len(set(names)) == len(names) == 6


def test_odd_and_other_activations_have_no_closed_candidates():
    activation: Any = ReLU()
    with pytest.raises(InputError, match="Cosine"):
        candidates(activation)
    with pytest.raises(InputError, match="odd up to rounding"):
        candidates(Cosine(1.0, np.pi / 2))
