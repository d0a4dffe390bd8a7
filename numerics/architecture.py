"""The one-layer transformer whose kernel is estimated, as one frozen record."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from numerics.activations import Activation, Cosine, ReLU
from symbind_theory.records.architecture import ActivationRecord, ArchitectureRecord
from symbind_theory.separation.incidence import Readout, read_readout
from symbind_theory.separation.theorem_s import Kind
from symbind_theory.validation import (
    InputError,
    finite_number,
    positive_integer,
    shorten,
)

__all__ = ["Architecture", "read_architecture", "supported"]

_LARGEST = 1e75


@dataclass(frozen=True, slots=True)
class Architecture:
    """Parameters of the kernel, with the defaults used everywhere.

    Attributes:
        beta: inverse temperature of the softmax, ≥ 0.
        gamma: scale of the position embeddings, ≥ 0.
        readout: position that is read: the appended `[CLS]`, the last symbol, or the
            mean over positions.
        activation: φ of the layer after attention.
        identity_kq: a, the multiple of the identity added to W_K W_Qᵀ.
        identity_vo: b, the multiple of the identity added to W_V W_O.
        depth: number of attention layers, ≥ 1.
        residual: weight of the residual connection.
        normalisation: kind of normalisation after a layer, or None.

    Raises:
        InputError: a number out of range, or an unknown readout or activation.

    Source: arXiv 2310.09753, the transformer random-features kernel.
    """

    beta: float = 1.0
    gamma: float = 1.0
    readout: Readout = "cls"
    activation: Activation = field(default_factory=Cosine)
    identity_kq: float = 0.0
    identity_vo: float = 0.0
    depth: int = 1
    residual: float = 0.0
    normalisation: str | None = None

    def __post_init__(self) -> None:
        for name in ("beta", "gamma"):
            # Their fourth powers must stay within float64.
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
        for name in ("identity_kq", "identity_vo"):
            if abs(finite_number(name, getattr(self, name))) > _LARGEST:
                raise InputError(
                    f"{name} is {getattr(self, name):g}; expected a number between "
                    f"{-_LARGEST:g} and {_LARGEST:g}"
                )
        positive_integer("depth", self.depth)
        finite_number("residual", self.residual)

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


def supported(architecture: Architecture) -> Architecture:
    """The architecture, if this version estimates it.

    Raises:
        InputError: more than one layer, a residual connection or normalisation.
    """
    for name, only in (("depth", 1), ("residual", 0), ("normalisation", None)):
        given = getattr(architecture, name)
        if given != only:
            raise InputError(
                f"{name} is {given!r}; expected {only!r}, the only value that this "
                "version estimates"
            )
    return architecture
