"""Template tasks as prompts: some strings with their labels, and one without.

A string is written as its words, each with a space before it; then an arrow and the
label. Strings are separated by a line end:

     river stone river -> A
     moon table table -> B
     glass horse glass ->

The first strings are the shots. They run through the templates in a random order, and
through another one when all have had their turn. The last string is the query. Its
symbols occur in no shot, nor among regular tokens and labels: they are unseen. Shots
draw their symbols independently of each other.

Real labels y_1, …, y_r become words w_1, …, w_r. A cluster is one choice of strings in
r prompts: in the s-th of them y_i is written w_{i+s}, indices modulo r. The queries of
clusters run through the labels. So whoever answers the same word everywhere is right
in one of r prompts exactly, as is whoever names a label without regard to the query, on
average. Labels that are symbols are written as they are, one prompt a cluster.

The answer is one of a few candidates: the words; or the symbols that stand where some
template's label is copied from, and the tokens that are labels.

Source: Boix-Adserà et al., arXiv 2310.09753, for tasks; the format is symbind's.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from numerics.gpt2.prompt_pieces import PromptPieces
from symbind_theory.laws.substitution_laws import Probabilities
from symbind_theory.task_arguments import as_wildcard, label_of
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Substitution
from symbind_theory.validation import InputError, positive_integer, shorten

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["LETTERS", "Prompt", "PromptFormat", "PromptWriter", "Prompts"]

LETTERS = tuple("ABCDEFGHIJKL")
"""The words that labels are written as, unless others are asked for."""


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """How prompts are written.

    Attributes:
        words: what real labels are written as: at least as many words as labels, each
            one token with the space before it.
        arrow: what stands between a string and its label.
        separator: what stands between a label and the next string.
    """

    words: tuple[str, ...] = LETTERS
    arrow: str = "->"
    separator: str = "\n"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question to a model.

    Attributes:
        text: as a reader sees it.
        tokens: of the text, those before any text first.
        candidates: tokens among which the answer is chosen; distinct.
        answer: the right one's index among them.
        template: index of the query's template.
        cluster: prompts of one cluster have the same strings.
    """

    text: str
    tokens: tuple[int, ...]
    candidates: tuple[int, ...]
    answer: int
    template: int
    cluster: int


@dataclass(frozen=True)
class Prompts:
    """Prompts of one kind, cluster by cluster.

    Attributes:
        prompts: the prompts.
        size: prompts in a cluster.
        chance: the share of right answers of whoever guesses among the candidates.
    """

    prompts: tuple[Prompt, ...]
    size: int
    chance: float

    @property
    def tokens(self) -> int:
        """How many tokens they have between them."""
        return sum(len(prompt.tokens) for prompt in self.prompts)


class PromptWriter:
    """Writes the prompts of one task for one tokenizer.

    Args:
        task: at least two labels; templates of weight zero are left out.
        tokenizer: of the model.
        written: the format; the usual one when None.

    Raises:
        InputError: a law that names its tokens, one label, more labels than words, or
            a word that is not one token.
    """

    def __init__(
        self,
        task: TemplateTask,
        tokenizer: PreTrainedTokenizerBase,
        written: PromptFormat | None = None,
    ) -> None:
        if any(isinstance(law, Probabilities) for law in task.laws):
            raise InputError(
                "a law of the task names its tokens; expected uniform or zipf laws: "
                "symbols are words of the tokenizer here"
            )
        self._task, self._format = task, written or PromptFormat()
        self._pieces = PromptPieces(tokenizer)
        self._templates = [i for i, weight in enumerate(task.weights) if weight]
        self._kinds = self._kinds_of_labels()
        if len(self._kinds) < 2:
            raise InputError(
                f"the task has the one label {shorten(next(iter(self._kinds)))}; "
                "expected at least two to choose from"
            )
        self._words: tuple[str, ...] = ()
        if not task.symbolic:
            self._words = self._label_words(len(self._kinds))

    def _kinds_of_labels(self) -> dict[object, list[int]]:
        """Templates by label: a number, a token, or the place it is copied from."""
        kinds: dict[object, list[int]] = {}
        for i in self._templates:
            kind: object = self._task.labels[i]
            if i in self._task.copied:
                name = as_wildcard(str(kind))
                kind = self._task.templates[i].wildcard_positions[str(name)][0]
            kinds.setdefault(kind, []).append(i)
        return kinds

    def _label_words(self, count: int) -> tuple[str, ...]:
        words = self._format.words
        if count > len(words) or len(set(words)) < len(words):
            raise InputError(
                f"the words for labels are {len(set(words))}; expected {count} "
                "distinct ones or more, one for each label of the task"
            )
        for word in words[:count]:
            self._pieces.single(word, "a word for labels")
        return words[:count]

    @property
    def labels(self) -> int:
        """How many labels there are, places that symbols are copied from included."""
        return len(self._kinds)

    @property
    def size(self) -> int:
        """Prompts in a cluster."""
        return len(self._words) or 1

    def usable(self, words: Sequence[str]) -> list[str]:
        """Those of some words that can be symbols: no regular tokens, no labels.

        Raises:
            InputError: too few for a shot beside a query.
        """
        taken = {*self._task.regular_tokens, *self._words, self._format.arrow}
        taken |= {str(y) for y in self._task.labels}
        left = [word for word in words if word not in taken]
        least = 2 * max(len(t.wildcards) for t in self._task.templates)
        if len(left) < least:
            raise InputError(
                f"the words for symbols are {len(left)}; expected at least {least}: "
                "choose a larger fraction of the tokenizer's words"
            )
        return left

    def draw(
        self,
        words: Sequence[str],
        shots: int,
        prompts: int,
        seed: int,
        *,
        rotations: Sequence[int] | None = None,
    ) -> Prompts:
        """Draw prompts; equal arguments give equal ones.

        Args:
            words: the symbols, by rank where a law is Zipf's.
            shots: labelled strings before the query, ≥ 0.
            prompts: at least so many: clusters are whole, and the queries of all
                labels equally many.
            seed: of the stream of random numbers; each number of shots has its own.
            rotations: the s of a cluster's prompts; all r of them when None. Choose
                one where a model has been trained with it.

        Raises:
            InputError: a number out of range, or too few words.
        """
        positive_integer("shots", shots, low=0)
        positive_integer("prompts", prompts)
        generator = random.Random(
            f"{positive_integer('seed', seed, low=0)} prompts of {shots} shots"
        )
        symbols = self.usable(words)
        turns = tuple(range(self.size)) if rotations is None else tuple(rotations)
        count = -(-prompts // (len(turns) * self.labels)) * self.labels
        drawn: list[Prompt] = []
        kinds = list(self._kinds.values())
        for cluster in range(max(count, 2 * self.labels)):
            among = kinds[cluster % self.labels]
            drawn += self._cluster(cluster, among, symbols, shots, turns, generator)
        chance = sum(1 / len(prompt.candidates) for prompt in drawn) / len(drawn)
        return Prompts(tuple(drawn), len(turns), chance)

    def _cluster(
        self,
        cluster: int,
        among: Sequence[int],
        symbols: Sequence[str],
        shots: int,
        turns: Sequence[int],
        generator: random.Random,
    ) -> list[Prompt]:
        """The prompts of one choice of strings."""
        weights = [float(self._task.weights[i]) for i in among]
        query = generator.choices(among, weights)[0]
        images = self._images(query, symbols, generator)
        unused = set(images.values())
        others = [symbol for symbol in symbols if symbol not in unused]
        order = list(islice(_endless_turns(self._templates, generator), shots))
        strings = [(i, self._images(i, others, generator)) for i in order]
        return [
            self._prompt([*strings, (query, images)], turn, cluster) for turn in turns
        ]

    def _images(
        self, template: int, symbols: Sequence[str], generator: random.Random
    ) -> Substitution:
        names = self._task.templates[template].wildcards
        images = self._task.laws[template].sampler(symbols)(len(names), generator)
        return Substitution(dict(zip(names, images, strict=True)))

    def _prompt(
        self, strings: Sequence[tuple[int, Substitution]], turn: int, cluster: int
    ) -> Prompt:
        pieces: list[str] = []
        for place, (i, images) in enumerate(strings):
            string = self._task.templates[i].substitute(images)
            pieces += [f" {word}" for word in [*string.split(), self._format.arrow]]
            if place < len(strings) - 1:
                pieces += [f" {self._answer(i, images, turn)}", self._format.separator]
        query, images = strings[-1]
        candidates = self._candidates(query, images)
        return Prompt(
            text="".join(pieces),
            tokens=self._pieces.tokens(pieces),
            candidates=tuple(self._pieces.single(w, "a label") for w in candidates),
            answer=candidates.index(self._answer(query, images, turn)),
            template=query,
            cluster=cluster,
        )

    def _answer(self, template: int, images: Mapping[str, str], turn: int) -> str:
        """The word that a string's label is written as."""
        label = self._task.labels[template]
        if not self._words:
            return str(label_of(label, images))
        return self._words[(list(self._kinds).index(label) + turn) % len(self._words)]

    def _candidates(self, query: int, images: Mapping[str, str]) -> list[str]:
        """The words among which the query's label is looked for."""
        if self._words:
            return list(self._words)
        string = self._task.templates[query].substitute(images).split()
        words = (string[k] if isinstance(k, int) else str(k) for k in self._kinds)
        return list(dict.fromkeys(words))


def _endless_turns(items: Sequence[int], generator: random.Random) -> Iterator[int]:
    """All items in a random order, and again in another one, without end."""
    while True:
        yield from generator.sample(items, len(items))
