"""Recurrent networks on token embeddings, read at their last state.

    s_t = tanh(W x_t + b + U s_{t−1} + b')                  "rnn"; x_t = W_E[token t]

    i, f, o = σ(W x_t + b + U s_{t−1} + b')                 "lstm": three gates, each
    g = tanh(W x_t + b + U s_{t−1} + b')                    with weights of its own
    c_t = f c_{t−1} + i g,    s_t = o tanh(c_t)

    h = s_k P,  s_0 = c_0 = 0

With several layers each reads the states of the one below as its x_t, and s_k of the
last one is projected. There is no `[CLS]`: a string is read from its first token to its
last.

Source: the recurrences of `torch.nn.RNN` and `torch.nn.LSTM`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from numerics.networks.drawn_parameters import InitialDraws
from numerics.networks.embedding_network import EmbeddingNetwork, Output, check_tokens
from numerics.shapes import Float, Int64
from symbind_theory.validation import one_of, positive_integer

__all__ = ["CELLS", "Recurrent", "RecurrentNetwork"]

CELLS: dict[str, type[torch.nn.RNN] | type[torch.nn.LSTM]] = {
    "rnn": torch.nn.RNN,
    "lstm": torch.nn.LSTM,
}
"""The recurrence of one step by name."""


@dataclass(frozen=True, slots=True)
class Recurrent:
    """A kind of recurrent network.

    Attributes:
        cell: "rnn": one tanh a step; "lstm": a memory behind gates, for strings of more
            than some five tokens.
        width: d, of embeddings and of h, ≥ 1.
        hidden: entries of a state, ≥ 1.
        layers: recurrences on top of each other, ≥ 1.

    Raises:
        InputError: a number out of range or an unknown name.
    """

    cell: str = "lstm"
    width: int = 128
    hidden: int = 256
    layers: int = 1

    def __post_init__(self) -> None:
        one_of("cell", self.cell, CELLS)
        positive_integer("width", self.width)
        positive_integer("hidden", self.hidden)
        positive_integer("layers", self.layers)


class RecurrentNetwork(EmbeddingNetwork):
    """One recurrent network: `Trainable`.

    Weights and biases of the recurrence and P start as uniform on ±1/√hidden, as
    torch's do, but from `generator`: torch's global stream is neither read nor moved.

    Args:
        recurrent: its kind.
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
        recurrent: Recurrent,
        vocabulary: int,
        length: int,
        output: Output,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        width, hidden = recurrent.width, recurrent.hidden
        super().__init__(
            vocabulary, length, width, output, InitialDraws(generator, dtype)
        )
        self.recurrent = recurrent
        # Without storage nothing is drawn; elsewhere torch would draw from its global
        # stream.
        cell = CELLS[recurrent.cell](
            width,
            hidden,
            num_layers=recurrent.layers,
            batch_first=True,
            dtype=dtype,
            device="meta",
        )
        self.cell = cell.to_empty(device="cpu")
        self.projection = torch.nn.Parameter(torch.empty(hidden, width, dtype=dtype))
        bound = hidden**-0.5
        with torch.no_grad():
            for weights in (*self.cell.parameters(), self.projection):
                draws = torch.rand(
                    weights.shape, generator=generator, dtype=torch.float64
                )
                weights.copy_(bound * (2 * draws - 1))

    def encode(
        self, tokens: Int64[torch.Tensor, "n length"]
    ) -> Float[torch.Tensor, "n width"]:
        """h of each string, from the state after its last token.

        Args:
            tokens: strings as numbers below the vocabulary's size.

        Raises:
            InputError: strings of another length, or a number out of range.
        """
        check_tokens(tokens, self.length, self.vocabulary)
        states, _ = self.cell(self.embedding[tokens])
        return states[:, -1] @ self.projection
