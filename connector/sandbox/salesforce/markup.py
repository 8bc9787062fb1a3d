"""XML as the org's older interfaces speak it: read with lines and without entities, written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

LONGEST = 64 << 20
DEEPEST = 64
_SEPARATOR = " "


class NotXml(ValueError):
    """A text that is not well-formed, or is more than a document should be."""

    def __init__(self, why: str, line: int = 1) -> None:
        super().__init__(why)
        self.line = line


@dataclass(slots=True)
class Node:
    """An element without its namespace: what it says, what is in it, and where it began."""

    name: str
    line: int = 1
    column: int = 1
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def __iter__(self) -> Iterator[Node]:
        return iter(self.children)

    def first(self, name: str) -> Node | None:
        """The first child of this name."""
        return next((each for each in self.children if each.name == name), None)

    def every(self, name: str) -> list[Node]:
        """The children of this name."""
        return [each for each in self.children if each.name == name]

    def said(self, name: str) -> str:
        """What the first child of this name says; nothing if there is none."""
        found = self.first(name)
        return found.text.strip() if found else ""

    def flag(self, name: str) -> bool:
        """Whether a child says true."""
        return self.said(name).lower() == "true"


def parse(content: bytes) -> Node:
    """The root of a document; a document type, and with it every entity, is refused."""
    if len(content) > LONGEST:
        raise NotXml(f"a document has at most {LONGEST} bytes")
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise NotXml(expat.ErrorString(error.code), error.lineno) from None
    return reader.root


class _Reader:
    """Builds the tree while expat reads."""

    def __init__(self) -> None:
        self.root = Node("")
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        self.parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line, column = self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1
        if len(self._open) == DEEPEST:
            raise NotXml(f"elements nest at most {DEEPEST} deep", line)
        plain = {_local(key): value for key, value in attributes.items()}
        node = Node(_local(name), line, column, plain)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._texts.append([])

    def _end(self, _name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def _text(self, text: str) -> None:
        self._texts[-1].append(text)

    def _refuse(self, *_: Any) -> None:
        raise NotXml("a document type is not taken", self.parser.CurrentLineNumber)


def _local(name: str) -> str:
    return name.rpartition(_SEPARATOR)[2]


def written(name: str, value: Any) -> str:
    """An element: a mapping becomes its children, a list the element again and again, None none."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "".join(written(name, each) for each in value)
    if isinstance(value, Mapping):
        inside = "".join(written(key, each) for key, each in value.items() if key[0] != "@")
        kind = f' xsi:type="{value["@type"]}"' if "@type" in value else ""
        return f"<{name}{kind}>{inside}</{name}>"
    text = str(value).lower() if isinstance(value, bool) else escape(str(value))
    return f"<{name}>{text}</{name}>"
