"""Training: falls, is a function of its seed, and goes on as if never stopped."""

import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from symbind_testing.language_models import small_gpt2

from numerics.gpt2 import add_identity_scalars, freeze_all_but_scalars
from numerics.gpt2 import pretraining as module
from numerics.gpt2.pretraining import (
    Diverged,
    PretrainingRecipe,
    steps_of,
    train_model,
)

ROOT = Path(__file__).parents[3]
RECIPE = PretrainingRecipe(epochs=3, batch=4, learning_rate=1e-2)


def _tokens(blocks=18, seed=0):
    """Strings that repeat their first half: a model can learn the second."""
    generator = torch.Generator().manual_seed(seed)
    half = torch.randint(1, 8, (blocks, 6), generator=generator)
    return torch.cat([half, half], dim=1)


def _model(**settings):
    return add_identity_scalars(small_gpt2(scale=1.0, **settings))


def _parameters(model):
    return [p.detach().clone() for p in model.parameters()]


def test_loss_falls(tmp_path):
    """Eight tokens of fifty occur: their frequencies are learned in a few steps."""
    trained = train_model(_model(), _tokens(), RECIPE, tmp_path / "c", "run")
    assert trained.steps == steps_of(18, RECIPE) == 15
    assert len(trained.losses) == 3
    assert trained.losses[0] > trained.losses[1] > trained.losses[2]
    assert trained.losses[2] < math.log(50) - 1


@pytest.mark.parametrize("stop", [1, 4, 5, 14])
def test_stopped_training_goes_on_to_the_same_bits(tmp_path, stop, monkeypatch):
    """Order and dropout follow from seed and step, not from what ran before."""
    monkeypatch.setattr(module, "_CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(module, "_CHECKPOINT_SHARE", math.inf)
    whole = _model(attn_pdrop=0.1)
    expected = train_model(whole, _tokens(), RECIPE, tmp_path / "a", "run")

    def interrupted(done, total):
        assert total == 15
        # The checkpoint of this step is not written yet.
        if done == stop + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_model(
            _model(attn_pdrop=0.1),
            _tokens(),
            RECIPE,
            tmp_path / "b",
            "run",
            interrupted,
        )
    again, steps = _model(seed=1, attn_pdrop=0.1), []
    trained = train_model(
        again,
        _tokens(),
        RECIPE,
        tmp_path / "b",
        "run",
        lambda done, total: steps.append(done),
    )
    assert steps == list(range(stop + 1, 16))
    assert trained == expected
    assert all(map(torch.equal, _parameters(whole), _parameters(again)))


def test_seed_decides_order_and_dropout(tmp_path):
    """Equal seeds give equal bits; another seed gives another model."""
    models = []
    for i, seed in enumerate([0, 0, 1]):
        model = _model(resid_pdrop=0.1)
        recipe = PretrainingRecipe(batch=4, seed=seed)
        train_model(model, _tokens(), recipe, tmp_path / str(i), "run")
        models.append(_parameters(model))
    assert all(map(torch.equal, models[0], models[1]))
    assert not all(map(torch.equal, models[0], models[2]))


def test_own_generator_of_torch_is_left_alone(tmp_path):
    """Who trains among other work finds its random numbers as they were."""
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    model = _model(resid_pdrop=0.1)
    train_model(model, _tokens(), PretrainingRecipe(batch=9), tmp_path / "c", "run")
    assert torch.equal(torch.rand(3), expected)


def test_frozen_parameters_stay(tmp_path):
    """With the scalars alone to train, nothing else moves."""
    model = _model()
    freeze_all_but_scalars(model)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    train_model(model, _tokens(), RECIPE, tmp_path / "c", "run")
    for name, parameter in model.named_parameters():
        moved = not torch.equal(before[name], parameter)
        assert moved is (".identity_" in name)


def test_rates_rise_and_fall():
    """Linear over the warm-up, then a cosine to a tenth; scalars have their factor."""
    recipe = PretrainingRecipe(warmup=0.2)
    shares = [module._share_of_rate(step, 100, recipe) for step in range(100)]
    assert shares[0] == pytest.approx(1 / 21)
    assert shares[20] == 1.0
    assert all(a < b for a, b in itertools.pairwise(shares[:21]))
    assert all(a > b for a, b in itertools.pairwise(shares[20:]))
    assert shares[60] == pytest.approx(0.55)
    assert shares[99] == pytest.approx(0.1, abs=1e-3)
    recipe = PretrainingRecipe(learning_rate=2e-3, scalar_rate=5.0)
    groups = module._optimiser(_model(), recipe).param_groups
    assert [group["highest"] for group in groups] == [2e-3, 2e-3, 1e-2]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0, 0.0]


def test_noise_is_another_at_each_step():
    """Dropout of one step says nothing of another's, nor of another seed's."""
    drawn = []
    for seed, step in ((0, 0), (0, 1), (1, 0), (0, 0)):
        with module._noise(torch.device("cpu"), seed, step):
            drawn.append(torch.rand(4).tolist())
    assert drawn[0] == drawn[3]
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]


def test_gradient_that_is_not_finite_ends_training(tmp_path):
    """Before its step is taken: no parameter becomes a NaN that is kept."""
    model = _model()
    model.transformer.wte.weight.register_hook(lambda grad: grad * math.inf)
    before = _parameters(model)
    with pytest.raises(Diverged, match="the norm of the gradient is"):
        train_model(model, _tokens(), RECIPE, tmp_path / "c", "run")
    assert all(map(torch.equal, before, _parameters(model)))


def test_loss_that_is_not_finite_ends_training(tmp_path):
    """It is said, and no checkpoint is written over a good one."""
    model = _model()
    with torch.no_grad():
        model.transformer.wte.weight.fill_(math.nan)
    with pytest.raises(Diverged, match="the loss is nan"):
        train_model(model, _tokens(), RECIPE, tmp_path / "c", "run")
    assert not (tmp_path / "c").exists()


def test_low_precision_trains_too(tmp_path):
    """Products in bfloat16, parameters in float32: near to the usual losses.

    bfloat16 keeps 8 bits: losses of 3 agree to some hundredths.
    """
    recipe = PretrainingRecipe(batch=6, bfloat16=True)
    model = _model()
    low = train_model(model, _tokens(), recipe, tmp_path / "a", "run").losses[0]
    usual = PretrainingRecipe(batch=6)
    high = train_model(_model(), _tokens(), usual, tmp_path / "b", "run").losses[0]
    assert next(model.parameters()).dtype == torch.float32
    assert low == pytest.approx(high, abs=0.05)


# Forked from a process that has loaded everything, so that kills fall on work.
KILLS = """
import json, os, random, signal, sys, time
from pathlib import Path
import torch
sys.path.insert(0, str(Path(sys.argv[2]) / "tests" / "numerics" / "gpt2"))
import test_pretraining as test
from numerics.gpt2 import pretraining
pretraining._CHECKPOINT_SECONDS, pretraining._CHECKPOINT_SHARE = 0.0, float("inf")
torch.set_num_threads(1)
folder, draw = Path(sys.argv[1]), random.Random(3)
kills = 0
while not (folder / "losses").exists():
    child = os.fork()
    if child == 0:
        test.train_to_the_end(folder)
        os._exit(0)
    time.sleep(draw.uniform(0.0, 0.2))
    if kills < 30:
        os.kill(child, signal.SIGKILL)
        kills += 1
    os.waitpid(child, 0)
print(kills)
"""


def train_to_the_end(folder: Path) -> None:
    """A run that writes its losses and weights once it is over."""
    model = _model(resid_pdrop=0.1)
    recipe = PretrainingRecipe(epochs=40, batch=2)
    trained = train_model(model, _tokens(), recipe, folder / "c", "run")
    torch.save(_parameters(model), folder / "weights")
    (folder / "losses.partial").write_text(repr(trained.losses))
    os.replace(folder / "losses.partial", folder / "losses")


@pytest.mark.slow
def test_killed_training_goes_on_to_the_same_bits(tmp_path):
    """Thirty kills at random moments, some within the writing of a checkpoint."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for folder in (killed, whole):
        folder.mkdir()
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(killed), str(ROOT)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 10
    train_to_the_end(whole)
    assert (killed / "losses").read_text() == (whole / "losses").read_text()
    pairs = zip(
        torch.load(killed / "weights"), torch.load(whole / "weights"), strict=True
    )
    assert all(torch.equal(a, b) for a, b in pairs)
