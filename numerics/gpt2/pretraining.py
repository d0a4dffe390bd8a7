"""Training of a causal language model on blocks of tokens, that can be killed any time.

    loss = −mean log p(x_t | earlier tokens of the block)

AdamW with moments (0.9, 0.95), decay of matrices alone, gradients clipped to norm 1, a
rate that rises linearly over the warm-up and falls by a cosine to a tenth. The order of
an epoch's blocks follows from the seed and the epoch, the noise of dropout from the
seed and the step: a run that goes on from a checkpoint takes the steps that it would
have taken, to the last bit on a CPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from numerics.gpt2.checkpoints import Progress, read_checkpoint, write_checkpoint
from numerics.gpt2.perplexity import token_losses
from numerics.shapes import Int64

if TYPE_CHECKING:
    from numerics import protocols

__all__ = ["Diverged", "PretrainingRecipe", "Trained", "steps_of", "train_model"]

_MOMENTS = (0.9, 0.95)
_LONGEST_GRADIENT = 1.0
_LAST_RATE = 0.1
# Writing a checkpoint takes at most a twentieth of the time.
_CHECKPOINT_SECONDS = 20.0
_CHECKPOINT_SHARE = 0.05


@dataclass(frozen=True)
class PretrainingRecipe:
    """How a model is trained.

    Attributes:
        epochs: how often each block is seen.
        batch: blocks a step.
        learning_rate: the highest, at the end of the warm-up.
        scalar_rate: what the rate of a and b is multiplied by. Raise it where they
            have not settled at the end.
        warmup: the share of the steps in which the rate rises, in [0, 1).
        weight_decay: of matrices, a step and unit of the rate.
        bfloat16: whether products are computed in bfloat16. Choose it on an
            accelerator, where it is several times as fast.
        seed: of the order of blocks and of dropout.
    """

    epochs: int = 1
    batch: int = 8
    learning_rate: float = 1e-3
    scalar_rate: float = 1.0
    warmup: float = 0.05
    weight_decay: float = 0.1
    bfloat16: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Trained:
    """What training came to.

    Attributes:
        steps: how many steps were taken, those before checkpoints included.
        losses: the mean training loss of each epoch.
    """

    steps: int
    losses: tuple[float, ...]


class Diverged(ArithmeticError):
    """The loss is not finite."""


def steps_of(blocks: int, recipe: PretrainingRecipe) -> int:
    """How many steps training takes.

    Args:
        blocks: how many there are to train on.
        recipe: epochs and batch.
    """
    return recipe.epochs * math.ceil(blocks / recipe.batch)


def train_model(
    model: nn.Module,
    tokens: Int64[torch.Tensor, "blocks positions"],
    recipe: PretrainingRecipe,
    checkpoint: Path,
    run: str,
    progress: protocols.Progress | None = None,
) -> Trained:
    """Train a model, from its checkpoint if there is one.

    Args:
        model: a causal language model of transformers; parameters that want no gradient
            stay as they are.
        tokens: blocks × (T + 1).
        recipe: how to train.
        checkpoint: the path of the checkpoint, in a folder that is there.
        run: what tells this run from others, in the checkpoint.
        progress: called with the steps that were taken, and with all of them.

    Raises:
        Diverged: the loss is not finite.
        InputError: a checkpoint of another run.
    """
    optimiser = _optimiser(model, recipe)
    at = read_checkpoint(checkpoint, run, model, optimiser)
    per_epoch = math.ceil(len(tokens) / recipe.batch)
    total = recipe.epochs * per_epoch
    device = next(model.parameters()).device
    autocast = _autocast(device, recipe)
    written, cost = time.monotonic(), 0.0
    model.train()
    while at.step < total:
        epoch, place = divmod(at.step, per_epoch)
        order = np.random.default_rng([recipe.seed, epoch]).permutation(len(tokens))
        chosen = order[place * recipe.batch : (place + 1) * recipe.batch]
        for group in optimiser.param_groups:
            group["lr"] = group["highest"] * _share_of_rate(at.step, total, recipe)
        with _noise(device, recipe.seed, at.step):
            loss = _step(model, tokens[chosen].to(device), optimiser, autocast)
        at = _advanced(at, loss, per_epoch)
        if progress is not None:
            progress(at.step, total)
        wait = max(_CHECKPOINT_SECONDS, cost / _CHECKPOINT_SHARE)
        if at.step == total or time.monotonic() - written > wait:
            begun = time.monotonic()
            write_checkpoint(checkpoint, run, model, optimiser, at)
            written = time.monotonic()
            cost = written - begun
    model.eval()
    return Trained(at.step, at.losses)


def _step(
    model: nn.Module,
    tokens: torch.Tensor,
    optimiser: torch.optim.Optimizer,
    autocast: AbstractContextManager[Any],
) -> float:
    """One step of the optimiser; the loss before it."""
    optimiser.zero_grad(set_to_none=True)
    with autocast:
        loss = token_losses(model, tokens).mean()
    value = loss.item()
    if not math.isfinite(value):
        raise Diverged(f"the loss is {value}")
    loss.backward()
    trained = [p for g in optimiser.param_groups for p in g["params"]]
    norm = nn.utils.clip_grad_norm_(trained, _LONGEST_GRADIENT).item()
    if not math.isfinite(norm):
        raise Diverged(f"the norm of the gradient is {norm}")
    optimiser.step()
    return value


def _advanced(at: Progress, loss: float, per_epoch: int) -> Progress:
    step, summed = at.step + 1, at.summed + loss
    if step % per_epoch:
        return Progress(step, at.losses, summed)
    return Progress(step, (*at.losses, summed / per_epoch))


def _optimiser(model: nn.Module, recipe: PretrainingRecipe) -> torch.optim.AdamW:
    """AdamW on what wants gradients: matrices, vectors, and the scalars a and b."""
    kinds: dict[str, list[nn.Parameter]] = {
        "matrices": [],
        "vectors": [],
        "scalars": [],
    }
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        last = name.rpartition(".")[2]
        is_scalar = last in ("identity_kq", "identity_vo")
        other = "matrices" if parameter.dim() > 1 else "vectors"
        kinds["scalars" if is_scalar else other].append(parameter)
    groups = [
        {
            "params": parameters,
            "highest": recipe.learning_rate
            * (recipe.scalar_rate if kind == "scalars" else 1.0),
            "weight_decay": recipe.weight_decay if kind == "matrices" else 0.0,
        }
        for kind, parameters in kinds.items()
        if parameters
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=_MOMENTS)


def _share_of_rate(step: int, total: int, recipe: PretrainingRecipe) -> float:
    """The rate of a step as a share of the highest."""
    rising = recipe.warmup * total
    if step < rising:
        return (step + 1) / (math.floor(rising) + 1)
    fallen = (step - rising) / max(total - rising, 1)
    return _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * fallen)) / 2


@contextmanager
def _noise(device: torch.device, seed: int, step: int) -> Iterator[None]:
    """Torch's own generator, which dropout draws from, for one step."""
    devices = [device] if device.type == "cuda" else []
    drawn = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)
    with torch.random.fork_rng(devices):
        torch.manual_seed(int(drawn[0] >> np.uint64(1)))
        yield


def _autocast(
    device: torch.device, recipe: PretrainingRecipe
) -> AbstractContextManager[Any]:
    if recipe.bfloat16:
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()
