"""The bound on λ_min(N) by the first attention: kept, attained, found out if wrong."""

from dataclasses import replace
from functools import cache

import pytest
from symbind_testing.tasks import AA_AB

from numerics import GELU, Architecture, Cosine, Erf, ReLU, template_gram
from numerics.architecture import Block
from numerics.positions import ALiBi
from proofs_check.evidence import deep_bound
from proofs_check.evidence.deep_bound import bound_kept
from proofs_check.remedies import more
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome

MORE = more("points", 2**10)
RELU = Architecture(readout="last", activation=ReLU(), depth=2, residual=1.0)
# φ adds next to nothing: the bound is λ_min(N) but for what the embeddings add.
SHARP = Architecture(
    gamma=2.0, activation=Cosine(1e-3, 0.3), residual=1.0, normalisation="pre"
)


@cache
def estimated(architecture):
    return template_gram(
        AA_AB, architecture, max_points=2**10, device="cpu", level=1 - 1e-6
    )


def judged(architecture):
    return bound_kept(estimated(architecture), 2**10, 7, MORE)


KEPT = {
    "none": RELU,
    "pre, cls": replace(RELU, readout="cls", normalisation="pre"),
    "pre, a": replace(RELU, normalisation="pre", identity_kq=1.0, activation=GELU()),
    "post": replace(RELU, normalisation="post"),
    "pre, final": replace(
        RELU, normalisation="pre", final_normalisation=True, activation=Erf()
    ),
    "mean": replace(RELU, readout="mean"),
    "causal": replace(RELU, causal=True),
    "b first": replace(RELU, blocks=(Block(identity_vo=-1.0), Block())),
}


@pytest.mark.parametrize("name", KEPT)
def test_the_bound_is_kept(name):
    (found,) = judged(KEPT[name])
    assert found.outcome is Outcome.HOLDS, str(found)
    assert found.estimate is not None
    assert found.estimate.low > 0
    assert found.false_alarm == pytest.approx(2e-6)


def test_a_bound_that_is_attained_is_kept():
    """X α and α X mirror each other: what embeddings add is not where λ_min is."""
    gram = template_gram(
        ["X ?a", "?a X"], SHARP, max_points=2**13, device="cpu", level=1 - 1e-6
    )
    (found,) = bound_kept(gram, 2**13, 7, MORE)
    assert found.outcome is Outcome.HOLDS, str(found)
    assert found.estimate is not None
    assert found.estimate.contains(1.0)


def test_a_bound_without_the_division_under_pre_is_found_out(monkeypatch):
    """The first attention sees self values of 1 + γ² divided away."""
    right = deep_bound.depth_bound

    def careless(network, first, moments):
        found = right(network, first, moments)
        factor = 1 + network.gamma**2
        return Interval(
            factor * found.value, factor * found.low, factor * found.high, found.level
        )

    monkeypatch.setattr(deep_bound, "depth_bound", careless)
    (found,) = judged(SHARP)
    assert found.outcome is Outcome.REFUTED, str(found)


def test_the_first_attention_at_another_temperature_is_found_out(monkeypatch):
    """Under "pre" β is divided by 1 + γ²; β itself gives a larger C¹."""
    monkeypatch.setattr(deep_bound, "first_temperature", lambda network: 3.0)
    (found,) = judged(SHARP)
    assert found.outcome is Outcome.REFUTED, str(found)


UNSAID = {
    "no residual": Architecture(depth=2),
    "b later": replace(RELU, blocks=(Block(), Block(identity_vo=0.5))),
    "relative": replace(RELU, relative=ALiBi()),
    "causal mean": replace(RELU, readout="mean", causal=True),
    "post mean": replace(RELU, readout="mean", normalisation="post"),
    "final, power unknown": replace(RELU, final_normalisation=True),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", UNSAID)
def test_nothing_is_said_where_the_bound_asks_for_more(name):
    assert judged(UNSAID[name]) == []


def test_a_bound_of_nought_is_reported():
    """β = 0: the first attention does not tell the templates apart."""
    blocks = (Block(beta=0.0), Block())
    (found,) = judged(replace(RELU, readout="cls", blocks=blocks))
    assert found.outcome is None
