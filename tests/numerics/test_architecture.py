"""The architecture record: defaults and refusals."""

import dataclasses
import math

import pytest

from numerics import Architecture, Cosine, ReLU
from numerics.architecture import Block, require_one_layer
from numerics.positions import ALiBi, Rotary
from numerics.tokens import TokenGram
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
        {"normalisation": "middle"},
        {"final_normalisation": "pre"},
        {"causal": 1},
        {"blocks": [Block()]},
        {"relative": ALiBi},
        {"relative": "rotary"},
        {"tokens": TokenGram},
        {"tokens": ((1.0,),)},
    ],
    ids=str,
)
def test_bad_parameters_are_named(wrong):
    (name,) = wrong
    with pytest.raises(InputError, match=rf"^{name} is .*; expected "):
        Architecture(**wrong)


def test_there_is_one_block_for_each_of_the_depth():
    with pytest.raises(InputError, match=r"^blocks has 1 entries with depth 2; expect"):
        Architecture(depth=2, blocks=(Block(),))
    with pytest.raises(InputError, match=r"^beta is -1; expected a number between 0"):
        Block(beta=-1)


@pytest.mark.parametrize(
    "deep",
    [
        {"depth": 2},
        {"residual": 0.5},
        {"normalisation": "pre"},
        {"final_normalisation": True},
        {"causal": True},
        {"blocks": (Block(),)},
        {"relative": Rotary()},
        {"tokens": TokenGram()},
    ],
    ids=str,
)
def test_what_only_deep_transformers_have_is_not_one_layer(deep):
    assert Architecture().one_layer
    assert not Architecture(**deep).one_layer
    with pytest.raises(InputError, match=rf"^{next(iter(deep))} is .*; expected "):
        require_one_layer(Architecture(**deep))


def test_no_multiple_of_the_identity_stands_between_turned_queries_and_keys():
    turned = {"relative": Rotary(), "depth": 2}
    with pytest.raises(InputError, match=r"^identity_kq is not 0 with rotary"):
        Architecture(identity_kq=0.5, **turned)
    with pytest.raises(InputError, match=r"^identity_kq is not 0 with rotary"):
        Architecture(blocks=(Block(), Block(identity_kq=1.0)), **turned)
