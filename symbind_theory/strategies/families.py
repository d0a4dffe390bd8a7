"""What strategies draw templates from, and how templates are built from integers.

Each value is built from small integers instead of filtering, so examples are seldom
rejected and shrink to short templates such as `?a ?a`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from symbind_theory.templates import Template, parse_string
from symbind_theory.validation import InputError, positive_integer

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn
else:
    # Hypothesis's own DrawFn is a protocol that cannot be checked at run time.
    DrawFn = Callable

__all__ = [
    "REGULAR_TOKENS",
    "Code",
    "DrawFn",
    "Family",
    "codes",
    "distinct",
    "family_templates",
    "name_pool",
    "named",
]

REGULAR_TOKENS = ("X", "Y")
"""The regular tokens that the strategies use unless told otherwise."""

# Among them names that look like a regular token, a number and a Greek letter.
_NAMES = ("a", "b", "c", "X", "α", "1", "β", "2", "name")

# A template before its wildcards are named: c >= 0 is wildcard number c and -1 - i is
# regular token number i. Wildcards are numbered by first appearance, so two templates
# are equivalent exactly when their codes are equal.
Code = tuple[int, ...]


def _wildcard_count(code: Sequence[int]) -> int:
    return max(0, *(c + 1 for c in code)) if code else 0


@dataclass(frozen=True, slots=True)
class Family:
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
    ) -> Family:
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

    def at_least(self, length: int) -> Family:
        """The same family without the templates shorter than `length`."""
        lengths = range(max(length, self.lengths[0]), self.lengths[-1] + 1)
        return Family(lengths, self.regular_tokens, self.max_wildcards)

    @property
    def two_wildcards_fit(self) -> bool:
        return self.max_wildcards >= 2 and self.lengths[-1] >= 2

    def choices(self, prefix: Sequence[int]) -> list[int]:
        """What may follow a code: a wildcard seen, a new one, or a regular token."""
        wildcards = range(min(_wildcard_count(prefix) + 1, self.max_wildcards))
        return [*wildcards, *(-1 - i for i in range(len(self.regular_tokens)))]

    def named(self, code: Code, names: Sequence[str]) -> Template:
        """The template of a code, with its wildcards in order called `names`."""
        return Template(
            f"?{names[c]}" if c >= 0 else self.regular_tokens[-1 - c] for c in code
        )


@st.composite
def codes(
    draw: DrawFn,
    family: Family,
    length: int,
    prefix: Code = (),
    wildcard_at: int | None = None,
) -> Code:
    """Codes of that length that begin with `prefix`."""
    code = list(prefix)
    while len(code) < length:
        choices = family.choices(code)
        if len(code) == wildcard_at:
            choices = [c for c in choices if c >= 0]
        code.append(draw(st.sampled_from(choices)))
    return tuple(code)


@st.composite
def distinct(draw: DrawFn, pool: Sequence[str], count: int) -> tuple[str, ...]:
    """That many distinct members of `pool`; shrinks to its first ones."""
    left = list(pool)
    return tuple(left.pop(draw(st.integers(0, len(left) - 1))) for _ in range(count))


def name_pool(count: int) -> tuple[str, ...]:
    """More than `count` wildcard names."""
    return (*_NAMES, *(f"w{i}" for i in range(count + 1 - len(_NAMES))))


@st.composite
def named(draw: DrawFn, family: Family, code: Code) -> Template:
    """The templates of a code: its wildcards get any distinct names."""
    count = _wildcard_count(code)
    return family.named(code, draw(distinct(name_pool(count), count)))


@st.composite
def family_templates(draw: DrawFn, family: Family, wildcard: bool = False) -> Template:
    length = draw(st.sampled_from(family.lengths))
    position = draw(st.integers(0, length - 1)) if wildcard else None
    code = draw(codes(family, length, wildcard_at=position))
    return draw(named(family, code))
