"""Deep kernels of concrete strings by plain Monte Carlo, with standard errors.

Each template twice, no symbol shared; the covariances of all positions of all strings
in one matrix; all logits of all strings drawn jointly from their full covariance, and
softmax averaged: no part of it is split off, no symmetry used. The tangent kernel goes
along by the sums as they are written, with J = diag(s) − s sᵀ at each point. A run's
points are drawn anew in each block. Bias of a run by its number of points: O(1/points).
"""

import numpy as np
from scipy.special import softmax, stdtrit
from symbind_testing.builders.strings import twice_fresh
from symbind_testing.oracles.finite_deep_network import mean_and_error
from symbind_testing.oracles.slopes import slope_dual

from numerics import Architecture, template_gram
from numerics.positions import ALiBi, DistanceBias, RandomBias, Rotary
from symbind_theory.templates import CLS, Template

# 20 entries for each of 20 kernels at 1e-6: one alarm in 2500 at most.
LEVEL = 1 - 1e-6
RUNS = 16


def assert_agree(templates, architecture, points=4096):
    """Entries of N and K_self: by what both say of their own errors."""
    gram = template_gram(
        templates, architecture, rel_tol=1e-9, max_points=1024, level=LEVEL
    )
    found = sampled(templates, architecture, RUNS, points)
    quantile = stdtrit(RUNS - 1, (1 + LEVEL) / 2)
    for name, (mean, error) in zip(("matrix", "matrix_self"), found, strict=True):
        off = np.abs(mean - getattr(gram, name))
        assert (off <= quantile * error + gram.halfwidth[name]).all(), name
        assert quantile * error.max() < 0.2 * np.abs(mean).max()


def sampled(
    templates,
    architecture: Architecture,
    runs=16,
    points=4096,
    seed=0,
    *,
    tangent=False,
):
    """N and K_self, each with its standard error.

    Args:
        templates: r templates.
        architecture: read at "cls" or "last", without b.
        runs: independent ones.
        points: of each block of a run.
        seed: of the draws.
        tangent: whether N and K_self are those of the tangent kernel.
    """
    strings = [s.split() for s in twice_fresh(templates)]
    regular = {x for t in templates for x in Template(t).regular_tokens}
    draws = _draws(strings, regular, architecture, runs, points, seed, tangent)
    r = len(templates)
    across = (draws[:, :r, r:] + draws[:, r:, :r]) / 2
    own = np.einsum("nii->ni", draws)
    return mean_and_error(across), mean_and_error((own[:, :r] + own[:, r:]) / 2)


def of_strings(
    strings, architecture: Architecture, runs=16, points=4096, seed=0, *, tangent=False
):
    """The kernel of concrete strings, lists of tokens, with its standard error."""
    draws = _draws(strings, (), architecture, runs, points, seed, tangent)
    return mean_and_error(draws)


def _draws(strings, regular, architecture, runs, points, seed, tangent):
    """The kernel by independent runs; with `[CLS]` where it is read."""
    end = [CLS] if architecture.readout == "cls" else []
    whole = [[*s, *end] for s in strings]
    generator = np.random.default_rng(seed)
    start = inner_products(whole, {CLS, *regular}, architecture)
    return np.stack(
        [
            _run(start, len(whole), architecture, points, generator)[tangent]
            for _ in range(runs)
        ]
    )


def inner_products(strings, regular, architecture):
    """Of the embeddings of all positions of all strings.

    Args:
        strings: lists of tokens, of one length.
        regular: the regular tokens; all others are symbols.
        architecture: γ, and the Gram matrix of tokens if there is one.
    """
    n, keys = len(strings), len(strings[0])
    tokens = [x for s in strings for x in s]
    gram = architecture.tokens
    if gram is None:
        same = np.array([[x == y for y in tokens] for x in tokens], dtype=float)
    else:
        same = np.array(
            [[_product(gram, regular, x, y) for y in tokens] for x in tokens]
        )
    return same + architecture.gamma**2 * np.tile(np.eye(keys), (n, n))


def _product(gram, regular, x, y):
    """The inner product of two concrete tokens, case by case."""
    if x not in regular and y not in regular:
        return gram.self_value if x == y else gram.common
    place = {t: i for i, t in enumerate(gram.tokens) if t in regular}
    if x in place and y in place:
        return gram.gram[place[x]][place[y]]
    if x in place and y not in regular:
        return gram.cross[place[x]]
    if y in place and x not in regular:
        return gram.cross[place[y]]
    return float(x == y)


def _run(k, n, architecture, points, generator):
    """The kernel of all n strings, from their inner products at the start.

    And their tangent kernel, which starts as the same.
    """
    keys, t = len(k) // n, k
    for block in architecture.every_block:
        square = block.residual**2
        seen = _seen(k, k, architecture), _seen(t, k, architecture)
        made = _attended(*seen, n, architecture, block, points, generator)
        k, t = _after(square * k + made[0], square * t + made[1], architecture)
        seen, felt = _seen(k, k, architecture), _seen(t, k, architecture)
        x = np.diagonal(seen)[:, None]
        fresh = architecture.activation.dual(x, x.T, seen)
        slope = slope_dual(architecture.activation, x, x.T, seen)
        k, t = square * k + fresh, square * t + fresh + slope * (seen + felt)
        k, t = _after(k, t, architecture)
    if architecture.final_normalisation:
        k, t = _divided(k, k), _divided(t, k)
    read = np.ix_(*[range(keys - 1, n * keys, keys)] * 2)
    return k[read], (k + t)[read]


def _divided(matrix, k):
    root = np.sqrt(np.diagonal(k))
    return matrix / root[:, None] / root


def _seen(matrix, k, architecture):
    return _divided(matrix, k) if architecture.normalisation == "pre" else matrix


def _after(k, t, architecture):
    if architecture.normalisation == "post":
        return _divided(k, k), _divided(t, k)
    return k, t


def _attended(k, t, n, architecture, block, points, generator):
    """E S κ Sᵀ of all strings at once, and Θ⁺ of attention."""
    weights = _weights(k, n, architecture, block, points, generator)
    keys = len(k) // n
    flat = np.zeros((points, n, keys, n, keys))
    for i in range(n):
        flat[:, i, :, i] = weights[:, i]
    flat = flat.reshape(points, n * keys, n * keys)

    def around(matrix):
        made = np.einsum("mab,mcb->ac", flat @ matrix, flat, optimize=True)
        return made / points

    jacobian = weights[..., None] * (np.eye(keys) - weights[..., None, :])
    flat_jacobian = jacobian.reshape(points, -1)
    products = flat_jacobian.T @ flat_jacobian / points
    products = products.reshape(n, keys, keys, keys, n, keys, keys, keys)
    four, other = (x.reshape(n, keys, n, keys) for x in (k, t))

    def through(of_values, of_logits):
        path = "iqprjuvs,ipjv,irjs->iqju"
        return np.einsum(path, products, of_values, of_logits, optimize=True)

    logits = through(four, 2 * four + other) * four + through(four, four) * other
    logits = block.beta**2 * logits.reshape(k.shape)
    fresh = around(k)
    return fresh, 2 * fresh + around(t) + logits


def _weights(k, n, architecture, block, points, generator):
    """Softmax of all rows of all strings; (points, n, keys, keys)."""
    keys = len(k) // n
    four = k.reshape(n, keys, n, keys)
    law = np.einsum("iqjr,ipjs->iqpjrs", four, four) * block.beta**2
    offset = np.subtract.outer(np.arange(keys), np.arange(keys))
    difference = (offset[:, :, None, None] - offset)[None, :, :, None]
    relative = architecture.relative
    bias = np.zeros((keys, keys))
    if isinstance(relative, Rotary):
        f = relative.frequencies
        cosines = [np.cos(difference * relative.base ** (-i / f)) for i in range(f)]
        law = law * sum(cosines) / f
    elif isinstance(relative, RandomBias):
        law = law + relative.deviation**2 * (difference == 0)
    elif isinstance(relative, ALiBi):
        bias = -relative.slope * np.abs(offset)
    elif isinstance(relative, DistanceBias):
        bias = np.array([[_of_distance(relative, m) for m in row] for row in offset])
    values, vectors = np.linalg.eigh(law.reshape(n * keys**2, -1))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn = generator.standard_normal((points, len(root))) @ root.T
    logits = drawn.reshape(points, n, keys, keys) + bias
    own = np.einsum("iqip->iqp", four)
    logits = logits + block.beta * block.identity_kq * own
    if architecture.causal:
        logits = np.where(np.tri(keys, dtype=bool), logits, -np.inf)
    return softmax(logits, axis=-1)


def _of_distance(relative, m):
    """The number of an offset, counted by hand."""
    if m >= 0:
        return relative.before[min(m, len(relative.before) - 1)]
    if not relative.after:
        return 0.0
    return relative.after[min(-m - 1, len(relative.after) - 1)]
