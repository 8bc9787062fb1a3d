"""Where every table and key of a TOML text stands; `tomllib` does not say."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

#: From the root of a document to one value: keys of tables and positions in arrays.
Path = tuple[str | int, ...]

_KEY = re.compile(r"\s*(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([\w-]+))\s*")
_BLANK = re.compile(r"(?:[\s,]|#[^\n]*)*")
_SCALAR = re.compile(
    r"\"\"\"(?:[^\\]|\\.)*?\"{3,5}|'''.*?'{3,5}|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^,\]}\n#]+",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Lines:
    """The line of every table, entry and key."""

    by_path: Mapping[Path, int] = field(default_factory=dict)

    def of(self, path: Path) -> int:
        """The line of a value, or of the nearest thing around it; 0 when nothing is known."""
        for end in range(len(path), 0, -1):
            if line := self.by_path.get(path[:end]):
                return line
        return 0


def scan(text: str) -> Lines:
    """Find the lines of a text that `tomllib` has accepted."""
    scanner = _Scanner(text)
    scanner.document()
    return Lines(scanner.found)


class _Scanner:
    """Walks once over a valid TOML text and notes where things begin."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, int] = {}
        self.last: dict[Path, int] = {}
        self.starts = [0, *(hit.end() for hit in re.finditer("\n", text))]

    def document(self) -> None:
        table: Path = ()
        while self._more():
            if self._here("["):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        width = 2 if self.text.startswith("[[", self.at) else 1
        line = self._line()
        self.at += width
        *outer, name = self._keys()
        self.at += width
        path: Path = ()
        for key in outer:
            path = self._newest((*path, key))
        path = (*path, name)
        self.found.setdefault(path, line)
        if width == 2:
            self.last[path] = self.last.get(path, -1) + 1
            path = self._newest(path)
            self.found[path] = line
        return path

    def _newest(self, path: Path) -> Path:
        return (*path, self.last[path]) if path in self.last else path

    def _pair(self, table: Path) -> None:
        line, path = self._line(), table
        for key in self._keys():
            path = (*path, key)
            self.found.setdefault(path, line)
        self.at += 1
        self._value(path)

    def _value(self, path: Path) -> None:
        self._more()
        if self._here("["):
            for position in self._items("]"):
                self.found[(*path, position)] = self._line()
                self._value((*path, position))
        elif self._here("{"):
            for _ in self._items("}"):
                self._pair(path)
        elif hit := _SCALAR.match(self.text, self.at):
            self.at = hit.end()

    def _items(self, closing: str) -> Iterator[int]:
        self.at += 1
        position = 0
        while self._more() and not self._here(closing):
            yield position
            position += 1
        self.at += 1

    def _keys(self) -> Iterator[str]:
        while hit := _KEY.match(self.text, self.at):
            self.at = hit.end()
            yield next(part for part in hit.groups() if part is not None)
            if not self._here("."):
                return
            self.at += 1

    def _more(self) -> bool:
        """Step over blanks, commas and comments; say whether anything is left."""
        if hit := _BLANK.match(self.text, self.at):
            self.at = hit.end()
        return self.at < len(self.text)

    def _here(self, sign: str) -> bool:
        return self.text.startswith(sign, self.at)

    def _line(self) -> int:
        return bisect_right(self.starts, self.at)
