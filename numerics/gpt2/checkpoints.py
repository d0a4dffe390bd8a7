"""Checkpoints: all that training needs to go on, in one file that is whole or absent.

A file is written beside its name, flushed to the disk and then renamed over it, so that
whoever is killed at any moment leaves the last whole one. It holds the parameters, both
moments of Adam, the step, and the id of the run, by which a file of another run is
refused. Nothing else is needed: the order of blocks and the noise of dropout follow
from seed and step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from symbind_theory.validation import InputError, shorten

__all__ = ["Progress", "read_checkpoint", "write_checkpoint"]

_MOMENTS = ("exp_avg", "exp_avg_sq")
_PARTIAL = ".partial"


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes:
        step: how many steps were taken.
        losses: the mean training loss of each epoch that is over.
        summed: the sum of the losses of this epoch's steps so far.
    """

    step: int = 0
    losses: tuple[float, ...] = ()
    summed: float = 0.0


def write_checkpoint(
    path: Path,
    run: str,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write how far a run has come, over what was written before.

    Args:
        path: of the file.
        run: what tells this run from others.
        model: the model that is trained.
        optimiser: Adam, or its like.
        progress: the step and the losses.
    """
    from safetensors.torch import save_file

    tensors = {f"model/{n}": p.detach() for n, p in model.named_parameters()}
    for name, parameter in model.named_parameters():
        state = optimiser.state.get(parameter, {})
        tensors |= {f"{m}/{name}": state[m] for m in _MOMENTS if m in state}
    losses = json.dumps([*progress.losses, progress.summed])
    metadata = {"run": run, "step": str(progress.step), "losses": losses}
    partial = path.with_name(path.name + _PARTIAL)
    save_file({n: t.contiguous() for n, t in tensors.items()}, partial, metadata)
    with open(partial, "rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)


def read_checkpoint(
    path: Path,
    run: str,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> Progress:
    """Put a model and its optimiser where a run was; from the start if none was begun.

    Args:
        path: of the file, which need not be there.
        run: what tells this run from others.
        model: the model, of the same configuration.
        optimiser: Adam, or its like, on the model's parameters.

    Raises:
        InputError: a file that is no checkpoint, or one of another run.
    """
    if not path.exists():
        return Progress()
    metadata, tensors = _contents(path)
    shown = shorten(os.fspath(path), 200)
    if metadata.get("run") != run:
        raise InputError(
            f"the checkpoint {shown} is of another configuration; expected one of this "
            "run: give another folder, or delete it"
        )
    named = dict(model.named_parameters())
    if {n for n in tensors if n.startswith("model/")} != {f"model/{n}" for n in named}:
        raise InputError(
            f"the checkpoint {shown} has other parameters than the model; expected one "
            "that this version of symbind wrote: delete it to train anew"
        )
    step = int(metadata["step"])
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(tensors[f"model/{name}"])
            if f"exp_avg/{name}" in tensors:
                moments = {m: tensors[f"{m}/{name}"].to(parameter) for m in _MOMENTS}
                count = torch.tensor(float(step))
                optimiser.state[parameter] = {"step": count, **moments}
    *losses, summed = json.loads(metadata["losses"])
    return Progress(step, tuple(losses), summed)


def _contents(path: Path) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            return file.metadata() or {}, {n: file.get_tensor(n) for n in names}
    except (SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"the checkpoint {shorten(os.fspath(path), 200)} cannot be read: "
            f"{shorten(reason, 120)}; expected one that training wrote: delete it"
        ) from None
