"""Independent training sets of a template task, which checkers average over."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice

from proofs_check.seeds import numpy_stream
from symbind_theory.laws.substitution_laws import Probabilities
from symbind_theory.tasks import Sample, TemplateTask
from symbind_theory.templates import fresh_tokens
from symbind_theory.validation import InputError, positive_integer, shorten

__all__ = [
    "fresh_sample",
    "law_tokens",
    "most_wildcards",
    "usual_vocabularies",
    "vocabulary_tokens",
]


def most_wildcards(task: TemplateTask) -> int:
    """The largest number of wildcards in a template: the symbols that it takes."""
    return max(len(template.wildcards) for template in task.templates)


def law_tokens(task: TemplateTask) -> tuple[str, ...]:
    """The tokens that the task's laws name: its symbols, where laws name them at all.

    >>> law_tokens(TemplateTask(["?a ?b"], [1], laws={"u": 2, "v": 1}))
    ('u', 'v')
    """
    named = (law.tokens for law in task.laws if isinstance(law, Probabilities))
    return tuple(dict.fromkeys(chain.from_iterable(named)))


def usual_vocabularies(task: TemplateTask) -> list[int | Sequence[str]]:
    """The tokens that the task's laws name, or few, some and many.

    >>> usual_vocabularies(TemplateTask(["?a ?b"], [1]))
    [8, 32, 96]
    """
    if named := law_tokens(task):
        return [named]
    few = max(8, most_wildcards(task) + 1)
    return [few, 4 * few, 12 * few]


def vocabulary_tokens(task: TemplateTask, vocabulary: object) -> tuple[str, ...]:
    """The tokens that substitutions draw from.

    >>> vocabulary_tokens(TemplateTask(["?a ?b"], [1]), 3)
    ('a', 'b', 'c')

    Args:
        task: whose regular tokens are avoided.
        vocabulary: tokens, or their number.

    Raises:
        InputError: neither of the two.
    """
    if isinstance(vocabulary, Sequence) and not isinstance(vocabulary, str):
        return tuple(vocabulary)
    if isinstance(vocabulary, str) or not hasattr(vocabulary, "__index__"):
        raise InputError(
            f"vocabulary is {shorten(vocabulary)}; expected a list of tokens, or their "
            "number"
        )
    size = positive_integer("vocabulary", vocabulary)
    return tuple(islice(fresh_tokens(task.regular_tokens), size))


def fresh_sample(task: TemplateTask, count: int, seed: int) -> Sample:
    """Strings no two of which share a symbol: the limit of unbounded diversity.

    >>> task = TemplateTask(["?a X ?a"], [1])
    >>> fresh_sample(task, 3, seed=0).strings
    ('a X a', 'b X b', 'c X c')

    Args:
        task: with real labels; labels get its noise.
        count: number of strings.
        seed: from which the templates and the noise follow.
    """
    generator = numpy_stream(seed)
    weights = [float(weight) for weight in task.weights]
    indices = generator.choice(len(task), size=count, p=weights).tolist()
    noise = generator.normal(0, task.noise, size=count).tolist()
    names = fresh_tokens(task.regular_tokens)
    strings = [
        t.substitute({w: next(names) for w in t.wildcards})
        for t in (task.templates[i] for i in indices)
    ]
    labels = [task.labels[i] + e for i, e in zip(indices, noise, strict=True)]
    return Sample(tuple(strings), tuple(map(float, labels)), tuple(indices))
