"""Orders and leading gaps: the table of the theory, other readouts, bad input."""

from fractions import Fraction

import pytest
import sympy

from symbind_theory import InputError, Template
from symbind_theory.separation.incidence import Incidence
from symbind_theory.separation.leading_gaps import certify, leading_gap, separation

GAMMA, A = sympy.symbols("gamma a")
KAPPA = 1 + GAMMA**2


def rational(p, q):
    return sympy.Rational(p, q)


TABLE = [
    ("α α", "α β", 2, rational(2, 729) * KAPPA**2 * (2 + 3 * GAMMA**2)),
    ("α β α", "α β β", 2, rational(1, 128) * GAMMA**2 * KAPPA**2),
    ("α α β β", "α β α β", 3, rational(8, 625) * GAMMA**4 * KAPPA**3),
    # K = 3 keys; one token X more in the first.
    ("X ?a", "?a ?b", 0, rational(1, 9)),
    ("X Y", "X X", 0, rational(2, 9)),
    # R and R' differ in two entries.
    ("X ?a", "?a X", 1, rational(4, 9) * GAMMA**2 * KAPPA),
    ("X Y", "Y X", 1, rational(8, 9) * GAMMA**2 * KAPPA),
]


@pytest.mark.parametrize(("t", "u", "order", "coefficient"), TABLE)
def test_the_table_of_the_cls_readout(t, u, order, coefficient):
    for first, second in [(t, u), (u, t)]:
        gap = leading_gap(first, second)
        assert gap.order == order
        assert sympy.expand(gap.coefficient - coefficient) == 0
        assert gap.readout == "cls"


SAME_DIFFERENT = [
    ("last", False, 3, rational(1, 16) * GAMMA**6 * KAPPA**2),
    ("mean", False, 3, rational(1, 32) * GAMMA**6 * KAPPA**2),
    ("last", True, 1, rational(1, 8) * GAMMA**2 * A**2),
    # [CLS] is equal to no other symbol: the identity tells nothing about the string.
    ("cls", True, 2, rational(2, 729) * KAPPA**2 * (2 + 3 * GAMMA**2)),
]


@pytest.mark.parametrize(
    ("readout", "identity", "order", "coefficient"), SAME_DIFFERENT
)
def test_same_different_under_other_readouts(readout, identity, order, coefficient):
    gap = leading_gap("?a ?a", "?a ?b", readout, identity)
    assert gap.order == order
    assert sympy.expand(gap.coefficient - coefficient) == 0


def test_one_key_and_two_keys():
    assert leading_gap("X", "?a", "last").coefficient == 1
    assert leading_gap("?a", "?b", "mean").order is None
    gap = leading_gap("?a ?a", "?a ?b", "mean", identity_kq=True)
    assert gap.order == 3
    assert sympy.expand(gap.coefficient.subs(A, 0) - GAMMA**6 * KAPPA**2 / 32) == 0


def test_the_identity_shows_the_whole_pattern_to_the_mean_at_order_two():
    pair = "?a ?a ?b ?b", "?a ?b ?a ?b"
    assert leading_gap(*pair, "mean").order == 3
    assert leading_gap(*pair, "mean", identity_kq=True).order == 2


def test_the_identity_may_be_given_by_its_size():
    sizes = [leading_gap("?a ?a", "?a ?b", "last", a) for a in (True, 1.0, -0.5)]
    assert sizes[0] == sizes[1] == sizes[2]
    assert leading_gap("?a ?a", "?a ?b", "last", 0.0).order == 3


def test_equivalent_templates_have_no_order():
    gap = leading_gap("?a X ?b", "?b X ?a")
    assert gap.order is None
    assert gap.coefficient == 0
    assert gap.at(1.0) == 0


def test_the_coefficient_as_a_number():
    gap = leading_gap("?a ?a", "?a ?b", "mean", identity_kq=True)
    gamma, a = 1.5, -0.75
    exact = gap.coefficient.subs({GAMMA: rational(3, 2), A: rational(-3, 4)})
    assert gap.at(gamma, a) == pytest.approx(float(exact), rel=1e-14)


def test_the_coefficient_is_made_of_exact_numbers():
    terms = leading_gap("?a ?a", "?a ?b").terms
    assert terms[0] == (0, 0, Fraction(4, 729))
    assert all(isinstance(number, Fraction) for *_, number in terms)


def test_the_identity_b_multiplies_the_part_of_the_means():
    """1 + b² where the multiplicities differ, 1 where the pattern alone does (cls)."""
    b = sympy.Symbol("b")
    for t, u, order, coefficient in TABLE:
        gap = leading_gap(t, u, identity_vo=True)
        factor = 1 + b**2 if order in (0, 2) else 1
        assert gap.order == order
        assert sympy.expand(gap.coefficient - factor * coefficient) == 0
        exact = (factor * coefficient).subs({b: 2, GAMMA: rational(1, 2)})
        assert gap.at(0.5, identity_vo=2.0) == pytest.approx(float(exact))


def test_incidence_data_can_be_used_again():
    t, u = (Incidence(Template(x), "last") for x in ("?a ?a X", "?a ?b X"))
    assert separation(t, u) == leading_gap("?a ?a X", "?a ?b X", "last")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("?a", ""), r"^template is empty"),
    ],
)
def test_bad_templates(arguments, message):
    with pytest.raises(InputError, match=message):
        leading_gap(*arguments)


def test_a_number_for_the_other_case_is_refused():
    """With a the order is another one, so c without a would say nothing."""
    plain = leading_gap("?a ?a", "?a ?b", "last")
    with_identity = leading_gap("?a ?a", "?a ?b", "last", identity_kq=True)
    with pytest.raises(InputError, match=r"^identity_kq is 2.0; expected 0: the gap"):
        plain.at(1.0, identity_kq=2.0)
    with pytest.raises(InputError, match=r"expected a number other than 0"):
        with_identity.at(1.0)
    assert with_identity.at(1.0, identity_kq=2.0) == 0.5


def test_numbers_beyond_float64_are_infinite_or_zero():
    gap = leading_gap("?a ?a ?b ?b", "?a ?b ?a ?b")
    assert gap.at(1e200) == float("inf")
    assert gap.at(1e-200) == 0


def test_text_is_no_list_of_templates():
    with pytest.raises(InputError, match=r"^templates is the text 'ab'; expected a li"):
        certify("ab")


def test_bad_numbers():
    with pytest.raises(InputError, match=r"^gamma is inf; expected a finite number"):
        leading_gap("?a ?a", "?a ?b").at(float("inf"))


LENGTHS = [
    # What regular tokens and what positions have, in units of 1 and γ².
    (("?a", "?a ?b"), "last", (0, Fraction(1, 2))),
    (("X", "X X"), "mean", (0, Fraction(1, 2))),
    (("X", "X ?a"), "last", (Fraction(1, 4), Fraction(1, 2))),
    (("?a", "?a ?b"), "cls", (Fraction(1, 36), Fraction(1, 6))),
    (("X ?a ?a", "X ?b"), "mean", (Fraction(1, 36), Fraction(1, 6))),
]


@pytest.mark.parametrize(("pair", "readout", "parts"), LENGTHS, ids=str)
def test_lengths_differ_at_order_zero(pair, readout, parts):
    """Shares n/K of regular tokens, and 1/K of each position that is there."""
    for t, u in (pair, pair[::-1]):
        gap = leading_gap(t, u, readout, identity_kq=0.5, identity_vo=True)
        assert gap.order == 0
        tokens, positions = parts
        assert gap.at(2.0, 0.5) == pytest.approx(float(tokens + 4 * positions))
        assert gap.at(2.0, 0.5, identity_vo=2.0) == pytest.approx(5 * gap.at(2.0, 0.5))
