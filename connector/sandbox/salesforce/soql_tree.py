"""What a SOQL statement is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as Kind


@dataclass(frozen=True, slots=True)
class Path:
    """A field, perhaps of a parent: `Name`, `Account.Owner.Name`."""

    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a field: `COUNT(Id)`, `CALENDAR_YEAR(CreatedDate)`, `FIELDS(ALL)`.

    `local` says that the field is turned to the user's time zone first.
    """

    name: str
    path: Path | None
    at: int
    local: bool = False


Operand = Path | Call
LiteralKind = Kind["string", "number", "boolean", "null", "date", "datetime", "relative"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it was written."""

    kind: LiteralKind
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against a value; `like` is a sign too."""

    left: Operand
    sign: str
    right: Literal


@dataclass(frozen=True, slots=True)
class Among:
    """A field in, or not in, a list of values or the rows of an inner query."""

    left: Operand
    negated: bool
    values: tuple[Literal, ...]
    inner: Query | None


@dataclass(frozen=True, slots=True)
class Includes:
    """A field of several values that holds, or does not hold, all of one of these sets."""

    left: Operand
    negated: bool
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions held together by `and` or by `or`."""

    word: Kind["and", "or"]
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite of a condition."""

    part: Condition


Condition = Compare | Among | Includes | Joined | Negation


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is selected."""

    what: Operand
    alias: str = ""


@dataclass(frozen=True, slots=True)
class TypeOf:
    """Fields of a parent that may be of several kinds: by kind, and for every other kind."""

    link: Path
    branches: tuple[tuple[Path, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """One thing that is sorted by; empty values come first unless said otherwise."""

    what: Operand
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A whole statement, or one inside another, which begins and ends somewhere in the text."""

    text: str
    items: tuple[Item, ...]
    object: str
    object_at: int
    alias: str = ""
    where: Condition | None = None
    group: tuple[Operand, ...] = ()
    having: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    children: tuple[Query, ...] = ()
    typeofs: tuple[TypeOf, ...] = ()
    start: int = 0
    end: int = 0
