"""The devices and precisions that estimators compute with, and how much at a time."""

from __future__ import annotations

import torch

from symbind_theory.validation import InputError, one_of

__all__ = ["DEVICES", "PRECISIONS", "chunk_numbers", "resolve_device"]

DEVICES = ("auto", "cpu", "cuda")

PRECISIONS = {"float64": torch.float64, "float32": torch.float32}
"""In which precision features are computed; what follows from them is in float64."""


def chunk_numbers(device: torch.device) -> int:
    """Numbers in flight at a time, for one replication.

    64 MiB of float64 where they should stay near the caches; 1 GiB on an accelerator,
    which wants long kernels.
    """
    return 2**23 if device.type == "cpu" else 2**27


def resolve_device(device: str) -> torch.device:
    """The torch device that "auto", "cpu" or "cuda" names on this machine.

    Raises:
        InputError: another name, or "cuda" where torch sees no CUDA device.
    """
    one_of("device", device, DEVICES)
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise InputError(
            "device is 'cuda', but torch sees no CUDA device; expected auto or cpu"
        )
    return torch.device("cuda" if available and device != "cpu" else "cpu")
