"""DuckDB as the engine: reads the lake's files, runs SQL, gives Arrow streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from ..errors import ConnectorError

#: A column with more values than this in one group of rows gets no dictionary: making one takes as
#: long as writing the values.
DICTIONARY = 1_000


class DuckDB:
    """One in-memory database for one run; spills to `scratch` above `memory`."""

    def __init__(self, *, memory: str = "512MB", threads: int | None = None, scratch: Path) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        settings: dict[str, Any] = {
            "memory_limit": memory,
            "temp_directory": str(scratch),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
        }
        if threads:
            settings["threads"] = threads
        self._db = duckdb.connect(config=settings)
        self._db.execute("SET TimeZone = 'UTC'")
        # DuckDB 2.0.0 fails on text functions over a column that is NULL throughout ("BindBuiltin-
        # ScalarFunction did not return a BoundFunctionExpression"): this step folds them away.
        self._db.execute("SET disabled_optimizers = 'statistics_propagation'")
        self._columns: dict[tuple[str, ...], dict[str, str]] = {}
        self._empty: set[str] = set()

    def run(self, sql: str) -> None:
        """Execute statements for their effect on this run's tables."""
        self._execute(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Fetch a small result. Moments must be cast to text or numbers in the SQL."""
        return list(self._execute(sql).fetchall())

    def dicts(self, sql: str) -> list[dict[str, Any]]:
        """Fetch a small result as one dict per row."""
        done = self._execute(sql)
        names = [column[0] for column in done.description or ()]
        return [dict(zip(names, row, strict=True)) for row in done.fetchall()]

    def one(self, sql: str) -> Any:
        """The first column of the first row, or None."""
        rows = self.rows(sql)
        return rows[0][0] if rows else None

    def stream(self, sql: str) -> Any:
        """The result as an Arrow stream, computed as it is consumed."""
        try:
            return self._db.sql(sql)
        except duckdb.Error as error:
            raise _said(error, sql) from error

    def export(self, sql: str, file: str, row_group: int) -> int:
        """Write the rows of a query as a Parquet file; how many. OSError when it cannot grow."""
        try:
            done = self._db.execute(
                f"COPY ({sql}) TO '{_quoted(file)}' (FORMAT parquet, COMPRESSION snappy, "
                f"ROW_GROUP_SIZE {row_group}, DICTIONARY_SIZE_LIMIT {DICTIONARY})"
            )
        except duckdb.IOException as error:
            raise OSError(str(error)) from error
        except duckdb.Error as error:
            raise _said(error, sql) from error
        return int(done.fetchall()[0][0])

    def footer(self, file: str) -> list[tuple[Any, ...]]:
        """Column, least and greatest value as text, NULLs and values: for each group of rows."""
        return self.rows(
            "SELECT path_in_schema, stats_min_value, stats_max_value, stats_null_count, num_values "
            f"FROM parquet_metadata('{_quoted(file)}')"
        )

    def types(self, sql: str) -> dict[str, str]:
        """Column → type of a query, without running it."""
        rows = self.rows(f"DESCRIBE {sql}")
        return {str(row[0]): str(row[1]) for row in rows}

    def stage(self, name: str, sql: str, kind: str = "view") -> None:
        """Put a query under a name: a view, or a table when it is read more than once.

        A table without rows becomes a view of nothing, so that a plan leaves out all that asks it.
        """
        if kind == "table" and not self.table(name, sql):
            sql, kind = self.select((), self.types(f'SELECT * FROM "{name}"')), "view"
            self.run(f'DROP TABLE "{name}"')
            self._empty.add(name)
        if kind == "view":
            self.run(f'CREATE OR REPLACE TEMP VIEW "{name}" AS {sql}')

    def table(self, name: str, sql: str) -> int:
        """Put the rows of a query into a table that others may be added to; how many they are."""
        if name in self._empty:
            self._empty.remove(name)
            self.run(f'DROP VIEW "{name}"')
        return int(self.one(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {sql}'))

    def holds(self, name: str) -> bool:
        """Whether a table was staged under this name."""
        found = f"SELECT 1 FROM duckdb_tables() WHERE table_name = '{name}'"
        return name in self._empty or bool(self.rows(found))

    def select(self, files: Sequence[str], columns: Mapping[str, str]) -> str:
        """A SELECT over Parquet files with exactly these columns; absent ones are NULL."""
        present = self.columns(files)
        names = ", ".join(
            f'"{name}"' if name in present else f'CAST(NULL AS {kind}) AS "{name}"'
            for name, kind in columns.items()
        )
        return f"SELECT {names} FROM {_read(files)}" if files else f"SELECT {names} WHERE FALSE"

    def columns(self, files: Sequence[str]) -> dict[str, str]:
        """Column → type of Parquet files taken together; looked up once, as files never change."""
        listed = tuple(files)
        if listed not in self._columns:
            self._columns[listed] = self.types(f"SELECT * FROM {_read(files)}") if files else {}
        return dict(self._columns[listed])

    def close(self) -> None:
        self._db.close()

    def _execute(self, sql: str) -> Any:
        try:
            return self._db.execute(sql)
        except duckdb.Error as error:
            raise _said(error, sql) from error


def _read(files: Sequence[str]) -> str:
    listed = ", ".join(f"'{_quoted(file)}'" for file in files)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


def _quoted(file: str) -> str:
    return file.replace("'", "''")


def _said(error: duckdb.Error, sql: str) -> ConnectorError:
    first = str(error).strip().splitlines()[0]
    hint = "Run again with -v to see the statement."
    if "space" in first or "No space" in first:
        hint = "Free some disk space and run again; nothing is lost."
    failed = ConnectorError(f"The engine could not finish: {first}", hint=hint)
    failed.add_note(sql)
    return failed
