"""C6: what multiples of the identity in W_K W_Qᵀ and W_V W_O do to N and to gaps.

**a**, added to W_K W_Qᵀ, adds βa(1[x_q = x_i] + γ² 1[q = i]) to the logits.

- Under `cls` that is βa(1 + γ²) at `[CLS]` itself in every string: no news about which
  symbols are equal, no leading order of a gap lowered. C is what a changed `[CLS]`
  logit gives, and gaps vanish as it outweighs the others: below 2 % where β = γ = 1
  and a = 4.
- Read at the last symbol it shows where the copies of that symbol are: leading orders
  fall (αα/αβ from β⁶ to β²), and at a ≈ 2 less data is needed, λ_min(N) against e is
  larger and N better conditioned. Too much is harmful: the query attends to itself.

**b**, added to W_V W_O of each of H heads as b/√H, passes on the heads' mean attention:
K_b = K_attn + b² ⟨E Φ(X), E Φ(Y)⟩ as H grows. A gap grows by b² ‖E f_i − E f_j‖²: under
`cls` by exactly 0 for ααββ/αβαβ, to leading order in β by b² of itself for αα/αβ. One
head gives (1 + b²) K_attn instead. An ordinary residual z1 + Z0_q adds to each entry of
C what the two templates share where they are read, under `cls` 1 + γ² to all of them:
it leaves gaps exactly as they are. The data needed with b is reported, not judged. It
may rise as the gap grows, for self values grow too and the cosine's kernel falls off
with them.

What is independent here: the changed `[CLS]` logit and E f are sampled from the law of
the logits directly, and K_b is held against finite networks. In every network

    ½(|z1(b)|² + |z1(−b)|²) − |z1(0)|² = b² |mean over heads of A_h Z0|²,

which varies little; its mean is known up to the logits' covariances, off by 2/width of
themselves, which the interval allows for. Mutants: too large a multiple a; a under
`cls` claimed to help; one head claimed to follow K_b.

Source: arXiv 2310.09753, on the two identity modifications; the formulas are symbind's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch
from scipy.special import softmax

from numerics.architecture import Architecture
from numerics.factors import triangle
from numerics.learning import relative_eigenvalue, sample_complexity
from numerics.networks import NetworkShape, TransformerNetwork, finite_heads
from numerics.options import supported
from numerics.shapes import Float64
from numerics.string_gram import string_gram
from numerics.string_moments import key_covariance
from numerics.template_gram import template_gram
from numerics.template_matrix import TemplateGram
from proofs_check.checker import Checker, Effort, Instance
from proofs_check.statistics import (
    TEST_LEVEL,
    at_least,
    at_most,
    equals,
    mean_interval,
    proved,
    reported,
)
from symbind_theory.findings import Finding, Report
from symbind_theory.incidence import Incidence
from symbind_theory.library import builtin_task
from symbind_theory.results import Interval
from symbind_theory.separation import leading_gap
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import CLS, Template, fresh_tokens
from symbind_theory.validation import InputError, finite_number, positive_integer

__all__ = ["CHECKER", "IdentityExperiment", "identity_perturbations"]

# Each of two intervals of a ratio gets half the false alarms.
_EACH = 1 - (1 - TEST_LEVEL) / 2
# Means of two independent batches are multiplied: so many pairs of batches.
_PAIRS = 64
# A `[CLS]` logit so far above the others, in units of max(1, standard deviation), takes
# all attention but for rare draws.
_OUTWEIGHS = 8.0


@dataclass(frozen=True, slots=True)
class IdentityExperiment:
    """How precisely things are estimated.

    Attributes:
        rel_tol: of λ_min(N).
        max_points: outer points for it, at most.
        draws: of Gaussian logits, at least 256; half as many for kernels of strings.
        networks: finite networks, at least 2.
        heads: H of each.
        width: of their embeddings and heads.
        target: mean squared error that the data needed is for.

    Raises:
        InputError: a number out of range.
    """

    rel_tol: float = 0.02
    max_points: int = 2**13
    draws: int = 2**16
    networks: int = 150
    heads: int = 8
    width: int = 64
    target: float = 0.01

    def __post_init__(self) -> None:
        finite_number("rel_tol", self.rel_tol, low=0, strict=True)
        finite_number("target", self.target, low=0, strict=True)
        positive_integer("max_points", self.max_points, low=64)
        positive_integer("draws", self.draws, low=4 * _PAIRS)
        positive_integer("networks", self.networks, low=2)
        positive_integer("heads", self.heads)
        positive_integer("width", self.width)


def identity_perturbations(
    task: TemplateTask,
    architecture: Architecture | None = None,
    experiment: IdentityExperiment | None = None,
    *,
    identity_kq: float = 0.0,
    identity_vo: float = 0.0,
    less_data: bool | None = None,
    many_heads: bool = False,
    seed: int = 0,
) -> Report:
    """Check C6 on a task: an architecture with a or b against the same without.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> last = Architecture(readout="last")
    >>> print(identity_perturbations(task, last, identity_kq=2.0).outcome)
    HOLDS

    Args:
        task: pairwise inequivalent templates, two or more; the data needed is looked at
            where labels are numbers.
        architecture: without a and b, β and γ above 0; `Architecture()` when None.
        experiment: precision; `IdentityExperiment()` when None.
        identity_kq: a, or 0 to leave it out.
        identity_vo: b, or 0 to leave it out.
        less_data: whether a is claimed to lower the data needed; where it tells equal
            symbols apart, with the last and the mean readout, when None.
        many_heads: whether finite networks are claimed to follow K_b of infinitely many
            heads, however few they have.
        seed: equal seeds give equal reports.

    Raises:
        InputError: an argument out of range.
    """
    base = _base(architecture or Architecture())
    a, b = (
        finite_number(name, value)
        for name, value in (("identity_kq", identity_kq), ("identity_vo", identity_vo))
    )
    if a == b == 0:
        raise InputError(
            "identity_kq and identity_vo are 0; expected at least one other number"
        )
    if len(task) < 2 or task.equivalent_pairs():
        raise InputError(
            f"task has {len(task)} templates, {len(task.equivalent_pairs())} pairs of "
            "them equivalent; expected two or more, none equivalent to another"
        )
    positive_integer("seed", seed, low=0)
    setting = _Setting(task, base, experiment or IdentityExperiment(), seed)
    if less_data is None:
        less_data = base.readout != "cls"
    findings: list[Finding] = []
    if a:
        findings += _in_keys(setting, a, less_data)
    if b:
        with_a = replace(setting, base=replace(base, identity_kq=a))
        findings += _in_values(with_a, b, many_heads)
    return Report("C6", tuple(findings))


def _base(architecture: Architecture) -> Architecture:
    for name in ("identity_kq", "identity_vo"):
        if getattr(supported(architecture), name) != 0:
            raise InputError(
                f"{name} of the architecture is {getattr(architecture, name):g}; "
                "expected 0: what is added is given beside it"
            )
    for name in ("beta", "gamma"):
        finite_number(name, getattr(architecture, name), low=0, strict=True)
    return architecture


@dataclass(frozen=True)
class _Setting:
    """What is compared against.

    Attributes:
        task: the task.
        base: the architecture without what is added.
        experiment: precision.
        seed: of everything random.
    """

    task: TemplateTask
    base: Architecture
    experiment: IdentityExperiment
    seed: int

    def gram(self, architecture: Architecture, precise: bool = True) -> TemplateGram:
        """N; on a fixed number of points where differences of two are to be exact."""
        return template_gram(
            self.task.templates,
            architecture,
            self.experiment.rel_tol if precise else 1e9,
            self.experiment.max_points,
            self.seed,
            level=_EACH,
        )

    @property
    def incidences(self) -> list[Incidence]:
        """The templates as the network sees them."""
        return [Incidence(t, self.base.readout) for t in self.task.templates]

    @property
    def tokens(self) -> tuple[str, ...]:
        """The regular tokens, which strings share; `[CLS]` too where it is read."""
        appended = (CLS,) if self.base.readout == "cls" else ()
        return (*self.task.regular_tokens, *appended)

    def random(self, stream: int) -> np.random.Generator:
        """A stream of its own for each purpose."""
        return np.random.default_rng([stream, self.seed])


def _in_keys(setting: _Setting, a: float, less_data: bool) -> Iterator[Finding]:
    """a in W_K W_Qᵀ."""
    before = setting.gram(setting.base)
    after = setting.gram(replace(setting.base, identity_kq=a))
    yield _leading_orders(setting, a)
    if setting.base.readout == "cls":
        yield _changed_logit(setting, a, before, after)
        beta, kappa = setting.base.beta, 1 + setting.base.gamma**2
        if beta * a * kappa >= _OUTWEIGHS * max(1.0, beta * math.sqrt(kappa / 2)):
            yield at_most(
                f"largest gap with a = {a:g}, in units of that without",
                _ratio(_largest_gap(after), _largest_gap(before)),
                0.02,
            )
    compared = [
        ("λ_min(N) against e", relative_eigenvalue, at_least),
        ("condition number of N", lambda gram: gram.condition_number, at_most),
    ]
    if not setting.task.symbolic:
        compared.append(("data needed", lambda gram: _samples(setting, gram), at_most))
    for what, of, claim in compared:
        statement = f"{what} with a = {a:g}, in units of that without"
        ratio = _ratio(of(after), of(before))
        yield claim(statement, ratio, 1.0) if less_data else reported(statement, ratio)


def _leading_orders(setting: _Setting, a: float) -> Finding:
    """Exactly: at which power of β pairs separate, with a and without."""
    readout = setting.base.readout
    # Inequivalent templates always have an order.
    orders = [
        tuple(leading_gap(t, u, readout, identity_kq=x).order or 0 for x in (0.0, a))
        for t, u in combinations(setting.task.templates, 2)
    ]
    listed = ", ".join(f"{without} → {with_a}" for without, with_a in orders)
    if readout == "cls":
        # The logits' change is one and the same in every string.
        changes = {x.like_query for x in setting.incidences}
        return proved(
            f"a changes one logit, alike in every string, and no order in β: {listed}",
            len(changes) == 1 and all(m == n for m, n in orders),
        )
    lowered = [with_a < without for without, with_a in orders]
    told = readout == "last"
    return proved(
        f"a lowers orders in β at which pairs separate, and raises none: {listed}"
        if told
        else f"a raises no order in β at which pairs separate: {listed}",
        all(n <= m for m, n in orders) and (any(lowered) or not told),
    )


def _changed_logit(
    setting: _Setting, a: float, before: TemplateGram, after: TemplateGram
) -> Finding:
    """C with a is C without, but for the logit of `[CLS]` at itself."""
    beta, gamma = setting.base.beta, setting.base.gamma
    count, keys = setting.experiment.draws, setting.incidences[0].size
    random = setting.random(1)
    positions = random.standard_normal((count, keys))
    regular: dict[str | int, np.ndarray] = {
        token: random.standard_normal(count) for token in setting.tokens
    }
    # Two sides: each template is compared with others, and itself, renamed.
    sides = [dict(regular), dict(regular)]
    means = []
    for side in sides:
        total = 0.0
        for incidence in setting.incidences:
            for symbol in incidence.symbols:
                if symbol not in side:
                    side[symbol] = random.standard_normal(count)
            g = np.stack([side[symbol] for symbol in incidence.symbols], axis=1)
            logits = math.sqrt(1 + gamma**2) * (g + gamma * positions)
            logits[:, -1] += a * (1 + gamma**2)
            weights = softmax(beta * logits, axis=1)
            shared = [
                weights[:, [x == t for x in incidence.symbols]].sum(1) for t in regular
            ]
            total = total + np.column_stack([*shared, gamma * weights])
        means.append(total / len(setting.incidences))
    entries = (means[0] * means[1]).sum(1)
    estimate = mean_interval(entries)
    rounding = float(after.halfwidth["attention"].mean())
    expected = float(after.attention.mean())
    effect = abs(expected - float(before.attention.mean()))
    return equals(
        "mean entry of C with the logit of [CLS] changed alike in every string",
        _widened(estimate, rounding),
        expected,
        # A quarter of what the change does.
        resolution=effect / 4,
    )


def _in_values(setting: _Setting, b: float, many_heads: bool) -> Iterator[Finding]:
    """b in W_V W_O of each head."""
    plain = setting.gram(setting.base, precise=False)
    with_b = setting.gram(replace(setting.base, identity_vo=b), precise=False)
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
        _widened(_mean_features_apart(setting, b), rounding),
        float(added.mean()),
        # A quarter of the gap that it adds to, and of what it adds if that is more.
        resolution=max(float(added.mean()), float(_pairs(plain.gaps).mean())) / 4,
    )
    yield _heads_average(setting, b, many_heads)
    residual = _with_residual(setting, plain)
    same = [p for p in pairs if _read_alike(*(setting.incidences[i] for i in p))]
    if same:
        moved = [_gap(residual, *p) - _gap(plain, *p) for p in same]
        yield proved(
            "an ordinary residual leaves the gap of templates read at the same tokens",
            bool((np.abs(moved) <= rounding).all()),
        )
    if not setting.task.symbolic:
        without = _samples(setting, plain)
        for what, gram in ((f"with b = {b:g}", with_b), ("with a residual", residual)):
            ratio = _ratio(_samples(setting, gram), without)
            yield reported(f"data needed {what}, in units of that without", ratio)


def _alike(one: Incidence, other: Incidence) -> bool:
    """Whether mean attention is alike: it sees multiplicities, not who equals whom."""
    return (one.skeleton, one.multiplicity) == (other.skeleton, other.multiplicity)


def _read_alike(one: Incidence, other: Incidence) -> bool:
    """Whether the same regular tokens, and as many wildcards, stand where is read."""
    read = [sorted(str(x.skeleton[q]) for q in x.queries) for x in (one, other)]
    return read[0] == read[1]


def _mean_features_apart(setting: _Setting, b: float) -> Interval:
    """b² ‖E f_i − E f_j‖² averaged over pairs, from logits drawn by their law.

    A row of logits of one string is √(1 + γ²)(g[x_i] + γ p_i), plus what a adds, with
    standard normals g and p. Products of independent batches are free of the bias that
    squares have.
    """
    beta, gamma = setting.base.beta, setting.base.gamma
    keys, r = setting.incidences[0].size, len(setting.incidences)
    size = setting.experiment.draws // (2 * _PAIRS)
    random = setting.random(2)
    batches = []
    for _ in range(2 * _PAIRS):
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


def _heads_average(setting: _Setting, b: float, many_heads: bool) -> Finding:
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
    part = finite_heads(kernel.attention, means, b, heads) - kernel.attention
    claimed = float(np.diagonal(b**2 * means if many_heads else part).mean())
    found = mean_interval(_added_by_identity(setting, strings, b))
    rounding = b**2 / heads * float(np.diagonal(kernel.halfwidth["attention"]).mean())
    effect = b**2 * float(np.diagonal(kernel.attention - means).mean())
    many = "infinitely many" if many_heads else str(heads)
    return equals(
        f"b's part of ⟨z1, z1⟩ in networks of {heads} heads, by the kernel of {many}",
        _widened(found, rounding + 2 / experiment.width * claimed),
        claimed,
        # A quarter of what one head differs by from infinitely many.
        resolution=effect / 4,
    )


def _added_by_identity(
    setting: _Setting, strings: list[list[str]], b: float
) -> Float64[np.ndarray, " networks"]:
    """Mean over the strings of ½(|z1(b)|² + |z1(−b)|²) − |z1(0)|², in each network."""
    experiment = setting.experiment
    number = {t: i for i, t in enumerate(dict.fromkeys(t for s in strings for t in s))}
    tokens = torch.tensor([[number[t] for t in s] for s in strings])
    width, heads = experiment.width, experiment.heads
    shape = NetworkShape(len(number), tokens.shape[1], width, width, heads, 1)
    random = torch.Generator().manual_seed(int(setting.random(3).integers(2**63)))
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


def _with_residual(setting: _Setting, gram: TemplateGram) -> TemplateGram:
    """N of z1 + Z0_q: two templates share what regular tokens and positions they read.

    Intervals are those of the new N; entries and their half-widths remain the old.
    """
    gamma, templates = setting.base.gamma, setting.incidences
    distinct = [templates[gram.column.index(c)] for c in range(len(templates))]
    queries = len(distinct[0].queries)
    tokens = [
        [sum(x.skeleton[q] == t for q in x.queries) / queries for x in distinct]
        for t in setting.tokens
    ]
    rows = np.array([*tokens, [gamma / math.sqrt(queries)] * len(distinct)])
    own = np.array([_read_square(x, gamma) for x in distinct])
    return replace(
        gram,
        factors=tuple(triangle(np.vstack([f, rows])) for f in gram.factors),
        self_values=tuple(d + own for d in gram.self_values),
        attention_self=gram.attention_self + own[list(gram.column)],
    )


def _read_square(incidence: Incidence, gamma: float) -> float:
    """|Z0_q|², averaged over the queries before it is squared."""
    read = np.array([q in incidence.queries for q in range(incidence.size)])
    weights = read / read.sum()
    return float(weights @ key_covariance(incidence.symbols, gamma) @ weights)


def _gap(gram: TemplateGram, i: int, j: int) -> float:
    columns = gram.factors[0][:, [gram.column[i], gram.column[j]]]
    return float(((columns[:, 0] - columns[:, 1]) ** 2).sum())


def _largest_gap(gram: TemplateGram) -> Interval:
    place = np.unravel_index(gram.gaps.argmax(), gram.gaps.shape)
    value, width = float(gram.gaps[place]), float(gram.halfwidth["gaps"][place])
    return Interval(value, max(0.0, value - width), value + width, gram.level)


def _samples(setting: _Setting, gram: TemplateGram) -> Interval:
    """Strings for the target error."""
    target = setting.experiment.target
    return sample_complexity(setting.task, target=target, gram=gram).interval


def _ratio(one: Interval, other: Interval) -> Interval:
    """One over the other, both positive; nothing is known where either is not."""
    level = one.level + other.level - 1
    if not (math.isfinite(one.value) and 0 < other.value < math.inf):
        return Interval(1.0, 0.0, math.inf, level)
    high = one.high / other.low if other.low > 0 else math.inf
    return Interval(one.value / other.value, one.low / other.high, high, level)


def _pairs(matrix: Float64[np.ndarray, "r r"]) -> Float64[np.ndarray, " pairs"]:
    """Its entries above the diagonal."""
    return matrix[np.triu_indices(len(matrix), 1)]


def _widened(interval: Interval, by: float) -> Interval:
    """The interval with an allowance for what is left out."""
    low, high = interval.low - by, interval.high + by
    return Interval(interval.value, low, high, interval.level)


_SAME_DIFFERENT = builtin_task("same-different")
_PATTERNS = builtin_task("aabb-abab")
_LAST = Architecture(readout="last")


def _experiment(effort: Effort, heads: int = 8) -> IdentityExperiment:
    return IdentityExperiment(
        rel_tol=effort.choose(0.02, 0.005, 0.001),
        max_points=effort.choose(2**13, 2**15, 2**18),
        draws=effort.choose(2**16, 2**18, 2**20),
        networks=effort.choose(150, 600, 2000),
        heads=heads,
    )


def _kq_last(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _SAME_DIFFERENT, _LAST, _experiment(effort), identity_kq=2.0, seed=seed
    )


def _kq_cls(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _SAME_DIFFERENT, None, _experiment(effort), identity_kq=4.0, seed=seed
    )


def _vo(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _SAME_DIFFERENT, None, _experiment(effort), identity_vo=1.0, seed=seed
    )


def _vo_alike(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _PATTERNS, None, _experiment(effort), identity_vo=1.0, seed=seed
    )


def _too_much(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _SAME_DIFFERENT, _LAST, _experiment(effort), identity_kq=6.0, seed=seed
    )


def _cls_helps(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _SAME_DIFFERENT,
        None,
        _experiment(effort),
        identity_kq=4.0,
        less_data=True,
        seed=seed,
    )


def _one_head(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _SAME_DIFFERENT,
        None,
        _experiment(effort, heads=1),
        identity_vo=1.0,
        many_heads=True,
        seed=seed,
    )


CHECKER = Checker(
    "C6",
    identity_perturbations,
    instances=(
        Instance("αα / αβ, a = 2, last", _kq_last),
        Instance("αα / αβ, a = 4, cls", _kq_cls),
        Instance("αα / αβ, b = 1, cls", _vo),
        Instance("ααββ / αβαβ, b = 1, cls", _vo_alike),
    ),
    mutants=(
        Instance("a = 6 with the last readout claimed to help", _too_much),
        Instance("a = 4 under cls claimed to help", _cls_helps),
        Instance("one head claimed to follow infinitely many", _one_head),
    ),
)
"""The checker of C6."""
