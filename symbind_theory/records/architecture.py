"""The transformer that a check is about, as an exact record.

What the theorems ask of it follows from the record: `ArchitectureRecord.hypotheses` for
Theorem S, `ArchitectureRecord.deep_hypotheses` for Theorem D.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from symbind_theory.records.description import InDocument
from symbind_theory.separation.incidence import Readout
from symbind_theory.separation.theorem_d import (
    BlockFacts,
    DeepHypotheses,
    Relative,
)
from symbind_theory.separation.theorem_s import Hypotheses, Kind
from symbind_theory.separation.token_gram import TokenGram
from symbind_theory.validation import InputError, shorten

__all__ = [
    "ActivationRecord",
    "ArchitectureRecord",
    "BlockNumbers",
    "BlockRecord",
    "KernelName",
    "Normalisation",
    "RelativeRecord",
    "read_kernel_name",
]

KernelName = Literal["nngp", "ntk"]
"""Which kernel of a transformer: its readout alone trained, or all its layers."""


def read_kernel_name(kernel: object) -> KernelName:
    """Which kernel of a transformer is meant; "nngp" where nothing is said.

    Raises:
        InputError: neither "nngp" nor "ntk".
    """
    name = "nngp" if kernel is None else kernel
    for known in get_args(KernelName):
        if name == known:
            return known
    raise InputError(f"kernel is {shorten(kernel)}; expected 'nngp' or 'ntk'")


Normalisation = Literal["pre", "post"]
"""Of what each sublayer of a block sees, or of the sum after it."""

# Of a file, a number is kept as it is there: 2 and 2.0 are written differently.
_Number = Annotated[float, InDocument(exact=True)]
_YesNo = Annotated[bool, InDocument(expected="true or false")]
_NotNegative = Annotated[float, InDocument(exact=True, low=0)]


@dataclass(frozen=True, slots=True)
class ActivationRecord:
    """An activation: its name, its numbers, and what is known of it.

    >>> ActivationRecord("cos", (("b1", 1.0), ("b2", 0.3))).kind
    'cosine'
    >>> ActivationRecord("cos", (("b1", 0.0), ("b2", 0.3))).kind
    'constant'

    Attributes:
        name: short name, as on the command line.
        parameters: its numeric parameters, each with its name, in order.
        kind: what is known of it. Name and parameters tell it for the activations of
            the command line; None where nobody has told it, as for an activation of
            one's own in a file. It is not compared: name and parameters are.
    """

    name: Annotated[str, InDocument(expected="the name of an activation")]
    parameters: Annotated[tuple[tuple[str, float], ...], InDocument(place="rest")] = ()
    kind: Annotated[Kind | None, InDocument(place="nowhere")] = field(
        default=None, compare=False
    )

    def __post_init__(self) -> None:
        if self.kind is None:
            object.__setattr__(self, "kind", _kind(self.name, dict(self.parameters)))


def _kind(name: str, parameters: Mapping[str, float]) -> Kind | None:
    """What name and parameters tell of an activation, if they do."""
    if name == "cos" and parameters.keys() == {"b1", "b2"}:
        return "cosine" if parameters["b1"] else "constant"
    without: Mapping[str, Kind] = {"relu": "relu", "erf": "other", "gelu": "other"}
    return None if parameters else without.get(name)


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """What one block of a deep transformer has of its own.

    None stands for what the architecture says for every block.

    Attributes:
        beta: inverse temperature of its softmax, ≥ 0.
        identity_kq: a of its attention.
        identity_vo: b of its attention.
        residual: s of both its sublayers.
    """

    beta: _NotNegative | None = None
    identity_kq: _Number | None = None
    identity_vo: _Number | None = None
    residual: _Number | None = None


@dataclass(frozen=True, slots=True)
class BlockNumbers:
    """The numbers of one block.

    Attributes:
        beta: inverse temperature of its softmax, ≥ 0.
        identity_kq: a of its attention.
        identity_vo: b of its attention.
        residual: s of both its sublayers.
    """

    beta: float
    identity_kq: float
    identity_vo: float
    residual: float


@dataclass(frozen=True, slots=True)
class RelativeRecord:
    """Relative positions: their name and their numbers.

    Attributes:
        name: short name, such as "alibi" or "rotary".
        parameters: their numbers, each with its name, in order.
    """

    name: Annotated[str, InDocument(expected="the name of relative positions")]
    parameters: Annotated[tuple[tuple[str, float], ...], InDocument(place="rest")] = ()

    @property
    def kind(self) -> Relative:
        """What name and parameters tell Theorem D.

        >>> RelativeRecord("alibi", (("slope", 0.5),)).kind
        'bias'
        >>> RelativeRecord("alibi").kind
        'unknown'
        """
        given = [name for name, _ in self.parameters]
        if self.name == "distance-bias" and all(_is_integer(x) for x in given):
            return "bias"
        if (self.name, *given) == ("rotary", "frequencies", "base"):
            return "rotary" if all(n > 0 for _, n in self.parameters) else "unknown"
        biases = (("alibi", "slope"), ("random-bias", "deviation"))
        return "bias" if (self.name, *given) in biases else "unknown"

    @property
    def angles(self) -> tuple[float, ...]:
        """By which rotary positions turn for a distance of 1; () for others."""
        if self.kind != "rotary":
            return ()
        numbers = dict(self.parameters)
        count, base = int(numbers["frequencies"]), numbers["base"]
        return tuple(base ** (-f / count) for f in range(count))


@dataclass(frozen=True, slots=True)
class ArchitectureRecord:
    """The parameters of a transformer's kernel; `numerics.Architecture` explains them.

    Attributes:
        beta: inverse temperature of the softmax, ≥ 0.
        gamma: scale of the position embeddings, ≥ 0.
        readout: position that is read.
        activation: φ of the layer after attention.
        identity_kq: a, the multiple of the identity added to W_K W_Qᵀ.
        identity_vo: b, the multiple of the identity added to W_V W_O.
        depth: number of blocks, attention and then an MLP, ≥ 1.
        residual: s, by which each sublayer's input is multiplied before its output is
            added.
        normalisation: "pre" where each sublayer sees its input normalised, "post" where
            the sum is normalised, or None.
        final_normalisation: whether the stream is normalised before it is read.
        causal: whether a position attends to those up to itself alone.
        blocks: one for each block where they differ; () where all are alike.
        relative: positions relative to the query, beside those of scale `gamma`.
        tokens: inner products of token embeddings; None where these are independent.
    """

    beta: _NotNegative
    gamma: _NotNegative
    readout: Readout
    activation: Annotated[
        ActivationRecord,
        InDocument(expected="a table of the activation's name and its numbers"),
    ]
    identity_kq: _Number
    identity_vo: _Number
    depth: Annotated[int, InDocument(low=1)]
    residual: _Number
    normalisation: Normalisation | None
    final_normalisation: _YesNo = False
    causal: _YesNo = False
    blocks: tuple[BlockRecord, ...] = ()
    relative: RelativeRecord | None = None
    tokens: TokenGram | None = None

    @property
    def every_block(self) -> tuple[BlockNumbers, ...]:
        """The numbers of each block, first to last."""
        own = self.blocks or (BlockRecord(),) * self.depth
        return tuple(
            BlockNumbers(
                beta=_or(block.beta, self.beta),
                identity_kq=_or(block.identity_kq, self.identity_kq),
                identity_vo=_or(block.identity_vo, self.identity_vo),
                residual=_or(block.residual, self.residual),
            )
            for block in own
        )

    @property
    def one_layer(self) -> bool:
        """Whether it is the paper's: one block, nothing added to it."""
        plain = self.depth == 1 and self.residual == 0 and not self.blocks
        return plain and not (
            self.normalisation
            or self.final_normalisation
            or self.causal
            or self.relative
            or self.tokens
        )

    @property
    def has_identity(self) -> bool:
        """Whether a non-zero multiple of the identity is added in some block."""
        return any(x.identity_kq != 0 or x.identity_vo != 0 for x in self.every_block)

    @property
    def hypotheses(self) -> Hypotheses:
        """What Theorem S needs to know.

        Raises:
            InputError: nothing is known of the activation.
        """
        return Hypotheses(
            readout=self.readout,
            activation=self._kind_of_activation,
            beta_is_zero=self.beta == 0,
            gamma_is_zero=self.gamma == 0,
            identity_kq=self.identity_kq != 0,
            one_layer=self.one_layer,
        )

    @property
    def deep_hypotheses(self) -> DeepHypotheses:
        """What Theorem D needs to know.

        Raises:
            InputError: nothing is known of the activation.
        """
        return DeepHypotheses(
            readout=self.readout,
            activation=self._kind_of_activation,
            gamma_is_zero=self.gamma == 0,
            causal=self.causal,
            blocks=tuple(
                BlockFacts(
                    beta_is_zero=block.beta == 0,
                    residual=block.residual != 0,
                    identity_vo=block.identity_vo != 0,
                )
                for block in self.every_block
            ),
            relative="none" if self.relative is None else self.relative.kind,
            angles=() if self.relative is None else self.relative.angles,
            tokens=self.tokens if self.tokens and not self.tokens.identity else None,
        )

    @property
    def _kind_of_activation(self) -> Kind:
        if self.activation.kind is None:
            raise InputError(
                f"activation is {shorten(self.activation.name)}, of which it is not "
                "known whether it is constant; expected its kind"
            )
        return self.activation.kind


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def _or(own: float | None, everywhere: float) -> float:
    """A block's own number, or that of every block."""
    return everywhere if own is None else own
