"""Laws of templates, against brute force that reads nothing but their text."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbind_theory import InputError, Template
from symbind_theory.strategies import (
    disjoint_pairs,
    equivalent_pairs,
    inequivalent_pairs,
    substitutions,
    templates,
    tokens,
)

GREEK = "αβγδεζηθικλμνξοπρςστυφχψω"
REGULAR = ("X", "Y")
# A string of length 4 has at most 4 distinct tokens, so 4 symbols show every pattern.
LENGTH = 4
SYMBOLS = ("s", "t", "u", "v")
IMAGES = {"symbols": SYMBOLS, "any": SYMBOLS + REGULAR}

both_senses = pytest.mark.parametrize("images", ["symbols", "any"])

same_length_pairs = st.integers(1, LENGTH).flatmap(
    lambda k: st.tuples(templates(length=k), templates(length=k))
)
pairs = st.one_of(
    st.tuples(templates(max_length=LENGTH), templates(max_length=LENGTH)),
    same_length_pairs,
    equivalent_pairs(max_length=LENGTH),
    inequivalent_pairs(max_length=LENGTH),
    disjoint_pairs("any", max_length=LENGTH),
)


def is_wildcard(token):
    return token in GREEK or (token[0] == "?" and token != "?")


def wildcards_in(text):
    return sorted({token for token in text.split() if is_wildcard(token)})


def fill(text, images):
    """The text with each wildcard token replaced by its image."""
    return " ".join(images.get(token, token) for token in text.split())


def brute_strings(template, alphabet):
    """Every string that the template produces with images in `alphabet`."""
    text = str(template)
    names = wildcards_in(text)
    return {
        fill(text, dict(zip(names, images, strict=True)))
        for images in permutations(alphabet, len(names))
    }


def brute_equivalent(one, other):
    """Whether some bijection of wildcards rewrites one text into the other."""
    names, others = wildcards_in(str(one)), wildcards_in(str(other))
    if len(names) != len(others):
        return False
    return any(
        fill(str(one), dict(zip(names, images, strict=True))) == str(other)
        for images in permutations(others)
    )


@both_senses
@given(data=st.data(), template=templates())
def test_matching_undoes_substituting(images, data, template):
    substitution = data.draw(substitutions(template, images))
    assert set(substitution) == set(template.wildcards)
    assert template.match(template.substitute(substitution)) == substitution


@given(templates(), st.lists(tokens() | st.sampled_from(REGULAR), min_size=1))
def test_a_match_reproduces_the_string(template, string):
    match = template.match(string)
    assert match is None or template.substitute(match) == " ".join(string)


@given(
    templates(max_length=LENGTH),
    st.lists(st.sampled_from(IMAGES["any"]), min_size=1, max_size=LENGTH),
)
def test_a_string_matches_when_the_template_produces_it(template, string):
    produced = " ".join(string) in brute_strings(template, IMAGES["any"])
    assert (template.match(string) is not None) == produced


@given(templates(max_length=LENGTH))
def test_every_string_produced_matches(template):
    for string in brute_strings(template, IMAGES["any"]):
        assert template.match(string) is not None


@given(data=st.data(), template=templates())
def test_substituting_changes_wildcards_only(data, template):
    string = template.substitute(data.draw(substitutions(template))).split()
    assert len(string) == template.length
    assert [
        None if is_wildcard(old) else new
        for old, new in zip(str(template).split(), string, strict=True)
    ] == list(template.skeleton)


@given(data=st.data(), start=templates(max_length=4))
def test_images_must_be_distinct(data, start):
    template = Template(f"{start} ?p ?q")
    images = dict(data.draw(substitutions(template)))
    one, other = data.draw(st.permutations(template.wildcards))[:2]
    images[one] = images[other]
    with pytest.raises(InputError) as caught:
        template.substitute(images)
    assert str(caught.value).endswith(
        f" both to {images[one]!r}; expected distinct images"
    )


@given(templates())
def test_positions_partition_the_template(template):
    everywhere = {**template.wildcard_positions}
    assert list(everywhere) == list(template.wildcards)
    for token, positions in template.regular_positions.items():
        everywhere[token, "regular"] = positions
    found = sorted(p for positions in everywhere.values() for p in positions)
    assert found == list(range(template.length))
    assert len(template.regular_positions) == len(template.regular_tokens)
    texts = str(template).split()
    for positions in everywhere.values():
        assert list(positions) == sorted(positions)
        assert len({texts[p] for p in positions}) == 1


@given(pairs)
def test_equality_is_literal(pair):
    one, other = pair
    assert (one == other) == (str(one) == str(other))
    if one == other:
        assert hash(one) == hash(other)


@given(templates())
def test_a_template_reads_back_from_its_text(template):
    assert Template(str(template)) == template
    assert Template(template.tokens) == template
    assert hash(Template(str(template))) == hash(template)


@given(templates())
def test_canonical_is_idempotent_and_equivalent(template):
    canonical = template.canonical()
    assert canonical.canonical() == canonical
    assert canonical.wildcards == tuple(
        str(i) for i in range(1, len(template.wildcards) + 1)
    )
    assert canonical.skeleton == template.skeleton
    assert brute_equivalent(canonical, template)


@given(equivalent_pairs())
def test_renaming_changes_neither_canonical_form_nor_skeleton(pair):
    one, other = pair
    assert one != other
    assert one.canonical() == other.canonical()
    assert one.equivalent(other)
    assert one.skeleton == other.skeleton
    assert one.regular_positions == other.regular_positions


@given(templates())
def test_the_skeleton_blanks_the_wildcards(template):
    assert list(template.skeleton) == [
        None if is_wildcard(token) else token for token in str(template).split()
    ]


@given(pairs)
def test_equivalence_agrees_with_brute_force(pair):
    one, other = pair
    assert one.equivalent(other) == brute_equivalent(one, other)
    assert one.equivalent(other) == other.equivalent(one)


@given(st.lists(templates(length=3), min_size=3, max_size=3))
def test_equivalence_is_an_equivalence(three):
    t, u, v = three
    assert t.equivalent(t)
    if t.equivalent(u) and u.equivalent(v):
        assert t.equivalent(v)


@given(inequivalent_pairs(max_length=LENGTH))
def test_inequivalent_pairs_are(pair):
    one, other = pair
    assert one.length == other.length
    assert not brute_equivalent(one, other)


@both_senses
@given(pair=pairs)
def test_overlap_agrees_with_brute_force(images, pair):
    one, other = pair
    alphabet = IMAGES[images]
    shared = brute_strings(one, alphabet) & brute_strings(other, alphabet)
    assert one.disjoint(other, images=images) == (not shared)
    assert (one.overlap(other, images=images) is None) == (not shared)


@both_senses
@given(pair=pairs)
def test_overlap_is_symmetric(images, pair):
    one, other = pair
    assert one.disjoint(other, images=images) == other.disjoint(one, images=images)


@both_senses
@given(pair=equivalent_pairs() | same_length_pairs)
def test_the_witness_matches_both_with_the_promised_images(images, pair):
    witness = pair[0].overlap(pair[1], images=images)
    if witness is None:
        return
    regular = {*pair[0].regular_tokens, *pair[1].regular_tokens}
    for template in pair:
        match = template.match(witness)
        assert match is not None
        if images == "symbols":
            assert regular.isdisjoint(match.values())


@both_senses
@given(data=st.data())
def test_disjoint_pairs_are(images, data):
    one, other = data.draw(disjoint_pairs(images, max_length=LENGTH))
    alphabet = IMAGES[images]
    assert one.length == other.length
    assert not brute_strings(one, alphabet) & brute_strings(other, alphabet)


@given(same_length_pairs | equivalent_pairs())
def test_for_symbols_disjoint_means_inequivalent(pair):
    one, other = pair
    assert one.disjoint(other, images="symbols") != one.equivalent(other)


@given(pairs)
def test_disjoint_for_any_token_is_the_strongest(pair):
    one, other = pair
    if one.disjoint(other, images="any"):
        assert one.disjoint(other, images="symbols")
    if one.disjoint(other, images="symbols"):
        assert not one.equivalent(other)


@given(st.sampled_from(["symbols", "any"]), templates(), templates())
def test_lengths_apart_are_disjoint(images, one, other):
    if one.length != other.length:
        assert one.disjoint(other, images=images)
        assert not one.equivalent(other)


@both_senses
@given(data=st.data(), template=templates())
def test_substitutions_keep_their_promise(images, data, template):
    avoid = data.draw(st.lists(st.sampled_from(["a", "b", "?", *REGULAR])))
    substitution = data.draw(substitutions(template, images, avoid))
    assert set(substitution) == set(template.wildcards)
    assert not set(substitution.values()) & set(avoid)
    if images == "symbols":
        assert not set(substitution.values()) & set(template.regular_tokens)


@given(
    st.data(),
    st.integers(1, 4),
    st.lists(st.sampled_from(["X", "Y", "Z", "a"]), unique=True),
    st.integers(1, 3),
)
def test_templates_keep_their_promise(data, length, regular, most):
    template = data.draw(
        templates(length=length, regular_tokens=regular, max_wildcards=most)
    )
    assert template.length == length
    assert set(template.regular_tokens) <= set(regular)
    assert len(template.wildcards) <= most


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (
            lambda: templates(length=0),
            "length is 0; expected an integer of at least 1",
        ),
        (
            lambda: templates(max_length=0),
            "max_length is 0; expected an integer of at least 1",
        ),
        (
            lambda: templates(regular_tokens=(), max_wildcards=0),
            "max_wildcards is 0 without regular tokens; expected at least 1",
        ),
        (
            lambda: templates(regular_tokens=("X", "X")),
            "regular_tokens is ('X', 'X'); expected each token only once",
        ),
        (
            lambda: templates(regular_tokens=("α",)),
            "string contains the wildcard α; expected tokens only",
        ),
        (
            lambda: equivalent_pairs(max_wildcards=0),
            "max_wildcards is 0; expected at least 1 to rename",
        ),
        (
            lambda: inequivalent_pairs(length=1, regular_tokens=()),
            "templates up to length 1 with regular tokens () and at most 1 wildcards "
            "are all equivalent; expected more regular tokens, or two wildcards and "
            "two positions",
        ),
        (
            lambda: disjoint_pairs("any", length=1, regular_tokens=("X",)),
            "templates up to length 1 with regular tokens ('X',) and at most 1 "
            "wildcards all overlap; expected two regular tokens, or two wildcards and "
            "two positions",
        ),
    ],
)
def test_impossible_strategies_are_refused(strategy, message):
    with pytest.raises(InputError) as caught:
        strategy()
    assert str(caught.value) == message
