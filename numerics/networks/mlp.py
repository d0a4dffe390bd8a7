"""Multi-layer perceptrons on one-hot strings, many initialisations at a time.

    h_1 = φ(Σ_p W[p, x_p] + c)     W[p, t]: what token t at position p adds; i.i.d.
    h_l = φ(h_{l−1} W_l + c_l)     f = h_L · w

The sum is the product of the flattened one-hot string with a matrix of k·m rows. Read
as a gather it adds the same k numbers in the same order whichever rows the tokens have,
so that a permutation of the tokens at each position, applied to W and to the string,
leaves every bit of f. As a product it adds k·m numbers, most of them zero, in an order
that the permutation changes.

Told which positions carry equal tokens, 1[x_p = x_q] for p < q, the first layer adds

    Σ_{p<q} V[p, q] 1[x_p = x_q]           V i.i.d. as W: what is above X Xᵀ's diagonal

to the sum. One permutation of the tokens for all positions leaves the equalities, and
every bit of f, as they are. Permutations that differ between positions change them.

Networks are stacked along a leading axis. Nothing mixes them, so that one run of an
elementwise optimiser trains them independently.

Source: arXiv 2310.09753, on the failure of MLPs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from numerics.shapes import Float, Int64
from symbind_theory.validation import InputError, one_of, positive_integer

__all__ = ["FIRST_LAYERS", "MLP", "TORCH_ACTIVATIONS", "MLPStack"]

TORCH_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "gelu": functional.gelu,
    "sigmoid": torch.sigmoid,
    "silu": functional.silu,
}
"""φ by name, as torch has it."""

FIRST_LAYERS = ("gather", "dense", "tied", "opposed", "relations")
"""How the first layer reads a string: the values of `MLP.first_layer`."""


@dataclass(frozen=True, slots=True)
class MLP:
    """A network on strings.

    Attributes:
        depth: hidden layers, ≥ 1.
        width: units in each.
        activation: φ, a name of `TORCH_ACTIVATIONS`.
        first_layer: "gather": independent weights for each position and token, added
            up; "dense": the same as a product with the one-hot string; "tied": one
            embedding of the tokens for all positions, then weights for each position;
            "opposed": as "gather", but the second position's weights start as minus
            the first's; "relations": as "gather", with inputs beside the tokens for
            which pairs of positions carry equal ones.

    Raises:
        InputError: a number out of range or an unknown name.
    """

    depth: int = 2
    width: int = 32
    activation: str = "relu"
    first_layer: str = "gather"

    def __post_init__(self) -> None:
        positive_integer("depth", self.depth)
        positive_integer("width", self.width)
        one_of("activation", self.activation, TORCH_ACTIVATIONS)
        one_of("first_layer", self.first_layer, FIRST_LAYERS)


class MLPStack(torch.nn.Module):
    """Networks of one kind with independent initialisations: `Trainable`.

    Weights start as N(0, 1/fan-in), biases as 0. Fan-in is how many inputs may be 1 in
    one string: k for the first layer, and k(k + 1)/2 with "relations", whose k tokens
    and k(k − 1)/2 pairs are inputs of one kind. What enters φ first then has variance 1
    in a string of one token repeated, and 2/(k + 1) in one of distinct tokens.

    Args:
        mlp: their kind.
        networks: how many.
        length: k, tokens in a string.
        vocabulary: m, number of tokens.
        generator: draws the initial weights, in float64 whatever the dtype.
        dtype: of the parameters.

    Raises:
        InputError: a size below 1, or strings of one token for "opposed" or
            "relations".
    """

    def __init__(
        self,
        mlp: MLP,
        networks: int,
        length: int,
        vocabulary: int,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        self.mlp = mlp
        self.networks = positive_integer("networks", networks)
        self.length = positive_integer("length", length)
        self.vocabulary = positive_integer("vocabulary", vocabulary)
        if mlp.first_layer in ("opposed", "relations") and length < 2:
            raise InputError(
                f"first_layer is {mlp.first_layer!r} for strings of 1 token; expected "
                "2 or more"
            )

        def normal(*sizes: int, fan_in: int) -> torch.nn.Parameter:
            shape = (networks, *sizes)
            draws = torch.randn(shape, generator=generator, dtype=torch.float64)
            return torch.nn.Parameter((draws / fan_in**0.5).to(dtype))

        def zeros() -> torch.nn.Parameter:
            shape = (networks, 1, mlp.width)
            return torch.nn.Parameter(torch.zeros(shape, dtype=dtype))

        width, deeper = mlp.width, range(mlp.depth - 1)
        tied, related = mlp.first_layer == "tied", mlp.first_layer == "relations"
        pairs = length * (length - 1) // 2 if related else 0
        read = length + pairs
        self.first = normal(1 if tied else length, vocabulary, width, fan_in=read)
        if mlp.first_layer == "opposed":
            with torch.no_grad():
                self.first[:, 1] = -self.first[:, 0]
        position_weights = [normal(length * width, width, fan_in=width)] if tied else []
        self.position_weights = torch.nn.ParameterList(position_weights)
        relations = [normal(pairs, width, fan_in=read)] if related else []
        self.relations = torch.nn.ParameterList(relations)
        self.weights = torch.nn.ParameterList(
            normal(width, width, fan_in=width) for _ in deeper
        )
        self.biases = torch.nn.ParameterList(zeros() for _ in range(mlp.depth))
        self.readout = normal(width, 1, fan_in=width)

    def forward(
        self, tokens: Int64[torch.Tensor, "n k"]
    ) -> Float[torch.Tensor, "networks n"]:
        """f of each network on each string.

        Args:
            tokens: numbers below the vocabulary's size.
        """
        activation = TORCH_ACTIVATIONS[self.mlp.activation]
        hidden = activation(self._first(tokens) + self.biases[0])
        for weights, bias in zip(self.weights, list(self.biases)[1:], strict=True):
            hidden = activation(hidden @ weights + bias)
        return (hidden @ self.readout).squeeze(-1)

    def batch_outputs(
        self, inputs: Int64[torch.Tensor, "n k"]
    ) -> Float[torch.Tensor, "networks n"]:
        """f with a record for gradients, as `Trainable` has it."""
        return self(inputs)

    @torch.no_grad()
    def outputs(
        self, tokens: Int64[torch.Tensor, "n k"]
    ) -> Float[torch.Tensor, "networks n"]:
        """f without a record for gradients.

        Args:
            tokens: strings as numbers of tokens.
        """
        return self(tokens)

    def _first(
        self, tokens: Int64[torch.Tensor, "n k"]
    ) -> Float[torch.Tensor, "networks n width"]:
        if self.mlp.first_layer == "dense":
            one_hot = functional.one_hot(tokens, self.vocabulary).flatten(1)
            return one_hot.to(self.first.dtype) @ self.first.flatten(1, 2)
        if self.mlp.first_layer == "tied":
            embedded = self.first[:, 0].index_select(1, tokens.flatten())
            strings = embedded.unflatten(1, tuple(tokens.shape)).flatten(2)
            return strings @ self.position_weights[0]
        added = zip(self.first.unbind(1), tokens.unbind(1), strict=True)
        gathered = sum(
            (weights.index_select(1, column) for weights, column in added),
            start=torch.zeros((), dtype=self.first.dtype),
        )
        if self.mlp.first_layer == "relations":
            return gathered + self._equalities(tokens) @ self.relations[0]
        return gathered

    def _equalities(
        self, tokens: Int64[torch.Tensor, "n k"]
    ) -> Float[torch.Tensor, "n pairs"]:
        """1[x_p = x_q] for p < q, in the order of the rows above X Xᵀ's diagonal."""
        p, q = torch.triu_indices(
            self.length, self.length, offset=1, device=tokens.device
        )
        return (tokens[:, p] == tokens[:, q]).to(self.first.dtype)

    def permuted(self, permutations: Int64[torch.Tensor, "k m"]) -> MLPStack:
        """Πθ: the copy that does on Πx what this stack does on x.

        A tied embedding has one row for a token at all positions. It cannot follow
        permutations that differ between positions, and is permuted by the first. Nor
        can "relations", whose equalities such permutations change; they follow one
        permutation at all positions, with the weights of the equalities as they are.

        Args:
            permutations: π_p(t), the token that takes the place of t at position p.
        """
        twin = copy.deepcopy(self)
        with torch.no_grad():
            for position in range(self.first.shape[1]):
                twin.first[:, position, permutations[position]] = self.first[
                    :, position
                ]
        return twin
