"""Statistics of a template matrix, as functions of its factor and excess."""

import numpy as np


def smallest(factor, excess):
    """λ_min(N) of N = GᵀG."""
    return float(np.linalg.svd(factor)[1][-1] ** 2)
