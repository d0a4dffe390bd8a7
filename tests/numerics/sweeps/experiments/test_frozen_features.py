"""The experiment "features": ridge regression on networks as they start."""

import pytest
import torch

from numerics.networks.deep_transformer import DeepTransformer
from numerics.networks.trained_parts import empirical_tangent_kernel
from numerics.networks.unseen_strings import unseen_symbols
from numerics.sweeps import PointFailed
from numerics.sweeps.experiments.frozen_features import (
    EXPERIMENT,
    FrozenFeatures,
    _last_layer,
    frozen_features_error,
)
from numerics.sweeps.experiments.models import build
from symbind_theory import builtin_task

SMALL = {
    "kind": "transformer",
    "form": "theory",
    "depth": 1,
    "width": 16,
    "heads": 2,
    "head_width": 4,
    "hidden": 16,
}


def point(**changed) -> FrozenFeatures:
    given = {"task": "aba-abb", "n": 10, "held_out": 12, "model": SMALL}
    return FrozenFeatures.model_validate({**given, **changed})


@pytest.mark.parametrize("features", ["last layer", "tangent"])
def test_the_error_is_that_of_ridge_regression_written_out(features):
    """By the normal equations in feature space, for the last layer; by the kernel."""
    settings = point(features=features, alpha=0.3, seed=2)
    data = unseen_symbols(builtin_task("aba-abb"), 10, 2, held_out=12)
    network = build(settings.model, data, settings.streams(1)[0])
    assert isinstance(network, DeepTransformer)
    network = network.double()
    y, z = data.train.targets.double(), data.test.targets.double()
    if features == "last layer":
        h, g = (network.encode(s.tokens).detach() / 4 for s in (data.train, data.test))
        weights = torch.linalg.solve(h.T @ h + 0.3 * torch.eye(16).double(), h.T @ y)
        predicted = g @ weights
    else:
        both = torch.cat([data.train.tokens, data.test.tokens])
        kernel = empirical_tangent_kernel(network, both, both)
        inverse = torch.linalg.inv(kernel[:10, :10] + 0.3 * torch.eye(10).double())
        predicted = kernel[10:, :10] @ inverse @ y
    expected = float((predicted - z).square().mean())
    row = frozen_features_error(settings)
    assert row["test_error"] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("form", ["theory", "paper"])
def test_the_last_layer_is_a_part_of_the_tangent_features(form):
    """∇f has the readout's gradient among others: their difference is a Gram matrix."""
    settings = point(model={**SMALL, "form": form})
    data = settings.strings()
    network = build(settings.model, data, settings.streams(1)[0])
    assert isinstance(network, DeepTransformer)
    network = network.double()
    tokens = data.train.tokens
    readout = network.readout
    rows = [
        torch.autograd.grad(network(string[None])[0], readout)[0] for string in tokens
    ]
    part = torch.stack(rows) @ torch.stack(rows).T
    torch.testing.assert_close(_last_layer(network, tokens, tokens), part)


def test_a_large_ridge_predicts_nothing():
    row = frozen_features_error(point(alpha=1e9))
    assert row["test_error"] == pytest.approx(1, abs=1e-6)


def test_what_has_no_features_has_a_reason():
    with pytest.raises(PointFailed, match="expected numbers"):
        frozen_features_error(point(task="copy"))
    with pytest.raises(PointFailed, match="embeds no tokens"):
        frozen_features_error(point(model={"kind": "mlp"}))


def test_gradients_cost_more_than_the_last_layer():
    cheap = EXPERIMENT.operations(point(n=256, features="last layer"))
    assert EXPERIMENT.operations(point(n=256)) > 2 * cheap
