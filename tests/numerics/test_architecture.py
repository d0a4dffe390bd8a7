"""The architecture record: defaults and refusals."""

import dataclasses
import math

import pytest

from numerics import Architecture, Cosine, ReLU
from symbind_theory import InputError


def test_defaults():
    architecture = Architecture()
    assert (architecture.beta, architecture.gamma, architecture.readout) == (
        1,
        1,
        "cls",
    )
    assert architecture.activation == Cosine(b1=1.0, b2=0.3)


def test_it_is_frozen_and_hashable():
    architecture = Architecture()
    with pytest.raises(dataclasses.FrozenInstanceError):
        architecture.beta = 2.0  # pyright: ignore[reportAttributeAccessIssue]
    assert hash(architecture) == hash(Architecture())


def test_zeros_are_allowed_here():
    assert (Architecture(beta=0).beta, Architecture(gamma=0).gamma) == (0, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"beta": -1},
        {"beta": math.nan},
        {"gamma": math.inf},
        {"depth": 0},
        {"identity_kq": math.nan},
        {"residual": math.inf},
        {"activation": ReLU},
    ],
    ids=str,
)
def test_bad_parameters_are_named(wrong):
    (name,) = wrong
    with pytest.raises(InputError, match=rf"^{name} is .*; expected "):
        Architecture(**wrong)
