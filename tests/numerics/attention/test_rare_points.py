"""What the architecture and the templates say of rare points before any is drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics import Architecture
from numerics.attention.rare_points import inflation_of, shared_variances
from symbind_theory import Template
from symbind_theory.separation.incidence import READOUTS, incidence_of

SETS = [
    ["?a ?a", "?a ?b"],
    ["X ?a ?a", "?a X ?b", "?a ?b X"],
    ["?a X X", "?a ?b X"],
    ["?a ?a ?b ?b", "?a ?b ?a ?b"],
]


def seen(templates, readout):
    return [incidence_of(Template(t).canonical(), readout) for t in templates]


def shared_variance(template, query, key, beta, gamma):
    """v = β² ρ_q (ρ_q + ρ_i − 2·1[x_i = x_q is regular]), ρ_j = γ² + 1[x_j regular].

    From the covariance κ(q, q') κ(i, j) of logits, of what all strings have alone.
    """
    tokens = template.skeleton
    rho = [gamma**2 + (token is not None) for token in tokens]
    equal = tokens[key] is not None and tokens[key] == tokens[query]
    return beta**2 * rho[query] * (rho[query] + rho[key] - 2 * equal)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("templates", SETS, ids=str)
def test_coordinates_add_up_to_the_shared_variance(templates, readout):
    beta, gamma = 1.3, 0.7
    incidences = seen(templates, readout)
    found = shared_variances(incidences, beta, gamma)
    rows = [
        np.mean(
            [
                shared_variance(template, q, i, beta, gamma)
                for i in range(template.size)
                if i != q
            ]
        )
        for template in incidences
        for q in template.queries
    ]
    assert found.sum() == pytest.approx(np.mean(rows), rel=1e-12)


@settings(max_examples=20)
@given(
    st.sampled_from(SETS),
    st.sampled_from(READOUTS),
    st.floats(0.0, 30.0),
    st.floats(0.0, 4.0),
)
def test_without_the_identity_points_are_plain(templates, readout, beta, gamma):
    """All weights are then 1 and no bit of an estimate changes."""
    found = inflation_of(seen(templates, readout), Architecture(beta, gamma, readout))
    assert found.plain
    assert found.points_needed == 1


@pytest.mark.parametrize(
    ("readout", "identity_kq", "plain"),
    [
        ("last", 1.0, True),
        ("last", 6.0, False),
        ("last", -6.0, False),
        ("mean", 6.0, False),
        ("cls", 1.0, True),
        ("cls", 5.0, False),
        ("cls", -5.0, True),
    ],
)
def test_points_move_where_the_query_takes_the_softmax(readout, identity_kq, plain):
    architecture = Architecture(readout=readout, identity_kq=identity_kq)
    assert inflation_of(seen(SETS[0], readout), architecture).plain == plain


def test_one_key_has_nothing_to_compete_with():
    architecture = Architecture(readout="last", identity_kq=6.0)
    assert inflation_of(seen(["?a"], "last"), architecture).plain
