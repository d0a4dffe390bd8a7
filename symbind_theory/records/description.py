"""How a record becomes a JSON document: what its fields say of themselves.

A field of a frozen record is described once, where it is declared: by its type and, for
what the type does not tell, by an `InDocument` in its annotation.

    hardest: Annotated[tuple[float, ...], InDocument(key="hardest_labels")]

The document (`written`, here), the models that check a file, their JSON schema
(`records.document`) and the record read back (`records.files`) all follow from that:

    float, int, str, Any     as it is
    tuple[X, ...]            a list
    tuple[int, int]          a list of two
    Literal, Enum            text
    X | None                 null for None
    a record                 a table of its fields, in their order

A field with a default may be missing in a file; so one that is added to a record gets a
default if files without it are to be read.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

__all__ = [
    "Described",
    "DocumentField",
    "Form",
    "InDocument",
    "choices",
    "described",
    "document_fields",
    "expected",
    "fields_of",
    "is_record",
    "written",
]


class Form(ABC):
    """A record that stands in a document for a value of another type."""

    __slots__ = ()

    @classmethod
    @abstractmethod
    def of(cls, value: Any, /) -> Form:
        """The form of a value."""

    @abstractmethod
    def read(self, level: float, /) -> Any:
        """The value again, intervals at this level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InDocument:
    """What a document has in a place, as far as the type does not tell.

    Attributes:
        expected: what a reader says it expected, such as "a number in (0, 1]".
        key: the document's name for the field; the field's own when None.
        low: the least number.
        above: the number that it must exceed.
        high: the largest number.
        one_for_each: key of the list, in the same table or in the document, that this
            list is as long as.
        filled: whether a list has at least one entry.
        form: the record that is written instead.
        place: "own": under its key; "inline": the fields of this record are among those
            of the outer one; "end": after the fields of all others; "rest": pairs of
            name and number, each an entry of the table; "nowhere": not written, the
            record knows it from its other fields.
        closed: whether a file with other keys in this table is refused; other tables
            may hold what later versions add.
        exact: whether an integer stays one where a decimal may stand.
    """

    expected: str | None = None
    key: str | None = None
    low: float | None = None
    above: float | None = None
    high: float | None = None
    one_for_each: str | None = None
    filled: bool | None = None
    form: type[Form] | None = None
    place: Literal["own", "inline", "end", "rest", "nowhere"] | None = None
    closed: bool | None = None
    exact: bool | None = None

    def over(self, inner: InDocument) -> InDocument:
        """These marks, and those of `inner` where these say nothing."""
        said = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) is not None
        }
        return dataclasses.replace(inner, **said)


@dataclass(frozen=True, slots=True)
class Described:
    """A type without its wrappers.

    Attributes:
        kind: the type itself.
        nullable: whether None is allowed too.
        marks: what its annotations say.
    """

    kind: Any
    nullable: bool
    marks: InDocument

    @property
    def record(self) -> type | None:
        """The record whose fields are written, if it is one: the form's or its own."""
        if self.marks.form is not None:
            return self.marks.form
        return self.kind if is_record(self.kind) else None


@dataclass(frozen=True, slots=True)
class DocumentField:
    """A field of a record.

    Attributes:
        name: what the field is called.
        key: what it is called in the document.
        described: its type.
        default: what it is where a file lacks it; `dataclasses.MISSING` for none.
    """

    name: str
    key: str
    described: Described
    default: Any

    @property
    def place(self) -> str:
        """Where the document has it."""
        return self.described.marks.place or "own"


@cache
def described(annotation: Any) -> Described:
    """The type in an annotation, without `Annotated` and `| None`."""
    kind, nullable, marks = annotation, False, InDocument()
    while True:
        arguments = get_args(kind)
        if get_origin(kind) is Annotated:
            for mark in reversed(arguments[1:]):
                if isinstance(mark, InDocument):
                    marks = marks.over(mark)
            kind = arguments[0]
        elif get_origin(kind) in (Union, UnionType) and NoneType in arguments:
            nullable = True
            others = tuple(x for x in arguments if x is not NoneType)
            kind = Union[others]  # noqa: UP007 (of a tuple)
        else:
            return Described(kind, nullable, marks)


@cache
def fields_of(record: type) -> tuple[DocumentField, ...]:
    """The fields of a record as the document has them, in their order."""
    hints = get_type_hints(record, include_extras=True)
    entries = []
    for field in fields(record):
        kind = described(hints[field.name])
        key = kind.marks.key or field.name
        entries.append(DocumentField(field.name, key, kind, field.default))
    return tuple(entries)


@cache
def document_fields(record: type) -> tuple[DocumentField, ...]:
    """The entries of a record's table in their order, those of inline records too."""
    first, end = [], []
    for field in fields_of(record):
        if field.place == "inline" and field.described.record is not None:
            for inner in document_fields(field.described.record):
                (end if inner.place == "end" else first).append(inner)
        elif field.place in ("own", "end"):
            (end if field.place == "end" else first).append(field)
    return (*first, *end)


def is_record(kind: Any) -> bool:
    """Whether a type is a record."""
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def choices(kind: Any) -> tuple[str, ...]:
    """The texts of a `Literal` or an `Enum`; none for other types."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(member.value for member in kind)
    return ()


def written(record: Any) -> dict[str, Any]:
    """A record as plain tables, lists, text and numbers."""
    values = dict(_entries(record))
    names = [field.key for field in document_fields(type(record))]
    rest = [key for key in values if key not in names]
    return {key: values[key] for key in [*names, *rest]}


def _entries(record: Any) -> Iterator[tuple[str, Any]]:
    for field in fields_of(type(record)):
        value = getattr(record, field.name)
        if field.place == "inline":
            form = field.described.marks.form
            yield from _entries(value if form is None else form.of(value))
        elif field.place == "rest":
            yield from value
        elif field.place != "nowhere":
            yield field.key, _plain(value, field.described)


def _plain(value: Any, kind: Described) -> Any:
    if value is None:
        return None
    if kind.marks.form is not None:
        return written(kind.marks.form.of(value))
    if is_record(kind.kind):
        return written(value)
    if get_origin(kind.kind) is tuple:
        inner = described(get_args(kind.kind)[0])
        return [_plain(x, inner) for x in value]
    return value.value if isinstance(value, Enum) else value


def expected(kind: Described) -> str:
    """What a reader says that it expected in a place."""
    if kind.marks.expected is not None:
        return kind.marks.expected
    return _words(kind) + (", or null" if kind.nullable else "")


def _words(kind: Described) -> str:
    if kind.record is not None:
        return f"a table with {_joined(_keys(kind.record), 'and')}"
    if get_origin(kind.kind) is tuple:
        inner = described(get_args(kind.kind)[0])
        if inner.record is not None:
            return f"a list of tables with {_joined(_keys(inner.record), 'and')}"
        return "a list"
    if names := choices(kind.kind):
        return _joined(names, "or")
    simple: Mapping[Any, str] = {str: "text", int: "an integer", float: "a number"}
    return simple.get(kind.kind, "a value") + _range(kind.marks)


def _keys(record: type) -> list[str]:
    return [field.key for field in document_fields(record)]


def _range(marks: InDocument) -> str:
    """The range of a number in words; "" for any."""
    if marks.above is not None:
        return f" above {marks.above:g}"
    if marks.low is None:
        return ""
    if marks.high is None:
        return f" of at least {marks.low:g}"
    return f" from {marks.low:g} to {marks.high:g}".replace("e+", "e")


def _joined(words: list[str] | tuple[str, ...], last: str) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
