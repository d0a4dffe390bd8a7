"""C3 on blocks: what decides it, and that each part can fail."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.broken_matrices import Faulty
from symbind_testing.findings import finding
from symbind_testing.tasks import AA_AB, ABA_ABB

from numerics import Architecture, Cosine, Erf, ReLU, template_gram
from numerics.architecture import Block
from numerics.kernels.closed_form import fresh_strings
from numerics.positions import ALiBi
from proofs_check.checker import Effort
from proofs_check.claims.nonsingularity import nonsingularity
from proofs_check.evidence import deep_strings
from proofs_check.evidence.string_estimates import Sampling
from symbind_theory import builtin_task
from symbind_theory.outcome import Outcome
from symbind_theory.separation.theorem_s import Decision
from symbind_theory.strategies import equivalent_pairs, inequivalent_pairs

MODULE = importlib.import_module("proofs_check.claims.nonsingularity")
PRE = Architecture(readout="last", depth=2, residual=1.0, normalisation="pre")
FEW = Sampling(points=256, replications=6, string_points=64, copies=2)
SOME = Sampling(points=2**10, replications=16, string_points=2**9, copies=4)
HOLDS = Decision(Outcome.HOLDS, (), "N is non-singular")


@settings(max_examples=4)
@given(
    pair=inequivalent_pairs(max_length=3),
    architecture=st.sampled_from(
        [
            PRE,
            replace(PRE, normalisation="post", activation=ReLU()),
            replace(PRE, normalisation=None, causal=True, activation=Erf()),
            replace(PRE, residual=0.0, normalisation=None),
        ]
    ),
    seed=st.integers(0, 2**32),
)
def test_inequivalent_templates_are_never_refuted(pair, architecture, seed):
    """By proof and without contradiction; few points may leave gaps undecided."""
    report = nonsingularity(pair, architecture, FEW, seed)
    assert "N is non-singular by Theorem D" in " ".join(
        f.statement for f in report.findings if f.outcome is Outcome.HOLDS
    )
    assert report.outcome is not Outcome.REFUTED, report.evidence


@settings(max_examples=3)
@given(pair=equivalent_pairs(max_length=3), seed=st.integers(0, 2**32))
def test_equivalent_templates_are_refuted_with_both_as_witness(pair, seed):
    report = nonsingularity(pair, PRE, FEW, seed)
    assert report.outcome is Outcome.REFUTED
    assert "equal up to a renaming of wildcards" in report.evidence
    assert finding(report, "gaps after").outcome is Outcome.HOLDS
    assert finding(report, "λ_min(N) agrees").outcome is Outcome.HOLDS


@pytest.mark.parametrize("effort", list(Effort))
def test_each_effort_has_sizes_for_blocks(effort):
    sizes = MODULE.SIZES[effort]
    assert MODULE._usual(PRE, effort) is sizes.blocks
    assert MODULE._usual(Architecture(), effort) is sizes.one_layer


def test_all_parts_are_judged_and_seldom_wrong_by_chance():
    report = nonsingularity(AA_AB, PRE, SOME)
    assert report.outcome is Outcome.HOLDS, report.evidence
    for start in ("N and self values", "gaps E", "gaps after", "share of λ_min(N)"):
        assert finding(report, start).outcome is Outcome.HOLDS
    assert report.false_alarm < 1.5e-5


def test_strings_and_the_bound_have_seeds_of_their_own(monkeypatch):
    """Those of N are neither's: all estimates are to be independent."""
    seeds = []
    of_strings, of_templates = MODULE.deep_estimates, MODULE.template_gram
    bound = importlib.import_module("proofs_check.evidence.deep_bound")

    def strings(templates, architecture, sampling, words):
        seeds.extend(words)
        return of_strings(templates, architecture, sampling, words)

    def gram(*given, **named):
        seeds.append(named["seed"])
        return of_templates(*given, **named)

    monkeypatch.setattr(MODULE, "deep_estimates", strings)
    monkeypatch.setattr(MODULE, "template_gram", gram)
    monkeypatch.setattr(bound, "template_gram", gram)
    nonsingularity(AA_AB, PRE, FEW)
    assert len(seeds) == len(set(seeds)) == 2 + FEW.replications


def test_strings_that_share_symbols_are_found_out(monkeypatch):
    """N_ii becomes the self value."""

    def careless(templates, count=2):
        return np.repeat(fresh_strings(templates, 1), count, axis=0)

    monkeypatch.setattr(deep_strings, "fresh_strings", careless)
    report = nonsingularity(AA_AB, PRE, SOME)
    assert finding(report, "N and self values").outcome is Outcome.REFUTED


def test_gaps_of_features_that_are_not_averaged_are_found_out(monkeypatch):
    """E‖Φ − Φ'‖² in place of E‖f − f'‖²."""

    def careless(*args, **options):
        gram = template_gram(*args, **options)
        d = gram.attention_self
        return Faulty(gram, {"gaps": d[:, None] + d - 2 * gram.attention})

    monkeypatch.setattr(MODULE, "template_gram", careless)
    report = nonsingularity(AA_AB, PRE, SOME)
    assert finding(report, "N and self values").outcome is Outcome.HOLDS
    assert finding(report, "gaps E").outcome is Outcome.REFUTED
    assert finding(report, "for all 2 permutations").outcome is Outcome.REFUTED


def test_a_matrix_of_another_depth_is_found_out(monkeypatch):
    def shallow(templates, architecture, **options):
        other = replace(architecture, depth=1)
        gram = template_gram(templates, other, **options)
        return Faulty(gram, {"architecture": architecture})

    monkeypatch.setattr(MODULE, "template_gram", shallow)
    report = nonsingularity(AA_AB, PRE, SOME)
    assert finding(report, "N and self values").outcome is Outcome.REFUTED


def test_a_wrong_proof_of_singularity_is_contradicted(monkeypatch):
    wrong = Decision(Outcome.REFUTED, (), "N is singular")
    monkeypatch.setattr(MODULE, "decide", lambda templates, record: wrong)
    report = nonsingularity(AA_AB, PRE, SOME)
    assert finding(report, "λ_min(N) agrees").outcome is Outcome.REFUTED


DEEP = {mutant.name: mutant for mutant in MODULE._DEEP_MUTANTS}


@pytest.mark.slow
@pytest.mark.parametrize("name", DEEP)
def test_mutants_need_the_exact_decision_or_a_gap_of_rounding(name, monkeypatch):
    """Were the decision wrong, gaps refute it where nothing at all is left of them."""
    monkeypatch.setattr(MODULE, "decide", lambda templates, record: HOLDS)
    report = DEEP[name].run(Effort.QUICK, 3)
    gaps = finding(report, "gaps after").outcome
    renamed = name == "two blocks, a template renamed"
    assert gaps is (Outcome.HOLDS if renamed else Outcome.REFUTED)
    assert report.outcome is gaps


@pytest.mark.slow
def test_uniform_attention_first_is_no_mutant_with_a_residual():
    """Nothing is proved then, and λ_min shows that N is non-singular."""
    blocks = (Block(beta=0.0), Block(beta=2.0))
    report = nonsingularity(ABA_ABB, replace(PRE, blocks=blocks), SOME)
    assert report.outcome is Outcome.HOLDS, report.evidence
    assert finding(report, "the smallest gap").outcome is None
    decided = finding(report, "N is non-singular: Theorem D asks for beta above 0")
    assert decided.estimate is not None
    assert decided.estimate.low > 0


def test_what_is_neither_proved_nor_resolved_is_undecided():
    """γ = 0 with a causal mask, where few points do not tell λ_min from 0."""
    masked = replace(PRE, gamma=0.0, causal=True, readout="cls")
    report = nonsingularity(ABA_ABB, masked, replace(FEW, points=64))
    assert report.outcome is Outcome.UNDECIDED
    assert "pass sampling=Sampling(points=1100" in report.evidence


@pytest.mark.slow
def test_a_constant_activation_with_residuals_is_no_mutant():
    report = nonsingularity(AA_AB, replace(PRE, activation=Cosine(b1=0.0)), SOME)
    assert report.outcome is Outcome.HOLDS, report.evidence


def test_relative_positions_are_checked_without_the_bound():
    report = nonsingularity(AA_AB, replace(PRE, relative=ALiBi()), SOME)
    assert report.outcome is Outcome.HOLDS, report.evidence
    assert not any(f.statement.startswith("share") for f in report.findings)


@pytest.mark.slow
def test_strings_of_many_logits_are_not_drawn():
    """Twenty symbols: the other findings remain, and the report says so."""
    task = builtin_task("aba-abb-2-shot")
    report = nonsingularity(task, PRE, replace(FEW, copies=8))
    drawn = finding(report, "strings have")
    assert drawn.outcome is None
    assert "N stands on conditional expectations alone" in drawn.statement


def test_a_single_template_has_a_positive_number():
    report = nonsingularity(["?a ?a"], PRE, FEW)
    assert report.outcome is Outcome.HOLDS, report.evidence
