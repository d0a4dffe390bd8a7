"""The stream of a deep transformer, block by block.

A block is attention, then an MLP; each takes the stream K to s² K plus what it makes of
the stream that it sees, which under pre-normalisation is the normalised one. After the
sum post-normalisation divides every position by its length. With a multiple b of the
identity added to W_V W_O heads average, and attention gives

    (s I + b S̄ Δ) K (s I + b S̄ Δ)ᵀ + A(K̂),

S̄ the mean weights and Δ what normalised the stream. Where all layers are trained the
tangent kernel Θ goes along, as a stream of its own (`tangent`).

Source: symbind; docs/theorem-d.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from numerics.activations import Activation
from numerics.architecture import Architecture
from numerics.deep.across_strings import AcrossStrings, Values, attend_across
from numerics.deep.averaging import Averaging
from numerics.deep.mlp import rule_error, through_mlp, trained_mlp
from numerics.deep.own_rules import own_rule
from numerics.deep.position_rows import PositionRows
from numerics.deep.position_symmetry import PositionSymmetry
from numerics.deep.row_averages import rows_of
from numerics.deep.shared_directions import logit_directions
from numerics.deep.stream import Stream, stacked, start
from numerics.deep.tangent import steepness, trained_attention, trained_values
from numerics.deep.within_strings import Attending, attend_within
from numerics.shapes import Float64, Int64
from symbind_theory.records.architecture import BlockNumbers, Normalisation
from symbind_theory.separation.incidence import Incidence
from symbind_theory.validation import InputError

__all__ = ["DeepStreams", "run_blocks"]

# Squares of self values, times β², are then within float64.
_LARGEST = 1e75


@dataclass(frozen=True, slots=True)
class DeepStreams:
    """What one run finds.

    Attributes:
        attended: the stream after the last attention, at the positions that are read.
        last: the stream after the last block there, normalised if it is before it is
            read.
        tangent: Θ of the network's output there; None where the readout alone is
            trained.
        bias: the largest part of the last A(C), in any direction, that was taken off as
            the bias of averages over what a string has of its own.
        steepness: bound on the standard deviation of a difference of two logits, in any
            block, where all layers are trained; else 0.
        rule_errors: of each block's MLP, what coefficients of the activation that are
            not exact do, relative to a root.
    """

    attended: Stream
    last: Stream
    tangent: Stream | None
    bias: float
    steepness: float
    rule_errors: tuple[float, ...]

    @property
    def output(self) -> Stream:
        """That of the kernel: Θ where all layers are trained, else the last stream."""
        return self.last if self.tangent is None else self.tangent


def run_blocks(
    templates: Sequence[Incidence],
    architecture: Architecture,
    averaging: Averaging,
    run: int,
    *,
    trained: bool = False,
) -> DeepStreams:
    """One run through all blocks, from points of its own.

    Args:
        templates: distinct templates as the network sees them.
        architecture: the transformer.
        averaging: how averages are taken.
        run: which of the independent runs of this averaging.
        trained: whether all layers are trained, not the readout alone. Of one layer the
            mean is then taken before the MLP, as the network itself does.

    Raises:
        InputError: a stream that leaves the range of float64.
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
    kernel = start(templates, architecture.gamma, architecture.tokens)
    both = attended = _Both(kernel, kernel if trained else None)
    bias = steepest = 0.0
    rule_errors = []
    blocks = architecture.every_block
    for index, block in enumerate(blocks):
        queries = read if index == len(blocks) - 1 else every
        own = averaging.of_block(len(blocks) * run + index)
        if trained:
            steepest = max(steepest, network.steepness(both, block, queries))
        attended, bias = network.attention(both, block, queries, own)
        if trained and architecture.one_layer:
            attended = attended.map(_pooled)
        rule_errors.append(network.rule_error(attended))
        both = network.mlp(attended, block)
    if architecture.final_normalisation:
        both = both.normalised()
    tangent = None
    if both.tangent is not None:
        tangent = stacked([both.kernel, both.tangent])
    return DeepStreams(
        attended=attended.kernel,
        last=both.kernel,
        tangent=tangent,
        bias=bias,
        steepness=steepest,
        rule_errors=tuple(rule_errors),
    )


def _check_range(stream: Stream) -> None:
    """See that logits, products of two self values, stay within float64.

    Raises:
        InputError: they do not, or nothing is left of the stream.
    """
    least, largest = float(stream.squares.min()), float(stream.squares.max())
    if not 1 / _LARGEST <= least <= largest <= _LARGEST:
        raise InputError(
            f"squared lengths of the stream are from {least:.2g} to {largest:.2g}; "
            f"expected from {1 / _LARGEST:g} to {_LARGEST:g}: choose less extreme "
            "numbers for gamma, residual, identity_vo or the activation, fewer blocks, "
            "or normalisation"
        )


def _pooled(stream: Stream) -> Stream:
    """The mean over positions, as one position."""
    r, queries = stream.excess.shape[:2]
    return stream.mixed(np.full((r, 1, queries), 1 / queries))


@dataclass(frozen=True, slots=True)
class _Both:
    """The stream, and Θ where all layers are trained.

    Attributes:
        kernel: K.
        tangent: Θ.
    """

    kernel: Stream
    tangent: Stream | None

    def map(self, change: Callable[[Stream], Stream]) -> _Both:
        """The same change of both, linear in each position."""
        tangent = self.tangent
        return _Both(change(self.kernel), None if tangent is None else change(tangent))

    def normalised(self) -> _Both:
        """Both divided by the lengths of the stream, which are then 1."""
        _check_range(self.kernel)
        lengths = self.kernel.lengths
        return self.map(lambda stream: stream.scaled(1 / lengths))


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
        both: _Both,
        block: BlockNumbers,
        queries: Int64[np.ndarray, " queries"],
        averaging: Averaging,
    ) -> tuple[_Both, float]:
        """The stream after attention at some positions, and what was taken as bias."""
        seen = self._seen(both)
        values = Values((seen.kernel,))
        if seen.tangent is not None:
            values = trained_values(seen.kernel, seen.tangent)
        across = self._across(seen.kernel, values, block, queries, averaging)
        made = self._with_excess(seen.kernel, values, across, block, queries, averaging)
        tangent = None
        if seen.tangent is not None:
            at = seen.kernel.at(queries), seen.tangent.at(queries)
            tangent = trained_attention(*at, made, block.beta)
        added = [_Both(made[0], tangent)]
        if block.identity_vo:
            weights = self.symmetry.averaged_rows(across.mean, queries)
            if self.normalisation == "pre":
                weights = weights / both.kernel.lengths[:, None, :]
            kept = block.residual * np.eye(weights.shape[2])[queries]
            kept = block.identity_vo * weights + kept
            added.append(both.map(lambda stream: stream.mixed(kept)))
        elif block.residual:
            factor = block.residual
            added.append(both.map(lambda stream: stream.at(queries).scaled(factor)))
        return self._sum(added), across.bias

    def steepness(
        self, both: _Both, block: BlockNumbers, queries: Int64[np.ndarray, " queries"]
    ) -> float:
        """How far logits are apart in attention at some positions."""
        return steepness(self._seen(both).kernel, queries, block.beta)

    def rule_error(self, both: _Both) -> float:
        """What coefficients of the activation are off in the MLP."""
        trained = both.tangent is not None
        return rule_error(self._seen(both).kernel, self.activation, trained=trained)

    def mlp(self, both: _Both, block: BlockNumbers) -> _Both:
        """The stream after the MLP."""
        seen = self._seen(both)
        made, tangent = through_mlp(seen.kernel, self.activation), None
        if seen.tangent is not None:
            tangent = trained_mlp(seen.kernel, seen.tangent, made, self.activation)
        added = [_Both(made, tangent)]
        if block.residual:
            added.append(both.map(lambda stream: stream.scaled(block.residual)))
        return self._sum(added)

    def _seen(self, both: _Both) -> _Both:
        """What a sublayer sees of the stream."""
        _check_range(both.kernel)
        return both.normalised() if self.normalisation == "pre" else both

    def _sum(self, added: list[_Both]) -> _Both:
        """The sum of a sublayer, normalised where that comes after it."""
        both = added[0]
        if len(added) > 1:
            tangents = [part.tangent for part in added if part.tangent is not None]
            kernel = stacked([part.kernel for part in added])
            both = _Both(kernel, stacked(tangents) if tangents else None)
        return both.normalised() if self.normalisation == "post" else both

    def _across(
        self,
        seen: Stream,
        values: Values,
        block: BlockNumbers,
        queries: Int64[np.ndarray, " queries"],
        averaging: Averaging,
    ) -> AcrossStrings:
        """A(C) of each of the values, at some positions."""
        positions = self.positions.at(queries)
        rows = rows_of(seen, block.beta, block.identity_kq, positions)
        directions = logit_directions(seen.root, block.beta, positions)
        rule = own_rule(directions.shape[-1] - 1, rows.deviation, averaging)
        return attend_across(values, directions, rows, rule, averaging)

    def _with_excess(
        self,
        seen: Stream,
        values: Values,
        across: AcrossStrings,
        block: BlockNumbers,
        queries: Int64[np.ndarray, " queries"],
        averaging: Averaging,
    ) -> list[Stream]:
        """What attention gives, lengths that must be equal made equal."""
        roots = [self._equal_lengths(root, queries) for root in across.roots]
        attended = [np.einsum("miq,mip->iqp", root, root) for root in roots]
        attending = Attending(
            beta=block.beta,
            identity=block.identity_kq,
            positions=self.positions.at(queries),
            averaging=averaging,
        )
        kinds = self.symmetry.representatives(queries)
        between = [matrix[kinds] for matrix in attended]
        excess = attend_within(seen, values, kinds, between, attending)
        return [
            Stream(root, self.symmetry.spread(more, queries))
            for root, more in zip(roots, excess, strict=True)
        ]

    def _equal_lengths(
        self,
        root: Float64[np.ndarray, "rows r queries"],
        queries: Int64[np.ndarray, " queries"],
    ) -> Float64[np.ndarray, "rows r queries"]:
        """A root, its columns made as long as those that they must equal."""
        squares = (root**2).sum(0)
        equal = self.symmetry.averaged_sites(squares, queries)
        # Strings share nothing where a position sees nothing but its own symbol.
        ratio = np.divide(equal, squares, out=np.ones_like(equal), where=squares > 0)
        return root * np.sqrt(ratio)
