"""Finite one-layer attention networks, of which the kernels are the wide limit.

    Z0 = X W_E + γ P                               W_E, P: entries N(0, 1/d)
    M_h = Z0 (W_K,h W_Q,hᵀ + a_h I) Z0ᵀ            variance product 1/d_head
    z1 = mean over the queries of (1/√H) Σ_h softmax(β M_h) Z0 (W_V,h W_O,h + b_h/√H I)
    f = w_Uᵀ φ(W_A z1)                             no residual, no normalisation

At random initialisation E⟨z1(X), z1(Y)⟩ tends to K_attn(X, Y) as the widths d, d_head
grow, with an error of order 1/d + 1/d_head; for H heads that share b,

    (1 + b²/H) K_attn + b² (1 − 1/H) ⟨E Φ(X), E Φ(Y)⟩,

and K_b as H grows too. Hidden units tend to K_trans.

Source: arXiv 2310.09753 (architecture); the finite-H formula is symbind's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from numerics.architecture import Architecture, require_one_layer
from numerics.devices import chunk_numbers
from numerics.networks.embedding_network import check_tokens
from numerics.networks.torch_activations import torch_function
from numerics.shapes import Float, Float64, Int64
from symbind_theory.validation import positive_integer

__all__ = [
    "EmpiricalKernel",
    "NetworkShape",
    "TransformerNetwork",
    "empirical_kernel",
    "finite_heads",
]


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """The sizes of a network.

    Attributes:
        vocabulary: number of tokens, `[CLS]` not included.
        length: k, tokens in a string, `[CLS]` not included.
        width: d, of embeddings.
        head_width: d_head.
        heads: H.
        hidden: units after attention.

    Raises:
        InputError: a size below 1.
    """

    vocabulary: int
    length: int
    width: int = 64
    head_width: int = 64
    heads: int = 8
    hidden: int = 256

    def __post_init__(self) -> None:
        for name in self.__slots__:
            positive_integer(name, getattr(self, name))


class TransformerNetwork(torch.nn.Module):
    """One attention layer and a hidden layer, at random initialisation: `Trainable`.

    Args:
        shape: its sizes.
        architecture: β, γ, readout, φ, and a and b, with which each head starts.
        seed: equal seeds give equal bits; a generator of torch is drawn from as it is.
        dtype: in which precision the parameters are.

    Raises:
        InputError: an architecture of other depth, with residual or normalisation, or
            an activation that torch cannot differentiate.
    """

    def __init__(
        self,
        shape: NetworkShape,
        architecture: Architecture,
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        self.shape, self.architecture = shape, require_one_layer(architecture)
        self._function = torch_function(architecture.activation)
        generator = seed if isinstance(seed, torch.Generator) else _generator(seed)

        def normal(*sizes: int, variance: float) -> torch.nn.Parameter:
            draws = torch.randn(*sizes, generator=generator, dtype=dtype)
            return torch.nn.Parameter(math.sqrt(variance) * draws)

        cls = architecture.readout == "cls"
        d, inner, heads = shape.width, shape.head_width, shape.heads
        self.embedding = normal(shape.vocabulary + cls, d, variance=1 / d)
        self.positions = normal(shape.length + cls, d, variance=1 / d)
        self.key = normal(heads, d, inner, variance=inner**-0.5)
        self.query = normal(heads, d, inner, variance=inner**-0.5)
        self.value = normal(heads, d, inner, variance=1 / inner)
        self.output = normal(heads, inner, d, variance=1 / d)
        self.identity_kq = torch.nn.Parameter(
            torch.full((heads,), architecture.identity_kq, dtype=dtype)
        )
        self.identity_vo = torch.nn.Parameter(
            torch.full((heads,), architecture.identity_vo, dtype=dtype)
        )
        self.hidden_weights = normal(shape.hidden, d, variance=1.0)
        self.readout_weights = normal(shape.hidden, variance=1 / shape.hidden)

    def attention(
        self, tokens: Int64[torch.Tensor, "n length"]
    ) -> Float[torch.Tensor, "n width"]:
        """z1 at the readout.

        Args:
            tokens: strings of the shape's length, as numbers below its vocabulary's
                size; `[CLS]` is appended here.

        Raises:
            InputError: strings of another length, or a number out of range.
        """
        architecture, shape = self.architecture, self.shape
        check_tokens(tokens, shape.length, shape.vocabulary)
        if architecture.readout == "cls":
            cls = torch.full_like(tokens[:, :1], shape.vocabulary)
            tokens = torch.cat([tokens, cls], dim=1)
        z = self.embedding[tokens] + architecture.gamma * self.positions
        read = z if architecture.readout == "mean" else z[:, -1:]
        rows = torch.einsum("nqd,hde->nhqe", read, self.key)
        columns = torch.einsum("nid,hde->nhie", z, self.query)
        logits = rows @ columns.transpose(-1, -2)
        same = read @ z.transpose(-1, -2)
        logits = logits + self.identity_kq[:, None, None] * same[:, None]
        weights = torch.softmax(architecture.beta * logits, dim=-1).mean(2)
        attended = torch.einsum("nhi,nid->nhd", weights, z)
        values = torch.einsum("nhd,hde,hef->nf", attended, self.value, self.output)
        through = torch.einsum("nhd,h->nd", attended, self.identity_vo)
        return values / math.sqrt(shape.heads) + through / shape.heads

    def units(
        self, attention: Float[torch.Tensor, "n width"]
    ) -> Float[torch.Tensor, "n hidden"]:
        """φ(W_A z1) for given z1."""
        return self._function(attention @ self.hidden_weights.T)

    def hidden(
        self, tokens: Int64[torch.Tensor, "n length"]
    ) -> Float[torch.Tensor, "n hidden"]:
        """φ(W_A z1) of strings."""
        return self.units(self.attention(tokens))

    def forward(
        self, tokens: Int64[torch.Tensor, "n length"]
    ) -> Float[torch.Tensor, " n"]:
        """f, one number for each string."""
        return self.hidden(tokens) @ self.readout_weights

    @property
    def networks(self) -> int:
        """1: none are stacked."""
        return 1

    def batch_outputs(
        self, inputs: Int64[torch.Tensor, "n length"]
    ) -> Float[torch.Tensor, "1 n"]:
        """f with a record for gradients, as `Trainable` has it."""
        return self(inputs)[None]


def _generator(seed: int) -> torch.Generator:
    """A stream of its own: torch's global one stays as it is."""
    return torch.Generator().manual_seed(positive_integer("seed", seed, low=0))


@dataclass(frozen=True, slots=True)
class EmpiricalKernel:
    """Averages over independent networks.

    Attributes:
        attention: the average of ⟨z1(X), z1(Y)⟩; shape (n, n).
        attention_error: its standard error.
        matrix: the average of φ(W_A z1(X)) φ(W_A z1(Y)) over hidden units too; same
            shape.
        matrix_error: its standard error.
        networks: how many.
        seed: seeds the stream that they come from one after another.
    """

    attention: Float64[np.ndarray, "n n"]
    attention_error: Float64[np.ndarray, "n n"]
    matrix: Float64[np.ndarray, "n n"]
    matrix_error: Float64[np.ndarray, "n n"]
    networks: int
    seed: int


def empirical_kernel(
    tokens: Int64[np.ndarray, "n length"],
    architecture: Architecture,
    shape: NetworkShape,
    networks: int = 100,
    seed: int = 0,
) -> EmpiricalKernel:
    """The kernels of finite networks at random initialisation.

    Memory: one network, n numbers for each unit of it, a few matrices of n × n, and
    64 MiB. The first networks of a longer run are those of a shorter one.

    Args:
        tokens: n strings, as numbers below the shape's vocabulary.
        architecture: the network, of depth 1.
        shape: its sizes.
        networks: how many independent ones, ≥ 2.
        seed: equal seeds give equal bits.

    Raises:
        InputError: an argument out of range.
    """
    positive_integer("networks", networks, low=2)
    generator = _generator(seed)
    keys = shape.length + 1
    each = shape.heads * (keys * (2 * shape.head_width + keys) + shape.width)
    at_once = max(1, chunk_numbers(torch.device("cpu")) // each)
    parts = torch.from_numpy(tokens).split(at_once)
    attention, matrix = _Mean(), _Mean()
    with torch.no_grad():
        for _ in range(networks):
            network = TransformerNetwork(shape, architecture, generator)
            z1 = torch.cat([network.attention(part) for part in parts])
            hidden = network.units(z1)
            attention.add((z1 @ z1.T).numpy())
            matrix.add((hidden @ hidden.T).numpy() / shape.hidden)
    return EmpiricalKernel(
        attention=attention.value,
        attention_error=attention.error,
        matrix=matrix.value,
        matrix_error=matrix.error,
        networks=networks,
        seed=seed,
    )


class _Mean:
    """A running mean with its standard error (Welford 1962)."""

    def __init__(self) -> None:
        self._count, self.value, self._squares = 0, np.zeros(()), np.zeros(())

    def add(self, value: Float64[np.ndarray, "n n"]) -> None:
        """One more value."""
        self._count += 1
        before = value - self.value
        self.value = self.value + before / self._count
        self._squares = self._squares + before * (value - self.value)

    @property
    def error(self) -> Float64[np.ndarray, "n n"]:
        """The standard error of the mean."""
        return np.sqrt(self._squares / (self._count * (self._count - 1)))


def finite_heads(
    attention: Float64[np.ndarray, "n n"],
    means: Float64[np.ndarray, "n n"],
    identity_vo: float,
    heads: int,
) -> Float64[np.ndarray, "n n"]:
    """(1 + b²/H) K_attn + b² (1 − 1/H) ⟨E Φ, E Φ⟩: H heads that share b.

    Args:
        attention: K_attn without b.
        means: ⟨E Φ(X), E Φ(Y)⟩.
        identity_vo: b.
        heads: H.
    """
    square = identity_vo**2
    return (1 + square / heads) * attention + square * (1 - 1 / heads) * means
