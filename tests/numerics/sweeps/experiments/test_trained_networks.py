"""The experiment "training": rows of results, parts, and reasons for failures."""

import math

import pytest
import torch
from symbind_testing.refusals import refusal
from symbind_testing.sweeps import command

from numerics.sweeps import PointFailed, parse_sweep, run_sweep
from numerics.sweeps.experiments.trained_networks import (
    EXPERIMENT,
    TrainedNetwork,
    after_training,
    training_row,
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
    row = training_row(point())
    looks = after_training(point()).error.looks
    best = min(looks, key=lambda look: look.validation)
    assert row["test_error"] == best.test_error
    assert row["best_epoch"] == best.epoch
    assert row["epochs_run"] == 20
    assert row["mlp_floor"] == 1
    assert row["last_test_error"] == looks[-1].test_error


def test_equal_settings_give_equal_bits():
    assert training_row(point()) == training_row(point())
    assert training_row(point()) != training_row(point(seed=1))


def test_trained_scalars_are_reported():
    model = {**SMALL, "trained_identity": ["kq"]}
    row = training_row(point(model=model, learning_rate=0.01))
    assert row["identity_kq"] != 0
    assert "identity_vo" not in row
    assert "identity_kq" not in training_row(point())


@pytest.mark.parametrize("trained", ["last layer", "linearised"])
def test_parts_learn_the_training_strings(trained):
    """Labels are ±1, so that 0 for all strings has the loss 1, and 0 for half of it ½.

    The eight strings are one batch: the first loss is that of the start.
    """
    model = {**SMALL, "gain": 1.0}
    changed = {"trained": trained, "learning_rate": 0.05, "epochs": 100}
    looks = after_training(point(model=model, look_every=1, **changed)).error.looks
    assert looks[-1].train_loss < 0.5 < looks[1].train_loss


def test_labels_that_are_tokens_are_learnt():
    """Who guesses among 16 symbols has 7 or more of 16 right once in 25000 times.

    On the training strings even odds for all tokens have the cross-entropy log V.
    """
    model = {**SMALL, "trained_identity": ["vo"]}
    changed = {"model": model, "learning_rate": 0.01, "epochs": 40}
    after = after_training(point(task="copy", **changed))
    assert len(after.data.test.candidates) == 16
    assert after.error.best.test_error <= 9 / 16
    assert after.error.last.train_loss < math.log(after.data.vocabulary)


def test_training_that_diverges_has_a_reason():
    mlp = {"kind": "mlp"}
    with pytest.raises(PointFailed, match="the loss is not finite"):
        training_row(point(model=mlp, learning_rate=1e6, optimiser="sgd"))


IMPOSSIBLE = {
    "MLP, tokens": (
        'model = "MLP"\ntask = "copy"',
        "model is of kind 'mlp', without outputs for labels that are tokens",
    ),
    "MLP, last layer": (
        'model = "MLP"\ntrained = "last layer"',
        "trained is 'last layer' for a model of kind 'mlp'",
    ),
    "tokens, linearised": (
        'task = "copy"\ntrained = "linearised"',
        "trained is 'linearised' for labels that are tokens",
    ),
    "MLP, freeze": (
        'model = "MLP"\nunseen = "freeze"',
        "unseen is 'freeze' with kind = 'mlp', where no embedding is trained",
    ),
    "last layer, reset": (
        'trained = "last layer"\nunseen = "reset"',
        "unseen is 'reset' with trained = 'last layer', where no embedding is trained",
    ),
    "noisy tokens": ('task = "copy"\nnoise = 0.5', "noise is 0.5; expected 0"),
    "few symbols": (
        "vocabulary = 1",
        "vocabulary is 1 for templates of up to 2 wildcards; expected at least 2",
    ),
}


@pytest.mark.parametrize("experiment", ["training", "heads"])
@pytest.mark.parametrize(("lines", "reason"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_cannot_be_trained_is_refused_when_it_is_read(
    tmp_path, capsys, experiment, lines, reason
):
    """In one line with the file and the point, before anything is measured."""
    base = {"task": 'task = "aba-abb"', "model": 'model = "plain"'}
    base |= {line.split(" ")[0]: line for line in lines.split("\n")}
    path = tmp_path / "x.toml"
    path.write_text(
        f'name = "x"\nexperiment = "{experiment}"\n[grid]\nn = [4, 8]\n[base]\n'
        + "\n".join(base.values())
    )
    assert command("run", str(path), "--store", str(tmp_path / "x.sqlite")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sweeps: the sweep file '{path}': the point {{")
    assert f" is refused: {reason}" in line
    assert not (tmp_path / "x.sqlite").exists()


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
    assert line == (
        "device is 'cuda', but torch sees no CUDA device; expected device = 'cpu' in "
        "the sweep file, or a machine that has one"
    )
    assert not store.exists()


@pytest.mark.parametrize("trained", ["last layer", "linearised"])
def test_scalars_that_are_not_trained_are_not_reported(trained):
    """The network beside a trained part stays at its start, where a is 0."""
    model = {**SMALL, "trained_identity": ["kq"]}
    row = training_row(point(trained=trained, model=model, epochs=1))
    assert "identity_kq" not in row


def test_a_start_that_is_not_finite_is_not_the_learning_rates_fault():
    model = {**SMALL, "gain": 1e18}
    with pytest.raises(PointFailed, match="not finite before training; lower the gain"):
        training_row(point(model={**model, "residual": 1e18}, noise=1e18))
