"""Estimators asked in any order and company: each string has one prediction.

Fit, predict strings of old and of new patterns in any grouping, ask the kernel itself,
pickle, copy and fit again: what is predicted for a string after the same training
strings is the same to the last bit, in one example and in all of them.
"""

import pickle
import tempfile
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sklearn.base import clone
from symbind_testing.builders.toy_kernel import ToyKernel

from numerics import (
    Architecture,
    CustomActivation,
    TransformerKernelClassifier,
    TransformerKernelRegressor,
)
from numerics.overlap_types import OverlapTypes
from symbind_theory.overlaps import overlap_types

TRAINING = {
    "one pattern": (["a b x", "c d x", "b e x"], [1, 2, 2]),
    "two patterns": (["a a b", "c c d", "a b c", "e f d", "b g f"], [1, 1, 2, 2, 2]),
}
ESTIMATORS = TransformerKernelRegressor, TransformerKernelClassifier
# Training strings, strings of old and of new patterns, with old and with new tokens: so
# few that the same one is asked for again and again.
STRINGS = (
    "a b x",
    "a a b",
    "p q r",
    "a e x",
    "a a a",
    "p p q",
    "b x b",
    "e a a",
    "x b a",
    "q q q",
)


@cache
def folder():
    """Kernel values of all examples."""
    return tempfile.mkdtemp(prefix="symbind-machine-")


def one_layer(architecture):
    return {"architecture": architecture, "points": 2**10, "cache": folder()}


KERNELS: dict[str, Callable[[], dict[str, Any]]] = {
    "toy": lambda: {"kernel": ToyKernel()},
    "cls": lambda: one_layer(Architecture()),
    "last": lambda: one_layer(
        Architecture(
            readout="last",
            identity_vo=0.5,
            activation=CustomActivation(np.tanh, nodes=16),
        )
    ),
    "mean": lambda: one_layer(Architecture(readout="mean", identity_kq=0.5)),
}


def value_of(model, strings):
    """What a prediction is made from, one row for each string."""
    if isinstance(model, TransformerKernelClassifier):
        return model.decision_function(strings)
    return model.predict(strings)


class InAnyOrder(RuleBasedStateMachine):
    """A model, and what it has predicted before: one entry for (training, string)."""

    kernel: str
    model: Any
    predicted: dict[tuple[str, str, str], bytes]

    @initialize(
        estimator=st.sampled_from(ESTIMATORS), training=st.sampled_from([*TRAINING])
    )
    def begin(self, estimator, training):
        self.model = estimator(alpha=0.1, **KERNELS[self.kernel]())
        self.fit(training)

    @rule(training=st.sampled_from([*TRAINING]))
    def fit(self, training):
        """Again, or on other strings."""
        self.training = training
        self.model.fit(*TRAINING[training])

    @rule(strings=st.lists(st.sampled_from(STRINGS), min_size=1, max_size=6))
    def predict(self, strings):
        """Old patterns, new ones and training strings, side by side."""
        values = value_of(self.model, strings)
        assert np.isfinite(values).all()
        for string, value in zip(strings, values, strict=True):
            key = type(self.model).__name__, self.training, string
            known = self.predicted.setdefault(key, value.tobytes())
            assert value.tobytes() == known, (key, np.frombuffer(known), value)

    @rule(string=st.sampled_from(STRINGS))
    def predict_one(self, string):
        """Alone."""
        self.predict([string])

    @rule()
    def travel(self):
        """As to another process."""
        self.model = pickle.loads(pickle.dumps(self.model))

    @rule()
    def begin_again(self):
        """A model that knows nothing."""
        self.model = clone(self.model)
        self.fit(self.training)

    @precondition(lambda self: len(TRAINING[self.training][0]) > 3)
    @rule(size=st.integers(1, 2))
    def ask_the_kernel(self, size):
        """For sets of tokens that no training strings share."""
        gram = self.model.data_.kernel
        first, *_, last = gram.patterns
        kinds = [kind for kind in overlap_types(first, last) if kind.size == size]
        gram.values(OverlapTypes.of(kinds, gram.patterns))


def run(kernel, examples, steps):
    """The machine for one kernel; predictions are those of all examples."""

    class Machine(InAnyOrder):
        pass

    Machine.kernel, Machine.predicted = kernel, {}
    # An example begins with a fit, which takes its time on a busy machine.
    bounds = settings(
        max_examples=examples,
        stateful_step_count=steps,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(Machine, settings=bounds)
    assert Machine.predicted


def test_with_a_kernel_that_is_known():
    run("toy", examples=10, steps=6)


def test_with_the_kernel_of_a_transformer():
    run("cls", examples=4, steps=5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "examples"), [("toy", 200), ("cls", 20), ("last", 15), ("mean", 10)]
)
def test_at_length(kernel, examples):
    """Most with the toy kernel, whose examples take little: the machine is the same."""
    run(kernel, examples, steps=12)
