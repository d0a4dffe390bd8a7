"""The experiment "width": how near is a finite network's last layer to its kernel?

Ridge regression on the hidden units of one network at random initialisation,

    K̂(X, Y) = m⁻¹ Σ_u φ(W_A z1(X))_u φ(W_A z1(Y))_u,       (K̂ + α I) c = y,

and with the kernel that K̂ tends to as width, head width, heads H and hidden units m
grow, on the same strings: both errors are on symbols that no training string has.

The template matrix of the same network, N̂_ij = the mean of K̂ over substitutions with
disjoint images, is that of m features: it is singular where m < r, and near it where
hidden units or heads are few. Substitutions are of symbols with new embeddings, all
else in the network stays. Its entries are estimated without bias from two halves of
the substitutions. The smallest eigenvalue is concave in them, so that noise takes it
down. The jackknife over groups of substitutions takes that back where the eigenvalue is
alone, less of it where others are as near to it as the noise; it gives the error bar
too (Efron & Stein 1981).

Source: symbind, on a question of the public review of arXiv 2310.09753.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from numerics.architecture import Architecture
from numerics.estimators import TransformerKernelRegressor
from numerics.networks.transformer import NetworkShape, TransformerNetwork
from numerics.networks.unseen_strings import Split, UnseenSymbols
from numerics.shapes import Float64, Int64
from numerics.sweeps.experiment import Axes, Measured, PointFailed, Presets
from numerics.sweeps.experiments.models import ACTIVATIONS
from numerics.sweeps.experiments.settings import Count, Number, TaskSettings
from symbind_theory.tasks import TemplateTask

__all__ = [
    "EXPERIMENT",
    "FiniteWidth",
    "finite_network",
    "finite_template_matrix",
    "finite_width_error",
]

# Groups of substitutions, for the error bar of an eigenvalue.
_GROUPS = 16


class FiniteWidth(TaskSettings):
    """A network of one layer, and the ridge regression on its hidden units."""

    alpha: Number = Field(default=1e-3, gt=0, description="ridge, a number above 0")
    beta: Number = Field(
        default=1.0, ge=0, description="inverse temperature, a number of at least 0"
    )
    gamma: Number = Field(
        default=1.0, ge=0, description="scale of the positions, a number of at least 0"
    )
    readout: Literal["cls", "last", "mean"] = Field(
        default="cls", description="'cls', 'last' or 'mean'"
    )
    activation: Literal["gelu", "relu", "erf", "cos"] = Field(
        default="cos", description="'gelu', 'relu', 'erf' or 'cos'"
    )
    width: Count = Field(default=256, ge=1, description="d, an integer of at least 1")
    head_width: Count = Field(default=64, ge=1, description="an integer of at least 1")
    heads: Count = Field(default=64, ge=1, description="H, an integer of at least 1")
    hidden: Count = Field(default=4096, ge=1, description="m, an integer of at least 1")
    substitutions: Count = Field(
        default=1024,
        ge=32,
        description="of each template, for the template matrix, an integer from 32",
    )

    def architecture(self) -> Architecture:
        """The architecture whose kernel is the limit."""
        return Architecture(
            beta=self.beta,
            gamma=self.gamma,
            readout=self.readout,
            activation=ACTIVATIONS[self.activation],
        )


def finite_width_error(settings: FiniteWidth) -> Measured:
    """Both errors on the same strings, and the smallest eigenvalue of N̂.

    Args:
        settings: the point.

    Raises:
        PointFailed: labels that are tokens.
    """
    task = settings.template_task()
    if task.symbolic:
        raise PointFailed("labels are tokens; expected numbers for ridge regression")
    data = settings.strings()
    network = finite_network(settings, data)
    kernel = TransformerKernelRegressor(settings.architecture(), settings.alpha)
    kernel.fit(_strings(data.train), data.train.targets.numpy())
    predicted = kernel.predict(_strings(data.test))
    finite = _ridge(network, data, settings.alpha)
    truth = data.test.targets.numpy()
    # Last, as it draws the embeddings of symbols anew.
    eigenvalue, error = _smallest_eigenvalue(network, task, settings)
    return {
        "test_error": float(np.mean((finite - truth) ** 2)),
        "kernel_error": float(np.mean((predicted - truth) ** 2)),
        "smallest_eigenvalue": eigenvalue,
        "smallest_eigenvalue_error": error,
    }


def finite_network(settings: FiniteWidth, data: UnseenSymbols) -> TransformerNetwork:
    """The network of a point, at random initialisation.

    Args:
        settings: the point.
        data: its strings, which say how many tokens there are.
    """
    shape = NetworkShape(
        vocabulary=data.vocabulary,
        length=data.length,
        width=settings.width,
        head_width=settings.head_width,
        heads=settings.heads,
        hidden=settings.hidden,
    )
    weights, _ = settings.streams(2)
    return TransformerNetwork(shape, settings.architecture(), weights)


def _strings(split: Split) -> list[list[str]]:
    """The strings as the regressor reads them: only equality of tokens matters."""
    return [[f"t{token}" for token in row] for row in split.tokens.tolist()]


@torch.no_grad()
def _features(
    network: TransformerNetwork, tokens: Int64[torch.Tensor, "n k"]
) -> Float64[np.ndarray, "n hidden"]:
    """φ(W_A z1)/√m of each string."""
    parts = [network.hidden(part) for part in tokens.split(128)]
    return (torch.cat(parts) / network.shape.hidden**0.5).numpy()


def _ridge(
    network: TransformerNetwork, data: UnseenSymbols, alpha: float
) -> Float64[np.ndarray, " m"]:
    """The predictions of ridge regression on the network's features."""
    train = _features(network, data.train.tokens)
    test = _features(network, data.test.tokens)
    targets = data.train.targets.double().numpy()
    gram = train @ train.T
    gram[np.diag_indices_from(gram)] += alpha
    return test @ (train.T @ np.linalg.solve(gram, targets))


def _smallest_eigenvalue(
    network: TransformerNetwork, task: TemplateTask, settings: FiniteWidth
) -> tuple[float, float]:
    """λ_min of N̂ less its bias by the jackknife, and its standard error."""
    if settings.hidden < len(task):
        return 0.0, 0.0
    means = finite_template_matrix(network, task, settings)
    value = _least(means.mean(1))
    left = [_least(np.delete(means, g, axis=1).mean(1)) for g in range(_GROUPS)]
    spread = np.var(left) * (_GROUPS - 1)
    corrected = _GROUPS * value - (_GROUPS - 1) * float(np.mean(left))
    return corrected, float(np.sqrt(spread))


def _least(halves: Float64[np.ndarray, "2 r hidden"]) -> float:
    """The smallest eigenvalue of the symmetric part of F₁F₂ᵀ."""
    product = halves[0] @ halves[1].T
    return float(np.linalg.eigvalsh((product + product.T) / 2)[0])


def finite_template_matrix(
    network: TransformerNetwork, task: TemplateTask, settings: FiniteWidth
) -> Float64[np.ndarray, "2 groups r hidden"]:
    """Mean features of each template over substitutions, in halves and groups.

    No symbol is used twice: products of means of the two halves are unbiased for N̂.

    Args:
        network: of the task's strings, regular tokens first; the embeddings of its
            symbols are overwritten.
        task: the templates.
        settings: how many substitutions, and the seed of their embeddings.
    """
    count = settings.substitutions // (2 * _GROUPS)
    drawn = torch.Generator().manual_seed(settings.streams(2)[1])
    means = np.empty((2, _GROUPS, len(task), network.shape.hidden))
    for half, group in np.ndindex(2, _GROUPS):
        for index in range(len(task)):
            means[half, group, index] = _mean_features(
                network, task, index, count, drawn
            )
    return means


@torch.no_grad()
def _mean_features(
    network: TransformerNetwork,
    task: TemplateTask,
    index: int,
    count: int,
    drawn: torch.Generator,
) -> Float64[np.ndarray, " hidden"]:
    """The mean over substitutions of one template, whose symbols have new embeddings.

    The network has room for so many substitutions at once, and no more.
    """
    template, fixed = task.templates[index], list(task.regular_tokens)
    wildcards = max(len(template.wildcards), 1)
    symbols = network.embedding[len(fixed) : network.shape.vocabulary]
    at_once = len(symbols) // wildcards
    first = torch.empty(template.length, dtype=torch.long)
    for token, places in template.regular_positions.items():
        first[list(places)] = fixed.index(token)
    for number, places in enumerate(template.wildcard_positions.values()):
        first[list(places)] = len(fixed) + number
    step = (first >= len(fixed)).long() * wildcards
    total = np.zeros(network.shape.hidden)
    for start in range(0, count, at_once):
        symbols.copy_(_fresh(symbols, drawn))
        here = torch.arange(min(at_once, count - start))[:, None]
        total += _features(network, first + step * here).sum(0)
    return total / count


def _fresh(rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    draws = torch.randn(rows.shape, generator=generator, dtype=rows.dtype)
    return draws / rows.shape[1] ** 0.5


@dataclass(frozen=True)
class _Width:
    name: str = "width"
    settings: type[FiniteWidth] = FiniteWidth
    axes: Axes = ("hidden", "test_error", None)

    @property
    def presets(self) -> Presets:
        return {}

    def measure(self, settings: Any) -> Measured:
        return finite_width_error(settings)

    def operations(self, settings: Any) -> float:
        task = settings.template_task()
        length = task.length + 1
        strings = settings.n + settings.held_out + settings.substitutions * len(task)
        token = settings.heads * settings.head_width * settings.width * 6.0
        units = 2.0 * settings.width * settings.hidden
        return strings * (length * token + units) + settings.n**2 * settings.hidden


EXPERIMENT = _Width()
"""What sweep files call "width"."""
