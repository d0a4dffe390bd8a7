"""The tasks and lists of templates that tests keep coming back to, each built once.

A task that one test needs stays in that test.
"""

from string import ascii_lowercase

from symbind_theory import TemplateTask, builtin_task, builtin_tasks
from symbind_theory.library.random_family import random_task

AA_AB = ("?a ?a", "?a ?b")
"""Same against different: the smallest pair that only wildcards tell apart."""

ABA_ABB = ("?a ?b ?a", "?a ?b ?b")
"""Equal multiplicities: the shortest pair that only positions tell apart."""

AABB_ABAB = ("?a ?a ?b ?b", "?a ?b ?a ?b")
"""Equal multiplicities and each symbol twice: told apart by order alone."""


def same_different(weights=None, **options):
    """Same against different with weights, laws, noise or a name of its own."""
    return TemplateTask(AA_AB, [1, -1], weights, **options)


SAME_DIFFERENT = same_different()
SAME_DIFFERENT_IN_WORDS = TemplateTask(AA_AB, ["same", "different"])

ZERO_FLOOR = TemplateTask(["?a ?a", "X ?b"], [1, -1])
"""Each skeleton has one label: MLPs need not fail."""

COPY = TemplateTask(["?a"], ["?a"])
"""The label is the symbol itself."""


def wildcard_templates(length):
    """All templates of that length without regular tokens, one for each partition.

    Position by position, each wildcard is one seen before or the next letter.
    """
    partitions = [()]
    for _ in range(length):
        partitions = [(*p, c) for p in partitions for c in range(len({*p}) + 1)]
    return [" ".join(f"?{ascii_lowercase[c]}" for c in p) for p in partitions]


LENGTH_3 = wildcard_templates(3)
LENGTH_4 = wildcard_templates(4)

_LIBRARY = [
    *(t for t in map(builtin_task, builtin_tasks()) if len(t) <= 8 and t.length < 20),
    random_task(length=5, wildcards=3, regular_tokens=2, count=5, seed=2310),
]
TEMPLATES_BY_TASK = {
    **{task.name: [str(t) for t in task.templates] for task in _LIBRARY},
    "order zero": ["X ?a", "?a ?b"],
}
"""The templates of short built-in tasks, and of two kinds that they lack, by name."""
