"""What Theorem D needs to know of a deep transformer.

Source: symbind; docs/theorem-d.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from symbind_theory.separation.incidence import Readout
from symbind_theory.separation.theorem_s import Kind
from symbind_theory.separation.token_gram import TokenGram

__all__ = ["BlockFacts", "DeepHypotheses", "Relative"]

Relative = Literal["none", "bias", "rotary", "unknown"]
"""Relative positions. A bias of logits may be fixed, or drawn for each head."""

# cos(m θ) in float64 is off by some m 2⁻⁵², for angles θ of at most 1.
_ROUNDING = 1e-14


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """What Theorem D needs to know of a block.

    Attributes:
        beta_is_zero: whether its attention is uniform.
        residual: whether its sublayers have a residual connection: s ≠ 0.
        identity_vo: whether a non-zero multiple of the identity is added to W_V W_O.
    """

    beta_is_zero: bool = False
    residual: bool = False
    identity_vo: bool = False


@dataclass(frozen=True, slots=True)
class DeepHypotheses:
    """What Theorem D needs to know of a deep transformer.

    Attributes:
        readout: position that is read.
        activation: what is known of the MLPs' activation.
        gamma_is_zero: whether there are no positions.
        causal: whether a position attends to those up to itself alone.
        blocks: the facts of each block, first to last; at least one.
        relative: relative positions beside the embedded ones.
        angles: of rotary positions, for a distance of 1.
        tokens: inner products of tokens; None for independent embeddings.
    """

    readout: Readout = "cls"
    activation: Kind = "cosine"
    gamma_is_zero: bool = False
    causal: bool = False
    blocks: tuple[BlockFacts, ...] = (BlockFacts(), BlockFacts())
    relative: Relative = "none"
    angles: tuple[float, ...] = ()
    tokens: TokenGram | None = None

    @property
    def forgets(self) -> bool:
        """Whether some block's output is the same for every string."""
        return self.activation == "constant" and not all(
            b.residual for b in self.blocks
        )

    @property
    def theorem_d(self) -> bool:
        """Whether every hypothesis on the architecture holds, angles left aside."""
        blind = self.gamma_is_zero or self.blocks[0].beta_is_zero
        return not (blind or self.forgets or self.unequal_averages)

    @property
    def unequal_averages(self) -> bool:
        """Whether relative positions are such that nothing is proved."""
        bare = any(b.beta_is_zero and not b.residual for b in self.blocks[1:])
        return self.relative == "unknown" or (self.relative != "none" and bare)

    def vanishing_turn(self, size: int) -> int | None:
        """The first distance below `size` whose ρ may be 0, or None."""
        for distance in range(1, size) if self.relative == "rotary" else ():
            turn = math.fsum(math.cos(distance * angle) for angle in self.angles)
            error = _ROUNDING * (1 + distance * max(self.angles, default=0.0))
            if abs(turn) <= error * len(self.angles):
                return distance
        return None

    @property
    def masked(self) -> bool:
        """Whether a mask can show the order of tokens to what is read.

        In one block the last position attends to every other, mask or not.
        """
        one_row = len(self.blocks) == 1 and self.readout != "mean"
        return self.causal and not one_row

    @property
    def carried(self) -> bool:
        """Whether residuals carry what the first attention gives [CLS] to the end."""
        later = all(b.residual and not b.identity_vo for b in self.blocks[1:])
        first = not self.blocks[0].beta_is_zero
        alone = self.readout == "cls" and self.relative == "none" and not self.tokens
        return alone and first and later and not self.forgets
