"""Finite networks at random initialisation against the kernels of the wide limit.

Two facts make a sharp test of few networks. At β = 0 the attention is uniform, and
E⟨z1(X), z1(Y)⟩ is that of the limit at every width: an exact test, and what the same
networks give there may be subtracted, with most of the noise. And copies of the strings
in fresh tokens have the same kernel, over which one network averages.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from symbind_testing.oracles.brute_force_kernel import brute_force_kernel

from numerics import (
    GELU,
    Architecture,
    Cosine,
    CustomActivation,
    Erf,
    ReLU,
    string_gram,
)
from numerics.networks.transformer import (
    EmpiricalKernel,
    NetworkShape,
    TransformerNetwork,
    empirical_kernel,
    finite_heads,
)
from symbind_theory import InputError
from symbind_theory.separation.incidence import READOUTS

# u u, u v and w w; and u v u, w x v, y y v. Neither set is its own mirror image, which
# would leave a wrong row unseen.
PAIRS = np.array([[0, 0], [0, 1], [2, 2]])
TRIPLES = np.array([[0, 1, 0], [2, 3, 1], [4, 4, 1]])
COPIES = 8
# False alarms: 18 distances (six entries at β = 0 for two widths, and for β) of less
# than 5 standard errors: 1e-5 a test by the normal law, of which means of 100 networks
# or more are close.
SIGMAS = 5.0


def transcribed(network, tokens, mistake=""):
    """z1 with every matrix written out, one head after another, or with a mistake."""
    architecture, heads, keys = network.architecture, network.shape.heads, network.key
    if architecture.readout == "cls":
        cls = torch.full_like(tokens[:, :1], network.shape.vocabulary)
        tokens = torch.cat([tokens, cls], dim=1)
    z = network.embedding[tokens] + architecture.gamma * network.positions
    identity = torch.eye(z.shape[-1], dtype=z.dtype)
    rows = torch.zeros_like(z)
    for h in range(heads):
        kq = keys[h] @ network.query[h].T
        vo = network.value[h] @ network.output[h]
        a = network.identity_kq[h] * identity
        b = network.identity_vo[h] / math.sqrt(heads) * identity
        if mistake == "keys halved":
            kq = kq / 2
        if mistake == "values too large":
            vo = vo * math.sqrt(1.5)
        if mistake == "identities exchanged":
            a, b = b * math.sqrt(heads), a / math.sqrt(heads)
        if mistake == "b not shared out":
            b = b * math.sqrt(heads)
        logits = z @ (kq + a) @ z.mT
        if mistake == "a in the rows of others":
            logits = z @ kq @ z.mT + (z @ a @ z.mT).flip(1)
        over = 1 if mistake == "softmax over queries" else 2
        attention = torch.softmax(architecture.beta * logits, dim=over)
        rows = rows + attention @ z @ (vo + b) / math.sqrt(heads)
    if mistake == "another row read":
        return rows[:, 0]
    if mistake == "no products of two queries":
        return rows.flatten(1) / rows.shape[1]
    return rows.mean(1) if architecture.readout == "mean" else rows[:, -1]


def drawn_grams(network, tokens, architecture, width, heads, networks, seed):
    """⟨z1, z1⟩ of independent networks at β and at β = 0; shape (2, networks, n, n)."""
    n, length = tokens.shape
    count = int(tokens.max()) + 1
    fresh = [tokens + count * copy for copy in range(COPIES)]
    copies = torch.from_numpy(np.concatenate(fresh))
    settings = architecture, replace(architecture, beta=0.0)
    shape = NetworkShape(count * COPIES, length, width, width, heads, hidden=1)
    generator = torch.Generator().manual_seed(seed)
    found = torch.empty(2, networks, n, n, dtype=torch.float64)
    with torch.no_grad():
        for index in range(networks):
            one = network(shape, architecture, generator)
            for at, one.architecture in enumerate(settings):
                z1 = one.attention(copies).reshape(COPIES, n, -1)
                found[at, index] = torch.einsum("cid,cjd->ij", z1, z1) / COPIES
    return found.numpy()


class Distance:
    """How far networks are from the limit.

    Attributes:
        uniform: largest distance at β = 0, which is exact, in standard errors.
        value: of the kernel, 2 K(2w) − K(w), where what is of order 1/w cancels.
        error: its standard error.
    """

    def __init__(
        self,
        tokens,
        architecture,
        networks,
        heads=4,
        width=16,
        network=TransformerNetwork,
    ):
        flat = replace(architecture, beta=0.0)
        uniform, _ = brute_force_kernel(tokens, flat, 64, heads=heads)
        means, errors, distances = [], [], []
        for w in (width, 2 * width):
            found = drawn_grams(
                network, tokens, architecture, w, heads, networks, seed=w
            )
            for part in (found[1] - uniform, found[0] - found[1]):
                means.append(part.mean(0))
                errors.append(part.std(0) / math.sqrt(networks))
            distances.append(np.abs(means[-2] / errors[-2]).max())
        self.uniform = max(distances)
        self.value = uniform + 2 * means[3] - means[1]
        self.error = np.hypot(2 * errors[3], errors[1])

    def to(self, kernel, error):
        """The largest distance from a kernel, in standard errors of both."""
        return float((np.abs(self.value - kernel) / np.hypot(self.error, error)).max())


@pytest.mark.parametrize("readout", READOUTS)
def test_attention_is_the_formula_written_out(readout):
    """Also with another a and b in each head."""
    architecture = Architecture(1.3, 0.7, readout)
    network = TransformerNetwork(NetworkShape(5, 3, 9, 4, heads=3), architecture)
    tokens = torch.from_numpy(TRIPLES)
    with torch.no_grad():
        network.identity_kq.copy_(torch.tensor([0.5, -1.0, 2.0]))
        network.identity_vo.copy_(torch.tensor([1.5, 0.3, -0.8]))
        found, expected = network.attention(tokens), transcribed(network, tokens)
        weights = network.hidden_weights.T
        output = torch.cos(expected @ weights + 0.3) @ network.readout_weights
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(network(tokens), output, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(("a", "b"), [(0.0, 0.0), (1.5, 0.8)])
def test_few_networks_agree_with_the_wide_limit(readout, a, b):
    """The limit by brute force; standard errors of 3 to 12 percent of an entry."""
    architecture = Architecture(1.0, 0.8, readout, identity_kq=a, identity_vo=b)
    distance = Distance(PAIRS, architecture, networks=100)
    truth, error = brute_force_kernel(PAIRS, architecture, 2**13, heads=4)
    assert distance.uniform < SIGMAS
    assert distance.to(truth, error) < SIGMAS
    assert (distance.error < 0.15 * truth).all()


@pytest.mark.slow
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("a", [0.0, 1.5])
@pytest.mark.parametrize("b", [0.0, 0.8])
def test_networks_agree_with_string_gram(readout, a, b):
    """The estimator's interval at 1 − 1e-6 and 5 standard errors of 1 to 5 percent.

    Extrapolation leaves what is of order 1/w²; 6000 networks did not tell it from 0.
    """
    architecture = Architecture(1.0, 0.8, readout, identity_kq=a, identity_vo=b)
    distance = Distance(TRIPLES, architecture, networks=800)
    plain, one = (
        string_gram(
            TRIPLES, replace(architecture, identity_vo=v), 2**16, level=1 - 1e-6
        )
        for v in (0.0, 1.0)
    )
    means = one.attention - plain.attention
    truth = finite_heads(plain.attention, means, b, heads=4)
    width = (1 + b**2 / 4) * plain.halfwidth["attention"]
    assert distance.uniform < SIGMAS
    assert (np.abs(distance.value - truth) < SIGMAS * distance.error + width).all()
    assert (distance.error < 0.06 * truth).all()


@pytest.mark.parametrize("heads", [1, 2, 8])
def test_finitely_many_heads_follow_their_formula(heads):
    """And refute that of another number, infinitely many among them."""
    architecture = Architecture(2.0, 1.0, "last", identity_vo=2.0)
    distance = Distance(PAIRS, architecture, networks=250, heads=heads)
    found = {
        h: distance.to(*brute_force_kernel(PAIRS, architecture, 2**13, heads=h))
        for h in (1, 2, 8, math.inf)
    }
    assert distance.uniform < SIGMAS
    assert found.pop(heads) < SIGMAS
    assert min(found.values()) > SIGMAS


def test_one_head_and_very_many():
    """One head takes b with its own attention; many take it with the mean one."""
    attention, means = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[1.5, 0.5]] * 2)
    one, many = (finite_heads(attention, means, 2.0, heads) for heads in (1, 10**15))
    np.testing.assert_allclose(one, 5 * attention, rtol=1e-14)
    np.testing.assert_allclose(many, attention + 4 * means, rtol=1e-14)


@pytest.mark.parametrize(
    ("mistake", "readout"),
    [
        ("values too large", "cls"),
        ("b not shared out", "cls"),
        ("identities exchanged", "last"),
        ("a in the rows of others", "last"),
        ("another row read", "last"),
        ("keys halved", "mean"),
        ("softmax over queries", "mean"),
        ("no products of two queries", "mean"),
    ],
)
def test_a_mistaken_network_is_refuted(mistake, readout):
    class Mistaken(TransformerNetwork):
        def attention(self, tokens):
            return transcribed(self, tokens, mistake)

    architecture = Architecture(2.0, 0.8, readout, identity_kq=1.5, identity_vo=0.8)
    distance = Distance(TRIPLES, architecture, networks=100, network=Mistaken)
    truth, error = brute_force_kernel(TRIPLES, architecture, 2**13, heads=4)
    assert max(distance.uniform, distance.to(truth, error)) > 2 * SIGMAS


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


@pytest.mark.parametrize("activation", [Cosine(), ReLU()], ids=str)
def test_hidden_units_tend_to_the_kernel(activation):
    """K_trans as d, d_head and H grow together, and not with W_A of half the variance.

    Six entries within 5 standard errors and the estimator's interval at 1 − 1e-6.
    """
    architecture = Architecture(1.0, 0.8, activation=activation)
    narrow, wide = (
        empirical_kernel(
            PAIRS, architecture, NetworkShape(3, 2, w, w, w // 2, 128), 300, seed=w
        )
        for w in (16, 32)
    )
    found = 2 * wide.matrix - narrow.matrix
    gram = string_gram(PAIRS, architecture, 2**15, level=1 - 1e-6)
    room = SIGMAS * np.hypot(2 * wide.matrix_error, narrow.matrix_error)
    room += gram.halfwidth["matrix"]
    assert (np.abs(found - gram.matrix) < room).all()
    c = gram.attention / 2
    half = activation.dual(c.diagonal()[:, None], c.diagonal()[None, :], c)
    assert (np.abs(found - half) > room).any()


def test_the_empirical_kernel_averages_the_networks_of_one_stream(monkeypatch):
    """Also a few strings at a time, up to the order of sums within a product."""
    shape = NetworkShape(3, 2, width=8, head_width=4, heads=2, hidden=16)
    generator = torch.Generator().manual_seed(5)
    tokens = torch.from_numpy(PAIRS)
    with torch.no_grad():
        networks = [
            TransformerNetwork(shape, Architecture(), generator) for _ in range(3)
        ]
        z1 = np.stack([network.attention(tokens).numpy() for network in networks])
        hidden = np.stack([network.hidden(tokens).numpy() for network in networks])
    products = z1 @ z1.transpose(0, 2, 1), hidden @ hidden.transpose(0, 2, 1) / 16
    for numbers in (2**23, 1):
        monkeypatch.setattr(
            "numerics.networks.transformer.chunk_numbers", lambda _, n=numbers: n
        )
        found = empirical_kernel(PAIRS, Architecture(), shape, networks=3, seed=5)
        given = (
            (found.attention, found.attention_error),
            (
                found.matrix,
                found.matrix_error,
            ),
        )
        for (mean, error), values in zip(given, products, strict=True):
            np.testing.assert_allclose(mean, values.mean(0), rtol=1e-12)
            expected = values.std(0, ddof=1) / math.sqrt(3)
            np.testing.assert_allclose(error, expected, rtol=1e-10)


def test_equal_seeds_give_equal_bits():
    """And torch's global stream stays where it was."""
    shape = NetworkShape(3, 2, width=8, head_width=4, heads=2, hidden=16)
    before = torch.get_rng_state()
    found = [
        empirical_kernel(PAIRS, Architecture(), shape, networks=3, seed=seed)
        for seed in (5, 5, 6)
    ]
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(found[0], EmpiricalKernel)
    assert (found[0].matrix == found[1].matrix).all()
    assert (found[0].attention_error == found[1].attention_error).all()
    assert (found[0].matrix != found[2].matrix).all()


def test_the_variance_of_every_parameter():
    """Mean squares within 5 standard errors √(2/n): false alarms 6e-7 for each."""
    shape = NetworkShape(50, 40, width=25, head_width=16, heads=4, hidden=2000)
    network = TransformerNetwork(shape, Architecture(readout="last"))
    variances = {
        "embedding": 1 / 25,
        "positions": 1 / 25,
        "key": 1 / 4,
        "query": 1 / 4,
        "value": 1 / 16,
        "output": 1 / 25,
        "hidden_weights": 1.0,
        "readout_weights": 1 / 2000,
    }
    for name, variance in variances.items():
        weights = network.get_parameter(name).detach()
        ratio = float(weights.square().mean()) / variance
        assert abs(ratio - 1) < SIGMAS * math.sqrt(2 / weights.numel()), name


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


def test_gradients_are_those_of_differences():
    """In every parameter, of a network with a and b."""
    shape = NetworkShape(3, 2, width=3, head_width=2, heads=2, hidden=3)
    network = TransformerNetwork(shape, Architecture(identity_kq=0.5, identity_vo=0.5))
    names = [name for name, _ in network.named_parameters()]

    def outputs(*values):
        given = dict(zip(names, values, strict=True))
        return torch.func.functional_call(network, given, (torch.from_numpy(PAIRS),))

    assert torch.autograd.gradcheck(outputs, tuple(network.parameters()))


def one_network(tokens):
    """z1 of a network of three tokens, in which `[CLS]` has the number 3."""
    network = TransformerNetwork(NetworkShape(3, 2, 4, 4, 1, 4), Architecture())
    return network.attention(torch.tensor(tokens))


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
            lambda: TransformerNetwork(NetworkShape(2, 2), Architecture(), seed=-1),
            r"^seed is -1; expected",
        ),
        (lambda: one_network([[0], [1]]), r"^tokens have length 1; expected 2"),
        (
            lambda: one_network([[0, 3]]),
            r"^tokens contain 3; expected numbers from 0 to 2",
        ),
        (lambda: one_network([[-1, 0]]), r"^tokens contain -1; expected numbers"),
        (
            lambda: empirical_kernel(PAIRS, Architecture(), NetworkShape(3, 2), 1),
            r"^networks is 1; expected",
        ),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()
