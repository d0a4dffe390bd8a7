"""The hook that checks shapes while testing bites."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from numerics import Cosine
from numerics.template_matrix.mehler import kernel_factor


def test_a_wrong_shape_is_refused():
    matrix, vector = np.eye(2), np.full(2, 1.5)
    assert kernel_factor(Cosine(), matrix, vector, 0.0, 0.0).factor.shape == (2, 2)
    with pytest.raises(TypeCheckError):
        kernel_factor(Cosine(), np.ones((2, 3)), vector, 0.0, 0.0)
    with pytest.raises(TypeCheckError):
        kernel_factor(Cosine(), np.ones(2), vector, 0.0, 0.0)


def test_a_wrong_precision_is_refused():
    with pytest.raises(TypeCheckError):
        kernel_factor(Cosine(), np.eye(2).astype(np.float32), np.full(2, 1.5), 0.0, 0.0)
