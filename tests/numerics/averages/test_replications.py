"""Replications: the same bits wherever they run, and nothing left behind."""

import subprocess
import sys

import pytest
import torch
from joblib import parallel_config
from symbind_testing.builders.grams import one_layer_estimate

from numerics import Architecture, string_gram
from numerics.averages.replications import map_replications

CPU = torch.device("cpu")
MANY = 2**40


def estimate(seed=0):
    """One of each kind; the last readout has both kinds of rows."""
    gram = one_layer_estimate(
        ["?a X ?a", "?a ?b X", "X ?a ?b"],
        Architecture(readout="last", identity_kq=0.7, identity_vo=0.3),
        max_points=2**11,
        rel_tol=1e-9,
        seed=seed,
    )
    mean = one_layer_estimate(
        ["?a ?a", "?a ?b"], Architecture(readout="mean"), max_points=2**9, seed=seed
    )
    strings = string_gram(["u v w", "u u x", "v u w"], points=2**12, seed=seed)
    return [
        gram.attention,
        gram.halfwidth["gaps"],
        mean.attention_self,
        *mean.features,
        strings.attention,
        strings.halfwidth["matrix"],
    ]


@pytest.fixture(scope="module")
def alone():
    with parallel_config(backend="sequential"):
        return estimate()


def assert_equal_bits(first, second):
    assert len(first) == len(second)
    for x, y in zip(first, second, strict=True):
        assert (x == y).all()


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_threads_change_no_bit(alone, jobs):
    with parallel_config(backend="threading", n_jobs=jobs):
        assert_equal_bits(estimate(), alone)


def test_other_seeds_change_the_bits(alone):
    for x, y in zip(estimate(seed=1), alone, strict=True):
        assert (x != y).any()


def test_the_process_own_threads_change_no_bit(alone):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        assert_equal_bits(estimate(), alone)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_processes_change_no_bit(alone):
    with parallel_config(backend="loky", n_jobs=2):
        assert_equal_bits(estimate(), alone)


@pytest.mark.slow
def test_a_dask_cluster_changes_no_bit(alone):
    distributed = pytest.importorskip(
        "distributed", reason="needs the optional extra symbind[cluster]"
    )
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert len({w["pid"] for w in client.run(_process).values()}) == 2
        with parallel_config(backend="dask"):
            assert_equal_bits(estimate(), alone)


def _process():
    import os

    return {"pid": os.getpid()}


def test_each_replication_has_one_thread():
    before = torch.get_num_threads()
    found = map_replications(lambda _: torch.get_num_threads(), range(8), CPU, MANY)
    assert list(found) == [1] * 8
    assert torch.get_num_threads() == before


def test_results_come_in_order_and_an_error_comes_through():
    def one(item):
        if item == 3:
            raise ValueError("three")
        return item

    found = map_replications(one, range(8), CPU, MANY)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(found)


_FAILS = """
import torch
from numerics.averages.replications import map_replications

def one(item):
    x = torch.randn(300, 300)
    for _ in range(30):
        x = x @ x
    if item == 1:
        raise SystemExit(7)

list(map_replications(one, range(16), torch.device("cpu"), 2**40))
"""

_WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in __MISSING__:
            raise ModuleNotFoundError(f"no module named {name}", name=name)

sys.meta_path.insert(0, Missing())
import numerics
gram = numerics.template_gram(["?a X", "?a ?b"], max_points=2**10, seed=5)
strings = numerics.string_gram(["u v", "u u"], points=256)
print(gram.matrix.tobytes().hex(), strings.matrix.tobytes().hex())
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_process_that_fails_in_a_thread_ends_in_order():
    """torch aborts a process that exits while one of its threads computes."""
    for _ in range(3):
        found = run(_FAILS)
        assert (found.returncode, found.stderr) == (7, "")


@pytest.mark.slow
def test_the_numeric_path_needs_four_packages_only():
    """numpy, scipy, sympy and torch: everything else that is installed is hidden."""
    hidden = {
        "beartype",
        "dask",
        "distributed",
        "hypothesis",
        "jaxtyping",
        "joblib",
        "matplotlib",
        "pydantic",
        "pytest",
        "rich",
        "sklearn",
        "tomli_w",
    }
    plain, without = (
        run(_WITHOUT.replace("__MISSING__", repr(missing)))
        for missing in (set[str](), hidden)
    )
    assert without.stderr == ""
    assert without.stdout == plain.stdout
    assert len(plain.stdout) > 50
    assert "no module named" in run(_WITHOUT.replace("__MISSING__", "{'scipy'}")).stderr
