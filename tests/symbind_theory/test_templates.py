"""Templates and substitutions by example, and every message they refuse with."""

import inspect
import pickle
from itertools import islice

import pytest
from symbind_testing.refusals import error_line

from symbind_theory import Substitution, Template
from symbind_theory.templates import CLS, fresh_tokens, parse_string


def test_the_parts_of_a_template():
    template = Template("?b X ?a Y X ?b")
    assert template.length == 6
    assert template.wildcards == ("b", "a")
    assert template.regular_tokens == ("X", "Y")
    assert template.wildcard_positions == {"b": (0, 5), "a": (2,)}
    assert template.regular_positions == {"X": (1, 4), "Y": (3,)}
    assert template.skeleton == (None, "X", None, "Y", "X", None)
    assert template.tokens == ("?b", "X", "?a", "Y", "X", "?b")


@pytest.mark.parametrize(
    ("token", "wildcards"),
    [
        ("?a", ("a",)),
        ("?long-name", ("long-name",)),
        ("??", ("?",)),
        ("?1", ("1",)),
        ("α", ("α",)),
        ("ω", ("ω",)),
        ("ς", ("ς",)),
        ("?", ()),
        ("a", ()),
        ("a?", ()),
        ("Ω", ()),
        ("αβ", ()),
        ("ά", ()),
        ("->", ()),
        ("1", ()),
    ],
)
def test_which_tokens_are_wildcards(token, wildcards):
    template = Template(token)
    assert template.wildcards == wildcards
    assert template.regular_tokens == (() if wildcards else (token,))


def test_text_and_lists_of_tokens_give_the_same_template():
    assert Template("  ?a \t X\n?a ") == Template(["?a", "X", "?a"])
    assert Template(iter(["?a", "X"])) == Template("?a X")


def test_a_greek_letter_may_be_written_with_a_question_mark():
    assert Template("?α ?β ?α") == Template("α β α")
    assert str(Template("?α b")) == "α b"


def test_a_wildcard_may_be_called_like_a_regular_token():
    template = Template("X ?X")
    assert template.wildcards == ("X",)
    assert template.regular_tokens == ("X",)
    assert template.substitute({"X": "u"}) == "X u"
    assert template != Template("?X X")


def test_text_and_repr_read_back():
    template = Template("?b X β")
    assert str(template) == "?b X β"
    assert repr(template) == "Template('?b X β')"
    assert Template(str(template)) == template


def test_equality_is_literal():
    assert Template("?a ?a") != Template("?b ?b")
    assert Template("?a ?a").equivalent(Template("?b ?b"))
    assert Template("?a") != "?a"
    assert len({Template("?a X"), Template("?a X"), Template("?b X")}) == 2


def test_templates_and_substitutions_can_be_pickled():
    template, substitution = Template("?a X ?b"), Substitution({"a": "u", "b": "v"})
    assert pickle.loads(pickle.dumps(template)) == template
    assert pickle.loads(pickle.dumps(substitution)) == substitution


def test_canonical_numbers_by_first_appearance():
    assert str(Template("?2 X ?1 ?2").canonical()) == "?1 X ?2 ?1"
    assert str(Template("X Y").canonical()) == "X Y"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("?a ?b", "?b ?a", True),
        ("?a ?b", "?a ?a", False),
        ("?a X", "?a Y", False),
        ("?a X", "X ?a", False),
        ("?a ?b ?b ?a", "?u ?v ?v ?u", True),
        ("?a ?b ?a ?b", "?u ?v ?v ?u", False),
        ("?a", "?a ?a", False),
        ("X", "?X", False),
        ("?1 1", "?a 1", True),
    ],
)
def test_equivalence(one, other, expected):
    assert Template(one).equivalent(Template(other)) is expected
    assert Template(other).equivalent(Template(one)) is expected


@pytest.mark.parametrize(
    ("one", "other", "symbols", "any_token"),
    [
        ("?a ?b", "?b ?c", "a b", "a b"),
        ("?a ?b", "?a ?a", None, None),
        ("?a ?b", "X ?b", None, "X a"),
        ("?a ?a", "X ?b", None, "X X"),
        ("?a ?a", "X Y", None, None),
        ("X ?a", "Y ?a", None, None),
        ("X ?a", "?b X", None, "X X"),
        ("?a X ?b", "?c ?c X", None, None),
        ("a ?b", "?a ?b", None, "a b"),
        ("?a ?b ?b ?a", "?u ?v ?v ?u", "a b b a", "a b b a"),
        ("?a ?a ?b", "?a ?b ?b", None, None),
        ("?a", "?a ?a", None, None),
        ("a b", "a b", "a b", "a b"),
    ],
)
def test_overlap(one, other, symbols, any_token):
    t, u = Template(one), Template(other)
    assert t.overlap(u) == symbols
    assert t.overlap(u, images="any") == any_token
    assert t.disjoint(u) is (symbols is None)
    assert t.disjoint(u, images="any") is (any_token is None)


def test_the_images_of_an_overlap_are_one_of_two():
    # While testing, a hook checks annotations and would object first.
    overlap = inspect.unwrap(Template.overlap)
    message = error_line(
        lambda: overlap(Template("?a"), Template("?b"), images="letters")
    )
    assert message == "images is 'letters'; expected one of symbols, any"


def test_matching():
    template = Template("?a X ?b ?a")
    assert template.match("u X v u") == {"a": "u", "b": "v"}
    assert template.match(["u", "X", "v", "u"]) == {"a": "u", "b": "v"}
    assert template.match("u Y v u") is None
    assert template.match("u X v w") is None
    assert template.match("u X u u") is None
    assert template.match("u X v") is None
    assert template.match("u X v u u") is None
    assert template.match("X X v X") == {"a": "X", "b": "v"}


def test_a_template_without_wildcards_matches_itself_only():
    match = Template("X Y").match("X Y")
    assert match is not None
    assert len(match) == 0
    assert Template("X Y").match("X X") is None
    assert Template("X Y").substitute({}) == "X Y"


def test_a_substitution_is_a_hashable_mapping():
    substitution = Substitution({"a": "u", "b": "v"})
    assert dict(substitution) == {"a": "u", "b": "v"}
    assert substitution["b"] == "v"
    assert len(substitution) == 2
    assert "c" not in substitution
    swapped = Substitution({"b": "v", "a": "u"})
    assert swapped == substitution
    assert hash(swapped) == hash(substitution)
    assert substitution != Substitution({"a": "v", "b": "u"})


def test_a_substitution_keeps_its_own_copy():
    images = {"a": "u"}
    substitution = Substitution(images)
    images["a"] = "v"
    assert substitution["a"] == "u"


def test_strings():
    assert parse_string(" u  v ") == ("u", "v")
    assert parse_string(["u", "?"]) == ("u", "?")


def test_fresh_tokens_never_meet_what_they_avoid():
    assert list(islice(fresh_tokens([]), 3)) == ["a", "b", "c"]
    names = list(islice(fresh_tokens(["b", "s1"]), 27))
    assert names[:2] == ["a", "c"]
    assert names[24:] == ["z", "s2", "s3"]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Template(""), "template is empty; expected at least one token"),
        (lambda: Template([]), "template is empty; expected at least one token"),
        (
            lambda: Template(["?a", "x y"]),
            "template has the token 'x y'; expected non-empty text without "
            "spaces or control characters",
        ),
        (
            lambda: Template(["?a", ""]),
            "template has the token ''; expected non-empty text without "
            "spaces or control characters",
        ),
        (
            lambda: Template(["?a", "x\n"]),
            "template has the token 'x\\n'; expected non-empty text without "
            "spaces or control characters",
        ),
        (
            lambda: Template("?a [CLS]"),
            "template contains [CLS]; it is reserved and appended by the cls readout: "
            "leave it out",
        ),
        (
            lambda: Template("?a").match([CLS]),
            "string contains [CLS]; it is reserved and appended by the cls readout: "
            "leave it out",
        ),
        (
            lambda: Template("?a").match(""),
            "string is empty; expected at least one token",
        ),
        (
            lambda: Template("?a").match("u α"),
            "string contains the wildcard α; expected tokens only",
        ),
        (
            lambda: Template("?a ?b").substitute({"a": "u"}),
            "substitution has the wildcards ['a']; expected ['a', 'b'], those of "
            "'?a ?b'",
        ),
        (
            lambda: Template("?a").substitute({"a": "u", "b": "v"}),
            "substitution has the wildcards ['a', 'b']; expected ['a'], those of '?a'",
        ),
        (
            lambda: Template("?a ?b").substitute({"a": "u", "b": "u"}),
            "substitution sends ?a and ?b both to 'u'; expected distinct images",
        ),
    ],
)
def test_messages(call, message):
    assert error_line(call) == message


@pytest.mark.parametrize("image", ["?b", "α", "", "u v", CLS])
def test_an_image_is_one_token(image):
    error_line(lambda: Substitution({"a": image}))
