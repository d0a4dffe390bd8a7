"""Products in bfloat16, on the CPU: outputs and gradients near those of float32."""

from typing import Any

import pytest
import torch
from symbind_testing.builders.generators import generator

from numerics.networks.blocks import BlockShape
from numerics.networks.deep_transformer import PAPER, DeepTransformer, Initialisation
from numerics.networks.embedding_network import Output
from numerics.networks.mixed_precision import MixedPrecision
from numerics.networks.trained_parts import LastLayer, Linearised

TOKENS = torch.randint(6, (40, 3), generator=generator(1))
SHAPE = BlockShape(width=32, heads=2, head_width=16, hidden=64)
# bfloat16 keeps 8 bits: its rounding is 2⁻⁹ of a number. A hundred roundings in a row
# that all went one way would add up to more than what is allowed here.
BOUND = 0.1


def network(output: Output = "number", **start: Any):
    start = {"gain": 1.0, **start}
    return DeepTransformer(6, 3, PAPER, SHAPE, Initialisation(**start), output)


MODELS = {
    "paper": network,
    "theory": lambda: network(form="theory"),
    "scalars": lambda: network(trained_identity=("kq", "vo")),
    "token": lambda: network("token"),
    "last layer": lambda: LastLayer(network()),
    "linearised": lambda: Linearised(network()),
}


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_float32_and_near(name):
    model = MODELS[name]()
    mixed = MixedPrecision(model)
    exact, rough = (m.batch_outputs(TOKENS).detach() for m in (model, mixed))
    assert rough.dtype == torch.float32
    assert rough.shape == exact.shape
    assert mixed.networks == model.networks == 1
    size = exact.square().mean().sqrt()
    off = (rough - exact).square().mean().sqrt() / size
    assert 0 < off < BOUND


@pytest.mark.parametrize("name", MODELS)
def test_parameters_and_gradients_are_the_models_own(name):
    """In float32; each gradient near the exact one, in its root mean square."""
    model = MODELS[name]()
    mixed = MixedPrecision(model)
    parameters = list(model.parameters())
    again = list(mixed.parameters())
    assert all(p is q for p, q in zip(parameters, again, strict=True))
    exact, rough = (
        torch.autograd.grad(m.batch_outputs(TOKENS).square().mean(), parameters)
        for m in (model, mixed)
    )
    assert all(g.dtype == torch.float32 for g in rough)
    flat, other = (torch.cat([g.flatten() for g in each]) for each in (exact, rough))
    assert float((flat - other).norm() / flat.norm()) < BOUND


def test_products_are_in_bfloat16():
    """The last one too: an output has eight bits."""
    outputs = MixedPrecision(network()).batch_outputs(TOKENS)
    assert torch.equal(outputs.bfloat16().float(), outputs)
