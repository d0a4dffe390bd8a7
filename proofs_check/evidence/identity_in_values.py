"""What b does in C6: a multiple of the identity in W_V W_O adds to gaps.

An ordinary residual does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import torch
from scipy.special import softmax

from numerics.architecture import Architecture
from numerics.attention.string_moments import key_covariance
from numerics.averages.linalg import triangle
from numerics.networks.transformer import NetworkShape, TransformerNetwork, finite_heads
from numerics.shapes import Float64
from numerics.strings.sampled_gram import string_gram
from numerics.template_matrix.identity_in_values import with_identity_vo
from numerics.template_matrix.record import TemplateGram
from proofs_check.evidence.identity_setting import (
    BATCH_PAIRS,
    IdentitySetting,
    data_needed,
    interval_ratio,
)
from proofs_check.judgements import (
    equals,
    mean_interval,
    proved,
    reported,
    widened,
)
from symbind_theory.interval import Interval
from symbind_theory.records.ledger import Finding
from symbind_theory.separation.incidence import Incidence
from symbind_theory.templates import Template, fresh_tokens

__all__ = ["in_values"]


def in_values(
    setting: IdentitySetting, b: float, many_heads: bool
) -> Iterator[Finding]:
    """What b adds to gaps, by three ways to it, and the data needed with it.

    Args:
        setting: whose architecture is without b.
        b: the multiple of the identity in W_V W_O of each head, not 0.
        many_heads: whether finite networks are claimed to follow the kernel of
            infinitely many heads, however few they have.
    """
    plain = setting.gram(setting.base, precise=False)
    with_b = with_identity_vo(plain, b)
    pairs = list(combinations(range(len(setting.task)), 2))
    # On equal points the difference is b's part, but for rounding.
    added = np.array([with_b.gaps[p] - plain.gaps[p] for p in pairs])
    rounding = 1e-12 * float(plain.attention.max()) * (1 + b**2)
    yield proved(
        f"b = {b:g} lowers no gap; it adds {', '.join(f'{x:.3g}' for x in added)} to "
        f"{', '.join(f'{plain.gaps[p]:.3g}' for p in pairs)}",
        bool((added >= -rounding).all()),
    )
    if setting.base.readout == "cls":
        alike = [_alike(*(setting.incidences[i] for i in p)) for p in pairs]
        if any(alike):
            yield proved(
                "b adds exactly 0 where regular tokens and multiplicities agree",
                bool((np.abs(added[alike]) <= rounding).all()),
            )
    yield equals(
        "mean over pairs of b² ‖E f_i − E f_j‖², in sampled attention",
        widened(_mean_features_apart(setting, b), rounding),
        float(added.mean()),
        # A fifth of what it adds; of the gap that it adds to where it adds nothing.
        resolution=(_mean_gap(added, rounding) or _mean_gap(_pairs(plain.gaps))) / 5,
        remedy=setting.more("draws"),
    )
    yield _heads_average(setting, b, many_heads)
    residual = _with_residual(setting, plain)
    same = [p for p in pairs if _read_alike(*(setting.incidences[i] for i in p))]
    if same:
        moved = [residual.gaps[p] - plain.gaps[p] for p in same]
        yield proved(
            "an ordinary residual leaves the gap of templates read at the same tokens",
            bool((np.abs(moved) <= rounding).all()),
        )
    if not setting.task.symbolic:
        without = data_needed(setting, plain)
        changes = {f"with b = {b:g}": with_b, "with a residual": residual}
        for change, gram in changes.items():
            ratio = interval_ratio(data_needed(setting, gram), without)
            yield reported(f"data needed {change}, in units of that without", ratio)


def _alike(one: Incidence, other: Incidence) -> bool:
    """Whether mean attention to both is alike: it sees how often a symbol occurs."""
    return (one.skeleton, one.multiplicity) == (other.skeleton, other.multiplicity)


def _read_alike(one: Incidence, other: Incidence) -> bool:
    """Whether the same regular tokens, and as many wildcards, stand where is read."""
    read = [sorted(str(x.skeleton[q]) for q in x.queries) for x in (one, other)]
    return read[0] == read[1]


def _mean_features_apart(setting: IdentitySetting, b: float) -> Interval:
    """b² ‖E f_i − E f_j‖² averaged over pairs, from logits drawn by their law.

    A row of logits of one string is √(1 + γ²)(g[x_i] + γ p_i), plus what a adds, with
    standard normals g and p. Products of independent batches are free of the bias that
    squares have.
    """
    beta, gamma = setting.base.beta, setting.base.gamma
    keys, r = setting.incidences[0].size, len(setting.incidences)
    size = setting.experiment.draws // (2 * BATCH_PAIRS)
    random = setting.random(2)
    batches = []
    for _ in range(2 * BATCH_PAIRS):
        # Numbers of wildcards stand for the same draws in all templates.
        g = random.standard_normal((size, keys + len(setting.tokens)))
        p = random.standard_normal((size, keys))
        features = []
        for x in setting.incidences:
            number = [
                s if isinstance(s, int) else keys + setting.tokens.index(s)
                for s in x.symbols
            ]
            logits = math.sqrt(1 + gamma**2) * (g[:, number] + gamma * p)
            identity = setting.base.identity_kq * key_covariance(x.symbols, gamma)
            rows = [softmax(beta * (logits + identity[q]), axis=1) for q in x.queries]
            weights = np.mean(rows, axis=(0, 1))
            shared = [
                weights[[s == t for s in x.symbols]].sum() for t in setting.tokens
            ]
            features.append(np.concatenate([shared, gamma * weights]))
        batches.append(np.array(features) - np.mean(features, axis=0))
    products = [(f * h).sum() for f, h in zip(batches[::2], batches[1::2], strict=True)]
    # Σ_{i<j} |f_i − f_j|² = r Σ_i |f_i − mean|², of r(r − 1)/2 pairs.
    return mean_interval(b**2 * 2 / (r - 1) * np.array(products))


def _heads_average(setting: IdentitySetting, b: float, many_heads: bool) -> Finding:
    """What b adds to ⟨z1, z1⟩ in finite networks, averaged over b and −b."""
    experiment, base = setting.experiment, setting.base
    strings = [_string(t) for t in setting.task.templates]
    kernel, with_one = (
        string_gram(
            strings,
            replace(base, identity_vo=x),
            experiment.draws // 2,
            setting.seed,
        )
        for x in (0.0, 1.0)
    )
    means = with_one.attention - kernel.attention
    heads = experiment.heads
    added = b**2 * means
    if not many_heads:
        added = finite_heads(kernel.attention, means, b, heads) - kernel.attention
    claimed = float(np.diagonal(added).mean())
    measured = mean_interval(_added_by_identity(setting, strings, b))
    rounding = b**2 / heads * float(np.diagonal(kernel.halfwidth["attention"]).mean())
    own = float(np.diagonal(kernel.attention).mean())
    effect = b**2 * (own - float(np.diagonal(means).mean()))
    finite_width = 2 * claimed + b**2 * _overlapping(base, own)
    many = "infinitely many" if many_heads else str(heads)
    return equals(
        f"b's part of ⟨z1, z1⟩ in networks of {heads} heads, by the kernel of {many}",
        widened(measured, rounding + finite_width / experiment.width),
        claimed,
        # Half of what H heads differ by from infinitely many.
        resolution=effect / (2 * heads),
        remedy=setting.more("draws", "networks", "width"),
    )


def _overlapping(base: Architecture, own: float) -> float:
    """How much embeddings that are not orthogonal add to E |Zᵀs|², in units of 1/d.

    Those of two positions have ⟨Z_j, Z_k⟩ of variance (1 + γ²)²/d, logits covary by
    β²(1 + γ²) times it, and so, to first order in the covariance, E s_j s_k moves by
    that times E s_j s_k at most; over all pairs Σ_{j≠k} E s_j s_k = 1 − E |s|².
    What is of second order in the covariance is of order 1/d too and is not bounded
    here: networks of 5 and 21 keys, β from 0.5 to 3 and γ from 0.3 to 2, are off by 0
    to 0.4 of the whole allowance.

    Args:
        base: the transformer.
        own: E |Zᵀs|² = (1 + γ²) E |s|² in wide networks.
    """
    square = 1 + base.gamma**2
    return base.beta**2 * square**2 * max(0.0, square - own)


def _added_by_identity(
    setting: IdentitySetting, strings: list[list[str]], b: float
) -> Float64[np.ndarray, " networks"]:
    """Mean over the strings of ½(|z1(b)|² + |z1(−b)|²) − |z1(0)|², in each network."""
    experiment = setting.experiment
    number = {t: i for i, t in enumerate(dict.fromkeys(t for s in strings for t in s))}
    tokens = torch.tensor([[number[t] for t in s] for s in strings])
    shape = NetworkShape(
        vocabulary=len(number),
        length=tokens.shape[1],
        width=experiment.width,
        head_width=experiment.width,
        heads=experiment.heads,
        hidden=1,
    )
    random = setting.torch_random(3)
    added = []
    with torch.no_grad():
        for _ in range(experiment.networks):
            network = TransformerNetwork(shape, setting.base, random)
            squares = []
            for multiple in (b, -b, 0.0):
                network.identity_vo.fill_(multiple)
                squares.append(float((network.attention(tokens) ** 2).sum(1).mean()))
            added.append((squares[0] + squares[1]) / 2 - squares[2])
    return np.array(added)


def _string(template: Template) -> list[str]:
    """A string of the template, its wildcards replaced by new tokens."""
    names = fresh_tokens(template.regular_tokens)
    images = {wildcard: next(names) for wildcard in template.wildcards}
    return template.substitute(images).split()


def _with_residual(setting: IdentitySetting, gram: TemplateGram) -> TemplateGram:
    """N of z1 + Z0_q: two templates share what regular tokens and positions they read.

    What is read is known exactly: rows of F beside those of the estimate.
    """
    gamma, templates = setting.base.gamma, setting.incidences
    distinct = [templates[gram.column.index(c)] for c in range(len(templates))]
    queries = len(distinct[0].queries)
    tokens = [
        [sum(x.skeleton[q] == t for q in x.queries) / queries for x in distinct]
        for t in setting.tokens
    ]
    rows = np.array([*tokens, [gamma / math.sqrt(queries)] * len(distinct)])
    squares = np.array([_read_square(x, gamma) for x in distinct])
    return replace(
        gram,
        features=tuple(triangle(np.vstack([f, rows])) for f in gram.features),
        self_values=tuple(d + squares for d in gram.self_values),
    )


def _read_square(incidence: Incidence, gamma: float) -> float:
    """|Z0_q|², averaged over the queries before it is squared."""
    read = np.array([q in incidence.queries for q in range(incidence.size)])
    weights = read / read.sum()
    return float(weights @ key_covariance(incidence.symbols, gamma) @ weights)


def _mean_gap(gaps: Float64[np.ndarray, " pairs"], rounding: float = 0.0) -> float:
    """The mean of gaps, or 0 where that is rounding."""
    mean = float(gaps.mean())
    return mean if mean > rounding else 0.0


def _pairs(matrix: Float64[np.ndarray, "r r"]) -> Float64[np.ndarray, " pairs"]:
    """The entries of a matrix above its diagonal."""
    return matrix[np.triu_indices(len(matrix), 1)]
