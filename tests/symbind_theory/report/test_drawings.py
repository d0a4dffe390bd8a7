"""Templates laid out: boxes, colours by identity, arcs between repeats."""

from itertools import pairwise

import pytest
from hypothesis import given

from symbind_theory import Template
from symbind_theory.report.drawings import WILDCARD_COLOURS, drawing
from symbind_theory.strategies import templates


@given(templates())
def test_a_box_for_each_token_and_an_arc_for_each_repetition(template):
    found = drawing(template)
    tokens = template.tokens
    assert [box.token for box in found.boxes] == list(tokens)
    symbols = {*template.wildcard_positions.values()}
    symbols |= {*template.regular_positions.values()}
    assert len(found.arcs) == sum(len(positions) - 1 for positions in symbols)
    for left, right in pairwise(found.boxes):
        assert left.x + left.width < right.x
    assert found.boxes[-1].x + found.boxes[-1].width < found.width


@given(templates())
def test_equal_symbols_have_equal_colours(template):
    boxes = drawing(template).boxes
    wild = {p for group in template.wildcard_positions.values() for p in group}
    for p, box in enumerate(boxes):
        assert box.wild == (p in wild)
        for other in boxes:
            if box.token == other.token:
                assert box.colour == other.colour
            elif box.wild != other.wild:
                assert box.colour != other.colour
    if len(template.wildcards) <= len(WILDCARD_COLOURS):
        assert len({b.colour for b in boxes if b.wild}) == len(template.wildcards)


@given(templates())
def test_arcs_join_equal_tokens(template):
    found = drawing(template)
    token = {box.middle: box.token for box in found.boxes}
    for arc in found.arcs:
        assert token[arc.start] == token[arc.end]
        assert arc.start < arc.end
        between = [b.token for b in found.boxes if arc.start < b.middle < arc.end]
        assert token[arc.start] not in between
        assert 0 < arc.rise < found.top <= 50


def test_the_words_say_what_repeats():
    assert drawing(Template("?a X ?a X ?a")).words == (
        "?a X ?a X ?a: ?a at positions 1, 3 and 5; X at positions 2 and 4"
    )
    assert drawing(Template("?a ?b")).words == "?a ?b: no symbol repeats"


def test_greek_wildcards_are_coloured_too():
    boxes = drawing(Template("α X β")).boxes
    assert [box.wild for box in boxes] == [True, False, True]


@pytest.mark.parametrize("token", ["x" * 100, "字" * 40])
def test_long_tokens_are_shortened_by_their_width(token):
    (box,) = drawing(Template([token])).boxes
    assert box.token == token
    assert box.text.endswith("…")
    assert box.width < 200


def test_wide_characters_take_more_room():
    narrow, wide = drawing(Template(["abcdef", "字字字字字字"])).boxes
    assert wide.width > 1.5 * narrow.width


def test_tokens_do_not_touch_the_ends_of_their_boxes():
    """A character of 14 px takes 8.4 px; 8 px at least stay free at either end."""
    (box,) = drawing(Template(["abcdefgh"])).boxes
    assert box.width >= 8 * 8.4 + 2 * 8


def relative_luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", WILDCARD_COLOURS)
@pytest.mark.parametrize("ground", ["#ffffff", "#1b2027"])
def test_outlines_stand_out_on_light_and_on_dark_ground(colour, ground):
    """WCAG 2.1, 1.4.11: graphics at 3 : 1."""
    bright, dim = sorted(map(relative_luminance, (colour, ground)), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 3
