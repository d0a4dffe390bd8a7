"""The template matrix of an earlier check, from the document that it left.

The document has N, K_self, halfwidths of N's entries and an interval of λ_min(N), all
of one level, but not the replicates behind them. Intervals of other statistics are
those of a matrix whose entries are known to within halfwidths (`BoundedMatrix`): all
entries are asked to be covered at once, so that their level is lower than the
document's, no correlation between errors of entries is used, and they contain what the
document says of λ_min. So they are wider than those of the estimate, and [0, ∞] as soon
as the halfwidths alone do not tell N from a singular matrix.
"""

from __future__ import annotations

import numpy as np

from numerics.architecture import Architecture, read_architecture
from numerics.template_matrix.bounded import BoundedMatrix
from numerics.template_matrix.given import check_architecture
from symbind_theory.records.check import CheckResult

__all__ = ["matrix_read_back"]


def matrix_read_back(
    result: CheckResult, architecture: Architecture | None = None
) -> BoundedMatrix:
    """N as a check found it, without estimating it again.

    >>> from symbind_theory import TemplateTask, check
    >>> from numerics import sample_complexity
    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> result = check(task, max_points=2**12)
    >>> gram = matrix_read_back(result, Architecture())
    >>> found, told = sample_complexity(task, gram=gram), result.sample_complexity
    >>> found.n == told.n, found.interval.low <= told.interval.low
    (True, True)

    Args:
        result: what `check` returned, or what was read from its JSON document.
        architecture: the transformer that was checked; None where it is not known.
            K_self of one layer is known but for rounding where it reads one position.
            The document does not say how well otherwise: intervals then are [0, ∞],
            unless no template has wildcards.

    Raises:
        InputError: an architecture other than the one that the result records, or
            something else than an architecture.
    """
    if architecture is not None:
        architecture = read_architecture(architecture)
        check_architecture("result", result.architecture, architecture)
    estimates = result.estimates
    matrix_self = np.array(estimates.matrix_self, dtype=np.float64)
    one_layer = result.architecture.one_layer and result.kernel == "nngp"
    exact = architecture is not None and one_layer and architecture.readout != "mean"
    return BoundedMatrix(
        templates=result.task.templates,
        architecture=architecture,
        matrix=np.array(estimates.matrix, dtype=np.float64),
        matrix_self=matrix_self,
        halfwidth=np.array(estimates.matrix_halfwidth, dtype=np.float64),
        self_halfwidth=np.full_like(matrix_self, 0.0 if exact else np.inf),
        entry_level=estimates.smallest_eigenvalue.level,
        smallest_eigenvalue=estimates.smallest_eigenvalue,
        kernel=result.kernel,
    )
