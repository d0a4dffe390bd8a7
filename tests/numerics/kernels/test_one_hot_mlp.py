"""The MLP's kernel: finite networks, more digits, and the laws of its rows."""

import math
from functools import partial

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.builders.activations import Square

from numerics import GELU, Cosine, Erf, ReLU
from numerics.kernels.closed_form import closed_matrix
from numerics.kernels.one_hot_mlp import mlp_kernel
from symbind_theory import Template
from symbind_theory.strategies import tasks

STRINGS = np.array([[0, 1, 1, 2], [0, 2, 1, 1], [3, 3, 3, 3], [0, 1, 1, 3]])
ACTIVATIONS = [Cosine(1.0, 0.3), ReLU(), Erf(), GELU()]
FUNCTIONS = {
    "cos": lambda t: torch.cos(t + 0.3),
    "relu": torch.relu,
    "erf": torch.erf,
    "gelu": torch.nn.functional.gelu,
}


def template_matrix(templates, activation, depth=1):
    kernel = partial(mlp_kernel, activation=activation, depth=depth)
    return closed_matrix(kernel, [Template(t) for t in templates])


def networks(activation, depth, width, count):
    """Mean over units of φ φ' in each of `count` networks on the one-hot strings."""
    generator = torch.Generator().manual_seed(17)
    n, k = STRINGS.shape
    onehot = torch.nn.functional.one_hot(torch.from_numpy(STRINGS), 4)
    inputs = onehot.reshape(n, -1).double() / math.sqrt(k)
    found = np.empty((count, n, n))
    for index in range(count):
        h = inputs
        for layer in range(depth):
            fan_in = h.shape[1] if layer else 1
            weights = torch.randn(
                h.shape[1], width, generator=generator, dtype=torch.float64
            )
            h = FUNCTIONS[activation.name](h @ weights / math.sqrt(fan_in))
        found[index] = (h @ h.T).numpy() / width
    return found


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: a.name)
@pytest.mark.parametrize("depth", [1, 2])
def test_finite_networks_have_the_kernel_on_average(activation, depth):
    """Exactly at depth 1; at depth 2 with an error of order 1/width.

    5.5 standard errors: 4e-8 for one entry. At width 16 the error of 20 000 networks
    was at most 0.1/width; twice that is allowed.
    """
    width = 256
    found = networks(activation, depth, width, 200)
    error = found.std(0, ddof=1) / math.sqrt(len(found))
    bias = 0.2 / width if depth > 1 else 0.0
    expected = mlp_kernel(STRINGS, STRINGS, activation, depth)
    assert (np.abs(found.mean(0) - expected) <= 5.5 * error + bias).all()
    assert error.max() < 0.01


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_rounding_stays_below_what_closed_forms_claim(depth):
    """The cosine's dual at 50 digits; 1e-13 is claimed."""
    b1, b2 = 1.7, 0.4
    found = mlp_kernel(STRINGS, STRINGS, Cosine(b1, b2), depth)
    with mpmath.workdps(50):

        def dual(d, c):
            half = mpmath.mpf(b1) ** 2 / 2
            plus = mpmath.exp(-half * (2 * d + 2 * c))
            minus = mpmath.exp(-half * (2 * d - 2 * c))
            return (minus + mpmath.cos(2 * mpmath.mpf(b2)) * plus) / 2

        for (i, j), value in np.ndenumerate(found):
            common = int((STRINGS[i] == STRINGS[j]).sum())
            d, c = mpmath.mpf(1), mpmath.mpf(common) / STRINGS.shape[1]
            for _ in range(depth):
                d, c = dual(d, d), dual(d, c)
            assert abs(c - mpmath.mpf(float(value))) < 1e-14


@given(task=tasks(), activation=st.sampled_from(ACTIVATIONS), depth=st.integers(1, 3))
def test_rows_are_equal_exactly_where_skeletons_are(task, activation, depth):
    kernel = partial(mlp_kernel, activation=activation, depth=depth)
    n = closed_matrix(kernel, task.templates).matrix
    for i, t in enumerate(task.templates):
        for j, u in enumerate(task.templates):
            equal = np.abs(n[i] - n[j]).max() < 1e-12
            assert equal == (t.skeleton == u.skeleton)


@given(
    task=tasks(max_length=3),
    activation=st.sampled_from([Cosine(1.0, 0.3), ReLU(), GELU()]),
    depth=st.integers(1, 3),
)
def test_the_matrix_is_singular_exactly_where_a_skeleton_is_shared(
    task, activation, depth
):
    """For φ that are neither odd nor polynomials."""
    kernel = partial(mlp_kernel, activation=activation, depth=depth)
    found = closed_matrix(kernel, task.templates).smallest_eigenvalue
    distinct = {t.skeleton for t in task.templates}
    assert (found.low == 0) == (len(distinct) < len(task))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_an_odd_activation_gives_a_row_of_zeros_without_regular_tokens(depth):
    """So "singular exactly when two share a skeleton" needs E φ ≠ 0."""
    known = template_matrix(["?a", "X"], Erf(), depth)
    assert not known.matrix[0].any()
    assert known.smallest_eigenvalue.low == 0
    rest = template_matrix(["X ?a", "?a X", "X X", "Y X"], Erf(), depth)
    assert rest.smallest_eigenvalue.low > 0
    assert template_matrix(["?a", "X"], GELU(), depth).smallest_eigenvalue.low > 0


def test_a_polynomial_may_be_singular_although_skeletons_differ():
    """Eight skeletons, and seven quadratic forms on them: 1 and x_a x_b."""
    all_eight = [
        " ".join("X" if number >> i & 1 else f"?{i}" for i in range(3))
        for number in range(8)
    ]
    assert template_matrix(all_eight, Square()).smallest_eigenvalue.low == 0
    assert template_matrix(all_eight[1:], Square()).smallest_eigenvalue.low > 0
    assert template_matrix(all_eight, ReLU()).smallest_eigenvalue.low > 0


def test_the_kernel_is_positive_semi_definite_and_symmetric():
    for activation in ACTIVATIONS:
        k = mlp_kernel(STRINGS, STRINGS, activation, 2)
        np.testing.assert_array_equal(k, k.T)
        assert np.linalg.eigvalsh(k)[0] > 0
