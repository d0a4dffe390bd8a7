"""Grids: what is read and refused, and estimates that share their features."""

from dataclasses import replace

import numpy as np
import pytest
from symbind_testing.tasks import SAME_DIFFERENT

from numerics import Architecture, Cosine, Erf, ReLU, template_gram
from numerics.learning.grid import (
    DEFAULT_VALUES,
    Grid,
    Precision,
    estimated,
    read_grid,
    read_precision,
)
from numerics.template_matrix.one_layer import one_layer_gram
from symbind_theory import InputError

ROUGH = Precision(rel_tol=1e-6, max_points=256)


def test_combinations_have_the_activation_last():
    grid = read_grid({"activation": ["relu", Erf()], "beta": [1, 2]}, Architecture())
    found = [(a.beta, a.activation.name) for a in grid.architectures]
    assert found == [(1, "relu"), (1, "erf"), (2, "relu"), (2, "erf")]


def test_single_changes_leave_the_base_alone():
    base = Architecture(gamma=3.0)
    grid = read_grid({"beta": [1, 2], "readout": ["cls", "mean"]}, base)
    assert grid.changes == (
        ("beta", replace(base, beta=2.0)),
        ("readout", replace(base, readout="mean")),
    )


def test_the_default_grid_holds_the_default_architecture():
    grid = read_grid(DEFAULT_VALUES, Architecture())
    assert Architecture() in grid.architectures
    assert len(grid.architectures) == 768


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({}, r"^over is {}; expected lists of values by parameter"),
        ("beta", r"^over is 'beta'; expected lists"),
        ({"depth": [1, 2]}, r"^over has 'depth'; expected parameters among"),
        ({"beta": 2.0}, r"^over\['beta'\] is 2.0; expected a list of values"),
        ({"readout": "cls"}, r"^over\['readout'\] is 'cls'; expected a list of"),
        ({"beta": []}, r"^over\['beta'\] is \[\]; expected a list of values"),
        ({"beta": [1, 1.0]}, r"^over\['beta'\] has 1.0 twice; expected each value"),
        ({"beta": [-1]}, r"^beta is -1; expected"),
        ({"activation": ["tanh"]}, r"^over\['activation'\] has 'tanh'; expected"),
        (
            {"beta": list(range(1, 102)), "gamma": list(range(1, 102))},
            r"^over makes 10201 architectures; expected at most 10000",
        ),
    ],
)
def test_what_is_no_grid_is_refused(over, message):
    with pytest.raises(InputError, match=message):
        read_grid(over, Architecture())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rel_tol": 2.0}, r"^rel_tol is 2.0; expected a number in \(0, 1\]"),
        ({"max_points": 8}, r"^max_points is 8; expected"),
        ({"level": 1.0}, r"^level is 1"),
        ({"seed": -1}, r"^seed is -1; expected"),
        ({"device": "tpu"}, r"^device is 'tpu'; expected"),
    ],
)
def test_a_precision_out_of_range_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        Precision(**given)


def test_a_precision_is_a_record():
    assert read_precision(None, ROUGH) is ROUGH
    with pytest.raises(InputError, match=r"^precision is 0.1; expected a Precision"):
        read_precision(0.1, ROUGH)


def test_shared_features_give_what_each_architecture_gives_alone(monkeypatch):
    """To the bit; and features are drawn once for each β."""
    grid = Grid(
        Architecture(),
        {
            "beta": (1.0, 2.0),
            "identity_vo": (0.0, 1.5),
            "activation": (Cosine(), ReLU()),
        },
    )
    drawn = []

    def counted(*arguments):
        drawn.append(arguments[1])
        return one_layer_gram(*arguments)

    monkeypatch.setattr("numerics.learning.grid.one_layer_gram", counted)
    found = list(estimated(SAME_DIFFERENT.templates, grid.architectures, ROUGH))
    assert [architecture for architecture, _ in found] == list(grid.architectures)
    for architecture, gram in found:
        alone = template_gram(
            SAME_DIFFERENT.templates, architecture, rel_tol=1e-6, max_points=256
        )
        assert gram.architecture == architecture
        np.testing.assert_array_equal(gram.matrix, alone.matrix)
        assert gram.smallest_eigenvalue == alone.smallest_eigenvalue
    assert len(drawn) == 2


def test_an_activation_that_needs_more_points_gets_them():
    precision = Precision(rel_tol=0.02, max_points=2**13)
    architectures = [Architecture(activation=a) for a in (Cosine(), ReLU())]
    for _, gram in estimated(SAME_DIFFERENT.templates, architectures, precision):
        assert gram.smallest_eigenvalue.relative_halfwidth <= 0.02
