"""Data diversity against enumeration, and what a task does with laws and noise."""

import math
import statistics
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from symbind_theory import InputError, Interval, TemplateTask
from symbind_theory.laws.diversity import data_diversity
from symbind_theory.laws.substitution_laws import Probabilities, Uniform, Zipf

TASK = TemplateTask(["?a ?a ?a", "?a ?b ?b", "?a ?b ?c"], [1, 2, 3])
TOKENS = ["u", "v", "w", "x", "y"]
WEIGHTS = {"u": 0.1, "v": 0.25, "w": 0.3, "x": 0.3, "y": 0.05}


def brute(task, tokens, weights):
    """1 / P for every template and token, from all injective substitutions."""
    found = []
    for template in task.templates:
        used = dict.fromkeys(tokens, Fraction(0))
        for drawn in permutations(tokens, len(template.wildcards)):
            left, chance = sum(weights.values()), Fraction(1)
            for token in drawn:
                chance *= weights[token] / left
                left -= weights[token]
            for token in drawn:
                used[token] += chance
        found += [1 / chance for chance in used.values() if chance]
    return min(found)


@pytest.mark.parametrize("size", [3, 4, 5])
def test_diversity_agrees_with_all_substitutions(size):
    tokens = TOKENS[:size]
    uniform = dict.fromkeys(tokens, Fraction(1))
    zipf = {token: Fraction(1, i) for i, token in enumerate(tokens, start=1)}
    own = {token: Fraction(str(WEIGHTS[token])) for token in tokens}
    assert TASK.diversity(vocabulary=size) == brute(TASK, tokens, uniform)
    assert TASK.diversity(size, law="zipf") == brute(TASK, tokens, zipf)
    assert TASK.diversity(tokens, law="zipf") == brute(TASK, tokens, zipf)
    assert TASK.diversity(tokens, own) == brute(TASK, tokens, own)
    assert TASK.diversity(law=own) == brute(TASK, tokens, own)
    assert TASK.diversity(size, list(own.values())) == brute(TASK, tokens, own)


def test_uniform_diversity_is_tokens_over_wildcards_at_any_size():
    assert TASK.diversity(vocabulary=10**12) == Fraction(10**12, 3)


def test_numbers_of_numpy():
    """Weights and sizes that come out of an array."""
    task = TemplateTask(["?a ?b"], [0])
    weights = np.array([3.0, 2.0, 1.0])
    assert data_diversity(task.templates, task.laws, 3, weights) == task.diversity(
        3, [3, 2, 1]
    )
    assert data_diversity(
        task.templates, task.laws, 3, list(weights)
    ) == task.diversity(3, [3, 2, 1])


def test_two_wildcards_under_zipf_are_exact():
    task = TemplateTask(["?a ?b"], [0])
    exact, beyond = task.diversity(150, "zipf"), task.diversity(2000, "zipf")
    assert isinstance(exact, Fraction)
    assert isinstance(beyond, Interval)
    assert beyond.level == 1
    assert beyond.relative_halfwidth < 1e-10
    harmonic = math.fsum(1 / i for i in range(1, 2001))
    rest = math.fsum(1 / (i * harmonic - 1) for i in range(2, 2001))
    assert math.isclose(beyond.value, harmonic / (1 + rest), rel_tol=1e-9)


def test_three_wildcards_over_many_tokens_are_enclosed_and_sampled():
    """The sampler's frequency of the heaviest token lies in the guaranteed interval.

    The two sides of the interval are tested at 1e-9: a correct pair fails once in 500
    million seeds.
    """
    task = TemplateTask(["?a ?b ?c"], [0])
    tokens, draws = [f"s{i}" for i in range(1000)], 4000
    found = task.diversity(tokens, "zipf")
    assert isinstance(found, Interval)
    assert found.level == 1
    assert found.relative_halfwidth < 1e-3
    zipf = TemplateTask(task.templates, [0], laws="zipf")
    strings = zipf.sample(draws, tokens, seed=1).strings
    used = sum("s0" in string.split() for string in strings)
    ends = 1 / found.high, 1 / found.low
    assert binomtest(used, draws, ends[0], alternative="less").pvalue > 1e-9
    assert binomtest(used, draws, ends[1], alternative="greater").pvalue > 1e-9


def test_each_template_has_its_own_law():
    task = TemplateTask(["?a ?b", "?a ?a"], [1, 2], laws=["uniform", "zipf"])
    assert task.laws == (Uniform(), Zipf())
    harmonic = sum(Fraction(1, i) for i in range(1, 11))
    assert task.diversity(10) == min(Fraction(10, 2), harmonic)
    assert task.diversity(4) == Fraction(4, 2)
    swapped = task.diversity(10, law=["zipf", "uniform"])
    assert swapped == TemplateTask(["?a ?b"], [0]).diversity(10, law="zipf")
    assert task.diversity(10, law="uniform") == 5


def test_an_exact_number_below_an_interval_stays_exact():
    task = TemplateTask(["?a ?b ?c", "?a ?a ?a"], [1, 2])
    exact = task.diversity(500, ["uniform", "zipf"])
    assert exact == sum(Fraction(1, i) for i in range(1, 501))
    mixed = task.diversity(10_000, ["zipf", "uniform"])
    assert isinstance(mixed, Interval)


def test_a_thousand_tokens_are_exact():
    found = TemplateTask(["?a ?b"], [0]).diversity(1000, "zipf")
    assert isinstance(found, Fraction)
    harmonic = math.fsum(1 / i for i in range(1, 1001))
    rest = math.fsum(1 / (i * harmonic - 1) for i in range(2, 1001))
    assert math.isclose(found, harmonic / (1 + rest), rel_tol=1e-12)


def test_an_exact_number_within_an_interval_bounds_it():
    zipf = TemplateTask(["?a ?b ?c"], [0]).diversity(1000, "zipf")
    assert isinstance(zipf, Interval)
    between = Fraction(zipf.value) * Fraction(9999, 10000)
    assert zipf.low < between < zipf.high
    law = {"u": 1 / between, "v": (1 - 1 / between) / 2, "w": (1 - 1 / between) / 2}
    task = TemplateTask(["?a ?b ?c", "?a ?a ?a"], [1, 2], laws=["zipf", law])
    tokens = ["u", "v", "w", *(f"s{i}" for i in range(997))]
    both = task.diversity(tokens)
    assert isinstance(both, Interval)
    assert both.low == zipf.low
    assert math.isclose(both.high, between, rel_tol=1e-15)


def test_no_wildcard_means_infinite_diversity():
    assert TemplateTask(["X", "Y"], [1, 2]).diversity(5) == math.inf
    with_one = TemplateTask(["X", "?a"], [1, 2])
    assert with_one.diversity(5) == 5


def test_strings_follow_the_laws():
    """Four tails of 1e-9."""
    laws = {"u": 0.5, "v": 0.3, "w": 0.2}
    task = TemplateTask(["?a X", "X ?a"], [1, 2], laws=["zipf", laws])
    sample = task.sample(3000, ["w", "v", "u"], seed=7)
    for index, chance in [(0, Fraction(6, 11)), (1, Fraction(1, 5))]:
        strings = [
            s
            for s, i in zip(sample.strings, sample.template_indices, strict=True)
            if i == index
        ]
        used = sum("w" in s.split() for s in strings)
        assert binomtest(used, len(strings), float(chance)).pvalue > 1e-9


def test_uniform_laws_draw_what_they_drew_without():
    plain = TemplateTask(["?a ?b ?a"], [1]).sample(20, TOKENS, seed=3)
    named = TemplateTask(["?a ?b ?a"], [1], laws=Uniform()).sample(20, TOKENS, seed=3)
    assert plain == named


def test_noise_is_normal_and_leaves_the_strings_alone():
    """Mean and deviation within six standard errors: one false alarm in 10⁸ seeds."""
    count, sigma = 4000, 0.5
    quiet = TASK.sample(count, TOKENS, seed=2)
    noisy = TemplateTask(TASK.templates, TASK.labels, noise=sigma).sample(
        count, TOKENS, seed=2
    )
    assert noisy.strings == quiet.strings
    errors = [
        float(y) - float(x) for y, x in zip(noisy.labels, quiet.labels, strict=True)
    ]
    assert abs(statistics.fmean(errors)) < 6 * sigma / count**0.5
    assert abs(statistics.stdev(errors) / sigma - 1) < 6 / (2 * count) ** 0.5
    assert max(errors) < -sigma * float(norm.ppf(1e-9 / count))
    train, test = TemplateTask(["?a"], [0], noise=1).train_test(3, 3, 5, seed=0)
    assert len(set(train.labels) | set(test.labels)) == 6


def test_a_task_keeps_laws_noise_and_description():
    task = TemplateTask(
        ["?a"], [1], laws={"u": 1}, noise=np.float64(0.25), description="one"
    )
    assert task.laws == (Probabilities({"u": 1}),)
    assert task.noise == 0.25
    assert task.description == "one"
    assert TASK.noise == 0
    assert TASK.laws == (Uniform(),) * 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: TemplateTask(["?a"], ["?a"], noise=0.1),
            "noise is 0.1; expected 0 for labels that are tokens or wildcards: write "
            "numbers as labels, such as 1 and -1",
        ),
        (
            lambda: TemplateTask(["?a"], [1], noise=-0.1),
            "noise is -0.1; expected a finite number of at least 0",
        ),
        (
            lambda: TemplateTask(["?a"], [1], noise=math.nan),
            "noise is nan; expected a finite number of at least 0",
        ),
        (
            lambda: TemplateTask(["?a"], [1], laws="zip"),
            "laws is 'zip'; expected one of uniform, zipf",
        ),
        (
            lambda: TemplateTask(["?a"], [1], laws=["zipf", "zipf"]),
            "laws has 2 entries for 1 templates; expected one for all, or one for each",
        ),
        (
            lambda: TemplateTask(["?a ?b"], [1], laws={"u": 1, "v": 0}),
            "law of '?a ?b' gives a probability to 1 tokens; expected at least 2, one "
            "for each wildcard",
        ),
        (
            lambda: TemplateTask(["?a", "X"], [1, 2], laws={"X": 1}),
            "law of '?a' gives a probability to the regular token X; expected tokens "
            "outside the task's regular tokens",
        ),
        (
            lambda: TemplateTask(["?a"], [1], laws={"u": 1}).train_test(1, 1, 2, 0),
            "a law of the task names its tokens, so training and test strings would "
            "share them; expected uniform or zipf laws",
        ),
        (
            lambda: TemplateTask(["?a"], [1], laws={"u": 1}).sample(1, ["v"], 0),
            "vocabulary lacks 'u'; expected every token to which the law gives a "
            "probability",
        ),
        (
            lambda: TASK.sample(1, "uvw", 0),
            "vocabulary is the text 'uvw'; expected a list of tokens",
        ),
        (
            lambda: TASK.diversity(),
            "vocabulary is None; expected tokens or their number, for a law that does "
            "not name its tokens",
        ),
        (
            lambda: TASK.diversity(2),
            "vocabulary has 2 tokens; expected at least 3, the largest number of "
            "wildcards in a template",
        ),
        (
            lambda: TASK.diversity(0),
            "vocabulary is 0; expected an integer of at least 1",
        ),
        (
            lambda: TASK.diversity(["u", "v", "u"]),
            "vocabulary repeats a token; expected distinct tokens",
        ),
        (
            lambda: TASK.diversity(3, {"u": 1, "v": 1, "w": 1, "x": 1}),
            "vocabulary is 3; expected at least 4, the tokens to which the law gives a "
            "probability",
        ),
        (
            lambda: TASK.diversity(4, [1, 2, 3]),
            "law has 3 weights for 4 tokens; expected one for each",
        ),
        (
            lambda: TASK.diversity(10**9, "zipf"),
            "vocabulary has 1000000000 tokens; expected at most 1000000 for a law that "
            "is not uniform",
        ),
        (
            lambda: TASK.diversity(5, "zipff"),
            "law is 'zipff'; expected one of uniform, zipf",
        ),
    ],
)
def test_messages(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == message
