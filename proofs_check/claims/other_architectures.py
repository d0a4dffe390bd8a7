"""C9: which other architectures have a non-singular template matrix.

Each architecture here is taken at infinite width with its last layer trained: kernel
regression, whose template matrix N_ij = K(X_i, Y_j) has strings of fresh symbols for
templates i and j. What a kernel cannot see, it cannot learn: where two templates share
the architecture's *invariant*, a symmetry makes their rows of N parallel. The claim:

    N is singular exactly when two templates share the invariant.

| architecture            | sees of fresh strings                    | αα / αβ      |
| ----------------------- | ---------------------------------------- | ------------ |
| MLP on one-hot strings  | the skeleton                             | singular     |
| mean-pooled embeddings  | how often each regular token occurs      | singular     |
| recurrent, last state   | the skeleton                             | singular     |
| recurrent, mean of time | the skeleton                             | singular     |
| MLP on X Xᵀ             | which positions are equal                | non-singular |
| transformer             | the template up to renaming of wildcards | non-singular |

*Symmetries.* Repeats of a wildcard within a string show in the bag only through its
norm d, and a cosine turns d into a factor e^{−b1² d/2} of the row. They never enter a
recurrent network's K(X, Y), a function of 1[x_s = y_t] alone: only a second nonlinear
layer on top of the mean over time would see K(X, X). X Xᵀ does not say which token
stands where: `X ?a` and `?a ?b` are one matrix.

*Converses*, for φ = cos(b1 t + b2), b1 ≠ 0, cos b2 ≠ 0. By Mehler's formula N is a sum
over n of Σ A_n C^∘n A_n, where infinitely many coefficients and the one of n = 0 do not
vanish; C is the Gram matrix of the bags, patterns or skeletons, vectors with entries
≥ 0, so N ≻ 0 where they are distinct, as for the MLP (`numerics.kernels.one_hot_mlp`).
In the recurrent network c_t = ⟨ψ(v_{t−1}), ψ(v'_{t−1})⟩ + 1[x_t = y_t] is the Gram
matrix of v_t = (ψ(v_{t−1}), x_t), distinct as soon as the skeletons of what was read
are, and ψ injective. Over time the v_t of different t differ too: v_s = v_t with s < t
would lead back to v_{t−s} = 0 in its first part, but |ψ|² ≥ (E φ)² > 0; so a vanishing
combination of means over time is one of linearly independent ψ(v_t), those with t = k
included.

The two sides are decided separately: invariants are read off templates; that N is
singular is shown by strings that compare equal in all that the kernel is a function of,
integers, and that it is not by an interval of λ_min. A recurrent network forgets: λ_min
falls by a factor of 10 or more for each step since the last difference, and rounding
hides it after a dozen; the claim is undecided then. The mutants pair an architecture
with the symmetry of another.

Source: symbind, on a question of the public review of arXiv 2310.09753; kernels as in
`numerics.kernels.equality_kernels`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from numerics import Architecture, Cosine
from numerics.architecture import require_one_layer
from numerics.kernels.closed_form import parallel_rows
from proofs_check.arguments import record, templates_of
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.architectures import (
    EQUALITY_PATTERN,
    REGULAR_COUNTS,
    SKELETON,
    TEMPLATE,
    Candidate,
    candidates,
    transformer,
)
from proofs_check.judgements import proved, reported
from proofs_check.remedies import more
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.templates import Template
from symbind_theory.validation import InputError, positive_integer

__all__ = ["CHECKER", "SIZES", "other_architectures"]

_CONTRAST = (Template("?a ?a"), Template("?a ?b"))

# So many times the points where an interval does not exclude 0.
_FINER = 16


def other_architectures(
    task: TemplateTask | Sequence[Template | str],
    architecture: Architecture | None = None,
    compared: Iterable[Candidate] | None = None,
    points: int | None = None,
    seed: int = 0,
    *,
    effort: str = "quick",
) -> Report:
    """Check for each architecture that N is singular exactly where its symmetry says.

    >>> report = other_architectures(["?a ?a", "?a ?b"])
    >>> report.outcome.value
    'HOLDS'
    >>> from dataclasses import replace
    >>> wrong = [replace(one, invariant=EQUALITY_PATTERN) for one in candidates()]
    >>> other_architectures(["?a ?a", "?a ?b"], compared=wrong).outcome.value
    'REFUTED'

    Args:
        task: a task, or templates of one length.
        architecture: the transformer for contrast, of depth 1; its activation, where it
            is a cosine, is that of the others too. `Architecture()` when None.
        compared: architectures with what they are claimed to see; those of `candidates`
            and the transformer when None.
        points: outer points at most for the transformer's N, ≥ 64; as many as the
            effort says when None.
        seed: from which the outer points follow, ≥ 0.
        effort: "quick", "standard" or "full": how many points there are. Raise it where
            the transformer is undecided.

    Returns:
        HOLDS where every architecture's N is singular just where templates share its
        invariant, REFUTED where one is not, UNDECIDED where rounding, or too few
        points, hides λ_min. What N is on `?a ?a` and `?a ?b` is reported besides.

    Raises:
        InputError: an argument out of range.
    """
    templates = templates_of(task)
    points = SIZES[effort].points if points is None else points
    positive_integer("points", points, low=64)
    positive_integer("seed", seed, low=0)
    if compared is None:
        activation = require_one_layer(architecture or Architecture()).activation
        cosine = activation if isinstance(activation, Cosine) else Cosine()
        compared = (*candidates(cosine), transformer(architecture, points, seed))
    compared = [record("compared", one, Candidate) for one in compared]
    if not compared:
        raise InputError("compared is empty; expected at least one architecture")
    finer = more("points", points)(_FINER)
    findings = [
        finding
        for one in compared
        for finding in (*_claim(one, templates, finer), _row(one))
    ]
    return Report("C9", tuple(findings))


def _claim(
    candidate: Candidate, templates: Sequence[Template], finer: str
) -> list[Finding]:
    """Rows are parallel within a class of the invariant, N non-singular across.

    Args:
        candidate: an architecture and what it is claimed to see.
        templates: templates of one length.
        finer: what to pass where points hide λ_min.
    """
    name, sees = candidate.name, candidate.invariant.words
    invariants = [candidate.invariant.of(t) for t in templates]
    pairs = combinations(range(len(templates)), 2)
    alike = {(i, j) for i, j in pairs if invariants[i] == invariants[j]}
    if not alike:
        return [_distinct(candidate, templates, finer)]
    matrix = candidate.matrix(templates)
    blind = candidate.blind_pairs(templates).intersection(parallel_rows(matrix))
    # A pair that the architecture does tell apart, if there is one, is the witness.
    i, j = min(alike - blind, default=min(alike))
    symmetry = proved(
        f"{name} sees {sees}, the same in '{templates[i]}' and '{templates[j]}': their "
        "rows of N are parallel and N is singular",
        alike <= blind and matrix.smallest_eigenvalue.low == 0,
    )
    # Of each class the first template: in reverse order it is the last to be kept.
    first = dict(zip(reversed(invariants), reversed(templates), strict=True))
    return [symmetry, _distinct(candidate, list(first.values()), finer)]


def _distinct(
    candidate: Candidate, templates: Sequence[Template], finer: str
) -> Finding:
    """N of templates whose invariants all differ."""
    name, sees = candidate.name, candidate.invariant.words
    smallest = candidate.matrix(templates).smallest_eigenvalue
    blind = candidate.blind_pairs(templates) if smallest.low == 0 else ()
    if blind:
        i, j = min(blind)
        return proved(
            f"{name} does not see {sees}: '{templates[i]}' and '{templates[j]}' differ "
            "in it, and their rows of N are parallel",
            False,
        )
    statement = (
        f"{name} sees {sees}: N of templates that differ in it is non-singular; λ_min"
    )
    if smallest.low > 0:
        return Finding(statement, Outcome.HOLDS, smallest, "above 0")
    # Points hide λ_min of an estimate; of a closed form rounding does.
    remedy = finer
    if candidate.compares is not None:
        remedy = f"compared=[c for c in candidates() if c.name != {name!r}]"
    return Finding(statement, Outcome.UNDECIDED, smallest, f"above 0: pass {remedy}")


def _row(candidate: Candidate) -> Finding:
    """One line of the table: the architecture on same and different."""
    matrix = candidate.matrix(_CONTRAST)
    finding = "not resolved from singular"
    if matrix.smallest_eigenvalue.low > 0:
        finding = "non-singular"
    elif candidate.blind_pairs(_CONTRAST):
        finding = "singular"
    same, different = _CONTRAST
    statement = f"N of {candidate.name} on '{same}' and '{different}' is {finding}"
    return reported(statement)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Sizes of the ledger's trials that compare all architectures.

    Attributes:
        points: outer points at most for the transformer's N.
    """

    points: int


SIZES = ByEffort(
    quick=_Sizes(points=2**10),
    standard=_Sizes(points=2**12),
    full=_Sizes(points=2**15),
)


def _on(
    task: TemplateTask | Sequence[str], architecture: Architecture | None = None
) -> Callable[[Effort, int], Report]:
    """The checker on a task or on templates, all architectures compared."""
    return lambda effort, seed: other_architectures(
        task, architecture, points=SIZES[effort].points, seed=seed
    )


def _claimed_of(
    templates: Sequence[str], candidate: Candidate
) -> Callable[[Effort, int], Report]:
    """The checker on one architecture, with the symmetry of another."""
    return lambda _, seed: other_architectures(
        templates, compared=[candidate], seed=seed
    )


_CANDIDATES = candidates()
_MIXED = ("X ?a", "?a X", "X X", "X Y", "?a ?b", "?a ?a", "?b ?b")

CHECKER = Checker(
    "C9",
    other_architectures,
    instances=(
        Instance("same/different", _on(builtin_task("same-different"))),
        Instance(
            "the 5 wildcard templates of length 3",
            _on(
                ("?a ?a ?a", "?a ?a ?b", "?a ?b ?a", "?a ?b ?b", "?a ?b ?c"),
                Architecture(activation=Cosine(1.5, 0.8)),
            ),
        ),
        Instance("regular tokens", _on(_MIXED)),
    ),
    mutants=(
        Mutant(
            "mean pooling said to see the equality pattern",
            _claimed_of(
                ("?a ?a", "?a ?b"),
                replace(_CANDIDATES.mean_pooling, invariant=EQUALITY_PATTERN),
            ),
            refuted_by="does not see which positions",
        ),
        Mutant(
            "an MLP on X Xᵀ said to see regular tokens",
            _claimed_of(
                ("X ?a", "?a ?b"), replace(_CANDIDATES.equality_mlp, invariant=TEMPLATE)
            ),
            refuted_by="does not see the template",
        ),
        Mutant(
            "a recurrent network said to see repeats",
            _claimed_of(
                ("?a ?a", "?a ?b"),
                replace(_CANDIDATES.recurrent_last, invariant=TEMPLATE),
            ),
            refuted_by="does not see the template",
        ),
        Mutant(
            "a mean over time said to see repeats",
            _claimed_of(
                ("?a ?a", "?a ?b"),
                replace(_CANDIDATES.recurrent_mean, invariant=TEMPLATE),
            ),
            refuted_by="does not see the template",
        ),
        Mutant(
            "a recurrent network said to see a bag only",
            _claimed_of(
                ("X ?a", "?a X"),
                replace(_CANDIDATES.recurrent_last, invariant=REGULAR_COUNTS),
            ),
            refuted_by="their rows of N are parallel",
        ),
        Mutant(
            "a transformer said to see the skeleton only",
            _claimed_of(("?a ?a", "?a ?b"), replace(transformer(), invariant=SKELETON)),
            refuted_by="their rows of N are parallel",
        ),
        Mutant(
            "a transformer without positions",
            _claimed_of(("?a ?b ?a", "?a ?b ?b"), transformer(Architecture(gamma=0.0))),
            refuted_by="does not see the template",
        ),
    ),
)
