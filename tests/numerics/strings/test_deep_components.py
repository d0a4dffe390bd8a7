"""Components of shared tokens in a deep transformer: what they add up to."""

from functools import cache
from itertools import combinations
from math import factorial

import numpy as np
import pytest
from symbind_testing.refusals import refusal

from numerics import Architecture, template_gram
from numerics.positions import ALiBi
from numerics.store.value_cache import ValueCache
from numerics.strings import deep_components as module
from numerics.strings.deep_components import (
    LEAST_POINTS,
    DeepSettings,
    deep_component_gram,
    fits,
)
from symbind_theory import Template

PAIR = (Template("?1 ?2"), Template("?1 ?1"))


def settings(cache=None, **parameters):
    architecture = Architecture(
        **{"residual": 1.0, "normalisation": "pre", "readout": "last"} | parameters
    )
    return DeepSettings(architecture, "nngp", LEAST_POINTS, 0, "cpu", ValueCache(cache))


@cache
def components(size):
    return deep_component_gram(PAIR, size, settings())


def own(gram):
    """Each component with itself, and its halfwidth."""
    places = np.arange(len(gram.faces))
    return gram.values[places, places, 0], gram.halfwidth[places, places, 0]


def test_of_size_0_is_the_template_matrix():
    found = components(0)
    templates = [face.template for face in found.faces]
    known = template_gram(templates, settings().architecture, max_points=2**12, seed=1)
    width = np.hypot(found.halfwidth[:, :, 0], known.halfwidth["matrix"])
    assert (np.abs(found.values[:, :, 0] - known.matrix) <= 2 * width).all()


def test_those_of_a_string_add_up_to_what_it_has_of_its_own():
    """K of a string with itself is N and all its components."""
    known = template_gram(PAIR, settings().architecture, max_points=2**12, seed=1)
    for n, pattern in enumerate(PAIR):
        total = error = 0.0
        for size in range(1, len(pattern.wildcards) + 1):
            values, halfwidths = own(components(size))
            faces = [face.template == pattern for face in components(size).faces]
            total += values[faces].sum()
            error += halfwidths[faces].sum()
        error += known.halfwidth["matrix_self"][n] + known.halfwidth["matrix"][n, n]
        assert total == pytest.approx(known.excess[n], abs=error)


@pytest.mark.parametrize("size", [1, 2])
def test_all_faces_and_orders_are_one_gram_matrix(size):
    """Symmetric and positive semi-definite to rounding, not to the runs' error."""
    found = components(size)
    count, orders = len(found.faces), factorial(size)
    matrix = np.empty((count, orders, count, orders))
    for a, b in combinations(range(orders), 2):
        # Two tokens: orders that differ are the second.
        matrix[:, a, :, b] = matrix[:, b, :, a] = found.values[:, :, 1]
    for a in range(orders):
        matrix[:, a, :, a] = found.values[:, :, 0]
    square = matrix.reshape(count * orders, count * orders)
    np.testing.assert_allclose(square, square.T, atol=1e-12)
    assert np.linalg.eigvalsh(square)[0] >= -1e-12 * np.trace(square)


def test_patterns_with_too_few_wildcards_have_no_part():
    assert {face.template for face in components(2).faces} == {PAIR[0]}
    none = deep_component_gram(PAIR, 3, settings())
    assert none.faces == ()
    assert none.values.shape[:2] == (0, 0)


def test_the_order_of_patterns_changes_no_bit():
    other = deep_component_gram(PAIR[::-1], 1, settings())
    assert other.faces == components(1).faces
    assert (other.values == components(1).values).all()


@pytest.mark.slow
def test_kept_values_are_those_of_the_architecture(tmp_path):
    """Slopes of different kinds of positions are not taken for each other."""
    plain, biased, again = (
        deep_component_gram(PAIR[:1], 2, settings(tmp_path, relative=relative))
        for relative in (None, ALiBi(slope=1.0), ALiBi(slope=1.0))
    )
    assert (again.values == biased.values).all()
    assert (plain.values != biased.values).all()


def test_progress_counts_all_runs():
    seen = []
    deep_component_gram(PAIR, 1, settings(), seen.append)
    assert seen == list(range(1, 33))


def test_a_family_that_is_too_large_is_refused_before_it_is_computed(monkeypatch):
    def computed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_estimate", computed)
    pattern = Template([f"?{a}" for a in range(1, 9)])
    deep = settings()
    assert fits([pattern], 1, deep.architecture)
    assert not fits([pattern], 2, deep.architecture)
    said = refusal(lambda: deep_component_gram([pattern], 2, deep))
    assert "share 2 tokens" in said
    assert "shorter strings" in said


@pytest.mark.parametrize(("points", "announced"), [(2**10, False), (2**30, True)])
def test_a_long_estimate_is_announced_before_it_begins(
    points, announced, monkeypatch, caplog
):
    def run(*_, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run_blocks", run)
    deep = DeepSettings(
        settings().architecture, "nngp", points, 0, "cpu", ValueCache(None)
    )
    with pytest.raises(KeyboardInterrupt):
        deep_component_gram(PAIR, 1, deep)
    assert ("a long estimate" in caplog.text) == announced
