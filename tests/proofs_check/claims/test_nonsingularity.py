"""C3: what each finding rests on, and that each can fail."""

import importlib
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.broken_matrices import Faulty
from symbind_testing.findings import finding
from symbind_testing.tasks import AA_AB

from numerics import GELU, Architecture, Cosine, Erf, ReLU, template_gram
from numerics.kernels.closed_form import fresh_strings
from proofs_check.arguments import templates_of
from proofs_check.claims.nonsingularity import nonsingularity
from proofs_check.evidence import mlp_rows, string_estimates
from proofs_check.evidence.mlp_rows import mlp_findings
from proofs_check.evidence.string_estimates import Sampling
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.separation.theorem_s import Decision
from symbind_theory.strategies import equivalent_pairs, inequivalent_pairs
from symbind_theory.validation import InputError

MODULE = importlib.import_module("proofs_check.claims.nonsingularity")
FEW = Sampling(points=64, replications=2, string_points=32, copies=2)
# Enough for strings to resolve the gap of αα and αβ.
MORE = "sampling=Sampling(points=4096)"
SMALL = Sampling(points=512, replications=24, string_points=2**11, copies=8)


def test_strings_have_seeds_of_their_own(monkeypatch):
    """Those of N are not theirs: the two estimates are to be independent."""
    seeds = []
    of_strings, of_templates = string_estimates.string_gram, MODULE.template_gram

    def seen(estimate, place):
        def seeing(*given, **named):
            seeds.append(named["seed"] if place is None else given[place])
            return estimate(*given, **named)

        return seeing

    monkeypatch.setattr(string_estimates, "string_gram", seen(of_strings, 3))
    monkeypatch.setattr(MODULE, "template_gram", seen(of_templates, None))
    nonsingularity(AA_AB, sampling=FEW)
    assert len(seeds) == len(set(seeds)) == 1 + FEW.replications


@settings(max_examples=4)
@given(
    pair=inequivalent_pairs(max_length=3),
    readout=st.sampled_from(["cls", "last"]),
    activation=st.sampled_from([Cosine(), ReLU(), Erf()]),
    seed=st.integers(0, 2**32),
)
def test_inequivalent_templates_have_a_non_singular_n(pair, readout, activation, seed):
    """All findings hold, both of Theorem S's sides and what strings say of gaps."""
    architecture = Architecture(readout=readout, activation=activation)
    report = nonsingularity(pair, architecture, Sampling(), seed)
    assert report.outcome is Outcome.HOLDS, report.evidence
    smallest = finding(report, "λ_min(N) agrees")
    assert smallest.estimate is not None
    assert smallest.estimate.low > 0
    assert smallest.expected == "above 0"


@settings(max_examples=6)
@given(pair=equivalent_pairs(max_length=4), seed=st.integers(0, 2**32))
def test_equivalent_templates_are_refuted_with_both_as_witness(pair, seed):
    report = nonsingularity(pair, None, FEW, seed)
    assert report.outcome is Outcome.REFUTED
    assert "equal up to a renaming of wildcards" in report.evidence
    assert str(pair[0]) in report.evidence
    assert finding(report, "gaps are positive").outcome is Outcome.HOLDS
    assert finding(report, "λ_min(N) agrees").outcome is Outcome.HOLDS


@given(
    seed=st.integers(0, 2**32),
    r=st.integers(2, 5),
    rank=st.integers(1, 6),
    copy=st.integers(0, 4),
)
def test_the_condition_on_permutations_is_the_one_on_pairs(seed, r, rank, copy):
    """On any Gram matrix, perhaps with two equal columns of F: by enumeration."""
    f = np.random.default_rng(seed).standard_normal((rank, r))
    f[:, copy % r] = f[:, 0]
    c = f.T @ f
    gaps = ((f[:, :, None] - f[:, None, :]) ** 2).sum(0)
    drops = [
        np.trace(c) - sum(c[i, t] for i, t in enumerate(tau))
        for tau in permutations(range(r))
    ]
    assert min(drops) >= -1e-12 * np.trace(c)
    smallest = min(gaps[i, j] for i in range(r) for j in range(i))
    assert sorted(drops)[1] == pytest.approx(smallest, abs=1e-12 * np.trace(c))


def test_gaps_by_strings_are_those_by_conditional_expectations():
    """To a few percent of the gap, which C alone would not resolve."""
    report = nonsingularity(AA_AB, None, SMALL)
    entries, gaps = report.findings[:2]
    assert entries.estimate is not None
    assert gaps.estimate is not None
    assert gaps.estimate.halfwidth < 0.004 < entries.estimate.halfwidth
    assert report.outcome is Outcome.HOLDS


def test_strings_that_share_symbols_are_found_out(monkeypatch):
    """C_ii becomes the self value."""

    def careless(templates, count=2):
        return np.repeat(fresh_strings(templates, 1), count, axis=0)

    monkeypatch.setattr(string_estimates, "fresh_strings", careless)
    report = nonsingularity(AA_AB, None, SMALL)
    assert report.findings[0].outcome is Outcome.REFUTED


def test_gaps_of_features_that_are_not_averaged_are_found_out(monkeypatch):
    """E‖Φ − Φ'‖² in place of E‖f − f'‖²."""

    def careless(*args, **options):
        gram = template_gram(*args, **options)
        d = gram.attention_self
        return Faulty(gram, {"gaps": d[:, None] + d - 2 * gram.attention})

    monkeypatch.setattr(MODULE, "template_gram", careless)
    report = nonsingularity(AA_AB, None, SMALL)
    assert report.findings[0].outcome is Outcome.HOLDS
    assert report.findings[1].outcome is Outcome.REFUTED
    assert finding(report, "for all 2 permutations").outcome is Outcome.REFUTED


@pytest.mark.parametrize(
    ("exact", "interval", "outcome"),
    [
        (Outcome.HOLDS, Interval(1.0, 0.5, 2.0), "HOLDS"),
        # A proof needs no interval, and one that reaches 0 does not speak against it.
        (Outcome.HOLDS, Interval(1.0, 0.0, 2.0), None),
        (Outcome.REFUTED, Interval(1.0, 0.5, 2.0), "REFUTED"),
        (Outcome.REFUTED, Interval(0.0, 0.0, 1e-15), "HOLDS"),
        (Outcome.UNDECIDED, Interval(1.0, 0.5, 2.0), "HOLDS"),
        (Outcome.UNDECIDED, Interval(1.0, 0.0, 2.0), "UNDECIDED"),
    ],
)
def test_the_interval_is_held_against_the_exact_decision(exact, interval, outcome):
    estimated = template_gram(AA_AB, max_points=64)
    gram = Faulty(estimated, {"smallest_eigenvalue": interval})
    found = MODULE._both_ways(gram, Decision(exact, (), "So it is."), MORE)
    assert found[-1].outcome == outcome
    assert (MORE in str(found[-1])) == (outcome == "UNDECIDED")
    if exact is Outcome.REFUTED:
        assert found[0].outcome is Outcome.REFUTED


def test_self_values_may_save_n_at_beta_zero():
    """ReLU: αα and αβ have equal features and different self values."""
    uniform = Architecture(beta=0.0, activation=ReLU())
    report = nonsingularity(AA_AB, uniform, FEW)
    assert report.outcome is Outcome.HOLDS
    cosine = nonsingularity(AA_AB, Architecture(beta=0.0), FEW)
    assert cosine.outcome is Outcome.REFUTED
    assert finding(cosine, "gaps are positive").outcome is Outcome.REFUTED


def test_self_values_may_save_n_of_activations_that_nothing_is_proved_of():
    """GELU at β = 0: the decision is left to the interval of λ_min."""
    report = nonsingularity(AA_AB, Architecture(beta=0.0, activation=GELU()), FEW)
    assert report.outcome is Outcome.HOLDS


@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
def test_rounding_of_strings_is_no_disagreement(readout):
    """At β = 0 nothing is random, and gaps of 0 come out as some 1e-16."""
    uniform = Architecture(beta=0.0, readout=readout)
    report = nonsingularity(["X ?a ?a", "X ?a ?b", "?a X ?b"], uniform, FEW)
    assert {f.outcome for f in report.findings[:2]} == {Outcome.HOLDS}


def test_without_positions_repeats_still_show():
    report = nonsingularity(AA_AB, Architecture(gamma=0.0), SMALL)
    assert report.outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("templates", "activation", "second"),
    [
        (AA_AB, Cosine(), "is singular, as a skeleton is shared"),
        (["X ?a", "?a ?b"], Cosine(), "is non-singular"),
        (["X ?a", "?a ?b"], Erf(), "φ is odd"),
        (["X ?a", "?a X"], Erf(), "is non-singular"),
    ],
)
def test_an_mlp_is_singular_for_shared_skeletons_and_rows_of_zeros(
    templates, activation, second
):
    rows, spectrum = mlp_findings(templates_of(templates), activation, 2)
    assert rows.outcome is Outcome.HOLDS
    assert spectrum.outcome is Outcome.HOLDS
    assert second in spectrum.statement


def test_an_mlp_that_sees_more_or_less_than_the_skeleton_is_found_out(monkeypatch):
    """Mean pooling forgets the order, and X Xᵀ shows repeats."""
    other = importlib.import_module("numerics.kernels.equality_kernels")

    def bag(x, y, activation, depth):
        return other.bag_kernel(x, y, activation)

    def equality(x, y, activation, depth):
        return other.equality_kernel(x, y, activation)

    for kernel, templates in ((bag, ["X ?a", "?a X"]), (equality, AA_AB)):
        monkeypatch.setattr(mlp_rows, "mlp_kernel", kernel)
        rows, _ = mlp_findings(templates_of(templates), ReLU())
        assert rows.outcome is Outcome.REFUTED


def test_overlaps_that_rounding_hides_are_no_disagreement():
    """Three layers of a slow cosine: κ hardly depends on its argument."""
    templates = templates_of(["X ?a", "?a X"])
    rows, spectrum = mlp_findings(templates, Cosine(0.01, 0.3), 3)
    assert rows.outcome is None
    assert spectrum.outcome is None
    equal = mlp_findings(templates_of(AA_AB), Cosine(0.01, 0.3), 3)
    assert [f.outcome for f in equal] == ["HOLDS", "HOLDS"]


def test_many_templates_are_not_permuted():
    templates = [f"{x} {y}" for x in ("X", "Y", "?a") for y in ("X", "Y", "?b")][:7]
    report = nonsingularity(templates, None, FEW)
    assert finding(report, "7! permutations").outcome is None


def test_a_single_template_has_a_positive_number():
    report = nonsingularity(["?a ?a"], None, SMALL)
    assert report.outcome is Outcome.HOLDS


def test_tasks_and_lists_are_read_alike():
    task = builtin_task("same-different")
    assert nonsingularity(task, None, FEW) == nonsingularity(AA_AB, None, FEW)


def test_equal_seeds_give_equal_reports_and_others_do_not():
    one, again, other = (nonsingularity(AA_AB, None, FEW, s) for s in (3, 3, 4))
    assert one == again
    assert one.findings[0].estimate != other.findings[0].estimate
    smallest = [finding(r, "λ_min(N) agrees").estimate for r in (one, other)]
    assert smallest[0] != smallest[1]


def test_the_stated_false_alarm_is_that_of_all_tests_together():
    assert nonsingularity(AA_AB, None, FEW).false_alarm < 1.5e-5


BAD: list[tuple[dict[str, Any], str]] = [
    ({"task": "?a ?a"}, "expected a list of templates"),
    ({"task": []}, "templates is empty"),
    ({"task": ["?a", "?a ?b"]}, "lengths"),
    ({"task": AA_AB, "seed": -1}, "seed is -1"),
    ({"task": AA_AB, "architecture": 3}, "architecture is 3"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=str)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        nonsingularity(**arguments)


@pytest.mark.parametrize(
    "sizes", [{"points": 63}, {"replications": 1}, {"string_points": 31}, {"copies": 1}]
)
def test_bad_sizes(sizes: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(sizes))):
        Sampling(**sizes)


@pytest.mark.parametrize("task", [3, None])
def test_what_is_no_task_is_refused(task):
    with pytest.raises(InputError, match=f"task is {task}"):
        templates_of(task)


def test_bad_input_for_the_mlp():
    templates = templates_of(TemplateTask(AA_AB, [1, -1]))
    with pytest.raises(InputError, match="depth is 0"):
        mlp_findings(templates, ReLU(), 0)
    with pytest.raises(InputError, match="constant"):
        mlp_findings(templates, Cosine(b1=0.0))
