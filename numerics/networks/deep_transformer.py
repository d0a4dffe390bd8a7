"""Finite transformers of any depth: what the kernels of blocks are the wide limit of.

    x⁰ = W_E[tokens, CLS] + γ P             W_E, P: entries N(0, 1)
    x ← s x + attention(x̂)                  x̂ = x, or x normalised ("pre")
    x ← s x + W_B φ(W_A x̂)                  the sum normalised ("post")
    h = x at the readout, normalised if so asked; f = ⟨w, h⟩, or a logit for each token

At random initialisation, in the theory's form and with g = 1 and a = b = 0 in the
paper's, the mean of f f' tends to N^L of the recursion (`template_gram`) and, in the
theory's form, the gradients' products to Θ (`tangent_gram`) as the head width, the
width and the heads grow.

`PAPER` is the transformer of the paper's experiments, as an architecture whose kernel
can be asked for. The paper does not say how its matrices start. With g = 1 training
fits the strings before it moves features much. With g = 0.2, which at a fan-in of 128
is about the 0.02 that language models start with, features move.

Source: arXiv 2310.09753, on experiments; symbind for depth.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import cast, get_args

import torch

from numerics.activations import GELU
from numerics.architecture import Architecture
from numerics.networks.blocks import (
    BlockShape,
    FeedForward,
    Identity,
    Norm,
    SelfAttention,
)
from numerics.networks.drawn_parameters import Form, InitialDraws
from numerics.networks.embedding_network import (
    EmbeddingNetwork,
    Output,
    check_tokens,
)
from numerics.networks.mimetic import make_mimetic
from numerics.shapes import Float, Int64
from symbind_theory.records.architecture import BlockNumbers
from symbind_theory.validation import (
    InputError,
    finite_number,
    one_of,
    positive_integer,
    shorten,
)

__all__ = ["PAPER", "DeepTransformer", "Initialisation"]

PAPER = Architecture(
    activation=GELU(),
    depth=2,
    residual=1.0,
    normalisation="pre",
    final_normalisation=True,
)
"""Two blocks of pre-norm with a residual and GELU, read at `[CLS]`, normalised."""


@dataclass(frozen=True, slots=True)
class Initialisation:
    """How a transformer starts, and which of its scalars are trained.

    Attributes:
        form: "paper" for parameters as torch scales them, with biases in the MLP and
            scales and shifts in the normalisation; "theory" for those whose tangent
            kernel has a limit.
        trained_identity: which scalars training moves: "kq" for each head's a, "vo" for
            its b.
        gain: g > 0, in the paper's form: entries of the readout and of the blocks'
            matrices have variance g²/fan-in. Raise it to 1 to start as the theory's
            networks do.
        mimetic: whether keys and queries start near a multiple of the identity.
        seed: equal seeds give equal bits.
        dtype: of the parameters.

    Raises:
        InputError: an unknown form or scalar, a gain or a seed out of range, or a
            mimetic start in the theory's form.
    """

    form: Form = "paper"
    trained_identity: tuple[Identity, ...] = ()
    gain: float = 0.2
    mimetic: bool = False
    seed: int = 0
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        one_of("form", self.form, get_args(Form))
        finite_number("gain", self.gain, low=0, strict=True)
        positive_integer("seed", self.seed, low=0)
        if self.mimetic and self.form == "theory":
            raise InputError("mimetic is True in the theory's form; expected False")
        for name in self.trained_identity:
            one_of("trained_identity", name, ("kq", "vo"))


class DeepTransformer(EmbeddingNetwork):
    """A transformer at random initialisation: `Trainable`.

    Args:
        vocabulary: number of tokens, `[CLS]` not included.
        length: k, tokens in a string, `[CLS]` not included.
        architecture: depth, β, γ, readout, φ, s, normalisation, and a and b, with which
            each head starts.
        shape: the sizes of its blocks.
        start: form, seed, and which scalars are trained.
        output: "number" for regression, "token" for a logit of each token.

    Raises:
        InputError: a size below 1, relative positions or correlated tokens, or an
            activation that torch cannot differentiate.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        architecture: Architecture = PAPER,
        shape: BlockShape | None = None,
        start: Initialisation | None = None,
        output: Output = "number",
    ) -> None:
        shape, start = shape or BlockShape(), start or Initialisation()
        _supported(architecture)
        generator = torch.Generator().manual_seed(start.seed)
        draws = InitialDraws(generator, start.dtype, start.form, start.gain)
        self._cls = architecture.readout == "cls"
        width = shape.width
        super().__init__(vocabulary, length, width, output, draws, cls=self._cls)
        self.architecture, self.shape = architecture, shape
        self.positions = draws.normal(length + self._cls, width)
        self.blocks = torch.nn.ModuleList(
            _Block(architecture, numbers, shape, draws, start.trained_identity)
            for numbers in architecture.every_block
        )
        final = architecture.final_normalisation
        self.final = Norm(width, draws, scale=False) if final else None
        if start.mimetic:
            for block in self.attentions:
                make_mimetic(block, generator)

    @property
    def attentions(self) -> list[SelfAttention]:
        """The attention of each block, first to last."""
        return [cast(_Block, block).attention for block in self.blocks]

    def encode(
        self, tokens: Int64[torch.Tensor, "n length"]
    ) -> Float[torch.Tensor, "n width"]:
        """h of each string.

        Args:
            tokens: strings as numbers of tokens; `[CLS]` is appended here.

        Raises:
            InputError: strings of another length, or a number out of range.
        """
        check_tokens(tokens, self.length, self.vocabulary)
        if self._cls:
            cls = torch.full_like(tokens[:, :1], self.vocabulary)
            tokens = torch.cat([tokens, cls], dim=1)
        x = self.embedding[tokens] + self.architecture.gamma * self.positions
        every = slice(None)
        read = every if self.architecture.readout == "mean" else slice(-1, None)
        for index, block in enumerate(self.blocks):
            # Of the last block only what is read is wanted.
            x = block(x, read if index == len(self.blocks) - 1 else every)
        x = x if self.final is None else self.final(x)
        return x.mean(1)


class _Block(torch.nn.Module):
    """Attention, then an MLP."""

    def __init__(
        self,
        architecture: Architecture,
        numbers: BlockNumbers,
        shape: BlockShape,
        draws: InitialDraws,
        trained_scalars: Collection[Identity],
    ) -> None:
        super().__init__()
        self._residual, self._place = numbers.residual, architecture.normalisation
        self.attention = SelfAttention(
            shape, numbers, draws, trained_scalars, causal=architecture.causal
        )
        self.mlp = FeedForward(shape, architecture.activation, draws)
        normalised = architecture.normalisation is not None
        self.norms = torch.nn.ModuleList(
            Norm(shape.width, draws) for _ in range(2 * normalised)
        )

    def forward(
        self, x: Float[torch.Tensor, "n k d"], rows: slice
    ) -> Float[torch.Tensor, "n q d"]:
        """The stream after the block, at some positions."""
        pre, post = self._place == "pre", self._place == "post"
        seen = self.norms[0](x) if pre else x
        x = self._add(x[:, rows], self.attention(seen, rows))
        x = self.norms[0](x) if post else x
        seen = self.norms[1](x) if pre else x
        x = self._add(x, self.mlp(seen))
        return self.norms[1](x) if post else x

    def _add(self, x: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
        return self._residual * x + change if self._residual else change


def _supported(architecture: Architecture) -> None:
    """See that a finite network of this kind is written here.

    Raises:
        InputError: it is not.
    """
    for name in ("relative", "tokens"):
        given = getattr(architecture, name)
        if given is not None:
            raise InputError(
                f"{name} is {shorten(given)}; expected None, the only value that is "
                "supported here"
            )
