"""Deep architectures by name: every switch is on in some, and off in others."""

from dataclasses import replace

from symbind_testing.builders.activations import ScaledReLU

from numerics import GELU, Architecture, Cosine, Erf
from numerics.architecture import Block

DEEP = {
    "plain": Architecture(depth=3, readout="last", activation=ScaledReLU()),
    "residual": Architecture(
        depth=4, readout="last", residual=1.0, activation=ScaledReLU()
    ),
    "pre": Architecture(
        beta=2.0,
        depth=3,
        readout="last",
        residual=1.0,
        normalisation="pre",
        final_normalisation=True,
        activation=GELU(),
        identity_kq=0.7,
        identity_vo=-0.4,
    ),
    "post": Architecture(
        beta=2.0,
        gamma=0.6,
        depth=2,
        readout="mean",
        residual=0.5,
        normalisation="post",
        activation=Cosine(),
        identity_vo=0.5,
    ),
    "causal": Architecture(
        depth=2,
        readout="mean",
        causal=True,
        activation=Erf(),
        identity_kq=-0.3,
        blocks=(Block(beta=1.5, identity_vo=0.7), Block(identity_kq=1.0, residual=0.5)),
    ),
}


def cold(architecture):
    """The same at β = 0."""
    blocks = tuple(replace(block, beta=0.0) for block in architecture.blocks)
    return replace(architecture, beta=0.0, blocks=blocks)
