"""SOQL text → a tree. Says what it did not expect, and where, as Salesforce does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .errors import Refusal
from .soql_tree import (
    Among,
    Call,
    Compare,
    Condition,
    Includes,
    Item,
    Joined,
    Literal,
    LiteralKind,
    Negation,
    Operand,
    Order,
    Path,
    Query,
    TypeOf,
)

__all__ = ["Call", "Path", "Query", "mistake", "parse", "unescaped"]

T = TypeVar("T")

LONGEST_STATEMENT = 100_000
LONGEST_TEXT = 4_000
NEAR = 40

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:\\.|[^'\\])*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?::\d+)?)
    | (?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_KEYWORDS = frozenset(
    {"from", "where", "group", "having", "order", "limit", "offset", "for", "with", "all", "using"}
)
_COMPARISONS = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a statement and where it stands."""

    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """The text as keywords are compared."""
        return self.text.lower()


def mistake(code: str, message: str, text: str, at: int) -> Refusal:
    """An error that points into the statement."""
    start = max(0, at - NEAR)
    row = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    shown = text[start : at + NEAR].replace("\n", " ")
    pointer = " " * (at - start) + "^"
    return Refusal(code, f"\n{shown}\n{pointer}\nERROR at Row:{row}:Column:{column}\n{message}")


def unescaped(text: str, *, keep: str = "") -> str:
    r"""The text a quoted literal stands for; escapes of the characters in `keep` stay."""

    def one(found: re.Match[str]) -> str:
        what = found[1]
        if what in keep:
            return found[0]
        return chr(int(what[1:], 16)) if len(what) > 1 else _ESCAPES.get(what, what)

    return _ESCAPE.sub(one, text[1:-1])


def parse(text: str) -> Query:
    """Reads one statement."""
    if len(text) > LONGEST_STATEMENT:
        raise Refusal("MALFORMED_QUERY", "SOQL statements cannot be longer than 100000 characters")
    parser = _Parser(text, _tokens(text))
    query = parser.query()
    parser.end()
    return query


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise mistake("MALFORMED_QUERY", f"unexpected token: '{text[at]}'", text, at)
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return [*found, Token("end", "<EOF>", len(text))]


class _Parser:
    """Walks over the tokens, one step ahead."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.place = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.next
        self.place += token.kind != "end"
        return token

    def accept(self, *words: str) -> bool:
        """Steps over these words if they are what comes next."""
        ahead = self.tokens[self.place : self.place + len(words)]
        found = [each.word for each in ahead if each.kind != "string"] == list(words)
        self.place += len(words) if found else 0
        return found

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise self.unexpected()

    def unexpected(self) -> Refusal:
        said = f"unexpected token: '{self.next.text}'"
        return mistake("MALFORMED_QUERY", said, self.text, self.next.at)

    def end(self) -> None:
        if self.next.kind != "end":
            raise self.unexpected()

    def name(self) -> Token:
        if self.next.kind != "name" or self.next.word in _KEYWORDS:
            raise self.unexpected()
        return self.take()

    def listed(self, one: Callable[[], T]) -> tuple[T, ...]:
        found = [one()]
        while self.accept(","):
            found.append(one())
        return tuple(found)

    def query(self) -> Query:
        start = self.next.at
        self.expect("select")
        items, children, typeofs = self.selected()
        self.expect("from")
        source = self.name()
        free = self.next.kind == "name" and self.next.word not in _KEYWORDS
        alias = self.take().text if free else ""
        where = self.condition() if self.accept("where") else None
        group = self.listed(self.operand) if self.accept("group", "by") else ()
        having = self.condition() if self.accept("having") else None
        order = self.listed(self.order) if self.accept("order", "by") else ()
        limit = self.count() if self.accept("limit") else None
        offset = self.count() if self.accept("offset") else 0
        last = self.tokens[self.place - 1]
        return Query(
            self.text,
            items,
            source.text,
            source.at,
            alias,
            where,
            group,
            having,
            order,
            limit,
            offset,
            children,
            typeofs,
            start,
            last.at + len(last.text),
        )

    def selected(self) -> tuple[tuple[Item, ...], tuple[Query, ...], tuple[TypeOf, ...]]:
        """What is selected: values, children and parents of several kinds."""
        items: list[Item] = []
        children: list[Query] = []
        typeofs: list[TypeOf] = []
        while True:
            if self.accept("("):
                children.append(self.query())
                self.expect(")")
            elif self.accept("typeof"):
                typeofs.append(self.typeof())
            else:
                items.append(self.item())
            if not self.accept(","):
                return tuple(items), tuple(children), tuple(typeofs)

    def typeof(self) -> TypeOf:
        link, branches = self.path(), []
        while self.accept("when"):
            kind = self.path()
            self.expect("then")
            branches.append((kind, self.listed(self.path)))
        if not branches:
            raise self.unexpected()
        otherwise = self.listed(self.path) if self.accept("else") else ()
        self.expect("end")
        return TypeOf(link, tuple(branches), otherwise)

    def path(self) -> Path:
        word = self.name()
        return Path(word.text, word.at)

    def item(self) -> Item:
        what = self.operand()
        free = self.next.kind == "name" and self.next.word not in _KEYWORDS
        if free and isinstance(what, Path):
            raise self.unexpected()
        return Item(what, self.take().text if free else "")

    def operand(self) -> Operand:
        word = self.name()
        if not self.accept("("):
            return Path(word.text, word.at)
        inside, local = None, self.accept("converttimezone", "(")
        if self.next.text != ")":
            field = self.next
            # FIELDS(ALL): a keyword where a field is expected
            field = self.take() if field.word == "all" else self.name()
            inside = Path(field.text, field.at)
        if local:
            self.expect(")")
        self.expect(")")
        return Call(word.text.upper(), inside, word.at, local)

    def order(self) -> Order:
        what = self.operand()
        descending = not self.accept("asc") and self.accept("desc")
        last = not self.accept("nulls", "first") and self.accept("nulls", "last")
        return Order(what, descending, last)

    def count(self) -> int:
        if not self.next.text.isdecimal():
            raise self.unexpected()
        return int(self.take().text)

    def condition(self) -> Condition:
        """`a and b` or `a or b`; both words in one row need parentheses, as in the real thing."""
        parts = [self.part()]
        for word in ("and", "or"):
            if self.next.word == word and self.next.kind == "name":
                while self.accept(word):
                    parts.append(self.part())
                return Joined("and" if word == "and" else "or", tuple(parts))
        return parts[0]

    def part(self) -> Condition:
        if self.accept("not"):
            return Negation(self.part())
        if self.accept("("):
            inside = self.condition()
            self.expect(")")
            return inside
        return self.comparison()

    def comparison(self) -> Condition:
        left = self.operand()
        if self.accept("in"):
            return self.among(left, negated=False)
        if self.accept("not", "in"):
            return self.among(left, negated=True)
        for word in ("includes", "excludes"):
            if self.accept(word, "("):
                values = self.listed(self.literal)
                self.expect(")")
                return Includes(left, word == "excludes", values)
        if self.accept("like"):
            return Compare(left, "like", self.literal())
        if self.next.text not in _COMPARISONS:
            raise self.unexpected()
        sign = self.take().text
        return Compare(left, "!=" if sign == "<>" else sign, self.literal())

    def among(self, left: Operand, *, negated: bool) -> Among:
        self.expect("(")
        inner: Query | None = None
        values: tuple[Literal, ...] = ()
        if self.next.word == "select":
            inner = self.query()
        else:
            values = self.listed(self.literal)
        self.expect(")")
        return Among(left, negated, values, inner)

    def literal(self) -> Literal:
        token = self.next
        kind: LiteralKind
        match token.kind:
            case "string" if len(token.text) > LONGEST_TEXT + 2:
                said = "string literal is longer than 4000 characters"
                raise mistake("MALFORMED_QUERY", said, self.text, token.at)
            case "string" | "number" | "date" | "datetime":
                kind = token.kind
            case "name" if token.word in ("true", "false"):
                kind = "boolean"
            case "name" if token.word == "null":
                kind = "null"
            case "name":
                kind = "relative"
            case _:
                raise self.unexpected()
        self.take()
        return Literal(kind, token.text, token.at)
