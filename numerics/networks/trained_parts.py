"""What of a network is trained: its last layer, or its linearisation.

Training the last layer of a wide network by gradient flow is kernel regression with its
random features, whose limit is N's kernel. Training the linearisation

    f_lin(x; δ) = f(x; θ₀) + ⟨∇f(x; θ₀), δ⟩

is kernel regression with the empirical tangent kernel ⟨∇f(x), ∇f(x')⟩, whose limit is
Θ in the theory's form. Training everything is neither, as features move.

Source: Jacot et al. 2018; arXiv 2310.09753 on the last layer.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch.autograd import forward_ad
from torch.func import functional_call, jvp
from torch.nn.attention import SDPBackend, sdpa_kernel

from numerics.networks.embedding_network import EmbeddingNetwork
from numerics.shapes import Float, Int64
from symbind_theory.validation import InputError

__all__ = ["LastLayer", "Linearised", "empirical_tangent_kernel"]


class LastLayer:
    """A network of which only the readout is trained: `Trainable`.

    Args:
        network: one with a number as output.

    Raises:
        InputError: logits as outputs, whose layer is the embedding.
    """

    def __init__(self, network: EmbeddingNetwork) -> None:
        self._network = _with_numbers(network)

    @property
    def networks(self) -> int:
        """1: none are stacked."""
        return 1

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """The readout's weights."""
        return iter([self._network.readout])

    def batch_outputs(
        self, inputs: Int64[torch.Tensor, "n k"]
    ) -> Float[torch.Tensor, "1 n"]:
        """The outputs, with a record for the readout's gradient."""
        with torch.no_grad():
            h = self._network.encode(inputs)
        return self._network.read(h)[None]


class Linearised:
    """A network's first-order expansion in its parameters: `Trainable`.

    Args:
        network: one with a number as output; it stays as it is.

    Raises:
        InputError: logits as outputs.
    """

    def __init__(self, network: EmbeddingNetwork) -> None:
        _load_forward_derivatives()
        self._network = _with_numbers(network)
        # The network may be trained afterwards.
        self._start = {
            name: p.clone() for name, p in _parameters_at_start(network).items()
        }
        self._changes = {
            name: torch.nn.Parameter(torch.zeros_like(parameter))
            for name, parameter in self._start.items()
        }

    @property
    def networks(self) -> int:
        """1: none are stacked."""
        return 1

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """δ, by the network's parameters."""
        return iter(self._changes.values())

    def batch_outputs(
        self, inputs: Int64[torch.Tensor, "n k"]
    ) -> Float[torch.Tensor, "1 n"]:
        """f_lin, with a record for the gradient in δ."""

        def outputs(parameters: dict[str, torch.Tensor]) -> torch.Tensor:
            return functional_call(self._network, parameters, (inputs,))

        # The fused attention has no forward derivative.
        with sdpa_kernel(SDPBackend.MATH), _differentiable(self._network):
            pushed = jvp(outputs, (self._start,), (dict(self._changes),))
        return (pushed[0] + pushed[1])[None]


@contextmanager
def _differentiable(network: torch.nn.Module) -> Iterator[None]:
    """While it lasts a network has forward derivatives: the fused LSTM has none either.

    Others keep the kernels that they have, and their bits.
    """
    if not any(isinstance(part, torch.nn.LSTM) for part in network.modules()):
        yield
        return
    with warnings.catch_warnings():
        # The switch warns of accelerators that are not there.
        warnings.filterwarnings("ignore", "TF32 acceleration", UserWarning)
        with torch.backends.mkldnn.flags(enabled=False):
            yield


@cache
def _load_forward_derivatives() -> None:
    """torch loads them when they are first used, by a call that it has deprecated."""
    with warnings.catch_warnings(), forward_ad.dual_level():
        warnings.simplefilter("ignore", DeprecationWarning)
        forward_ad.make_dual(torch.zeros(1), torch.zeros(1))


def empirical_tangent_kernel(
    network: EmbeddingNetwork,
    tokens: Int64[torch.Tensor, "n k"],
    others: Int64[torch.Tensor, "m k"],
    at_a_time: int = 64,
) -> Float[torch.Tensor, "n m"]:
    """⟨∇f(x), ∇f(x')⟩ over the trained parameters.

    Memory: the gradients of `at_a_time` strings of either side.

    Args:
        network: one with a number as output.
        tokens: strings as numbers of tokens.
        others: strings of the other side.
        at_a_time: raise it where there is memory for more gradients.

    Raises:
        InputError: logits as outputs.
    """
    _with_numbers(network)
    rows = []
    for part in tokens.split(at_a_time):
        left = _gradients(network, part)
        products = [
            sum(
                (
                    left[name] @ right.T
                    for name, right in _gradients(network, o).items()
                ),
                start=torch.zeros((), dtype=network.embedding.dtype),
            )
            for o in others.split(at_a_time)
        ]
        rows.append(torch.cat(products, dim=1))
    return torch.cat(rows)


def _gradients(
    network: EmbeddingNetwork, tokens: Int64[torch.Tensor, "n k"]
) -> dict[str, torch.Tensor]:
    """∇f of each string, flat, by the parameters' names."""
    start = {n: p.requires_grad_() for n, p in _parameters_at_start(network).items()}
    slopes = []
    for string in tokens.split(1):
        output = functional_call(network, start, (string,))
        slopes.append(
            torch.autograd.grad(output, tuple(start.values()), materialize_grads=True)
        )
    return {
        name: torch.stack(of_strings).flatten(1)
        for name, of_strings in zip(start, zip(*slopes, strict=True), strict=True)
    }


def _parameters_at_start(network: EmbeddingNetwork) -> dict[str, torch.Tensor]:
    """The parameters that training would move, without their record."""
    named = network.named_parameters()
    return {name: p.detach() for name, p in named if p.requires_grad}


def _with_numbers(network: EmbeddingNetwork) -> EmbeddingNetwork:
    if network.output != "number":
        raise InputError(
            f"output of the network is {network.output!r}; expected 'number': a part "
            "is trained for regression"
        )
    return network
