"""Template tasks: templates with labels and weights, and what is exact about them.

Source: Boix-Adserà et al., arXiv 2310.09753, on template tasks with real and with
symbolic labels. The explicit `mlp_floor` is symbind's (claim C2).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

from symbind_theory.laws.arguments import (
    check_vocabulary,
    read_laws,
    regular_tokens_of,
    symbol_names,
)
from symbind_theory.laws.diversity import data_diversity
from symbind_theory.laws.substitution_laws import Law, LawInput, Probabilities
from symbind_theory.task_arguments import (
    as_wildcard,
    check_list,
    check_templates,
    label_of,
    label_text,
    parse_line,
    read_labels,
    read_weights,
    text_or_none,
)
from symbind_theory.task_records import Overlap, Sample, TaskMatch
from symbind_theory.templates import Images, Substitution, Template, parse_string
from symbind_theory.validation import InputError, finite_number, positive_integer

if TYPE_CHECKING:
    import sympy

    from symbind_theory.interval import Interval

    Number = Fraction | sympy.Expr

__all__ = ["Overlap", "Sample", "TaskMatch", "TemplateTask"]


class TemplateTask:
    """Templates of one length, a label for each, and how often each occurs.

    Immutable and hashable. Two tasks are equal when everything below is: templates are
    compared literally, in their order, and probabilities instead of weights.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> task.mlp_floor()
    Fraction(1, 1)
    >>> task.match("x x").index
    0

    Args:
        templates: templates or their text; distinct, all of one length.
        labels: one for each template, either all finite numbers or all text. Text is
            a symbolic label: one of the template's own wildcards, which is then
            copied, or a token, even where it reads as a number: "1/2" is a token here
            and in task files, the number in `parse` and in commands. A float counts as
            the decimal that prints it, so 0.1 is 1/10 exactly.
        weights: probabilities up to a common factor; uniform when None.
        name: shown in reports.
        laws: of the substitutions, one for all templates or one for each: "uniform",
            "zipf", a map from tokens to weights, or a record of `substitution_laws`;
            uniform when None.
        noise: standard deviation σ ≥ 0 of the normal noise on sampled labels; 0 for
            symbolic labels.
        description: what the task is about, in a few sentences; kept in task files.

    Attributes:
        laws: one record for each template.

    Raises:
        InputError: anything above violated; the message names the template.
    """

    def __init__(
        self,
        templates: Sequence[Template | str],
        labels: Sequence[Any],
        weights: Sequence[Any] | None = None,
        name: str | None = None,
        *,
        laws: LawInput | Sequence[LawInput] | None = None,
        noise: float = 0,
        description: str | None = None,
    ) -> None:
        check_list("templates", templates, "of templates, such as ['?a ?a', '?a ?b']")
        check_list("labels", labels, "with one for each template")
        self.templates: tuple[Template, ...] = tuple(
            t if isinstance(t, Template) else Template(t) for t in templates
        )
        self.name = text_or_none("name", name)
        check_templates(self.templates)
        self.labels: tuple[Number | str, ...] = read_labels(self.templates, labels)
        self.weights: tuple[Fraction, ...] = read_weights(len(self.templates), weights)
        self.laws: tuple[Law, ...] = read_laws("laws", laws, self.templates)
        self.noise: float = finite_number("noise", noise, low=0)
        if self.symbolic and self.noise:
            raise InputError(
                f"noise is {noise}; expected 0 for labels that are tokens or wildcards:"
                " write numbers as labels, such as 1 and -1"
            )
        self.description = text_or_none("description", description)

    @classmethod
    def parse(
        cls,
        lines: Iterable[str],
        weights: Sequence[Any] | None = None,
        name: str | None = None,
    ) -> TemplateTask:
        """A task from lines such as `?a ?b -> -1`.

        A label that `float()` reads or that is a fraction such as `1/2` is a number,
        anything else is a wildcard of the template or a token. The arrow may stand
        without spaces; tokens that are arrows themselves go into task files.

        Raises:
            InputError: a line that does not read `template -> label`, or a task that
                the constructor refuses.
        """
        pairs = [parse_line(line) for line in lines]
        if not pairs:
            raise InputError(
                "no template was given; expected lines such as '?a ?a -> 1'"
            )
        return cls([t for t, _ in pairs], [y for _, y in pairs], weights, name)

    def with_noise(self, noise: float) -> TemplateTask:
        """The same task with other label noise.

        Args:
            noise: standard deviation σ ≥ 0.

        Raises:
            InputError: noise out of range, or above 0 for symbolic labels.
        """
        return TemplateTask(
            self.templates,
            self.labels,
            self.weights,
            self.name,
            laws=self.laws,
            noise=noise,
            description=self.description,
        )

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
        return regular_tokens_of(self.templates)

    @property
    def copied(self) -> tuple[int, ...]:
        """Indices of the templates whose label is one of their own wildcards."""
        return tuple(
            i
            for i, label in enumerate(self.labels)
            if isinstance(label, str) and as_wildcard(label) is not None
        )

    def equivalent_pairs(self) -> tuple[tuple[int, int], ...]:
        """Index pairs i < j of templates equal up to a renaming of wildcards."""
        return self._equivalent_pairs

    @cached_property
    def _equivalent_pairs(self) -> tuple[tuple[int, int], ...]:
        canonical = [t.canonical() for t in self.templates]
        return tuple(
            (i, j)
            for i, j in combinations(range(len(canonical)), 2)
            if canonical[i] == canonical[j]
        )

    def overlapping_pairs(self, images: Images = "symbols") -> tuple[Overlap, ...]:
        """Index pairs i < j of templates that share a string, each with a witness."""
        if images not in self._overlaps:
            self._overlaps[images] = self._find_overlaps(images)
        return self._overlaps[images]

    @cached_property
    def _overlaps(self) -> dict[Images, tuple[Overlap, ...]]:
        """Those that have been asked for."""
        return {}

    def _find_overlaps(self, images: Images) -> tuple[Overlap, ...]:
        # With symbols for wildcards only equivalent templates share a string.
        pairs = (
            self.equivalent_pairs()
            if images == "symbols"
            else combinations(range(len(self.templates)), 2)
        )
        witnesses = (
            (i, j, self.templates[i].overlap(self.templates[j], images))
            for i, j in pairs
        )
        return tuple(Overlap(i, j, w) for i, j, w in witnesses if w is not None)

    def match(self, string: str | Iterable[str]) -> TaskMatch | None:
        """The first template that produces `string` with symbols for its wildcards.

        Symbols are tokens outside the task's regular tokens; None if no template
        produces the string that way.
        """
        regular = set(self.regular_tokens)
        tokens = parse_string(string)
        for index, template in enumerate(self.templates):
            substitution = template.match(tokens)
            if substitution is not None and regular.isdisjoint(substitution.values()):
                label = label_of(self.labels[index], substitution)
                return TaskMatch(index, template, substitution, label)
        return None

    def mlp_floor(self) -> Number | None:
        """The least expected squared loss of an MLP on unseen symbols, exactly.

        This is E_skeleton[Var(label | skeleton)] under the weights (claim C2):
        templates with one skeleton look alike to an MLP when their symbols are new.
        None for symbolic labels.
        """
        return self._mlp_floor

    @cached_property
    def _mlp_floor(self) -> Number | None:
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

    def diversity(
        self,
        vocabulary: int | Sequence[str] | None = None,
        law: LawInput | Sequence[LawInput] | Sequence[float | Fraction] | None = None,
    ) -> Fraction | Interval | float:
        """Data diversity ρ: how rarely a token is used, at worst (claim C8).

        ρ = min over templates z and tokens t of 1 / P[t is an image of z's wildcards].
        Exact for uniform substitutions, and for the others up to about 1,000 tokens
        and two wildcards; otherwise an interval at level 1, which contains ρ for
        certain. Infinite when no template has a wildcard.

        >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
        >>> task.diversity(vocabulary=100), task.diversity(vocabulary=3, law="zipf")
        (Fraction(50, 1), Fraction(132, 115))

        Args:
            vocabulary: distinct tokens outside the task's regular tokens, or their
                number; may be left out when every law names its tokens.
            law: as `laws` of the constructor, or one weight for each token of the
                vocabulary; the task's own laws when None.

        Raises:
            InputError: a vocabulary or a law that cannot be used.
        """
        return data_diversity(self.templates, self.laws, vocabulary, law)

    def sample(
        self, count: int, vocabulary: int | Sequence[str], seed: int = 0
    ) -> Sample:
        """Draw strings whose wildcards take tokens of `vocabulary` by the task's laws.

        Labels get the task's noise. It is drawn last: a task with other noise has the
        same strings.

        Args:
            count: number of strings.
            vocabulary: distinct tokens outside the task's regular tokens, at least
                as many as any template has wildcards, among them every token to which
                a law gives a probability. Zipf's law ranks them in this order. Where
                it is a number, so many tokens are made up: s:1, s:2, ….
            seed: equal seeds give equal draws.

        Raises:
            InputError: a vocabulary that is too small, repeats a token, meets the
                regular tokens, or lacks a token of a law.
        """
        positive_integer("seed", seed, low=0)
        if isinstance(vocabulary, int):
            positive_integer("vocabulary", vocabulary)
            avoid = [*self.regular_tokens, *self._label_tokens]
            vocabulary = list(islice(symbol_names(avoid), vocabulary))
        return self._draw(count, vocabulary, random.Random(seed))

    @property
    def _label_tokens(self) -> list[str]:
        """Labels that are tokens or wildcards."""
        return [label for label in self.labels if isinstance(label, str)]

    def _draw(
        self, count: int, vocabulary: Sequence[str], generator: random.Random
    ) -> Sample:
        check_vocabulary(vocabulary, self.templates)
        positive_integer("count", count, low=0)
        indices = generator.choices(
            range(len(self.templates)),
            weights=[float(w) for w in self.weights],
            k=count,
        )
        samplers = {law: law.sampler(vocabulary) for law in set(self.laws)}
        strings, labels = [], []
        for i in indices:
            template = self.templates[i]
            images = samplers[self.laws[i]](len(template.wildcards), generator)
            substitution = Substitution(
                dict(zip(template.wildcards, images, strict=True))
            )
            strings.append(template.substitute(substitution))
            labels.append(label_of(self.labels[i], substitution))
        if self.noise:
            labels = [float(y) + generator.gauss(0, self.noise) for y in labels]
        return Sample(tuple(strings), tuple(labels), tuple(indices))

    def train_test(
        self, n_train: int, n_test: int, vocabulary: int, seed: int
    ) -> tuple[Sample, Sample]:
        """Training and test strings that share no symbol.

        Each side draws by the task's laws from its own `vocabulary` fresh tokens,
        all of them outside the task's regular tokens and labels. Both sides' labels
        have the task's noise.

        >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
        >>> train, test = task.train_test(3, 2, vocabulary=8, seed=0)
        >>> set(" ".join(train.strings).split()) & set(" ".join(test.strings).split())
        set()

        Raises:
            InputError: too few tokens, or a law that names the tokens itself: it could
                not be followed on both sides.
        """
        positive_integer("vocabulary", vocabulary)
        if any(isinstance(law, Probabilities) for law in self.laws):
            raise InputError(
                "a law of the task names its tokens, so training and test strings "
                "would share them; expected uniform or zipf laws"
            )
        avoid = [*self.regular_tokens, *self._label_tokens]
        names = list(islice(symbol_names(avoid), 2 * vocabulary))
        positive_integer("seed", seed, low=0)
        # Streams of their own: seed + 1 for the test would be the next training stream.
        train, test = (random.Random(f"{side} {seed}") for side in ("train", "test"))
        return (
            self._draw(n_train, names[:vocabulary], train),
            self._draw(n_test, names[vocabulary:], test),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TemplateTask):
            return NotImplemented
        return self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    @property
    def _parts(self) -> tuple[object, ...]:
        """Everything that the task was made of."""
        drawn = self.weights, self.laws, self.noise
        return (self.templates, self.labels), drawn, (self.name, self.description)

    def __len__(self) -> int:
        return len(self.templates)

    def __iter__(self) -> Iterator[tuple[Template, Number | str]]:
        return zip(self.templates, self.labels, strict=True)

    def __repr__(self) -> str:
        lines = ", ".join(f"'{t} -> {label_text(y)}'" for t, y in self)
        return f"<TemplateTask {self.name or ''}[{lines}]>"
