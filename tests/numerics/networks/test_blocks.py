"""Blocks against their formulas written out, and against torch's own layers."""

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from symbind_testing.builders.generators import generator
from symbind_testing.refusals import refusal
from torch.nn import functional

from numerics import GELU, Cosine, ReLU
from numerics.networks.blocks import (
    BlockShape,
    FeedForward,
    Norm,
    SelfAttention,
)
from numerics.networks.drawn_parameters import Form, InitialDraws
from symbind_theory.records.architecture import BlockNumbers

SHAPE = BlockShape(width=6, heads=3, head_width=4, hidden=10)
ALL, LAST = slice(None), slice(-1, None)
# Of products of a dozen numbers of order 1 in float64.
ROUNDING: dict[str, Any] = {"rtol": 0, "atol": 1e-13}


def drawn(form: Form, gain: float = 1.3, seed: int = 0) -> InitialDraws:
    return InitialDraws(generator(seed), torch.float64, form, gain)


def attention(
    form: Form,
    a: float = 0.0,
    b: float = 0.0,
    *,
    shape: BlockShape = SHAPE,
    causal: bool = False,
    beta: float = 1.7,
    gain: float = 1.3,
) -> SelfAttention:
    """Scalars that differ from head to head, where they are not 0."""
    numbers = BlockNumbers(beta, a, b, residual=0.0)
    one = SelfAttention(shape, numbers, drawn(form, gain), causal=causal)
    for scalars in (one.identity_kq, one.identity_vo):
        if scalars is not None:
            scalars *= torch.linspace(0.5, 2, len(scalars), dtype=torch.float64)
    return one


def normal(*sizes: int, seed: int = 7) -> torch.Tensor:
    return torch.randn(*sizes, generator=generator(seed), dtype=torch.float64)


def softmax(row: np.ndarray) -> np.ndarray:
    powers = np.exp(row - row.max())
    return powers / powers.sum()


def written_out(
    one: SelfAttention, x: torch.Tensor, form: Form
) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the weights by the docstring, head by head and row by row.

    In the theory's form a matrix is a parameter over the root of its fan-in.
    """
    d, e, heads = one.shape.width, one.shape.head_width, one.shape.heads
    theory = form == "theory"
    packed = (one.query, one.key, one.value, one.output)
    W_K, W_Q, W_V, W_O = (m.detach().numpy().T for m in packed)
    if theory:
        W_K, W_Q, W_V = W_K / d**0.5, W_Q / d**0.5, W_V / d**0.5
        W_O = W_O / (heads * e) ** 0.5
    a = np.zeros(heads) if one.identity_kq is None else one.identity_kq.numpy()
    b = np.zeros(heads) if one.identity_vo is None else one.identity_vo.numpy()
    rows = np.zeros(x.shape)
    weights = np.zeros((len(x), heads, x.shape[1], x.shape[1]))
    for n, u in enumerate(x.numpy()):
        for h in range(heads):
            s = slice(h * e, (h + 1) * e)
            same = u @ u.T / d if theory else u @ u.T
            M = u @ W_K[:, s] @ W_Q[:, s].T @ u.T / e**0.5 + a[h] * same
            shared = b[h] / heads if theory else b[h]
            mapped = u @ (W_V[:, s] @ W_O[s] + shared * np.eye(d))
            for q in range(len(u)):
                seen = q + 1 if one.causal else len(u)
                weights[n, h, q, :seen] = softmax(one.beta * M[q, :seen])
                rows[n, q] += weights[n, h, q] @ mapped
    return rows, weights


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("a", "b"), [*product([0.0, -0.6], [0.0, 0.8])])
@pytest.mark.parametrize("form", ["theory", "paper"])
def test_attention_is_the_formula(form, a, b, causal):
    """Both forms; with and without a, b and a mask; all rows, some, and the last."""
    one, x = attention(form, a, b, causal=causal), normal(2, 5, 6)
    rows, weights = written_out(one, x, form)
    with torch.no_grad():
        for wanted in (ALL, LAST, slice(1, 3)):
            for value, expected in (
                (one(x, wanted), rows[:, wanted]),
                (one.weights(x, wanted), weights[:, :, wanted]),
            ):
                torch.testing.assert_close(
                    value, torch.from_numpy(expected), **ROUNDING
                )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("form", ["theory", "paper"])
def test_the_fused_path_is_that_of_the_weights(form, causal):
    """b decides which path is taken: with b = 0 both give the same rows."""
    x = normal(3, 4, 6)
    one = attention(form, 0.4, causal=causal)
    other = attention(form, 0.4, 1.0, causal=causal)
    assert one.identity_vo is None
    assert other.identity_vo is not None
    other.identity_vo.zero_()
    for rows in (ALL, LAST):
        torch.testing.assert_close(one(x, rows), other(x, rows), **ROUNDING)


@pytest.mark.parametrize("trained", [(), ("kq",), ("vo",), ("kq", "vo")])
def test_scalars_are_parameters_where_they_are_trained(trained):
    """What training leaves alone is no parameter: every parameter has a gradient."""
    numbers = BlockNumbers(beta=1.0, identity_kq=0.5, identity_vo=0.25, residual=0.0)
    still = BlockNumbers(beta=1.0, identity_kq=0.0, identity_vo=0.0, residual=0.0)
    one = SelfAttention(SHAPE, numbers, drawn("paper"), trained)
    none = SelfAttention(SHAPE, still, drawn("paper"), trained)
    names = {name for name, _ in one.named_parameters()}
    scalars = {f"identity_{name}" for name in trained}
    assert names - {"query", "key", "value", "output"} == scalars
    for name, value in (("kq", 0.5), ("vo", 0.25)):
        each, zero = (getattr(n, f"identity_{name}") for n in (one, none))
        assert each.tolist() == [value] * 3
        assert (zero is None) == (name not in trained)
        assert zero is None or zero.tolist() == [0.0] * 3
    one(normal(2, 5, 6), ALL).square().sum().backward()
    assert all(p.grad is not None for p in one.parameters())


def test_attention_is_that_of_torch():
    """Where heads × head width = width, and torch's heads have no biases."""
    shape = BlockShape(width=8, heads=2, head_width=4, hidden=1)
    one = attention("paper", shape=shape, beta=1.0)
    other = torch.nn.MultiheadAttention(
        8, 2, bias=False, batch_first=True, dtype=torch.float64
    )
    copy_attention(one, other)
    x = normal(3, 5, 8)
    with torch.no_grad():
        expected, weights = other(x, x, x, average_attn_weights=False)
        torch.testing.assert_close(one(x, ALL), expected, **ROUNDING)
        torch.testing.assert_close(one.weights(x, ALL), weights, **ROUNDING)


def copy_attention(one: SelfAttention, other: torch.nn.MultiheadAttention) -> None:
    packed = torch.cat([one.query, one.key, one.value])
    with torch.no_grad():
        assert other.in_proj_weight is not None
        other.in_proj_weight.copy_(packed)
        other.out_proj.weight.copy_(one.output)


def test_a_pre_norm_block_is_that_of_torch():
    """x + attention(norm(x)), then + MLP(norm), with scales, shifts and biases."""
    shape = BlockShape(width=8, heads=2, head_width=4, hidden=10)
    draws = drawn("paper")
    one = attention("paper", shape=shape, beta=1.0)
    mlp = FeedForward(shape, GELU(), draws)
    norms = [Norm(8, draws) for _ in range(2)]
    other = torch.nn.TransformerEncoderLayer(
        8,
        2,
        10,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
        dtype=torch.float64,
    )
    copy_attention(one, other.self_attn)
    pairs: list[tuple[torch.Tensor | None, torch.Tensor]] = [
        (mlp.inner, other.linear1.weight),
        (mlp.inner_bias, other.linear1.bias),
        (mlp.outer, other.linear2.weight),
        (mlp.outer_bias, other.linear2.bias),
        (norms[0].scale, other.norm1.weight),
        (norms[0].shift, other.norm1.bias),
        (norms[1].scale, other.norm2.weight),
        (norms[1].shift, other.norm2.bias),
    ]
    with torch.no_grad():
        for index, (parameter, theirs) in enumerate(pairs):
            assert parameter is not None
            if parameter.ndim == 1:
                parameter.copy_(normal(len(parameter), seed=index))
            theirs.copy_(parameter)
        x = normal(3, 5, 8)
        y = x + one(norms[0](x), ALL)
        y = y + mlp(norms[1](y))
        torch.testing.assert_close(y, other(x), **ROUNDING)


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("form", ["theory", "paper"])
def test_norms_are_their_formulas(form, scale):
    """The paper's takes off the mean; torch adds 1e-5, or a rounding, below the root.

    Without `scale`, or in the theory's form, there is nothing to train.
    """
    x = 3 + 2 * normal(4, 6)
    if form == "paper":
        centred = x - x.mean(1, keepdim=True)
        expected = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
    else:
        expected = x / x.square().mean(1, keepdim=True).sqrt()
    norm = Norm(6, drawn(form), scale=scale)
    torch.testing.assert_close(norm(x).detach(), expected, **ROUNDING)
    trained = {"scale", "shift"} if scale and form == "paper" else set()
    assert {name for name, _ in norm.named_parameters()} == trained


def test_a_scale_multiplies_and_a_shift_is_added():
    norm = Norm(6, drawn("paper"))
    plain = Norm(6, drawn("paper"), scale=False)
    x, scale, shift = normal(4, 6), normal(6, seed=1), normal(6, seed=2)
    with torch.no_grad():
        assert norm.scale is not None
        assert norm.shift is not None
        norm.scale.copy_(scale)
        norm.shift.copy_(shift)
        torch.testing.assert_close(norm(x), scale * plain(x) + shift, **ROUNDING)


def test_the_mlp_is_its_formula():
    """W_B φ(W_A x); matrices over the root of their fan-in in the theory's form."""
    x = normal(4, 6)
    mlp = FeedForward(SHAPE, Cosine(b1=0.7, b2=0.2), drawn("theory"))
    units = torch.cos(0.7 * x @ mlp.inner.T / math.sqrt(6) + 0.2)
    torch.testing.assert_close(mlp(x), units @ mlp.outer.T / math.sqrt(10), **ROUNDING)
    assert mlp.inner_bias is None
    assert mlp.outer_bias is None


def test_the_mlp_of_the_paper_has_biases():
    x, mlp = normal(4, 6), FeedForward(SHAPE, ReLU(), drawn("paper"))
    inner, outer = mlp.inner_bias, mlp.outer_bias
    assert inner is not None
    assert outer is not None
    assert not inner.any()
    assert not outer.any()
    with torch.no_grad():
        inner.copy_(normal(10, seed=3))
        outer.copy_(normal(6, seed=4))
    units = torch.relu(x @ mlp.inner.T + inner)
    torch.testing.assert_close(mlp(x), units @ mlp.outer.T + outer, **ROUNDING)


@pytest.mark.parametrize("form", ["theory", "paper"])
def test_entries_have_variance_over_the_fan_in(form):
    """Mean squares within five standard errors √(2/n): false alarms 4e-6 in all."""
    shape = BlockShape(width=60, heads=5, head_width=8, hidden=90)
    one = attention(form, shape=shape, gain=0.3)
    mlp = FeedForward(shape, ReLU(), drawn(form, gain=0.3))
    for matrix, fan_in, fan_out in (
        (one.query, 60, 40),
        (one.key, 60, 40),
        (one.value, 60, 40),
        (one.output, 40, 60),
        (mlp.inner, 60, 90),
        (mlp.outer, 90, 60),
    ):
        assert matrix.shape == (fan_out, fan_in)
        variance = 1.0 if form == "theory" else 0.09 / fan_in
        ratio = float(matrix.detach().square().mean()) / variance
        assert abs(ratio - 1) < 5 * math.sqrt(2 / matrix.numel())


def test_a_step_of_adam_moves_a_logit_by_its_rate_times_d():
    """From a = 0 in the paper's form: by η β ⟨x̂_q, x̂_p⟩, against the gradient's sign.

    ⟨x̂, x̂⟩ = d for a position with itself. For equal tokens at two positions it is d
    times the token's share 1/(1 + γ²) of the stream, up to 5 standard deviations √d.
    """
    d, gamma, beta, rate = 128, 0.5, 1.7, 1e-3
    shape = BlockShape(width=d, heads=4, head_width=8, hidden=1)
    numbers = BlockNumbers(beta, identity_kq=0.0, identity_vo=0.0, residual=0.0)
    one = SelfAttention(shape, numbers, drawn("paper"), ["kq"])
    token, positions = normal(d), normal(3, d, seed=8)
    other = normal(d, seed=9)
    stream = torch.stack([token, token, other]) + gamma * positions
    x = functional.layer_norm(stream, (d,))[None]
    before = one.weights(x, ALL).detach()
    optimiser = torch.optim.Adam(one.parameters(), lr=rate)
    (one(x, ALL) * normal(3, d, seed=10)).sum().backward()
    a = one.identity_kq
    assert a is not None
    assert a.grad is not None
    sign = -torch.sign(a.grad)
    with torch.no_grad():
        for name, parameter in one.named_parameters():
            if name != "identity_kq":
                parameter.grad = None
        optimiser.step()
        after = one.weights(x, ALL)
    # Logits up to what is the same for all keys, as softmax sees them.
    moved = torch.log(after) - torch.log(before)
    same = x[0] @ x[0].T
    for q, p, left in product(range(3), repeat=3):
        expected = sign * beta * rate * (same[q, p] - same[q, left])
        found = moved[0, :, q, p] - moved[0, :, q, left]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-8)
    share = 1 / (1 + gamma**2)
    assert abs(float(same[0, 0]) / d - 1) < 1e-4
    assert abs(float(same[0, 1]) - share * d) < 5 * math.sqrt(d)
    assert abs(float(same[0, 2])) < 5 * math.sqrt(d)


@pytest.mark.parametrize("name", ["width", "heads", "head_width", "hidden"])
def test_a_size_below_one_is_refused(name):
    sizes: dict[str, Any] = {name: 0}
    assert refusal(lambda: BlockShape(**sizes)).startswith(f"{name} is 0;")
