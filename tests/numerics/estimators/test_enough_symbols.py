"""Whether a vocabulary has enough symbols."""

import math
from typing import Any

import pytest
from symbind_testing.tasks import COPY, SAME_DIFFERENT

from numerics import Architecture, perturbed_curve, sample_complexity, template_gram
from numerics.estimators.enough_symbols import finite_diversity
from symbind_theory import InputError, TemplateTask
from symbind_theory.records.learning import SampleComplexity

ARCHITECTURE = Architecture(beta=4.0)
GRAM = template_gram(SAME_DIFFERENT.templates, ARCHITECTURE, rel_tol=0.01)
NEEDED = sample_complexity(SAME_DIFFERENT, target=0.1, gram=GRAM)


def found(
    task=SAME_DIFFERENT,
    vocabulary: int | None = None,
    complexity: SampleComplexity | None = NEEDED,
) -> Any:
    return finite_diversity(task, vocabulary, complexity, GRAM, ARCHITECTURE, sets=2)


def with_law(law):
    return TemplateTask(SAME_DIFFERENT.templates, [1, -1], laws=law)


def test_two_symbols_are_too_few():
    """The task file whose law has two tokens names the vocabulary itself."""
    diversity = found(with_law({"u": 1, "v": 1}))
    assert (diversity.vocabulary, diversity.diversity.value) == (2, 1)
    assert diversity.too_few(0.1)
    assert not diversity.too_few(2.0)
    assert diversity.enough(0.1) is None
    n = NEEDED.n or 0
    assert diversity.sizes == (n, 4 * n, 16 * n)
    assert diversity.mse[-1].value > 0.9
    assert diversity.apart[0].value == pytest.approx(0.1, rel=0.01)


def test_many_symbols_are_enough_and_larger_sets_are_not_asked_for():
    diversity = found(vocabulary=3000, complexity=_at(NEEDED, 0.9))
    assert diversity.sizes == (NEEDED.n,)
    assert diversity.enough(0.9) == NEEDED.n
    assert diversity.method == ("simulation",)


def _at(complexity, target):
    return SampleComplexity(complexity.n, complexity.interval, target, complexity.alpha)


def test_too_many_symbols_to_simulate_are_to_first_order():
    diversity = found(vocabulary=10**9)
    curve = perturbed_curve(SAME_DIFFERENT, 10**9, ARCHITECTURE, [NEEDED.n or 0])
    assert set(diversity.method) == {"first order"}
    assert diversity.mse[0].value == curve.mse[0]
    assert diversity.mse[0].high >= curve.mse[0]
    assert diversity.diversity.value == 5e8


def test_with_next_to_no_collisions_a_few_more_strings_are_enough():
    """Errors of n may leave n strings a little above the target."""
    n, vocabulary = NEEDED.n or 0, 10**15
    error = found(vocabulary=vocabulary).mse[0].value
    diversity = found(vocabulary=vocabulary, complexity=_at(NEEDED, 0.97 * error))
    assert diversity.sizes == (n, math.ceil(1.25 * n))
    assert diversity.method == ("first order",) * 2
    assert diversity.enough(0.97 * error) == diversity.sizes[1]


def test_no_vocabulary_is_no_statement():
    assert found() is None


def test_symbolic_labels_have_a_diversity_and_no_error():
    diversity = found(COPY, 50, None)
    assert diversity.diversity.value == 50
    assert diversity.mse == ()


def test_zipf_has_the_diversity_of_its_heaviest_token():
    diversity = found(with_law("zipf"), 3, None)
    assert diversity.diversity.value == pytest.approx(132 / 115)


@pytest.mark.parametrize(
    ("task", "vocabulary", "message"),
    [
        (SAME_DIFFERENT, 1, "vocabulary has 1 tokens; expected at least 2"),
        (SAME_DIFFERENT, 0, "vocabulary is 0; expected an integer of at least 1"),
        (with_law({"u": 1, "v": 1, "w": 1}), 2, "vocabulary is 2; expected at least 3"),
    ],
    ids=str,
)
def test_a_vocabulary_that_cannot_be_used_is_one_line(task, vocabulary, message):
    with pytest.raises(InputError, match=f"^{message}"):
        found(task, vocabulary)


def test_a_task_without_wildcards_has_no_least_diversity():
    task = TemplateTask(["a a", "b b"], [1, -1])
    gram = template_gram(task.templates, ARCHITECTURE, max_points=64)
    diversity = finite_diversity(task, 5, None, gram, ARCHITECTURE)
    assert diversity is not None
    assert diversity.diversity.value == math.inf
