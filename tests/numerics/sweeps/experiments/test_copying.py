"""The experiment "copying": narrow networks with b copy, wide ones without do not."""

import pytest
from pydantic import ValidationError

from numerics.architecture import Architecture
from numerics.networks.copying_data import copying_strings
from numerics.networks.copying_network import CopyingShape, trained_copying
from numerics.sweeps.experiments.copying import (
    EXPERIMENT,
    CopyingPoint,
    copying_error,
)
from symbind_theory import builtin_task


def test_the_error_is_the_share_that_is_not_copied():
    settings = CopyingPoint(n=8, width=16, heads=2, head_width=4, seed=3)
    trained = trained_copying(
        copying_strings(builtin_task("copy"), 8),
        Architecture(gamma=0.0),
        CopyingShape(16, 2, 4),
        networks=1,
        seed=3,
        identity_vo=False,
    )
    row = copying_error(settings)
    assert row["test_error"] == 1 - trained.accuracies[0]
    assert row["train_error"] == 0
    assert row["steps"] == trained.steps[0]


@pytest.mark.parametrize("seed", range(5))
def test_b_repairs_copying_in_wide_networks(seed):
    """0 with b; without it more than half are wrong, as n/(n + d) is near 0."""
    without, repaired = (
        copying_error(CopyingPoint(n=16, width=1024, identity_vo=b, seed=seed))
        for b in (False, True)
    )
    assert isinstance(without["test_error"], float)
    assert without["test_error"] > 0.5
    assert repaired["test_error"] == 0


@pytest.mark.parametrize("task", ["aba-abb", "copi"])
def test_tasks_that_copy_nothing_are_refused(task):
    with pytest.raises(ValidationError):
        CopyingPoint(task=task, width=8)


def test_costs_grow_with_the_width():
    narrow, wide = (CopyingPoint(width=w) for w in (64, 128))
    assert EXPERIMENT.operations(wide) == 2 * EXPERIMENT.operations(narrow)
