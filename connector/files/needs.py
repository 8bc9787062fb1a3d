"""What a source needs of a file: the names its expressions use, and where each stands in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConnectorError
from ..mapping import expressions
from ..mapping.casts import text
from ..mapping.expressions import BadSql, identifier
from ..tables import BAD, LINE

__all__ = ["Needs", "needs", "read_csv", "told"]


@dataclass(frozen=True, slots=True)
class Needs:
    """Column of the stream → the names in the file that it is made of."""

    by_column: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name once, however it is written large or small."""
        found = {name.casefold(): name for names in self.by_column.values() for name in names}
        return tuple(found.values())

    def lacking(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Which names are not among these, each with the column that is made of it."""
        there = {name.casefold() for name in names}
        return [
            (needed, column)
            for column, each in self.by_column.items()
            for needed in each
            if needed.casefold() not in there
        ]

    def check(self, path: Path, names: Sequence[str], hint: str = "") -> None:
        """Every name that an expression needs must be there."""
        for needed, column in self.lacking(names):
            raise ConnectorError(
                f"{path.name} has no column {needed!r}, which `{column}` is made of.",
                hint=hint or f"It has {', '.join(names)}. Correct the expression or the export.",
            )


def needs(columns: Mapping[str, str], file: str) -> Needs:
    """What some expressions need; ConnectorError for one that does not parse."""
    found = {}
    for column, sql in columns.items():
        try:
            found[column] = expressions.paths(expressions.parse(sql))
        except BadSql as error:
            raise ConnectorError(
                f"{file}: the SQL of `{column}` does not parse: {error}.",
                hint="Correct the expression in the source's columns.",
            ) from error
    return Needs(found)


def told(values: Mapping[str, str], line: str, rows: str, bad: str = "NULL") -> str:
    """A relation: each needed name as SQL, where a row stands, and why it is bad or NULL."""
    listed = [f"{sql} AS {identifier(name)}" for name, sql in values.items()]
    listed += [f"CAST({line} AS BIGINT) AS {LINE}", f"CAST({bad} AS VARCHAR) AS {BAD}"]
    return f"(SELECT {', '.join(listed)} FROM {rows})"


def read_csv(path: Path, columns: Mapping[str, str], delimiter: str, *more: str) -> str:
    """The engine's reader, told everything: nothing is left for it to guess."""
    typed = ", ".join(f"{text(name)}: '{kind}'" for name, kind in columns.items())
    quoted = "" if delimiter == "\x1f" else '"'
    settings = [
        text(str(path)),
        f"columns = {{{typed}}}",
        f"delim = {text(delimiter)}",
        f"quote = '{quoted}'",
        f"escape = '{quoted}'",
        "header = false",
        "auto_detect = false",
        *more,
    ]
    return f"read_csv({', '.join(settings)})"
