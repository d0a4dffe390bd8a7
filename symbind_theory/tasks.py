"""Template tasks: templates with labels and weights, and what is exact about them.

Source: Boix-Adserà et al., arXiv 2310.09753, on template tasks with real and with
symbolic labels. The explicit `mlp_floor` is symbind's (claim C2).
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, islice
from numbers import Rational, Real
from typing import TYPE_CHECKING, Any

from symbind_theory.templates import (
    CLS,
    Images,
    Substitution,
    Template,
    fresh_tokens,
)
from symbind_theory.validation import (
    InputError,
    as_float,
    positive_integer,
    shorten,
)

if TYPE_CHECKING:
    import sympy

    Number = Fraction | sympy.Expr

__all__ = ["Overlap", "Sample", "TaskMatch", "TemplateTask"]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two templates of a task and a string that both can produce."""

    i: int
    j: int
    witness: str


@dataclass(frozen=True, slots=True)
class TaskMatch:
    """The template of a task that produces a given string, and how."""

    index: int
    template: Template
    substitution: Substitution
    label: Number | str


@dataclass(frozen=True, slots=True)
class Sample:
    """Strings drawn from a template task.

    Attributes:
        strings: tokens separated by spaces.
        labels: numbers as drawn from the task, or tokens when labels are symbolic.
        template_indices: which template produced each string, from 0.
    """

    strings: tuple[str, ...]
    labels: tuple[Number | str, ...]
    template_indices: tuple[int, ...]


class TemplateTask:
    """Templates of one length, a label for each, and how often each occurs. Immutable.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> task.mlp_floor()
    Fraction(1, 1)
    >>> task.match("x x").index
    0

    Args:
        templates: templates or their text; distinct, all of one length.
        labels: one for each template, either all finite numbers or all text. Text is
            a symbolic label: one of the template's own wildcards, which is then
            copied, or a token. A float counts as the decimal that prints it, so 0.1
            is 1/10 exactly.
        weights: probabilities up to a common factor; uniform when None.
        name: shown in reports.

    Raises:
        InputError: anything above violated; the message names the template.
    """

    def __init__(
        self,
        templates: Sequence[Template | str],
        labels: Sequence[Any],
        weights: Sequence[Any] | None = None,
        name: str | None = None,
    ) -> None:
        self.templates: tuple[Template, ...] = tuple(
            t if isinstance(t, Template) else Template(t) for t in templates
        )
        self.name = name
        _check_templates(self.templates)
        self.labels: tuple[Number | str, ...] = _read_labels(self.templates, labels)
        self.weights: tuple[Fraction, ...] = _read_weights(len(self.templates), weights)

    @classmethod
    def parse(
        cls,
        lines: Iterable[str],
        weights: Sequence[Any] | None = None,
        name: str | None = None,
    ) -> TemplateTask:
        """A task from lines such as `?a ?b -> -1`.

        A label that `float()` reads is a number, anything else is a wildcard of the
        template or a token.

        Raises:
            InputError: a line that does not read `template -> label`, or a task that
                the constructor refuses.
        """
        pairs = [_parse_line(line) for line in lines]
        if not pairs:
            raise InputError(
                "no template was given; expected lines such as '?a ?a -> 1'"
            )
        return cls([t for t, _ in pairs], [y for _, y in pairs], weights, name)

    @property
    def length(self) -> int:
        """The number of positions of every template, k."""
        return self.templates[0].length

    @property
    def symbolic(self) -> bool:
        """Whether labels are tokens and wildcards instead of numbers."""
        return isinstance(self.labels[0], str)

    @property
    def regular_tokens(self) -> tuple[str, ...]:
        """The regular tokens of all templates, by first appearance."""
        return tuple(
            dict.fromkeys(token for t in self.templates for token in t.regular_tokens)
        )

    @property
    def copied(self) -> tuple[int, ...]:
        """Indices of the templates whose label is one of their own wildcards."""
        return tuple(
            i
            for i, label in enumerate(self.labels)
            if isinstance(label, str) and _as_wildcard(label) is not None
        )

    def equivalent_pairs(self) -> tuple[tuple[int, int], ...]:
        """Index pairs i < j of templates equal up to a renaming of wildcards."""
        canonical = [t.canonical() for t in self.templates]
        return tuple(
            (i, j)
            for i, j in combinations(range(len(canonical)), 2)
            if canonical[i] == canonical[j]
        )

    def overlapping_pairs(self, images: Images = "symbols") -> tuple[Overlap, ...]:
        """Index pairs i < j of templates that share a string, each with a witness."""
        # With symbols for wildcards only equivalent templates share a string.
        pairs = (
            self.equivalent_pairs()
            if images == "symbols"
            else combinations(range(len(self.templates)), 2)
        )
        found = (
            (i, j, self.templates[i].overlap(self.templates[j], images))
            for i, j in pairs
        )
        return tuple(Overlap(i, j, w) for i, j, w in found if w is not None)

    def match(self, string: str | Iterable[str]) -> TaskMatch | None:
        """The first template that produces `string` with symbols for its wildcards.

        Symbols are tokens outside the task's regular tokens; None if no template
        produces the string that way.
        """
        regular = set(self.regular_tokens)
        tokens = string if isinstance(string, str) else tuple(string)
        for index, template in enumerate(self.templates):
            substitution = template.match(tokens)
            if substitution is not None and regular.isdisjoint(substitution.values()):
                label = _label_of(self.labels[index], substitution)
                return TaskMatch(index, template, substitution, label)
        return None

    def mlp_floor(self) -> Number | None:
        """The least expected squared loss of an MLP on unseen symbols, exactly.

        This is E_skeleton[Var(label | skeleton)] under the weights (claim C2):
        templates with one skeleton look alike to an MLP when their symbols are new.
        None for symbolic labels.
        """
        if self.symbolic:
            return None
        groups: dict[tuple[str | None, ...], list[int]] = {}
        for i, template in enumerate(self.templates):
            groups.setdefault(template.skeleton, []).append(i)
        return sum((self._variance(group) for group in groups.values()), Fraction(0))

    def _variance(self, group: list[int]) -> Any:
        """Weight of the group times the variance of its labels."""
        labels: list[Any] = [self.labels[i] for i in group]
        weights = [self.weights[i] for i in group]
        total = sum(weights)
        if total == 0:
            return Fraction(0)
        mean = sum(w * y for w, y in zip(weights, labels, strict=True)) / total
        return sum(w * (y - mean) ** 2 for w, y in zip(weights, labels, strict=True))

    def sample(self, count: int, vocabulary: Sequence[str], seed: int) -> Sample:
        """Draw strings with wildcards uniform (and injective) over `vocabulary`.

        Args:
            count: number of strings.
            vocabulary: distinct tokens outside the task's regular tokens, at least
                as many as any template has wildcards.
            seed: fixes the draw.

        Raises:
            InputError: a vocabulary that is too small, repeats a token, or meets the
                regular tokens.
        """
        positive_integer("seed", seed, low=0)
        return self._draw(count, vocabulary, random.Random(seed))

    def _draw(
        self, count: int, vocabulary: Sequence[str], generator: random.Random
    ) -> Sample:
        self._check_vocabulary(vocabulary)
        positive_integer("count", count, low=0)
        indices = generator.choices(
            range(len(self.templates)),
            weights=[float(w) for w in self.weights],
            k=count,
        )
        strings, labels = [], []
        for i in indices:
            template = self.templates[i]
            images = generator.sample(vocabulary, len(template.wildcards))
            substitution = Substitution(
                dict(zip(template.wildcards, images, strict=True))
            )
            strings.append(template.substitute(substitution))
            labels.append(_label_of(self.labels[i], substitution))
        return Sample(tuple(strings), tuple(labels), tuple(indices))

    def train_test(
        self, n_train: int, n_test: int, vocabulary_size: int, seed: int
    ) -> tuple[Sample, Sample]:
        """Training and test strings that share no symbol.

        Each side draws uniformly from its own `vocabulary_size` fresh tokens, all of
        them outside the task's regular tokens and labels.

        >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
        >>> train, test = task.train_test(3, 2, vocabulary_size=8, seed=0)
        >>> set(" ".join(train.strings).split()) & set(" ".join(test.strings).split())
        set()
        """
        positive_integer("vocabulary_size", vocabulary_size)
        labels = [y for y in self.labels if isinstance(y, str)]
        names = list(
            islice(fresh_tokens([*self.regular_tokens, *labels]), 2 * vocabulary_size)
        )
        positive_integer("seed", seed, low=0)
        # Streams of their own: seed + 1 for the test would be the next training stream.
        train, test = (random.Random(f"{side} {seed}") for side in ("train", "test"))
        return (
            self._draw(n_train, names[:vocabulary_size], train),
            self._draw(n_test, names[vocabulary_size:], test),
        )

    def _check_vocabulary(self, vocabulary: Sequence[str]) -> None:
        most = max(len(t.wildcards) for t in self.templates)
        if len(vocabulary) < most:
            raise InputError(
                f"vocabulary has {len(vocabulary)} tokens; expected at least {most}, "
                "the largest number of wildcards in a template"
            )
        if len(set(vocabulary)) < len(vocabulary):
            raise InputError("vocabulary repeats a token; expected distinct tokens")
        if clash := set(vocabulary) & set(self.regular_tokens):
            raise InputError(
                f"vocabulary contains the regular token {min(clash)}; expected tokens "
                "outside the task's regular tokens"
            )

    def __len__(self) -> int:
        return len(self.templates)

    def __iter__(self) -> Iterator[tuple[Template, Number | str]]:
        return zip(self.templates, self.labels, strict=True)

    def __repr__(self) -> str:
        lines = ", ".join(f"'{t} -> {y}'" for t, y in self)
        return f"<TemplateTask {self.name or ''}[{lines}]>"


def _as_wildcard(label: str) -> str | None:
    """The name of the wildcard that a symbolic label stands for, or None."""
    return next(iter(Template(label).wildcards), None)


def _label_of(label: Number | str, substitution: Substitution) -> Number | str:
    """The label of one string: a wildcard's image where the label is copied."""
    if not isinstance(label, str):
        return label
    name = _as_wildcard(label)
    return label if name is None else substitution[name]


def _parse_line(line: str) -> tuple[Template, Fraction | str]:
    tokens = line.split()
    if tokens.count("->") != 1:
        raise InputError(
            f"template {shorten(line)} has {tokens.count('->')} '->'; expected one: "
            "'template -> label', such as '?a ?a -> 1'"
        )
    arrow = tokens.index("->")
    if arrow == 0:
        raise InputError(
            f"template {shorten(line)} is empty; expected tokens before '->'"
        )
    if arrow != len(tokens) - 2:
        raise InputError(
            f"template {shorten(line)} has {len(tokens) - arrow - 1} labels; "
            "expected one after '->'"
        )
    return Template(tokens[:arrow]), _parse_label(tokens[-1])


def _parse_label(text: str) -> Fraction | str:
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        raise InputError(f"label is {text}; expected a finite number")
    # Fraction would write out an underflowing exponent such as 1e-999999999 in full.
    try:
        return Fraction(text) if number else Fraction(0)
    except ValueError:
        raise InputError(
            f"label {shorten(text)} has {len(text)} characters; expected fewer than "
            "Python's limit for integers"
        ) from None


def _check_templates(templates: tuple[Template, ...]) -> None:
    if not templates:
        raise InputError("templates is empty; expected at least one template")
    first = templates[0]
    seen: dict[Template, int] = {}
    for index, template in enumerate(templates):
        if template.length != first.length:
            raise InputError(
                f"template {shorten(str(template))} has {template.length} tokens and "
                f"{shorten(str(first))} has {first.length}; expected one length"
            )
        if template in seen:
            raise InputError(
                f"template {shorten(str(template))} is written twice "
                f"(numbers {seen[template] + 1} and {index + 1}); expected each once"
            )
        seen[template] = index


def _read_labels(
    templates: tuple[Template, ...], labels: Sequence[Any]
) -> tuple[Any, ...]:
    if len(labels) != len(templates):
        raise InputError(
            f"labels has {len(labels)} entries for {len(templates)} templates; "
            "expected one for each"
        )
    if len({isinstance(label, str) for label in labels}) > 1:
        number = next(label for label in labels if not isinstance(label, str))
        text = next(label for label in labels if isinstance(label, str))
        raise InputError(
            f"labels mix the number {number} with the text {shorten(text)}; expected "
            "all numbers, or all tokens and wildcards"
        )
    return tuple(
        _symbolic_label(template, label)
        if isinstance(label, str)
        else _real(f"label of {shorten(str(template))}", label)
        for template, label in zip(templates, labels, strict=True)
    )


def _symbolic_label(template: Template, label: str) -> str:
    if len(label.split()) != 1 or label.split() != [label] or label == CLS:
        raise InputError(
            f"label of {shorten(str(template))} is {shorten(label)}; expected a "
            "number, one token or one of its wildcards"
        )
    name = _as_wildcard(label)
    if name is not None and name not in template.wildcards:
        raise InputError(
            f"label of {shorten(str(template))} is the wildcard {label}, which the "
            "template does not have; expected one of its own wildcards"
        )
    return label


def _real(name: str, value: Any) -> Any:
    """`value` exactly: a Fraction, or a sympy expression for irrational numbers."""
    if not isinstance(value, bool):
        if isinstance(value, Rational):
            if math.isinf(as_float(value)):
                raise InputError(
                    f"{name} is {shorten(value)}; expected a number that float64 holds"
                )
            return Fraction(int(value.numerator), int(value.denominator))
        if isinstance(value, Real) and math.isfinite(value):
            return Fraction(repr(float(value)))
        # Only a caller who has loaded sympy can hand over one of its numbers.
        sympy: Any = sys.modules.get("sympy")
        if sympy is not None and isinstance(value, sympy.Expr):
            expression: Any = value
            if expression.is_Float:
                return Fraction(repr(float(expression)))
            if expression.is_number and expression.is_real and expression.is_finite:
                return expression
    raise InputError(f"{name} is {shorten(value)}; expected a finite real number")


def _read_weights(count: int, weights: Sequence[Any] | None) -> tuple[Fraction, ...]:
    if weights is None:
        return (Fraction(1, count),) * count
    if len(weights) != count:
        raise InputError(
            f"weights has {len(weights)} entries for {count} templates; "
            "expected one for each"
        )
    exact = [_real("weight", weight) for weight in weights]
    for weight in exact:
        if not isinstance(weight, Fraction) or weight < 0:
            raise InputError(f"weight is {weight}; expected a rational of at least 0")
    total = sum(exact)
    if total == 0:
        raise InputError("weights are all zero; expected a positive one")
    return tuple(weight / total for weight in exact)
