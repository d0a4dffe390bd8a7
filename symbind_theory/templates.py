"""Templates as symbolic objects, and exact decisions about them.

A template is a string of regular tokens and wildcards. A substitution replaces the
wildcards by tokens injectively. Everything here is decided in linear or near-linear
time in the length, without enumerating strings.

Source: Boix-Adserà et al., arXiv 2310.09753, on templates and template tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain, count
from typing import Literal
from unicodedata import category

from symbind_theory.validation import InputError, one_of, shorten

__all__ = [
    "CLS",
    "Images",
    "Substitution",
    "Template",
    "fresh_tokens",
    "parse_string",
    "read_templates",
]

CLS = "[CLS]"
"""The token appended by the `cls` readout; reserved, never written by the user."""

Images = Literal["symbols", "any"]
"""Where a substitution may send wildcards: outside the regular tokens, or anywhere."""

_IMAGES = ("symbols", "any")


def _wildcard_name(token: str) -> str | None:
    """The name if `token` is `?name` or one lower-case Greek letter, else None."""
    if token[0] == "?" and len(token) > 1:
        return token[1:]
    return token if _is_greek(token) else None


def _symbol(token: str) -> tuple[bool, str]:
    """Whether a token is a wildcard, and the wildcard's name or the token itself."""
    name = _wildcard_name(token)
    return (False, token) if name is None else (True, name)


def _is_greek(token: str) -> bool:
    return len(token) == 1 and "α" <= token <= "ω"


def _split(text: str | Iterable[str], what: str) -> tuple[str, ...]:
    """The tokens of a string separated by spaces, or of a list of tokens."""
    if not isinstance(text, Iterable):
        raise InputError(
            f"{what} is {shorten(text)}; expected text or a list of tokens"
        )
    tokens = tuple(text.split()) if isinstance(text, str) else tuple(text)
    for token in tokens:
        if (
            not isinstance(token, str)
            or token.split() != [token]
            # Control characters, and bytes that no encoding explained.
            or any(category(character) in ("Cc", "Cs") for character in token)
        ):
            raise InputError(
                f"{what} has the token {shorten(token)}; "
                "expected non-empty text without spaces or control characters"
            )
        if token == CLS:
            raise InputError(
                f"{what} contains {CLS}; it is reserved and appended by the cls "
                "readout: leave it out"
            )
    if not tokens:
        raise InputError(f"{what} is empty; expected at least one token")
    return tokens


def parse_string(text: str | Iterable[str]) -> tuple[str, ...]:
    """The tokens of a data string: no wildcards, no `[CLS]`.

    Args:
        text: tokens separated by spaces, or a sequence of tokens.

    Raises:
        InputError: empty, or with a wildcard or `[CLS]` among the tokens.
    """
    tokens = _split(text, "string")
    for token in tokens:
        if _wildcard_name(token) is not None:
            raise InputError(
                f"string contains the wildcard {token}; expected tokens only"
            )
    return tokens


def read_templates(
    templates: Iterable[Template | str], *, one_length: bool = True
) -> tuple[Template, ...]:
    """Templates, parsed where they are given as text; of one length if so asked.

    Raises:
        InputError: no template, or lengths that differ and should not.
    """
    if isinstance(templates, str):
        raise InputError(
            f"templates is the text {shorten(templates)}; expected a list of templates"
        )
    parsed = tuple(t if isinstance(t, Template) else Template(t) for t in templates)
    if not parsed:
        raise InputError("templates is empty; expected at least one template")
    lengths = sorted({t.length for t in parsed})
    if one_length and len(lengths) > 1:
        raise InputError(f"templates have lengths {lengths}; expected one length")
    return parsed


def fresh_tokens(avoid: Iterable[str]) -> Iterator[str]:
    """Endless distinct tokens outside `avoid`: a, b, …, z, s1, s2, …."""
    taken = set(avoid)
    names = chain("abcdefghijklmnopqrstuvwxyz", (f"s{i}" for i in count(1)))
    return (name for name in names if name not in taken)


class Substitution(Mapping[str, str]):
    """An injective map from wildcard names (without `?`) to tokens. Immutable.

    >>> Substitution({"a": "x"})
    Substitution({'a': 'x'})

    Raises:
        InputError: two wildcards share an image, or an image is not a token.
    """

    __slots__ = ("_images",)

    def __init__(self, images: Mapping[str, str]) -> None:
        self._images = dict(images)
        preimage: dict[str, str] = {}
        for name, token in self._images.items():
            if not isinstance(token, str) or parse_string([token]) != (token,):
                raise InputError(f"image of ?{name} is {shorten(token)}; expected text")
            if token in preimage:
                raise InputError(
                    f"substitution sends ?{preimage[token]} and ?{name} both to "
                    f"{shorten(token)}; expected distinct images"
                )
            preimage[token] = name

    def __getitem__(self, name: str) -> str:
        return self._images[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._images)

    def __len__(self) -> int:
        return len(self._images)

    def __hash__(self) -> int:
        return hash(frozenset(self._images.items()))

    def __repr__(self) -> str:
        return f"Substitution({self._images!r})"


class Template:
    """A string of regular tokens and wildcards. Immutable and hashable.

    `?name` and a single lower-case Greek letter are wildcards, all else is a regular
    token; `?α` and `α` are the same wildcard. Two templates are equal when they are
    literally the same; `equivalent` compares up to a renaming of wildcards.

    >>> t = Template("?a X ?a")
    >>> t.length, t.wildcards, t.regular_tokens, t.skeleton
    (3, ('a',), ('X',), (None, 'X', None))
    >>> t.substitute({"a": "u"})
    'u X u'
    >>> t.match("u X u")
    Substitution({'a': 'u'})

    Args:
        text: tokens separated by spaces, or a sequence of tokens.

    Raises:
        InputError: empty, or `[CLS]` among the tokens.
    """

    def __init__(self, text: str | Iterable[str]) -> None:
        self._symbols = tuple(map(_symbol, _split(text, "template")))

    @property
    def length(self) -> int:
        """The number of positions, k."""
        return len(self._symbols)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """The positions as text: `?a` (or a Greek letter) for wildcards."""
        return tuple(
            f"?{name}" if wild and not _is_greek(name) else name
            for wild, name in self._symbols
        )

    @cached_property
    def wildcards(self) -> tuple[str, ...]:
        """Names of the wildcards in order of first appearance."""
        return tuple(self.wildcard_positions)

    @cached_property
    def regular_tokens(self) -> tuple[str, ...]:
        """The distinct regular tokens in order of first appearance."""
        return tuple(self.regular_positions)

    @cached_property
    def wildcard_positions(self) -> dict[str, tuple[int, ...]]:
        """For each wildcard, the positions that carry it, from 0."""
        return self._positions(wild=True)

    @cached_property
    def regular_positions(self) -> dict[str, tuple[int, ...]]:
        """For each regular token, the positions that carry it, from 0."""
        return self._positions(wild=False)

    def _positions(self, wild: bool) -> dict[str, tuple[int, ...]]:
        found: dict[str, list[int]] = {}
        for position, (is_wild, name) in enumerate(self._symbols):
            if is_wild == wild:
                found.setdefault(name, []).append(position)
        return {name: tuple(positions) for name, positions in found.items()}

    @cached_property
    def skeleton(self) -> tuple[str | None, ...]:
        """The regular tokens at their positions, None where a wildcard stands."""
        return tuple(None if wild else name for wild, name in self._symbols)

    def canonical(self) -> Template:
        """The equivalent template with wildcards ?1, ?2, … by first appearance.

        >>> Template("?b ?a ?b").canonical()
        Template('?1 ?2 ?1')
        """
        return self._canonical

    @cached_property
    def _canonical(self) -> Template:
        number = {name: str(i) for i, name in enumerate(self.wildcards, start=1)}
        return Template(
            f"?{number[name]}" if wild else name for wild, name in self._symbols
        )

    def equivalent(self, other: Template | str) -> bool:
        """Whether some renaming of wildcards (a bijection) turns one into the other.

        >>> Template("?a ?b").equivalent(Template("?b ?c"))
        True
        """
        other = other if isinstance(other, Template) else Template(other)
        return self.canonical() == other.canonical()

    def substitute(self, images: Mapping[str, str]) -> str:
        """The string sub(z, s): every wildcard replaced by its image.

        Args:
            images: wildcard name (without `?`) to token; injective, and exactly the
                template's wildcards.

        Raises:
            InputError: a wildcard missing or unknown, or images not distinct tokens.
        """
        substitution = Substitution(images)
        if set(substitution) != set(self.wildcards):
            raise InputError(
                f"substitution has the wildcards {sorted(substitution)}; "
                f"expected {sorted(self.wildcards)}, those of '{self}'"
            )
        return " ".join(
            substitution[name] if wild else name for wild, name in self._symbols
        )

    def match(self, string: str | Iterable[str]) -> Substitution | None:
        """The one substitution that gives `string`, or None if there is none.

        Images may be any tokens, the template's own regular ones included.

        Raises:
            InputError: `string` is empty or contains a wildcard or `[CLS]`.
        """
        tokens = parse_string(string)
        if len(tokens) != self.length:
            return None
        images: dict[str, str] = {}
        for (wild, name), token in zip(self._symbols, tokens, strict=True):
            if token != (images.setdefault(name, token) if wild else name):
                return None
        if len(set(images.values())) < len(images):
            return None
        return Substitution(images)

    def overlap(self, other: Template | str, images: Images = "symbols") -> str | None:
        """A string that both templates can produce, or None if they are disjoint.

        Decided by unification under injectivity: the two sides' wildcards are
        independent, each side's are distinct.

        Args:
            other: the template to compare with, or its text.
            images: "symbols": wildcards take tokens outside both templates' regular
                ones, as in the data and in N; "any": wildcards take any token, the
                paper's wording.

        >>> Template("?a ?b").overlap(Template("X ?b")) is None
        True
        >>> Template("?a ?b").overlap(Template("X ?b"), images="any")
        'X a'
        """
        one_of("images", images, _IMAGES)
        other = other if isinstance(other, Template) else Template(other)
        if self.length != other.length or self._clashes(other):
            return None
        classes = _PositionClasses(self.length)
        for template in (self, other):
            for positions in template.wildcard_positions.values():
                classes.merge(positions)
        both = [self.regular_positions, other.regular_positions]
        regular = dict.fromkeys(chain(*both))
        constant: dict[int, str] = {}
        for token in regular:
            classes.merge(p for where in both for p in where.get(token, ()))
        for where in both:
            for token, positions in where.items():
                root = classes.find(positions[0])
                if constant.setdefault(root, token) != token:
                    return None
        for template in (self, other):
            roots = [classes.find(p[0]) for p in template.wildcard_positions.values()]
            if len(set(roots)) < len(roots):
                return None
            if images == "symbols" and any(root in constant for root in roots):
                return None
        names = fresh_tokens(regular)
        return " ".join(
            constant[root]
            if root in constant
            else constant.setdefault(root, next(names))
            for root in map(classes.find, range(self.length))
        )

    def _clashes(self, other: Template) -> bool:
        """Whether some position carries two different regular tokens."""
        return any(
            x is not None and y is not None and x != y
            for x, y in zip(self.skeleton, other.skeleton, strict=True)
        )

    def disjoint(self, other: Template | str, images: Images = "symbols") -> bool:
        """Whether no string is a substitution of both; see `overlap`.

        In the sense "symbols", templates of one length are disjoint exactly when
        they are inequivalent.
        """
        return self.overlap(other, images) is None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Template):
            return NotImplemented
        return self._symbols == other._symbols

    def __hash__(self) -> int:
        return hash(self._symbols)

    def __str__(self) -> str:
        return " ".join(self.tokens)

    def __repr__(self) -> str:
        return f"Template({str(self)!r})"


class _PositionClasses:
    """Union-find over the positions of a string: which must carry one token."""

    def __init__(self, length: int) -> None:
        self._parent = list(range(length))

    def find(self, position: int) -> int:
        while self._parent[position] != position:
            self._parent[position] = self._parent[self._parent[position]]
            position = self._parent[position]
        return position

    def merge(self, positions: Iterable[int]) -> None:
        roots = [self.find(position) for position in positions]
        for root in roots[1:]:
            self._parent[self.find(root)] = self.find(roots[0])
