"""The experiment "heads": one path of training, looked at here and there."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from numerics.networks.deep_transformer import DeepTransformer
from numerics.networks.identity_share import head_shares
from numerics.networks.unseen_training import split_error
from numerics.sweeps import PointFailed
from numerics.sweeps.experiments.found_heads import (
    EXPERIMENT,
    FoundHeads,
    _ablations,
    look_at_heads,
)
from numerics.sweeps.experiments.trained_networks import after_training

SMALL = {
    "kind": "transformer",
    "depth": 1,
    "width": 16,
    "heads": 3,
    "head_width": 4,
    "hidden": 16,
}


def point(**changed) -> FoundHeads:
    given = {
        "task": "aba-abb",
        "n": 8,
        "held_out": 16,
        "epochs": 10,
        "ablated": 1,
        "draws": 4,
        "model": SMALL,
    }
    return FoundHeads.model_validate({**given, **changed})


def test_a_row_has_shares_errors_and_similarities():
    row = look_at_heads(point())
    for name in ("keys_share_rms", "values_share_rms", "last_test_error", "train_loss"):
        value = row[name]
        assert isinstance(value, float)
        assert value > 0
    assert row["error_without_keys"] != row["last_test_error"]


def test_trained_scalars_rank_heads_of_their_own():
    row = look_at_heads(point())
    assert "identity_kq" not in row
    model = {**SMALL, "trained_identity": ["kq"]}
    with_a = look_at_heads(point(model=model, learning_rate=0.1))
    mean, size = with_a["identity_kq"], with_a["identity_kq_rms"]
    assert isinstance(mean, float)
    assert isinstance(size, float)
    assert 0 < abs(mean) <= size
    assert with_a["error_without_identity_kq"] != with_a["last_test_error"]


def test_without_training_a_mimetic_start_shows_in_the_keys_alone():
    model = {**SMALL, "width": 16, "head_width": 16, "mimetic": True}
    row = look_at_heads(point(model=model, epochs=1, learning_rate=1e-9))
    keys, values = row["keys_share_rms"], row["values_share_rms"]
    assert isinstance(keys, float)
    assert isinstance(values, float)
    # The cosine of Z + I with I is 1/√2; chance has 1/d.
    assert keys == pytest.approx(16 / 2**0.5, rel=0.1)
    assert values < 4


def test_what_a_head_does_is_gone_without_it():
    """The one head whose keys are the identity is the first by its share, and the
    network without it is the one whose head adds nothing."""
    settings = point(epochs=1, learning_rate=1e-9, ablated=1, draws=2)
    trained = after_training(settings)
    network, test = trained.network, trained.data.test
    assert isinstance(network, DeepTransformer)
    (attention,) = network.attentions
    d, e = network.width, network.shape.head_width
    with torch.no_grad():
        attention.query[e : 2 * e] = torch.eye(d)[:e]
        attention.key[e : 2 * e] = torch.eye(d)[:e]
        shares = head_shares(attention).keys * d
        assert np.abs(shares).argmax() == 1
        assert shares[1] == pytest.approx((d * e) ** 0.5, rel=1e-6)
        found = _ablations(network, test, settings, shares[None], "keys")
        attention.output[:, e : 2 * e] = 0
    assert found["error_without_keys"] == split_error(network, test)[1]


def test_equal_settings_give_equal_rows():
    assert look_at_heads(point()) == look_at_heads(point())


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"model": {"kind": "mlp"}}, "without heads"),
        ({"ablated": 2}, "expected half of them"),
        ({"trained": "linearised"}, "leaves the heads as they start"),
        ({"patience": 5}, "may end training before epochs"),
    ],
)
def test_what_has_no_heads_to_spare_is_refused_when_read(changed, reason):
    with pytest.raises(ValidationError, match=reason):
        point(**changed)


def test_one_token_alone_has_a_reason():
    lines = ["?a ?a ?a -> 1"]
    with pytest.raises(PointFailed, match="too few to be compared: rows has length 1"):
        look_at_heads(point(task=lines, vocabulary=1))


def test_costs_are_those_of_training():
    assert EXPERIMENT.operations(point(epochs=20)) == 2 * EXPERIMENT.operations(point())
