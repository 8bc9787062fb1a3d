"""From raw CRM records to the columns of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..records import STREAMS, TEXT
from . import expressions, filters
from .document import Mistake, Path
from .expressions import BadSql, flattened, identifier
from .objects import Pull
from .shape import did_you_mean

#: What a relation of raw records says of values that could not be read.
UNREAD = "_unread"


def fields(pull: Pull) -> tuple[str, ...]:
    """The CRM fields and relationship paths that a pull reads, in the order they first stand."""
    names: list[str] = []
    for sql in pull.columns.values():
        names += _paths(sql)
    return tuple(dict.fromkeys([*names, *_marks(pull)]))


def id_fields(pull: Pull) -> tuple[str, ...]:
    """The fields that the id of a record is made of."""
    return _paths(pull.columns["id"])


def filtered(pull: Pull) -> tuple[str, ...]:
    """The fields and relationship paths that the filter of a pull names, none of them fetched."""
    own = f"{pull.object}.".casefold()
    named = filters.names(pull.where)
    return tuple(dict.fromkeys(n[len(own) :] if n.casefold().startswith(own) else n for n in named))


def absent(pull: Pull, types: Mapping[str, str]) -> list[str]:
    """The fields that a pull needs and the org lacks; those of optional columns are not needed."""
    needed = [*_marks(pull), *filtered(pull)]
    for name, sql in pull.columns.items():
        if name not in pull.optional_columns:
            needed += _paths(sql)
    return [path for path in dict.fromkeys(needed) if path not in types]


def sql(
    pull: Pull,
    relation: str,
    *,
    keep: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
) -> str:
    """A query from flat raw records to all columns of the stream, plus the columns in `keep`.

    With the types of the org's fields, columns that the org lacks are NULL, and `unread` names
    what could not be read.
    """
    there = _there(pull, types)
    typed = [_column(there, name, kind) for name, kind in STREAMS[pull.stream].columns.items()]
    modified = identifier(pull.modified) if pull.modified else "NULL"
    deleted = f"TRY_CAST({identifier(pull.deleted)} AS BOOLEAN)" if pull.deleted else "NULL"
    typed += [
        f"TRY_CAST({modified} AS TIMESTAMPTZ) AS modified_at",
        f"coalesce({deleted}, FALSE) AS deleted",
        *(_kept(name, types) for name in keep),
    ]
    if types is not None:
        typed.append(f"{_unread(there, STREAMS[pull.stream].columns, types)} AS unread")
    return f"SELECT {', '.join(typed)} FROM {relation}"


def ids(pull: Pull, relation: str) -> str:
    """A query for the ids alone."""
    return f"SELECT {_column(pull.columns, 'id', TEXT)} FROM {relation}"


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
    return [*found, *_optional_mistakes(pull)]


def _paths(sql: str) -> tuple[str, ...]:
    return expressions.paths(expressions.parse(sql))


def _there(pull: Pull, types: Mapping[str, str] | None) -> dict[str, str]:
    """The columns whose fields the org has."""
    if types is None:
        return pull.columns
    return {
        name: sql
        for name, sql in pull.columns.items()
        if name not in pull.optional_columns or all(path in types for path in _paths(sql))
    }


def _unread(columns: Mapping[str, str], kinds: Mapping[str, str], types: Mapping[str, str]) -> str:
    """What the relation tells, and columns whose value is of another type than their stream's."""
    parts = [f"coalesce({UNREAD}, '')"]
    for name, sql in columns.items():
        if expressions.type_of(sql, types) != kinds[name]:
            value = flattened(sql)
            failed = f"({value}) IS NOT NULL AND TRY_CAST({value} AS {kinds[name]}) IS NULL"
            parts.append(f"CASE WHEN {failed} THEN '{name} ' ELSE '' END")
    return f"nullif(trim({' || '.join(parts)}), '')"


def _marks(pull: Pull) -> list[str]:
    return [name for name in (pull.modified, pull.deleted) if name]


def _column(columns: Mapping[str, str], name: str, kind: str) -> str:
    value = flattened(columns[name]) if name in columns else "NULL"
    return f"TRY_CAST({value} AS {kind}) AS {identifier(name)}"


def _kept(name: str, types: Mapping[str, str] | None) -> str:
    there = types is None or name in types
    return identifier(name) if there else f"NULL AS {identifier(name)}"


def _optional_mistakes(pull: Pull) -> Iterator[Mistake]:
    for position, name in enumerate(pull.optional_columns):
        path: Path = ("optional_columns", position)
        if name not in pull.columns:
            yield Mistake(
                path, f"no column {name!r} is read here", did_you_mean(name, pull.columns)
            )
        elif name == "id":
            yield Mistake(path, "'id' cannot be optional", "every record is known by its id")


def _column_mistakes(
    pull: Pull, name: str, sql: str, types: Mapping[str, str] | None
) -> list[Mistake]:
    path: Path = ("columns", name)
    known = STREAMS[pull.stream].columns
    if name not in known:
        what = f"{pull.stream} has no column {name!r}"
        return [Mistake(path, what, did_you_mean(name, known))]
    try:
        read = _paths(sql)
    except BadSql as error:
        return [Mistake(path, f"SQL that does not parse: {error}", "correct the expression")]
    if types is None:
        types = dict.fromkeys(read, "UNKNOWN")
    elif name in pull.optional_columns and not set(read) <= set(types):
        return []
    return [
        Mistake(path, each.what.replace("unknown column", f"{pull.object} has no field"), each.fix)
        for each in expressions.mistakes(sql, path, types)
    ]
