"""Strings of a task on three vocabularies that share no symbol.

Networks are trained on the first, the best epoch is chosen on the second, and what is
reported comes from the third: neither of the last two has a symbol that any training
string has, and the choice has seen none of those that are reported on.

Source: arXiv 2310.09753, on experiments.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import torch

from numerics.shapes import Int64
from symbind_theory.laws.arguments import symbol_names
from symbind_theory.laws.substitution_laws import Probabilities
from symbind_theory.tasks import Sample, TemplateTask
from symbind_theory.validation import InputError, positive_integer

__all__ = ["Split", "UnseenSymbols", "unseen_symbols"]


@dataclass(frozen=True)
class Split:
    """Strings of one vocabulary.

    Attributes:
        tokens: strings as numbers of tokens; shape (n, k).
        targets: a number for each, float32; or the number of the label's token.
        candidates: numbers of the tokens among which a label is looked for: the regular
            ones, tokens that are labels, and this split's symbols.
    """

    tokens: Int64[torch.Tensor, "n k"]
    targets: torch.Tensor
    candidates: Int64[torch.Tensor, " symbols"]

    def to(self, device: torch.device) -> Split:
        """The same on another device."""
        return Split(
            self.tokens.to(device), self.targets.to(device), self.candidates.to(device)
        )


@dataclass(frozen=True)
class UnseenSymbols:
    """Three splits, and how many tokens they have between them.

    Attributes:
        train: the strings to train on; labels have the task's noise.
        validation: strings of other symbols, to choose the best epoch by; without
            noise, as the test's.
        test: strings of yet other symbols.
        vocabulary: number of tokens, regular ones and labels first, then the symbols of
            each split.
        symbolic: whether labels are tokens.
    """

    train: Split
    validation: Split
    test: Split
    vocabulary: int
    symbolic: bool

    @property
    def length(self) -> int:
        """k, tokens in a string."""
        return self.train.tokens.shape[1]

    def to(self, device: torch.device) -> UnseenSymbols:
        """The same on another device."""
        return UnseenSymbols(
            self.train.to(device),
            self.validation.to(device),
            self.test.to(device),
            self.vocabulary,
            self.symbolic,
        )


def unseen_symbols(
    task: TemplateTask,
    strings: int,
    seed: int,
    *,
    vocabulary: int | None = None,
    held_out: int = 512,
) -> UnseenSymbols:
    """Draw training, validation and test strings by the task's laws.

    Args:
        task: real labels, or symbolic ones.
        strings: n, of training.
        seed: equal seeds give equal strings, and each split has a stream of its own.
        vocabulary: symbols of the training strings; n when None, or as many as a
            template needs. Lower it to see what little diversity does.
        held_out: strings of validation and again of the test, on as many symbols each.
            Raise it for a smaller error bar of a single network.

    Raises:
        InputError: a number out of range, or a law that names the tokens itself.
    """
    positive_integer("strings", strings)
    positive_integer("held_out", held_out)
    positive_integer("seed", seed, low=0)
    if any(isinstance(law, Probabilities) for law in task.laws):
        raise InputError(
            "a law of the task names its tokens, so training and test strings would "
            "share them; expected uniform or zipf laws"
        )
    least = max(len(template.wildcards) for template in task.templates) or 1
    wanted = max(strings, least) if vocabulary is None else vocabulary
    seen = positive_integer("vocabulary", wanted, low=least)
    others = max(held_out, least)
    fixed = list(task.regular_tokens)
    fixed += [y for y in _label_tokens(task) if y not in fixed]
    names = list(islice(symbol_names(fixed), seen + 2 * others))
    number = {token: i for i, token in enumerate([*fixed, *names])}
    quiet = task if task.symbolic else task.with_noise(0)
    sides = (
        ("train", task, strings, names[:seen]),
        ("validation", quiet, held_out, names[seen : seen + others]),
        ("test", quiet, held_out, names[seen + others :]),
    )
    splits = {}
    for index, (side, drawn_from, count, symbols) in enumerate(sides):
        drawn = drawn_from.sample(count, symbols, seed=3 * seed + index)
        splits[side] = _split(drawn, task, number, [*fixed, *symbols])
    return UnseenSymbols(**splits, vocabulary=len(number), symbolic=task.symbolic)


def _label_tokens(task: TemplateTask) -> list[str]:
    """Labels that are tokens, not wildcards."""
    copied = set(task.copied)
    labels = [y for i, y in enumerate(task.labels) if i not in copied]
    return list(dict.fromkeys(y for y in labels if isinstance(y, str)))


def _split(
    drawn: Sample, task: TemplateTask, number: dict[str, int], among: list[str]
) -> Split:
    tokens = [[number[token] for token in s.split()] for s in drawn.strings]
    if task.symbolic:
        targets = torch.tensor([number[str(y)] for y in drawn.labels])
    else:
        labels = [float(y) for y in drawn.labels]
        targets = torch.tensor(labels, dtype=torch.float32)
    candidates = torch.tensor([number[token] for token in among])
    return Split(torch.tensor(tokens), targets, candidates)
