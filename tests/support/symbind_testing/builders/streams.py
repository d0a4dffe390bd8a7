"""Streams of deep transformers, and how their averages are taken, for tests."""

import numpy as np
import torch

from numerics.deep.across_strings import Values, attend_across
from numerics.deep.averaging import Averaging, Sizes
from numerics.deep.own_rules import own_rule
from numerics.deep.position_rows import PositionRows
from numerics.deep.row_averages import rows_of
from numerics.deep.shared_directions import logit_directions
from numerics.deep.stream import Stream
from symbind_theory.separation.incidence import incidence_of
from symbind_theory.templates import read_templates

CPU = torch.device("cpu")


def incidences(templates, readout="cls"):
    """Templates as the network sees them."""
    return [incidence_of(t, readout) for t in read_templates(templates)]


def random_stream(templates, keys, seed=0, excess=1.0):
    """A root and an excess of full rank, of order 1."""
    generator = np.random.default_rng(seed)
    sites = templates * keys
    root = generator.standard_normal((sites, templates, keys)) / np.sqrt(sites)
    half = generator.standard_normal((templates, keys, keys)) / np.sqrt(keys)
    return Stream(root, excess * half @ half.transpose(0, 2, 1))


def averaging(shared=256, seed=0, method="rqmc"):
    """Points of the first block of the first run."""
    return Averaging(Sizes.of(shared), seed, method, CPU)


def every_row(keys, causal=False, relative=None):
    """Rows of all queries."""
    return PositionRows.of(keys, causal, relative)


def attended(stream, beta, positions, how, identity=0.0):
    """A(C) of a stream, and what comes with it."""
    rows = rows_of(stream, beta, identity, positions)
    directions = logit_directions(stream.root, beta, positions)
    rule = own_rule(directions.shape[-1] - 1, rows.deviation, how)
    return attend_across(Values((stream,)), directions, rows, rule, how)
