"""The transformer whose kernel is estimated, as one frozen record."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from numerics.activations import Activation, Cosine, ReLU
from numerics.positions import RelativePositions, Rotary
from numerics.tokens import TokenGram
from symbind_theory.records.architecture import (
    ActivationRecord,
    ArchitectureRecord,
    BlockNumbers,
    BlockRecord,
    Normalisation,
    RelativeRecord,
)
from symbind_theory.separation.incidence import Readout, read_readout
from symbind_theory.separation.theorem_s import Kind
from symbind_theory.validation import (
    InputError,
    finite_number,
    one_of,
    positive_integer,
    shorten,
)

__all__ = ["Architecture", "Block", "read_architecture", "require_one_layer"]

_LARGEST = 1e75


@dataclass(frozen=True, slots=True)
class Block:
    """What one block of a deep transformer has of its own.

    None stands for what the architecture says for every block.

    Attributes:
        beta: inverse temperature of its softmax, ≥ 0.
        identity_kq: a of its attention.
        identity_vo: b of its attention.
        residual: s of both its sublayers.

    Raises:
        InputError: a number out of range.
    """

    beta: float | None = None
    identity_kq: float | None = None
    identity_vo: float | None = None
    residual: float | None = None

    def __post_init__(self) -> None:
        for name, low in (
            ("beta", 0.0),
            ("identity_kq", -_LARGEST),
            ("identity_vo", -_LARGEST),
            ("residual", -_LARGEST),
        ):
            if getattr(self, name) is not None:
                _number_between(name, getattr(self, name), low)


def _number_between(name: str, value: object, low: float) -> None:
    """See that a number's fourth power stays within float64.

    Raises:
        InputError: it does not, or the number is below `low`.
    """
    if not low <= finite_number(name, value) <= _LARGEST:
        raise InputError(
            f"{name} is {value:g}; expected a number between {low:g} and {_LARGEST:g}"
        )


@dataclass(frozen=True, slots=True)
class Architecture:
    """Parameters of the kernel, with the defaults used everywhere.

    Attributes:
        beta: inverse temperature of the softmax, ≥ 0.
        gamma: scale of the position embeddings, ≥ 0.
        readout: position that is read: the appended `[CLS]`, the last symbol, or the
            mean over positions; of one layer the mean of what attention gives, of
            blocks that of what the last one gives.
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
        blocks: one for each of `depth` blocks where they differ; () where all are
            alike.
        relative: positions relative to the query, beside those of scale `gamma`.
        tokens: inner products of token embeddings; None for independent ones.

    Raises:
        InputError: a number out of range, or an unknown readout, activation or
            normalisation.

    Source: arXiv 2310.09753, the transformer random-features kernel; symbind for depth.
    """

    beta: float = 1.0
    gamma: float = 1.0
    readout: Readout = "cls"
    activation: Activation = field(default_factory=Cosine)
    identity_kq: float = 0.0
    identity_vo: float = 0.0
    depth: int = 1
    residual: float = 0.0
    normalisation: Normalisation | None = None
    final_normalisation: bool = False
    causal: bool = False
    blocks: tuple[Block, ...] = ()
    relative: RelativePositions | None = None
    tokens: TokenGram | None = None

    def __post_init__(self) -> None:
        for name in ("beta", "gamma"):
            if finite_number(name, getattr(self, name), low=0) > _LARGEST:
                raise InputError(
                    f"{name} is {getattr(self, name):g}; expected at most {_LARGEST:g}"
                )
        read_readout(self.readout)
        # A class has the same methods, but no numbers.
        if isinstance(self.activation, type) or not isinstance(
            self.activation, Activation
        ):
            raise InputError(
                f"activation is {shorten(self.activation)}; expected an activation "
                "such as Cosine() or ReLU()"
            )
        for name in ("identity_kq", "identity_vo", "residual"):
            _number_between(name, getattr(self, name), -_LARGEST)
        self._check_blocks()

    def _check_blocks(self) -> None:
        """See that what depth brings fits together.

        Raises:
            InputError: it does not.
        """
        positive_integer("depth", self.depth)
        if self.normalisation is not None:
            one_of("normalisation", self.normalisation, ("pre", "post"))
        for name in ("final_normalisation", "causal"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(
                    f"{name} is {shorten(getattr(self, name))}; expected True or False"
                )
        if not (
            isinstance(self.blocks, tuple)
            and all(isinstance(block, Block) for block in self.blocks)
        ):
            raise InputError(
                f"blocks is {shorten(self.blocks)}; expected a tuple of Block, such as "
                "(Block(beta=2.0), Block())"
            )
        self._check_relative()
        if self.tokens is not None and not isinstance(self.tokens, TokenGram):
            raise InputError(
                f"tokens is {shorten(self.tokens)}; expected a TokenGram, such as "
                "TokenGram.equicorrelated(['X'], 0.5)"
            )
        if self.blocks and len(self.blocks) != self.depth:
            raise InputError(
                f"blocks has {len(self.blocks)} entries with depth {self.depth}; "
                "expected one for each block, or ()"
            )

    def _check_relative(self) -> None:
        """See that relative positions are some, and that a is defined with them.

        Raises:
            InputError: they are not, or it is not.
        """
        relative = self.relative
        if relative is None:
            return
        if isinstance(relative, type) or not isinstance(relative, RelativePositions):
            raise InputError(
                f"relative is {shorten(relative)}; expected relative positions such as "
                "ALiBi() or Rotary()"
            )
        turned = isinstance(relative, Rotary)
        if turned and any(block.identity_kq for block in self.every_block):
            raise InputError(
                "identity_kq is not 0 with rotary positions; expected 0: they turn "
                "queries and keys, between which no multiple of the identity stands"
            )

    @property
    def one_layer(self) -> bool:
        """Whether it is the paper's: one block, nothing added to it."""
        return self.record().one_layer

    @property
    def every_block(self) -> tuple[BlockNumbers, ...]:
        """The numbers of each block, first to last."""
        return self.record().every_block

    def record(self) -> ArchitectureRecord:
        """The exact record from which hypotheses and reports derive."""
        return ArchitectureRecord(
            beta=self.beta,
            gamma=self.gamma,
            readout=self.readout,
            activation=_activation_record(self.activation),
            identity_kq=self.identity_kq,
            identity_vo=self.identity_vo,
            depth=self.depth,
            residual=self.residual,
            normalisation=self.normalisation,
            final_normalisation=self.final_normalisation,
            causal=self.causal,
            blocks=tuple(
                BlockRecord(b.beta, b.identity_kq, b.identity_vo, b.residual)
                for b in self.blocks
            ),
            relative=None
            if self.relative is None
            else RelativeRecord(self.relative.name, self.relative.parameters),
            tokens=self.tokens,
        )


def _activation_record(activation: Activation) -> ActivationRecord:
    """Its name, the numbers among its fields, and what is known of it."""
    kind: Kind = "other"
    if activation.constant:
        kind = "constant"
    elif isinstance(activation, Cosine):
        kind = "cosine"
    elif isinstance(activation, ReLU):
        kind = "relu"
    numbers: tuple[tuple[str, float], ...] = ()
    if dataclasses.is_dataclass(activation) and not isinstance(activation, type):
        values = dataclasses.asdict(activation).items()
        numbers = tuple((k, v) for k, v in values if isinstance(v, (int, float)))
    return ActivationRecord(activation.name, numbers, kind)


def read_architecture(architecture: Architecture | None) -> Architecture:
    """The architecture that is passed, or the default where none is.

    Raises:
        InputError: anything else.
    """
    if architecture is None:
        return Architecture()
    if not isinstance(architecture, Architecture):
        raise InputError(
            f"architecture is {shorten(architecture)}; expected an Architecture, such "
            "as Architecture(beta=2.0, readout='last')"
        )
    return architecture


def require_one_layer(architecture: Architecture) -> Architecture:
    """The architecture, if it is of one layer.

    Raises:
        InputError: anything that only deep transformers have.
    """
    plain = Architecture()
    for name in (
        "depth",
        "residual",
        "normalisation",
        "final_normalisation",
        "causal",
        "blocks",
        "relative",
        "tokens",
    ):
        given, only = getattr(architecture, name), getattr(plain, name)
        if given != only:
            raise InputError(
                f"{name} is {shorten(given)}; expected {only!r}, the only value that "
                "is supported here"
            )
    return architecture
