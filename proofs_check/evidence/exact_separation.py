"""Theorem S on templates and an architecture: the exact side of what is estimated."""

from __future__ import annotations

from collections.abc import Sequence

from numerics import Architecture, Cosine, ReLU
from symbind_theory.separation.theorem_s import Decision, Kernel, Kind, decide
from symbind_theory.templates import Template

__all__ = ["decided_by_theorem_s"]


def decided_by_theorem_s(
    templates: Sequence[Template], architecture: Architecture
) -> Decision:
    """Whether N is non-singular by proof, and which templates collapse.

    Args:
        templates: templates of one length.
        architecture: the transformer.
    """
    return decide(templates, _kernel(architecture))


def _kernel(architecture: Architecture) -> Kernel:
    """What Theorem S needs to know of the architecture."""
    activation = architecture.activation
    kind: Kind = "other"
    if activation.constant:
        kind = "constant"
    elif isinstance(activation, Cosine):
        kind = "cosine"
    elif isinstance(activation, ReLU):
        kind = "relu"
    return Kernel(
        readout=architecture.readout,
        activation=kind,
        beta_is_zero=architecture.beta == 0,
        gamma_is_zero=architecture.gamma == 0,
        identity_kq=architecture.identity_kq != 0,
        one_layer=architecture.depth == 1
        and architecture.residual == 0
        and architecture.normalisation is None,
    )
