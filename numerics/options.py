"""What every estimator accepts, and how it divides its work."""

from __future__ import annotations

import torch

from numerics.architecture import Architecture
from symbind_theory.validation import InputError, finite_number, one_of

__all__ = [
    "CHUNK_NUMBERS",
    "DEVICES",
    "GROUPS",
    "read_level",
    "resolve_device",
    "supported",
]

DEVICES = ("auto", "cpu", "cuda")

# Independent groups of points. 16 give Student's t 15 degrees of freedom: at level
# 0.999 its quantile is 4.07, a quarter above the Gaussian's. More would leave fewer
# points to each group, which quasi-random points pay for dearly.
GROUPS = 16

# Float64 numbers in flight at a time, 64 MiB; small enough to stay near the caches.
CHUNK_NUMBERS = 2**23


def supported(architecture: Architecture) -> Architecture:
    """The architecture, if this version estimates it.

    Raises:
        InputError: another readout than cls, identity terms, depth or residuals.
    """
    plain = Architecture(
        architecture.beta, architecture.gamma, activation=architecture.activation
    )
    for name in Architecture.__slots__:
        given, only = getattr(architecture, name), getattr(plain, name)
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
