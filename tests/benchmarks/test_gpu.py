"""The accelerator benchmark: what it writes, and what it says where there is none."""

import json

import pytest
import torch

from benchmarks import gpu
from numerics import Architecture, string_gram, template_gram
from numerics.sweeps.experiments.trained_networks import (
    TrainedNetwork,
    after_training,
)
from symbind_theory.separation.incidence import READOUTS

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch sees no CUDA device on this machine"
)


@pytest.mark.slow
def test_the_script_on_the_processor(tmp_path, capsys, monkeypatch):
    """Of the networks to train the smallest alone: sizes change no line of it."""
    small = min(gpu.CASES, key=lambda case: case.batch * case.length * case.shape.width)
    monkeypatch.setattr(gpu, "CASES", [small])
    arguments = ["--device", "cpu", "--points", "64", "--strings", "96"]
    arguments += ["--steps", "1"]
    assert gpu.main([*arguments, "--out", str(tmp_path)]) == 0
    assert "of the GEMM rate" in capsys.readouterr().out
    (path,) = tmp_path.glob("cpu-*.json")
    document = json.loads(path.read_text())
    assert len(document["rates"]) == 6
    assert all(rate["share"] > 0 for rate in document["rates"])
    assert len(document["agreement"]) == 18
    assert all(rate["mixed_per_second"] > 0 for rate in document["training"])
    for found in document["agreement"]:
        assert found["difference"] <= found["stated"]
        if found["precision"] == "float64":
            assert found["difference"] == 0
        else:
            assert found["difference"] > 1e-9


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_without_a_device_nothing_is_measured(tmp_path, capsys):
    assert gpu.main(["--out", str(tmp_path)]) == 2
    assert "no CUDA device; nothing was measured" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_cuda_agrees_with_the_processor(readout, precision):
    """At the same points, to within the errors that the records state."""
    for found in gpu.agree(readout, "cuda", precision, 2**10):
        assert found.difference <= found.stated


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("readout", READOUTS)
def test_cuda_agrees_with_the_processor_in_depth(readout):
    for found in gpu.agree_in_depth(readout, "cuda", 2**10):
        assert found.difference <= found.stated


@pytest.mark.gpu
@needs_cuda
def test_cuda_repeats_itself():
    """Equal seeds, equal bits."""
    architecture = Architecture(readout="mean", identity_kq=0.5)
    grams = [
        template_gram(["?a ?a", "?a ?b"], architecture, max_points=256, device="cuda")
        for _ in range(2)
    ]
    assert (grams[0].matrix == grams[1].matrix).all()
    strings = [string_gram(["u v", "u u"], points=256, device="cuda") for _ in range(2)]
    assert (strings[0].matrix == strings[1].matrix).all()


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("mixed", [False, True])
def test_networks_learn_on_cuda_as_on_the_processor(mixed):
    """The same strings and weights: sums in another order, or rounded to bfloat16.

    The first losses differ by rounding alone, 2⁻²⁴ and 2⁻⁸ of terms of order 1, summed
    over some hundred products; later ones part as training amplifies it.
    """
    point = {
        "task": "aba-abb",
        "n": 64,
        "held_out": 64,
        "epochs": 60,
        "model": {"kind": "transformer", "trained_identity": ["kq"]},
    }
    here = after_training(TrainedNetwork.model_validate(point)).error
    there = after_training(
        TrainedNetwork.model_validate({**point, "device": "cuda", "mixed": mixed})
    ).error
    rounding = 0.1 if mixed else 1e-3
    assert abs(here.looks[0].test - there.looks[0].test) < rounding
    assert there.last.train_loss < 0.5
