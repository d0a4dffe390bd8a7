"""Data, classes, weights and parameters that the estimators refuse, each by name."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from symbind_testing.builders.toy_kernel import ToyKernel

from numerics import (
    Architecture,
    TransformerKernelClassifier,
    TransformerKernelRegressor,
)
from numerics.strings.one_layer_kernel import OneLayerKernel
from symbind_theory import InputError

FAST = Architecture(beta=2.0)

QUICK: dict[str, Any] = {"points": 2**10}


def test_what_cannot_be_used_is_refused_before_the_estimate():
    class Untouched(ToyKernel):
        def gram(self, patterns):
            raise AssertionError("estimated")

    for parameters, y, weight in [
        ({"regular_tokens": None}, [1, 2], None),
        ({"progress": 3}, [1, 2], None),
        ({}, [[], []], None),
        ({}, [1, 2], ["a", "b"]),
    ]:
        model = TransformerKernelRegressor(kernel=Untouched()).set_params(**parameters)
        with pytest.raises(InputError):
            model.fit(["u v", "u u"], y, sample_weight=weight)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (["u v", "u"], [1, 2], "expected one length"),
        ([], [], "is empty"),
        (["u v"], [1, 2], "1 strings and y 2 labels"),
        ("u v", [1, 2], "X is one string, 'u v'; expected a list of strings"),
        (b"u v", [1, 2], "X is one string"),
        (np.array("u v"), [1, 2], "expected a list of strings"),
        (None, [1, 2], "X is None; expected a list of strings"),
        (3, [1, 2], "X is 3; expected a list of strings"),
        ({"u v", "u u"}, [1, 2], "X is a set, which has no rows in order"),
        ({"u v": 1, "u u": 2}, [1, 2], "X is a dict, which has no rows in order"),
        ([{"u", "v"}, {"u", "w"}], [1, 2], "whose tokens have no order"),
        ([bytearray(b"u v"), "u u"], [1, 2], "of bytes; expected text: decode it"),
        ([b"u v", b"u u"], [1, 2], "of bytes; expected text: decode it"),
        (np.array([b"u v", b"u u"]), [1, 2], "of bytes; expected text"),
        (["u v", "u u"], [1, float("nan")], "NaN"),
        (["u v", "u u"], ["one", "two"], "expected numbers"),
        (["u v", "u u"], [[[1]], [[2]]], "expected \\(n,\\)"),
        (["u v", "u u"], [[], []], "with at least one label"),
        (["u v", "u u"], [1j, 2], "expected real numbers"),
        (["u v", "u u"], np.array([1j, 2]), "expected real numbers"),
        (["u v", "u u"], [[1, 2], [1]], "expected numbers"),
        (["u v", "u u"], None, "y is None"),
        (scipy.sparse.eye(2), [1, 2], "sparse input is not supported"),
    ],
)
def test_bad_data_for_regression(X, y, message):
    with pytest.raises(InputError, match=message):
        TransformerKernelRegressor().fit(X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "a"], "y has one class, 'a'; expected at least two"),
        ([1.0, 1.0], "y has one class, 1.0; expected at least two"),
        (["x", float("nan")], "NaN or None"),
        (["x", 1], "text beside other classes"),
        (np.array(["x", 1], dtype=object), "text beside other classes"),
        ([1j, 2], "complex numbers; expected classes"),
        ([[1, 2], [1]], "y is .*; expected a class for each string"),
        ("ab", "y is 'ab'; expected a class for each string"),
        ([1.0, float("nan")], "NaN"),
        (["a", None], "NaN or None"),
        ([0.5, 1.5], "Unknown label type"),
        ([["a", "b"], ["b", "a"]], "expected \\(n,\\)"),
    ],
)
def test_bad_classes(y, message):
    with pytest.raises(InputError, match=message):
        TransformerKernelClassifier().fit(["u v", "u u"], y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"alpha": float("inf")}, "alpha is inf"),
        ({"architecture": "x"}, "architecture is 'x'; expected an Architecture"),
        ({"regular_tokens": "X"}, "expected 'auto' or a list"),
        ({"regular_tokens": None}, "regular_tokens is None; expected 'auto' or a list"),
        ({"regular_tokens": [1.5]}, "regular_tokens has 1.5"),
        ({"progress": 3}, "progress is 3; expected a function, 'auto' or None"),
        ({"n_jobs": 0}, "n_jobs is 0; expected a number of threads"),
        ({"kernel": 3}, "expected 'nngp', 'ntk', an object with a"),
        ({"kernel": OneLayerKernel}, "expected 'nngp', 'ntk', an object with a"),
        (
            {"kernel": OneLayerKernel(points=2**10), "architecture": FAST},
            "kernel is of an architecture with beta 1.0; expected beta 2.0, as passed",
        ),
        ({"points": 3}, "points is 3"),
        ({"cache": 3}, "expected 'auto', a folder or None"),
    ],
)
def test_bad_parameters(parameters, message):
    model = TransformerKernelRegressor().set_params(**parameters)
    with pytest.raises(InputError, match=message):
        model.fit(["u v", "u u"], [1, 2])


@pytest.mark.parametrize(
    "weight",
    [[1], [1, -1], [0, 0], [1, float("inf")], ["a", "b"], [1j, 1], [[1], [1, 2]]],
)
def test_bad_weights(weight):
    with pytest.raises(InputError, match="sample_weight"):
        TransformerKernelRegressor().fit(["u v", "u u"], [1, 2], sample_weight=weight)


def test_strings_of_another_length_at_predict_time():
    model = TransformerKernelRegressor(**QUICK).fit(["u v", "u u"], [1, 2])
    with pytest.raises(InputError, match="3 tokens; expected 2"):
        model.predict(["u v w"])
