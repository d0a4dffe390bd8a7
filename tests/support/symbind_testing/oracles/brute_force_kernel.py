"""The kernel of strings from one Gaussian matrix over all keys of all strings.

On the stacked keys let K = 1[tokens equal] + γ² 1[positions equal] = A Aᵀ. Then
M = A G Aᵀ + a K, entries of G i.i.d. N(0, 1), holds the logits of every query of every
string: no list of labels, no features, and nothing shared with the estimators.
"""

import math

import numpy as np
from scipy.special import softmax

# Each makes an unbiased estimate; their spread gives the standard error.
GROUPS = 32


def brute_force_kernel(strings, architecture, count, seed=0, heads=math.inf):
    """K_attn for H heads that share b, with its standard error; both of shape (n, n).

    (1 + b²/H) K + b² (1 − 1/H) ⟨E Φ, E Φ⟩, where each mean comes from another half of a
    group's draws: the square of one estimated mean would be too large.

    Args:
        strings: n sequences of tokens, of one length.
        architecture: of depth 1.
        count: draws of G, in all.
        seed: of the draws.
        heads: H.
    """
    if architecture.readout == "cls":
        strings = [[*s, None] for s in strings]
    n, keys = len(strings), len(strings[0])
    tokens = [x for s in strings for x in s]
    same = np.array([[x == y for y in tokens] for x in tokens], dtype=float)
    covariance = same + architecture.gamma**2 * np.tile(np.eye(keys), (n, n))
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    blocks = covariance.reshape(n, keys, n, keys)
    first_query = 0 if architecture.readout == "mean" else keys - 1
    square = architecture.identity_vo**2
    rng = np.random.default_rng(seed)
    estimates = []
    for _ in range(GROUPS):
        draws = rng.standard_normal((count // GROUPS, *root.shape))
        logits = root @ draws @ root.T + architecture.identity_kq * covariance
        own = np.einsum("ciqik->ciqk", logits.reshape(-1, n, keys, n, keys))
        rows = softmax(architecture.beta * own[:, :, first_query:], axis=-1)
        weights = rows.mean(2)
        carried = np.einsum("cip,ipjq->cjqi", weights, blocks)
        kernel = np.einsum("cjqi,cjq->ij", carried, weights) / len(weights)
        halves = carried[::2].mean(0), weights[1::2].mean(0)
        means = np.einsum("jqi,jq->ij", *halves)
        means = (means + means.T) / 2
        estimates.append(
            (1 + square / heads) * kernel + square * (1 - 1 / heads) * means
        )
    return np.mean(estimates, axis=0), np.std(estimates, axis=0, ddof=1) / GROUPS**0.5
