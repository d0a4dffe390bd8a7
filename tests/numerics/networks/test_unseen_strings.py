"""Strings of three vocabularies: apart, labelled by their templates, and seeded."""

import math
from itertools import combinations

import pytest
import torch
from symbind_testing.refusals import refusal
from symbind_testing.tasks import COPY, SAME_DIFFERENT, same_different

from numerics.networks.unseen_strings import unseen_symbols
from symbind_theory import TemplateTask, builtin_task

SPLITS = ("train", "validation", "test")

REAL = TemplateTask(["X ?a ?b", "?b X ?b", "?a ?b Y"], [1, -0.5, 2.25])
SYMBOLIC = TemplateTask(["?a ?b X", "?a ?a X", "Y ?b ?c"], ["?b", "Z", "X"])
PRINT = builtin_task("print-string")

TASKS = {"real": REAL, "symbolic": SYMBOLIC, "print": PRINT, "copy": COPY}
EACH = pytest.mark.parametrize("name", TASKS)


def splits(data):
    return {name: getattr(data, name) for name in SPLITS}


def fixed(task):
    """The number of each regular token, and of each label that is a token."""
    labels = [y for y in task.labels if isinstance(y, str) and not y.startswith("?")]
    return {t: i for i, t in enumerate(dict.fromkeys([*task.regular_tokens, *labels]))}


def matched(task, row, known):
    """The template of which a row of numbers is a substitution, and the images."""
    for template, label in task:
        images = {}
        for token, number in zip(template.tokens, row, strict=True):
            expected = images.setdefault(token, known.get(token, number))
            if expected != number or (token not in known and number < len(known)):
                break
        else:
            wild = [n for token, n in images.items() if token not in known]
            if len(set(wild)) == len(wild):
                return label, images
    raise AssertionError(row)


@EACH
def test_splits_share_no_symbol(name):
    """But for regular tokens and labels, whose numbers come first."""
    task = TASKS[name]
    data = unseen_symbols(task, 60, 3, held_out=40)
    known = len(fixed(task))
    used = [
        {n for n in split.tokens.flatten().tolist() if n >= known}
        for split in splits(data).values()
    ]
    for one, other in combinations(used, 2):
        assert not one & other
    assert all(used)
    assert max(map(max, used)) < data.vocabulary == known + 60 + 2 * 40


@EACH
def test_strings_have_templates_and_targets_their_labels(name):
    """Of a copied label, the number of the wildcard's image."""
    task = TASKS[name]
    data = unseen_symbols(task, 60, 3, held_out=40)
    known = fixed(task)
    assert data.symbolic == task.symbolic
    for split, count in zip(splits(data).values(), (60, 40, 40), strict=True):
        assert split.tokens.shape == (count, data.length)
        assert len(split.targets) == count
        seen = set()
        for row, target in zip(
            split.tokens.tolist(), split.targets.tolist(), strict=True
        ):
            label, images = matched(task, row, known)
            expected = {**known, **images}.get(label, label)
            assert target == expected
            seen.add(label)
        assert len(seen) == len(set(task.labels))
        dtype = torch.int64 if task.symbolic else torch.float32
        assert split.targets.dtype == dtype


@EACH
def test_candidates_are_fixed_tokens_and_the_splits_symbols(name):
    """Every string's label is among them, and no other split's symbol."""
    task = TASKS[name]
    data = unseen_symbols(task, 60, 3, held_out=40, vocabulary=50)
    known = list(range(len(fixed(task))))
    start = len(known)
    for split, count in zip(splits(data).values(), (50, 40, 40), strict=True):
        symbols = list(range(start, start + count))
        assert split.candidates.tolist() == known + symbols
        start += count
        if task.symbolic:
            assert set(split.targets.tolist()) <= set(split.candidates.tolist())
    assert start == data.vocabulary


def test_only_training_labels_have_noise():
    """Its mean square is σ² within five standard errors σ²√(2/n); strings have none."""
    n, noise = 400, 0.3
    loud = unseen_symbols(same_different(noise=noise), n, 0, held_out=50)
    quiet = unseen_symbols(SAME_DIFFERENT, n, 0, held_out=50)
    for name in SPLITS:
        one, other = (splits(data)[name] for data in (loud, quiet))
        assert torch.equal(one.tokens, other.tokens)
        assert torch.equal(one.targets, other.targets) == (name != "train")
        assert set(other.targets.tolist()) == {1.0, -1.0}
    off = float((loud.train.targets - quiet.train.targets).square().mean())
    assert abs(off / noise**2 - 1) < 5 * math.sqrt(2 / n)


def test_training_has_as_many_symbols_as_strings_unless_told():
    """At least as many as a template has wildcards, in every split."""
    sizes = [
        unseen_symbols(REAL, n, 0, vocabulary=v, held_out=h).vocabulary - 2
        for n, v, h in ((30, None, 10), (30, 7, 10), (1, None, 1), (1, 2, 1))
    ]
    assert sizes == [50, 27, 6, 6]
    data = unseen_symbols(REAL, 200, 0, vocabulary=3, held_out=10)
    assert set(data.train.tokens.flatten().tolist()) == set(range(5))
    assert unseen_symbols(REGULAR, 4, 0, held_out=3).vocabulary == 2 + 4 + 2 * 3


def test_zipf_ranks_the_symbols_of_each_split():
    """The first symbol is the most frequent one in all three."""
    data = unseen_symbols(same_different(laws="zipf"), 300, 0, held_out=300)
    for split in splits(data).values():
        counts = torch.bincount(split.tokens.flatten(), minlength=data.vocabulary)
        assert int(counts.argmax()) == int(split.candidates[0])


def test_equal_seeds_equal_strings_and_no_stream_twice():
    """Strings by the rank of their symbols: equal ones would be of one stream."""
    same = [unseen_symbols(REAL, 40, 5, held_out=40) for _ in range(2)]
    drawn = []
    for seed in range(12):
        data = unseen_symbols(SAME_DIFFERENT, 40, seed, held_out=40)
        for split in splits(data).values():
            drawn.append(tuple((split.tokens - split.candidates[0]).flatten().tolist()))
    assert len(set(drawn)) == len(drawn) == 36
    for name in SPLITS:
        one, other = (splits(data)[name] for data in same)
        assert torch.equal(one.tokens, other.tokens)
        assert torch.equal(one.targets, other.targets)


def test_held_out_strings_do_not_depend_on_training_ones():
    """As many or as few, they are the same up to the numbers of their symbols."""
    few, many = (unseen_symbols(REAL, n, 5, held_out=40) for n in (10, 90))
    for name in ("validation", "test"):
        one, other = splits(few)[name], splits(many)[name]
        shift = (one.tokens >= 2) * 80
        assert torch.equal(one.tokens + shift, other.tokens)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_moving_to_a_device_keeps_everything(device):
    data = unseen_symbols(SYMBOLIC, 10, 0, held_out=5)
    moved = data.to(torch.device(device))
    assert (moved.vocabulary, moved.symbolic, moved.length) == (
        data.vocabulary,
        data.symbolic,
        3,
    )
    for name in SPLITS:
        one, other = splits(data)[name], splits(moved)[name]
        for field in ("tokens", "targets", "candidates"):
            before, after = getattr(one, field), getattr(other, field)
            assert after.device.type == device
            assert after.shape == before.shape
            assert device == "meta" or torch.equal(before, after)


NAMED = same_different(laws=["uniform", {"u": 0.5, "v": 0.5}])
REGULAR = TemplateTask(["X Y", "Y X"], [1, -1])

REFUSED = {
    "strings is 0": lambda: unseen_symbols(REAL, 0, 0),
    "held_out is 0": lambda: unseen_symbols(REAL, 3, 0, held_out=0),
    "seed is -1": lambda: unseen_symbols(REAL, 3, -1),
    "vocabulary is 0": lambda: unseen_symbols(REAL, 3, 0, vocabulary=0),
    "vocabulary is 0; expected an integer of at least 1": lambda: unseen_symbols(
        REGULAR, 3, 0, vocabulary=0
    ),
    "vocabulary is 1": lambda: unseen_symbols(REAL, 3, 0, vocabulary=1),
    "a law of the task names its tokens": lambda: unseen_symbols(NAMED, 3, 0),
}


@pytest.mark.parametrize("start", REFUSED)
def test_what_is_refused_is_named_in_one_line(start):
    assert refusal(REFUSED[start]).startswith(start)
