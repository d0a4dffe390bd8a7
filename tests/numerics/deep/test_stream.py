"""The stream as a root and an excess: its algebra against covariances written out."""

import numpy as np
import pytest
from symbind_testing.builders.streams import incidences, random_stream
from symbind_testing.builders.strings import symbols
from symbind_testing.oracles.two_positions import equal_tokens

from numerics.deep.stream import Stream, stacked, start
from numerics.tokens import TokenGram
from symbind_theory.templates import read_templates

TEMPLATES = ["?a ?b ?a", "x ?a x", "x y x", "?a ?a ?a"]


@pytest.mark.parametrize("readout", ["cls", "last"])
def test_the_start_is_tokens_and_positions(readout):
    """1[same token] + γ² 1[same position]; wildcards of two strings never agree."""
    stream = start(incidences(TEMPLATES, readout), 0.7)
    strings = [symbols(t, readout) for t in read_templates(TEMPLATES)]
    positions = 0.49 * np.eye(len(strings[0]))
    for i, string in enumerate(strings):
        own = equal_tokens(string, string, apart=False) + positions
        np.testing.assert_allclose(stream.within[i], own, atol=1e-15)
        for j, other in enumerate(strings):
            between = equal_tokens(string, other, apart=True) + positions
            np.testing.assert_allclose(stream.across[i, :, j], between, atol=1e-15)


@pytest.mark.parametrize("readout", ["cls", "last"])
def test_the_start_is_that_of_embeddings_that_are_drawn(readout):
    """Strings of vectors: symbols have one mean, and each a part of its own.

    Each template once more with other symbols; [CLS] and y are not named.
    """
    generator = np.random.default_rng(3)
    strings = [symbols(t, readout) for t in read_templates(TEMPLATES)] * 2
    half = len(TEMPLATES)
    tokens = {
        x if isinstance(x, str) else (n, x) for n, s in enumerate(strings) for x in s
    }
    own = dict(zip(sorted(tokens, key=str), np.eye(len(tokens)), strict=True))
    x, mean = generator.standard_normal((2, 5))

    def embedding(n, token):
        if token == "x":
            return np.concatenate([x, np.zeros(len(tokens))])
        if isinstance(token, str):
            return np.concatenate([np.zeros(5), own[token]])
        return np.concatenate([mean, 0.6 * own[n, token]])

    rows = np.array([[embedding(n, t) for t in s] for n, s in enumerate(strings)])
    keys = rows.shape[1]
    gram = np.einsum("iqd,jpd->iqjp", rows, rows) + (
        0.49 * np.eye(keys)[None, :, None, :]
    )
    square = float(mean @ mean) + 0.36
    given = TokenGram.from_embeddings(["x"], [x], mean, square)
    stream = start(incidences(TEMPLATES, readout), 0.7, given)
    np.testing.assert_allclose(stream.across, gram[:half, :, half:], atol=1e-13)
    for i in range(half):
        np.testing.assert_allclose(stream.within[i], gram[i, :, i], atol=1e-13)
    # Mutant: symbols without their mean.
    wrong = start(
        incidences(TEMPLATES, readout), 0.7, TokenGram.from_embeddings(["x"], [x])
    )
    assert np.abs(wrong.across - gram[:half, :, half:]).max() > 0.1


def test_what_one_symbol_has_more_is_on_its_positions_alone():
    """E = v − ρ where one wildcard stands at both; 0 where all symbols are one."""
    for square, more in [(1.5, 1.0), (0.5, 0.0)]:
        stream = start(
            incidences(["?a X ?a ?b"], "last"), 1.0, TokenGram((), (), (), 0.5, square)
        )
        same = [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]
        np.testing.assert_array_equal(stream.excess[0], more * np.array(same))


def test_parts_of_the_covariances_agree():
    stream = random_stream(3, 4)
    for i in range(3):
        np.testing.assert_array_equal(
            stream.between_strings[i], stream.across[i, :, i, :]
        )
        own = stream.across[i, :, i, :] + stream.excess[i]
        np.testing.assert_allclose(stream.within[i], own)
        np.testing.assert_allclose(stream.squares[i], np.diagonal(own))
    np.testing.assert_allclose(stream.lengths**2, stream.squares)


def test_normalised_strings_have_length_one_and_keep_their_angles():
    stream = random_stream(3, 4)
    found = stream.normalised()
    np.testing.assert_allclose(found.squares, 1.0)
    scale = stream.lengths[:, :, None] * stream.lengths[:, None, :]
    np.testing.assert_allclose(found.within * scale, stream.within)
    across = found.across * np.multiply.outer(stream.lengths, stream.lengths)
    np.testing.assert_allclose(across, stream.across)


def test_scaling_by_one_number_is_scaling_by_equal_ones():
    stream = random_stream(2, 3)
    one, each = stream.scaled(1.5), stream.scaled(np.full((2, 3), 1.5))
    np.testing.assert_array_equal(one.root, each.root)
    np.testing.assert_allclose(one.within, 2.25 * stream.within)


def test_some_positions_are_a_block():
    stream, some = random_stream(2, 4), np.array([3, 1])
    found = stream.at(some)
    np.testing.assert_allclose(found.within, stream.within[:, some][:, :, some])
    np.testing.assert_allclose(found.across, stream.across[:, some][:, :, :, some])


def test_mixtures_are_congruences():
    """W C_ij Wᵀ across and W D_i Wᵀ within, W of each template its own."""
    stream, weights = (
        random_stream(2, 3),
        np.random.default_rng(5).standard_normal((2, 4, 3)),
    )
    found = stream.mixed(weights)
    for i in range(2):
        own = weights[i] @ stream.within[i] @ weights[i].T
        np.testing.assert_allclose(found.within[i], own)
        for j in range(2):
            between = weights[i] @ stream.across[i, :, j] @ weights[j].T
            np.testing.assert_allclose(found.across[i, :, j], between, atol=1e-12)


def test_independent_streams_add_their_covariances():
    streams = [random_stream(2, 3, seed) for seed in (1, 2, 3)]
    found = stacked(streams)
    assert len(found.root) <= 6
    for name in ("across", "within"):
        total = sum(getattr(stream, name) for stream in streams)
        np.testing.assert_allclose(getattr(found, name), total, atol=1e-12)


def test_differences_far_below_rounding_of_the_covariance_survive():
    """Columns that differ by 1e-12 are 1e-24 apart, as a difference of roots."""
    root = np.ones((2, 2, 1))
    root[1] = [[0.0], [1e-12]]
    found = stacked([Stream(root, np.zeros((2, 1, 1)))] * 2)
    gap = ((found.root[:, 0] - found.root[:, 1]) ** 2).sum()
    assert gap == pytest.approx(2e-24, rel=1e-6)
