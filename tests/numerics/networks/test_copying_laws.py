"""Closed forms of the rates, against embeddings drawn and multiplied out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.tasks import COPY

from numerics.architecture import Architecture
from numerics.networks.copying_laws import (
    _loss_rate,
    copying_law,
    softmax_remainder,
)
from numerics.networks.copying_network import (
    CopyingShape,
    copying_strings,
    initial_rates,
)
from symbind_theory.validation import InputError

PAIRS = [
    ("margin", "value"),
    ("margin", "output"),
    ("margin", "embedding"),
    ("cross-entropy", "value"),
    ("cross-entropy", "output"),
    ("cross-entropy", "embedding"),
    ("cross-entropy", "positions"),
]


def drawn_gradients(n, d, gamma, random):
    """∂/∂(V, O, E, P) of minus the loss and of both statistics, softmax uniform.

    Token by token, from the chain rule for f = Σ weights[t, u] ⟨e_u, z_t A⟩.
    """
    e = random.normal(size=(2 * n, d)) / math.sqrt(d)
    p = random.normal(size=d) / math.sqrt(d)
    v = random.normal(size=(d, 3)) / math.sqrt(3)
    o = random.normal(size=(3, d)) / math.sqrt(d)
    train, test = range(n), range(n, 2 * n)
    full = np.eye(2 * n) - 1 / (2 * n)
    among = np.zeros((2 * n, 2 * n))
    for s in test:
        among[s, n:] = -1 / (n - 1)
        among[s, s] = 1
    found = []
    for rows, weights in ((train, full), (test, among), (test, full)):
        by_v, by_o, by_e, by_p = (np.zeros_like(x) for x in (v, o, e, p))
        for t in rows:
            z = e[t] + gamma * p
            up = weights[t] @ e / n
            by_v += np.outer(z, o @ up)
            by_o += np.outer(z @ v, up)
            by_e += np.outer(weights[t] / n, z @ v @ o)
            by_e[t] += v @ o @ up
            by_p += gamma * (v @ o @ up)
        found.append((by_v, by_o, by_e, by_p))
    return found


@pytest.mark.parametrize(("n", "d", "gamma"), [(2, 3, 0.0), (3, 2, 0.8)])
def test_the_rate_of_the_loss_is_the_mean_square_of_its_gradient(n, d, gamma):
    """S = E Σ_tt' ⟨z_t, z_t'⟩ ⟨c_t e, c_t' e⟩ / n, to a quarter of a percent."""
    random = np.random.default_rng(n)
    e = random.normal(size=(300_000, 2 * n, d)) / math.sqrt(d)
    z = e[:, :n] + gamma * random.normal(size=(300_000, 1, d)) / math.sqrt(d)
    up = e[:, :n] - e.mean(1, keepdims=True)
    products = (z @ z.transpose(0, 2, 1)) * (up @ up.transpose(0, 2, 1))
    squares = products.sum((1, 2)) / n
    error = squares.std(ddof=1) / math.sqrt(len(squares))
    # A false alarm in 150 000 for each setting.
    assert abs(squares.mean() - _loss_rate(n, d, gamma)) < 4.5 * error
    assert error < 0.004 * squares.mean()


@pytest.mark.parametrize(("n", "d", "gamma"), [(3, 4, 0.0), (4, 6, 0.7), (2, 9, 1.5)])
def test_laws_are_the_ratio_of_means_of_drawn_gradients(n, d, gamma):
    """Exact at every n and d, so small ones will do; |z| < 4.5, false alarm 7e-6."""
    random = np.random.default_rng(n)
    groups = ("value", "output", "embedding", "positions")
    products, squares = {pair: [] for pair in PAIRS}, {g: [] for g in groups}
    for _ in range(1500):
        loss, margin, cross = drawn_gradients(n, d, gamma, random)
        for i, group in enumerate(groups):
            squares[group].append((loss[i] ** 2).sum())
            for name, statistic in (("margin", margin), ("cross-entropy", cross)):
                if (name, group) in products:
                    products[name, group].append((statistic[i] * loss[i]).sum())
    for (name, group), product in products.items():
        if group == "positions" and gamma == 0:
            continue
        law = copying_law(name, group, n, d, gamma)
        residuals = np.array(product) - law * np.array(squares[group])
        error = residuals.std(ddof=1) / math.sqrt(len(residuals))
        assert abs(residuals.mean()) < 4.5 * error + 1e-12, (name, group)


@given(st.floats(0.0, 5.0), st.integers(1000, 10**6))
def test_limits_of_wide_networks(gamma, n):
    """−γ²/(2 + γ²), −γ²/(4 + γ²), and nothing for the margin, as d ≫ n ≫ 1."""
    d, square = 1000 * n, gamma**2
    for group, limit in (("value", 2), ("output", 2), ("embedding", 4)):
        full = copying_law("cross-entropy", group, n, d, gamma)
        assert full == pytest.approx(-square / (limit + square), abs=3e-3)
        assert abs(copying_law("margin", group, n, d, gamma)) < 1.01 * n / d


@given(st.integers(40, 10**4), st.floats(0.01, 100))
def test_the_law_without_positions_is_n_over_n_plus_d(n, ratio):
    d = max(1, round(ratio * n))
    law = copying_law("margin", "value", n, d, 0.0)
    assert law == pytest.approx(n / (n + d), rel=2 / n + 2 / d)


def test_the_remainder_is_the_size_of_what_the_laws_miss():
    """R_P = −1 + 2x where x is small but far above the error of the estimate."""
    n, d, inner = 10, 40, 64
    x = softmax_remainder(n, d, inner, 0.8)
    strings = copying_strings(COPY, n)
    rates = initial_rates(
        strings,
        Architecture(readout="last", gamma=0.8),
        CopyingShape(d),
        300,
        0,
        measured=["cross-entropy"],
        groups=["positions"],
    )
    products = rates.products["cross-entropy", "positions"]
    squares = rates.squares["positions"]
    rate = rates.rate("cross-entropy", "positions")
    error = (products - rate * squares).std() / squares.mean() / math.sqrt(300)
    assert x > 3.5 * error
    assert 1.2 * x - 4 * error < rate + 1 < 2 * x + 4 * error


def test_unknown_pairs_are_refused():
    with pytest.raises(InputError, match="expected one of"):
        copying_law("cross-entropy", "identity_vo", 4, 4, 1.0)
