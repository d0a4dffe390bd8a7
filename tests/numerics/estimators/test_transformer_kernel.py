"""The estimators against closed forms, dense machines and other routes."""

from typing import Any

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from symbind_testing.builders.strings import THREE_PATTERNS, crowded, fresh
from symbind_testing.builders.toy_kernel import ToyKernel, dense

from numerics import (
    Architecture,
    TransformerKernelClassifier,
    TransformerKernelRegressor,
    learning_curve,
    template_gram,
)
from symbind_theory import TemplateTask, builtin_task

QUICK: dict[str, Any] = {"points": 2**10}


@pytest.mark.parametrize(
    "readout", ["cls", "last", pytest.param("mean", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("task", [THREE_PATTERNS, builtin_task("same-different")])
def test_without_collisions_it_is_the_closed_form(task, readout):
    architecture = Architecture(readout=readout)
    counts = np.array([30, 20, 50][: len(task)])
    strings, labels = fresh(task, counts)
    model = TransformerKernelRegressor(architecture, alpha=1e-2).fit(strings, labels)
    gram = template_gram(task.templates, architecture)
    y = np.array([float(label) for label in task.labels])
    e = gram.matrix_self - np.diag(gram.matrix) + 1e-2
    missed = np.linalg.solve(np.eye(len(y)) + gram.matrix * (counts / e), y)
    test, _ = fresh(task, [1] * len(task), "z")
    np.testing.assert_allclose(model.predict(test), y - missed, atol=1e-9)
    assert model.n_iter_ <= 1
    assert model.kernel_error_ == 0.0


def test_regular_tokens_are_found_and_leave_the_closed_form():
    task = TemplateTask(["?a X ?b", "Y ?a ?a"], [1, -1])
    strings, labels = fresh(task, [40, 40])
    model = TransformerKernelRegressor().fit(strings, labels)
    assert set(model.data_.regular.values()) == {"X", "Y"}
    test, y = fresh(task, [1, 1], "z")
    known = learning_curve(task, sizes=[80])
    mse = np.mean((model.predict(test) - y) ** 2)
    assert mse == pytest.approx(known.mse[0], abs=1e-9)


@pytest.mark.slow
def test_simulations_agree_with_the_law_when_collisions_are_rare():
    """V is 25 times n²; 400 seeds."""
    n, task = 20, builtin_task("same-different")
    architecture = Architecture(beta=4.0)
    errors = []
    for seed in range(400):
        train, test = task.train_test(n, 2, 25 * n**2, seed)
        model = TransformerKernelRegressor(architecture, alpha=0.1, **QUICK)
        model.fit(train.strings, [float(y) for y in train.labels])
        test, y = fresh(task, [1, 1], "z")
        errors.append(np.mean((model.predict(test) - y) ** 2))
    known = learning_curve(task, architecture, [n], alpha=0.1, counts="random")
    error = np.std(errors, ddof=1) / np.sqrt(len(errors))
    assert abs(np.mean(errors) - known.mse[0]) < 4 * error
    assert abs(np.mean(errors) / known.mse[0] - 1) < 0.05


def test_it_is_the_dense_kernel_machine():
    strings, labels = crowded(2000, 200)
    model = TransformerKernelRegressor(alpha=1e-3, **QUICK).fit(strings, labels)
    copies = model.data_.copy_of
    matrix = model.data_.gram.dense()[np.ix_(copies, copies)]
    ridge: Any = 1e-3
    oracle = KernelRidge(alpha=ridge, kernel="precomputed").fit(matrix, labels)
    test = [*crowded(200, 200, seed=1)[0], *fresh(THREE_PATTERNS, [20, 20, 20], "z")[0]]
    cross = model.data_.cross(test).dense()[:, copies]
    np.testing.assert_allclose(model.predict(test), oracle.predict(cross), atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.1, 1e-3])
def test_it_is_the_dense_newton_machine(alpha):
    """Newton's method on all entries, n = 2 000."""
    strings, labels = crowded(2000, 200)
    y = labels > 0
    model = TransformerKernelClassifier(alpha=alpha, **QUICK).fit(strings, y)
    copies = model.data_.copy_of
    matrix = model.data_.gram.dense()[np.ix_(copies, copies)]
    weights = np.zeros(2000)
    for _ in range(20):
        chance = 1 / (1 + np.exp(-matrix @ weights))
        left = chance - y + alpha * weights
        system = (chance * (1 - chance))[:, None] * matrix + alpha * np.eye(2000)
        weights = weights - np.linalg.solve(system, left)
    chance = 1 / (1 + np.exp(-matrix @ weights))
    assert np.abs(chance - y + alpha * weights).max() < 1e-12
    test = [*crowded(200, 200, seed=1)[0], *fresh(THREE_PATTERNS, [20, 20, 20], "z")[0]]
    known = model.data_.cross(test).dense()[:, copies] @ weights
    np.testing.assert_allclose(model.decision_function(test), known, atol=1e-8)
    again = model.decision_function(strings)
    np.testing.assert_allclose(again, matrix @ weights, atol=1e-8)


def test_training_strings_have_the_rows_of_the_training_matrix():
    strings, _ = crowded(300, 40)
    data = TransformerKernelRegressor(**QUICK).fit(strings, np.zeros(300)).data_
    rows = data.cross(strings).dense()
    known = data.gram.dense()[data.copy_of]
    np.testing.assert_allclose(rows, known, atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_the_dense_logistic_machine(classes):
    """scikit-learn on features Z with Z Zᵀ = K has the same optimum."""
    strings, labels = crowded(2000, 200)
    y = np.array(["low", "mid", "high"])[np.searchsorted([-1, 0.5, 1], labels)]
    if classes == 2:
        y = np.where(y == "low", "low", "up")
    model = TransformerKernelClassifier(alpha=0.1, **QUICK).fit(strings, y)
    gram = model.data_.gram
    values, basis = np.linalg.eigh(gram.dense())
    root = basis * np.sqrt(np.maximum(values, 0.0))
    oracle = LogisticRegression(
        C=10.0, fit_intercept=False, tol=1e-12, max_iter=10_000, solver="newton-cg"
    ).fit(root[model.data_.copy_of], y)
    logits = oracle.decision_function(root)
    found = gram.matmat(model.dual_coef_)
    logits = logits.reshape(found.shape)
    # Optimality, to which scikit-learn's own tolerance is the limit.
    np.testing.assert_allclose(found, logits, atol=2e-5)
    assert model.residual_ <= 1e-10
    assert (model.classes_ == oracle.classes_).all()


def test_probabilities_belong_to_the_logits():
    strings, labels = crowded(300)
    names = labels.astype(str)
    model = TransformerKernelClassifier(**QUICK).fit(strings, names)
    test, y = fresh(THREE_PATTERNS, [3, 3, 3], "z")
    chances, logits = model.predict_proba(test), model.decision_function(test)
    np.testing.assert_allclose(chances.sum(1), 1.0)
    ratio = np.log(chances[:, 0] / chances[:, 1])
    np.testing.assert_allclose(ratio, logits[:, 0] - logits[:, 1], atol=1e-9)
    assert model.score(test, y.astype(str)) == 1.0
    two = TransformerKernelClassifier(**QUICK).fit(strings, names == "1.0")
    found = two.decision_function(test)
    np.testing.assert_allclose(two.predict_proba(test)[:, 1], 1 / (1 + np.exp(-found)))
    assert (two.predict(test) == (found > 0)).all()


def test_any_kernel_by_overlap_type_will_do():
    strings, labels = crowded(150, 12)
    model = TransformerKernelRegressor(alpha=0.5, kernel=ToyKernel())
    model.fit(strings, labels)
    tokens = [s.split() for s in strings]
    known = np.linalg.solve(dense(tokens) + 0.5 * np.eye(150), labels)
    test = ["v0 v1 v0", "v3 new v3", "new v2 v2", "p q r"]
    cross = dense([s.split() for s in test], tokens)
    np.testing.assert_allclose(model.predict(test), cross @ known, atol=1e-8)


@pytest.mark.parametrize("tokens", [(), ("v0", "v1", "never seen")])
def test_regular_tokens_change_no_result(tokens):
    strings, labels = crowded(800, 30)
    test = [*crowded(100, 60, seed=1)[0], "p q r"]
    auto = TransformerKernelRegressor(**QUICK).fit(strings, labels)
    other = TransformerKernelRegressor(regular_tokens=tokens, **QUICK)
    found = other.fit(strings, labels).predict(test)
    np.testing.assert_allclose(found, auto.predict(test), atol=1e-8)


def test_regular_tokens_save_iterations():
    strings, labels = crowded(800, 30)
    model = TransformerKernelRegressor(alpha=1e-2, kernel=ToyKernel())
    spent = {}
    for count in (0, 30):
        model.set_params(regular_tokens=[f"v{i}" for i in range(count)])
        spent[count] = model.fit(strings, labels).n_iter_
    assert 0 < spent[30] < spent[0] / 2


def test_renaming_tokens_changes_nothing():
    strings, labels = crowded(100, 15)
    names = {f"v{i}": f"w{(7 * i + 3) % 15}" for i in range(15)}
    renamed = [" ".join(names[t] for t in s.split()) for s in strings]
    test = "v0 v1 v0", "v2 v3 v3"
    model = TransformerKernelRegressor(**QUICK)
    found = model.fit(strings, labels).predict(test)
    other = model.fit(renamed, labels).predict(
        [" ".join(names[t] for t in s.split()) for s in test]
    )
    np.testing.assert_allclose(found, other, atol=1e-9)


def test_patterns_that_were_never_seen_are_predicted():
    strings, labels = fresh(THREE_PATTERNS, [30, 30, 0])
    model = TransformerKernelRegressor(**QUICK).fit(strings, labels)
    (found,) = model.predict(["p q r"])
    gram = template_gram(THREE_PATTERNS.templates)
    e = (gram.matrix_self - np.diag(gram.matrix) + 1e-3)[:2]
    n, y = gram.matrix, np.array([1.0, -1.0])
    weights = np.linalg.solve(np.diag(e / 30) + n[:2, :2], y)
    assert found == pytest.approx(n[2, :2] @ weights, abs=0.02)


def test_a_weight_is_a_number_of_copies():
    strings, labels = crowded(60, 12)
    weight = np.arange(60) % 4
    repeated = np.repeat(np.arange(60), weight)
    model = TransformerKernelRegressor(**QUICK)
    test = crowded(20, 12, seed=1)[0]
    found = model.fit(strings, labels, sample_weight=weight).predict(test)
    known = model.fit([strings[i] for i in repeated], labels[repeated]).predict(test)
    np.testing.assert_allclose(found, known, atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_weight_is_a_number_of_copies_of_a_class(classes):
    strings, labels = crowded(60, 12)
    y = np.searchsorted([-1, 0.5, 1], labels) % classes
    weight = np.arange(60) % 4
    repeated = np.repeat(np.arange(60), weight)
    model = TransformerKernelClassifier(alpha=0.1, **QUICK)
    test = crowded(20, 12, seed=1)[0]
    found = model.fit(strings, y, sample_weight=weight).decision_function(test)
    off = model.residual_
    model.fit([strings[i] for i in repeated], y[repeated])
    off += model.residual_
    # √(K_xx ⟨R, K R⟩) / α, where no |R| is above `off` times the largest multiplicity.
    largest = model.data_.gram.diagonal.max()
    bound = largest * 60 * np.sqrt(classes) * off * weight.sum() / 0.1
    assert bound < 1e-6
    np.testing.assert_allclose(model.decision_function(test), found, atol=bound)
    unweighted = model.fit(strings, y).decision_function(test)
    assert np.abs(unweighted - found).max() > 0.01


def test_several_outputs_at_once():
    strings, labels = crowded(100)
    both = np.column_stack([labels, labels**2])
    model = TransformerKernelRegressor(**QUICK).fit(strings, both)
    test = crowded(10, seed=1)[0]
    found = model.predict(test)
    assert found.shape == (10, 2)
    one = model.fit(strings, labels**2).predict(test)
    np.testing.assert_allclose(found[:, 1], one, atol=1e-9)


def test_integers_lists_and_text_are_one():
    generator = np.random.default_rng(0)
    array, y = generator.integers(0, 30, (50, 3)), generator.standard_normal(50)
    model = TransformerKernelRegressor(**QUICK)
    found = model.fit(array, y).predict(array)
    lists = [[str(t) for t in row] for row in array]
    again = model.fit(lists, y).predict(lists)
    np.testing.assert_allclose(again, found, atol=1e-9)
    assert (model.predict([" ".join(row) for row in lists]) == again).all()


def test_a_ridge_below_the_error_of_the_kernel_is_reported(caplog):
    model = TransformerKernelRegressor(alpha=1e-9, **QUICK).fit(*crowded(50, 10))
    assert model.kernel_error_ > 1e-9
    assert "below the error" in caplog.text
