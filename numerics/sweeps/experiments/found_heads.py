"""The experiment "heads": what training has made of a transformer's heads and tokens.

At the end of training: how much of the identity is in each head's W_K W_Qᵀ and
W_V W_O, in units of what chance gives; what becomes of the error on unseen symbols when
the heads with the largest shares, or the largest scalars a, are taken out, against as
many others drawn at random; and how alike the embeddings of seen and of unseen tokens
are.

Points that differ in `epochs` alone lie on one path of training: equal seeds give equal
bits. `patience`, which might end it before, is refused.

Source: arXiv 2310.09753 on what trained heads look like; the null is symbind's.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
from pydantic import Field, model_validator

from numerics.networks.ablation import without_heads
from numerics.networks.deep_transformer import DeepTransformer
from numerics.networks.identity_share import head_shares
from numerics.networks.unseen_embeddings import similarity, unseen_rows
from numerics.networks.unseen_strings import Split, UnseenSymbols
from numerics.networks.unseen_training import split_error
from numerics.sweeps.experiment import Axes, Measured, PointFailed, Presets
from numerics.sweeps.experiments.models import MODEL_PRESETS, TransformerModel
from numerics.sweeps.experiments.settings import Count
from numerics.sweeps.experiments.trained_networks import (
    EXPERIMENT as TRAINING,
)
from numerics.sweeps.experiments.trained_networks import (
    TrainedNetwork,
    after_training,
)
from symbind_theory.validation import InputError

__all__ = ["EXPERIMENT", "FoundHeads", "look_at_heads"]

_Head = tuple[int, int]


class FoundHeads(TrainedNetwork):
    """One transformer, its training, and how many heads are taken out."""

    ablated: Count = Field(
        default=4, ge=1, description="heads taken out, an integer above 0"
    )
    draws: Count = Field(
        default=16, ge=2, description="times that as many others are, an integer from 2"
    )

    @model_validator(mode="after")
    def _has_heads_to_spare(self) -> Self:
        """Refuse what has no trained heads, or too few, when the settings are read."""
        if self.trained != "all":
            raise InputError(
                f"trained is {self.trained!r}, which leaves the heads as they start; "
                "expected 'all'"
            )
        if not isinstance(self.model, TransformerModel):
            raise InputError(
                f"model is of kind {self.model.kind!r}, without heads; expected "
                "'transformer'"
            )
        heads = self.model.depth * self.model.heads
        if 2 * self.ablated > heads:
            raise InputError(
                f"ablated is {self.ablated} of {heads} heads; expected half of them at "
                "most, so that there are as many others"
            )
        if self.patience is not None:
            raise InputError(
                f"patience is {self.patience}, which may end training before epochs; "
                "expected none, since points lie on one path of training"
            )
        return self


def look_at_heads(settings: FoundHeads) -> Measured:
    """Train one transformer and look at it.

    Args:
        settings: the point.

    Raises:
        PointFailed: fewer than two tokens of training strings, or of unseen ones;
            training that diverges.
    """
    trained = after_training(settings)
    # The settings have been refused for other kinds.
    network = cast(DeepTransformer, trained.network)
    shares = [head_shares(attention) for attention in network.attentions]
    keys = np.array([each.keys * network.width for each in shares])
    values = np.array([each.values * network.width for each in shares])
    found = {
        "train_loss": trained.error.last.train_loss,
        **_spread("keys_share", keys),
        **_spread("values_share", values),
        # What training made of them, whatever is looked at.
        **_similarities(network, trained.data),
    }
    rankings = {"keys": keys, "values": values}
    scalars = _scalars(network)
    if scalars is not None:
        rankings["identity_kq"] = scalars
        found |= {"identity_kq": float(scalars.mean())}
        found |= _spread("identity_kq", scalars)
    with trained.looking():
        found |= {"last_test_error": split_error(network, trained.data.test)[1]}
        for name, ranking in rankings.items():
            found |= _ablations(network, trained.data.test, settings, ranking, name)
    return found


def _similarities(network: DeepTransformer, data: UnseenSymbols) -> dict[str, float]:
    """How alike the embeddings of tokens are."""
    try:
        return {
            "seen_similarity": similarity(network, data.train.candidates),
            "unseen_similarity": similarity(network, unseen_rows(data)),
        }
    except InputError as error:
        raise PointFailed(f"the tokens are too few to be compared: {error}") from None


def _scalars(network: DeepTransformer) -> np.ndarray | None:
    """a of each head of each block, if the model has it."""
    scalars = [attention.identity_kq for attention in network.attentions]
    present = [a.detach().double().cpu().numpy() for a in scalars if a is not None]
    return np.array(present) if present else None


def _spread(name: str, by_head: np.ndarray) -> dict[str, float]:
    """The root mean square over heads, and the largest, with its sign."""
    largest = by_head.flat[np.abs(by_head).argmax()]
    return {
        f"{name}_rms": float(np.sqrt(np.mean(by_head**2))),
        f"{name}_largest": float(largest),
    }


def _ablations(
    network: DeepTransformer,
    test: Split,
    settings: FoundHeads,
    ranking: np.ndarray,
    name: str,
) -> dict[str, float]:
    """The error without the heads that rank first, and without random others."""
    every = [(int(block), int(head)) for block, head in np.ndindex(*ranking.shape)]
    ranked = sorted(every, key=lambda place: -abs(ranking[place]))
    top, others = ranked[: settings.ablated], ranked[settings.ablated :]
    generator = random.Random(settings.seed)
    errors = [
        _error(network, test, generator.sample(others, settings.ablated))
        for _ in range(settings.draws)
    ]
    return {
        f"error_without_{name}": _error(network, test, top),
        f"error_without_others_{name}": float(np.mean(errors)),
        f"deviation_of_others_{name}": float(np.std(errors, ddof=1)),
    }


def _error(network: DeepTransformer, test: Split, heads: Sequence[_Head]) -> float:
    with without_heads(network, heads):
        return split_error(network, test)[1]


@dataclass(frozen=True)
class _Heads:
    name: str = "heads"
    settings: type[FoundHeads] = FoundHeads
    axes: Axes = ("epochs", "keys_share_rms", "model")

    @property
    def presets(self) -> Presets:
        return {"model": MODEL_PRESETS}

    def measure(self, settings: Any) -> Measured:
        return look_at_heads(settings)

    def check_machine(self, settings: Any) -> None:
        TRAINING.check_machine(settings)

    def operations(self, settings: Any) -> float:
        return TRAINING.operations(settings)


EXPERIMENT = _Heads()
"""What sweep files call "heads"."""
