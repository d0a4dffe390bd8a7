"""Attention features by a tensor Gauss-Hermite rule, for every readout.

A second way to what `conditional_softmax` computes, and the only numeric one for the
other readouts: no Laplace transform, no tables. Given the shared Gaussians a row of
logits is Gaussian; one axis of nodes for each dimension of what is private in it.
"""

from itertools import product

import numpy as np
from symbind_testing.builders.strings import symbols

from symbind_theory.templates import read_templates


def features(
    templates, beta, gamma, count, nodes, seed, readout="cls", identity_kq=0.0
):
    """f_i at `count` pseudo-random outer points; shape (count, templates, coordinates).

    Coordinates are the regular tokens, then the positions times gamma.
    """
    strings = [symbols(t, readout) for t in read_templates(templates)]
    keys = len(strings[0])
    queries = range(keys) if readout == "mean" else [keys - 1]
    tokens = list(dict.fromkeys(x for s in strings for x in s if not _private(x)))
    labels = [*range(keys), *tokens]
    place = {label: i for i, label in enumerate(labels)}
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((count, len(labels), len(labels)))
    found = np.zeros((count, len(strings), len(tokens) + keys))
    for i, string in enumerate(strings):
        for q in queries:
            mean, private = np.zeros((count, keys)), {}
            for (row, column), key, size in _terms(string, q, gamma):
                if _private(row) or _private(column):
                    private.setdefault((row, column), np.zeros(keys))[key] += size
                else:
                    mean[:, key] += size * shared[:, place[row], place[column]]
            mean += identity_kq * np.array(
                [(x == string[q]) + gamma**2 * (j == q) for j, x in enumerate(string)]
            )
            weights = softmax_average(beta * mean, beta * _root(private, keys), nodes)
            weights /= len(queries)
            found[:, i, len(tokens) :] += gamma * weights
            for j, x in enumerate(string):
                if not _private(x):
                    found[:, i, tokens.index(x)] += weights[:, j]
    return found


def _private(label):
    return isinstance(label, tuple)


def _terms(string, q, gamma):
    """The Gaussians of row q: their indices, the key they enter, and how much."""
    for key, symbol in enumerate(string):
        yield (string[q], symbol), key, 1.0
        yield (string[q], key), key, gamma
        yield (q, symbol), key, gamma
        yield (q, key), key, gamma**2


def private_root(string, q, gamma):
    """A root of the covariance of what is private in row q, centred."""
    private = {}
    for (row, column), key, size in _terms(string, q, gamma):
        if _private(row) or _private(column):
            private.setdefault((row, column), np.zeros(len(string)))[key] += size
    return _root(private, len(string))


def _root(private, keys):
    """A matrix whose columns span what is private, centred: softmax sees no more."""
    columns = np.array([*private.values(), np.zeros(keys)]).T
    u, s, _ = np.linalg.svd(columns - columns.mean(0), full_matrices=False)
    kept = s > 1e-12 * max(s[0], 1)
    return u[:, kept] * s[kept]


def softmax_average(logits, root, nodes):
    """E softmax(logits + root g) over g ~ N(0, I), with so many nodes on each axis."""
    abscissae, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    total = np.zeros_like(logits)
    for index in product(range(nodes), repeat=root.shape[1]):
        moved = logits + root @ abscissae[list(index)]
        raised = np.exp(moved - moved.max(1, keepdims=True))
        share = weights[list(index)].prod()
        total += share * raised / raised.sum(1, keepdims=True)
    return total
