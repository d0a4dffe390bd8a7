"""Laws of inclusion probabilities: sums, order, enclosure, draws that agree."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbind_theory import InputError, Interval, TemplateTask
from symbind_theory.laws.enclosures import enclose_by_race, enclosed_inclusion
from symbind_theory.laws.inclusion import exact_inclusion
from symbind_theory.laws.substitution_laws import Probabilities, Zipf, largest_inclusion
from symbind_theory.strategies import tasks

few_examples = settings(max_examples=30)

positive = st.fractions(Fraction(1, 50), 50, max_denominator=50) | st.sampled_from(
    [Fraction(1), Fraction(10**6), Fraction(1, 10**6)]
)
several = st.lists(positive, min_size=2, max_size=7)


def used(weights, index, count) -> Fraction:
    """The inclusion probability, which is exact for so few tokens."""
    exact = exact_inclusion(weights, index, count)
    assert exact is not None
    return exact


def diversity(task, size, law) -> Fraction | float:
    """The diversity, which is exact for so few tokens."""
    found = task.diversity(size, law)
    assert not isinstance(found, Interval)
    return found


@st.composite
def with_count(draw, weights=several):
    drawn = draw(weights)
    return drawn, draw(st.integers(1, len(drawn)))


@given(with_count())
def test_inclusion_probabilities_sum_to_the_number_of_draws(case):
    weights, count = case
    assert sum(used(weights, i, count) for i in range(len(weights))) == count


@given(with_count())
def test_heavier_tokens_are_used_more_often(case):
    weights, count = case
    each = [used(weights, i, count) for i in range(len(weights))]
    by_weight = sorted(zip(weights, each, strict=True))
    assert [p for _, p in by_weight] == sorted(each)
    law = Probabilities({f"s{i}": w for i, w in enumerate(weights)})
    assert largest_inclusion(law, law.tokens, count) == max(each)


@given(several)
def test_more_draws_use_a_token_more_often(weights):
    each = [used(weights, 0, w) for w in range(len(weights) + 1)]
    assert each == sorted(each)
    assert each[0] == 0
    assert each[-1] == 1


@given(with_count(), positive)
def test_weights_have_no_scale_and_zeros_count_for_nothing(case, scale):
    weights, count = case
    exact = used(weights, 0, count)
    assert used([scale * w for w in weights], 0, count) == exact
    assert used([*weights, Fraction(0)], 0, count) == exact


@given(with_count(), st.data())
def test_both_enclosures_contain_the_exact_value(case, data):
    """The race's width is asked for where the token is not among the rare ones."""
    weights, count = case
    index = data.draw(st.integers(0, len(weights) - 1))
    exact = used(weights, index, count)
    for enclose in (enclose_by_race, enclosed_inclusion):
        low, high = enclose(weights, index, count)
        assert low <= exact <= high
        if weights[index] == max(weights):
            assert high - low <= 1e-3 * low


@few_examples
@given(st.integers(3, 60), st.integers(3, 5))
def test_the_race_contains_the_value_of_equal_weights(tokens, count):
    count = min(count, tokens)
    low, high = enclose_by_race([Fraction(2, 7)] * tokens, tokens // 2, count)
    assert low <= Fraction(count, tokens) <= high


@few_examples
@given(tasks(), st.integers(4, 8))
def test_diversity_is_smallest_under_steeper_laws(task, size):
    """Uniform substitutions are the most diverse; ρ is never below 1."""
    uniform = diversity(task, size, "uniform")
    for law in ("zipf", Zipf(), [10**i for i in range(size)]):
        other = diversity(task, size, law)
        assert 1 <= other <= uniform


@few_examples
@given(tasks(), st.integers(4, 8))
def test_diversity_is_that_of_the_worst_template(task, size):
    alone = [diversity(TemplateTask([t], [0]), size, "zipf") for t in task.templates]
    assert diversity(task, size, "zipf") == min(alone)


@given(with_count())
def test_too_few_positive_weights_are_refused(case):
    weights, _ = case
    with pytest.raises(InputError, match="tokens have a positive weight; expected at"):
        exact_inclusion([*weights, Fraction(0)], 0, len(weights) + 1)
