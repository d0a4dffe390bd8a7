"""The architecture as an exact record: what is known of it, written and read."""

import dataclasses
import json

import numpy as np
import pytest
from symbind_testing.builders.toy_result import toy_result

from numerics import GELU, Architecture, Cosine, CustomActivation, Erf, ReLU
from numerics.architecture import Block
from numerics.positions import ALiBi, DistanceBias, RandomBias, Rotary
from numerics.tokens import TokenGram
from symbind_theory import InputError
from symbind_theory.records.architecture import (
    ActivationRecord,
    ArchitectureRecord,
    RelativeRecord,
)
from symbind_theory.records.description import written
from symbind_theory.records.files import parse_result
from symbind_theory.report.document import to_json
from symbind_theory.separation.theorem_d import BlockFacts, DeepHypotheses
from symbind_theory.separation.theorem_s import Hypotheses

BLOCKS = (Block(beta=2.0, residual=0.0), Block(identity_kq=1, identity_vo=-0.5))
PAIR = TokenGram(("X", "Y"), ((1, 0.5), (0.5, 1)), (0.25, 0.25), 0.5, 2)
ARCHITECTURES = {
    "defaults": Architecture(),
    "whole numbers": Architecture(2, 3, "last", ReLU(), identity_kq=1),
    "every parameter": Architecture(
        0.5,
        0.0,
        "mean",
        Cosine(-2.0, 0.0),
        -0.5,
        1e-3,
        2,
        0.25,
        "pre",
        True,
        True,
        BLOCKS,
    ),
    "constant": Architecture(activation=Cosine(0.0)),
    "tokens": Architecture(tokens=PAIR, depth=2),
    "erf": Architecture(activation=Erf()),
    "gelu": Architecture(activation=GELU()),
}
CUBE = Architecture(activation=CustomActivation(lambda t: t**3, "cube", 16))


def read_back(record):
    return parse_result(to_json(toy_result(architecture=record))).architecture


def test_the_record_has_the_architectures_parameters():
    names, own = (
        [field.name for field in dataclasses.fields(record)]
        for record in (Architecture, ArchitectureRecord)
    )
    assert own == names
    every = ARCHITECTURES["every parameter"]
    for name in names:
        if name not in ("activation", "blocks", "relative"):
            assert getattr(every.record(), name) == getattr(every, name)
    assert [written(block) for block in every.record().blocks] == [
        dataclasses.asdict(block) for block in BLOCKS
    ]


def test_a_block_has_what_it_does_not_say_itself_from_the_architecture():
    first, second = ARCHITECTURES["every parameter"].every_block
    assert dataclasses.astuple(first) == (2.0, -0.5, 1e-3, 0.0)
    assert dataclasses.astuple(second) == (0.5, 1, -0.5, 0.25)
    assert len(Architecture(depth=3).every_block) == 3


@pytest.mark.parametrize("case", ARCHITECTURES)
def test_it_is_read_back_as_the_same_record(case):
    record = ARCHITECTURES[case].record()
    read = read_back(record)
    assert read == record
    assert read.activation.kind == record.activation.kind
    assert read.hypotheses == record.hypotheses
    assert json.dumps(written(read)) == json.dumps(written(record))


def test_the_document_names_every_parameter():
    assert written(ARCHITECTURES["whole numbers"].record()) == {
        "beta": 2,
        "gamma": 3,
        "readout": "last",
        "activation": {"name": "relu"},
        "identity_kq": 1,
        "identity_vo": 0.0,
        "depth": 1,
        "residual": 0.0,
        "normalisation": None,
        "final_normalisation": False,
        "causal": False,
        "blocks": [],
        "relative": None,
        "tokens": None,
    }
    alibi = Architecture(relative=ALiBi(slope=2)).record()
    assert written(alibi)["relative"] == {"name": "alibi", "slope": 2}
    assert written(Architecture(tokens=PAIR).record())["tokens"] == {
        "tokens": ["X", "Y"],
        "gram": [[1.0, 0.5], [0.5, 1.0]],
        "cross": [0.25, 0.25],
        "common": 0.5,
        "self_value": 2.0,
    }
    assert written(CUBE.record())["activation"] == {"name": "cube", "nodes": 16}


@pytest.mark.parametrize(
    ("activation", "kind"),
    [
        (Cosine(), "cosine"),
        (Cosine(b1=0.0), "constant"),
        (ReLU(), "relu"),
        (Erf(), "other"),
        (GELU(), "other"),
        (CustomActivation(np.tanh), "other"),
        (CustomActivation(np.ones_like, name="relu"), "constant"),
        (CustomActivation(np.cos, name="cos"), "other"),
    ],
    ids=str,
)
def test_the_kind_is_what_theorem_s_asks(activation, kind):
    record = Architecture(activation=activation).record()
    assert record.activation.kind == record.hypotheses.activation == kind


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"beta": 0.0}, {"beta_is_zero": True}),
        ({"gamma": 0.0}, {"gamma_is_zero": True}),
        ({"readout": "mean"}, {"readout": "mean"}),
        ({"identity_kq": -1.0}, {"identity_kq": True}),
        ({"identity_vo": -1.0}, {}),
        ({"depth": 2}, {"one_layer": False}),
        ({"residual": 0.5}, {"one_layer": False}),
        ({"normalisation": "post"}, {"one_layer": False}),
        ({"final_normalisation": True}, {"one_layer": False}),
        ({"causal": True}, {"one_layer": False}),
        ({"blocks": (Block(),)}, {"one_layer": False}),
        ({"relative": ALiBi()}, {"one_layer": False}),
        ({"tokens": TokenGram()}, {"one_layer": False}),
    ],
    ids=str,
)
def test_the_hypotheses_follow_from_the_parameters(change, fact):
    record = Architecture(**change).record()
    assert record.hypotheses == dataclasses.replace(Hypotheses(), **fact)
    assert record.has_identity == any("identity" in name for name in change)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({}, {"blocks": (BlockFacts(),)}),
        ({"gamma": 0.0}, {"gamma_is_zero": True, "blocks": (BlockFacts(),)}),
        ({"causal": True}, {"causal": True, "blocks": (BlockFacts(),)}),
        ({"readout": "mean"}, {"readout": "mean", "blocks": (BlockFacts(),)}),
        ({"depth": 2, "beta": 0.0}, {"blocks": (BlockFacts(beta_is_zero=True),) * 2}),
        ({"depth": 2, "residual": -1.0}, {"blocks": (BlockFacts(residual=True),) * 2}),
        (
            {"depth": 2, "blocks": BLOCKS},
            {
                "blocks": (
                    BlockFacts(),
                    BlockFacts(identity_vo=True),
                )
            },
        ),
        (
            {"depth": 2, "residual": 1.0, "blocks": (Block(beta=0), Block(residual=0))},
            {"blocks": (BlockFacts(True, True), BlockFacts())},
        ),
    ],
    ids=str,
)
def test_theorem_d_is_told_of_every_block(change, fact):
    record = Architecture(**change).record()
    assert record.deep_hypotheses == dataclasses.replace(DeepHypotheses(), **fact)


@pytest.mark.parametrize(
    ("relative", "kind", "angles"),
    [
        (None, "none", ()),
        (ALiBi(0.25), "bias", ()),
        (DistanceBias((0.0, 1.0), (2.0,)), "bias", ()),
        (RandomBias(), "bias", ()),
        (Rotary(2, 100.0), "rotary", (1.0, 0.1)),
    ],
    ids=str,
)
def test_theorem_d_is_told_of_relative_positions(relative, kind, angles):
    facts = Architecture(relative=relative).record().deep_hypotheses
    assert (facts.relative, facts.angles) == (kind, pytest.approx(angles))


@pytest.mark.parametrize(
    "relative",
    [
        RelativeRecord("mine"),
        RelativeRecord("rotary"),
        RelativeRecord("rotary", (("frequencies", 0), ("base", 10.0))),
        RelativeRecord("rotary", (("frequencies", 2), ("base", -10.0))),
        RelativeRecord("alibi", (("slopes", 1.0),)),
        RelativeRecord("distance-bias", (("near", 1.0),)),
    ],
    ids=str,
)
def test_of_other_relative_positions_nothing_is_known(relative):
    assert (relative.kind, relative.angles) == ("unknown", ())


def test_theorem_d_is_told_of_tokens_unless_they_are_independent():
    facts = Architecture(tokens=PAIR).record().deep_hypotheses
    assert facts.tokens == PAIR
    plain = TokenGram(("X", "Y"), ((1, 0), (0, 1)))
    assert Architecture(tokens=plain).record().deep_hypotheses == (
        Architecture().record().deep_hypotheses
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gram": [[1.0]]}, "gram has 1 entries; expected 2"),
        ({"cross": [1.0, 1.0]}, "the smallest eigenvalue -"),
        ({"common": None}, "common is null; expected a number"),
    ],
)
def test_a_file_has_inner_products_or_is_refused(change, message):
    document = json.loads(
        to_json(toy_result(architecture=ARCHITECTURES["tokens"].record()))
    )
    document["architecture"]["tokens"] |= change
    with pytest.raises(InputError, match=rf"^architecture\.tokens.*{message}"):
        parse_result(json.dumps(document))


def test_an_identity_in_one_block_is_an_identity():
    blocks = (Block(), Block(identity_kq=0.5))
    assert Architecture(depth=2, blocks=blocks).record().has_identity
    undone = (Block(identity_vo=0.0),)
    assert not Architecture(identity_vo=1.0, blocks=undone).record().has_identity


def test_what_a_file_does_not_tell_is_not_taken_for_granted():
    """The name of one's own activation does not say that it is not constant."""
    read = read_back(CUBE.record())
    assert read == CUBE.record()
    assert read.activation.kind is None
    with pytest.raises(InputError, match=r"^activation is 'cube', of which it is not"):
        _ = read.hypotheses
    with pytest.raises(InputError, match=r"^activation is 'cube', of which it is not"):
        _ = read.deep_hypotheses


@pytest.mark.parametrize(
    "activation",
    [
        ActivationRecord("cos"),
        ActivationRecord("relu", (("nodes", 128),)),
        ActivationRecord("tanh"),
    ],
    ids=str,
)
def test_a_known_name_with_other_parameters_tells_nothing(activation):
    assert activation.kind is None
