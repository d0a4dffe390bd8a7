"""Directions of the shared logits: their Gram matrix is the law, entry by entry."""

import numpy as np
import pytest
from symbind_testing.builders.streams import every_row, random_stream

from numerics.deep import shared_directions as module
from numerics.deep.shared_directions import from_covariance, logit_directions
from numerics.deep.stream import Stream
from numerics.positions import RandomBias, Rotary

BETA = 0.8
RELATIVE = [None, Rotary(3, 40.0), RandomBias(0.6)]
EACH = pytest.mark.parametrize("relative", RELATIVE, ids=str)


def law(stream, positions):
    """β² C ⊗ C, turned, and the noise of positions; centred by rows."""
    C = stream.across[:, positions.queries][:, :, :, positions.queries]
    turned = np.einsum("fqp,frs->qprs", positions.turns, positions.turns)
    noise = np.einsum("gqp,grs->qprs", positions.noise, positions.noise)
    whole = np.einsum("iqjr,ipjs->iqpjrs", C, stream.across)
    whole = BETA**2 * whole * turned[None, :, :, None] + noise[None, :, :, None]
    centring = positions.centring
    return np.einsum("qpu,iqujrv,rsv->iqpjrs", centring, whole, centring)


@EACH
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("some", [[0, 1, 2], [2]])
def test_directions_have_the_law_of_the_logits(relative, causal, some):
    stream = random_stream(2, 3)
    positions = every_row(3, causal, relative).at(np.array(some))
    found = logit_directions(stream.root, BETA, positions)
    gram = np.einsum("diqp,djrs->iqpjrs", found, found)
    np.testing.assert_allclose(gram, law(stream, positions), atol=1e-13)


@EACH
def test_the_loudest_come_first_and_none_is_silent(relative):
    found = logit_directions(
        random_stream(2, 3).root, BETA, every_row(3, relative=relative)
    )
    loudness = (found.reshape(len(found), -1) ** 2).sum(1)
    assert (np.diff(loudness) <= 1e-12).all()
    assert loudness[-1] > 1e-28 * loudness[0]
    # Orthogonal as well: one coordinate of a point for each principal direction.
    flat = found.reshape(len(found), -1)
    np.testing.assert_allclose(flat @ flat.T, np.diag(loudness), atol=1e-13)


@EACH
def test_their_covariance_gives_the_same(relative, monkeypatch):
    """Both ways find one Gram matrix; by the covariance to its rounding."""
    stream, positions = random_stream(3, 3), every_row(3, True, relative)
    monkeypatch.setattr(module, "_MANY", 0)
    assert from_covariance(9, 3)
    found = logit_directions(stream.root, BETA, positions)
    truth = law(stream, positions)
    gram = np.einsum("diqp,djrs->iqpjrs", found, found)
    np.testing.assert_allclose(gram, truth, atol=1e-13 * np.abs(truth).max())
    loudness = (found.reshape(len(found), -1) ** 2).sum(1)
    assert (np.diff(loudness) <= 1e-12).all()


def test_small_templates_keep_all_their_digits():
    """Two templates 1e-9 apart: directions from the logits resolve 1e-18."""
    root = np.random.default_rng(2).standard_normal((4, 1, 3))
    twice = np.concatenate([root, root], axis=1)
    moved = np.random.default_rng(3).standard_normal((4, 3))
    twice[:, 1] += 1e-9 * moved
    found = logit_directions(twice, BETA, every_row(3))
    apart = found[:, 0] - found[:, 1]
    centring = every_row(3).centring
    squares = np.einsum("aq,bp->abqp", root[:, 0], moved)
    squares = squares + np.einsum("aq,bp->abqp", moved, root[:, 0])
    truth = BETA**2 * (np.einsum("qpu,abqu->abqp", centring, squares) ** 2).sum()
    assert (apart**2).sum() == pytest.approx(1e-18 * truth, rel=1e-4)


def test_from_when_on_the_covariance_is_taken():
    assert not from_covariance(10, 5)
    assert from_covariance(16 * 9, 9)


def test_nothing_shared_is_one_silent_direction():
    silent = Stream(np.zeros((2, 2, 3)), random_stream(2, 3).excess)
    found = logit_directions(silent.root, BETA, every_row(3))
    assert found.shape == (1, 2, 3, 3)
    assert not found.any()
