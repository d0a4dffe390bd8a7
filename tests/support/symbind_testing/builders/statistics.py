"""Statistics of a template matrix, or of its factor and excess."""

import numpy as np


def smallest(factor, excess):
    """λ_min(N) of N = GᵀG."""
    return float(np.linalg.svd(factor)[1][-1] ** 2)


def smallest_eigenvalue(matrix):
    """λ_min(N) from the entries of N."""
    return float(np.linalg.eigvalsh(matrix)[0])
