"""The rules between sublayers, where nothing is sampled: β = 0 against the oracle.

Without temperature softmax is the mean of what is seen, so that residuals, both
normalisations, b, masks and readouts are exact; `test_deep_estimate.py` has β ≠ 0.
"""

from dataclasses import replace

import numpy as np
import pytest
from symbind_testing.builders.deep_architectures import DEEP, cold
from symbind_testing.builders.streams import averaging, incidences
from symbind_testing.oracles.two_positions import exact
from symbind_testing.refusals import refusal
from symbind_testing.tasks import LENGTH_3

from numerics import GELU, Architecture, Cosine, Erf, ReLU
from numerics.architecture import Block
from numerics.deep.recursion import run_blocks
from numerics.positions import Rotary

SEVEN = ["?a ?a", "?a ?b", "x ?a", "?a x", "x x", "x y", "y ?a"]


def run(templates, architecture, number=0, shared=64):
    return run_blocks(
        incidences(templates, architecture.readout),
        architecture,
        averaging(shared),
        number,
    )


SETTINGS = {
    **DEEP,
    "post and b": Architecture(
        depth=3,
        readout="last",
        residual=0.7,
        normalisation="post",
        final_normalisation=True,
        identity_vo=0.8,
        activation=GELU(),
    ),
    "pre, causal, mean": Architecture(
        gamma=0.6,
        depth=2,
        readout="mean",
        residual=-0.5,
        normalisation="pre",
        causal=True,
        identity_vo=-0.3,
        activation=Erf(),
    ),
    "blocks": Architecture(
        depth=2,
        readout="last",
        activation=ReLU(),
        normalisation="pre",
        blocks=(Block(residual=0.3, identity_vo=0.5), Block(residual=2.0)),
    ),
}


@pytest.mark.parametrize("architecture", SETTINGS.values(), ids=SETTINGS.keys())
def test_without_temperature_everything_is_exact(architecture):
    """C and d after the last attention, N and K_self, of seven templates."""
    architecture = cold(architecture)
    found, truth = run(SEVEN, architecture), exact(SEVEN, architecture)
    for stream, across, within in (
        (found.attended, truth.attention, truth.attention_self),
        (found.last, truth.matrix, truth.matrix_self),
    ):
        root = stream.root.mean(2)
        np.testing.assert_allclose(root.T @ root, across, rtol=1e-7, atol=1e-10)
        np.testing.assert_allclose(
            stream.within.mean((1, 2)), within, rtol=1e-7, atol=1e-10
        )
    assert found.bias == 0


@pytest.mark.parametrize("causal", [False, True])
def test_runs_are_independent_and_blocks_too(causal):
    """Block b of run r is block rL + b of all: none is met twice."""
    architecture = Architecture(depth=2, residual=1.0, causal=causal)
    one, again, other = (run(LENGTH_3, architecture, k) for k in (0, 0, 1))
    np.testing.assert_array_equal(one.last.root, again.last.root)
    gap = np.abs(one.last.across - other.last.across).max()
    assert 1e-9 < gap < 0.05


@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
def test_only_what_is_read_is_computed_in_the_last_block(readout):
    architecture = Architecture(depth=2, readout=readout, residual=1.0)
    found = run(LENGTH_3, architecture)
    positions = 3 if readout == "mean" else 1
    for stream in (found.attended, found.last):
        assert stream.root.shape[1:] == (5, positions)
        assert stream.excess.shape == (5, positions, positions)


@pytest.mark.parametrize(
    "options", [{"normalisation": "post"}, {"final_normalisation": True}]
)
def test_normalised_streams_have_length_one(options):
    found = run(LENGTH_3, Architecture(depth=2, residual=1.0, **options))
    np.testing.assert_allclose(found.last.squares, 1.0, rtol=1e-12)


@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize("gamma", [0.0, 0.8])
def test_templates_alike_up_to_positions_have_equal_lengths(readout, gamma):
    """ααβ, αβα and αββ, where positions are read by the mean: exactly, and no mask."""
    architecture = Architecture(
        gamma=gamma, depth=2, readout=readout, residual=1.0, activation=ReLU()
    )
    squares = run(LENGTH_3, architecture).attended.squares
    alike = [1, 2, 3] if readout == "mean" else [2, 3]
    lengths = np.sort(squares[alike], axis=1)
    np.testing.assert_allclose(lengths, lengths[:1].repeat(len(alike), 0), rtol=1e-12)
    masked = replace(architecture, causal=True)
    assert np.ptp(run(LENGTH_3, masked).attended.squares[alike].sum(1)) > 1e-4


@pytest.mark.parametrize("relative", [None, Rotary()])
def test_the_excess_is_positive_semi_definite(relative):
    architecture = Architecture(
        depth=3,
        readout="mean",
        residual=0.5,
        relative=relative,
        activation=ReLU(),
    )
    found = run(LENGTH_3, architecture)
    for excess in (*found.attended.excess, *found.last.excess):
        assert np.linalg.eigvalsh(excess)[0] > -1e-4 * np.trace(excess)


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(depth=2, residual=1e40),
        Architecture(depth=2, gamma=1e75, normalisation="pre"),
        Architecture(depth=2, activation=Cosine(1e6)),
        Architecture(residual=1e75, final_normalisation=True),
        Architecture(activation=Cosine(1e6), normalisation="post"),
    ],
    ids=["grows", "begins", "vanishes", "ends", "vanishes last"],
)
def test_streams_beyond_float64_are_refused(architecture):
    """In one line, before a factor is taken of what is infinite or 0."""
    said = refusal(lambda: run(SEVEN, architecture))
    assert said.startswith("squared lengths of the stream are from")
