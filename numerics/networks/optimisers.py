"""The optimisers of torch by name, and their options checked.

torch's SparseAdam and Muon are left out: nothing here has sparse gradients, and Muon
moves matrices only.

Source: the optimisers are torch's; normalised descent is symbind's code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, partial
from typing import Any

import torch

from symbind_theory.validation import InputError, one_of, shorten

__all__ = [
    "OPTIMISERS",
    "SINGLE_OPTIMISERS",
    "NormalisedDescent",
    "check_options",
    "optimiser_for",
    "optimiser_options",
]


class NormalisedDescent(torch.optim.Optimizer):
    """θ ← θ − η g/|g|: steps of one length along the gradient.

    Args:
        params: θ; |g| is the norm over all of them. A gradient of 0 moves nothing.
        lr: η.
    """

    def __init__(self, params: Any, lr: float = 1.0) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; the closure, if there is one, computes the gradient first."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        moving = [
            (group["lr"], parameter, parameter.grad)
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        length = torch.stack([g.norm() for _, _, g in moving]).norm()
        if length > 0:
            for lr, parameter, g in moving:
                parameter -= lr / length * g
        return loss


_MOMENTUM = 0.9

OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": partial(torch.optim.SGD, momentum=_MOMENTUM),
    "nesterov": partial(torch.optim.SGD, momentum=_MOMENTUM, nesterov=True),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "adamax": torch.optim.Adamax,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "asgd": torch.optim.ASGD,
    "rprop": torch.optim.Rprop,
}
"""Optimisers by name. Each acts on every number by itself, so that stacked networks
train as they would alone."""

SINGLE_OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "normalised": NormalisedDescent,
    "lbfgs": torch.optim.LBFGS,
    "adafactor": torch.optim.Adafactor,
}
"""Optimisers by name that look at a network as a whole: they train one at a time."""

# These have names of their own in `Training`.
_NAMED_ELSEWHERE = {"params", "lr", "weight_decay"}


@cache
def optimiser_options(name: str) -> frozenset[str]:
    """The names of all that an optimiser can be told, "weight_decay" among them."""
    makes = {**OPTIMISERS, **SINGLE_OPTIMISERS}[name]
    return frozenset(inspect.signature(makes).parameters) - {"params", "lr"}


def check_options(name: object, decay: float, options: object) -> None:
    """See that an optimiser takes its decay and its options.

    Args:
        name: a name of `OPTIMISERS` or `SINGLE_OPTIMISERS`.
        decay: weight decay, ≥ 0.
        options: by name, as torch calls them.

    Raises:
        InputError: it does not, or there is no such optimiser.
    """
    name = one_of("optimiser", name, [*OPTIMISERS, *SINGLE_OPTIMISERS])
    takes = optimiser_options(name)
    if decay and "weight_decay" not in takes:
        raise InputError(f"decay is {decay} for {name!r}, which has none; expected 0")
    if not isinstance(options, Mapping):
        raise InputError(
            f"options are {shorten(options)}; expected a mapping of names to values"
        )
    free = takes - _NAMED_ELSEWHERE
    for option in options:
        if option not in free:
            raise InputError(
                f"options have {shorten(option)} for {name!r}; expected {_listed(free)}"
            )
    if options:
        optimiser_for(name, [torch.nn.Parameter(torch.zeros(1))], 1.0, decay, options)


def _listed(names: Collection[str]) -> str:
    return f"some of {', '.join(sorted(names))}" if names else "none"


def optimiser_for(
    name: str,
    parameters: Sequence[torch.nn.Parameter],
    learning_rate: float,
    decay: float,
    options: Mapping[str, Any],
) -> torch.optim.Optimizer:
    """An optimiser of these parameters.

    Args:
        name: a name of `OPTIMISERS` or `SINGLE_OPTIMISERS`.
        parameters: what it moves.
        learning_rate: `lr`.
        decay: `weight_decay`.
        options: further ones, as torch calls them.

    Raises:
        InputError: torch refuses an option's value.
    """
    decays = "weight_decay" in optimiser_options(name)
    more = {**options, "weight_decay": decay} if decays else options
    try:
        makes = {**OPTIMISERS, **SINGLE_OPTIMISERS}[name]
        return makes(parameters, lr=learning_rate, **more)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"options are {shorten(dict(options))} for {name!r}; expected values that "
            f"torch takes: {' '.join(str(error).split())}"
        ) from error
