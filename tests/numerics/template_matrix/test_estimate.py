"""How the estimate is made: points, tolerance, chunks, devices, refusals."""

import numpy as np
import pytest
import torch
from scipy.special import ndtr
from scipy.stats import f, t
from symbind_testing.tasks import AA_AB, LENGTH_3

from numerics import (
    Architecture,
    CustomActivation,
    template_gram,
)
from symbind_theory import InputError, Template


def test_quasi_random_points_need_a_fraction_of_the_plain_ones():
    """1e-3 of λ_min: 16 384 points or fewer, where mc at 65 536 is far from it."""
    fast = template_gram(AA_AB)
    slow = template_gram(AA_AB, method="mc")
    assert fast.points <= 2**14
    assert fast.smallest_eigenvalue.relative_halfwidth <= 1e-3
    assert slow.points == 2**16
    assert slow.smallest_eigenvalue.relative_halfwidth > 3e-3


def test_the_error_of_a_users_quadrature_is_in_halfwidths():
    """A jump: K_self = P(√d g > 0.7), known exactly."""
    jump = CustomActivation(lambda t: (t > 0.7).astype(float))
    gram = template_gram(AA_AB, Architecture(activation=jump), max_points=256)
    exact = ndtr(-0.7 / np.sqrt(gram.attention_self))
    off = np.abs(gram.matrix_self - exact)
    assert off.max() > 1e-4
    assert (off <= gram.halfwidth["matrix_self"]).all()


def test_more_points_narrow_the_interval_and_stop_early():
    wide, narrow = (
        template_gram(AA_AB, max_points=size, method="mc") for size in (2**10, 2**14)
    )
    # The root of 16 times the points, and the quantiles for one look and for five. The
    # ratio of two variances on 16 groups is F(15, 15): false alarms at 1e-6 a side.
    looks = t.ppf(1 - 0.001 / 2, 15) / t.ppf(1 - 0.001 / 10, 15)
    room = f.ppf(1 - 1e-6, 15, 15) ** 0.5
    ratio = wide.smallest_eigenvalue.halfwidth / narrow.smallest_eigenvalue.halfwidth
    assert 4 * looks / room < ratio < 4 * looks * room
    early = template_gram(AA_AB, rel_tol=0.01, max_points=2**14)
    assert early.points <= 2**12
    assert early.smallest_eigenvalue.relative_halfwidth <= 0.01


@pytest.mark.parametrize("method", ["rqmc", "mc"])
def test_points_are_nested_whatever_the_number_of_looks(method):
    """A run stopped early saw the first points of the longer run."""
    early = template_gram(AA_AB, rel_tol=0.5, max_points=2**13, method=method)
    single = template_gram(AA_AB, max_points=early.points, method=method)
    np.testing.assert_allclose(early.attention, single.attention, rtol=1e-12)


@pytest.mark.parametrize("method", ["rqmc", "mc"])
def test_a_cut_in_chunks_changes_nothing(monkeypatch, method):
    whole = template_gram(AA_AB, max_points=1024, method=method)
    monkeypatch.setattr(
        "numerics.template_matrix.point_groups.chunk_numbers", lambda _: 5_000
    )
    cut = template_gram(AA_AB, max_points=1024, method=method)
    np.testing.assert_allclose(cut.gaps, whole.gaps, rtol=1e-10)
    np.testing.assert_allclose(cut.attention, whole.attention, rtol=1e-13)


def test_records_say_how_they_were_made():
    gram = template_gram(AA_AB, max_points=100, seed=7, device="cpu")
    assert (gram.points, gram.seed, gram.method, gram.device) == (64, 7, "rqmc", "cpu")
    plain = template_gram(AA_AB, max_points=100, method="mc")
    assert (plain.points, plain.method) == (96, "mc")
    assert gram.templates == (Template("?a ?a"), Template("?a ?b"))
    for name in ("attention", "attention_self", "gaps", "matrix", "matrix_self"):
        assert getattr(gram, name).dtype == np.float64
        assert getattr(gram, name).shape == gram.halfwidth[name].shape


def test_progress_counts_up_to_the_total():
    seen = []
    template_gram(
        AA_AB,
        rel_tol=1e-9,
        max_points=2**13,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (2**13, 2**13)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"templates": []}, "templates is empty"),
        ({"templates": ["?a", "?a ?b"]}, r"templates have lengths \[1, 2\]"),
        ({"templates": ["?a " * 257]}, "templates have 257 tokens; expected at most"),
        ({"rel_tol": 0.0}, "rel_tol is 0.0; expected"),
        ({"max_points": 63}, "max_points is 63; expected"),
        ({"seed": -1}, "seed is -1; expected"),
        ({"method": "magic"}, "method is 'magic'; expected one of rqmc, mc"),
        ({"device": "tpu"}, "device is 'tpu'; expected one of auto, cpu, cuda"),
        ({"level": 1.0}, r"level is 1.0; expected"),
        ({"precision": "half"}, "precision is 'half'; expected one of float64, fl"),
        (
            {"architecture": Architecture(depth=2), "precision": "float32"},
            "precision is 'float32' with depth 2; expected 'float64'",
        ),
        ({"architecture": Architecture(gamma=1e3)}, "beta.* expected at most 150"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_bad_arguments_are_named(change, message):
    arguments = {"templates": AA_AB, "max_points": 64, **change}
    with pytest.raises(InputError, match=f"^{message}"):
        template_gram(**arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_is_refused_where_there_is_none():
    with pytest.raises(InputError, match="torch sees no CUDA device"):
        template_gram(AA_AB, device="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu():
    cpu = template_gram(LENGTH_3, max_points=2**12, device="cpu")
    gpu = template_gram(LENGTH_3, max_points=2**12, device="cuda")
    np.testing.assert_allclose(gpu.gaps, cpu.gaps, rtol=1e-9, atol=1e-15)
    assert gpu.smallest_eigenvalue.value == pytest.approx(
        cpu.smallest_eigenvalue.value, rel=1e-5
    )


@pytest.mark.slow
def test_long_templates_with_many_wildcards():
    """128 templates of length 32 and 16 wildcards each: bounded memory, all finite."""
    rng = np.random.default_rng(32)
    templates = [
        " ".join(f"?{c}" for c in rng.permutation(np.repeat(np.arange(16), 2)))
        for _ in range(128)
    ]
    gram = template_gram(templates, max_points=64)
    assert np.isfinite(gram.matrix).all()
    assert gram.smallest_eigenvalue.value > 0
    assert (gram.gaps[~np.eye(128, dtype=bool)] > 0).all()
