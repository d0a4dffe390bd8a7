"""Strings through all blocks: their kernel, their bias, and what they find out."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import t as student
from symbind_testing.tasks import AA_AB

from numerics import GELU, Architecture, Cosine, Erf, ReLU, template_gram
from numerics.architecture import Block
from numerics.positions import ALiBi, RandomBias, Rotary
from proofs_check.evidence import deep_strings
from proofs_check.evidence.deep_strings import deep_estimates, logits_of
from proofs_check.evidence.string_estimates import (
    Sampling,
    entries_agree,
    gaps_agree,
)
from proofs_check.judgements import TEST_LEVEL
from proofs_check.seeds import seed_words
from symbind_theory.outcome import Outcome
from symbind_theory.templates import read_templates

PAIR = read_templates(AA_AB)
LEVEL = 1 - (1 - TEST_LEVEL) / 12
SMALL = Sampling(points=2**10, replications=24, string_points=2**9, copies=4)

ARCHITECTURES = {
    "pre": Architecture(depth=2, residual=1.0, normalisation="pre"),
    "post, last": Architecture(
        readout="last", activation=ReLU(), depth=2, residual=0.7, normalisation="post"
    ),
    "a and b, pre, mean": Architecture(
        readout="mean",
        activation=GELU(),
        identity_kq=0.8,
        identity_vo=0.6,
        depth=2,
        residual=0.5,
        normalisation="pre",
    ),
    "causal, final": Architecture(
        readout="last",
        activation=Erf(),
        depth=2,
        residual=0.5,
        causal=True,
        final_normalisation=True,
    ),
    "blocks that differ": Architecture(
        2.0,
        readout="last",
        activation=ReLU(),
        depth=3,
        blocks=(Block(residual=0.5), Block(beta=0.0, identity_vo=0.5), Block()),
    ),
    "rotary": Architecture(
        2.0, readout="last", depth=2, relative=Rotary(frequencies=1)
    ),
    "random bias, causal": Architecture(
        readout="last", depth=2, residual=0.5, causal=True, relative=RandomBias()
    ),
    "ALiBi": Architecture(readout="last", depth=2, relative=ALiBi(1.5)),
}


@cache
def by_conditional_expectations(name):
    return template_gram(
        PAIR,
        ARCHITECTURES[name],
        max_points=SMALL.points,
        device="cpu",
        level=LEVEL,
    )


def by_strings(architecture, sampling=SMALL, seed=1):
    seeds = seed_words(sampling.replications, seed, 2)
    return deep_estimates(PAIR, architecture, sampling, seeds)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_strings_have_the_kernel_of_conditional_expectations(name):
    gram, strings = by_conditional_expectations(name), by_strings(ARCHITECTURES[name])
    for agree in (entries_agree, gaps_agree):
        found = agree(gram, strings, SMALL)
        assert found.outcome is Outcome.HOLDS, str(found)


@pytest.mark.parametrize("readout", ["cls", "last"])
def test_one_block_alone_is_one_layer(readout):
    """Its C and N are those of the algorithm for one layer."""
    architecture = Architecture(readout=readout, activation=ReLU())
    gram = template_gram(PAIR, architecture, device="cpu", level=LEVEL)
    found = entries_agree(gram, by_strings(architecture), SMALL)
    assert found.outcome is Outcome.HOLDS, str(found)


OTHERS = {
    "pre": [{"beta": 2.0}, {"residual": 0.9}, {"activation": ReLU()}],
    "post, last": [{"gamma": 1.3}, {"normalisation": "pre"}, {"depth": 3}],
    "a and b, pre, mean": [{"identity_kq": 0.0}, {"identity_vo": 0.3}],
    "causal, final": [{"causal": False}, {"final_normalisation": False}],
    "rotary": [{"relative": None}],
    "random bias, causal": [{"relative": None}],
    "ALiBi": [{"relative": None}],
}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param(name, change, id=f"{name}, {next(iter(change))}")
        for name, changes in OTHERS.items()
        for change in changes
    ],
)
def test_another_architecture_is_found_out(name, change):
    """All that an architecture has is seen by the comparison of entries."""
    other = by_strings(replace(ARCHITECTURES[name], **change))
    found = entries_agree(by_conditional_expectations(name), other, SMALL)
    assert found.outcome is Outcome.REFUTED, str(found)


def test_logits_drawn_for_each_string_alone_are_found_out(monkeypatch):
    """Strings share logits through tokens and positions; without, N_ij is smaller."""
    einsum = np.einsum

    def alone(subscripts, *operands):
        found = einsum(subscripts, *operands)
        if subscripts == "iqjr,ipjs->iqpjrs":
            n = len(found)
            found = found * np.eye(n)[:, None, None, :, None, None]
        return found

    name = "pre"
    monkeypatch.setattr(deep_strings.np, "einsum", alone)
    found = entries_agree(
        by_conditional_expectations(name), by_strings(ARCHITECTURES[name]), SMALL
    )
    assert found.outcome is Outcome.REFUTED, str(found)


def test_a_bias_of_one_over_points_is_taken_off(monkeypatch):
    """All of it, whatever its size, and as much is allowed for."""

    def biased(run, strings):
        kernel = np.eye(len(strings)) * (3.0 + 8.0 / run.points)
        return kernel, kernel

    monkeypatch.setattr(deep_strings._Run, "kernels", biased)
    found = by_strings(ARCHITECTURES["pre"], Sampling(64, 2, 64, 2))
    assert found.values["matrix_self"] == pytest.approx(np.full((2, 2), 3.0))
    assert found.bias["matrix_self"] == pytest.approx(np.full(2, 8.0 / 64))
    assert found.bias["matrix"] == pytest.approx(np.zeros((2, 2)))


@pytest.mark.slow
def test_runs_of_few_points_have_the_mean_of_runs_of_many():
    """32 points and three blocks: 400 runs see no bias beyond what is allowed for.

    Twelve comparisons at 1e-6 each.
    """
    architecture = Architecture(
        3.0,
        readout="last",
        activation=Cosine(2.0, 0.3),
        depth=3,
        residual=0.5,
        normalisation="pre",
    )
    runs, far = 400, float(student.ppf(1 - 5e-7, 399))
    few = by_strings(architecture, Sampling(64, runs, 32, 2))
    gram = template_gram(PAIR, architecture, max_points=2**12, device="cpu", level=0.99)
    for name, values in few.values.items():
        error = values.std(0, ddof=1) / runs**0.5
        off = np.abs(values.mean(0) - getattr(gram, name))
        allowed = far * error + few.bias[name] + 2 * gram.halfwidth[name]
        assert (off <= allowed + 1e-12).all()


def test_draws_of_sizes_and_seeds_are_independent():
    one, again = by_strings(ARCHITECTURES["pre"]), by_strings(ARCHITECTURES["pre"])
    other = by_strings(ARCHITECTURES["pre"], seed=4)
    assert np.array_equal(one.values["matrix"], again.values["matrix"])
    assert not np.isin(one.values["matrix"], other.values["matrix"]).any()
    assert (one.bias["matrix"] > 0).all()


@pytest.mark.parametrize(("readout", "keys"), [("cls", 3), ("last", 2), ("mean", 2)])
def test_logits_are_counted(readout, keys):
    architecture = Architecture(readout=readout, depth=2)
    assert logits_of(PAIR, architecture, SMALL) == 4 * 2 * keys**2
