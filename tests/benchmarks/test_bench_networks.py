"""The benchmark of training compares networks of one shape."""

import torch

from benchmarks.bench_networks import CASES, Case, Reference, compared
from numerics.networks.blocks import BlockShape
from numerics.networks.deep_transformer import PAPER, DeepTransformer

SMALL = Case(2, 4, BlockShape(width=8, heads=2, head_width=4, hidden=16))


def matrices(network: torch.nn.Module) -> int:
    """How many numbers its matrices have, embeddings and positions included."""
    return sum(p.numel() for p in network.parameters() if p.ndim > 1)


def test_both_networks_have_the_same_matrices():
    for case in (SMALL, *CASES):
        ours = DeepTransformer(512, case.length, PAPER, case.shape)
        theirs = matrices(Reference(case, PAPER))
        # The readout is a vector here and a matrix of one row there.
        assert matrices(ours) + case.shape.width == theirs


def test_a_ratio_is_a_time_over_a_time():
    assert compared(SMALL) > 0
