"""The kernel of sampled strings is N's where no symbol is shared, and only there."""

import numpy as np
import pytest
from symbind_testing.tasks import ABA_ABB

from numerics import Architecture, template_gram
from proofs_check.evidence.training_kernels import training_kernel
from symbind_theory import TemplateTask

TASK = TemplateTask(ABA_ABB, [1, -1])
BLOCKS = template_gram(ABA_ABB, Architecture(), rel_tol=0.1)


def drawn(vocabulary, seed=0):
    tokens = [f"v{i}" for i in range(vocabulary)]
    return training_kernel(TASK, Architecture(), tokens, 24, seed, points=2**10)


def test_with_two_symbols_every_pair_shares_one():
    found = drawn(2)
    assert found.shares.all()
    assert found.share == 1.0
    assert found.distance(BLOCKS) > 0.01


def test_with_many_symbols_the_kernel_is_the_blocks():
    """2 of 10⁶ tokens in each of 24 strings: two share one with probability 1e-3."""
    found = drawn(10**6)
    assert found.share == found.distance(BLOCKS) == 0
    assert np.abs(found.deviation(BLOCKS)[found.pairs]).max() < 0.1


def test_templates_do_not_depend_on_the_vocabulary():
    few, many, other = drawn(4), drawn(100), drawn(4, seed=1)
    assert np.array_equal(few.template, many.template)
    assert not np.array_equal(few.template, other.template)


def test_sharing_is_symmetric_and_falls_with_diversity():
    few, many = drawn(4), drawn(64)
    assert np.array_equal(few.shares, few.shares.T)
    assert few.share > many.share > 0
    assert few.distance(BLOCKS) > many.distance(BLOCKS)
    assert few.pairs.sum() == 24 * 23
    assert many.share == pytest.approx(many.shares[many.pairs].mean())
