"""The experiment "training": rows of results, parts, and reasons for failures."""

import pytest
import torch
from symbind_testing.refusals import refusal

from numerics.sweeps import PointFailed, parse_sweep, run_sweep
from numerics.sweeps.experiments.trained_networks import (
    EXPERIMENT,
    TrainedNetwork,
    train_network,
    trained_network,
)

SMALL = {
    "kind": "transformer",
    "depth": 1,
    "width": 16,
    "heads": 2,
    "head_width": 4,
    "hidden": 16,
}


def point(**changed) -> TrainedNetwork:
    given = {"task": "aba-abb", "n": 8, "held_out": 16, "epochs": 20, "model": SMALL}
    return TrainedNetwork.model_validate({**given, **changed})


def test_a_row_says_what_training_came_to():
    row = train_network(point())
    looks = trained_network(point()).error.looks
    best = min(looks, key=lambda look: look.validation)
    assert row["test_error"] == best.test_error
    assert row["best_epoch"] == best.epoch
    assert row["epochs_run"] == 20
    assert row["mlp_floor"] == 1
    assert row["last_test_error"] == looks[-1].test_error


def test_equal_settings_give_equal_bits():
    assert train_network(point()) == train_network(point())
    assert train_network(point()) != train_network(point(seed=1))


def test_trained_scalars_are_reported():
    model = {**SMALL, "trained_identity": ["kq"]}
    row = train_network(point(model=model, learning_rate=0.01))
    assert row["identity_kq"] != 0
    assert "identity_vo" not in row
    assert "identity_kq" not in train_network(point())


@pytest.mark.parametrize("trained", ["last layer", "linearised"])
def test_parts_learn_the_training_strings(trained):
    model = {**SMALL, "gain": 1.0}
    changed = {"trained": trained, "learning_rate": 0.05, "epochs": 100}
    row = train_network(point(model=model, **changed))
    assert isinstance(row["train_loss"], float)
    assert row["train_loss"] < 0.8


def test_labels_that_are_tokens_are_learnt():
    row = train_network(point(task="copy", learning_rate=0.01, epochs=40))
    assert isinstance(row["test_error"], float)
    assert 0 <= row["test_error"] <= 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"model": {"kind": "mlp"}, "learning_rate": 1e6, "optimiser": "sgd"},
            "the loss is not finite",
        ),
        ({"model": {"kind": "mlp"}, "trained": "last layer"}, "a readout of its own"),
        ({"task": "copy", "trained": "linearised"}, "a readout of its own"),
        ({"model": {"kind": "mlp"}, "unseen": "freeze"}, "expected 'train'"),
    ],
)
def test_what_cannot_be_trained_has_a_reason(changed, reason):
    with pytest.raises(PointFailed, match=reason):
        train_network(point(**changed))


def test_costs_follow_strings_and_epochs():
    cost = EXPERIMENT.operations(point(n=100))
    assert EXPERIMENT.operations(point(n=200)) > 1.5 * cost
    assert EXPERIMENT.operations(point(n=100, epochs=40)) == 2 * cost


def test_sweep_files_name_presets_and_lay_out_points():
    sweep = parse_sweep(
        'name = "x"\nexperiment = "training"\n[base]\ntask = "aba-abb"\n'
        '[grid]\nn = [4, 8]\nmodel = ["plain", "MLP, relations"]\n'
    )
    assert [p.record["model"]["name"] for p in sweep.points] == [
        "plain",
        "MLP, relations",
    ] * 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_an_accelerator_that_is_not_there_is_said_at_once(tmp_path):
    """Before the store is made, in one line: not a failure of every point."""
    text = (
        'name = "x"\nexperiment = "training"\n[base]\ntask = "aba-abb"\n'
        'device = "cuda"\n[grid]\nn = [4, 8]\nmodel = ["plain"]\n'
    )
    store = tmp_path / "x.sqlite"
    line = refusal(lambda: run_sweep(parse_sweep(text), store, jobs=1))
    assert line.startswith("device is 'cuda', but torch sees no CUDA device")
    assert not store.exists()
