"""The answer in a sentence: no more than was shown, and for what."""

import math
from dataclasses import replace

import pytest
from symbind_testing.tasks import COPY, SAME_DIFFERENT, SAME_DIFFERENT_IN_WORDS

from numerics import Architecture
from symbind_theory import TemplateTask
from symbind_theory.headlines import conclude
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.learning import FiniteDiversity, SampleComplexity
from symbind_theory.records.verdict import Verdict

HOLDS = [Verdict("C3", Outcome.HOLDS, ""), Verdict("C5", Outcome.HOLDS, "")]


def needed(n, *, target=0.01):
    value = math.inf if n is None else float(n)
    return SampleComplexity(n, Interval(value, value, value), target, 1e-3)


def with_symbols(*errors, vocabulary=30, apart=0.001):
    """An error for each of 100, 200, … strings, to within a tenth."""
    sizes = tuple(100 * (i + 1) for i in range(len(errors)))
    mse = tuple(Interval(x, 0.9 * x, 1.1 * x) for x in errors)
    rho = Interval(vocabulary / 2, vocabulary / 2, vocabulary / 2)
    return FiniteDiversity(
        vocabulary=vocabulary,
        diversity=rho,
        sizes=sizes,
        mse=mse,
        method=("simulation",) * len(errors),
        apart=(Interval(apart, apart, apart),) * len(errors),
    )


def task_of(*lines, weights=None):
    return TemplateTask.parse(lines, weights)


@pytest.mark.parametrize(
    ("task", "complexity", "diversity", "reach", "words"),
    [
        (
            SAME_DIFFERENT,
            needed(3658),
            None,
            "learned",
            "from about 3658 strings (C5); MLPs do not, their error stays at 1 or more",
        ),
        (
            SAME_DIFFERENT,
            needed(300_000_000_000_000),
            None,
            "in principle",
            "in principle (C5), from about 3e+14 strings for an error of 0.01",
        ),
        (
            SAME_DIFFERENT,
            needed(None),
            None,
            "in principle",
            "from more than 1e15 strings",
        ),
        (
            SAME_DIFFERENT,
            needed(3658),
            with_symbols(1.05, 1.03),
            "too few symbols",
            "With 30 symbols transformers do not reach an error of 0.01: up to 200 "
            "strings leave 0.927 or more; nor do MLPs, whose error stays at 1 or more",
        ),
        # As many strings would not do either where they share no symbol.
        (
            SAME_DIFFERENT,
            needed(10**6),
            with_symbols(0.3, 0.2, apart=0.15),
            "undecided",
            "Whether 30 symbols are enough for an error of 0.01 is undecided: up to "
            "200 strings leave 0.2 within 0.02; MLPs do not learn this task, their "
            "error stays at 1 or more",
        ),
        (
            SAME_DIFFERENT,
            needed(3658),
            with_symbols(vocabulary=10**7),
            "undecided",
            "Whether 10000000 symbols are enough for an error of 0.01 is undecided: "
            "the error with so many is not estimated; MLPs do not learn this task",
        ),
        (
            SAME_DIFFERENT,
            needed(10**12),
            replace(with_symbols(1e-3), sizes=(10**12,)),
            "in principle",
            "in principle (C5), from 1e+12 strings with 30 symbols",
        ),
        (
            SAME_DIFFERENT,
            needed(3658),
            with_symbols(0.05, 0.005),
            "learned",
            "Transformers learn this task from 200 strings with 30 symbols (C5)",
        ),
        (
            SAME_DIFFERENT,
            needed(3658),
            with_symbols(0.0095),
            "undecided",
            "Whether 30 symbols are enough for an error of 0.01 is undecided",
        ),
        (
            task_of("?a ?a -> 1", "?a ?b -> 1.1"),
            needed(7),
            None,
            "unneeded",
            "does not ask for symbols to be compared: the skeleton alone allows an "
            "error of 0.0025, and an MLP may do as well",
        ),
        (
            task_of("?a ?a -> 1", "?a ?b -> -1", weights=[999, 1]),
            needed(9),
            None,
            "unneeded",
            "an error of 0.003996",
        ),
        (
            task_of("?a X -> 1", "X ?a -> -1"),
            needed(9),
            None,
            "unneeded",
            "an error of 0, and an MLP may do as well",
        ),
        (
            task_of("?a ?a -> 2", "?a ?b -> 2"),
            needed(9),
            None,
            "unneeded",
            "Every label is the same",
        ),
        (
            task_of("a a -> 1", "b b -> -1"),
            needed(9),
            None,
            "unneeded",
            "No template has a wildcard",
        ),
        (
            task_of("?a ?a -> x", "?a ?b -> x"),
            None,
            None,
            "unneeded",
            "Every label is the same",
        ),
        (
            task_of("a a -> x", "b b -> y"),
            None,
            None,
            "unneeded",
            "No template has a wildcard",
        ),
        (COPY, None, None, "in principle", "learn to copy (C5, C7)"),
        (
            COPY,
            None,
            with_symbols(vocabulary=2),
            "undecided",
            "In principle, with enough symbols, transformers whose heads each add a "
            "multiple of the identity learn to copy (C5, C7); whether 2 are enough is "
            "not estimated.",
        ),
        # Each string has a label of its own.
        (task_of("x ?a -> ?a", "y ?a -> ?a"), None, None, "in principle", "to copy"),
        (
            SAME_DIFFERENT_IN_WORDS,
            None,
            None,
            "in principle",
            "from how many strings is not estimated for labels that are tokens: write "
            "numbers as labels, such as 1 and -1.",
        ),
        (
            SAME_DIFFERENT_IN_WORDS,
            None,
            with_symbols(vocabulary=2),
            "undecided",
            "In principle, with enough symbols, transformers learn this task (C5); "
            "whether 2 are enough is not estimated for labels that are tokens: write "
            "numbers as labels, such as 1 and -1.",
        ),
    ],
)
def test_where_the_theorem_applies(task, complexity, diversity, reach, words):
    answer = conclude(task, HOLDS, complexity, diversity)
    assert answer.reach == reach
    assert words in answer.sentence
    assert "one-layer transformer" in answer.regime
    assert "one-hot" in answer.regime


@pytest.mark.parametrize(
    ("c3", "c5", "reach"),
    [
        (Outcome.HOLDS, Outcome.REFUTED, "not learned"),
        (Outcome.REFUTED, Outcome.REFUTED, "not learned"),
        (Outcome.REFUTED, Outcome.UNDECIDED, "singular"),
        (Outcome.UNDECIDED, Outcome.UNDECIDED, "undecided"),
    ],
)
def test_where_it_does_not(c3, c5, reach):
    verdicts = [Verdict("C3", c3, ""), Verdict("C5", c5, "")]
    answer = conclude(SAME_DIFFERENT, verdicts, needed(10), None)
    assert answer.reach == reach
    assert "strings" not in answer.sentence


def test_an_unbounded_number_of_strings_is_not_promised():
    unbounded = SampleComplexity(500, Interval(500.0, 0.0, math.inf), 0.01, 1e-3)
    answer = conclude(SAME_DIFFERENT, HOLDS, unbounded, None)
    assert answer.reach == "in principle"
    assert "from how many strings is not resolved" in answer.sentence
    assert "500" not in answer.sentence


@pytest.mark.parametrize(
    ("error", "apart", "words"),
    [
        (
            Interval(math.inf, math.inf, math.inf),
            math.inf,
            "strings leave more than 1e308, which is beyond float64; MLPs",
        ),
        (
            Interval(0.02, 0.0, math.inf),
            math.inf,
            "strings leave 0.02 with no bound above it; MLPs",
        ),
        (
            Interval(math.inf, math.inf, math.inf),
            0.001,
            "strings leave 1e308 or more; nor do MLPs",
        ),
    ],
)
def test_an_error_beyond_float64_is_said_so(error, apart, words):
    """The halfwidth of an infinite error is not a number."""
    found = replace(with_symbols(1.0, apart=apart), mse=(error,))
    answer = conclude(SAME_DIFFERENT, HOLDS, needed(3658), found)
    assert words in answer.sentence
    assert "nan" not in answer.sentence
    assert "inf" not in answer.sentence


@pytest.mark.parametrize(
    ("errors", "phrase"),
    [
        ((1.05,), "do not learn it from 30 symbols; nor do MLPs"),
        ((0.0095,), "undecided with 30 symbols; MLPs do not learn this task"),
        ((0.005,), "learn it with 30 symbols; MLPs do not"),
    ],
)
def test_the_phrase_denies_what_transformers_do(errors, phrase):
    answer = conclude(SAME_DIFFERENT, HOLDS, needed(3658), with_symbols(*errors))
    assert answer.phrase == phrase


def test_the_regime_says_what_strings_draw_on():
    apart = conclude(SAME_DIFFERENT, HOLDS, needed(10), None)
    assert apart.regime.endswith("Training strings share no symbol: diversity ρ = ∞.")
    some = conclude(SAME_DIFFERENT, HOLDS, needed(10), with_symbols(0.1))
    assert "draw on 30 symbols, diversity ρ = 15. " in some.regime
    none = replace(with_symbols(0.1), diversity=Interval(math.inf, math.inf, math.inf))
    endless = conclude(SAME_DIFFERENT, HOLDS, needed(10), none)
    assert "draw on 30 symbols, diversity ρ = ∞. " in endless.regime
    one = conclude(
        SAME_DIFFERENT, HOLDS, needed(10), replace(with_symbols(0.1), vocabulary=1)
    )
    assert "draw on 1 symbol, " in one.regime


def test_the_regime_says_which_numbers_of_strings_were_tried():
    """One of them is what the sentence says: others between them may do."""
    found = with_symbols(0.02, 0.005)
    answer = conclude(SAME_DIFFERENT, HOLDS, needed(10), found)
    tried = ", ".join(map(str, found.sizes))
    assert answer.regime.endswith(f" Numbers of strings tried: {tried}.")
    assert f"from {found.sizes[-1]} strings" in answer.sentence


def test_what_was_probably_not_meant_is_noted():
    cases = {
        "a ? was probably forgotten": task_of("a a -> 1", "b b -> -1"),
        "All labels are equal": task_of("?a ?a -> 1", "?a ?b -> 1"),
        "no string is told from another": task_of("?a ?a -> x", "?a ?b -> x"),
        "weight 0 never occur": task_of("?a ?a -> 1", "?a ?b -> 0", weights=[1, 0]),
    }
    for words, task in cases.items():
        (note,) = conclude(task, HOLDS, needed(10), None).notes
        assert words in note
    assert conclude(SAME_DIFFERENT, HOLDS, needed(10), None).notes == ()


@pytest.mark.parametrize("label", ["1/2", "-1", "1e400"])
def test_a_number_in_quotes_is_noted_to_be_a_token(label):
    text = TemplateTask(["?a ?a", "?a ?b"], [label, "other"])
    (note,) = conclude(text, HOLDS, None, None).notes
    assert note.startswith(f"The label '{label}' is text, so it is a token")
    assert conclude(COPY, HOLDS, None, None).notes == ()


def test_the_headline_names_the_network():
    regimes = [
        conclude(SAME_DIFFERENT, HOLDS, needed(10), None, architecture).regime
        for architecture in (
            None,
            Architecture(residual=1.0).record(),
            Architecture(depth=4).record(),
        )
    ]
    assert "a one-layer transformer" in regimes[0]
    assert "a transformer of one block as" in regimes[1]
    assert "a transformer of 4 blocks as" in regimes[2]
