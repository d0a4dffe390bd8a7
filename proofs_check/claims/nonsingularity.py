"""C3: the template matrix N is non-singular exactly for inequivalent templates.

N_ij is the kernel of two strings of templates i and j that share no symbol; kernel
regression generalises to unseen symbols where N is non-singular. The paper: for almost
every parameter. Theorem S (symbind): for one layer, β ≠ 0, γ ≠ 0 and φ not constant,
exactly if the templates are pairwise inequivalent. What is put to the test:

1. *C is a Gram matrix*, C_ij = E⟨f_i, f_j⟩ with f_i the features averaged over
   wildcards. One side integrates the wildcards out (`template_gram`), the other samples
   the kernel of concrete strings (`string_gram`) and knows nothing of templates. The
   difference of two strings' features hardly depends on the draw where the templates
   agree, so that the strings resolve gaps far below the entries' own error.
2. *The paper's condition* on all permutations, Σ C_ii ≠ Σ C_{i,τ(i)}, is ½ Σ of gaps,
   gap_ij = C_ii + C_jj − 2 C_ij = E‖f_i − f_j‖² ≥ 0: so the least value over τ ≠ id is
   the smallest gap. It is enumerated for up to 6 templates.
3. *Gaps are positive* where exact separation says so: c β^{2L} + … with c > 0.
4. *Theorem S both ways*: the exact decision against the interval of λ_min(N).
5. *An MLP fails*: rows of its N are equal exactly where templates share a skeleton
   (`numerics.mlp_kernel` has the proof). N is singular then, and otherwise only if φ is
   odd, or E φ = 0 through all layers, and a template has no regular token: its row is
   0. "Singular exactly when two share a skeleton" is wrong for erf and `?a`, `X`.

A task with a singular N is refuted, with a witness. The mutants take one hypothesis
away each: a template written twice under other names, γ = 0, β = 0, constant φ. Without
positions or with uniform attention the estimated gap itself contradicts 3.

Sources: arXiv 2310.09753, on template matrices; Theorem S, gaps and the MLP's converse:
symbind.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, permutations
from typing import Any

import numpy as np

from numerics import Architecture, TemplateGram, string_gram, template_gram
from numerics.activations import GELU, Activation, Cosine, Erf, ReLU
from numerics.closed_form import KnownMatrix, StringKernel, closed_matrix, fresh_strings
from numerics.mlp_kernel import mlp_kernel
from numerics.shapes import Float64
from proofs_check.checker import Checker, Effort, Instance
from proofs_check.statistics import (
    TEST_LEVEL,
    equals,
    mean_interval,
    proved,
    reported,
)
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.check_template import kernel_facts
from symbind_theory.findings import Finding, Report, conjunction
from symbind_theory.results import Interval, Outcome
from symbind_theory.separation import leading_gap
from symbind_theory.templates import Template, read_templates
from symbind_theory.theorem_s import Decision, decide
from symbind_theory.validation import InputError, positive_integer, shorten

__all__ = [
    "CHECKER",
    "Sampling",
    "mlp_findings",
    "nonsingularity",
    "templates_of",
]

# 7! permutations and more are not enumerated.
_MOST_PERMUTED = 6
# Relative to the sums that they are differences of: far above rounding.
_ROUNDING = 1e-12
# An estimated gap so far below the leading term, or below C, counts as none.
_VANISHED = 1e-9


@dataclass(frozen=True, slots=True)
class Sampling:
    """How much goes into the two estimates of C.

    Attributes:
        points: outer points for conditional expectations at most, ≥ 64.
        runs: independent estimates from strings, ≥ 2.
        samples: of the features in each run, ≥ 32.
        copies: strings of each template in a run, no symbol shared, ≥ 2.

    Raises:
        InputError: a number out of range.
    """

    points: int = 2**11
    runs: int = 32
    samples: int = 2**12
    copies: int = 8

    def __post_init__(self) -> None:
        positive_integer("points", self.points, low=64)
        positive_integer("runs", self.runs, low=2)
        positive_integer("samples", self.samples, low=32)
        positive_integer("copies", self.copies, low=2)


def nonsingularity(
    task: TemplateTask | Sequence[Template | str],
    architecture: Architecture | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
) -> Report:
    """Check on a task that N is non-singular, and what the theory says on the way.

    >>> report = nonsingularity(["?a ?a", "?a ?b"])
    >>> report.outcome.value
    'HOLDS'
    >>> nonsingularity(["?a ?b", "?b ?a"]).outcome.value
    'REFUTED'

    Args:
        task: a task, or templates of one length.
        architecture: the transformer, of depth 1; `Architecture()` when None.
        sampling: sizes of the samples; `Sampling()` when None.
        seed: of all random numbers, ≥ 0.

    Returns:
        HOLDS where N is non-singular and every part agrees, REFUTED where N is
        singular, with a witness, or a part disagrees, UNDECIDED where the sample does
        not tell.

    Raises:
        InputError: an argument out of range, or an architecture that is not estimated.
    """
    templates = templates_of(task)
    architecture = architecture or Architecture()
    sampling = sampling or Sampling()
    positive_integer("seed", seed, low=0)
    seeds = np.random.SeedSequence(seed).generate_state(1 + sampling.runs).tolist()
    r = len(templates)
    # Two intervals for each entry of C, each self value and each gap.
    level = 1 - (1 - TEST_LEVEL) / (2 * r * (r + 1))
    gram = template_gram(
        templates,
        architecture,
        max_points=sampling.points,
        seed=seeds[0],
        device="cpu",
        level=level,
    )
    strings = _StringSamples.draw(templates, architecture, sampling, seeds[1:])
    decision = decide(templates, kernel_facts(architecture))
    findings = [_gram_entries(gram, strings)]
    if r > 1:
        findings += [_gaps(gram, strings), _permutations(gram)]
        findings += [_separation(gram, decision)]
    findings += _theorem_s(gram, decision)
    if not architecture.activation.constant:
        for depth in (1, 3):
            findings += mlp_findings(templates, architecture.activation, depth)
    return Report("C3", tuple(findings))


def templates_of(task: Any) -> tuple[Template, ...]:
    """The templates of a task, or of a list of templates or their text.

    Raises:
        InputError: neither, or templates of different lengths.
    """
    if isinstance(task, TemplateTask):
        return task.templates
    if not isinstance(task, Iterable):
        raise InputError(
            f"task is {shorten(task)}; expected a TemplateTask or a list of templates"
        )
    return read_templates(task)


@dataclass(frozen=True)
class _StringSamples:
    """Independent unbiased estimates from strings, one a run.

    Attributes:
        attention: of C; shape (runs, r, r), symmetric.
        attention_self: of d; shape (runs, r).
        rounding: bound on the error of each, and of gaps, by rounding.
    """

    attention: Float64[np.ndarray, "runs r r"]
    attention_self: Float64[np.ndarray, "runs r"]
    rounding: float

    @classmethod
    def draw(
        cls,
        templates: Sequence[Template],
        architecture: Architecture,
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> _StringSamples:
        """One Gram matrix of all strings for each seed.

        C averages over the pairs of different copies, whose wildcards are independent
        given what the draw shares.
        """
        copies, r = sampling.copies, len(templates)
        # Regular tokens are numbers like all others: the kernel knows only equality.
        strings = fresh_strings(templates, copies).reshape(copies * r, -1)
        grams = [
            string_gram(strings, architecture, sampling.samples, seed, device="cpu")
            for seed in seeds
        ]
        k = np.stack([g.attention for g in grams]).reshape(-1, copies, r, copies, r)
        same = np.einsum("ncicj->nij", k)
        between = (k.sum((1, 3)) - same) / (copies * (copies - 1))
        own = np.einsum("ncici->ni", k) / copies
        # A gap is made of four entries, none of which exceeds the largest d.
        return cls(between, own, 4 * grams[0].rounding * float(own.max()))

    @property
    def gaps(self) -> Float64[np.ndarray, "runs r r"]:
        """C_ii + C_jj − 2 C_ij, each within one run: what the run shares cancels."""
        own = np.diagonal(self.attention, axis1=1, axis2=2)
        return own[:, :, None] + own[:, None] - 2 * self.attention


def _gram_entries(gram: TemplateGram, strings: _StringSamples) -> Finding:
    """Entries of C and self values: two algorithms.

    Were the strings of one template not disjoint, C_ii would be d_i: the resolution is
    a quarter of the least such step.
    """
    r = len(gram.templates)
    entries, own = np.triu_indices(r), (np.arange(r),)
    difference = _largest_difference(
        [
            *_pairs(gram, strings, "attention", entries),
            *_pairs(gram, strings, "attention_self", own),
        ],
        gram.level,
    )
    step = gram.attention_self - np.diagonal(gram.attention)
    wild = [bool(t.wildcards) for t in gram.templates]
    effect = step[wild].min() if any(wild) else gram.attention_self.min()
    return equals(
        "C = E⟨f_i, f_j⟩ and self values, by conditional expectations and by strings: "
        "largest difference",
        difference,
        0.0,
        float(effect) / 4,
    )


def _gaps(gram: TemplateGram, strings: _StringSamples) -> Finding:
    """Gaps by the same two algorithms, resolved to half of the largest one.

    Features not averaged over the wildcards would be several times as far apart.
    """
    entries = np.triu_indices(len(gram.templates), 1)
    difference = _largest_difference(_pairs(gram, strings, "gaps", entries), gram.level)
    largest = float(gram.gaps.max())
    return equals(
        "gaps E‖f_i − f_j‖², by conditional expectations and by strings: largest "
        "difference",
        difference,
        0.0,
        max(largest / 2, 4 * strings.rounding),
    )


def _pairs(
    gram: TemplateGram,
    strings: _StringSamples,
    name: str,
    entries: tuple[np.ndarray, ...],
) -> list[tuple[float, float]]:
    """(difference, what both intervals allow) for each entry."""
    value, reach = getattr(gram, name)[entries], gram.halfwidth[name][entries]
    columns = getattr(strings, name)[(slice(None), *entries)].T
    found = [mean_interval(column, gram.level) for column in columns]
    return [
        (float(v - interval.value), float(w + interval.half_width) + strings.rounding)
        for v, w, interval in zip(value, reach, found, strict=True)
    ]


def _largest_difference(
    differences: Sequence[tuple[float, float]], level: float
) -> Interval:
    """max |difference|, from two intervals of that level for each."""
    value = max(abs(x) for x, _ in differences)
    low = max(abs(x) - reach for x, reach in differences)
    high = max(abs(x) + reach for x, reach in differences)
    together = 1 - 2 * len(differences) * (1 - level)
    return Interval(value, max(0.0, low), high, together)


def _permutations(gram: TemplateGram) -> Finding:
    """The paper's condition on permutations is the one on pairs."""
    r = len(gram.templates)
    smallest = min(float(gram.gaps[i, j]) for i, j in combinations(range(r), 2))
    if r > _MOST_PERMUTED:
        return reported(
            f"{r}! permutations of {r} templates are too many to enumerate: the "
            "smallest gap stands for them"
        )
    c, rows = gram.attention, np.arange(r)
    least, off = math.inf, 0.0
    for tau in map(list, permutations(range(r))):
        drop = float(np.trace(c) - c[rows, tau].sum())
        halves = float(gram.gaps[rows, tau].sum()) / 2
        off = max(off, abs(drop - halves))
        if tau != rows.tolist():
            least = min(least, halves)
    holds = off <= _ROUNDING * float(np.trace(c)) and math.isclose(least, smallest)
    return proved(
        f"for all {math.factorial(r)} permutations Σ C_ii − Σ C_iτ(i) is half a sum of "
        f"gaps, and its least value but for the identity is the smallest gap, "
        f"{smallest:.4g}",
        holds,
    )


def _separation(gram: TemplateGram, decision: Decision) -> Finding:
    """Gaps are positive exactly where templates separate at some order in beta.

    With β or γ = 0 they need not be: for ReLU self values alone may save N.
    """
    outcomes, resolved = [], []
    for i, j in combinations(range(len(gram.templates)), 2):
        gap, reach = float(gram.gaps[i, j]), float(gram.halfwidth["gaps"][i, j])
        interval = Interval(gap, max(0.0, gap - reach), gap + reach, gram.level)
        outcomes.append(_separates(gram, i, j, interval))
        resolved.append(interval)
    smallest = min(resolved, key=lambda interval: interval.value)
    outside = gram.architecture.beta == 0 or gram.architecture.gamma == 0
    if outside and decision.outcome is not Outcome.REFUTED:
        return reported("the smallest gap, which may be 0 here", smallest)
    return Finding(
        "gaps are positive where exact separation says so, 0 where templates are "
        "equivalent; the smallest",
        conjunction(outcomes),
        smallest,
        false_alarm=len(resolved) * (1 - gram.level),
    )


def _separates(gram: TemplateGram, i: int, j: int, gap: Interval) -> Outcome:
    """Whether the interval of a gap agrees with exact separation.

    That speaks of β, γ ≠ 0; where one of them is 0 the leading term may vanish, and a
    gap of 0 contradicts it.
    """
    a = gram.architecture
    exact = leading_gap(
        gram.templates[i], gram.templates[j], a.readout, a.identity_kq, a.identity_vo
    )
    scale = float(np.diagonal(gram.attention).max())
    if exact.order is None:
        return Outcome.HOLDS if gap.high <= _VANISHED * scale else Outcome.REFUTED
    leading = exact.at(a.gamma, a.identity_kq, a.identity_vo)
    leading *= min(1.0, a.beta) ** (2 * exact.order)
    if gap.high <= _VANISHED * (min(leading, scale) or scale):
        return Outcome.REFUTED
    return Outcome.HOLDS if gap.low > 0 else Outcome.UNDECIDED


def _theorem_s(gram: TemplateGram, exact: Decision) -> list[Finding]:
    """Whether N is non-singular: by proof, and by the interval of λ_min."""
    smallest = gram.smallest_eigenvalue
    positive = smallest.low > 0
    reason = exact.reason.removesuffix(".")
    if exact.outcome is Outcome.UNDECIDED:
        outcome = Outcome.HOLDS if positive else Outcome.UNDECIDED
        return [Finding(f"N is non-singular: {reason}; λ_min(N)", outcome, smallest)]
    singular = exact.outcome is Outcome.REFUTED
    agreement = Outcome.HOLDS if positive else Outcome.UNDECIDED
    if singular:
        agreement = Outcome.REFUTED if positive else Outcome.HOLDS
    return [
        proved(reason, not singular),
        Finding(
            "λ_min(N) agrees with the exact decision",
            agreement,
            smallest,
            "0" if singular else "above 0",
            # A non-singular N is never refuted here, whatever chance does.
            1 - smallest.level if singular else 0.0,
        ),
    ]


def mlp_findings(
    templates: Sequence[Template], activation: Activation, depth: int = 1
) -> list[Finding]:
    """Where an MLP's template matrix has equal rows, and whether it is singular.

    Args:
        templates: templates of one length.
        activation: φ, not constant.
        depth: hidden layers, ≥ 1.

    Returns:
        Rows of N are equal exactly for shared skeletons; N is singular exactly for
        those, or where a row vanishes. Both are reported without a verdict where
        rounding hides them, the second for activations that might be polynomials too.

    Raises:
        InputError: a depth below 1, or a constant activation.
    """
    positive_integer("depth", depth)
    if activation.constant:
        raise InputError("activation is constant; expected one that is not")
    kernel = partial(mlp_kernel, activation=activation, depth=depth)
    known = closed_matrix(kernel, templates)
    n, skeletons = known.matrix, [t.skeleton for t in templates]
    pairs = list(combinations(range(len(templates)), 2))
    shared = [(i, j) for i, j in pairs if skeletons[i] == skeletons[j]]
    rounding = _ROUNDING * float(np.abs(n).max())
    equal = [(i, j) for i, j in pairs if np.abs(n[i] - n[j]).max() <= rounding]
    network = f"an MLP of depth {depth}"
    statement = (
        f"rows of N of {network} are equal exactly for the {len(shared)} of "
        f"{len(pairs)} pairs of templates that share a skeleton"
    )
    rows = proved(statement, equal == shared)
    if set(shared) < set(equal) and not _tells_overlaps(kernel, templates[0].length):
        rows = reported(f"{statement}, in exact arithmetic: rounding hides others")
    return [rows, _mlp_spectrum(network, known, bool(shared), activation)]


def _tells_overlaps(kernel: StringKernel, length: int) -> bool:
    """Whether float64 tells apart the kernel's values at 0 to k equal positions."""
    none = np.zeros((1, length), dtype=np.int64)
    values = kernel(none, np.triu(np.ones((length + 1, length), dtype=np.int64)))[0]
    return bool(np.diff(values).min() > 2 * _ROUNDING * np.abs(values).max())


def _mlp_spectrum(
    network: str, known: KnownMatrix, shared: bool, activation: Activation
) -> Finding:
    """Singular for shared skeletons or a row of zeros, non-singular otherwise."""
    smallest = known.smallest_eigenvalue
    resolved = smallest.low > 0
    if shared:
        outcome = Outcome.REFUTED if resolved else Outcome.HOLDS
        statement = f"N of {network} is singular, as a skeleton is shared; λ_min"
        return Finding(statement, outcome, smallest)
    if not known.matrix.diagonal().all():
        return proved(
            f"N of {network} is singular without a shared skeleton: φ is odd, so the "
            "row of the template without regular tokens is 0",
            not resolved,
        )
    statement = f"N of {network}, no skeleton being shared, is non-singular; λ_min"
    if resolved and isinstance(activation, Cosine | ReLU | Erf | GELU):
        return Finding(statement, Outcome.HOLDS, smallest)
    return reported(f"λ_min(N) of {network}, no skeleton being shared", smallest)


_WILDCARDS_3 = ("?a ?a ?a", "?a ?a ?b", "?a ?b ?a", "?a ?b ?b", "?a ?b ?c")
_SKELETONS = ("X ?a ?a", "?a X ?b", "?a ?a Y", "?a ?b ?b")


def _sampling(effort: Effort) -> Sampling:
    return effort.choose(
        Sampling(), Sampling(2**13, 40, 2**14), Sampling(2**16, 64, 2**17)
    )


def _instance(
    name: str,
    task: TemplateTask | Sequence[str],
    architecture: Architecture = Architecture(),
) -> Instance:
    def run(effort: Effort, seed: int) -> Report:
        return nonsingularity(task, architecture, _sampling(effort), seed)

    return Instance(name, run)


CHECKER = Checker(
    "C3",
    nonsingularity,
    instances=(
        _instance("same/different", builtin_task("same-different")),
        _instance("the 5 wildcard templates of length 3", _WILDCARDS_3),
        _instance("aabb/abab", builtin_task("aabb-abab"), Architecture(1.5, 1.0)),
        _instance("four skeletons, ReLU", _SKELETONS, Architecture(activation=ReLU())),
        _instance(
            "same/different, last readout, GELU",
            builtin_task("same-different"),
            Architecture(readout="last", activation=GELU()),
        ),
    ),
    mutants=(
        _instance("a template renamed", ("?a ?a", "?a ?b", "?b ?a")),
        _instance("no positions", ("?a ?b ?a", "?a ?b ?b"), Architecture(gamma=0.0)),
        _instance("uniform attention", ("?a ?a", "?a ?b"), Architecture(beta=0.0)),
        _instance(
            "constant activation",
            ("?a ?a", "?a ?b"),
            Architecture(activation=Cosine(b1=0.0)),
        ),
    ),
)
