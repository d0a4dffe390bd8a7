"""Laws and vocabularies as arguments, held against the templates that they serve."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count

from symbind_theory.laws.substitution_laws import (
    Law,
    LawInput,
    Probabilities,
    Uniform,
    Zipf,
    read_law,
)
from symbind_theory.templates import Template
from symbind_theory.validation import InputError, shorten

__all__ = ["check_vocabulary", "read_laws", "regular_tokens_of", "symbol_names"]


def regular_tokens_of(templates: Sequence[Template]) -> tuple[str, ...]:
    """The regular tokens of all templates, by first appearance."""
    return tuple(dict.fromkeys(token for t in templates for token in t.regular_tokens))


def read_laws(
    name: str,
    laws: LawInput | Sequence[LawInput] | None,
    templates: Sequence[Template],
) -> tuple[Law, ...]:
    """One law of substitutions for each template; uniform when None.

    Args:
        name: of the argument, for messages.
        laws: one for all templates, or one for each.
        templates: of a task.

    Raises:
        InputError: not a law; another number of them; a law that gives a probability to
            a regular token of the task, or to fewer tokens than wildcards.
    """
    if laws is None:
        laws = Uniform()
    if isinstance(laws, Uniform | Zipf | Probabilities | Mapping | str):
        laws = [laws] * len(templates)
    if len(laws) != len(templates):
        raise InputError(
            f"{name} has {len(laws)} entries for {len(templates)} templates; expected "
            "one for all, or one for each"
        )
    read = tuple(read_law(name, law) for law in laws)
    regular = set(regular_tokens_of(templates))
    for template, law in zip(templates, read, strict=True):
        if not isinstance(law, Probabilities):
            continue
        tokens, wildcards = law.tokens, len(template.wildcards)
        if clash := regular.intersection(tokens):
            raise InputError(
                f"law of {shorten(str(template))} gives a probability to the regular "
                f"token {min(clash)}; expected tokens outside the task's regular tokens"
            )
        if len(tokens) < wildcards:
            raise InputError(
                f"law of {shorten(str(template))} gives a probability to {len(tokens)} "
                f"tokens; expected at least {wildcards}, one for each wildcard"
            )
    return read


def check_vocabulary(
    vocabulary: int | Sequence[str], templates: Sequence[Template]
) -> None:
    """Refuse tokens, or a number of tokens, that wildcards cannot be given.

    Raises:
        InputError: fewer tokens than wildcards, one that repeats, or a regular token.
    """
    if isinstance(vocabulary, str):
        raise InputError(
            f"vocabulary is the text {shorten(vocabulary)}; expected a list of tokens"
        )
    size = vocabulary if isinstance(vocabulary, int) else len(vocabulary)
    most = max(len(t.wildcards) for t in templates)
    if size < most:
        raise InputError(
            f"vocabulary has {size} tokens; expected at least {most}, the largest "
            "number of wildcards in a template"
        )
    if isinstance(vocabulary, int):
        return
    if others := [token for token in vocabulary if not isinstance(token, str)]:
        raise InputError(
            f"vocabulary has {shorten(others[0])}; expected tokens, which are text"
        )
    if len(set(vocabulary)) < size:
        raise InputError("vocabulary repeats a token; expected distinct tokens")
    if clash := set(vocabulary).intersection(regular_tokens_of(templates)):
        raise InputError(
            f"vocabulary contains the regular token {min(clash)}; expected tokens "
            "outside the task's regular tokens"
        )


def symbol_names(avoid: Iterable[str]) -> Iterator[str]:
    """Endless distinct tokens outside `avoid` for data: s:1, s:2, ….

    Nobody names tokens so: strings of one's own are never among the generated ones.
    """
    taken = set(avoid)
    return (name for i in count(1) if (name := f"s:{i}") not in taken)
