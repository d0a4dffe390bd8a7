"""A relational bottleneck: a network that sees how tokens compare, and not which.

    z_p = LN(W_E[x_p]),  or LN(W_E[x_p]) A       LN: layer normalisation, ‖LN‖² ≈ d
    R = softmax over each row of Z Zᵀ            k × k
    h = φ(φ(vec(R) W_1 + c_1) W_2 + c_2) W_3 + c_3

Nothing but R reaches h. Where ⟨z, z⟩ is one number for all tokens, and ⟨z, z'⟩ another
for all pairs, as of orthonormal embeddings of mean 0, h is the same for strings that a
renaming of tokens turns into each other. Random embeddings are orthogonal up to 1/√d.
Whatever d, renamed strings have outputs of one law at random initialisation, where
tokens are exchangeable; so have networks of any kind on independent embeddings.

Logits of tokens are then the same for renamed strings too: only an answer that does not
depend on the symbols, a regular token, can be right for all of them.

Differs from the source (CoRelNet, Kerg et al. 2022) in

1. layer normalisation of each embedding, where the source normalises each entry over
   the positions of a string;
2. learnt embeddings of tokens as objects, where the source has encoded pictures;
3. the outputs, which are those of `EmbeddingNetwork`.

Source: Kerg et al. 2022; the law is symbind's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn.functional import layer_norm

from numerics.networks.drawn_parameters import InitialDraws
from numerics.networks.embedding_network import (
    EmbeddingNetwork,
    Output,
    check_tokens,
)
from numerics.networks.mlp import TORCH_ACTIVATIONS
from numerics.shapes import Float, Int64
from symbind_theory.validation import InputError, one_of, positive_integer, shorten

__all__ = ["Relational", "RelationalNetwork"]


@dataclass(frozen=True, slots=True)
class Relational:
    """A kind of relational network.

    Attributes:
        width: d, of embeddings and of h, ≥ 1.
        hidden: units in each of the two hidden layers, ≥ 1.
        projected: whether A, a d × d matrix, is there and is learnt.
        scaled: whether Z Zᵀ is divided by √d. Without, as in the source, R of a width
            of some 32 or more says which tokens are equal and no more, and gradients
            hardly reach the embeddings; turn it off where relations of symbols are all
            that counts.
        activation: φ, a name of `numerics.networks.mlp.TORCH_ACTIVATIONS`.

    Raises:
        InputError: a number out of range, an unknown name, or an option that is neither
            True nor False.
    """

    width: int = 128
    hidden: int = 256
    projected: bool = False
    scaled: bool = True
    activation: str = "relu"

    def __post_init__(self) -> None:
        positive_integer("width", self.width)
        positive_integer("hidden", self.hidden)
        one_of("activation", self.activation, TORCH_ACTIVATIONS)
        for name in ("projected", "scaled"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise InputError(f"{name} is {shorten(value)}; expected True or False")


class RelationalNetwork(EmbeddingNetwork):
    """One relational network: `Trainable`.

    A starts as N(0, 1/d), W_2 and W_3 as N(0, 1/hidden), biases as 0; W_1 as N(0, 1/k),
    because the entries of each of the k rows of R add up to 1.

    Args:
        relational: its kind.
        vocabulary: number of tokens.
        length: k, tokens in a string.
        output: "number" for regression, "token" for a logit of each token.
        generator: draws the initial weights in float64, so that precisions share them.
        dtype: of the parameters.

    Raises:
        InputError: a size below 1, or an unknown output.
    """

    def __init__(
        self,
        relational: Relational,
        vocabulary: int,
        length: int,
        output: Output,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        width, hidden = relational.width, relational.hidden
        draws = InitialDraws(generator, dtype)
        super().__init__(vocabulary, length, width, output, draws)
        self.relational = relational

        def normal(rows: int, columns: int, *, fan_in: int) -> torch.nn.Parameter:
            return draws.normal(rows, columns, variance=1 / fan_in)

        if relational.projected:
            self.projection = normal(width, width, fan_in=width)
        self.weights = torch.nn.ParameterList(
            [
                normal(length**2, hidden, fan_in=length),
                normal(hidden, hidden, fan_in=hidden),
                normal(hidden, width, fan_in=hidden),
            ]
        )
        biases = (draws.constant(0.0, size) for size in (hidden, hidden, width))
        self.biases = torch.nn.ParameterList(biases)

    def relations(
        self, tokens: Int64[torch.Tensor, "n length"]
    ) -> Float[torch.Tensor, "n length length"]:
        """R of each string: row p has the weights of all positions as p sees them.

        Args:
            tokens: strings as numbers below the vocabulary's size.

        Raises:
            InputError: strings of another length, or a number out of range.
        """
        check_tokens(tokens, self.length, self.vocabulary)
        z = layer_norm(self.embedding[tokens], (self.width,))
        if self.relational.projected:
            z = z @ self.projection
        logits = z @ z.mT
        if self.relational.scaled:
            logits = logits / math.sqrt(self.width)
        return torch.softmax(logits, dim=-1)

    def encode(
        self, tokens: Int64[torch.Tensor, "n length"]
    ) -> Float[torch.Tensor, "n width"]:
        """h of each string, from its relations alone.

        Args:
            tokens: strings as numbers below the vocabulary's size.

        Raises:
            InputError: strings of another length, or a number out of range.
        """
        activation = TORCH_ACTIVATIONS[self.relational.activation]
        h = self.relations(tokens).flatten(1)
        *hidden_layers, last = zip(self.weights, self.biases, strict=True)
        for weights, bias in hidden_layers:
            h = activation(h @ weights + bias)
        weights, bias = last
        return h @ weights + bias
