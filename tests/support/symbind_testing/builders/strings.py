"""Strings to learn from or to compare: without a shared symbol, or from few of them."""

import numpy as np

from symbind_theory import Template, TemplateTask
from symbind_theory.templates import CLS

THREE_PATTERNS = TemplateTask(["?a ?b ?a", "?a ?b ?b", "?a ?b ?c"], [1, -1, 0.5])


def twice_fresh(templates):
    """Each template twice, first all and then all again, no symbol shared."""
    parsed = [Template(t) for t in templates]
    return [
        t.substitute({name: f"{side}{i}{name}" for name in t.wildcards})
        for side in "pq"
        for i, t in enumerate(parsed)
    ]


def fresh(task, counts, prefix="t"):
    """Strings that share no symbol, so many of each template, with their labels."""
    strings, labels, used = [], [], 0
    for (template, label), count in zip(task, counts, strict=True):
        for _ in range(count):
            images = {
                w: f"{prefix}{used + a}" for a, w in enumerate(template.wildcards)
            }
            used += len(images)
            strings.append(template.substitute(images))
            labels.append(float(label))
    return strings, np.array(labels)


def crowded(count, vocabulary=40, seed=0):
    """Strings of three patterns that share symbols, with their labels."""
    tokens = [f"v{i}" for i in range(vocabulary)]
    sample = THREE_PATTERNS.sample(count, tokens, seed)
    return list(sample.strings), np.array([float(y) for y in sample.labels])


def symbols(template, readout):
    """Regular tokens as text, wildcards as pairs; `[CLS]` appended where it is read."""
    row = list(template.skeleton)
    for name, positions in template.wildcard_positions.items():
        for position in positions:
            row[position] = ("?", name)
    return [*row, CLS] if readout == "cls" else row
