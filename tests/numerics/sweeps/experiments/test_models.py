"""Models by their settings: what they are built as, and what they cost."""

import pytest
import torch
from pydantic import TypeAdapter
from symbind_testing.refusals import refusal

from numerics.networks.deep_transformer import PAPER, DeepTransformer
from numerics.networks.embedding_network import EmbeddingNetwork
from numerics.networks.mlp import MLPStack
from numerics.networks.unseen_strings import unseen_symbols
from numerics.sweeps import PointFailed, parse_sweep
from numerics.sweeps.experiments.models import (
    MODEL_PRESETS,
    MLPModel,
    Model,
    TransformerModel,
    build,
    operations_of,
)
from symbind_theory import builtin_task

REGRESSION = unseen_symbols(builtin_task("aba-abb"), 5, 0, held_out=4)
COPYING = unseen_symbols(builtin_task("copy"), 5, 0, held_out=4)
PRESETS = {
    name: TypeAdapter(Model).validate_python({"name": name, **table})
    for name, table in MODEL_PRESETS.items()
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_network_that_reads_the_strings(name):
    network = build(PRESETS[name], REGRESSION, 0)
    assert isinstance(network, EmbeddingNetwork | MLPStack)
    outputs = network.batch_outputs(REGRESSION.train.tokens)
    assert outputs.shape == (1, 5)
    assert outputs.dtype == torch.float32


@pytest.mark.parametrize("name", PRESETS)
def test_equal_seeds_build_equal_networks(name):
    pairs = zip(
        build(PRESETS[name], REGRESSION, 3).parameters(),
        build(PRESETS[name], REGRESSION, 3).parameters(),
        strict=True,
    )
    assert all(torch.equal(one, other) for one, other in pairs)
    other = build(PRESETS[name], REGRESSION, 4)
    first = next(iter(build(PRESETS[name], REGRESSION, 3).parameters()))
    assert not torch.equal(first, next(iter(other.parameters())))


@pytest.mark.parametrize("name", PRESETS)
def test_labels_that_are_tokens_have_a_logit_each_or_a_reason(name):
    if name.startswith("MLP"):
        with pytest.raises(PointFailed, match="expected numbers"):
            build(PRESETS[name], COPYING, 0)
        return
    network = build(PRESETS[name], COPYING, 0)
    assert isinstance(network, EmbeddingNetwork)
    assert network(COPYING.train.tokens).shape == (5, COPYING.vocabulary)


def test_the_plain_transformer_is_the_papers():
    plain = PRESETS["plain"]
    assert isinstance(plain, TransformerModel)
    assert plain.architecture() == PAPER


def test_presets_train_the_scalars_that_they_name():
    for name, trained in (("plain", ""), ("KQ", "kq"), ("VO", "vo"), ("both", "kqvo")):
        network = build(PRESETS[name], REGRESSION, 0)
        assert isinstance(network, DeepTransformer)
        for attention in network.attentions:
            for short in ("kq", "vo"):
                scalars = getattr(attention, f"identity_{short}")
                assert (scalars is not None) == (short in trained)
                assert scalars is None or not scalars.any()


def test_an_mlp_starts_small_beside_the_labels():
    large = build(MLPModel(gain=1.0), REGRESSION, 0)
    small = build(MLPModel(gain=0.2), REGRESSION, 0)
    assert isinstance(large, MLPStack)
    assert isinstance(small, MLPStack)
    torch.testing.assert_close(0.2 * large.readout, small.readout)


def test_costs_grow_with_what_is_multiplied():
    plain = operations_of(TransformerModel(), 3)
    assert operations_of(TransformerModel(depth=4), 3) == 2 * plain
    for name, model in PRESETS.items():
        assert 0 < operations_of(model, 3) < operations_of(model, 6) or "MLP" in name


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ('task = "aba-aba"', "did you mean aba-abb?"),
        ('optimiser = "adams"', "did you mean adam?"),
        ('unseen = "freez"', "did you mean freeze?"),
        ('model = { kind = "transformr" }', "did you mean transformer?"),
        ('model = { kind = "transformer", heds = 4 }', "did you mean heads?"),
        ('model = { kind = "mlp", activation = "rellu" }', "did you mean relu?"),
        ("mixed = true", "expected device = 'cuda' too"),
        ('optimiser = "rprop"\ndecay = 0.1', "which has none; expected 0"),
        (
            'model = { kind = "transformer", mimetic = true, form = "theory" }',
            "mimetic is true in the theory's form; expected false",
        ),
        ('modle = "plain"', "did you mean model?"),
        ('model = "plan"', "did you mean plain?"),
    ],
)
def test_what_is_misspelt_in_a_sweep_file_has_a_suggestion(line, hint):
    given = {"task": 'task = "aba-abb"', "model": 'model = "plain"'}
    given[line.split(" ")[0]] = line
    rest = "\n".join(given.values())
    head = 'name = "x"\nexperiment = "training"\npoints = [{ n = 4 }]\n'
    said = refusal(lambda: parse_sweep(f"{head}[base]\n{rest}"))
    assert said.endswith(hint)
    assert "\n" not in said
