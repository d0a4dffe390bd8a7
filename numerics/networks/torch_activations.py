"""The activations that torch can train through."""

from __future__ import annotations

from collections.abc import Callable

import torch

from numerics.activations import GELU, Activation, Cosine, Erf, ReLU
from symbind_theory.validation import InputError

__all__ = ["torch_function"]


def torch_function(activation: Activation) -> Callable[[torch.Tensor], torch.Tensor]:
    """φ for tensors.

    Args:
        activation: one of the built-in ones.

    Raises:
        InputError: another one, which has no derivative that torch knows.
    """
    # A subclass has whatever φ it likes.
    if type(activation) is Cosine:
        return lambda t: torch.cos(activation.b1 * t + activation.b2)
    functions = {ReLU: torch.relu, Erf: torch.erf, GELU: torch.nn.functional.gelu}
    if type(activation) in functions:
        return functions[type(activation)]
    raise InputError(
        f"activation is {activation.name}; expected cos, relu, erf or gelu: others "
        "have no torch function to train through"
    )
