"""The experiment "features": ridge regression on what a network computes at its start.

    K̂(X, Y) = s² ⟨h(X), h(Y)⟩         "last layer": what training the readout alone sees
    K̂(X, Y) = ⟨∇f(X), ∇f(Y)⟩          "tangent": what training its linearisation sees
    f̂(x) = K̂(x, X) (K̂(X, X) + α I)⁻¹ y

for f = s ⟨w, h⟩, s² = 1/d in the theory's form. Gradient flow of the readout, or of the
linearisation, from a function less its initial one, ends there for α → 0 (Jacot et al.
2018). In the theory's form K̂ tends to the kernels of `template_gram` and of
`tangent_gram`.

Source: symbind, on a question of the public review of arXiv 2310.09753.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from pydantic import Field

from numerics.networks.embedding_network import EmbeddingNetwork
from numerics.networks.trained_parts import empirical_tangent_kernel
from numerics.shapes import Float64, Int64
from numerics.sweeps.experiment import Axes, Measured, PointFailed, Presets
from numerics.sweeps.experiments.models import (
    MODEL_PRESETS,
    Model,
    build,
    operations_of,
)
from numerics.sweeps.experiments.settings import Number, TaskSettings

__all__ = ["EXPERIMENT", "FrozenFeatures", "frozen_features_error"]


class FrozenFeatures(TaskSettings):
    """A network at its start, and the ridge regression on its features."""

    model: Model
    features: Literal["last layer", "tangent"] = Field(
        default="tangent", description="'last layer' or 'tangent'"
    )
    alpha: Number = Field(default=1e-3, gt=0, description="ridge, a number above 0")


def frozen_features_error(settings: FrozenFeatures) -> Measured:
    """The error on unseen symbols.

    Args:
        settings: the point.

    Raises:
        PointFailed: labels that are tokens, or a model that embeds no tokens.
    """
    task = settings.template_task()
    if task.symbolic:
        raise PointFailed("labels are tokens; expected numbers for ridge regression")
    data = settings.strings()
    network = build(settings.model, data, settings.streams(1)[0])
    if not isinstance(network, EmbeddingNetwork):
        raise PointFailed("model embeds no tokens; expected one that does")
    network = network.double()
    train, test = data.train.tokens, data.test.tokens
    kernel = _last_layer if settings.features == "last layer" else _tangent
    gram = kernel(network, train, train)
    gram.diagonal().add_(settings.alpha)
    coefficients = torch.linalg.solve(gram, data.train.targets.double())
    predicted = kernel(network, test, train) @ coefficients
    error = (predicted - data.test.targets.double()).square().mean()
    return {"test_error": float(error)}


@torch.no_grad()
def _last_layer(
    network: EmbeddingNetwork,
    tokens: Int64[torch.Tensor, "n k"],
    others: Int64[torch.Tensor, "m k"],
) -> Float64[torch.Tensor, "n m"]:
    """s² ⟨h, h'⟩, the inner product of the readout's gradients."""
    scale = network.readout_scale**2
    return scale * network.encode(tokens) @ network.encode(others).T


def _tangent(
    network: EmbeddingNetwork,
    tokens: Int64[torch.Tensor, "n k"],
    others: Int64[torch.Tensor, "m k"],
) -> Float64[torch.Tensor, "n m"]:
    """⟨∇f, ∇f'⟩."""
    return empirical_tangent_kernel(network, tokens, others).detach()


@dataclass(frozen=True)
class _Features:
    name: str = "features"
    settings: type[FrozenFeatures] = FrozenFeatures
    axes: Axes = ("n", "test_error", "features")

    @property
    def presets(self) -> Presets:
        return {"model": MODEL_PRESETS}

    def measure(self, settings: Any) -> Measured:
        return frozen_features_error(settings)

    def operations(self, settings: Any) -> float:
        length = settings.template_task().length
        string = operations_of(settings.model, length)
        strings = settings.n + settings.held_out
        if settings.features == "last layer":
            return 2 * string * strings + settings.n**3
        # Gradients of one side, three times a pass, for every 64 strings of the other;
        # a pass takes two operations a weight and token.
        gradients = 3 * string * settings.n * strings / 64
        products = string / length * settings.n * strings
        return gradients + products + settings.n**3


EXPERIMENT = _Features()
"""What sweep files call "features"."""
