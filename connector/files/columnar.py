"""Parquet: read by column, with the types it has."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConnectorError
from ..mapping.casts import text
from ..mapping.expressions import identifier
from ..tables import FileTable
from . import found
from .needs import Needs, told


def check(path: Path, needs: Needs) -> None:
    """The file has every column that is needed."""
    _places(path, needs)


def read(path: Path, needs: Needs) -> FileTable:
    """A file as a table; a row's place is its number."""
    rows = f"read_parquet({text(str(path))}, file_row_number = true)"
    return FileTable(told(_places(path, needs), "file_row_number + 1", rows))


def _places(path: Path, needs: Needs) -> dict[str, str]:
    """Each needed name as SQL: a column, or a field inside one (`customer.id`)."""
    there = {name.casefold(): name for name in _columns(path)}
    places = {}
    for name in needs.names:
        first, *inner = name.split(".")
        if name.casefold() in there:
            places[name] = identifier(there[name.casefold()])
        elif first.casefold() in there and inner:
            steps = "".join(f"[{text(step)}]" for step in inner)
            places[name] = f"{identifier(there[first.casefold()])}{steps}"
    needs.check(path, [*there.values(), *places])
    return places


def _columns(path: Path) -> list[str]:
    import duckdb

    if not path.exists():
        raise found.unreadable(path, FileNotFoundError(2, "No such file or directory"))
    try:
        with duckdb.connect() as engine:
            said = engine.execute(f"DESCRIBE SELECT * FROM read_parquet({text(str(path))})")
            return [str(row[0]) for row in said.fetchall()]
    except duckdb.Error:
        raise ConnectorError(
            f"{path.name} is no Parquet file, or was cut off.", hint="Run the export again."
        ) from None
