"""Template tasks by example, and every message they refuse with."""

import copy
import math
import pickle
import sys
from fractions import Fraction

import numpy as np
import pytest
import sympy
from symbind_testing.refusals import refusal

from symbind_theory import Template, TemplateTask

SAME_DIFFERENT = TemplateTask(["?a ?a", "?a ?b"], [1, -1], name="same/different")


def test_the_parts_of_a_task():
    task = TemplateTask(["?a Y", Template("X ?b"), "X Y"], [1, 2, 3], name="three")
    assert task.templates == (Template("?a Y"), Template("X ?b"), Template("X Y"))
    assert task.labels == (1, 2, 3)
    assert task.weights == (Fraction(1, 3),) * 3
    assert task.length == 2
    assert task.regular_tokens == ("Y", "X")
    assert task.name == "three"
    assert not task.symbolic
    assert task.copied == ()
    assert len(task) == 3
    assert list(task)[1] == (Template("X ?b"), 2)


def test_tasks_are_equal_by_value():
    task = TemplateTask(["?a ?a", "?a ?b"], [1, -1], [1, 3], "same", noise=0.5)
    assert task == TemplateTask.parse(
        ["?a ?a -> 1.0", "?a ?b -> -1"], [Fraction(1, 4), 0.75], "same"
    ).with_noise(0.5)
    assert task != "same"
    assert task != TemplateTask(["?b ?b", "?a ?b"], [1, -1], [1, 3], "same", noise=0.5)
    twin = TemplateTask(task.templates, [1, -1], [2, 6], "same", noise=0.5)
    assert {task: "found"}[twin] == "found"


def test_a_label_is_the_wildcard_as_the_template_has_it():
    task = TemplateTask(["?α ?b"], ["?α"])
    assert task.labels == ("α",)
    assert task == TemplateTask(["α ?b"], ["α"])
    match = task.match("u v")
    assert match is not None
    assert match.label == "u"


def test_copies_are_equal():
    """What was computed before, and is kept, plays no part."""
    task = TemplateTask(["?a X", "α ?b"], ["?a", "X"], laws=["zipf", {"u": 1, "v": 2}])
    assert task.overlapping_pairs("any")
    for twin in (
        pickle.loads(pickle.dumps(task)),
        copy.copy(task),
        copy.deepcopy(task),
    ):
        assert twin == task
        assert hash(twin) == hash(task)


def test_repr_shows_the_name_and_the_lines():
    assert (
        repr(SAME_DIFFERENT)
        == "<TemplateTask same/different['?a ?a -> 1', '?a ?b -> -1']>"
    )


@pytest.mark.parametrize(
    ("label", "exact"),
    [
        (2, Fraction(2)),
        (0.1, Fraction(1, 10)),
        (-2.5e-3, Fraction(-1, 400)),
        (Fraction(1, 3), Fraction(1, 3)),
        (np.float64(0.1), Fraction(1, 10)),
        (np.int64(-7), Fraction(-7)),
        (sympy.Rational(2, 7), Fraction(2, 7)),
        (sympy.Integer(4), Fraction(4)),
        (sympy.Float(0.25), Fraction(1, 4)),
        (sympy.sqrt(2), sympy.sqrt(2)),
    ],
)
def test_labels_are_kept_exactly(label, exact):
    (kept,) = TemplateTask(["?a"], [label]).labels
    assert kept == exact
    assert type(kept) is type(exact)


def test_weights_are_normalised_exactly():
    task = TemplateTask(["?a", "X", "Y"], [0, 0, 0], weights=[0.1, 0, Fraction(1, 5)])
    assert task.weights == (Fraction(1, 3), Fraction(0), Fraction(2, 3))


def test_symbolic_labels():
    task = TemplateTask(["?a ?b", "?a X", "β ?c"], ["?b", "yes", "β"])
    assert task.symbolic
    assert task.copied == (0, 2)
    assert task.mlp_floor() is None
    copied = task.match("u v")
    assert copied is not None
    assert copied.label == "v"
    constant = task.match("u X")
    assert constant is not None
    assert constant.index == 1
    assert constant.label == "yes"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("1", Fraction(1)),
        ("-0.1", Fraction(-1, 10)),
        ("1e3", Fraction(1000)),
        ("1e-999999999", Fraction(0)),
        (".5", Fraction(1, 2)),
        ("5.", Fraction(5)),
        ("1_000", Fraction(1000)),
        ("+2", Fraction(2)),
        ("x", "x"),
        ("?a", "?a"),
        ("1/2", Fraction(1, 2)),
        ("1/0", "1/0"),
        ("0x1", "0x1"),
    ],
)
def test_a_label_that_float_reads_is_a_number(text, label):
    task = TemplateTask.parse([f"?a X -> {text}"])
    assert task.templates == (Template("?a X"),)
    assert task.labels == (label,)


def test_parse_passes_weights_and_name_on():
    task = TemplateTask.parse(["?a -> 1", "X -> 2"], weights=[1, 3], name="n")
    assert task.weights == (Fraction(1, 4), Fraction(3, 4))
    assert task.name == "n"


def test_pairs():
    task = TemplateTask(["?a ?b", "X ?b", "?b ?a", "X Y"], [1, 2, 3, 4])
    assert task.equivalent_pairs() == ((0, 2),)
    assert [(o.i, o.j) for o in task.overlapping_pairs()] == [(0, 2)]
    every = task.overlapping_pairs(images="any")
    assert [(o.i, o.j) for o in every] == [
        (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3),
    ]  # fmt: skip
    for overlap in every:
        assert task.templates[overlap.i].match(overlap.witness) is not None
        assert task.templates[overlap.j].match(overlap.witness) is not None


def test_match_takes_symbols_outside_the_whole_tasks_regular_tokens():
    task = TemplateTask(["?a ?b", "X ?b", "X Y"], [1, 2, 3])
    found = task.match("X u")
    assert found is not None
    assert (found.index, found.label) == (1, 2)
    assert found.template == Template("X ?b")
    assert found.substitution == {"b": "u"}
    exact = task.match(["X", "Y"])
    assert exact is not None
    assert exact.index == 2
    assert task.match(iter(["u", "v"])) is not None
    assert task.match("Y u") is None
    assert task.match("u v w") is None


@pytest.mark.parametrize(
    ("lines", "weights", "floor"),
    [
        (["?a ?a -> 1", "?a ?b -> -1"], None, 1),
        (["?a ?a -> 1", "?a ?b -> -1"], [1, 3], Fraction(3, 4)),
        (["?a ?a -> 1", "?a ?b -> -1"], [1, 0], 0),
        (["?a X -> 1", "?a Y -> -1"], None, 0),
        (["?a -> 0.1", "X -> 5"], None, 0),
        (["?a ?a -> 3", "?a ?b -> 3"], None, 0),
        (["?a ?a -> 1", "?a ?b -> 0", "X ?a -> 9", "X Y -> 4"], None, Fraction(1, 8)),
        (["?a ?a -> 1", "?a ?b -> 0", "X ?a -> 9"], [0, 0, 1], 0),
    ],
)
def test_mlp_floor(lines, weights, floor):
    assert TemplateTask.parse(lines, weights).mlp_floor() == floor


def test_mlp_floor_of_irrational_labels():
    task = TemplateTask(["?a ?a", "?a ?b"], [sympy.sqrt(2), -1])
    expected = ((1 + sympy.sqrt(2)) / 2) ** 2
    assert sympy.simplify(task.mlp_floor() - expected) == 0


def test_strings_of_a_task():
    vocabulary = ["u", "v", "w"]
    sample = SAME_DIFFERENT.sample(50, vocabulary, seed=0)
    assert len(sample.strings) == len(sample.labels) == 50
    assert set(" ".join(sample.strings).split()) == set(vocabulary)
    assert set(sample.template_indices) == {0, 1}
    assert SAME_DIFFERENT.sample(0, vocabulary, seed=0).strings == ()


def test_the_two_sides_have_the_sizes_asked_for():
    train, test = SAME_DIFFERENT.train_test(5, 7, vocabulary=2, seed=0)
    assert (len(train.strings), len(test.strings)) == (5, 7)


def test_fresh_symbols_avoid_regular_tokens_and_labels():
    task = TemplateTask(["?a b", "a ?a"], ["c", "?a"])
    train, test = task.train_test(40, 40, vocabulary=2, seed=0)
    assert set(" ".join(train.strings).split()) == {"a", "b", "s:1", "s:2"}
    assert set(" ".join(test.strings).split()) == {"a", "b", "s:3", "s:4"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: TemplateTask([], []),
            "templates is empty; expected at least one template",
        ),
        (
            lambda: TemplateTask(["?a X", "?a"], [1, 2]),
            "template '?a' has 1 tokens and '?a X' has 2; expected one length",
        ),
        (
            lambda: TemplateTask(["?a", "X", "?a"], [1, 2, 3]),
            "template '?a' is written twice (numbers 1 and 3); expected each once",
        ),
        (
            lambda: TemplateTask(["?a", "X"], [1]),
            "labels has 1 entries for 2 templates; expected one for each",
        ),
        (
            lambda: TemplateTask(["?a", "X"], [1, "yes"]),
            "labels mix the number 1 with the text 'yes'; expected all numbers, or all "
            "tokens and wildcards",
        ),
        (
            lambda: TemplateTask(["?a X"], [math.nan]),
            "label of '?a X' is nan; expected a finite real number",
        ),
        (
            lambda: TemplateTask(["?a X"], [True]),
            "label of '?a X' is True; expected a finite real number",
        ),
        (
            lambda: TemplateTask(["?a"], [sympy.oo]),
            "label of '?a' is oo; expected a finite real number",
        ),
        (
            lambda: TemplateTask(["?a"], [sympy.Symbol("y")]),
            "label of '?a' is y; expected a finite real number",
        ),
        (
            lambda: TemplateTask(["?a"], [sympy.I]),
            "label of '?a' is I; expected a finite real number",
        ),
        (
            lambda: TemplateTask(["?a"], ["?b"]),
            "label of '?a' is the wildcard ?b, which the template does not have; "
            "expected one of its own wildcards",
        ),
        (
            lambda: TemplateTask(["?a"], ["u v"]),
            "label of '?a' is 'u v'; expected a number, one token or one of its "
            "wildcards",
        ),
        (
            lambda: TemplateTask(["?a"], ["[CLS]"]),
            "label of '?a' is '[CLS]'; expected a number, one token or one of its "
            "wildcards",
        ),
        (
            lambda: TemplateTask(["?a"], [""]),
            "label of '?a' is ''; expected a number, one token or one of its wildcards",
        ),
        (
            lambda: TemplateTask(["?a", "X"], [1, 2], weights=[1]),
            "weights has 1 entries for 2 templates; expected one for each",
        ),
        (
            lambda: TemplateTask(["?a", "X"], [1, 2], weights=[2, -1]),
            "weight is -1; expected a rational of at least 0",
        ),
        (
            lambda: TemplateTask(["?a", "X"], [1, 2], weights=[sympy.sqrt(2), 1]),
            "weight is sqrt(2); expected a rational of at least 0",
        ),
        (
            lambda: TemplateTask(["?a", "X"], [1, 2], weights=[math.inf, 1]),
            "weight is inf; expected a finite real number",
        ),
        (
            lambda: TemplateTask(["?a", "X"], [1, 2], weights=[0, 0]),
            "weights are all zero; expected a positive one",
        ),
        (
            lambda: TemplateTask(["?a", "X"], [1, 2], weights=[1, 1e-101]),
            "weight is Fraction(1, 10000000000000000000000000000000000000000000000…, "
            "less than 1e-100 times the largest; expected 0 for a template that never "
            "occurs",
        ),
        (
            lambda: TemplateTask.parse([]),
            "no template was given; expected lines such as '?a ?a -> 1'",
        ),
        (
            lambda: TemplateTask.parse(["?a 1"]),
            "template '?a 1' has 0 '->'; expected one: 'template -> label', such as "
            "'?a ?a -> 1' (a token -> goes into a task file)",
        ),
        (
            lambda: TemplateTask.parse(["?a -> -> 1"]),
            "template '?a -> -> 1' has 2 '->'; expected one: 'template -> label', such "
            "as '?a ?a -> 1' (a token -> goes into a task file)",
        ),
        (
            lambda: TemplateTask.parse(["-> 1"]),
            "template '-> 1' is empty; expected tokens before '->'",
        ),
        (
            lambda: TemplateTask.parse(["?a ->"]),
            "template '?a ->' has 0 labels; expected one after '->'",
        ),
        (
            lambda: TemplateTask.parse(["?a -> 1 2"]),
            "template '?a -> 1 2' has 2 labels; expected one after '->'",
        ),
        (
            lambda: TemplateTask.parse(["?a -> nan"]),
            "label is nan; expected a finite number",
        ),
        (
            lambda: TemplateTask.parse(["?a -> -Infinity"]),
            "label is -Infinity; expected a finite number",
        ),
        (
            lambda: SAME_DIFFERENT.sample(1, ["u"], seed=0),
            "vocabulary has 1 tokens; expected at least 2, the largest number of "
            "wildcards in a template",
        ),
        (
            lambda: SAME_DIFFERENT.sample(1, ["u", "v", "u"], seed=0),
            "vocabulary repeats a token; expected distinct tokens",
        ),
        (
            lambda: TemplateTask(["?a X"], [1]).sample(1, ["u", "X"], seed=0),
            "vocabulary contains the regular token X; expected tokens outside the "
            "task's regular tokens",
        ),
        (
            lambda: SAME_DIFFERENT.sample(-1, ["u", "v"], seed=0),
            "count is -1; expected an integer of at least 0",
        ),
        (
            lambda: SAME_DIFFERENT.sample(1, ["u", "v"], seed=-1),
            "seed is -1; expected an integer of at least 0",
        ),
        (
            lambda: SAME_DIFFERENT.train_test(1, 1, vocabulary=2, seed=-1),
            "seed is -1; expected an integer of at least 0",
        ),
        (
            lambda: SAME_DIFFERENT.train_test(1, 1, vocabulary=0, seed=0),
            "vocabulary is 0; expected an integer of at least 1",
        ),
        (
            lambda: SAME_DIFFERENT.train_test(1, 1, vocabulary=1, seed=0),
            "vocabulary has 1 tokens; expected at least 2, the largest number of "
            "wildcards in a template",
        ),
    ],
)
def test_messages(call, message):
    assert refusal(call) == message


def test_a_long_template_is_cut_in_messages():
    message = refusal(lambda: TemplateTask([" ".join(["?a"] * 100)], ["?b"]))
    assert len(message) < 200


def test_sympy_is_not_needed(monkeypatch):
    monkeypatch.delitem(sys.modules, "sympy")
    assert TemplateTask(["?a ?a", "?a ?b"], [0.5, 1]).mlp_floor() == Fraction(1, 16)


def test_consecutive_seeds_share_no_stream():
    """The test strings of one seed are not the training strings of the next."""
    _, test = SAME_DIFFERENT.train_test(40, 40, vocabulary=9, seed=0)
    train, _ = SAME_DIFFERENT.train_test(40, 40, vocabulary=9, seed=1)
    assert test.template_indices != train.template_indices
