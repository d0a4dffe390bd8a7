"""Kernels and variants for a page: against N, and against checks of their own."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from symbind_testing.refusals import refusal
from symbind_testing.tasks import (
    SAME_DIFFERENT,
    SAME_DIFFERENT_IN_WORDS,
    same_different,
)

from numerics import Architecture, tangent_gram, template_gram
from numerics.page_data import illustrate, sampled_kernel, variants
from numerics.positions import Rotary
from numerics.template_matrix.estimate import gram_of
from symbind_theory import TemplateTask, builtin_task, check

TASK = TemplateTask(["?a ?a X", "?a ?b X", "X Y ?a"], [1, -1, 0.5])
FEW = 1024


def share(one, other, regular):
    return (set(one.split()) & set(other.split())) - set(regular)


def test_strings_without_a_common_symbol_have_the_entry_of_their_templates():
    architecture = Architecture(beta=2.0)
    kernel = sampled_kernel(TASK, architecture, seed=3)
    blocks = template_gram(TASK.templates, architecture, rel_tol=0.01)
    checked = 0
    for i, one in enumerate(kernel.strings):
        t = kernel.template_indices[i]
        assert TASK.templates[t].match(one) is not None
        for j, other in enumerate(kernel.strings):
            if share(one, other, TASK.regular_tokens):
                continue
            u = kernel.template_indices[j]
            room = kernel.halfwidth + blocks.halfwidth["matrix"][t, u]
            assert abs(kernel.matrix[i][j] - blocks.matrix[t, u]) <= room
            checked += 1
    assert checked > 300


DEEP = Architecture(residual=1.0, normalisation="pre", readout="last")


def test_strings_of_a_deep_transformer_without_a_common_symbol():
    kernel = sampled_kernel(SAME_DIFFERENT, DEEP)
    known = template_gram(SAME_DIFFERENT.templates, DEEP, max_points=2**10)
    for i, j in np.ndindex(len(kernel.strings), len(kernel.strings)):
        if not share(kernel.strings[i], kernel.strings[j], ()):
            t, u = kernel.template_indices[i], kernel.template_indices[j]
            room = kernel.halfwidth + known.halfwidth["matrix"][t, u]
            assert abs(kernel.matrix[i][j] - known.matrix[t, u]) <= room
    assert kernel.level == 0.999


def test_a_deep_kernel_draws_from_no_more_templates_than_fit(monkeypatch):
    monkeypatch.setattr(
        "numerics.page_data.fits", lambda templates, *_: len(templates) < 2
    )
    assert set(sampled_kernel(SAME_DIFFERENT, DEEP).template_indices) == {0}


def test_strings_that_share_a_symbol_depart_from_the_block():
    """So that the picture shows both."""
    kernel = sampled_kernel(builtin_task("counting"), Architecture())
    inside = np.array(kernel.matrix)[36:, 36:]
    off = inside[~np.eye(len(inside), dtype=bool)]
    assert (off > np.median(off) + 5 * kernel.halfwidth).any()


def test_the_sample_repeats_by_its_seed():
    first, again, other = (sampled_kernel(TASK, Architecture(), s) for s in (0, 0, 1))
    assert first == again
    assert first.strings != other.strings


@pytest.mark.parametrize(("count", "strings"), [(1, 12), (2, 24), (8, 72), (50, 72)])
def test_how_many_strings_are_drawn(count, strings):
    task = TemplateTask([f"?a X{i}" for i in range(count)], range(count))
    kernel = sampled_kernel(task, Architecture())
    assert len(kernel.strings) == strings
    assert list(kernel.template_indices) == sorted(kernel.template_indices)


def test_tokens_that_a_law_names_are_used():
    task = same_different(laws={"u": 2, "v": 1})
    kernel = sampled_kernel(task, Architecture())
    assert {t for s in kernel.strings for t in s.split()} == {"u", "v"}


def test_a_template_may_have_more_wildcards_than_tokens_are_usual():
    task = TemplateTask([" ".join(f"?{i}" for i in range(70))], [1])
    assert sampled_kernel(task, Architecture()).vocabulary == 70


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, ["a = 2", "b = 1"]),
        ({"identity_kq": 3.0}, ["a = b = 0", "b = 1"]),
        ({"identity_vo": 0.5}, ["a = b = 0", "a = 2"]),
        (
            {"identity_kq": 3.0, "identity_vo": 0.5},
            ["a = b = 0", "a = 3", "b = 0.5"],
        ),
    ],
)
def test_the_other_identities_are_tried(given, names):
    architecture = Architecture(readout="last", **given)
    result = check(SAME_DIFFERENT, architecture, max_points=FEW)
    found = variants(result, architecture, max_points=FEW)
    assert [v.name for v in found] == names
    own = result.learning_curve
    assert own is not None
    assert all(variant.curve.sizes == own.sizes for variant in found)


def test_a_variant_is_what_a_check_of_it_finds():
    result = check(
        SAME_DIFFERENT, Architecture(readout="last"), target=0.05, max_points=FEW
    )
    (kq, vo) = variants(result, Architecture(readout="last"), max_points=FEW)
    plain = Architecture(readout="last")
    for variant, architecture in (
        (kq, replace(plain, identity_kq=2.0)),
        (vo, replace(plain, identity_vo=1.0)),
    ):
        own = check(
            SAME_DIFFERENT, architecture, target=0.05, rel_tol=0.01, max_points=FEW
        )
        assert variant.sample_complexity == own.sample_complexity
        assert variant.smallest_eigenvalue == own.estimates.smallest_eigenvalue


def test_variants_of_blocks_have_b_in_every_block():
    """And no a where positions turn queries and keys: it is not defined there."""
    turned = Architecture(depth=2, relative=Rotary())
    result = check(SAME_DIFFERENT, turned, target=0.05, max_points=FEW)
    (vo,) = variants(result, turned, max_points=FEW)
    assert (vo.identity_kq, vo.identity_vo) == (0.0, 1.0)
    own = template_gram(
        SAME_DIFFERENT, replace(turned, identity_vo=1.0), 0.01, max_points=FEW
    )
    assert vo.smallest_eigenvalue == own.smallest_eigenvalue


def test_a_variant_in_b_needs_no_points_where_the_check_has_its_matrix(monkeypatch):
    """The check's own features, and the mean ones beside them: the same to a bit."""
    grams = []
    plain = Architecture(readout="last")
    result = check(SAME_DIFFERENT, plain, max_points=FEW, estimated=grams.append)
    (kq, vo) = variants(result, plain, max_points=FEW, gram=grams[0])
    asked = []

    def counted(kernel, templates, architecture, **settings):
        asked.append(architecture.identity_kq)
        return gram_of(kernel, templates, architecture, **settings)

    monkeypatch.setattr("numerics.page_data.gram_of", counted)
    assert variants(result, plain, max_points=FEW, gram=grams[0]) == (kq, vo)
    assert asked == [2.0]
    own = template_gram(
        SAME_DIFFERENT.templates, replace(plain, identity_vo=1.0), max_points=FEW
    )
    assert vo.smallest_eigenvalue == own.smallest_eigenvalue


@pytest.mark.slow
def test_the_tangent_kernel_is_illustrated():
    """Strings and variants are of the kernel that was checked, for one layer too."""
    result = check(SAME_DIFFERENT, max_points=FEW, kernel="ntk")
    shown = illustrate(result, max_points=FEW)
    blocks = tangent_gram(SAME_DIFFERENT.templates, max_points=2**10)
    drawn = np.array(shown.kernel.matrix)
    assert drawn[0, 0] == pytest.approx(blocks.matrix_self[0], rel=0.1)
    assert [v.name for v in shown.variants] == ["a = 2", "b = 1"]
    plain = template_gram(SAME_DIFFERENT, max_points=64)
    refused = refusal(lambda: variants(result, Architecture(), 64, gram=plain))
    assert refused.startswith("gram is of the kernel 'nngp'; expected 'ntk'")


def test_the_matrix_of_another_check_is_refused():
    result = check(SAME_DIFFERENT, max_points=64)
    other = template_gram(SAME_DIFFERENT, Architecture(beta=2.0), max_points=64)
    refused = refusal(lambda: illustrate(result, gram=other))
    assert refused.startswith("gram is of an architecture with beta 2")


def test_symbolic_labels_have_no_variants():
    result = check(SAME_DIFFERENT_IN_WORDS, max_points=64)
    assert variants(result, Architecture()) == ()


def test_stages_are_named_and_report():
    stages, reports = [], []

    @contextmanager
    def stage(description):
        stages.append(description)
        yield lambda done, total: reports.append((len(stages), done, total))

    illustrate(check(SAME_DIFFERENT, max_points=64), max_points=64, stage=stage)
    assert stages == ["sampling the kernel", "with a = 2", "with b = 1"]
    assert {number for number, _, _ in reports} == {1, 2, 3}


def test_seed_level_method_and_points_are_passed_on():
    architecture = Architecture(readout="last")
    result = check(
        SAME_DIFFERENT, architecture, seed=5, level=0.9, method="mc", max_points=FEW
    )
    found = illustrate(result, architecture, max_points=FEW)
    assert found.kernel == sampled_kernel(SAME_DIFFERENT, architecture, 5, level=0.9)
    assert found.kernel.level == 0.9
    for variant, changed in zip(
        found.variants,
        (replace(architecture, identity_kq=2.0), replace(architecture, identity_vo=1)),
        strict=True,
    ):
        gram = template_gram(
            SAME_DIFFERENT.templates, changed, 0.01, FEW, 5, method="mc", level=0.9
        )
        assert variant.smallest_eigenvalue == gram.smallest_eigenvalue


@pytest.mark.parametrize("function", [illustrate, variants])
def test_another_architecture_than_was_checked_is_refused(function):
    """The page would show one transformer's kernel beside another's verdict."""
    last = Architecture(readout="last")
    plain, checked = (check(SAME_DIFFERENT, a, max_points=64) for a in (None, last))
    message = "result is of an architecture with readout 'cls'; expected readout 'last'"
    assert refusal(lambda: function(plain, last)).startswith(message)
    message = "result is of an architecture with readout 'last'; expected readout 'cls'"
    assert refusal(lambda: function(checked, Architecture())).startswith(message)


def test_the_default_is_refused_where_another_was_checked():
    """It was drawn whatever the check was of."""
    result = check(SAME_DIFFERENT, Architecture(readout="last"), max_points=64)
    message = "result is of an architecture with readout 'last'; expected readout 'cls'"
    assert refusal(lambda: illustrate(result)).startswith(message)


def test_an_illustration_says_what_it_is_of():
    result = check(SAME_DIFFERENT_IN_WORDS, max_points=64)
    found = illustrate(result)
    assert found.templates == result.task.templates
    assert found.architecture == result.architecture


def test_the_seed_changes_the_strings_too():
    """Where there is no wildcard, the strings are the same."""
    task = TemplateTask(["X Y", "X Z"], [1, -1])
    first, other = (sampled_kernel(task, Architecture(), s) for s in (0, 1))
    assert first.strings == other.strings
    assert first.matrix != other.matrix


def test_each_template_follows_its_own_law():
    laws = [{"u": 1}, {"v": 1}]
    kernel = sampled_kernel(
        TemplateTask(["?a X", "?a Y"], [1, 2], laws=laws), Architecture()
    )
    assert set(kernel.strings) == {"u X", "v Y"}
