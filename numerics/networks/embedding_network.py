"""Networks on token embeddings: how the last vector of a string becomes its output.

    f = ⟨w, h⟩                            one number; w starts as N(0, g²/d)
    logit of token u = ⟨W_E[u], h⟩/√d     the unembedding is the embedding

h, of d entries of order 1, is what the network makes of the string. In the theory's
form of parameters w starts as N(0, 1) and f = ⟨w, h⟩/√d.

Source: arXiv 2310.09753, on regression and on symbolic labels with tied embeddings.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Literal, get_args

import torch

from numerics.networks.drawn_parameters import InitialDraws
from numerics.shapes import Float, Int64
from symbind_theory.validation import InputError, one_of, positive_integer

__all__ = ["EmbeddingNetwork", "Output", "check_tokens"]

Output = Literal["number", "token"]
"""What a network says of a string: a number, or a logit for each token."""


def check_tokens(
    tokens: Int64[torch.Tensor, "n length"], length: int, vocabulary: int
) -> None:
    """See that strings have their length, and tokens that are numbered.

    An embedding takes numbers below 0 and that of `[CLS]` without complaint.

    Raises:
        InputError: they do not.
    """
    if tokens.shape[1] != length:
        raise InputError(f"tokens have length {tokens.shape[1]}; expected {length}")
    if not tokens.numel():
        return
    low, high = int(tokens.min()), int(tokens.max())
    if low < 0 or high >= vocabulary:
        raise InputError(
            f"tokens contain {low if low < 0 else high}; expected numbers from 0 to "
            f"{vocabulary - 1}"
        )


class EmbeddingNetwork(torch.nn.Module, ABC):
    """A network that reads embedded tokens: `Trainable`, one network in a stack.

    Args:
        vocabulary: number of tokens, `[CLS]` not included.
        length: k, tokens in a string, `[CLS]` not included.
        width: d, of embeddings and of h.
        output: "number" for regression, "token" for a logit of each token.
        draws: where the initial parameters come from, and in which form they are.
        cls: whether the embedding has a last row for `[CLS]`.

    Attributes:
        readout_scale: what the readout's product with h is multiplied by, 1/√d in the
            theory's form.

    Raises:
        InputError: a size below 1, or an unknown output.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        width: int,
        output: Output,
        draws: InitialDraws,
        *,
        cls: bool = False,
    ) -> None:
        super().__init__()
        self.vocabulary = positive_integer("vocabulary", vocabulary)
        self.length = positive_integer("length", length)
        self.width = positive_integer("width", width)
        self.output = one_of("output", output, get_args(Output))
        self.embedding = draws.normal(vocabulary + cls, width)
        self.readout_scale = 1 / math.sqrt(width) if draws.theory else 1.0
        if output == "number":
            self.readout = draws.vector(width)

    @property
    def networks(self) -> int:
        """1: none are stacked."""
        return 1

    @abstractmethod
    def encode(
        self, tokens: Int64[torch.Tensor, "n length"]
    ) -> Float[torch.Tensor, "n width"]:
        """h of each string.

        Args:
            tokens: strings as numbers of tokens.
        """

    def forward(
        self, tokens: Int64[torch.Tensor, "n length"]
    ) -> Float[torch.Tensor, " n *vocabulary"]:
        """The output for each string: a number, or a logit for each token.

        Args:
            tokens: strings as numbers below the vocabulary's size.
        """
        return self.read(self.encode(tokens))

    def read(
        self, h: Float[torch.Tensor, "n width"]
    ) -> Float[torch.Tensor, " n *vocabulary"]:
        """The output for each h."""
        if self.output == "number":
            return h @ self.readout * self.readout_scale
        return h @ self.embedding[: self.vocabulary].T / math.sqrt(self.width)

    def batch_outputs(
        self, inputs: Int64[torch.Tensor, "n length"]
    ) -> Float[torch.Tensor, "1 n *vocabulary"]:
        """The outputs with a record for gradients, as `Trainable` has it."""
        return self(inputs)[None]
