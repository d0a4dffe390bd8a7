"""How small λ_min(N) of a deep transformer can be, from its first attention.

Let C¹ be what the first attention alone makes of the embeddings, at what is read: the
one-layer C of `first_attention`. Later sublayers leave a residual s² C of it and add
positive semi-definite matrices, so that with L blocks of one s

    λ_min(N) ≥ s^{2(2L−1)} λ_min(C¹)                                 no normalisation,

the first attention's own s left out; with an s of each block its square counts once in
the first block and twice in every other. Differences from that formula:

1. An MLP leaves s² + m² instead of s², m² ≤ (E φ'(√v g))² for all self values v that
   it sees: the first term of the Mehler series.
2. "pre": the first attention sees the embeddings divided by √(1+γ²), so that β and C¹
   are both divided by 1 + γ². An MLP sees self values 1, and its m² is divided by an
   upper bound of the stream's.
3. "post" and a final normalisation divide by an upper bound of the self values there:
   adding s x, b x̄ and attention makes them (|s| + |b|)² + 1 times as large at most, and
   an MLP makes them s² times as large and adds E φ(√v g)².
4. A multiple b of the identity in a later block turns its residual s into s I + b S̄,
   which may be singular: nothing is left, and the bound is 0. In the first block it
   only adds to C¹.
5. Under the mean readout C¹ may be averaged over positions only as long as all of them
   are multiplied alike. Where an MLP's m² or a normalisation counts, λ_min(C¹) is that
   over all pairs of a template and a position, and the average costs a factor 1/K.

Source: symbind; docs/theorem-d.md has the proof.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Protocol

from symbind_theory.interval import Interval
from symbind_theory.separation.incidence import Readout
from symbind_theory.validation import InputError, finite_number, positive_integer

__all__ = ["MlpMoments", "depth_bound", "first_temperature"]


class _Block(Protocol):
    """The numbers of one block that the bound asks for."""

    @property
    def beta(self) -> float: ...
    @property
    def identity_vo(self) -> float: ...
    @property
    def residual(self) -> float: ...


class Network(Protocol):
    """The numbers of a transformer that the bound asks for: `ArchitectureRecord`."""

    @property
    def gamma(self) -> float: ...
    @property
    def readout(self) -> Readout: ...
    @property
    def normalisation(self) -> str | None: ...
    @property
    def final_normalisation(self) -> bool: ...
    @property
    def one_layer(self) -> bool: ...
    @property
    def tokens(self) -> object | None: ...
    @property
    def every_block(self) -> Sequence[_Block]: ...


@dataclass(frozen=True, slots=True)
class MlpMoments:
    """What is known of an activation under N(0, v), for all self values v that occur.

    Under "pre" and "post" an MLP sees v = 1 alone.

    Attributes:
        slope: at most |E φ'(√v g)|, ≥ 0; 0 leaves MLPs out of the bound.
        power: at least E φ(√v g)², ≥ 0; normalisations of the stream ask for it.
    """

    slope: float = 0.0
    power: float | None = None

    def __post_init__(self) -> None:
        finite_number("slope", self.slope, low=0)
        if self.power is not None:
            finite_number("power", self.power, low=0)


def first_temperature(network: Network) -> float:
    """β of the one layer whose attention is the first block's: divided under "pre".

    >>> from symbind_theory.records.architecture import (
    ...     ActivationRecord, ArchitectureRecord)
    >>> first_temperature(ArchitectureRecord(
    ...     1.0, 1.0, "cls", ActivationRecord("relu"), 0.0, 0.0, depth=2, residual=1.0,
    ...     normalisation="pre"))
    0.5

    Args:
        network: the transformer.

    Raises:
        InputError: a Gram matrix of tokens.
    """
    _require_independent_tokens(network)
    beta = network.every_block[0].beta
    return beta / (1 + network.gamma**2) if network.normalisation == "pre" else beta


def depth_bound(
    network: Network,
    first: Interval,
    moments: MlpMoments | None = None,
    positions: int | None = None,
) -> Interval:
    """An interval for a lower bound on λ_min(N) of a deep transformer.

    Its low end is below λ_min(N) at the level of `first`. The bound is a number times
    λ_min(C¹), C¹ the attention kernel of one layer with `first_temperature`, a of the
    first block, b = 0 and the network's γ, readout and relative positions (under a
    causal mask and the mean readout: with that mask).

    >>> from symbind_theory.records.architecture import (
    ...     ActivationRecord, ArchitectureRecord)
    >>> deep = ArchitectureRecord(1.0, 1.0, "cls", ActivationRecord("relu"), 0.0, 0.0,
    ...     depth=2, residual=0.5, normalisation=None)
    >>> depth_bound(deep, Interval(0.64, 0.32, 1.28)).low
    0.005

    Args:
        network: the transformer.
        first: λ_min(C¹).
        moments: of the activation; None where nothing is known of it.
        positions: None where `first` is of C¹ at what is read, averaged under the mean
            readout; K where it is of C¹ over all pairs of a template and a position,
            with K positions at most.

    Raises:
        InputError: a normalisation of the stream without the activation's power, the
            mean readout without `positions` where it needs them, or a Gram matrix of
            tokens, whose self values may differ.
    """
    _require_independent_tokens(network)
    moments = moments or MlpMoments()
    if positions is not None:
        positive_integer("positions", positions)
    averaged = network.readout == "mean" and not network.one_layer
    uneven = network.normalisation == "post" or network.final_normalisation
    if averaged and positions is None and (uneven or moments.slope):
        raise InputError(
            "positions is None; expected the number of positions, and the smallest "
            "eigenvalue over all of them: the mean readout averages what an MLP or a "
            "normalisation has multiplied by position"
        )
    factor = _factor(network, moments)
    if averaged and positions is not None:
        factor /= positions
    return Interval(
        _rounded(factor, first.value, None),
        _rounded(factor, max(first.low, 0.0), -math.inf),
        _rounded(factor, first.high, math.inf),
        first.level,
    )


def _require_independent_tokens(network: Network) -> None:
    if network.tokens is not None:
        raise InputError(
            "tokens is a Gram matrix; expected None: the bound is known of independent "
            "embeddings alone"
        )


def _factor(network: Network, moments: MlpMoments) -> Fraction:
    """λ_min(N) / λ_min(C¹) at least, of what the residuals and MLPs leave."""
    pre, post = (network.normalisation == x for x in ("pre", "post"))
    embedded = 1 + Fraction(network.gamma) ** 2
    stream: Fraction | None = embedded
    slope = Fraction(moments.slope) ** 2
    factor = 1 / embedded if pre else Fraction(1)
    for number, block in enumerate(network.every_block):
        s, b = (Fraction(abs(x)) for x in (block.residual, block.identity_vo))
        if number:
            factor *= 0 if b else s**2
        stream = _after_attention(stream, s, b, pre)
        if post:
            factor, stream = factor / _known(stream), Fraction(1)
        factor *= s**2 + (slope / _known(stream) if pre and slope else slope)
        if not factor:
            return factor
        stream = _after_mlp(stream, s, moments.power)
        if post:
            factor, stream = factor / _known(stream), Fraction(1)
    return factor / _known(stream) if network.final_normalisation else factor


def _after_attention(
    stream: Fraction | None, s: Fraction, b: Fraction, pre: bool
) -> Fraction | None:
    """The stream's self values at most, after s x + b x̄ and attention are added."""
    if stream is None:
        return None
    seen = Fraction(1) if pre else stream
    if not b:
        return s**2 * stream + seen
    return (s * _root_above(stream) + b * _root_above(seen)) ** 2 + seen


def _after_mlp(
    stream: Fraction | None, s: Fraction, power: float | None
) -> Fraction | None:
    """The stream's self values at most; None where nothing bounds the activation."""
    if stream is None or power is None:
        return None
    return s**2 * stream + Fraction(power)


def _known(stream: Fraction | None) -> Fraction:
    if not stream:
        raise InputError(
            "moments has no power above 0; expected an upper bound of the activation's "
            "second moment: the stream that it adds to is divided by its self values"
        )
    return stream


def _root_above(x: Fraction) -> Fraction:
    """A number not below √x, by some 2⁻⁶⁴ of it."""
    shift = 2 ** max(0, 64 - (x.numerator.bit_length() - x.denominator.bit_length()))
    scaled = -(-x.numerator * shift**2 // x.denominator)
    return Fraction(isqrt(scaled - 1) + 1, shift)


def _rounded(factor: Fraction, number: float, towards: float | None) -> float:
    """The product in float64: the nearest, or the next one that way if inexact."""
    if math.isinf(number):
        return number if factor else 0.0
    exact = factor * Fraction(number)
    try:
        nearest = float(exact)
    except OverflowError:
        return math.inf if towards == math.inf else math.nextafter(math.inf, 0)
    if towards is None or nearest == exact or (nearest > exact) == (towards > 0):
        return nearest
    return math.nextafter(nearest, towards)
