"""Deep transformers: their forward pass written out, and the kernels they tend to."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from symbind_testing.builders.deep_architectures import DEEP
from symbind_testing.builders.generators import generator
from symbind_testing.refusals import refusal
from symbind_testing.tasks import AA_AB
from torch.nn import functional

from numerics import Cosine, CustomActivation, tangent_gram, template_gram
from numerics.architecture import Block
from numerics.networks.blocks import BlockShape
from numerics.networks.deep_transformer import (
    PAPER,
    DeepTransformer,
    Initialisation,
)
from numerics.networks.embedding_network import Output
from numerics.networks.torch_activations import torch_function
from numerics.networks.trained_parts import empirical_tangent_kernel
from numerics.positions import ALiBi
from numerics.tokens import TokenGram

TOKENS = torch.tensor([[0, 0, 1], [2, 3, 1], [4, 1, 4]])
SHAPE = BlockShape(width=6, heads=2, head_width=3, hidden=9)

ARCHITECTURES = {
    "paper": replace(PAPER, beta=1.3, gamma=0.7),
    "pre": replace(DEEP["pre"], depth=2),
    "post": DEEP["post"],
    "causal": DEEP["causal"],
    "none": replace(DEEP["plain"], activation=Cosine(), gamma=0.4),
    "pre, last": replace(PAPER, readout="last", final_normalisation=False),
    "post, mean": replace(DEEP["post"], final_normalisation=True, residual=0.0),
    "pre, mean": replace(PAPER, readout="mean", causal=True),
    "blocks": replace(
        PAPER, blocks=(Block(beta=0.0), Block(residual=0.3, identity_kq=0.4))
    ),
}


def network(
    architecture=PAPER, output: Output = "number", shape=SHAPE, **start: Any
) -> DeepTransformer:
    start = {"gain": 1.0, "dtype": torch.float64, **start}
    return DeepTransformer(5, 3, architecture, shape, Initialisation(**start), output)


def shaken(one, seed=3):
    """With scales, shifts and biases that are not those of the start."""
    stream = generator(seed)
    with torch.no_grad():
        for parameter in one.parameters():
            if parameter.ndim == 1:
                parameter += 0.3 * torch.randn(
                    parameter.shape, generator=stream, dtype=torch.float64
                )
    return one


def written_out(one, tokens):
    """h by the docstring, for all rows of every block, from the parameters by name.

    In the theory's form each matrix is over the root of its fan-in, and the heads' mean
    shares of b and a add up as the docstring of the blocks says.
    """
    a, shape = one.architecture, one.shape
    theory = one.blocks[0].mlp.inner_bias is None
    p = dict(one.named_parameters()) | dict(one.named_buffers())
    d, e, heads = shape.width, shape.head_width, shape.heads

    def linear(x, name):
        matrix = p[name]
        return x @ matrix.T / (math.sqrt(matrix.shape[1]) if theory else 1.0)

    def norm(x, name):
        if theory:
            return x / x.square().mean(-1, keepdim=True).sqrt()
        x = functional.layer_norm(x, (d,))
        scale, shift = p.get(f"{name}.scale"), p.get(f"{name}.shift")
        return x if scale is None else x * scale + shift

    def attended(x, block, numbers):
        added = torch.zeros_like(x)
        zeros = torch.zeros(heads, dtype=x.dtype)
        kq, vo = (p.get(f"{block}.identity_{s}", zeros) for s in ("kq", "vo"))
        q, k, v = (linear(x, f"{block}.{s}") for s in ("query", "key", "value"))
        heads_attended = []
        for h in range(heads):
            s = slice(h * e, (h + 1) * e)
            M = q[:, s] @ k[:, s].T / math.sqrt(e)
            M = M + kq[h] * (x @ x.T) / (d if theory else 1)
            if a.causal:
                M = M - 1e30 * torch.ones_like(M).triu(1)
            A = torch.softmax(numbers.beta * M, dim=1)
            heads_attended.append(A @ v[:, s])
            added = added + vo[h] / (heads if theory else 1) * A @ x
        return added + linear(torch.cat(heads_attended, dim=1), f"{block}.output")

    def units(x, block):
        inner, outer = (p.get(f"{block}.{s}_bias", 0.0) for s in ("inner", "outer"))
        hidden = torch_function(a.activation)(linear(x, f"{block}.inner") + inner)
        return linear(hidden, f"{block}.outer") + outer

    rows = []
    for string in tokens.tolist():
        string = [*string, one.vocabulary] if a.readout == "cls" else string
        x = p["embedding"][string] + a.gamma * p["positions"]
        for index, numbers in enumerate(a.every_block):
            name = f"blocks.{index}"
            for number, sublayer in enumerate(
                (
                    lambda u, n=name, b=numbers: attended(u, f"{n}.attention", b),
                    lambda u, n=name: units(u, f"{n}.mlp"),
                )
            ):
                place = f"{name}.norms.{number}"
                seen = norm(x, place) if a.normalisation == "pre" else x
                x = numbers.residual * x + sublayer(seen)
                x = norm(x, place) if a.normalisation == "post" else x
        x = norm(x, "final") if a.final_normalisation else x
        rows.append(x.mean(0) if a.readout == "mean" else x[-1])
    return torch.stack(rows)


@pytest.mark.parametrize("form", ["theory", "paper"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_forward_pass_is_written_out(name, form):
    """Every readout, normalisation and switch; all rows of each block there."""
    one = shaken(network(ARCHITECTURES[name], form=form))
    with torch.no_grad():
        h = written_out(one, TOKENS)
        torch.testing.assert_close(one.encode(TOKENS), h, rtol=1e-11, atol=1e-12)
        scale = math.sqrt(6) if form == "theory" else 1.0
        outputs = h @ one.readout / scale
        torch.testing.assert_close(one(TOKENS), outputs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("form", ["theory", "paper"])
def test_trained_scalars_enter_where_fixed_ones_do(form):
    architecture = replace(PAPER, identity_kq=0.2, identity_vo=0.3)
    trained = network(architecture, form=form, trained_identity=("kq", "vo"))
    torch.testing.assert_close(
        trained(TOKENS), network(architecture, form=form)(TOKENS)
    )
    with torch.no_grad():
        h = written_out(shaken(trained), TOKENS)
    torch.testing.assert_close(trained.encode(TOKENS).detach(), h)


@pytest.mark.parametrize("form", ["theory", "paper"])
def test_parameters_are_those_of_the_form(form):
    """Scales, shifts and biases in the paper's; none after the last block."""
    one = network(form=form)
    names = {name.rpartition(".")[2] for name, _ in one.named_parameters()}
    matrices = {"query", "key", "value", "output", "inner", "outer"}
    plain = {"embedding", "positions", "readout", *matrices}
    more = {"scale", "shift", "inner_bias", "outer_bias"}
    assert names == (plain | more if form == "paper" else plain)
    assert not any(name.startswith("final") for name, _ in one.named_parameters())


def test_logits_are_for_tokens():
    """`[CLS]` is none of them."""
    one = network(output="token")
    logits = one.encode(TOKENS) @ one.embedding[:5].T / math.sqrt(6)
    assert one(TOKENS).shape == (3, 5)
    torch.testing.assert_close(one(TOKENS), logits)


@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
def test_of_the_last_block_only_what_is_read_is_computed(readout):
    one = network(replace(PAPER, readout=readout))
    shapes = []
    for block in one.blocks:
        block.register_forward_hook(lambda *given: shapes.append(given[2].shape[1]))
    one(TOKENS)
    length = 4 if readout == "cls" else 3
    assert shapes == [length, length if readout == "mean" else 1]


def test_strings_do_not_see_each_other():
    one = network()
    apart = torch.cat([one(TOKENS[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(one(TOKENS), apart, rtol=0, atol=1e-13)


@pytest.mark.parametrize("mimetic", [False, True])
def test_equal_seeds_equal_bits_and_torch_keeps_its_stream(mimetic):
    before = torch.get_rng_state()
    one, same, other = (network(seed=s, mimetic=mimetic) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    for name, parameter in one.named_parameters():
        assert torch.equal(parameter, same.get_parameter(name))
        drawn = parameter.ndim > 1 or name == "readout"
        assert torch.equal(parameter, other.get_parameter(name)) != drawn
    # No two parameters share their draws.
    first = [p.flatten()[0].item() for p in one.parameters() if p.ndim > 1]
    assert len(set(first)) == len(first)


@pytest.mark.parametrize("start", [{}, {"mimetic": True}, {"form": "theory"}], ids=str)
def test_precisions_share_their_draws(start):
    double = network(**start)
    single = network(dtype=torch.float32, **start)
    for one, other in zip(double.parameters(), single.parameters(), strict=True):
        assert torch.equal(one.to(torch.float32), other)
    assert single(TOKENS).dtype == torch.float32
    torch.testing.assert_close(
        single(TOKENS), double(TOKENS).float(), rtol=1e-4, atol=1e-4
    )


def test_the_gain_scales_blocks_and_readout_alone():
    """The same draws times the gain; entries of the stream's start are N(0, 1)."""
    one, small = network(), network(gain=0.2)
    for name, parameter in one.named_parameters():
        fixed = name in ("embedding", "positions") or parameter.ndim == 1
        scale = 1.0 if fixed and name != "readout" else 0.2
        other = small.get_parameter(name)
        torch.testing.assert_close(scale * parameter, other, rtol=1e-14, atol=0)
    for name in ("embedding", "positions"):
        wide = network(shape=replace(SHAPE, width=2000)).get_parameter(name)
        # Five standard errors √(2/n).
        off = float(wide.detach().square().mean()) - 1
        assert abs(off) < 5 * math.sqrt(2 / wide.numel())


def test_mimetic_changes_keys_and_queries_alone():
    plain, mimetic = network(), network(mimetic=True)
    changed = {
        name.rpartition(".")[2]
        for name, parameter in plain.named_parameters()
        if not torch.equal(parameter, mimetic.get_parameter(name))
    }
    assert changed == {"query", "key"}
    heads = [
        p.detach().flatten()[: 3 * 6]
        for block in mimetic.attentions
        for p in (block.query, block.key)
    ]
    assert not torch.equal(heads[0], heads[2])


UNKNOWN: Any = "both"

REFUSED = {
    "relative is ALiBi": lambda: network(replace(PAPER, relative=ALiBi())),
    "tokens is ": lambda: network(
        replace(PAPER, tokens=TokenGram.equicorrelated(["X"], 0.5))
    ),
    "activation is ": lambda: network(
        replace(PAPER, activation=CustomActivation(np.tanh))
    ),
    "mimetic is True in the theory's form": lambda: network(
        mimetic=True, form="theory"
    ),
    "form is 'other'": lambda: network(form="other"),
    "gain is 0": lambda: network(gain=0.0),
    "seed is -1": lambda: network(seed=-1),
    "trained_identity is 'kv'": lambda: network(trained_identity=("kv",)),
    "output is 'both'": lambda: network(output=UNKNOWN),
    "tokens have length 2": lambda: network()(TOKENS[:, :2]),
    "tokens contain 5": lambda: network()(TOKENS + 1),
}


@pytest.mark.parametrize("start", REFUSED)
def test_what_is_refused_is_named_in_one_line(start):
    assert refusal(REFUSED[start]).startswith(start)


# The limit of wide networks, depth 2, s = 1, pre-norm, GELU; β = 2, as softmax then
# does more. Normalised at the end where networks then differ less.
LIMIT = replace(PAPER, beta=2.0)
STREAM = replace(LIMIT, final_normalisation=False)
COPIES = 6
NARROW = BlockShape(width=32, heads=8, head_width=16, hidden=64)
WIDE = BlockShape(width=64, heads=16, head_width=32, hidden=128)
# Five entries of a kernel, three kernels: 1e-5 in all by the normal law.
AGREES = 5.0


@dataclass(frozen=True)
class Measured:
    """N or Θ of aa, ab: entries (aa, aa), (aa, ab), (ab, ab) across strings, then
    within, of each width; with standard errors.

    Twice the wide networks' average less the narrow ones' lacks what is of order
    1/width. It is off by the order after that, for which the square of what the narrow
    ones are off is allowed, as a part of the largest entry, and 1 % with it: half of
    that is more than the limit's own halfwidth.
    """

    narrow: np.ndarray
    wide: np.ndarray

    def distance(self, gram):
        """By how many standard errors it is off the limit, beyond what is allowed."""
        across = np.triu_indices(2)
        truth = np.concatenate([gram.matrix[across], gram.matrix_self])
        size = np.abs(truth).max()
        for name in ("matrix", "matrix_self"):
            assert gram.halfwidth[name].max() < 0.005 * size
        (narrow, e), (wide, f) = (
            (d.mean(0), d.std(0, ddof=1) / math.sqrt(len(d)))
            for d in (self.narrow, self.wide)
        )
        first = np.abs(2 * (narrow - wide)).max() / size
        assert first < 0.2
        off = np.abs(2 * wide - narrow - truth) - (first**2 + 0.01) * size
        return float((off / (np.hypot(2 * f, e) + 1e-12 * size)).max())


def entries(kernel):
    """Of aa, ab, …, copies in fresh tokens of which are averaged over."""
    blocks = kernel.reshape(COPIES, 2, COPIES, 2)
    within = np.einsum("cici->i", blocks) / COPIES
    total = blocks.sum((0, 2)) - np.einsum("cicj->ij", blocks)
    across = total / (COPIES * (COPIES - 1))
    return np.concatenate([across[np.triu_indices(2)], within])


def measured(kernel, architecture, networks, **start: Any):
    """A kernel of that many narrow networks and half as many wide ones."""
    base = torch.tensor([[0, 0], [0, 1]])
    strings = torch.cat([base + 2 * copy for copy in range(COPIES)])
    draws = []
    for shape, count in ((NARROW, networks), (WIDE, networks // 2)):
        found = []
        for seed in range(count):
            begin = Initialisation(
                gain=1.0, seed=shape.width + 1000 * seed, dtype=torch.float64, **start
            )
            one = DeepTransformer(2 * COPIES, 2, architecture, shape, begin)
            found.append(entries(kernel(one, strings).detach().numpy()))
        draws.append(np.array(found))
    return Measured(*draws)


def products(one, strings):
    """⟨h, h'⟩/d."""
    with torch.no_grad():
        h = one.encode(strings)
    return h @ h.T / one.width


def gradient_products(one, strings):
    return empirical_tangent_kernel(one, strings, strings)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["theory", "paper"])
def test_products_of_the_stream_tend_to_the_kernel(form):
    """With g = 1 in the paper's form; and not to that of another β, γ or s."""
    found = measured(products, LIMIT, 900, form=form)
    gram = template_gram(AA_AB, LIMIT, 1e-2, max_points=2**13)
    assert found.distance(gram) < AGREES
    for wrong in ({"beta": 1.0}, {"gamma": 0.7}, {"residual": 0.9}):
        other = template_gram(AA_AB, replace(LIMIT, **wrong), 1e-2, max_points=2**13)
        assert found.distance(other) > AGREES


@pytest.mark.slow
def test_products_of_gradients_tend_to_the_tangent_kernel():
    """In the theory's form; and not to that of another β or s."""
    found = measured(gradient_products, STREAM, 160, form="theory")
    gram = tangent_gram(AA_AB, STREAM, 1e-2, max_points=2**13)
    assert found.distance(gram) < AGREES
    for wrong in ({"beta": 1.0}, {"residual": 0.9}):
        other = tangent_gram(AA_AB, replace(STREAM, **wrong), 1e-2, max_points=2**13)
        assert found.distance(other) > AGREES
