"""Which rows of an MLP's template matrix are equal, and whether it is singular."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations

import numpy as np

from numerics.activations import GELU, Activation, Cosine, Erf, ReLU
from numerics.kernels.closed_form import StringKernel, closed_matrix
from numerics.kernels.one_hot_mlp import mlp_kernel
from numerics.protocols import TemplateMatrix
from proofs_check.judgements import proved, reported
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding
from symbind_theory.templates import Template
from symbind_theory.validation import InputError, positive_integer

__all__ = ["mlp_findings"]

# Relative to the largest entry: far above rounding.
_ROUNDING = 1e-12


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
    gram = closed_matrix(kernel, templates)
    n, skeletons = gram.matrix, [t.skeleton for t in templates]
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
    return [rows, _mlp_spectrum(network, gram, bool(shared), activation)]


def _tells_overlaps(kernel: StringKernel, length: int) -> bool:
    """Whether float64 tells apart the kernel's values at 0 to k equal positions."""
    none = np.zeros((1, length), dtype=np.int64)
    values = kernel(none, np.triu(np.ones((length + 1, length), dtype=np.int64)))[0]
    return bool(np.diff(values).min() > 2 * _ROUNDING * np.abs(values).max())


def _mlp_spectrum(
    network: str, gram: TemplateMatrix, shared: bool, activation: Activation
) -> Finding:
    """N is singular for shared skeletons or a row of zeros, non-singular otherwise."""
    smallest = gram.smallest_eigenvalue
    resolved = smallest.low > 0
    if shared:
        outcome = Outcome.REFUTED if resolved else Outcome.HOLDS
        statement = f"N of {network} is singular, as a skeleton is shared; λ_min"
        return Finding(statement, outcome, smallest)
    if not gram.matrix.diagonal().all():
        return proved(
            f"N of {network} is singular without a shared skeleton: φ is odd, so the "
            "row of the template without regular tokens is 0",
            not resolved,
        )
    statement = f"N of {network}, no skeleton being shared, is non-singular; λ_min"
    if resolved and isinstance(activation, Cosine | ReLU | Erf | GELU):
        return Finding(statement, Outcome.HOLDS, smallest)
    return reported(f"λ_min(N) of {network}, no skeleton being shared", smallest)
