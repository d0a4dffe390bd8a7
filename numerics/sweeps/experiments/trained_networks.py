"""The experiment "training": networks trained on n strings, and unseen symbols.

One network a point. The best epoch is chosen on validation strings; strings of all
three splits have symbols of their own. The labels of a task say what is measured: the
squared error, or the share of wrong tokens among the candidates.

Source: arXiv 2310.09753, on experiments.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from pydantic import Field

from numerics.devices import resolve_device
from numerics.networks.deep_transformer import DeepTransformer
from numerics.networks.embedding_network import EmbeddingNetwork
from numerics.networks.mixed_precision import MixedPrecision
from numerics.networks.trained_parts import LastLayer, Linearised
from numerics.networks.training import Training
from numerics.networks.unseen_embeddings import RowPolicy, UnseenRows, unseen_rows
from numerics.networks.unseen_strings import UnseenSymbols
from numerics.networks.unseen_training import (
    Diverged,
    Schedule,
    UnseenCurve,
    train_unseen,
)
from numerics.protocols import Trainable
from numerics.sweeps.experiment import Axes, Measured, PointFailed, Presets
from numerics.sweeps.experiments.models import (
    MODEL_PRESETS,
    Model,
    build,
    operations_of,
)
from numerics.sweeps.experiments.settings import TaskSettings, TrainingSettings

__all__ = [
    "EXPERIMENT",
    "Trained",
    "TrainedNetwork",
    "train_network",
    "trained_network",
]


class TrainedNetwork(TaskSettings, TrainingSettings):
    """One network and its training."""

    model: Model
    trained: Literal["all", "last layer", "linearised"] = Field(
        default="all", description="'all', 'last layer' or 'linearised'"
    )
    unseen: RowPolicy = Field(
        default="train",
        description="what is done about the embeddings of unseen tokens: 'train', "
        "'freeze' or 'reset'",
    )


@dataclass(frozen=True)
class Trained:
    """What training leaves.

    Attributes:
        network: as it is at the end.
        data: the strings.
        error: what was seen on the way.
        rows: what was done about unseen tokens; None where they were trained.
    """

    network: torch.nn.Module
    data: UnseenSymbols
    error: UnseenCurve
    rows: UnseenRows | None

    def looking(self) -> AbstractContextManager[None]:
        """While it lasts unseen tokens are as they were when errors were looked at."""
        return nullcontext() if self.rows is None else self.rows.looking()


def train_network(settings: TrainedNetwork) -> Measured:
    """Train one network, and say what came of it.

    Args:
        settings: the point.

    Raises:
        PointFailed: training that diverges, or a part that the model does not have.
    """
    trained = trained_network(settings)
    floor = settings.template_task().mlp_floor()
    return {
        **_row(trained.error),
        "mlp_floor": None if floor is None else float(floor),
        **_identities(trained.network),
    }


def trained_network(settings: TrainedNetwork) -> Trained:
    """Train one network.

    Args:
        settings: the point.

    Raises:
        PointFailed: training that diverges, or a part that the model does not have.
    """
    data = settings.strings()
    weights, order, fresh = settings.streams(3)
    network = build(settings.model, data, weights)
    device = resolve_device(settings.device)
    network, data = network.to(device), data.to(device)
    model = _part(network, settings.trained)
    if settings.mixed:
        model = MixedPrecision(model)
    training = Training(
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        optimiser=settings.optimiser,
        decay=settings.decay,
    )
    schedule = Schedule(
        epochs=settings.epochs,
        look_every=settings.look_every,
        patience=settings.patience,
        improvement=settings.improvement,
        enough=settings.enough,
    )
    rows = _rows(network, data, settings, fresh)
    try:
        error = train_unseen(model, data, training, schedule, order, rows=rows)
    except Diverged as problem:
        raise PointFailed(str(problem)) from None
    return Trained(network, data, error, rows)


def _rows(
    network: torch.nn.Module, data: UnseenSymbols, settings: TrainedNetwork, seed: int
) -> UnseenRows | None:
    """What is done about unseen rows; None where they are trained."""
    if settings.unseen == "train":
        return None
    if not isinstance(network, EmbeddingNetwork) or settings.trained != "all":
        raise PointFailed(
            f"unseen is {settings.unseen!r} for a model without an embedding that is "
            "trained; expected 'train'"
        )
    return UnseenRows(network, unseen_rows(data), settings.unseen, seed)


def _part(network: torch.nn.Module, trained: str) -> Trainable:
    """The network, or the part of it that is trained."""
    if trained == "all":
        return cast(Trainable, network)
    if not isinstance(network, EmbeddingNetwork) or network.output != "number":
        raise PointFailed(
            f"trained is {trained!r} for a model without a readout of its own; "
            "expected a network on embeddings and real labels"
        )
    return LastLayer(network) if trained == "last layer" else Linearised(network)


def _row(error: UnseenCurve) -> dict[str, float | int | None]:
    """What is kept of the looks."""
    best, last = error.best, error.last
    return {
        "test_error": best.test_error,
        "test_loss": best.test,
        "validation_loss": best.validation,
        "best_epoch": best.epoch,
        "last_test_error": last.test_error,
        "train_loss": last.train_loss,
        "epochs_run": last.epoch,
    }


def _identities(network: torch.nn.Module) -> dict[str, float]:
    """The mean over all heads of a and of b, where they are trained."""
    found: dict[str, float] = {}
    if isinstance(network, DeepTransformer):
        for name in ("identity_kq", "identity_vo"):
            scalars = [getattr(each, name) for each in network.attentions]
            if all(s is not None and s.requires_grad for s in scalars):
                found[name] = float(torch.cat(scalars).detach().mean())
    return found


def _operations(settings: TrainedNetwork) -> float:
    length = settings.template_task().length
    string = operations_of(settings.model, length)
    looks = 2 * settings.held_out / (3 * settings.look_every)
    epochs = settings.epochs
    if settings.patience is not None:
        epochs = min(epochs, 2 * settings.patience)
    return 3 * epochs * string * (settings.n + looks)


@dataclass(frozen=True)
class _Training:
    name: str = "training"
    settings: type[TrainedNetwork] = TrainedNetwork
    axes: Axes = ("n", "test_error", "model")

    @property
    def presets(self) -> Presets:
        return {"model": MODEL_PRESETS}

    def measure(self, settings: Any) -> Measured:
        return train_network(settings)

    def check_machine(self, settings: Any) -> None:
        resolve_device(settings.device)

    def operations(self, settings: Any) -> float:
        return _operations(settings)


EXPERIMENT = _Training()
"""What sweep files call "training"."""
