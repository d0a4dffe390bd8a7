"""Hypothesis strategies for templates, substitutions and template tasks.

They build each value from small integers instead of filtering, so examples are seldom
rejected and shrink to short templates such as `?a ?a`. Importing this module imports
Hypothesis; nothing else in `symbind_theory` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import (
    Images,
    Substitution,
    Template,
    fresh_tokens,
    parse_string,
)
from symbind_theory.validation import InputError, one_of, positive_integer

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn
else:
    # Hypothesis's own DrawFn is a protocol that cannot be checked at run time.
    DrawFn = Callable

__all__ = [
    "disjoint_pairs",
    "equivalent_pairs",
    "inequivalent_pairs",
    "substitutions",
    "tasks",
    "templates",
    "tokens",
]

REGULAR_TOKENS = ("X", "Y")
"""The regular tokens that the strategies use unless told otherwise."""

# Among them names that look like a regular token, a number and a Greek letter.
_NAMES = ("a", "b", "c", "X", "α", "1", "β", "2", "name")

# None is a wildcard, although `?` alone and a capital Greek letter look like one.
_ODD_TOKENS = ("?", "->", "Ω", "αα", "é", "1")

# A template before its wildcards are named: c >= 0 is wildcard number c and -1 - i is
# regular token number i. Wildcards are numbered by first appearance, so two templates
# are equivalent exactly when their codes are equal.
_Code = tuple[int, ...]


def _wildcard_count(code: Sequence[int]) -> int:
    return max(0, *(c + 1 for c in code)) if code else 0


@dataclass(frozen=True, slots=True)
class _Family:
    """The templates that a strategy may draw from."""

    lengths: range
    regular_tokens: tuple[str, ...]
    max_wildcards: int

    @classmethod
    def read(
        cls,
        length: int | None,
        max_length: int,
        regular_tokens: Iterable[str],
        max_wildcards: int | None,
    ) -> _Family:
        positive_integer("max_length", max_length)
        if length is not None:
            positive_integer("length", length)
        lengths = (
            range(1, max_length + 1) if length is None else range(length, length + 1)
        )
        regular = tuple(regular_tokens)
        if regular:
            parse_string(regular)
        if len(set(regular)) < len(regular):
            raise InputError(
                f"regular_tokens is {regular}; expected each token only once"
            )
        if max_wildcards is None:
            max_wildcards = lengths[-1]
        positive_integer("max_wildcards", max_wildcards, low=0)
        if not regular and not max_wildcards:
            raise InputError(
                "max_wildcards is 0 without regular tokens; expected at least 1"
            )
        return cls(lengths, regular, max_wildcards)

    def at_least(self, length: int) -> _Family:
        """The same family without the templates shorter than `length`."""
        lengths = range(max(length, self.lengths[0]), self.lengths[-1] + 1)
        return _Family(lengths, self.regular_tokens, self.max_wildcards)

    @property
    def two_wildcards_fit(self) -> bool:
        return self.max_wildcards >= 2 and self.lengths[-1] >= 2

    def choices(self, prefix: Sequence[int]) -> list[int]:
        """What may follow a code: a wildcard seen, a new one, or a regular token."""
        wildcards = range(min(_wildcard_count(prefix) + 1, self.max_wildcards))
        return [*wildcards, *(-1 - i for i in range(len(self.regular_tokens)))]

    def named(self, code: _Code, names: Sequence[str]) -> Template:
        """The template of a code, with its wildcards in order called `names`."""
        return Template(
            f"?{names[c]}" if c >= 0 else self.regular_tokens[-1 - c] for c in code
        )


@st.composite
def _codes(
    draw: DrawFn,
    family: _Family,
    length: int,
    prefix: _Code = (),
    wildcard_at: int | None = None,
) -> _Code:
    """Codes of that length that begin with `prefix`."""
    code = list(prefix)
    while len(code) < length:
        choices = family.choices(code)
        if len(code) == wildcard_at:
            choices = [c for c in choices if c >= 0]
        code.append(draw(st.sampled_from(choices)))
    return tuple(code)


@st.composite
def _distinct(draw: DrawFn, pool: Sequence[str], count: int) -> tuple[str, ...]:
    """That many distinct members of `pool`; shrinks to its first ones."""
    left = list(pool)
    return tuple(left.pop(draw(st.integers(0, len(left) - 1))) for _ in range(count))


def _name_pool(count: int) -> tuple[str, ...]:
    """More than `count` wildcard names."""
    return (*_NAMES, *(f"w{i}" for i in range(count + 1 - len(_NAMES))))


@st.composite
def _named(draw: DrawFn, family: _Family, code: _Code) -> Template:
    """The templates of a code: its wildcards get any distinct names."""
    count = _wildcard_count(code)
    return family.named(code, draw(_distinct(_name_pool(count), count)))


@st.composite
def _templates(draw: DrawFn, family: _Family, wildcard: bool = False) -> Template:
    length = draw(st.sampled_from(family.lengths))
    position = draw(st.integers(0, length - 1)) if wildcard else None
    code = draw(_codes(family, length, wildcard_at=position))
    return draw(_named(family, code))


def tokens(avoid: Iterable[str] = ()) -> st.SearchStrategy[str]:
    """Tokens of data strings: never a wildcard, never `[CLS]`.

    Mostly letters; a few look like syntax (`->`, `?`) or like a wildcard (`Ω`).

    Args:
        avoid: tokens that are left out.
    """
    return st.sampled_from(_token_pool(avoid, 8))


def _token_pool(avoid: Iterable[str], count: int) -> tuple[str, ...]:
    """`count` fresh tokens, then the odd ones, all outside `avoid`."""
    taken = set(avoid)
    fresh = islice(fresh_tokens(taken.union(_ODD_TOKENS)), count)
    return (*fresh, *(token for token in _ODD_TOKENS if token not in taken))


def templates(
    *,
    length: int | None = None,
    max_length: int = 6,
    regular_tokens: Iterable[str] = REGULAR_TOKENS,
    max_wildcards: int | None = None,
) -> st.SearchStrategy[Template]:
    """Templates over given regular tokens; every equality pattern can occur.

    Wildcard names vary and need not follow the order of appearance.

    Args:
        length: the number of positions, at least 1; anything up to `max_length` when
            None.
        max_length: the largest length, used when `length` is None.
        regular_tokens: distinct regular tokens that may appear, possibly none.
        max_wildcards: the largest number of distinct wildcards, at least 0 (at least 1
            without regular tokens); no limit when None.

    Raises:
        InputError: an argument out of range, or a regular token that is a wildcard.
    """
    return _templates(_Family.read(length, max_length, regular_tokens, max_wildcards))


def substitutions(
    template: Template, images: Images = "symbols", avoid: Iterable[str] = ()
) -> st.SearchStrategy[Substitution]:
    """Injective substitutions of exactly the wildcards of a template.

    Args:
        template: its wildcards are the keys.
        images: "symbols": tokens outside the template's regular ones; "any": its
            regular tokens too.
        avoid: tokens that are never images, such as other templates' regular tokens
            or the images of another substitution.

    Raises:
        InputError: `images` is neither of the two.
    """
    one_of("images", images, ("symbols", "any"))
    taken = set(avoid)
    count = len(template.wildcards)
    pool = _token_pool(taken.union(template.regular_tokens), count + 2)
    if images == "any":
        pool += tuple(t for t in template.regular_tokens if t not in taken)
    return _distinct(pool, count).map(
        lambda tokens: Substitution(dict(zip(template.wildcards, tokens, strict=True)))
    )


def equivalent_pairs(
    *,
    length: int | None = None,
    max_length: int = 6,
    regular_tokens: Iterable[str] = REGULAR_TOKENS,
    max_wildcards: int | None = None,
) -> st.SearchStrategy[tuple[Template, Template]]:
    """A template and a renaming of its wildcards: equivalent, but not equal.

    Names may be swapped or new; the first wildcard's name always changes.

    Args:
        length: as in `templates`.
        max_length: as in `templates`.
        regular_tokens: as in `templates`.
        max_wildcards: as in `templates`, but at least 1.

    Raises:
        InputError: as in `templates`.
    """
    family = _Family.read(length, max_length, regular_tokens, max_wildcards)
    if not family.max_wildcards:
        raise InputError("max_wildcards is 0; expected at least 1 to rename")
    return _templates(family, wildcard=True).flatmap(_with_renaming)


@st.composite
def _with_renaming(draw: DrawFn, template: Template) -> tuple[Template, Template]:
    old = template.wildcards
    pool = _name_pool(len(old))
    first = draw(st.sampled_from([name for name in pool if name != old[0]]))
    rest = [name for name in pool if name != first]
    new = (first, *draw(_distinct(rest, len(old) - 1)))
    text = {
        p: n
        for n, o in zip(new, old, strict=True)
        for p in template.wildcard_positions[o]
    }
    renamed = Template(
        f"?{text[p]}" if p in text else token for p, token in enumerate(template.tokens)
    )
    return template, renamed


def inequivalent_pairs(
    *,
    length: int | None = None,
    max_length: int = 6,
    regular_tokens: Iterable[str] = REGULAR_TOKENS,
    max_wildcards: int | None = None,
) -> st.SearchStrategy[tuple[Template, Template]]:
    """Two templates of one length, equal under no renaming of wildcards.

    Every such pair can occur, those that differ only late in the string often.

    Args:
        length: as in `templates`.
        max_length: as in `templates`.
        regular_tokens: as in `templates`.
        max_wildcards: as in `templates`.

    Raises:
        InputError: as in `templates`, or all templates allowed are equivalent.
    """
    family = _Family.read(length, max_length, regular_tokens, max_wildcards)
    if len(family.regular_tokens) + min(family.max_wildcards, 1) < 2:
        if not family.two_wildcards_fit:
            raise InputError(
                f"templates up to length {family.lengths[-1]} with regular tokens "
                f"{family.regular_tokens} and at most {family.max_wildcards} wildcards "
                "are all equivalent; expected more regular tokens, or two wildcards "
                "and two positions"
            )
        family = family.at_least(2)
    return _code_pairs(family).flatmap(lambda pair: _named_pair(family, *pair))


@st.composite
def _code_pairs(draw: DrawFn, family: _Family) -> tuple[_Code, _Code]:
    """Two different codes of one length: alike up to a position, not at it."""
    length = draw(st.sampled_from(family.lengths))
    one = draw(_codes(family, length))
    forks = [p for p in range(length) if len(family.choices(one[:p])) > 1]
    fork = draw(st.sampled_from(forks))
    choices = [c for c in family.choices(one[:fork]) if c != one[fork]]
    prefix = (*one[:fork], draw(st.sampled_from(choices)))
    return one, draw(_codes(family, length, prefix))


@st.composite
def _named_pair(
    draw: DrawFn, family: _Family, one: _Code, other: _Code
) -> tuple[Template, Template]:
    return draw(_named(family, one)), draw(_named(family, other))


def disjoint_pairs(
    images: Images = "symbols",
    *,
    length: int | None = None,
    max_length: int = 6,
    regular_tokens: Iterable[str] = REGULAR_TOKENS,
    max_wildcards: int | None = None,
) -> st.SearchStrategy[tuple[Template, Template]]:
    """Two templates of one length that no string can come from both.

    For symbols these are the inequivalent pairs. For any tokens, a pair that overlaps
    is mended by a conflict: two regular tokens at one position, or two positions equal
    in one template and different wildcards in the other.

    Args:
        images: what wildcards may become, as in `Template.disjoint`.
        length: as in `templates`.
        max_length: as in `templates`.
        regular_tokens: as in `templates`.
        max_wildcards: as in `templates`.

    Raises:
        InputError: as in `templates`, or no two templates allowed are disjoint.
    """
    one_of("images", images, ("symbols", "any"))
    family = _Family.read(length, max_length, regular_tokens, max_wildcards)
    if images == "symbols":
        return inequivalent_pairs(
            length=length,
            max_length=max_length,
            regular_tokens=family.regular_tokens,
            max_wildcards=max_wildcards,
        )
    if len(family.regular_tokens) < 2:
        if not family.two_wildcards_fit:
            raise InputError(
                f"templates up to length {family.lengths[-1]} with regular tokens "
                f"{family.regular_tokens} and at most {family.max_wildcards} wildcards "
                "all overlap; expected two regular tokens, or two wildcards and two "
                "positions"
            )
        family = family.at_least(2)
    return _disjoint_any(family)


@st.composite
def _disjoint_any(draw: DrawFn, family: _Family) -> tuple[Template, Template]:
    one, other = draw(_code_pairs(family))
    pair = draw(_named_pair(family, one, other))
    if pair[0].disjoint(pair[1], images="any"):
        return pair
    return draw(_with_conflict(family, list(one), list(other)))


@st.composite
def _with_conflict(
    draw: DrawFn, family: _Family, one: list[int], other: list[int]
) -> tuple[Template, Template]:
    length = len(one)
    by_wildcards = length > 1 and family.max_wildcards > 1
    if by_wildcards and len(family.regular_tokens) > 1:
        by_wildcards = draw(st.booleans())
    if by_wildcards:
        p = draw(st.integers(0, length - 2))
        q = draw(st.integers(p + 1, length - 1))
        one[p] = one[q] = 0
        other[p], other[q] = 0, 1
    else:
        p = draw(st.integers(0, length - 1))
        one[p], other[p] = -1, -2
    return draw(_named_pair(family, tuple(one), tuple(other)))


_NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.fractions(-3, 3, max_denominator=6),
    st.integers(-30, 30).map(lambda n: n / 10),
)


def tasks(
    *,
    symbolic: bool = False,
    pairwise_inequivalent: bool = False,
    max_templates: int = 5,
    length: int | None = None,
    max_length: int = 4,
    regular_tokens: Iterable[str] = REGULAR_TOKENS,
    max_wildcards: int | None = None,
) -> st.SearchStrategy[TemplateTask]:
    """Template tasks of one to `max_templates` templates.

    Weights are sometimes given, and then some may be zero.

    Args:
        symbolic: labels are tokens or the template's own wildcards; when False they are
            integers, fractions and decimals between -3 and 3.
        pairwise_inequivalent: no two templates are equal up to renaming; when False
            they only differ literally.
        max_templates: the largest number of templates, at least 1.
        length: as in `templates`.
        max_length: as in `templates`.
        regular_tokens: as in `templates`.
        max_wildcards: as in `templates`.

    Raises:
        InputError: as in `templates`, or `max_templates` below 1.
    """
    positive_integer("max_templates", max_templates)
    family = _Family.read(length, max_length, regular_tokens, max_wildcards)
    return _tasks(family, symbolic, pairwise_inequivalent, max_templates)


@st.composite
def _tasks(
    draw: DrawFn,
    family: _Family,
    symbolic: bool,
    pairwise_inequivalent: bool,
    max_templates: int,
) -> TemplateTask:
    length = draw(st.sampled_from(family.lengths))
    one = _codes(family, length).flatmap(lambda code: _named(family, code))
    chosen = draw(
        st.lists(
            one,
            min_size=1,
            max_size=max_templates,
            unique_by=Template.canonical if pairwise_inequivalent else str,
        )
    )
    labels: list[int | float | Fraction | str] = [
        draw(_symbolic_labels(template) if symbolic else _NUMBERS)
        for template in chosen
    ]
    weights = draw(st.none() | _weights(len(chosen)))
    return TemplateTask(chosen, labels, weights)


def _symbolic_labels(template: Template) -> st.SearchStrategy[str]:
    own = [template.tokens[p[0]] for p in template.wildcard_positions.values()]
    return st.sampled_from([*own, *template.regular_tokens, "yes", "a"])


@st.composite
def _weights(draw: DrawFn, count: int) -> list[int]:
    """Integers from 0, not all 0."""
    weights = draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
    if not any(weights):
        weights[draw(st.integers(0, count - 1))] = 1
    return weights
