"""Finite networks at random initialisation against the kernels of the wide limit."""

import math

import numpy as np
import pytest
import torch

from numerics import (
    GELU,
    Architecture,
    Cosine,
    CustomActivation,
    Erf,
    ReLU,
    string_gram,
)
from numerics.networks import (
    EmpiricalKernel,
    NetworkShape,
    TransformerNetwork,
    empirical_kernel,
    finite_heads,
)
from symbind_theory import InputError
from symbind_theory.incidence import READOUTS

# u u, v w and w v: one symbol twice, two symbols, and the same two elsewhere.
PAIRS = np.array([[0, 0], [1, 2], [2, 1]])
# False alarms: six entries each within 5 standard errors, 4e-6 for each test.
SIGMAS = 5.0


def wide(tokens, architecture, heads, points=2**13):
    """The limit of wide embeddings, H heads, with the standard error of sampling."""
    plain = Architecture(
        architecture.beta,
        architecture.gamma,
        architecture.readout,
        architecture.activation,
        architecture.identity_kq,
    )
    one = Architecture(
        plain.beta, plain.gamma, plain.readout, plain.activation, plain.identity_kq, 1.0
    )
    gram = string_gram(tokens, plain, points=points, seed=77)
    means = string_gram(tokens, one, points=points, seed=77).attention - gram.attention
    # The half-width is Student's quantile at level 0.999, 4.07 standard errors.
    error = gram.halfwidth["attention"] / 4.07
    b = architecture.identity_vo
    return finite_heads(gram.attention, means, b, heads), error * (1 + b**2)


def extrapolated(tokens, architecture, width, heads, networks, seed=0):
    """Two widths: what is of order 1/width cancels in 2 K(2w) − K(w)."""
    size = {"vocabulary": int(tokens.max()) + 1, "length": tokens.shape[1]}
    narrow, broad = (
        empirical_kernel(
            tokens,
            architecture,
            NetworkShape(**size, width=w, head_width=w, heads=heads, hidden=1),
            networks,
            seed + offset,
        )
        for w, offset in ((width, 0), (2 * width, 10**6))
    )
    value = 2 * broad.attention - narrow.attention
    error = np.hypot(2 * broad.attention_error, narrow.attention_error)
    return value, error


def distance(tokens, architecture, width, heads, networks, seed=0):
    """The largest distance from the limit, in standard errors; and their size."""
    found, error = extrapolated(tokens, architecture, width, heads, networks, seed)
    truth, sampling = wide(tokens, architecture, heads)
    both = np.hypot(error, sampling)
    return float(np.abs((found - truth) / both).max()), float((both / truth).max())


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(("a", "b"), [(0.0, 0.0), (1.5, 0.0), (0.0, 0.8)])
def test_few_networks_agree_with_the_wide_limit(readout, a, b):
    architecture = Architecture(1.0, 0.8, readout, identity_kq=a, identity_vo=b)
    off, size = distance(PAIRS, architecture, 24, heads=4, networks=250)
    assert off < SIGMAS
    assert size < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("a", [0.0, 1.5])
@pytest.mark.parametrize("b", [0.0, 0.8])
def test_networks_agree_with_the_wide_limit(readout, a, b):
    """Entries to a few percent, with three keys and a token in common."""
    tokens = np.array([[0, 1, 0], [2, 3, 1], [4, 4, 1]])
    architecture = Architecture(1.0, 0.8, readout, identity_kq=a, identity_vo=b)
    off, size = distance(tokens, architecture, 48, heads=8, networks=2000)
    assert off < SIGMAS
    assert size < 0.05


@pytest.mark.parametrize(
    "heads",
    [1, *(pytest.param(heads, marks=pytest.mark.slow) for heads in (2, 8))],
)
def test_finitely_many_heads_follow_their_formula(heads):
    """And not that of infinitely many: the control is refuted at H = 1."""
    architecture = Architecture(2.0, 1.0, identity_vo=2.0)
    found, error = extrapolated(PAIRS, architecture, 24, heads, networks=800)
    truth, sampling = wide(PAIRS, architecture, heads)
    both = np.hypot(error, sampling)
    assert np.abs((found - truth) / both).max() < SIGMAS
    if heads == 1:
        limit, _ = wide(PAIRS, architecture, 10**9)
        assert np.abs((found - limit) / both).max() > 2 * SIGMAS


class _Mutant(TransformerNetwork):
    """A network with one mistake."""

    mistake = ""

    def __init__(self, shape, architecture, seed=0, dtype=torch.float64):
        super().__init__(shape, architecture, seed, dtype)
        with torch.no_grad():
            if self.mistake == "values too large":
                self.value *= math.sqrt(1.5)
            if self.mistake == "keys too small":
                self.key *= 0.2
            if self.mistake == "identity in the values instead":
                self.identity_vo += self.identity_kq
                self.identity_kq *= 0


@pytest.mark.parametrize(
    ("mistake", "a"),
    [
        ("values too large", 1.5),
        ("keys too small", 0.0),
        ("identity in the values instead", 1.5),
    ],
)
def test_a_mistaken_network_is_refuted(monkeypatch, mistake, a):
    monkeypatch.setattr("numerics.networks.TransformerNetwork", _Mutant)
    monkeypatch.setattr(_Mutant, "mistake", mistake)
    architecture = Architecture(2.0, 0.8, "last", identity_kq=a)
    off, _ = distance(PAIRS, architecture, 32, heads=4, networks=400)
    assert off > 2 * SIGMAS


def test_the_mean_over_queries_takes_all_pairs():
    """Without the products of different queries the kernel would be another one."""
    architecture = Architecture(1.0, 0.8, "mean")
    found, error = extrapolated(PAIRS, architecture, 32, heads=4, networks=400)
    diagonal_only = sum(
        string_gram(
            np.roll(PAIRS, shift, axis=1), Architecture(1.0, 0.8, "last"), points=2**12
        ).attention
        for shift in range(2)
    )
    assert np.abs((found - diagonal_only / 4) / error).max() > 2 * SIGMAS


@pytest.mark.parametrize("activation", [Cosine(), ReLU(), Erf(), GELU()], ids=str)
def test_hidden_units_against_the_dual_activation(activation):
    """K_trans of one network is the dual of its own ⟨z1, z1⟩, up to 1/√hidden."""
    shape = NetworkShape(3, 2, hidden=20_000)
    network = TransformerNetwork(shape, Architecture(activation=activation))
    tokens = torch.from_numpy(PAIRS)
    with torch.no_grad():
        z1, hidden = network.attention(tokens), network.hidden(tokens)
    c = (z1 @ z1.T).numpy()
    d = np.diagonal(c)
    products = (hidden[:, None] * hidden[None]).numpy()
    error = products.std(-1) / math.sqrt(shape.hidden)
    expected = activation.dual(d[:, None], d[None, :], c)
    assert (np.abs(products.mean(-1) - expected) < SIGMAS * error).all()
    assert (error < 0.02).all()


def test_equal_seeds_give_equal_bits():
    shape = NetworkShape(3, 2, width=8, head_width=4, heads=2, hidden=16)
    found = [
        empirical_kernel(PAIRS, Architecture(), shape, networks=3, seed=seed)
        for seed in (5, 5, 6)
    ]
    assert isinstance(found[0], EmpiricalKernel)
    assert (found[0].matrix == found[1].matrix).all()
    assert (found[0].attention_error == found[1].attention_error).all()
    assert (found[0].matrix != found[2].matrix).all()


def test_the_output_is_differentiable_in_every_parameter():
    """One number a string; a and b have one parameter for each head."""
    shape = NetworkShape(3, 2, width=8, head_width=4, heads=2, hidden=16)
    network = TransformerNetwork(
        shape, Architecture(identity_kq=0.5, identity_vo=0.5), dtype=torch.float32
    )
    output = network(torch.from_numpy(PAIRS))
    assert output.shape == (3,)
    assert output.dtype == torch.float32
    output.square().sum().backward()
    assert network.identity_kq.shape == network.identity_vo.shape == (2,)
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert float(parameter.grad.abs().max()) > 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NetworkShape(0, 2), r"^vocabulary is 0; expected"),
        (
            lambda: TransformerNetwork(NetworkShape(2, 2), Architecture(depth=2)),
            r"^depth is 2; expected 1",
        ),
        (
            lambda: TransformerNetwork(
                NetworkShape(2, 2), Architecture(activation=CustomActivation(np.tanh))
            ),
            r"^activation is .*; expected cos, relu, erf or gelu",
        ),
        (
            lambda: empirical_kernel(PAIRS, Architecture(), NetworkShape(3, 2), 1),
            r"^networks is 1; expected",
        ),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()
