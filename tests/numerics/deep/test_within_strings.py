"""Attention within a string: two forms of its excess, and two positions exactly."""

import numpy as np
import pytest
from symbind_testing.builders.streams import (
    attended,
    averaging,
    every_row,
    incidences,
    random_stream,
)
from symbind_testing.oracles.two_positions import exact

from numerics import Architecture
from numerics.deep.across_strings import Values
from numerics.deep.stream import Stream, start
from numerics.deep.within_strings import (
    Attending,
    Form,
    _excess,
    _whole,
    attend_within,
)
from numerics.positions import ALiBi, RandomBias, Rotary

SEEDS = range(16)
RELATIVE = [None, ALiBi(0.4), RandomBias(2.0), Rotary(1, 1.0)]


def attending(positions, seed=0, beta=1.4, identity=0.3, shared=16):
    """Attention whose points depend on the seed."""
    return Attending(
        beta=beta,
        identity=identity,
        positions=positions,
        averaging=averaging(shared, seed),
    )


def of_one(D, how):
    """A(D)."""
    return _whole(D, [Form(D, np.zeros_like(D))], how)[0]


def by_squares(C, E, how):
    """A(D) − A(C) by squares."""
    return _excess(C, E, [Form(C, E)], how)[0]


def within(stream, templates, between, how):
    """A(D) − A(C) in whichever way."""
    return attend_within(stream, Values((stream,)), templates, [between], how)[0]


def mean_and_room(function):
    """Over independent seeds, with 7.5 standard errors: 1e-6 for 15 degrees."""
    draws = np.array([function(seed) for seed in SEEDS])
    return draws.mean(0), 7.5 * draws.std(0, ddof=1) / np.sqrt(len(draws))


@pytest.mark.parametrize("causal", [False, True])
def test_two_positions_agree_with_sigmoids(causal):
    """A(D) of concrete templates at the last position."""
    templates = ["?a ?a", "?a ?b", "x ?a"]
    stream = start(incidences(templates, "last"), 0.8)
    positions = every_row(2, causal).at(np.array([1]))
    truth = exact(
        templates,
        Architecture(1.4, 0.8, readout="last", identity_kq=0.3, causal=causal),
    ).attention_self
    for i in range(3):
        found, room = mean_and_room(
            lambda seed, i=i: of_one(stream.within[i], attending(positions, seed))[0, 0]
        )
        assert abs(found - truth[i]) <= room + 1e-12


def between(stream, positions, seed):
    """A(C) of two strings of the one template; exact in what each has of its own."""
    found = attended(stream, 1.4, positions, averaging(16, seed), 0.3)
    return np.einsum("mq,mp->qp", found.roots[0][:, 0], found.roots[0][:, 0])


@pytest.mark.parametrize("relative", RELATIVE, ids=str)
@pytest.mark.parametrize("causal", [False, True])
def test_both_forms_of_the_excess_agree(relative, causal):
    """A(D) − A(C): the difference of two averages, and one average of squares."""
    stream = random_stream(1, 3, seed=3)
    positions = every_row(3, causal, relative)
    whole, room = mean_and_room(
        lambda s: (
            of_one(stream.within[0], attending(positions, s))
            - between(stream, positions, 100 + s)
        )
    )
    C, E = stream.between_strings[0], stream.excess[0]
    squares, little = mean_and_room(lambda s: by_squares(C, E, attending(positions, s)))
    assert (np.abs(whole - squares) <= room + little + 1e-9).all()
    assert np.abs(squares).max() > 2 * (room + little).max()


def test_the_excess_keeps_its_digits_where_it_is_tiny():
    """It is linear in a small E, up to sampling: from 1e-4 to 1e-13 by that factor."""
    stream, positions = random_stream(1, 3, seed=4), every_row(3)
    C, E = stream.between_strings[0], stream.excess[0]
    (large, room), (small, little) = (
        mean_and_room(lambda s, k=k: by_squares(C, k * E, attending(positions, s)) / k)
        for k in (1e-4, 1e-13)
    )
    size = np.abs(large).max()
    assert (np.abs(small - large) <= room + little + 1e-3 * size).all()
    assert room.max() < 0.3 * size
    assert np.linalg.eigvalsh(small)[0] > 0


@pytest.mark.parametrize("size", [1.0, 0.1, 1e-6])
def test_the_form_is_chosen_by_size(size):
    """Whichever is taken, the mean of its seeds is that of the form by squares.

    Mutant: choosing by the difference of two averages alone, where E is 1e-6 and few
    points err by a tenth.
    """
    stream, positions = random_stream(2, 3, seed=5, excess=size), every_row(3)
    C, E = stream.between_strings, stream.excess
    second = Stream(stream.root[:, 1:], E[1:])

    def run(seed):
        other = between(second, positions, 100 + seed)[None]
        return within(stream, [1], other, attending(positions, seed))[0]

    found, room = mean_and_room(run)
    truth, little = mean_and_room(
        lambda s: by_squares(C[1], E[1], attending(positions, 200 + s))
    )
    assert (np.abs(found - truth) <= room + little + 1e-15).all()
    assert np.abs(truth).max() > (room + little).max()


def test_strings_share_what_is_drawn_for_each_head():
    """Biases far above all logits choose one key for both, each as often as another.

    So that A(D) − A(C) on the diagonal is the mean of E's, and C enters no more.
    """
    stream = random_stream(1, 3, seed=6)
    positions = every_row(3, relative=RandomBias(1e4))
    C, E = stream.between_strings[0], stream.excess[0]
    found, room = mean_and_room(lambda s: by_squares(C, E, attending(positions, s)))
    own = np.diagonal(E)
    off = np.abs(np.diagonal(found) - own.mean())
    assert (off <= np.diagonal(room) + 2e-3 * own.max()).all()
    assert np.diagonal(room).max() < 0.3 * own.mean()


def test_without_excess_there_is_none():
    stream, positions = random_stream(1, 3), every_row(3)
    how = attending(positions)
    alone = Stream(stream.root, np.zeros((1, 3, 3)))
    attended = np.stack([of_one(alone.within[0], how)])
    found = within(alone, [0], attended, how)
    np.testing.assert_allclose(found, 0.0, atol=1e-20)


def test_hidden_keys_have_no_weight():
    """A causal string sees nothing of what comes later, whatever that is."""
    stream, positions = random_stream(1, 3, seed=8), every_row(3, causal=True)
    how = attending(positions.at(np.array([0, 1])))
    moved = stream.within[0].copy()
    moved[2, :2] *= 0.3
    moved[:2, 2] *= 0.3
    means = [how.softmax(how.tensor(m)) for m in (np.zeros((1, 2, 3)),)]
    np.testing.assert_array_equal(means[0].numpy()[0], [[1, 0, 0], [0.5, 0.5, 0]])
    first, room = mean_and_room(
        lambda s: of_one(stream.within[0], attending(how.positions, s))
    )
    second, little = mean_and_room(
        lambda s: of_one(moved, attending(how.positions, 50 + s))
    )
    assert (np.abs(first - second) <= room + little + 1e-12).all()
