"""Relative positions: their formulas, and kernels by plain Monte Carlo."""

import numpy as np
import pytest
from symbind_testing.oracles.plain_recursion import (
    LEVEL,
    RUNS,
    assert_agree,
    sampled,
)
from symbind_testing.refusals import refusal
from symbind_testing.tasks import ABA_ABB

from numerics import Architecture, ReLU, template_gram
from numerics.positions import (
    ALiBi,
    DistanceBias,
    RandomBias,
    RelativePositions,
    Rotary,
)

OFFSETS = np.arange(-3.0, 4.0)
KINDS = {
    "alibi": ALiBi(0.8),
    "distance-bias": DistanceBias((0.5, -1.0), (0.3, 2.0)),
    "random-bias": RandomBias(1.2),
    "rotary": Rotary(2, 0.5),
}
EACH = pytest.mark.parametrize("name", KINDS)


@EACH
def test_kinds_keep_the_protocol(name):
    kind = KINDS[name]
    assert isinstance(kind, RelativePositions)
    assert kind.name == name
    assert all(isinstance(value, (int, float)) for _, value in kind.parameters)
    for function in (kind.bias, kind.noise, kind.turn):
        assert function(OFFSETS).shape == OFFSETS.shape
    assert kind.turn(np.zeros(1))[0] == pytest.approx(1.0)


@EACH
def test_only_its_own_rule_does_something(name):
    kind = KINDS[name]
    does = {
        "bias": kind.bias(OFFSETS).any(),
        "noise": kind.noise(OFFSETS).any(),
        "turn": (kind.turn(OFFSETS) != 1).any(),
    }
    rule = {"random-bias": "noise", "rotary": "turn"}.get(name, "bias")
    assert [key for key, value in does.items() if value] == [rule]


def test_alibi_falls_with_the_distance():
    assert ALiBi(0.5).bias(OFFSETS).tolist() == [-1.5, -1, -0.5, 0, -0.5, -1, -1.5]


def test_the_last_distance_stands_for_all_beyond():
    kind = DistanceBias((1.0, 2.0), (3.0,))
    assert kind.bias(OFFSETS).tolist() == [3, 3, 3, 1, 2, 2, 2]
    assert DistanceBias((1.0,)).bias(OFFSETS).tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_random_biases_are_independent():
    assert RandomBias(3.0).noise(OFFSETS).tolist() == [0, 0, 0, 9, 0, 0, 0]


def test_rotary_is_the_trace_of_two_rotations():
    """tr(R_m R_nᵀ) / width of block rotations by m θ and n θ is ρ(m − n)."""
    kind = Rotary(3, 20.0)
    angles = 20.0 ** (-np.arange(3) / 3)

    def rotation(m):
        whole = np.zeros((6, 6))
        for f, angle in enumerate(m * angles):
            block = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
            whole[2 * f : 2 * f + 2, 2 * f : 2 * f + 2] = block
        return whole

    for m in range(-3, 4):
        for n in range(-3, 4):
            truth = np.trace(rotation(m) @ rotation(n).T) / 6
            assert kind.turn(np.array([float(m - n)]))[0] == pytest.approx(truth)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DistanceBias(()), "before is ()"),
        (lambda: DistanceBias((0.0,), [1.0]), "after is [1.0]"),  # pyright: ignore
        (lambda: RandomBias(-1.0), "deviation is -1.0"),
        (lambda: ALiBi(float("nan")), "slope is nan"),
        (lambda: Rotary(0), "frequencies is 0"),
        (lambda: Rotary(base=0.0), "base is 0.0"),
    ],
)
def test_bad_numbers_are_refused(call, message):
    assert refusal(call).startswith(message)


@EACH
def test_one_block_is_that_of_plain_draws(name):
    """αβα and αββ at the last position, with a residual as a second route."""
    assert_agree(
        ABA_ABB,
        Architecture(1.5, 0.8, "last", ReLU(), residual=0.2, relative=KINDS[name]),
    )


@pytest.mark.slow
@EACH
@pytest.mark.parametrize("causal", [False, True])
def test_two_blocks_are_those_of_plain_draws(name, causal):
    """Rows of all positions in the first; with `[CLS]` and a regular token."""
    assert_agree(
        ["?a ?a", "?a ?b", "x ?a"],
        Architecture(
            1.5,
            0.8,
            activation=ReLU(),
            depth=2,
            residual=0.6,
            normalisation="pre",
            causal=causal,
            relative=KINDS[name],
        ),
        points=8192,
    )


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"identity_kq": 0.7, "normalisation": "post"}])
def test_without_relative_positions_too(options):
    assert_agree(
        ABA_ABB,
        Architecture(1.5, 0.8, "last", ReLU(), depth=2, residual=0.5, **options),
        points=8192,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("alibi", ALiBi(-0.8)),
        ("distance-bias", DistanceBias((-1.0, 0.5), (0.3, 2.0))),
        ("random-bias", RandomBias(0.6)),
        ("rotary", Rotary(64, 1e9)),
    ],
)
def test_another_number_is_seen(name, other):
    """Mutant: the same kind with another number disagrees."""
    architecture = Architecture(
        1.5, 0.8, "last", ReLU(), residual=0.2, relative=KINDS[name]
    )
    gram = template_gram(
        ABA_ABB,
        Architecture(1.5, 0.8, "last", ReLU(), residual=0.2, relative=other),
        rel_tol=1e-9,
        max_points=1024,
        level=LEVEL,
    )
    found, _ = sampled(ABA_ABB, architecture, RUNS, 32768)
    off = np.abs(found[0] - gram.matrix) / (8 * found[1] + gram.halfwidth["matrix"])
    assert off.max() > 1
