"""N through its factors against its entries, and against 60-digit arithmetic."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.builders.activations import Sign, Square

from numerics import GELU, Cosine, CustomActivation, Erf, ReLU, mehler
from numerics.mehler import hermite_share, kernel_factor, kernel_factors

ACTIVATIONS = [
    Cosine(),
    Cosine(0.1, 0.0),
    Cosine(-3.0, 1.0),
    ReLU(),
    Erf(),
    GELU(),
    Sign(),
    Square(),
]
EVERY = pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)


def features(seed, r, decades):
    """Columns that are nearly equal, and self values above their squares."""
    rng = np.random.default_rng(seed)
    root = np.linalg.qr(rng.standard_normal((r, r))).Q
    f = root * np.logspace(0, -decades, r) @ np.linalg.qr(rng.standard_normal((r, r))).Q
    f = f / np.linalg.norm(f, axis=0) * rng.uniform(0.6, 0.9, r)
    return f, (f**2).sum(0) + rng.uniform(0.3, 0.8, r)


@EVERY
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), r=st.integers(1, 5), decades=st.floats(0, 3))
def test_the_factor_gives_back_the_entries(activation, seed, r, decades):
    f, d = features(seed, r, decades)
    found = kernel_factor(activation, f, d, 0.0, 0.0)
    entries = activation.dual(d[:, None], d[None, :], f.T @ f)
    room = found.remainder + 1e-13 * np.abs(entries).max()
    np.testing.assert_allclose(found.factor.T @ found.factor, entries, atol=room)
    smallest = np.linalg.svd(found.factor, compute_uv=False)[-1] ** 2
    if found.factor.shape[0] >= r:
        assert found.remainder <= 1e-7 * smallest + 1e-13


def test_small_eigenvalues_survive_where_entries_drown():
    """λ_min(N) below 1e-18: 60-digit arithmetic on the same features."""
    f, d = features(3, 4, 9.0)
    activation = Cosine(1e-4, 0.4)
    found = kernel_factor(activation, f, d, 0.0, 0.0)
    value = float(np.linalg.svd(found.factor, compute_uv=False)[-1] ** 2)
    with mpmath.workdps(60):
        exact = mpmath.matrix(f.tolist())
        c = exact.T * exact
        b1, b2 = mpmath.mpf(activation.b1), mpmath.mpf(activation.b2)
        own = [mpmath.mpf(x) for x in d.tolist()]

        def dual(x, y, c):
            near = mpmath.exp(-(b1**2) * (x + y - 2 * c) / 2)
            return (
                near + mpmath.cos(2 * b2) * mpmath.exp(-(b1**2) * (x + y + 2 * c) / 2)
            ) / 2

        n = mpmath.matrix(4, 4)
        for i in range(4):
            for j in range(4):
                n[i, j] = dual(own[i], own[j], c[i, j])
        truth = float(min(mpmath.eigsy(n, eigvals_only=True)))
    assert truth < 1e-18
    assert abs(math.sqrt(value) - math.sqrt(truth)) <= found.error
    assert value == pytest.approx(truth, rel=1e-4)
    entries = activation.dual(d[:, None], d[None, :], f.T @ f)
    assert abs(np.linalg.eigvalsh(entries)[0] - truth) > truth


@EVERY
@pytest.mark.parametrize("errors", [(1e-6, 0.0), (0.0, 1e-6), (1e-6, 1e-6)])
def test_the_error_bound_covers_moved_features_and_self_values(activation, errors):
    """Each column of F off by that part of its norm, each d by that part, at random."""
    rng = np.random.default_rng(7)
    f, d = features(5, 4, 1.0)
    found = kernel_factor(activation, f, d, *errors)
    base = np.linalg.svd(found.factor, compute_uv=False)
    worst = 0.0
    for _ in range(20):
        push = rng.standard_normal(f.shape)
        push *= np.linalg.norm(f, axis=0) / np.linalg.norm(push, axis=0)
        moved = kernel_factor(
            activation,
            f + errors[0] * push,
            d * (1 + errors[1] * rng.choice([-1, 1], 4)),
            0,
            0,
        )
        off = np.abs(np.linalg.svd(moved.factor, compute_uv=False) - base)
        worst = max(worst, off[: len(base)].max())
    assert worst <= found.error + 1e-12
    # Not vacuous either: within a factor of a hundred of what was seen.
    assert found.error <= 100 * worst


@EVERY
@pytest.mark.parametrize("same", [True, False], ids=["equal d", "own d"])
def test_several_side_by_side_have_the_factors_of_each_alone(activation, same):
    """More orders than one asks for itself move N by less than its remainder."""
    several = [features(seed, 4, decades) for seed, decades in enumerate((0, 1, 3))]
    f = np.stack([f for f, _ in several])
    d = np.stack([several[0][1] if same else d for _, d in several])
    d = np.maximum(d, (f**2).sum(1).max(0) + 0.1) if same else d
    for found, own, values in zip(
        kernel_factors(activation, f, d, 1e-9, 1e-9), f, d, strict=True
    ):
        alone = kernel_factor(activation, own, values, 1e-9, 1e-9)
        room = alone.remainder + 1e-15 * float(np.linalg.norm(alone.factor) ** 2)
        np.testing.assert_allclose(
            found.factor.T @ found.factor,
            alone.factor.T @ alone.factor,
            rtol=0,
            atol=room,
        )
        assert found.error == pytest.approx(alone.error, rel=0.01)
        assert found.remainder <= alone.remainder * 1.01


def test_many_that_are_taken_in_parts_are_those_of_one_part(monkeypatch):
    f = np.stack([features(seed, 3, 1.0)[0] for seed in range(7)])
    d = np.stack([features(seed, 3, 1.0)[1] for seed in range(7)])
    at_once = kernel_factors(Cosine(), f, d, 0.0, 0.0)
    monkeypatch.setattr(mehler, "_IN_CACHE", 2 * 3**3)
    in_parts = kernel_factors(Cosine(), f, d, 0.0, 0.0)
    for one, other in zip(at_once, in_parts, strict=True):
        n = one.factor.T @ one.factor
        np.testing.assert_allclose(
            other.factor.T @ other.factor, n, rtol=0, atol=other.remainder + 1e-15
        )


def test_the_error_bound_covers_quadrature():
    """A kink by Gauss–Hermite rules against its closed form."""
    f, d = features(5, 4, 1.0)
    exact = kernel_factor(ReLU(), f, d, 0.0, 0.0)
    for nodes in (16, 64):
        own = CustomActivation(lambda t: np.maximum(t, 0), nodes=nodes)
        found = kernel_factor(own, f, d, 0.0, 0.0)
        off = np.abs(
            np.linalg.svd(found.factor, compute_uv=False)
            - np.linalg.svd(exact.factor, compute_uv=False)
        )
        assert 1e-5 < off.max() <= found.error


def test_templates_without_wildcards_enter_through_the_closed_form():
    """C_ii = d_i: the ReLU series never ends, what is left of it is added."""
    f = np.array([[1.0, 0.6], [0.0, 0.9]])
    d = np.array([1.0, 1.6])
    found = kernel_factor(ReLU(), f, d, 1e-12, 1e-12)
    entries = ReLU().dual(d[:, None], d[None, :], f.T @ f)
    np.testing.assert_allclose(found.factor.T @ found.factor, entries, atol=1e-13)
    assert 0 < found.remainder < 1e-11


def test_a_kernel_that_underflows_has_rank_zero_and_no_warning():
    f, d = features(1, 3, 0.0)
    found = kernel_factor(Cosine(1e4, 0.3), f, d, 1e-12, 1e-12)
    assert np.abs(found.factor).max() == 0


def test_the_share_bounds_the_smallest_eigenvalue_from_below():
    for activation in ACTIVATIONS:
        f, d = features(11, 4, 1.0)
        c = f.T @ f
        share = hermite_share(activation, c, d)
        n = activation.dual(d[:, None], d[None, :], c)
        assert 0 < share * np.linalg.eigvalsh(c)[0] <= np.linalg.eigvalsh(n)[0]
