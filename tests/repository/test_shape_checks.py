"""The hook that checks shapes while testing bites."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from numerics.learning import mean_squared_error


def test_a_wrong_shape_is_refused():
    matrix, vector = np.eye(2), np.ones(2)
    assert mean_squared_error(matrix, vector, vector, vector, 1.0, 1.0) > 0
    with pytest.raises(TypeCheckError):
        mean_squared_error(np.ones((2, 3)), vector, vector, vector, 1.0, 1.0)
    with pytest.raises(TypeCheckError):
        mean_squared_error(matrix, np.ones(3), vector, vector, 1.0, 1.0)


def test_a_wrong_precision_is_refused():
    matrix, vector = np.eye(2), np.ones(2)
    with pytest.raises(TypeCheckError):
        mean_squared_error(matrix.astype(np.float32), vector, vector, vector, 1.0, 1.0)
