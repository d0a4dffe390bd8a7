"""Kernels of other architectures in closed form: bags, equality patterns, recurrence.

Each is the limit of infinite width at random initialisation, last layer trained, as a
function of which tokens are equal in two strings.

- **Mean pooling**: u = W x̄ with x̄ the mean of the one-hot tokens. Cov(u(X), u(Y)) is
  Σ_t n_t(X) n_t(Y) / k²: the bag of tokens.
- **MLP on X Xᵀ**: the input is the k × k matrix P of 1[x_i = x_j], over k. Covariances
  are ⟨P_X, P_Y⟩ / k²: which positions are equal, whatever the symbols.
- **Recurrent network**: h_t = φ(W_h h_{t−1} + W_x x_t), h_0 = 0, the same weights at
  each step. By the Gaussian limit for shared weights (Yang 2019),

      Cov(u_s(X), u_t(Y)) = E[h_{s−1}(X) h_{t−1}(Y)] + 1[x_s = y_t],

  with E[h_s h_t] the dual activation. Each diagonal s − t = const is a recursion of its
  own, and Var u_t is the same for all strings: the last state compares aligned tokens
  only, and the mean over time all pairs of one token in X and one in Y, never two in X.

Sources: Williams 1997 and Cho & Saul 2009 for duals; Yang, "Wide feedforward or
recurrent neural networks of any architecture are Gaussian processes" (2019).
"""

from __future__ import annotations

from itertools import product
from typing import Literal

import numpy as np

from numerics.activations import Activation
from numerics.shapes import Bool, Float64, Int64

__all__ = [
    "aligned_equalities",
    "bag_kernel",
    "common_equalities",
    "common_tokens",
    "equalities",
    "equality_kernel",
    "recurrent_kernel",
]

Strings = Int64[np.ndarray, "n k"]
Others = Int64[np.ndarray, "m k"]


def equalities(x: Strings, y: Others) -> Bool[np.ndarray, "n m k k"]:
    """1[x_s = y_t]: all that a recurrent network's mean over time compares."""
    return x[:, None, :, None] == y[None, :, None, :]


def aligned_equalities(x: Strings, y: Others) -> Bool[np.ndarray, "n m k"]:
    """1[x_t = y_t]: all that its last state compares, and an MLP on one-hot strings."""
    return x[:, None] == y[None]


def common_tokens(x: Strings, y: Others) -> Int64[np.ndarray, "n m"]:
    """Σ_t n_t(X) n_t(Y): all that mean pooling compares besides self values."""
    return equalities(x, y).sum((2, 3))


def common_equalities(x: Strings, y: Others) -> Int64[np.ndarray, "n m"]:
    """The number of pairs of positions at which each string carries one token."""
    one, other = _pattern(x), _pattern(y)
    return (one[:, None] & other[None]).sum((2, 3))


def bag_kernel(
    x: Strings, y: Others, activation: Activation
) -> Float64[np.ndarray, "n m"]:
    """E φ(u) φ(v) for mean-pooled embeddings.

    Args:
        x: strings of k tokens as numbers.
        y: strings of the same length.
        activation: φ.
    """
    return _among_positions(common_tokens(x, y), x, y, activation)


def equality_kernel(
    x: Strings, y: Others, activation: Activation
) -> Float64[np.ndarray, "n m"]:
    """E φ(u) φ(v) for an MLP of one hidden layer that is fed X Xᵀ.

    Args:
        x: strings of k tokens as numbers.
        y: strings of the same length.
        activation: φ.
    """
    return _among_positions(common_equalities(x, y), x, y, activation)


def _among_positions(
    common: Int64[np.ndarray, "n m"], x: Strings, y: Others, activation: Activation
) -> Float64[np.ndarray, "n m"]:
    """E φ(u) φ(v) where covariances are shares of the k² pairs of positions."""
    covariance = common / x.shape[1] ** 2
    return activation.dual(_repeats(x)[:, None], _repeats(y)[None], covariance)


def _pattern(x: Strings) -> Bool[np.ndarray, "n k k"]:
    """1[x_i = x_j]."""
    return x[:, :, None] == x[:, None, :]


def _repeats(x: Strings) -> Float64[np.ndarray, " n"]:
    """Σ n_t² / k²: the self value of the bag, and of the pattern."""
    return _pattern(x).mean((1, 2))


def recurrent_kernel(
    x: Strings,
    y: Others,
    activation: Activation,
    readout: Literal["last", "mean"] = "last",
) -> Float64[np.ndarray, "n m"]:
    """E⟨h(X), h(Y)⟩ a unit, h the last state or the mean over time.

    Args:
        x: strings of k tokens as numbers.
        y: strings of the same length.
        activation: φ of each step.
        readout: what is read.

    Source: Yang 2019, for one-hot inputs and weights of variance 1 (over the width).
    """
    length = x.shape[1]
    steps = range(length)
    variance = np.empty((length, 1, 1))
    state = np.zeros((1, 1))
    for q in variance:
        q[:] = 1 + state
        state = activation.dual(q, q, q)
    pairs = list(product(steps, steps))
    if readout == "last":
        pairs = [(t, t) for t in steps]
    read: list[np.ndarray] = []
    states: dict[tuple[int, int], np.ndarray] = {}
    for s, t in pairs:
        before = states.pop((s - 1, t - 1), 0.0)
        covariance = before + (x[:, None, s] == y[None, :, t])
        states[s, t] = activation.dual(variance[s], variance[t], covariance)
        if readout == "mean" or s == length - 1:
            read.append(states[s, t])
    return np.mean(read, axis=0)
