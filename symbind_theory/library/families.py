"""Families of tasks, of any size: what is too long to write out, template by template.

Each function makes the task of one size. Some sizes have a name among the built-in
tasks (`FAMILIES`).

Sources: Webb et al. 2021 for answers to choose from, with the format of their code;
Yang et al. 2025 for rules shown by examples; the rest is symbind's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations, product
from types import MappingProxyType

from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template
from symbind_theory.validation import InputError, positive_integer

__all__ = [
    "FAMILIES",
    "chain_task",
    "counting_task",
    "distribution_of_three_task",
    "few_shot_task",
    "identity_rules_task",
    "majority_task",
    "set_task",
]

# A template of k positions has up to Bell(k) patterns: 4140 for 8, 21147 for 9.
_LONGEST = 8


def counting_task(length: int) -> TemplateTask:
    """How often does the first symbol occur? All others differ.

    One template for each set of positions that repeat the first: 2^(length − 1).

    >>> [str(t) for t in counting_task(3).templates]
    ['?a ?a ?a', '?a ?a ?b', '?a ?b ?a', '?a ?b ?c']

    Args:
        length: positions, from 1 to 8.

    Raises:
        InputError: another length.
    """
    _check("length", length, _LONGEST)
    templates = []
    for repeats in product([True, False], repeat=length - 1):
        letters = iter("bcdefghi")
        rest = [f"?{'a' if again else next(letters)}" for again in repeats]
        templates.append(Template(["?a", *rest]))
    counts = [t.tokens.count("?a") for t in templates]
    return TemplateTask(
        templates,
        counts,
        name=f"counting-{length}",
        description="How often does the first symbol occur? All others differ.",
    )


def majority_task(length: int) -> TemplateTask:
    """Does the first symbol fill more than half of the positions? 1 or −1.

    The templates are all patterns of that length, Bell(length) of them.

    >>> len(majority_task(4))
    15

    Args:
        length: positions, from 1 to 8.

    Raises:
        InputError: another length.
    """
    _check("length", length, _LONGEST)
    templates = [Template(_names(pattern)) for pattern in _patterns(length)]
    labels = [1 if 2 * t.tokens.count("?a") > length else -1 for t in templates]
    return TemplateTask(
        templates,
        labels,
        name=f"majority-{length}",
        description=(
            f"Does the first symbol fill more than half of {length} positions? 1 if it "
            "does, -1 if not. The templates are all patterns of that length."
        ),
    )


def distribution_of_three_task() -> TemplateTask:
    """Distribution of three with four answers: nine tokens, as in the ESBN paper.

    A row of three objects, two of them again in any order, then the three and a fourth
    one in any order, to choose from: 6 × 24 templates. The label is the place, from 1
    to 4, of the answer that completes the second row.

    Source: Webb et al. 2021.
    """
    templates, labels = [], []
    for *begun, missing in permutations("abc"):
        for choices in permutations("abcd"):
            templates.append(Template(_names([*"abc", *begun, *choices])))
            labels.append(1 + choices.index(missing))
    return TemplateTask(
        templates,
        labels,
        name="distribution-of-three-choices",
        description=(
            "A row of three objects, two of them again in any order, then four "
            "answers: the place, 1 to 4, of the one that completes the second row. The "
            "format of Webb et al. (ESBN, 2020)."
        ),
    )


def identity_rules_task() -> TemplateTask:
    """Identity rules with four answers: nine tokens, as in the ESBN paper.

    A row by one of the rules ABA, ABB and AAA, the first two objects of a second row,
    then four answers in any order: the objects of both rows, and for AAA two more. The
    label is the place, from 1 to 4, of the answer that completes the second row. The
    rules are equally probable; the two objects more can be exchanged, so that AAA has
    12 templates and the others 24 each.

    Source: Webb et al. 2021.
    """
    rules = {"aba": ("cd", "c"), "abb": ("cd", "d"), "aaa": ("cc", "c")}
    weights: dict[Template, int] = {}
    labels: dict[Template, int] = {}
    for row, (begun, answer) in rules.items():
        objects = "abcd" if row != "aaa" else "acef"
        for choices in permutations(objects):
            # Equal up to renaming where only e and f are exchanged.
            template = Template(_names([*row, *begun, *choices])).canonical()
            weights[template] = weights.get(template, 0) + 1
            labels[template] = 1 + choices.index(answer)
    return TemplateTask(
        [Template([_letter(x) for x in t.tokens]) for t in weights],
        list(labels.values()),
        list(weights.values()),
        name="identity-rules-choices",
        description=(
            "A row by one of the rules ABA, ABB and AAA, two objects of a second row, "
            "then four answers: the place, 1 to 4, of the one that completes the "
            "second row by the rule of the first. The format of Webb et al. (ESBN, "
            "2020)."
        ),
    )


def few_shot_task(shots: int) -> TemplateTask:
    """ABA or ABB by examples in the prompt: which token comes next?

    One template for each rule: so many examples, then two symbols of one more. The
    label is the wildcard to copy. All examples of a prompt follow one rule and use
    symbols of their own.

    >>> for template, label in few_shot_task(1):
    ...     print(template, "→", label)
    ?a ?b ?a ; ?c ?d → ?c
    ?a ?b ?b ; ?c ?d → ?d

    Args:
        shots: examples, from 1 to 12.

    Raises:
        InputError: another number.

    Source: Yang et al. 2025, who ask language models.
    """
    _check("shots", shots, 12)
    templates, labels = [], []
    for place in (0, 1):
        tokens: list[str] = []
        for shot in range(shots):
            first, second = (f"?{_alphabet(2 * shot + n)}" for n in (0, 1))
            tokens += [first, second, (first, second)[place], ";"]
        asked = [f"?{_alphabet(2 * shots + n)}" for n in (0, 1)]
        templates.append(Template([*tokens, *asked]))
        labels.append(asked[place])
    return TemplateTask(
        templates,
        labels,
        name=f"aba-abb-{shots}-shot",
        description=(
            f"ABA or ABB, shown by examples ({shots}): which token comes next? The "
            "label is the wildcard to copy."
        ),
    )


def chain_task(links: int) -> TemplateTask:
    """Two chains of variables, one of them to be followed to its value: 1 or −1.

    The values + and − go to two variables, in either order; each later line gives a new
    variable the value of one of the two before it, and the next one the other; at the
    end one of the last two is printed. The chain that is not asked for distracts: every
    line has its counterpart. 2^(links + 1) templates.

    >>> for template, label in list(chain_task(2))[:2]:
    ...     print(template, "→", label)
    ?a = + ; ?b = - ; ?c = ?a ; ?d = ?b ; print ( ?c ) → 1
    ?a = + ; ?b = - ; ?c = ?a ; ?d = ?b ; print ( ?d ) → -1

    Args:
        links: variables in each chain, from 1 to 6; 1 is `variable-assignment`.

    Raises:
        InputError: another number.
    """
    _check("links", links, 6)
    templates, labels = [], []
    for signs in ("+-", "-+"):
        for wiring in product([(0, 1), (1, 0)], repeat=links - 1):
            tokens: list[str] = []
            value: dict[str, str] = {}
            last = list(signs)
            for link, source in enumerate([(0, 1), *wiring]):
                new = [f"?{_alphabet(2 * link + n)}" for n in (0, 1)]
                for name, place in zip(new, source, strict=True):
                    tokens += [name, "=", last[place], ";"]
                    value[name] = value.get(last[place], last[place])
                last = new
            for asked in last:
                templates.append(Template([*tokens, "print", "(", asked, ")"]))
                labels.append(1 if value[asked] == "+" else -1)
    return TemplateTask(
        templates,
        labels,
        name=f"variable-chain-{links}",
        description=(
            f"Two chains of {links} variables that cross, one of them to be followed "
            "to its value: 1 for +, -1 for -. The other one distracts."
        ),
    )


def set_task(attributes: int) -> TemplateTask:
    """Do three cards form a set, as in the game SET? 1 or −1.

    A card has a value for each attribute; three cards form a set where each attribute
    has one value on all of them, or three. The string is the cards one after another.
    Values of different attributes are different symbols: 5^attributes templates, each a
    pattern of three for each attribute.

    >>> [int(label) for _, label in set_task(1)]
    [1, -1, -1, -1, 1]

    Args:
        attributes: from 1 to 4, as many as the game has.

    Raises:
        InputError: another number.
    """
    _check("attributes", attributes, 4)
    templates, labels = [], []
    for patterns in product(_patterns(3), repeat=attributes):
        names = [
            [_alphabet(3 * n + "abc".index(x)) for x in pattern]
            for n, pattern in enumerate(patterns)
        ]
        cards = [name[card] for card in range(3) for name in names]
        templates.append(Template(_names(cards)))
        labels.append(1 if all(len(set(p)) != 2 for p in patterns) else -1)
    return TemplateTask(
        templates,
        labels,
        name=f"set-{attributes}",
        description=(
            f"Three cards with values of {attributes} attributes: do they form a set, "
            "as in the game SET? 1 if each attribute has one value or three, -1 if not."
        ),
    )


FAMILIES = MappingProxyType[str, Callable[[], TemplateTask]](
    {
        "aba-abb-1-shot": lambda: few_shot_task(1),
        "aba-abb-2-shot": lambda: few_shot_task(2),
        "counting-5": lambda: counting_task(5),
        "counting-7": lambda: counting_task(7),
        "distribution-of-three-choices": distribution_of_three_task,
        "identity-rules-choices": identity_rules_task,
        "majority-4": lambda: majority_task(4),
        "majority-6": lambda: majority_task(6),
        "set-1": lambda: set_task(1),
        "set-2": lambda: set_task(2),
        "variable-chain-2": lambda: chain_task(2),
        "variable-chain-3": lambda: chain_task(3),
    }
)
"""The families' members that are built-in tasks, by name."""


def _check(name: str, value: int, most: int) -> None:
    """Refuse what is no size of a family.

    Raises:
        InputError: not an integer from 1 to `most`.
    """
    if positive_integer(name, value) > most:
        raise InputError(f"{name} is {value}; expected at most {most}")


def _patterns(length: int) -> list[str]:
    """All patterns as letters, each the next new one or one seen before."""
    patterns = [""]
    for _ in range(length):
        patterns = [p + _alphabet(n) for p in patterns for n in range(len(set(p)) + 1)]
    return patterns


def _names(letters: Sequence[str]) -> list[str]:
    return [f"?{letter}" for letter in letters]


def _alphabet(number: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[number]


def _letter(wildcard: str) -> str:
    """A wildcard of a canonical template with a letter for its number."""
    return f"?{_alphabet(int(wildcard.removeprefix('?')) - 1)}"
