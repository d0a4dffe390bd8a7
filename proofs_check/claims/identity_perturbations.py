"""C6: what multiples of the identity in W_K W_Qᵀ and W_V W_O do to N and to gaps.

**a**, added to W_K W_Qᵀ, adds βa(1[x_q = x_i] + γ² 1[q = i]) to the logits.

- Under `cls` that is βa(1 + γ²) at `[CLS]` itself in every string: no news about which
  symbols are equal, no leading order of a gap lowered. C is what a changed `[CLS]`
  logit gives, and gaps vanish as it outweighs the others: below 2 % where β = γ = 1
  and a = 4.
- Read at the last symbol it shows where the copies of that symbol are: for αα/αβ the
  leading order falls from β⁶ to β², and at a ≈ 2 less data is needed, λ_min(N) against
  e is larger and N better conditioned. Too much is harmful: the query attends to
  itself. Other tasks need more data with a = 2, counting nine times as much, and where
  all templates end in one regular token no order falls: `less_data` claims it.

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

from dataclasses import replace

from numerics.architecture import Architecture, require_one_layer
from proofs_check.arguments import record, the_task
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.identity_in_keys import in_keys
from proofs_check.evidence.identity_in_values import in_values
from proofs_check.evidence.identity_setting import IdentityExperiment, IdentitySetting
from symbind_theory.library import builtin_task
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, finite_number, positive_integer

__all__ = ["CHECKER", "SIZES", "identity_perturbations"]

# a and b where neither is given.
_MULTIPLES = (2.0, 1.0)


def identity_perturbations(
    task: TemplateTask,
    architecture: Architecture | None = None,
    experiment: IdentityExperiment | None = None,
    *,
    identity_kq: float | None = None,
    identity_vo: float | None = None,
    less_data: bool = False,
    many_heads: bool = False,
    seed: int = 0,
    effort: str = "quick",
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
        experiment: precision; what the effort says when None.
        identity_kq: a, or 0 to leave it out.
        identity_vo: b, or 0 to leave it out; it is added to an architecture with a.
            When neither multiple is given a = 2 and b = 1 are, each without the other.
        less_data: whether a is claimed to lower the data needed. The claim itself does
            not say so: read at the last symbol or the mean, a lowers it on some tasks
            and raises it on others.
        many_heads: whether finite networks are claimed to follow K_b of infinitely many
            heads, however few they have.
        seed: equal seeds give equal reports.
        effort: "quick", "standard" or "full": how precise all is. Raise it where a
            finding is undecided.

    Raises:
        InputError: an argument out of range.
    """
    task = the_task(task)
    base = architecture or Architecture()
    base = _base(record("architecture", base, Architecture))
    apart = identity_kq is None and identity_vo is None
    given = _MULTIPLES if apart else (identity_kq or 0.0, identity_vo or 0.0)
    a = finite_number("identity_kq", given[0])
    b = finite_number("identity_vo", given[1])
    if a == b == 0:
        raise InputError(
            "identity_kq and identity_vo are 0; expected at least one other number"
        )
    if (silent := _without_gaps(task)) is not None:
        raise InputError(silent)
    positive_integer("seed", seed, low=0)
    experiment = experiment or SIZES[effort]
    experiment = record("experiment", experiment, IdentityExperiment)
    setting = IdentitySetting(task, base, experiment, seed)
    findings: list[Finding] = []
    if a:
        findings += in_keys(setting, a, less_data)
    if b:
        below = base if apart else replace(base, identity_kq=a)
        with_a = replace(setting, base=below)
        findings += in_values(with_a, b, many_heads)
    return Report("C6", tuple(findings))


def _without_gaps(task: TemplateTask) -> str | None:
    """Why the claim says nothing about a task; None where all pairs have a gap."""
    equivalent = task.equivalent_pairs()
    if len(task) > 1 and not equivalent:
        return None
    templates = f"{len(task)} template{'s' if len(task) > 1 else ''}"
    return (
        f"task has {templates}, {len(equivalent)} pairs of them equivalent; expected "
        "two or more, none equivalent to another"
    )


def _base(architecture: Architecture) -> Architecture:
    for name in ("identity_kq", "identity_vo"):
        if getattr(require_one_layer(architecture), name) != 0:
            raise InputError(
                f"{name} of the architecture is {getattr(architecture, name):g}; "
                "expected 0: what is added is given beside it"
            )
    for name in ("beta", "gamma"):
        finite_number(name, getattr(architecture, name), low=0, strict=True)
    return architecture


SIZES = ByEffort(
    quick=IdentityExperiment(rel_tol=0.02, max_points=2**13, draws=2**17, networks=600),
    standard=IdentityExperiment(
        rel_tol=0.005, max_points=2**15, draws=2**18, networks=1200
    ),
    full=IdentityExperiment(
        rel_tol=0.001, max_points=2**18, draws=2**20, networks=4000
    ),
)

_SAME_DIFFERENT = builtin_task("same-different")
_PATTERNS = builtin_task("aabb-abab")
_LAST = Architecture(readout="last")


def _kq_last(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _SAME_DIFFERENT,
        _LAST,
        SIZES[effort],
        identity_kq=2.0,
        less_data=True,
        seed=seed,
    )


def _kq_mean(effort: Effort, seed: int) -> Report:
    mean = Architecture(readout="mean")
    return identity_perturbations(
        _SAME_DIFFERENT,
        mean,
        SIZES[effort],
        identity_kq=2.0,
        less_data=True,
        seed=seed,
    )


def _kq_cls(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _SAME_DIFFERENT, None, SIZES[effort], identity_kq=4.0, seed=seed
    )


def _vo(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _SAME_DIFFERENT, None, SIZES[effort], identity_vo=1.0, seed=seed
    )


def _vo_alike(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _PATTERNS, None, SIZES[effort], identity_vo=1.0, seed=seed
    )


def _too_much(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _SAME_DIFFERENT,
        _LAST,
        SIZES[effort],
        identity_kq=6.0,
        less_data=True,
        seed=seed,
    )


def _cls_helps(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _SAME_DIFFERENT,
        None,
        SIZES[effort],
        identity_kq=4.0,
        less_data=True,
        seed=seed,
    )


def _one_head(effort: Effort, seed: int) -> Report:
    return identity_perturbations(
        _SAME_DIFFERENT,
        None,
        replace(SIZES[effort], heads=1),
        identity_vo=1.0,
        many_heads=True,
        seed=seed,
    )


CHECKER = Checker(
    "C6",
    identity_perturbations,
    instances=(
        Instance("αα / αβ, a = 2, last", _kq_last),
        Instance("αα / αβ, a = 2, mean", _kq_mean),
        Instance("αα / αβ, a = 4, cls", _kq_cls),
        Instance("αα / αβ, b = 1, cls", _vo),
        Instance("ααββ / αβαβ, b = 1, cls", _vo_alike),
    ),
    mutants=(
        Mutant(
            "a = 6 with the last readout claimed to help",
            _too_much,
            refuted_by="data needed with a = 6",
        ),
        Mutant(
            "a = 4 under cls claimed to help",
            _cls_helps,
            refuted_by="data needed with a = 4",
        ),
        Mutant(
            "one head claimed to follow infinitely many",
            _one_head,
            refuted_by="b's part of ⟨z1, z1⟩",
        ),
    ),
    silent=_without_gaps,
)
"""The checker of C6."""
