"""The experiment "training": networks trained on n strings, and unseen symbols.

One network a point. The best epoch is chosen on validation strings; strings of all
three splits have symbols of their own. The labels of a task say what is measured: the
squared error, or the share of wrong tokens among the candidates.

Source: arXiv 2310.09753, on experiments.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

import torch
from pydantic import Field, model_validator

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
from symbind_theory.validation import InputError

__all__ = [
    "EXPERIMENT",
    "AfterTraining",
    "TrainedNetwork",
    "after_training",
    "training_row",
]

# After how many times the patience training ends, for estimates of time alone. The mean
# over 121 networks on aba/abb was 1.2; where errors fall late it is more.
_PATIENCES = 2
# A step takes three times what the outputs take: the gradient costs two passes more.
_PASSES = 3


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

    @model_validator(mode="after")
    def _can_be_trained(self) -> Self:
        """Refuse what no network can do when the settings are read, not at its turn."""
        kind, embeds = self.model.kind, self.model.embeds_tokens
        numbers = not self.template_task().symbolic
        if not (numbers or embeds):
            raise InputError(
                f"model is of kind {kind!r}, without outputs for labels that are "
                "tokens; expected numbers as labels, or another kind"
            )
        if self.trained != "all" and not (numbers and embeds):
            lacking = (
                f"a model of kind {kind!r}" if numbers else "labels that are tokens"
            )
            raise InputError(
                f"trained is {self.trained!r} for {lacking}; expected 'all', or "
                "numbers as labels and a model with a readout of embeddings"
            )
        if self.unseen != "train" and not (embeds and self.trained == "all"):
            untrained = f"trained = {self.trained!r}" if embeds else f"kind = {kind!r}"
            raise InputError(
                f"unseen is {self.unseen!r} with {untrained}, where no embedding is "
                "trained; expected 'train'"
            )
        return self


@dataclass(frozen=True)
class AfterTraining:
    """What training leaves.

    Attributes:
        network: the network as it is at the end.
        data: the strings of all three splits.
        error: the looks at the errors, from the start to the end.
        rows: what was done about unseen tokens; None where the network has no
            embedding.
    """

    network: torch.nn.Module
    data: UnseenSymbols
    error: UnseenCurve
    rows: UnseenRows | None

    def looking(self) -> AbstractContextManager[None]:
        """While it lasts unseen tokens are as they were when errors were looked at."""
        return nullcontext() if self.rows is None else self.rows.looking()


def training_row(settings: TrainedNetwork) -> Measured:
    """Train one network, and say in numbers what came of it.

    Args:
        settings: the point.

    Raises:
        InputError: a device that this machine does not have.
        PointFailed: training that diverges.
    """
    after = after_training(settings)
    floor = settings.template_task().mlp_floor()
    return {
        **_row(after.error),
        "mlp_floor": None if floor is None else float(floor),
        # A part that is trained beside the network leaves its scalars at their start.
        **(_identities(after.network) if settings.trained == "all" else {}),
    }


def after_training(settings: TrainedNetwork) -> AfterTraining:
    """Train one network, and keep it.

    Args:
        settings: the point.

    Raises:
        InputError: a device that this machine does not have.
        PointFailed: training that diverges.
    """
    data = settings.strings()
    weights, order, fresh = settings.streams(3)
    network = build(settings.model, data, weights)
    device = _device(settings)
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
    rows = None
    if isinstance(network, EmbeddingNetwork):
        rows = UnseenRows(network, unseen_rows(data), settings.unseen, fresh)
    try:
        error = train_unseen(model, data, training, schedule, order, rows=rows)
    except Diverged as problem:
        raise PointFailed(str(problem)) from None
    return AfterTraining(network, data, error, rows)


def _device(settings: TrainedNetwork) -> torch.device:
    """The device that a point asks for.

    Raises:
        InputError: this machine does not have it.
    """
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "device is 'cuda', but torch sees no CUDA device; expected device = 'cpu' "
            "in the sweep file, or a machine that has one"
        )
    return torch.device(settings.device)


def _part(network: torch.nn.Module, trained: str) -> Trainable:
    """The network, or the part of it that is trained."""
    if trained == "all":
        return cast(Trainable, network)
    # The settings have been refused for a network that has no such part.
    part = LastLayer if trained == "last layer" else Linearised
    return part(cast(EmbeddingNetwork, network))


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
    # Validation and test strings have no gradient.
    looks = 2 * settings.held_out / settings.look_every
    epochs = settings.epochs
    if settings.patience is not None:
        epochs = min(epochs, _PATIENCES * settings.patience)
    return epochs * string * (_PASSES * settings.n + looks)


@dataclass(frozen=True)
class _Training:
    name: str = "training"
    settings: type[TrainedNetwork] = TrainedNetwork
    axes: Axes = ("n", "test_error", "model")

    @property
    def presets(self) -> Presets:
        return {"model": MODEL_PRESETS}

    def measure(self, settings: Any) -> Measured:
        return training_row(settings)

    def check_machine(self, settings: Any) -> None:
        _device(settings)

    def operations(self, settings: Any) -> float:
        return _operations(settings)


EXPERIMENT = _Training()
"""What sweep files call "training"."""
