"""Blocks of a transformer: attention with scalars of its own in each head, and an MLP.

With x of d entries of order 1 at each position, x̂ what a sublayer sees, H heads of
width e and M_h = x̂ W_K,h W_Q,hᵀ x̂ᵀ/√e:

    theory    A_h = softmax(β (M_h + a_h x̂ x̂ᵀ/d)),   Σ_h A_h x̂ (W_V,h W_O,h + b_h/H)
    paper     A_h = softmax(β (M_h + a_h x̂ x̂ᵀ)),     Σ_h A_h x̂ (W_V,h W_O,h + b_h)

Every matrix has entries of variance g²/fan-in, the W_O of all heads together. In the
theory's form g = 1, the parameters themselves are N(0, 1) and what they are multiplied
by is fixed, so that gradient flow follows the tangent kernel; there are neither biases
nor scales. In the paper's form the parameters are the matrices, as torch has them, with
biases in the MLP and a scale and a shift of each entry in the normalisation. x̂ x̂ᵀ is
of order d there: the first step of Adam at rate η moves a by ±η, and so the logit of a
position with itself by η β d, that of equal tokens in the first block by about
1/(1 + γ²) of it.

The letters are the paper's: W_K is on the side of the position that attends. The
parameters have the names of most libraries: `query` is on that side, `key` on the
other.

Source: arXiv 2310.09753 (a and b; its experiments).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional

from numerics.activations import Activation
from numerics.networks.drawn_parameters import InitialDraws
from numerics.networks.torch_activations import torch_function
from numerics.shapes import Float
from symbind_theory.records.architecture import BlockNumbers
from symbind_theory.validation import positive_integer

__all__ = ["BlockShape", "FeedForward", "Identity", "Norm", "SelfAttention"]

Identity = Literal["kq", "vo"]
"""The scalars of each head: a, between keys and queries, and b, of values."""


@dataclass(frozen=True, slots=True)
class BlockShape:
    """The sizes of a block.

    Attributes:
        width: d, of the stream.
        heads: H.
        head_width: e, of keys, queries and values of a head.
        hidden: units of the MLP.

    Raises:
        InputError: a size below 1.
    """

    width: int = 128
    heads: int = 16
    head_width: int = 64
    hidden: int = 256

    def __post_init__(self) -> None:
        for name in self.__slots__:
            positive_integer(name, getattr(self, name))


class Norm(torch.nn.Module):
    """x less its mean over its standard deviation; x over its root mean square.

    The paper's form is layer normalisation. The theory's is the second, which has the
    same limit, as the stream's mean tends to 0.

    Attributes:
        scale: what each entry is multiplied by, 1 at the start; None where there is
            none.
        shift: what is then added to each entry, 0 at the start; None where `scale` is.

    Args:
        width: d.
        draws: form and precision.
        scale: whether a scale and a shift follow, in the paper's form.
    """

    def __init__(self, width: int, draws: InitialDraws, *, scale: bool = True) -> None:
        super().__init__()
        self._size, self._mean = (width,), not draws.theory
        scale = scale and not draws.theory
        self.scale = draws.constant(1.0, width) if scale else None
        self.shift = draws.constant(0.0, width) if scale else None

    def forward(self, x: Float[torch.Tensor, "*n d"]) -> Float[torch.Tensor, "*n d"]:
        """The vectors normalised."""
        if self._mean:
            return functional.layer_norm(x, self._size, self.scale, self.shift)
        return functional.rms_norm(x, self._size)


class SelfAttention(torch.nn.Module):
    """The attention of one block.

    Attributes:
        identity_kq: a of each head: a parameter where training moves it, else a buffer;
            None where it is 0 and stays so.
        identity_vo: b of each head, of the same kinds.
        theory: whether the parameters are in the theory's form.

    Args:
        shape: its sizes.
        numbers: β, and a and b, with which each head starts.
        draws: where the initial parameters come from, and in which form they are.
        trained_scalars: which of the scalars training moves: "kq" for a, "vo" for b.
        causal: whether a position attends to those up to itself alone.
    """

    identity_kq: torch.Tensor | None
    identity_vo: torch.Tensor | None

    def __init__(
        self,
        shape: BlockShape,
        numbers: BlockNumbers,
        draws: InitialDraws,
        trained_scalars: Collection[Identity] = (),
        *,
        causal: bool = False,
    ) -> None:
        super().__init__()
        d, inner = shape.width, shape.heads * shape.head_width
        self.shape, self.beta, self.causal = shape, numbers.beta, causal
        self.theory = draws.theory
        self.query = draws.matrix(d, inner)
        self.key = draws.matrix(d, inner)
        self.value = draws.matrix(d, inner)
        self.output = draws.matrix(inner, d)
        self._scalars("kq", numbers.identity_kq, draws, "kq" in trained_scalars)
        self._scalars("vo", numbers.identity_vo, draws, "vo" in trained_scalars)

    def _scalars(
        self, name: Identity, start: float, draws: InitialDraws, trained: bool
    ) -> None:
        """One number for each head; None where it is 0 and stays so."""
        scalars = draws.constant(start, self.shape.heads)
        if trained:
            self.register_parameter(f"identity_{name}", scalars)
        else:
            # What training leaves alone is no parameter.
            fixed = scalars.detach() if start else None
            self.register_buffer(f"identity_{name}", fixed)

    def forward(
        self, x: Float[torch.Tensor, "n k d"], rows: slice
    ) -> Float[torch.Tensor, "n q d"]:
        """What attention adds to the stream.

        Args:
            x: x̂, normalised or not.
            rows: the positions that are wanted.
        """
        read = x[:, rows]
        if self.identity_vo is None:
            q, k, v = self._heads(read, x)
            attended = functional.scaled_dot_product_attention(
                q, k, v, self._added(read, x, rows), scale=self._scale
            )
            return self._out(attended)
        weights = self.weights(x, rows)
        out = self._out(weights @ self._split(self._linear(x, self.value)))
        b = self.identity_vo / (self.shape.heads if self.theory else 1)
        return out + torch.einsum("nhqk,h->nqk", weights, b) @ x

    def weights(
        self, x: Float[torch.Tensor, "n k d"], rows: slice
    ) -> Float[torch.Tensor, "n heads q k"]:
        """The attention of each head, rows adding up to 1.

        Args:
            x: x̂.
            rows: the positions that attend.
        """
        read = x[:, rows]
        q = self._split(self._linear(read, self.query))
        k = self._split(self._linear(x, self.key))
        logits = self._scale * (q @ k.transpose(-1, -2))
        added = self._added(read, x, rows)
        return torch.softmax(logits if added is None else logits + added, dim=-1)

    @property
    def _scale(self) -> float:
        return self.beta / math.sqrt(self.shape.head_width)

    def _heads(
        self, read: torch.Tensor, x: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries, keys and values, each n × heads × positions × head width."""
        if read.shape == x.shape:
            # One product in place of three.
            packed = torch.cat([self.query, self.key, self.value])
            q, k, v = self._linear(x, packed).chunk(3, dim=-1)
        else:
            q = self._linear(read, self.query)
            packed = torch.cat([self.key, self.value])
            k, v = self._linear(x, packed).chunk(2, dim=-1)
        return self._split(q), self._split(k), self._split(v)

    def _linear(self, x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
        """x times a matrix of variance 1/fan-in, by the form's convention."""
        return functional.linear(_scaled(x, matrix, self.theory), matrix)

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.shape.heads, -1)).transpose(1, 2)

    def _out(self, attended: torch.Tensor) -> torch.Tensor:
        return self._linear(attended.transpose(1, 2).flatten(2), self.output)

    def _added(
        self, read: torch.Tensor, x: torch.Tensor, rows: slice
    ) -> torch.Tensor | None:
        """What is added to the logits: a's part, and −∞ where nothing may be seen."""
        added = None
        if self.identity_kq is not None:
            same = read @ x.transpose(-1, -2)
            if self.theory:
                same = same / self.shape.width
            added = self.beta * self.identity_kq[:, None, None] * same[:, None]
        if self.causal:
            k = x.shape[1]
            hidden = torch.ones(k, k, dtype=torch.bool, device=x.device).triu(1)[rows]
            start = x.new_zeros(()) if added is None else added
            added = start.masked_fill(hidden, -math.inf)
        return added


class FeedForward(torch.nn.Module):
    """W_B φ(W_A x̂), with biases in the paper's form.

    Args:
        shape: its sizes.
        activation: φ.
        draws: where the initial parameters come from, and in which form they are.

    Raises:
        InputError: an activation that torch cannot differentiate.
    """

    def __init__(
        self, shape: BlockShape, activation: Activation, draws: InitialDraws
    ) -> None:
        super().__init__()
        self._function = torch_function(activation)
        self._theory = draws.theory
        self.inner = draws.matrix(shape.width, shape.hidden)
        self.outer = draws.matrix(shape.hidden, shape.width)
        biases = not self._theory
        self.inner_bias = draws.constant(0.0, shape.hidden) if biases else None
        self.outer_bias = draws.constant(0.0, shape.width) if biases else None

    def forward(self, x: Float[torch.Tensor, "*n d"]) -> Float[torch.Tensor, "*n d"]:
        """What the MLP adds to the stream."""
        x = _scaled(x, self.inner, self._theory)
        units = self._function(functional.linear(x, self.inner, self.inner_bias))
        units = _scaled(units, self.outer, self._theory)
        return functional.linear(units, self.outer, self.outer_bias)


def _scaled(x: torch.Tensor, matrix: torch.Tensor, theory: bool) -> torch.Tensor:
    """x over the root of the fan-in where the matrix has entries N(0, 1)."""
    return x / math.sqrt(matrix.shape[1]) if theory else x
