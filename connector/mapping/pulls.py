"""From raw CRM records to the columns of a stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..records import STREAMS
from . import expressions
from .document import Mistake, Path
from .expressions import BadSql, flattened, identifier
from .objects import Pull
from .shape import did_you_mean


def fields(pull: Pull) -> tuple[str, ...]:
    """The CRM fields and relationship paths that a pull reads, in the order they first stand."""
    names: list[str] = []
    for sql in pull.columns.values():
        names += expressions.paths(expressions.parse(sql))
    return tuple(dict.fromkeys([*names, *_marks(pull)]))


def sql(pull: Pull, relation: str, *, keep: Sequence[str] = ()) -> str:
    """A query from flat raw records to all columns of the stream, plus the columns in `keep`."""
    typed = [_column(pull, name, kind) for name, kind in STREAMS[pull.stream].columns.items()]
    modified = identifier(pull.modified) if pull.modified else "NULL"
    deleted = f"TRY_CAST({identifier(pull.deleted)} AS BOOLEAN)" if pull.deleted else "NULL"
    typed += [
        f"TRY_CAST({modified} AS TIMESTAMPTZ) AS modified_at",
        f"coalesce({deleted}, FALSE) AS deleted",
        *map(identifier, keep),
    ]
    return f"SELECT {', '.join(typed)} FROM {relation}"


def check(pull: Pull, types: Mapping[str, str] | None = None) -> list[Mistake]:
    """What is wrong with a pull; with the types of the CRM's fields also what the org lacks."""
    if pull.stream not in STREAMS:
        fix = did_you_mean(pull.stream, STREAMS)
        return [Mistake(("stream",), f"unknown stream {pull.stream!r}", fix)]
    found = [] if "id" in pull.columns else [Mistake(("columns",), "'id' is missing", 'id = "Id"')]
    for name, expression in pull.columns.items():
        found += _column_mistakes(pull, name, expression, types)
    if types is not None:
        found += [
            Mistake((key,), f"{pull.object} has no field {name!r}", did_you_mean(name, types))
            for key, name in (("modified", pull.modified), ("deleted", pull.deleted))
            if name and name not in types
        ]
    return found


def _marks(pull: Pull) -> list[str]:
    return [name for name in (pull.modified, pull.deleted) if name]


def _column(pull: Pull, name: str, kind: str) -> str:
    value = flattened(pull.columns[name]) if name in pull.columns else "NULL"
    return f"TRY_CAST({value} AS {kind}) AS {identifier(name)}"


def _column_mistakes(
    pull: Pull, name: str, sql: str, types: Mapping[str, str] | None
) -> list[Mistake]:
    path: Path = ("columns", name)
    known = STREAMS[pull.stream].columns
    if name not in known:
        what = f"{pull.stream} has no column {name!r}"
        return [Mistake(path, what, did_you_mean(name, known))]
    try:
        read = expressions.paths(expressions.parse(sql))
    except BadSql as error:
        return [Mistake(path, f"SQL that does not parse: {error}", "correct the expression")]
    if types is None:
        types = dict.fromkeys(read, "UNKNOWN")
    return [
        Mistake(path, each.what.replace("unknown column", f"{pull.object} has no field"), each.fix)
        for each in expressions.mistakes(sql, path, types)
    ]
