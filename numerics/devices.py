"""What every estimator accepts, and how it divides its work."""

from __future__ import annotations

import torch

from numerics.architecture import Architecture
from symbind_theory.validation import InputError, finite_number, one_of

__all__ = [
    "DEVICES",
    "GROUPS",
    "PRECISIONS",
    "chunk_numbers",
    "read_level",
    "resolve_device",
    "supported",
]

DEVICES = ("auto", "cpu", "cuda")

# Independent groups of points. 16 give Student's t 15 degrees of freedom: at level
# 0.999 its quantile is 4.07, a quarter above the Gaussian's. More would leave fewer
# points to each group, which quasi-random points pay for dearly.
GROUPS = 16

PRECISIONS = {"float64": torch.float64, "float32": torch.float32}
"""In which precision features are computed; what follows from them is in float64."""


def chunk_numbers(device: torch.device) -> int:
    """Numbers in flight at a time, for one replication.

    64 MiB of float64 where they should stay near the caches; 1 GiB on an accelerator,
    which wants long kernels.
    """
    return 2**23 if device.type == "cpu" else 2**27


def supported(architecture: Architecture) -> Architecture:
    """The architecture, if this version estimates it.

    Raises:
        InputError: more than one layer, a residual connection or normalisation.
    """
    for name, only in (("depth", 1), ("residual", 0), ("normalisation", None)):
        given = getattr(architecture, name)
        if given != only:
            raise InputError(
                f"{name} is {given!r}; expected {only!r}, the only value that this "
                "version estimates"
            )
    return architecture


def read_level(level: float) -> float:
    """A coverage level.

    Raises:
        InputError: not a number strictly between 0 and 1.
    """
    if not 0 < finite_number("level", level) < 1:
        raise InputError(f"level is {level}; expected a number between 0 and 1")
    return level


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
