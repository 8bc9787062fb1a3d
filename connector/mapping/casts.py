"""Raw values become typed columns: everything arrives as text, and a bad value is NULL and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..records import TEXT

#: The column that names the fields of a record whose values could not be read.
UNREAD = "_unread"


def picked(
    columns: Mapping[str, str], types: Mapping[str, str], *, lost: Sequence[str] = ()
) -> str:
    """A SELECT list: every field path cast to its type, and `_unread`.

    `columns` gives the text column of each path as SQL. Null bytes, which other databases refuse,
    are taken out of texts; ids have none. `lost` are texts as SQL that name further fields which
    could not be read, each with a space behind it, or are empty.
    """
    listed = [f'{_typed(columns[path], path, kind)} AS "{path}"' for path, kind in types.items()]
    failed = [_lost(columns[path], path, kind) for path, kind in types.items() if kind != TEXT]
    failed += lost
    told = f"nullif(concat({', '.join(failed)}), '')" if failed else f"CAST(NULL AS {TEXT})"
    return ", ".join([*listed, f"{told} AS {UNREAD}"])


def empty(types: Mapping[str, str]) -> str:
    """The same table without rows."""
    typed = [f'CAST(NULL AS {kind}) AS "{path}"' for path, kind in types.items()]
    return f"(SELECT {', '.join([*typed, f'CAST(NULL AS {TEXT}) AS {UNREAD}'])} WHERE FALSE)"


def text(value: str) -> str:
    """A Python text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def _typed(column: str, path: str, kind: str) -> str:
    if kind != TEXT:
        return f"TRY_CAST({column} AS {kind})"
    return column if path.endswith("Id") else f"replace({column}, chr(0), '')"


def _lost(column: str, path: str, kind: str) -> str:
    failed = f"{column} IS NOT NULL AND TRY_CAST({column} AS {kind}) IS NULL"
    return f"CASE WHEN {failed} THEN {text(path + ' ')} ELSE '' END"
