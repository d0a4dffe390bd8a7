"""Deep transformers of finite width at random initialisation: an independent oracle.

Every parameter is a standard normal, and the scales stand in the formulas; entries of
the stream h are of order 1, and ⟨h, h'⟩/d is what tends to a kernel.

    start        h_q = E[x_q] + γ P[q]
    attention    M_h[q, p] = ⟨K_h u_q, Q_h u_p⟩ / (d √d_head) + a ⟨u_q, u_p⟩ / d
                 h ← s h + (1/√H) Σ_h softmax(β M_h) (u V_h O_h / √(d d_head) + b/√H u)
    MLP          h ← s h + B φ(A u / √d) / √m
    output       f = ⟨w, h⟩ / √d, h at the position that is read or averaged over all

u is h, under "pre" divided by the root of its mean square; under "post" h itself is so
divided after each sublayer. As in the theory a and b are not trained; all else is, and
the sum of squares of derivatives of f tends to the tangent kernel.
"""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from numerics import GELU, Cosine, Erf, ReLU
from symbind_theory.templates import CLS

_NUMBERS_AT_A_TIME = 2**21


@dataclass(frozen=True)
class Widths:
    """Sizes of a network: d, d_head, H and m."""

    width: int
    head_width: int
    heads: int
    hidden: int

    def times(self, factor):
        """All of them multiplied."""
        return Widths(
            width=factor * self.width,
            head_width=factor * self.head_width,
            heads=factor * self.heads,
            hidden=factor * self.hidden,
        )


@dataclass(frozen=True)
class Empirical:
    """Kernels of n strings in each of some networks; arrays (networks, n, n).

    Attributes:
        matrix: ⟨h, h'⟩/d of what is read.
        tangents: ⟨∇f, ∇f'⟩ over the parameters of one name, by name; empty where it was
            not asked for.
    """

    matrix: np.ndarray
    tangents: dict[str, np.ndarray]

    @property
    def tangent(self):
        """⟨∇f, ∇f'⟩ over all parameters."""
        return sum(self.tangents.values())


def mean_and_error(draws):
    """The mean over networks and its standard error."""
    return draws.mean(0), draws.std(0, ddof=1) / math.sqrt(len(draws))


def empirical(strings, architecture, widths, networks, seed=0, *, tangent=False):
    """The kernels of strings in independent networks.

    Args:
        strings: n texts of tokens, of one length; `[CLS]` is appended where it is
            read.
        architecture: of any depth.
        widths: of every network.
        networks: how many.
        seed: of the draws.
        tangent: whether to compute tangent kernels too.
    """
    end = [CLS] if architecture.readout == "cls" else []
    rows = [[*s.split(), *end] for s in strings]
    names = list(dict.fromkeys(x for s in rows for x in s))
    tokens = torch.tensor([[names.index(x) for x in s] for s in rows])
    generator = torch.Generator().manual_seed(seed)
    shapes = _shapes(architecture.depth, widths, len(names), tokens.shape[1])
    chunk = _chunk(shapes, len(tokens))
    found = []
    for start in range(0, networks, chunk):
        count = min(chunk, networks - start)
        draws = {
            name: torch.randn((count, *shape), generator=generator, dtype=torch.float64)
            for name, shape in shapes.items()
        }
        kernels = partial(_kernels, tokens, architecture, tangent)
        found.append(torch.func.vmap(kernels)(draws))
    joined = {
        name: np.concatenate([part[name].numpy() for part in found])
        for name in found[0]
    }
    return Empirical(joined.pop("matrix"), joined)


def _shapes(depth, widths, vocabulary, length):
    """Of the parameters by name; those of a block with its number."""
    d, inner, heads = widths.width, widths.head_width, widths.heads
    in_block = {
        "key": (heads, d, inner),
        "query": (heads, d, inner),
        "value": (heads, d, inner),
        "output": (heads, inner, d),
        "up": (d, widths.hidden),
        "down": (widths.hidden, d),
    }
    return {
        "embedding": (vocabulary, d),
        "positions": (length, d),
        **{(name, i): shape for i in range(depth) for name, shape in in_block.items()},
        "readout": (d,),
    }


def _chunk(shapes, strings):
    """How many networks at a time: their slopes fit into a few megabytes."""
    parameters = sum(math.prod(shape) for shape in shapes.values())
    return max(1, _NUMBERS_AT_A_TIME // (parameters * strings))


def _kernels(tokens, architecture, tangent, parameters):
    """⟨h, h'⟩/d as "matrix", and the tangent kernel by parameter, of one network."""

    def read(p, string):
        h = _stream(p, string, architecture)
        return h.mean(0) if architecture.readout == "mean" else h[-1]

    def output(p, string):
        return read(p, string) @ p["readout"] / math.sqrt(len(p["readout"]))

    h = torch.func.vmap(read, (None, 0))(parameters, tokens)
    found = {"matrix": h @ h.T / h.shape[1]}
    if tangent:
        slopes = torch.func.vmap(torch.func.grad(output), (None, 0))(parameters, tokens)
        for key, g in slopes.items():
            name = key if isinstance(key, str) else key[0]
            flat = g.reshape(len(tokens), -1)
            found[name] = found.get(name, 0.0) + flat @ flat.T
    return found


def _stream(parameters, string, architecture):
    """h after the last block, normalised where it is so read; (positions, d)."""
    normalisation = architecture.normalisation
    pre = _normalised if normalisation == "pre" else _unchanged
    post = _normalised if normalisation == "post" else _unchanged
    h = parameters["embedding"][string] + architecture.gamma * parameters["positions"]
    for i, block in enumerate(architecture.record().every_block):
        own = {key[0]: draws for key, draws in parameters.items() if key[1:] == (i,)}
        added = _attention(own, pre(h), block, causal=architecture.causal)
        h = post(block.residual * h + added)
        added = _mlp(own, pre(h), architecture.activation)
        h = post(block.residual * h + added)
    return _normalised(h) if architecture.final_normalisation else h


def _unchanged(h):
    return h


def _normalised(h):
    return h / (h**2).mean(-1, keepdim=True).sqrt()


def _attention(own, u, block, causal):
    """(1/√H) Σ_h softmax(β M_h) (u V_h O_h / √(d d_head) + b/√H u)."""
    heads, d, inner = own["key"].shape
    keys, queries = u @ own["key"], u @ own["query"]
    logits = keys @ queries.transpose(1, 2) / (d * math.sqrt(inner))
    logits = block.beta * (logits + block.identity_kq * (u @ u.T) / d)
    if causal:
        later = torch.ones(len(u), len(u), dtype=torch.bool).triu(1)
        logits = logits.masked_fill(later, -math.inf)
    weights = logits.softmax(-1)
    values = u @ own["value"] @ own["output"] / math.sqrt(d * inner)
    values = values + block.identity_vo / math.sqrt(heads) * u
    return (weights @ values).sum(0) / math.sqrt(heads)


def _mlp(own, u, activation):
    """B φ(A u / √d) / √m."""
    d, hidden = own["up"].shape
    phi = _function(activation)
    return phi(u @ own["up"] / math.sqrt(d)) @ own["down"] / math.sqrt(hidden)


def _function(activation):
    """φ on tensors; an activation of a test's own has a method `on_tensors`."""
    if isinstance(activation, Cosine):
        return lambda t: torch.cos(activation.b1 * t + activation.b2)
    for kind, phi in (
        (ReLU, torch.relu),
        (Erf, torch.erf),
        (GELU, torch.nn.functional.gelu),
    ):
        if isinstance(activation, kind):
            return phi
    return activation.on_tensors
