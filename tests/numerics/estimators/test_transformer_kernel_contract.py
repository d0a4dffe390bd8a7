"""The contract of scikit-learn: its own checks, pickles, searches, progress."""

import pickle
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import estimator_checks_generator
from symbind_testing.builders.strings import THREE_PATTERNS, crowded, fresh

from numerics import (
    Architecture,
    TransformerKernelClassifier,
    TransformerKernelRegressor,
)
from numerics.estimators import string_kernel_machine

QUICK: dict[str, Any] = {"points": 2**10}


def test_a_fit_that_is_cut_short_leaves_nothing():
    strings, labels = crowded(50)
    for model in (TransformerKernelRegressor(), TransformerKernelClassifier()):
        model.set_params(progress=_interrupt, **QUICK)
        with pytest.raises(KeyboardInterrupt):
            model.fit(strings, labels > 0)
        with pytest.raises(NotFittedError):
            model.predict(strings)
        assert not hasattr(model, "n_features_in_")


def _interrupt(what, done, left):
    if what == "solver":
        raise KeyboardInterrupt


def test_pickled_models_predict_the_same():
    strings, labels = crowded(100)
    for model in (
        TransformerKernelRegressor(**QUICK).fit(strings, labels),
        TransformerKernelClassifier(**QUICK).fit(strings, labels > 0),
    ):
        again = pickle.loads(pickle.dumps(model))
        assert (again.predict(strings) == model.predict(strings)).all()


def test_pickled_models_look_for_the_cache_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBIND_CACHE", str(tmp_path / "here"))
    strings, labels = fresh(THREE_PATTERNS, [10, 10, 10])
    kept = pickle.dumps(TransformerKernelRegressor(**QUICK).fit(strings, labels))
    assert str(tmp_path).encode() not in kept
    (tmp_path / "here").rename(tmp_path / "gone")
    (tmp_path / "here").write_text("")
    monkeypatch.setenv("SYMBIND_CACHE", str(tmp_path / "there"))
    found = pickle.loads(kept).predict([strings[0], "t0 new t0"])
    assert np.isfinite(found).all()
    assert list((tmp_path / "there").iterdir())


def test_parameters_can_be_searched():
    strings, labels = crowded(90)
    grid = {"alpha": [1e-3, 1e3], "architecture": [Architecture(beta=2.0)]}
    search = GridSearchCV(TransformerKernelRegressor(**QUICK), grid, cv=3)
    search.fit(strings, labels)
    assert search.best_params_["alpha"] == 1e-3
    best: Any = clone(search.best_estimator_)
    assert best.get_params()["alpha"] == 1e-3


def test_progress_tells_what_is_being_done():
    seen = []
    model = TransformerKernelRegressor(
        cache=None, n_jobs=2, progress=lambda *step: seen.append(step), **QUICK
    )
    model.fit(*crowded(700, 30))
    assert {what for what, _, _ in seen} == {"kernel", "solver"}
    kernel = [step[1:] for step in seen if step[0] == "kernel"]
    assert kernel[-1][0] == kernel[-1][1]


@pytest.mark.parametrize(("progress", "shown"), [("auto", 2), (None, 0)])
def test_terminals_show_the_kernel_and_the_solver(progress, shown, monkeypatch):
    seen: dict[str, list] = {}

    @contextmanager
    def terminal(description, unit):
        steps = seen.setdefault(description, [])
        yield lambda *step: steps.append(step)

    monkeypatch.setattr(string_kernel_machine, "terminal_progress", terminal)
    model = TransformerKernelRegressor(cache=None, progress=progress, **QUICK)
    assert TransformerKernelRegressor().progress == "auto"
    model.fit(*crowded(40))
    assert len(seen) == shown
    assert all(steps for steps in seen.values())


@pytest.mark.slow
def test_the_default_alpha_does_not_warn_of_itself(caplog):
    """Strings of five tokens that share up to four; with six it is at alpha itself."""
    generator = np.random.default_rng(0)
    strings = np.array([generator.permutation(40)[:5] for _ in range(500)])
    model = TransformerKernelRegressor(cache=None)
    model.fit(strings, generator.choice([-1.0, 1.0], 500))
    assert 1e-4 < model.kernel_error_ < model.alpha
    assert "below the error" not in caplog.text


# Checks that ask for what learning from strings of tokens is not, with the reason; the
# list in docs/learning.md is the same.
NOT_FOR_STRINGS = {
    "numbers with fractions are no tokens": [
        "check_decision_proba_consistency",
        "check_estimators_dtypes",
        "check_estimators_nan_inf",
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weights_not_overwritten",
    ],
    "the message speaks of tokens, not of features": [
        "check_n_features_in_after_fitting",
    ],
    "random rows of ten integers have as many patterns as there are rows, which takes "
    "minutes": [
        "check_regressor_data_not_an_array",
        "check_regressors_int",
        "check_regressors_train",
    ],
    "a default may be a frozen record": ["check_parameters_default_constructible"],
}

# The hook that checks annotations while testing would be the first to speak up.
WITHOUT_HOOK = [
    "check_do_not_raise_errors_in_init_or_set_params",
    pytest.param("check_dtype_object", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("check", WITHOUT_HOOK)
def test_contract_of_scikit_learn_without_the_hook(check):
    source = f"""
        import numerics
        from sklearn.utils.estimator_checks import {check}
        for name in "TransformerKernelRegressor", "TransformerKernelClassifier":
            {check}(name, getattr(numerics, name)(points=2**10))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_documentation_lists_the_checks_left_out():
    page = Path(__file__).parents[3] / "docs" / "learning.md"
    text = " ".join(page.read_text().split())
    for reason, names in NOT_FOR_STRINGS.items():
        listed = ", ".join(f"`{name.removeprefix('check_')}`" for name in names)
        assert f"- {reason}: {listed}" in text


def _checks(model):
    excused = {name for names in NOT_FOR_STRINGS.values() for name in names}
    excused |= {getattr(name, "values", (name,))[0] for name in WITHOUT_HOOK}
    checks: Any = estimator_checks_generator(model)
    for estimator, check in checks:
        name = check.func.__name__ if hasattr(check, "func") else check.__name__
        if name not in excused:
            yield pytest.param(estimator, check, id=f"{type(model).__name__}-{name}")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        *_checks(TransformerKernelRegressor(**QUICK)),
        *_checks(TransformerKernelClassifier(**QUICK)),
    ],
)
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)
