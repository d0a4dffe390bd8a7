"""C8: the sampler against all injective substitutions; what more diversity does."""

from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.tasks import COPY, SAME_DIFFERENT, same_different

from numerics import Architecture, TransformerKernelRegressor
from proofs_check.claims.data_diversity import data_diversity
from proofs_check.evidence.diversity_error import error_against_diversity
from proofs_check.evidence.unseen_error import fresh_error
from proofs_check.seeds import seed_array
from symbind_theory import InputError, Outcome, TemplateTask

TOKENS = ["u", "v", "w", "x"]
TEMPLATES = ["?a ?a ?a", "?a X ?b", "?a ?b ?c"]
NOISY = same_different(noise=0.3)
FAST: dict[str, Any] = {
    "architecture": Architecture(beta=2.0),
    "strings": 64,
    "sets": 24,
}


def most_used(templates, weights):
    """The largest probability of a token, from all injective substitutions."""
    found = []
    for template in templates:
        used = dict.fromkeys(weights, Fraction(0))
        for drawn in permutations(weights, len(template.wildcards)):
            left, chance = sum(weights.values()), Fraction(1)
            for token in drawn:
                chance *= Fraction(weights[token], left)
                left -= weights[token]
            for token in drawn:
                used[token] += chance
        found += used.values()
    return max(found)


@settings(max_examples=5)
@given(st.lists(st.integers(1, 6), min_size=4, max_size=4), st.integers(0, 10**6))
def test_the_sampler_uses_a_token_as_often_as_all_substitutions_do(weights, seed):
    """Whatever the law: true ρ holds, ρ that is off by a half is refuted."""
    law = dict(zip(TOKENS, weights, strict=True))
    task = TemplateTask(TEMPLATES, [1, 2, 3], [1, 0, 5], laws=law)
    rho = 1 / most_used(task.templates, law)
    assert task.diversity(TOKENS) == rho
    for claimed, outcome in [(rho, "HOLDS"), (1.5 * float(rho), "REFUTED")]:
        report = data_diversity(task, TOKENS, claimed=claimed, draws=1500, seed=seed)
        assert report.outcome.value == outcome


def test_a_token_used_more_or_less_often_than_claimed():
    for claimed, outcome in [(1.5, "REFUTED"), (2, "HOLDS"), (3, "REFUTED")]:
        report = data_diversity(SAME_DIFFERENT, 4, claimed=claimed, draws=3000)
        assert report.outcome.value == outcome


def test_few_draws_are_undecided():
    assert data_diversity(SAME_DIFFERENT, 10, draws=300).outcome is Outcome.UNDECIDED
    # The template with more wildcards need not occur at all in one draw.
    assert data_diversity(SAME_DIFFERENT, 10, draws=1).outcome is Outcome.UNDECIDED


def test_an_enclosed_diversity():
    """More than two wildcards under Zipf's law: ρ is an interval."""
    task = TemplateTask(["?a ?b ?c"], [1], laws="zipf")
    rho = task.diversity(1500)
    assert not isinstance(rho, Fraction)
    assert data_diversity(task, 1500, draws=3000).outcome is Outcome.HOLDS


def test_errors_are_those_of_the_training_sets():
    small = {**FAST, "strings": 20, "sets": 5, "vocabularies": [4, 9]}
    report = error_against_diversity(NOISY, monotone=True, **small)
    model = TransformerKernelRegressor(FAST["architecture"], 0.05, points=2**12)
    for tokens, found in zip(
        [TOKENS, list("abcdefghi")], report.findings, strict=False
    ):
        errors = [
            fresh_error(model, NOISY, NOISY.sample(20, tokens, s))
            for s in seed_array((5,), 0).tolist()
        ]
        assert found.estimate is not None
        assert found.estimate.value == pytest.approx(np.mean(errors), rel=1e-9)


@pytest.mark.slow
def test_the_error_falls_and_rises():
    """So it does not fall throughout, but it does where tokens are few."""
    wide = {**FAST, "vocabularies": (6, 24, 5000)}
    report = error_against_diversity(NOISY, **wide)
    assert report.outcome is Outcome.HOLDS
    assert all(f.outcome is Outcome.HOLDS for f in report.findings[3:])
    opposite = error_against_diversity(NOISY, monotone=True, **wide)
    assert opposite.outcome is Outcome.REFUTED
    narrow = {**FAST, "vocabularies": (4, 6, 24)}
    assert error_against_diversity(NOISY, **narrow).outcome is Outcome.REFUTED
    falling = error_against_diversity(NOISY, monotone=True, **narrow)
    assert falling.outcome is Outcome.HOLDS


def test_equal_seeds_give_equal_reports():
    def run(seed):
        settings = {**FAST, "strings": 12, "sets": 3, "vocabularies": (3, 4, 5)}
        return (
            data_diversity(NOISY, 5, draws=100, seed=seed),
            error_against_diversity(NOISY, seed=seed, **settings),
        )

    assert run(1) == run(1)
    assert all(a != b for a, b in zip(run(1), run(2), strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabulary": 1}, "vocabulary"),
        ({"claimed": 0.5}, "claimed is 0.5; expected"),
        ({"claimed": "two"}, "claimed is 'two'; expected"),
        ({"draws": 0}, "draws is 0; expected"),
        ({"seed": -1}, "seed is -1; expected"),
    ],
)
def test_bad_input(options: dict[str, Any], message):
    with pytest.raises(InputError, match=message):
        data_diversity(NOISY, **{"vocabulary": 4, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabularies": [4, 8]}, "vocabularies has 2 entries; expected at least 3"),
        ({"vocabularies": [4], "monotone": True}, "has 1 entries; expected at least 2"),
        ({"strings": 0}, "strings is 0; expected"),
        ({"sets": 1}, "sets is 1; expected"),
        ({"alpha": 0}, "alpha is 0; expected"),
        ({"seed": -1}, "seed is -1; expected"),
    ],
)
def test_bad_input_on_errors(options: dict[str, Any], message):
    with pytest.raises(InputError, match=message):
        error_against_diversity(NOISY, **options)


def test_bad_tasks():
    with pytest.raises(InputError, match="no wildcards"):
        data_diversity(TemplateTask(["X Y"], [1]), 5)
    with pytest.raises(InputError, match="labels are symbolic"):
        error_against_diversity(COPY)
