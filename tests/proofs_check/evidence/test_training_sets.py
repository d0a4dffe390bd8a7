"""What checkers average over: vocabularies, and strings that share nothing."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs_check.evidence.training_sets import (
    fresh_sample,
    vocabulary_tokens,
)
from symbind_theory import InputError, TemplateTask
from symbind_theory.strategies import tasks

TASK = TemplateTask(["?a X ?a", "?a ?b X", "X X X"], [1, -1, 0.5], [3, 2, 1], noise=0.2)


@settings(max_examples=30)
@given(tasks(), st.integers(0, 12), st.integers(0, 2**63 - 1))
def test_fresh_strings_are_of_their_templates_and_share_no_symbol(task, count, seed):
    sample = fresh_sample(task, count, seed)
    regular = set(task.regular_tokens)
    symbols = [set(string.split()) - regular for string in sample.strings]
    assert not any(a & b for a, b in combinations(symbols, 2))
    for string, i in zip(sample.strings, sample.template_indices, strict=True):
        match = task.templates[i].match(string)
        assert match is not None
        assert regular.isdisjoint(match.values())
    exact = [float(task.labels[i]) for i in sample.template_indices]
    assert list(sample.labels) == exact


def test_templates_come_by_weight_and_labels_with_noise():
    n = 4000
    sample = fresh_sample(TASK, n, seed=0)
    found = np.array(sample.template_indices)
    for i, weight in enumerate(map(float, TASK.weights)):
        assert abs((found == i).mean() - weight) < 5 * np.sqrt(weight / n)
    exact = np.array([float(y) for y in TASK.labels])
    errors = np.array(sample.labels) - exact[found]
    assert abs(errors.mean()) < 5 * TASK.noise / np.sqrt(n)
    assert abs(errors.std() / TASK.noise - 1) < 5 / np.sqrt(2 * n)
    assert fresh_sample(TASK, 50, seed=1) == fresh_sample(TASK, 50, seed=1)
    assert fresh_sample(TASK, 50, seed=1) != fresh_sample(TASK, 50, seed=2)


def test_a_vocabulary_is_tokens_or_their_number():
    assert vocabulary_tokens(TASK, ["u", "v"]) == ("u", "v")
    assert len(set(vocabulary_tokens(TASK, np.int64(30)))) == 30
    assert "X" not in vocabulary_tokens(TASK, 30)


@pytest.mark.parametrize("bad", [0, -1, 2.5, "abc", None, True])
def test_bad_vocabularies(bad: Any):
    with pytest.raises(InputError, match="vocabulary is"):
        vocabulary_tokens(TASK, bad)
