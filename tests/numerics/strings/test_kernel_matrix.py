"""The kernel matrix of a few strings against the kernel of each pair."""

import numpy as np
import pytest
from symbind_testing.builders.toy_kernel import ToyKernel, dense

from numerics import Architecture, DeepKernel
from numerics.strings.kernel_matrix import dense_kernel


def test_every_entry_is_the_kernel_of_its_pair():
    """Repeated strings and regular tokens included."""
    strings = ["u v X", "v u X", "u u X", "w z X", "u v X"]
    found = dense_kernel(strings, ToyKernel(), {"X"})
    np.testing.assert_allclose(
        found.matrix, dense([text.split() for text in strings]), rtol=1e-9
    )


@pytest.mark.parametrize("strings", [["u v", "v w", "u u"], ["u v", "w w"]])
def test_the_halfwidth_holds_for_strings_apart_too(strings):
    deep = Architecture(residual=1.0, normalisation="pre", readout="last")
    found = dense_kernel(strings, DeepKernel(deep, points=2**10), ())
    assert found.level == 0.999
    assert 0 < found.halfwidth < 0.1
