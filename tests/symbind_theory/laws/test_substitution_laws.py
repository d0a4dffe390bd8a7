"""Laws of substitutions: draws, inclusion probabilities, refusals."""

import math
import random
from fractions import Fraction
from itertools import permutations

import pytest
from scipy.stats import binomtest

from symbind_theory import InputError
from symbind_theory.laws.enclosures import enclose_by_race, enclosed_inclusion
from symbind_theory.laws.inclusion import exact_inclusion
from symbind_theory.laws.substitution_laws import (
    Probabilities,
    Uniform,
    Zipf,
    inclusion,
    largest_inclusion,
    read_law,
)

VOCABULARY = tuple("uvwxyz")
LAWS = {
    "uniform": Uniform(),
    "zipf": Zipf(),
    "decimals": Probabilities(
        {"u": 0.1, "v": 0.1, "w": 0.4, "x": 0.05, "y": 0.3, "z": 0.05}
    ),
    "some zero": Probabilities({"v": 1, "w": 8, "x": 2, "z": 0}),
    "steep": Probabilities({t: Fraction(1, 10**i) for i, t in enumerate(VOCABULARY)}),
}
ZIPF = [Fraction(1, rank) for rank in range(1, 13)]


def enumerated(weights, count):
    """For each token, its share in a sum over all ordered draws."""
    shares = [Fraction(0)] * len(weights)
    positive = [i for i, weight in enumerate(weights) if weight]
    for drawn in permutations(positive, count):
        left, chance = sum(weights), Fraction(1)
        for i in drawn:
            chance *= weights[i] / left
            left -= weights[i]
        for i in drawn:
            shares[i] += chance
    return shares


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("name", LAWS)
def test_inclusion_agrees_with_all_ordered_draws(name, count):
    law = LAWS[name]
    expected = enumerated(law.weights(VOCABULARY), count)
    assert sum(expected) == count
    found = [inclusion(law, VOCABULARY, token, count) for token in VOCABULARY]
    assert found == expected
    assert largest_inclusion(law, VOCABULARY, count) == max(expected)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 11])
@pytest.mark.parametrize("index", [0, 4, 11])
def test_the_race_encloses_the_exact_value(index, count):
    exact = exact_inclusion(ZIPF, index, count)
    assert exact is not None
    low, high = enclose_by_race(ZIPF, index, count)
    assert low <= exact <= high
    assert high - low <= 1e-3 * low
    closed = enclosed_inclusion(ZIPF, index, count)
    assert closed[0] <= exact <= closed[1]
    if count < 3:
        assert closed[1] - closed[0] < 1e-12


def test_the_race_and_the_closed_form_of_two_draws_agree_beyond_exact_work():
    weights = [Fraction(1, rank) for rank in range(1, 3001)]
    assert exact_inclusion(weights, 0, 2) is None
    low, high = enclose_by_race(weights, 0, 2)
    closed = enclosed_inclusion(weights, 0, 2)
    assert low <= closed[0] <= closed[1] <= high


@pytest.mark.parametrize("change", ["one draw less", "one draw more", "token dropped"])
def test_a_wrong_count_of_arrivals_leaves_the_interval(change):
    """Mutants: intervals for another number of draws or another set of tokens."""
    exact = exact_inclusion(ZIPF, 0, 3)
    weights, count = list(ZIPF), 3
    if change == "token dropped":
        weights.pop()
    else:
        count += 1 if change == "one draw more" else -1
    low, high = enclose_by_race(weights, 0, count)
    assert exact is not None
    assert not low <= exact <= high


def test_equal_weights_are_the_uniform_law_at_any_size():
    many = [f"s{i}" for i in range(20_000)]
    assert inclusion(Uniform(), many, "s7", 3) == Fraction(3, 20_000)
    equal = Probabilities(dict.fromkeys(many, 0.25))
    assert largest_inclusion(equal, many, 5) == Fraction(5, 20_000)


def test_middle_sizes_count_too():
    """14 of 15 tokens: 14 sets of 13 others, but 3,432 of 7."""
    weights = [Fraction(i) for i in range(1, 16)]
    assert exact_inclusion(weights, 0, 14) is None
    chances = [enclose_by_race(weights, i, 14) for i in range(15)]
    assert sum(low for low, _ in chances) <= 14 <= sum(high for _, high in chances)


def test_one_token_is_used():
    assert enclose_by_race([Fraction(3)], 0, 1) == (1, 1)
    assert inclusion(Zipf(), ["u"], "u", 1) == 1


def test_as_many_draws_as_tokens_use_each():
    many = [f"s{i}" for i in range(200)]
    assert inclusion(Zipf(), many, "s9", 200) == 1
    assert enclose_by_race(Zipf().weights(many), 9, 200)[1] == 1


def test_three_draws_from_equal_rates_by_the_race():
    low, high = enclose_by_race([Fraction(1)] * 500, 3, 3)
    assert low <= Fraction(3, 500) <= high
    assert high - low <= 1e-3 * low


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", LAWS)
def test_draws_follow_the_inclusion_probabilities(name, count):
    """Some 80 tails of 1e-9: a correct sampler fails once in ten million seeds."""
    law, draws, generator = LAWS[name], 2000, random.Random(5)
    sampler = law.sampler(VOCABULARY)
    drawn = [sampler(count, generator) for _ in range(draws)]
    assert all(len(set(images)) == count for images in drawn)
    for token in VOCABULARY:
        used = sum(token in images for images in drawn)
        chance = inclusion(law, VOCABULARY, token, count)
        assert isinstance(chance, Fraction)
        assert binomtest(used, draws, float(chance)).pvalue > 1e-9


def test_the_order_of_draws_matters():
    """The first image is the heaviest token more often than the last one is."""
    sampler, generator = Zipf().sampler(VOCABULARY), random.Random(0)
    drawn = [sampler(len(VOCABULARY), generator) for _ in range(2000)]
    first = sum(images[0] == "u" for images in drawn)
    assert binomtest(first, 2000, float(1 / sum(ZIPF[:6]))).pvalue > 1e-9
    assert sum(images[-1] == "u" for images in drawn) < first / 2


def test_equal_generators_give_equal_draws():
    for law in LAWS.values():
        one, other = (
            law.sampler(VOCABULARY)(3, random.Random(seed)) for seed in (4, 4)
        )
        assert one == other
    many = [f"s{i}" for i in range(1000)]
    draws = [Zipf().sampler(many)(5, random.Random(seed)) for seed in (4, 5)]
    assert draws[0] != draws[1]


def test_weights_are_kept_exactly_without_order_or_scale():
    law = Probabilities({"v": 0.1, "u": Fraction(1, 5), "w": 0})
    assert law.table == (("u", Fraction(2, 3)), ("v", Fraction(1, 3)))
    assert law == Probabilities({"u": 2, "v": 1})
    assert hash(law) == hash(Probabilities({"u": 2, "v": 1}))
    assert law.tokens == ("u", "v")


def test_reading_a_law():
    assert read_law("law", "zipf") == Zipf()
    assert read_law("law", "uniform") == Uniform()
    assert read_law("law", {"u": 1}) == Probabilities({"u": 1})
    assert read_law("law", Zipf()) == Zipf()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Probabilities({"u": -1, "v": 2}),
            "weight of 'u' is -1; expected a rational of at least 0",
        ),
        (
            lambda: Probabilities({"u": math.nan}),
            "weight of 'u' is nan; expected a finite real number",
        ),
        (
            lambda: Probabilities({"u": math.inf}),
            "weight of 'u' is inf; expected a finite real number",
        ),
        (
            lambda: Probabilities({"u": 0, "v": 0}),
            "weights are all zero; expected a positive one for at least one token",
        ),
        (
            lambda: Probabilities({}),
            "weights are all zero; expected a positive one for at least one token",
        ),
        (
            lambda: Probabilities({"u": 1, "v": 1e-120}),
            "weight of 'v' is less than 1e-100 times the largest; expected 0 for a "
            "token that is never drawn",
        ),
        (
            lambda: Probabilities({"?a": 1}),
            "string contains the wildcard ?a; expected tokens only",
        ),
        (
            lambda: Probabilities({"u": 1}).sampler(["v"]),
            "vocabulary lacks 'u'; expected every token to which the law gives a "
            "probability",
        ),
        (
            lambda: Probabilities({"u": 1}).sampler(["u", "v"])(2, random.Random(0)),
            "1 tokens have a positive weight; expected at least 2, one for each "
            "wildcard",
        ),
        (
            lambda: largest_inclusion(Zipf(), ["u"], 2),
            "1 tokens have a positive weight; expected at least 2, one for each "
            "wildcard",
        ),
        (
            lambda: inclusion(Zipf(), ["u"], "v", 1),
            "token is 'v'; expected one of the vocabulary's tokens",
        ),
        (
            lambda: read_law("law", "zipff"),
            "law is 'zipff'; expected one of uniform, zipf",
        ),
        (
            lambda: read_law("law", 3),
            "law is 3; expected uniform, zipf or a map from tokens to weights",
        ),
    ],
)
def test_messages(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == message
