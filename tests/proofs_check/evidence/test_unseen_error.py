"""What an early end of the solver may do to a prediction."""

import numpy as np
import pytest
from symbind_testing.tasks import same_different

from numerics import TransformerKernelRegressor
from proofs_check.evidence.unseen_error import left_by_solver

SAMPLE = same_different(noise=0.3).sample(40, 12, seed=2)


def test_the_bound_holds_for_any_residual_and_is_reached_by_one():
    """k_xᵀ (K + αI)⁻¹ r for k_x = K^½ v: at the eigenvalue α of K it is |v| |r|/2√α."""
    model = TransformerKernelRegressor(alpha=0.04, points=2**10, cache=None)
    model.fit(SAMPLE.strings, SAMPLE.labels)
    assert left_by_solver(model, SAMPLE, 1.0) == 0
    model.residual_ = 1e-3
    largest, labels = 2.0, np.array(SAMPLE.labels, dtype=float)
    r = 1e-3 * np.linalg.norm(labels)
    eigenvalues = np.append(np.geomspace(1e-6, 1e3, 200), 0.04)
    moved = np.sqrt(largest) * np.sqrt(eigenvalues) / (eigenvalues + 0.04) * r
    assert left_by_solver(model, SAMPLE, largest) == pytest.approx(moved.max())
