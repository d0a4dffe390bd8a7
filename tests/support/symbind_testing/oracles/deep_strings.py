"""The kernel of a deep transformer between concrete strings, by plain Monte Carlo.

One covariance K over all positions of all strings, whichever tokens they share, goes
through the blocks. Logits M = A Z Aᵀ with K̂ = A Aᵀ, Z of independent standard normals,
have the covariance K̂[q, q'] K̂[p, p'] of every pair of positions. No templates, nothing
conditioned on, and no points but pseudo-random ones.
"""

import numpy as np
from scipy.special import softmax
from symbind_testing.oracles.plain_recursion import inner_products

from symbind_theory.templates import CLS

# Independent runs through all blocks; their spread gives the standard error.
RUNS = 16


def deep_strings(strings, architecture, count, seed=0, regular=()):
    """K at the readout, with its standard error; both of shape (n, n).

    Args:
        strings: n sequences of tokens, of one length.
        architecture: all blocks alike, no mask and no identity in the values.
        count: draws of Z for each attention of each run.
        seed: of the draws.
        regular: the regular tokens, where the architecture has a Gram matrix of tokens.
    """
    if architecture.readout == "cls":
        strings = [[*s, CLS] for s in strings]
    n, keys = len(strings), len(strings[0])
    first = inner_products(strings, {CLS, *regular}, architecture)
    rng = np.random.default_rng(seed)
    runs = []
    for _ in range(RUNS):
        K = first
        for _ in range(architecture.depth):
            seen = _normalised(K) if architecture.normalisation == "pre" else K
            K = _sum(K, _attended(seen, n, architecture, count, rng), architecture)
            seen = _normalised(K) if architecture.normalisation == "pre" else K
            d = np.diag(seen)
            made = architecture.activation.dual(d[:, None], d[None, :], seen)
            K = _sum(K, made, architecture)
        blocks = K.reshape(n, keys, n, keys)
        if architecture.readout == "mean":
            runs.append(blocks.mean((1, 3)))
        else:
            runs.append(blocks[:, -1, :, -1])
    return np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1) / RUNS**0.5


def _sum(K, made, architecture):
    K = architecture.residual**2 * K + made
    return _normalised(K) if architecture.normalisation == "post" else K


def _normalised(K):
    length = np.sqrt(np.diag(K))
    return K / length[:, None] / length


def _attended(seen, n, architecture, count, rng):
    """E S K̂ Sᵀ over all positions of all strings."""
    keys = len(seen) // n
    values, vectors = np.linalg.eigh(seen)
    root = vectors * np.sqrt(np.maximum(values, 0))
    logits = root @ rng.standard_normal((count, *root.shape)) @ root.T
    logits = logits + architecture.identity_kq * seen
    own = np.einsum("ciqik->ciqk", logits.reshape(-1, n, keys, n, keys))
    rows = softmax(architecture.beta * own, axis=-1)
    made = np.einsum("ciqk,ikx->ciqx", rows, root.reshape(n, keys, -1))
    flat = made.reshape(count, n * keys, -1)
    return np.einsum("cax,cbx->ab", flat, flat) / count
