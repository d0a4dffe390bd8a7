"""The stream of a deep transformer, block by block.

A block is attention, then an MLP; each takes the stream K to s² K plus what it makes of
the stream that it sees, which under pre-normalisation is the normalised one. After the
sum post-normalisation divides every position by its length. With a multiple b of the
identity added to W_V W_O heads average, and attention gives

    (s I + b S̄ Δ) K (s I + b S̄ Δ)ᵀ + A(K̂),

S̄ the mean weights and Δ what normalised the stream.

Source: symbind; docs/theorem-d.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.activations import Activation
from numerics.architecture import Architecture
from numerics.deep.across_strings import AcrossStrings, attend_across
from numerics.deep.averaging import Averaging
from numerics.deep.mlp import through_mlp
from numerics.deep.own_rules import own_rule
from numerics.deep.position_rows import PositionRows
from numerics.deep.position_symmetry import PositionSymmetry
from numerics.deep.row_averages import rows_of
from numerics.deep.shared_directions import logit_directions
from numerics.deep.stream import Stream, stacked, start
from numerics.deep.within_strings import Attending, attend_within
from numerics.shapes import Int64
from symbind_theory.records.architecture import BlockNumbers, Normalisation
from symbind_theory.separation.incidence import Incidence

__all__ = ["DeepStreams", "run_blocks"]


@dataclass(frozen=True, slots=True)
class DeepStreams:
    """What one run finds.

    Attributes:
        attended: the stream after the last attention, at the positions that are read.
        last: the stream after the last block there, normalised if it is before it is
            read.
        bias: the largest part of the last A(C), in any direction, that was taken off as
            the bias of averages over what a string has of its own.
    """

    attended: Stream
    last: Stream
    bias: float


def run_blocks(
    templates: Sequence[Incidence],
    architecture: Architecture,
    averaging: Averaging,
    run: int,
) -> DeepStreams:
    """One run through all blocks, from points of its own.

    Args:
        templates: distinct templates as the network sees them.
        architecture: the transformer.
        averaging: how averages are taken.
        run: which of the independent runs of this averaging.
    """
    keys, relative = templates[0].size, architecture.relative
    alike = not architecture.causal and relative is None
    network = _Network(
        activation=architecture.activation,
        normalisation=architecture.normalisation,
        positions=PositionRows.of(keys, architecture.causal, relative),
        symmetry=PositionSymmetry.of(templates, alike),
    )
    read, every = np.array(templates[0].queries), np.arange(keys)
    stream = attended = start(templates, architecture.gamma, architecture.tokens)
    bias = 0.0
    blocks = architecture.every_block
    for index, block in enumerate(blocks):
        queries = read if index == len(blocks) - 1 else every
        own = averaging.of_block(len(blocks) * run + index)
        attended, bias = network.attention(stream, block, queries, own)
        stream = network.mlp(attended, block)
    if architecture.final_normalisation:
        stream = stream.normalised()
    return DeepStreams(attended, stream, bias)


@dataclass(frozen=True, slots=True)
class _Network:
    """What all blocks have.

    Attributes:
        activation: φ.
        normalisation: where the stream is normalised.
        positions: what positions do to the logits of every row.
        symmetry: which entries are equal.
    """

    activation: Activation
    normalisation: Normalisation | None
    positions: PositionRows
    symmetry: PositionSymmetry

    def attention(
        self,
        stream: Stream,
        block: BlockNumbers,
        queries: Int64[np.ndarray, " queries"],
        averaging: Averaging,
    ) -> tuple[Stream, float]:
        """The stream after attention at some positions, and what was taken as bias."""
        seen = self._seen(stream)
        across = self._across(seen, block, queries, averaging)
        added = [self._with_excess(seen, across, block, queries, averaging)]
        if block.identity_vo:
            weights = self.symmetry.averaged_rows(across.mean, queries)
            if self.normalisation == "pre":
                weights = weights / stream.lengths[:, None, :]
            kept = block.residual * np.eye(weights.shape[2])[queries]
            added.append(stream.mixed(block.identity_vo * weights + kept))
        elif block.residual:
            added.append(stream.at(queries).scaled(block.residual))
        return self._sum(added), across.bias

    def mlp(self, stream: Stream, block: BlockNumbers) -> Stream:
        """The stream after the MLP."""
        added = [through_mlp(self._seen(stream), self.activation)]
        if block.residual:
            added.append(stream.scaled(block.residual))
        return self._sum(added)

    def _seen(self, stream: Stream) -> Stream:
        """What a sublayer sees of the stream."""
        return stream.normalised() if self.normalisation == "pre" else stream

    def _sum(self, added: list[Stream]) -> Stream:
        """The sum of a sublayer, normalised where that comes after it."""
        stream = stacked(added) if len(added) > 1 else added[0]
        return stream.normalised() if self.normalisation == "post" else stream

    def _across(
        self,
        seen: Stream,
        block: BlockNumbers,
        queries: Int64[np.ndarray, " queries"],
        averaging: Averaging,
    ) -> AcrossStrings:
        """A(C) at some positions."""
        positions = self.positions.at(queries)
        rows = rows_of(seen, block.beta, block.identity_kq, positions)
        directions = logit_directions(seen.root, block.beta, positions)
        rule = own_rule(directions.shape[-1] - 1, rows.deviation, averaging)
        return attend_across(seen.root, directions, rows, rule, averaging)

    def _with_excess(
        self,
        seen: Stream,
        across: AcrossStrings,
        block: BlockNumbers,
        queries: Int64[np.ndarray, " queries"],
        averaging: Averaging,
    ) -> Stream:
        """What attention gives, lengths that must be equal made equal."""
        squares = (across.root**2).sum(0)
        equal = self.symmetry.averaged_sites(squares, queries)
        # Strings share nothing where a position sees nothing but its own symbol.
        ratio = np.divide(equal, squares, out=np.ones_like(equal), where=squares > 0)
        root = across.root * np.sqrt(ratio)
        attended = np.einsum("miq,mip->iqp", root, root)
        attending = Attending(
            beta=block.beta,
            identity=block.identity_kq,
            positions=self.positions.at(queries),
            averaging=averaging,
        )
        kinds = self.symmetry.representatives(queries)
        excess = attend_within(seen, kinds, attended[kinds], attending)
        return Stream(root, self.symmetry.spread(excess, queries))
