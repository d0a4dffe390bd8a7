"""The kernel of deep transformers on three positions, by tensor rules.

Two rows of softmax over three keys are functions of four Gaussians, the differences of
their logits to that of the last key: the trapezoid rule over all four converges fast,
as the poles of softmax are far from the real line. No tangent kernel, no b, no mask.
"""

from functools import partial
from itertools import combinations_with_replacement, product

import numpy as np
from scipy.special import softmax
from symbind_testing.builders.strings import symbols
from symbind_testing.oracles.two_positions import equal_tokens

from symbind_theory.templates import read_templates

# Seven deviations: 3e-12 of a Gaussian lie beyond.
_REACH = 7.0
_DIFFERENCES = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])


def kernel(templates, architecture, step=0.42):
    """N of templates that make three positions, read at the last; (r, r).

    Args:
        templates: r templates.
        architecture: without b, mask or the mean readout; normalised "pre" or never.
        step: of the rule, in deviations.
    """
    strings = [symbols(t, architecture.readout) for t in read_templates(templates)]
    positions = architecture.gamma**2 * np.eye(3)
    pairs = list(combinations_with_replacement(range(len(strings)), 2))
    stream = {
        (i, j): positions + equal_tokens(strings[i], strings[j], apart=True)
        for i, j in pairs
    }
    own = [positions + equal_tokens(s, s, apart=False) for s in strings]
    blocks = architecture.record().every_block
    for number, block in enumerate(blocks, start=1):
        rows = [2] if number == len(blocks) else [0, 1, 2]
        for sublayer in (
            partial(_attended, architecture, block, step, rows),
            partial(_mapped, architecture, block),
        ):
            stream = {p: sublayer(k, own[p[0]], own[p[1]]) for p, k in stream.items()}
            own = [sublayer(d, d, d) for d in own]
    found = np.empty((len(strings), len(strings)))
    for (i, j), k in stream.items():
        found[i, j] = found[j, i] = k[-1, -1]
    return found


def _attended(architecture, block, step, rows, *strings):
    """s² K + A(κ) for the rows that are wanted, of K and both strings' own D."""
    k, first, second = strings
    seen = _seen(architecture, k, first, second)
    selves = [_seen(architecture, d, d, d) for d in (first, second)]
    new = _attention(seen, selves, block, step, rows, k is first)
    return block.residual**2 * k[np.ix_(rows, rows)] + new


def _mapped(architecture, block, *strings):
    """s² K + E φφ'."""
    k, first, second = strings
    seen = _seen(architecture, k, first, second)
    x, y = (np.diag(_seen(architecture, d, d, d)) for d in (first, second))
    new = architecture.activation.dual(x[:, None], y[None, :], seen)
    return block.residual**2 * k + new


def _seen(architecture, k, first, second):
    """What a sublayer sees of the covariances of two strings."""
    if architecture.normalisation is None:
        return k
    return k / np.sqrt(np.outer(np.diag(first), np.diag(second)))


def _attention(k, selves, block, step, rows, same):
    """E s_q κ s'_q' for the rows that are wanted."""
    found = np.empty((len(rows), len(rows)))
    for (m, q), (n, p) in product(enumerate(rows), repeat=2):
        if same and p < q:
            found[m, n] = found[n, m]
            continue
        root = _root(k, selves, (q, p), block.beta, same and q == p)
        means = [
            block.beta * block.identity_kq * _DIFFERENCES @ d[row]
            for d, row in zip(selves, (q, p), strict=True)
        ]
        found[m, n] = (_products(root, np.concatenate(means), step) * k).sum()
    return found


def _root(k, selves, queries, beta, one):
    """A root of the covariance of the four differences, in two to four columns."""
    q, p = queries

    def covariance(c, row, column):
        return beta**2 * c[row, column] * _DIFFERENCES @ c @ _DIFFERENCES.T

    first, second = covariance(selves[0], q, q), covariance(selves[1], p, p)
    across = first if one else covariance(k, q, p)
    values, vectors = np.linalg.eigh(np.block([[first, across], [across.T, second]]))
    kept = values > 1e-13 * values.max()
    kept[-2:] = True
    return vectors[:, kept] * np.sqrt(np.maximum(values[kept], 0.0))


def _products(root, mean, step):
    """E s s'ᵀ, of softmax rows whose differences are root z + mean; (3, 3)."""
    axes, weights = [], []
    for deviation in np.linalg.norm(root, axis=0):
        h = step * min(1.0, 2.2 / max(deviation, 1.0))
        z = np.arange(-round(_REACH / h), round(_REACH / h) + 1) * h
        w = np.exp(-(z**2) / 2)
        axes.append(z)
        weights.append(w / w.sum())
    rest = np.stack([g.ravel() for g in np.meshgrid(*axes[1:], indexing="ij")])
    mass = np.ones(1)
    for w in weights[1:]:
        mass = np.multiply.outer(mass, w).ravel()
    rest, mass = rest[:, mass > 1e-15], mass[mass > 1e-15]
    found = np.zeros((3, 3))
    for z, w in zip(axes[0], weights[0], strict=True):
        u = root[:, :1] * z + root[:, 1:] @ rest + mean[:, None]
        s, t = (softmax(_with_zero(half), axis=0) for half in (u[:2], u[2:]))
        found += w * (s * mass) @ t.T
    return found


def _with_zero(differences):
    return np.vstack([differences, np.zeros(differences.shape[1])])
