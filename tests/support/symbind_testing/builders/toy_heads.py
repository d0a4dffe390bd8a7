"""A report on heads with numbers made up, for those who read and draw it."""

from symbind_theory.interval import Interval
from symbind_theory.records.heads import (
    PATTERNS,
    BasisScores,
    HeadReport,
    HeadScores,
    NullScore,
    PatternScore,
    ProductScores,
)

LAYERS, HEADS = 3, 2


def product(z, chance=1.0, directions=1.0):
    """A product with one z, an interval of chance of ±2, and nearness z/16."""
    score = NullScore(value=z, z=z, low=-2.0, high=2.0)
    basis = BasisScores(score, score, score, mean_diagonal=z, mean_off_diagonal=0.0)
    return ProductScores(basis, basis, z / 16, directions, z / 2, chance)


def head(layer, index, keys, values, **scalars):
    """A head whose attention grows with its place."""
    place = (layer * HEADS + index) / 10
    patterns = {
        name: PatternScore(Interval(place, place - 0.01, place + 0.01, 0.95), 0.05)
        for name in PATTERNS
    }
    return HeadScores(layer, index, keys, values, patterns, **scalars)


def toy_heads(model="toy", **scalars):
    """Six heads: (1, 0) passes by its keys, (2, 1) by its values, below 0."""
    keys = {(1, 0): product(9.0, 1e-9, 5.0)}
    values = {(2, 1): product(-8.0, 1e-8, 1.0)}
    places = [(layer, index) for layer in range(LAYERS) for index in range(HEADS)]
    heads = tuple(
        head(
            *place,
            keys.get(place, product(place[0] - 1.5)),
            values.get(place, product(0.5)),
            **scalars,
        )
        for place in places
    )
    return HeadReport(
        model=model,
        family="gpt2",
        layers=LAYERS,
        heads_per_layer=HEADS,
        key_heads=HEADS,
        width=32,
        head_width=16,
        vocabulary=50,
        level=0.95,
        draws=39,
        coverage=0.95,
        sequences=16,
        length=20,
        seed=0,
        notes=("A sentence about conventions.",),
        heads=heads,
    )
