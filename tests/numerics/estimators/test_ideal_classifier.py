"""The bound on margins over a grid of sizes and vocabularies."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import root
from scipy.special import expit

from numerics import TransformerKernelClassifier
from numerics.estimators.ideal_classifier import MarginTransfer, margin_transfer
from symbind_theory import InputError, Template, builtin_task

TASK = builtin_task("same-different")


def compared(n, vocabulary, alpha=0.3, seed=0):
    train, _ = TASK.train_test(n, 1, vocabulary, seed)
    model = TransformerKernelClassifier(alpha=alpha, points=2**10)
    names = ["same" if y > 0 else "different" for y in map(float, train.labels)]
    return margin_transfer(model, train.strings, names), model


@pytest.mark.parametrize("n", [50, 200])
@pytest.mark.parametrize("ratio", [0.2, 1, 10, 1000])
def test_the_bound_holds_and_certifies_when_collisions_are_mild(n, ratio):
    transfer, model = compared(n, max(2, int(ratio * n)))
    assert (np.abs(transfer.fitted - transfer.ideal) <= transfer.bound + 1e-9).all()
    fresh = {"?1 ?1": "new new", "?1 ?2": "new newer"}
    strings = [fresh[str(t)] for t in transfer.patterns]
    np.testing.assert_allclose(
        model.decision_function(strings), transfer.fitted, atol=1e-8
    )
    right = np.sign(transfer.fitted) == np.sign(transfer.ideal)
    assert right[transfer.certified].all()
    if ratio == 1000:
        assert transfer.certified.all()


@pytest.mark.parametrize("alpha", [0.05, 1.0])
def test_it_is_the_formula_written_out(alpha):
    """Dense, from the coefficients that solve α a = y − m p; strings repeat."""
    train = ["a a", "a b", "c c", "b b", "b c", "d e", "f d", "g g"]
    classes = np.array([1, 0, 1, 1, 0, 0, 0, 1])
    copies = np.array([3, 1, 1, 2, 5, 1, 1, 1])
    model = TransformerKernelClassifier(alpha=alpha, points=2**10)
    transfer = margin_transfer(
        model, np.repeat(train, copies).tolist(), np.repeat(classes, copies)
    )
    data = model.data_
    order = data.copy_of[np.cumsum(copies) - copies]
    K = data.gram.dense()[np.ix_(order, order)]
    kernel, pattern = data.kernel, data.strings.pattern[order]
    N = kernel.factor.T @ kernel.factor
    K_0 = N[np.ix_(pattern, pattern)] + np.diag(kernel.excess[pattern])
    np.testing.assert_allclose(K.diagonal(), K_0.diagonal(), rtol=1e-12)
    seen = copies * classes
    ideal = root(
        lambda a: alpha * a - seen + copies * expit(K_0 @ a), np.zeros(8), tol=1e-13
    ).x
    pushed = np.sqrt(np.sum(copies * ((K - K_0) @ ideal) ** 2))
    expected = np.sqrt(kernel.matrix_self) * pushed / (4 * np.sqrt(alpha))
    np.testing.assert_allclose(transfer.bound, expected, rtol=1e-6)
    np.testing.assert_allclose(transfer.ideal_coef[order, 0], ideal, rtol=1e-5)
    logits = [N[k, pattern] @ ideal for k in range(2)]
    np.testing.assert_allclose(transfer.ideal, logits, rtol=1e-6)


@pytest.mark.parametrize(
    ("n", "vocabulary", "alpha"), [(20, 6, 0.3), (20, 6, 1.0), (30, 5, 3.0)]
)
def test_on_any_string_it_bounds_the_ideal_coefficients(n, vocabulary, alpha):
    """On seen symbols true kernel values count: with ideal ones the bound is broken."""
    transfer, model = compared(n, vocabulary, alpha, seed=2)
    train, _ = TASK.train_test(n, 1, vocabulary, seed=2)
    tokens = sorted({t for s in train.strings for t in s.split()})
    strings = [f"{s} {t}" for s, t in product([*tokens, "new"], repeat=2)]
    number = {len(set(str(t).split())): i for i, t in enumerate(transfer.patterns)}
    pattern = [number[len(set(s.split()))] for s in strings]
    bound, f_0 = transfer.bound[pattern], transfer.ideal[pattern]
    fitted = model.decision_function(strings)
    model.dual_coef_ = transfer.ideal_coef
    ideal = model.decision_function(strings)
    assert (np.abs(fitted - ideal) <= bound).all()
    if alpha == 3.0:
        assert (np.abs(fitted - f_0) > bound).any()


def test_certified_is_what_the_bound_leaves_of_the_sign():
    ideal = np.array([1.0, 1.0, -1.0, -1.0, 0.0])
    bound = np.array([0.99, 1.01, 0.99, 1.01, 0.0])
    patterns = tuple(Template(f"X{i}") for i in range(5))
    transfer = MarginTransfer(patterns, ideal, ideal, bound, np.zeros((1, 1)))
    assert transfer.certified.tolist() == [True, False, True, False, False]


def test_milder_collisions_have_a_smaller_bound():
    bounds = [compared(100, v)[0].bound.max() for v in (30, 300, 3000, 30_000)]
    assert bounds == sorted(bounds, reverse=True)


def test_without_collisions_there_is_nothing_to_bound():
    train = [f"t{i} t{i}" for i in range(20)] + [f"u{i} v{i}" for i in range(20)]
    model = TransformerKernelClassifier(points=2**10)
    transfer = margin_transfer(model, train, [0] * 20 + [1] * 20)
    np.testing.assert_allclose(transfer.bound, 0.0, atol=1e-12)
    np.testing.assert_allclose(transfer.fitted, transfer.ideal, atol=1e-6)


def test_two_classes_are_expected():
    model = TransformerKernelClassifier(points=2**10)
    with pytest.raises(InputError, match="3 classes; expected two"):
        margin_transfer(model, ["u u", "u v", "w w"], [0, 1, 2])
