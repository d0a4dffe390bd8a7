"""αα / αβ under the cls readout by deterministic quadrature: an independent oracle.

The softmax sees only differences to the logit of `[CLS]`, so the shared randomness is
two-dimensional and the wildcards add one or two dimensions more.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Reference:
    """C, d, gap, N and its spectrum for the templates αα and αβ."""

    attention: np.ndarray
    attention_self: np.ndarray
    gap: float
    matrix: np.ndarray
    smallest_eigenvalue: float
    condition_number: float


def same_different(nodes: int, beta=1.0, gamma=1.0, b1=1.0, b2=0.3) -> Reference:
    """The reference values by Gauss-Hermite rules with `nodes` nodes a dimension."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    w = w / w.sum()
    spread = math.sqrt(1 + gamma**2)
    # y_i = βγ(p_i − p_CLS) − β g_CLS for i = 1, 2: shared part and own part.
    own, shared = beta * gamma * spread, beta * spread * math.sqrt(1 + gamma**2)
    covariance = own**2 * np.eye(2) + shared**2
    root = np.linalg.cholesky(covariance)
    attention, selves = np.zeros((2, 2)), np.zeros(2)
    for i in range(nodes):
        y1 = root[0, 0] * x[i]
        y2 = root[1, 0] * x[i] + root[1, 1] * x
        g, h = x[:, None], x[None, :]
        same = _weights(y1, y2[:, None], beta * spread * x, beta * spread * x)
        other = _weights(y1, y2[:, None, None], beta * spread * g, beta * spread * h)
        ww = w[:, None] * w
        means = np.array(
            [[(s * w).sum(-1) for s in same], [(s * ww).sum((-1, -2)) for s in other]]
        )
        # Coordinates: positions 1, 2, CLS times γ, and the token CLS.
        features = np.concatenate([gamma * means, means[:, 2:]], axis=1)
        attention += w[i] * np.einsum("icj,kcj,j->ik", features, features, w)
        s1, s2, s0 = same
        norm = (s1 + s2) ** 2 + s0**2 + gamma**2 * (s1**2 + s2**2 + s0**2)
        selves[0] += w[i] * (w @ (norm @ w))
        norm = (1 + gamma**2) * sum(s**2 for s in other)
        selves[1] += w[i] * (w @ (norm * ww).sum((-1, -2)))
    matrix = np.array(
        [
            [_cosine(selves[i], selves[j], attention[i, j], b1, b2) for j in range(2)]
            for i in range(2)
        ]
    )
    spectrum = np.linalg.eigvalsh(matrix)
    gap = attention[0, 0] + attention[1, 1] - 2 * attention[0, 1]
    return Reference(
        attention, selves, gap, matrix, spectrum[0], spectrum[1] / spectrum[0]
    )


def _weights(y1, y2, g, h):
    """Softmax of (y1 + g, y2 + h, 0), component by component."""
    top = np.maximum(np.maximum(y1 + g, y2 + h), 0)
    e1, e2, e0 = np.exp(y1 + g - top), np.exp(y2 + h - top), np.exp(-top)
    total = e1 + e2 + e0
    return e1 / total, e2 / total, e0 / total


def _cosine(x, y, c, b1, b2):
    u = math.exp(-(b1**2) * (x + y - 2 * c) / 2)
    return (u + math.cos(2 * b2) * math.exp(-(b1**2) * (x + y + 2 * c) / 2)) / 2
