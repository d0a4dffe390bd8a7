"""The covariances of a deep transformer's stream, by plain Monte Carlo.

Follows the recursion word by word: the logits of all templates are drawn jointly, split
into a part that all strings share and one of each string's own, which is drawn twice so
that the covariance across strings is unbiased. Where β = 0 in every block nothing is
random, and the result is exact. The activation's dual alone is a closed form. Relative
positions are left out.
"""

from dataclasses import dataclass

import numpy as np

from symbind_theory.separation.incidence import incidence_of


@dataclass
class Stream:
    """C over all pairs (template, position), and D of each template.

    `across[i][j]` is K_i × K_j, `within[i]` is K_i × K_i.
    """

    across: list[list[np.ndarray]]
    within: list[np.ndarray]

    def map(self, blocks, own):
        """Each block of C, with the numbers of its two templates, and each D."""
        indices = range(len(self.within))
        return Stream(
            [[blocks(self.across[i][j], i, j) for j in indices] for i in indices],
            [own(d, i) for i, d in enumerate(self.within)],
        )

    def normalised(self):
        scales = [1 / np.sqrt(np.diagonal(d)) for d in self.within]
        return self.map(
            lambda c, i, j: c * np.outer(scales[i], scales[j]),
            lambda d, i: d * np.outer(scales[i], scales[i]),
        )

    def plus(self, other, scale):
        """scale² of this stream, and another."""
        return self.map(
            lambda c, i, j: scale**2 * c + other.across[i][j],
            lambda d, i: scale**2 * d + other.within[i],
        )


def embedded(templates, readout, gamma):
    """The stream before the first block."""
    seen = [incidence_of(t, readout) for t in templates]

    def equal(one, other):
        return np.array([[x == y for y in other] for x in one], dtype=float)

    def places(one, other):
        return gamma**2 * np.eye(one.size, other.size)

    regular = [[x if isinstance(x, str) else None for x in s.symbols] for s in seen]
    tokens = [
        np.array([[x is not None and x == y for y in other] for x in one], dtype=float)
        for one in regular
        for other in regular
    ]
    count = len(seen)
    return Stream(
        [
            [tokens[i * count + j] + places(seen[i], seen[j]) for j in range(count)]
            for i in range(count)
        ],
        [equal(s.symbols, s.symbols) + places(s, s) for s in seen],
    )


def factor(matrix):
    """A with A Aᵀ the matrix, positive semi-definite up to rounding and sampling."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return vectors * np.sqrt(np.maximum(values, 0))


def root(matrix):
    """The symmetric square root, of which alike matrices have alike ones."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def softmax(logits):
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


@dataclass
class Attention:
    """Weights of each template for outer draws: two sets of own draws each."""

    weights: list[np.ndarray]

    def mean(self, i):
        return self.weights[i].mean((0, 1))

    def across(self, c, i, j):
        first, second = self.weights[i], self.weights[j]
        one = np.einsum("nqp,ps,nts->qt", first[0], c, second[1], optimize=True)
        two = np.einsum("nqp,ps,nts->qt", first[1], c, second[0], optimize=True)
        return (one + two) / (2 * first.shape[1])

    def within(self, d, i):
        weights = self.weights[i]
        total = np.einsum("hnqp,ps,hnts->qt", weights, d, weights, optimize=True)
        return total / (2 * weights.shape[1])


def attend(seen, beta, a, draws, rng, causal):
    """The attention weights of all templates, from what the sublayer sees.

    Own draws are the same for all templates: each string meets the other half of
    another's alone, so that nothing is biased, and their differences are less noisy.
    """
    cuts = np.cumsum([len(d) for d in seen.within])[:-1]
    parts = np.split(factor(np.block(seen.across)), cuts)
    rank = parts[0].shape[1]
    count = draws if beta else 1
    shared = beta * rng.standard_normal((count, rank, rank))
    seed = rng.integers(2**32)
    weights = []
    for i, (part, d) in enumerate(zip(parts, seen.within, strict=True)):
        own, again = root(d - seen.across[i][i]), np.random.default_rng(seed)
        logits = beta * a * d + part @ shared @ part.T
        for left, right in ((own, own), (own, part), (part, own)):
            size = (2, count, left.shape[1], right.shape[1])
            logits = logits + beta * (left @ again.standard_normal(size) @ right.T)
        if causal:
            logits = np.where(np.tri(len(d), dtype=bool), logits, -np.inf)
        weights.append(softmax(logits))
    return Attention(weights)


def attention_sublayer(stream, block, architecture, draws, rng):
    pre = architecture.normalisation == "pre"
    seen = stream.normalised() if pre else stream
    drawn = attend(seen, block.beta, block.identity_kq, draws, rng, architecture.causal)
    scales = [
        1 / np.sqrt(np.diagonal(d)) if pre else np.ones(len(d)) for d in stream.within
    ]
    straight = [
        block.residual * np.eye(len(d)) + block.identity_vo * drawn.mean(i) * scales[i]
        for i, d in enumerate(stream.within)
    ]
    kept = stream.map(
        lambda c, i, j: straight[i] @ c @ straight[j].T,
        lambda d, i: straight[i] @ d @ straight[i].T,
    )
    return kept.plus(seen.map(drawn.across, drawn.within), 1.0)


def mlp_sublayer(stream, block, architecture):
    seen = stream.normalised() if architecture.normalisation == "pre" else stream
    diagonals = [np.diagonal(d) for d in seen.within]

    def dual(x, y, c):
        x, y = (np.broadcast_to(z, c.shape).copy() for z in (x[:, None], y[None, :]))
        # Sampling may take a covariance past what self values allow.
        bound = np.sqrt(x * y)
        return np.asarray(architecture.activation.dual(x, y, np.clip(c, -bound, bound)))

    made = seen.map(
        lambda c, i, j: dual(diagonals[i], diagonals[j], c),
        lambda d, i: dual(diagonals[i], diagonals[i], d),
    )
    return stream.plus(made, block.residual)


def deep_stream(templates, architecture, draws=1, seed=0):
    """The stream after the last block, where it is read."""
    rng = np.random.default_rng(seed)
    stream = embedded(templates, architecture.readout, architecture.gamma)
    for block in architecture.every_block:
        stream = attention_sublayer(stream, block, architecture, draws, rng)
        if architecture.normalisation == "post":
            stream = stream.normalised()
        stream = mlp_sublayer(stream, block, architecture)
        if architecture.normalisation == "post":
            stream = stream.normalised()
    return stream.normalised() if architecture.final_normalisation else stream


def read(stream, readout):
    """N and its self values: the last position, or the mean over both positions."""
    take = np.mean if readout == "mean" else (lambda block: block[-1, -1])
    matrix = np.array([[take(c) for c in row] for row in stream.across])
    return matrix, np.array([take(d) for d in stream.within])


def deep_matrix(templates, architecture, draws=1, seed=0):
    """N and the self values of a deep transformer."""
    return read(deep_stream(templates, architecture, draws, seed), architecture.readout)
