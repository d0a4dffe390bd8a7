"""Property tests of a task of your own, with symbind's strategies and checkers.

Copy this file beside your code, put your task in, and run

    pytest test_my_task.py
"""

from fractions import Fraction

import pytest
from hypothesis import given, settings

from numerics import Architecture
from proofs_check import data_diversity, mlp_coupling, mlp_floor, nonsingularity
from proofs_check.strategies import mlps, trainings
from symbind_theory import Outcome, TemplateTask
from symbind_theory.separation import Hypotheses, decide
from symbind_theory.strategies import inequivalent_pairs, substitutions, tasks

# "Does the list end as it begins?", asked of three symbols; there are ten in all. What
# is unseen is an eleventh: networks are trained on the ten, and tested on others. Leave
# the laws out where symbols are as many as you like.
TASK = TemplateTask(
    ["?a ?b ?a ends", "?a ?b ?b ends", "?a ?b ?c ends"],
    [1, -1, -1],
    laws=dict.fromkeys("0123456789", 1),
)


def test_a_transformer_can_learn_it():
    """N is of strings that share no symbol: how many there are does not enter."""
    report = nonsingularity(TASK)
    assert report.outcome is Outcome.HOLDS, report.evidence


def test_an_mlp_cannot():
    """On symbols beyond the ten, whatever it has learned of those."""
    report = mlp_floor(TASK)
    assert report.outcome is Outcome.HOLDS, report.evidence
    assert TASK.mlp_floor() == Fraction(8, 9)


def test_positions_are_needed():
    report = nonsingularity(TASK, Architecture(gamma=0.0))
    assert report.outcome is Outcome.REFUTED


def test_ten_symbols_are_not_diverse():
    """Three of ten are in a string. Strings that share none, for which a transformer's
    error is known, are then rare: more symbols help as more strings do not.
    """
    assert TASK.diversity() == Fraction(10, 3)
    report = data_diversity(TASK)
    assert report.outcome is Outcome.HOLDS, report.evidence


@settings(max_examples=10, deadline=None)
@given(mlps(), trainings(max_steps=5))
def test_no_mlp_tells_its_unseen_symbols_apart(mlp, training):
    assert mlp_coupling(TASK, mlp, training).outcome is Outcome.HOLDS


@given(inequivalent_pairs(max_length=3))
def test_transformers_tell_any_two_templates_apart(pair):
    """By proof: λ_min(N) of some pairs is too small for an interval to exclude 0."""
    assert decide(pair, Hypotheses()).outcome is Outcome.HOLDS


@pytest.mark.parametrize("template", TASK.templates)
def test_every_string_of_a_template_has_its_label(template):
    @given(substitutions(template, avoid=TASK.regular_tokens))
    def check(substitution):
        match = TASK.match(template.substitute(substitution))
        assert match is not None
        assert match.template == template

    check()


@given(tasks(pairwise_inequivalent=True))
def test_templates_of_a_task_share_no_string(task):
    assert not task.overlapping_pairs()
