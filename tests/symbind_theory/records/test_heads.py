"""What a report on heads says of all of them together."""

import pytest
from symbind_testing.builders.toy_heads import product, toy_heads


def test_a_head_passes_below_the_share_of_its_test():
    """Six heads of two products share 0.05: each test has 0.05/12."""
    report = toy_heads()
    assert report.most_chance == pytest.approx(0.05 / 12)
    assert [(h.layer, h.head) for h in report.passing("keys")] == [(1, 0)]
    assert [(h.layer, h.head) for h in report.passing("values")] == [(2, 1)]


def test_heads_near_the_identity_are_those_above_a_half():
    """By sign: a head near to a negative multiple is not among them."""
    report = toy_heads()
    assert [(h.layer, h.head) for h in report.near("keys")] == [(1, 0)]
    assert report.near("values") == ()


def test_heads_outside_are_counted_beside_what_chance_gives():
    report = toy_heads()
    assert report.expected_outside == pytest.approx(6 * 0.05)
    for basis in ("raw", "embeddings"):
        assert report.outside("keys", basis, "share") == 1
        assert report.outside("values", basis, "copying") == 1


def test_a_score_at_the_end_of_its_interval_is_inside():
    assert not product(2.0).raw.share.outside
    assert product(2.1).raw.share.outside
    assert product(-2.1).raw.share.outside


def test_heads_are_ranked_with_the_largest_first_and_ties_in_order():
    ranked = list(toy_heads().ranked(lambda head: head.keys.raw.share.z))
    places = [(h.layer, h.head) for h in ranked]
    assert places == [(1, 0), (2, 0), (2, 1), (1, 1), (0, 0), (0, 1)]
