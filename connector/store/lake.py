"""The lake: every pulled record and every result, as append-only Delta tables.

A table has two layers. `base` holds one row per record; `tail` holds what came since. The newest
version of a record wins by `(modified_at, pulled_at)`; a long tail is folded into the base.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from ..errors import ConnectorError
from . import delta
from .delta import Engine

LAYER = "layer"
#: The file of a commit: its number in the file system, and when it was written.
_Stamp = tuple[int, int]
#: Fold the tail into the base once it holds this share of the base's rows.
FOLD_SHARE = 0.25
#: What somebody may still be reading stays for so long at least.
KEEP = timedelta(days=7)
#: Small enough that an engine reads one file with all its threads.
ROW_GROUP = 122_880


@dataclass(frozen=True, slots=True)
class Layers:
    """The files of a table and how many rows each layer holds."""

    base: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    base_rows: int = 0
    tail_rows: int = 0

    @property
    def files(self) -> tuple[str, ...]:
        return self.base + self.tail

    def is_long(self, more: int = 0) -> bool:
        """Whether the tail, with so many more rows, is to be folded into the base."""
        return self.tail_rows + more > max(FOLD_SHARE * self.base_rows, 1)


@dataclass(frozen=True, slots=True)
class Versions:
    """SELECTs of versions of records: of those that have a `single` one, and of all the others,
    where one may come more than once."""

    single: str
    several: str


class Lake:
    """Delta tables in one folder or under one object-store URL."""

    def __init__(self, root: str | Path, options: Mapping[str, str] | None = None) -> None:
        self.root = str(root).rstrip("/")
        self._options = dict(options or {})
        self._opened: dict[str, tuple[_Stamp, deltalake.DeltaTable]] = {}

    def append(
        self, table: str, engine: Engine, sql: str, layer: Literal["base", "tail"] = "tail"
    ) -> int:
        """Add the rows of a query in one commit; the number of rows added.

        Only records that the table has never held may go into the base.
        """
        return self._write(table, engine, sql, layer)

    def replace(self, table: str, engine: Engine, sql: str) -> int:
        """Make the rows of a query the whole base of a table, in one commit."""
        return self._write(table, engine, sql, "base", replace=True)

    def layers(self, table: str) -> Layers:
        """Where a table's rows are now; empty when there is no such table."""
        found = self._open(table)
        return self._layers(table, found) if found is not None else Layers()

    def _layers(self, table: str, found: deltalake.DeltaTable) -> Layers:
        actions = found.get_add_actions(flatten=True)
        paths, rows = actions["path"].to_pylist(), actions["num_records"].to_pylist()
        kinds = actions[f"partition.{LAYER}"].to_pylist()
        of = [(f"{self._at(table)}/{p}", n, k) for p, n, k in zip(paths, rows, kinds, strict=True)]
        return Layers(
            base=tuple(path for path, _, kind in of if kind == "base"),
            tail=tuple(path for path, _, kind in of if kind == "tail"),
            base_rows=sum(n for _, n, kind in of if kind == "base"),
            tail_rows=sum(n for _, n, kind in of if kind == "tail"),
        )

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns a table has so far."""
        found = self._open(table)
        names = [field.name for field in found.schema().fields] if found else []
        return tuple(name for name in names if name != LAYER)

    def types(self, table: str, engine: Engine) -> dict[str, str]:
        """The columns a table has so far, with their types in the engine."""
        found = engine.columns(self.layers(table).files)
        return {name: kind for name, kind in found.items() if name != LAYER}

    def every(self, table: str, engine: Engine, columns: Mapping[str, str]) -> str:
        """A SELECT of every row ever written."""
        return engine.select(self.layers(table).files, columns)

    def versions(
        self,
        table: str,
        engine: Engine,
        columns: Mapping[str, str],
        since: datetime,
        key: Sequence[str] = ("id",),
    ) -> Versions:
        """The versions of each record that were stored after `since`, and the newest one before.

        A fold drops what was replaced, but the files from before it stay. Where they have been
        removed since (`tidy`), the versions that only they held are missing.
        """
        first, *earlier = [*self._states(table, since)] or [Layers()]
        if earlier:
            files = dict.fromkeys(file for each in (first, *earlier) for file in each.files)
            return Versions(engine.select((), columns), engine.select(tuple(files), columns))
        base, tail = engine.select(first.base, columns), engine.select(first.tail, columns)
        same = " AND ".join(f't."{name}" = b."{name}"' for name in key)
        again = f"EXISTS (SELECT 1 FROM ({tail}) AS t WHERE {same})"
        return Versions(
            f"SELECT * FROM ({base}) AS b WHERE NOT {again}",
            f"{tail} UNION ALL SELECT * FROM ({base}) AS b WHERE {again}",
        )

    def newest(
        self, table: str, engine: Engine, columns: Mapping[str, str], key: Sequence[str] = ("id",)
    ) -> str:
        """A SELECT of the newest version of each record.

        The base is unique already, so only the few rows of the tail are ranked.
        """
        layers = self.layers(table)
        if layers.base and not layers.tail:
            return engine.select(layers.base, columns)
        names = ", ".join(f'"{name}"' for name in columns)
        by = ", ".join(f'"{name}"' for name in key)
        same = " AND ".join(f't."{name}" = b."{name}"' for name in key)
        tail = engine.select(layers.tail, columns)
        latest = (
            f"SELECT {names} FROM ({tail}) QUALIFY row_number() OVER "
            f"(PARTITION BY {by} ORDER BY modified_at DESC NULLS LAST, pulled_at DESC) = 1"
        )
        if not layers.base:
            return latest
        base = engine.select(layers.base, columns)
        newer = "(b.modified_at IS NULL OR t.modified_at >= b.modified_at)"
        return (
            f"WITH t AS MATERIALIZED ({latest}), b AS ({base}) "
            f"SELECT {names} FROM b WHERE NOT EXISTS (SELECT 1 FROM t WHERE {same} AND {newer}) "
            f"UNION ALL SELECT {names} FROM t "
            f"WHERE NOT EXISTS (SELECT 1 FROM b WHERE {same} AND NOT {newer})"
        )

    def fold(
        self, table: str, engine: Engine, columns: Mapping[str, str], key: Sequence[str] = ("id",)
    ) -> bool:
        """Fold a long tail into the base; whether it was done."""
        if not self.layers(table).is_long():
            return False
        self.replace(table, engine, self.newest(table, engine, columns, key))
        return True

    def tidy(self, table: str, keep: timedelta = KEEP) -> None:
        """Join small files, and remove what no version within a time refers to."""
        if (found := self._open(table)) is None:
            return
        hours = int(keep.total_seconds() // 3600)
        try:
            found.optimize.compact()
            found.create_checkpoint()
            found.vacuum(hours, dry_run=False, enforce_retention_duration=keep >= KEEP, full=True)
        except (DeltaError, OSError) as error:
            raise ConnectorError(
                f"The lake could not tidy up {table}: {str(error).splitlines()[0]}",
                hint="Nothing is lost; it is tried again by the next run.",
            ) from error
        finally:
            self._opened.pop(table, None)

    def _states(self, table: str, since: datetime) -> Iterator[Layers]:
        """The table as it is, and as it was before each fold that may have dropped something that
        was replaced after `since`; newest first."""
        if (found := self._open(table)) is None:
            return
        yield self._layers(table, found)
        for commit in found.history():
            if commit.get("operationParameters", {}).get("mode") != "Overwrite":
                continue
            if (before := self._opened_at(table, int(commit["version"]) - 1)) is None:
                return
            stamps = before.get_add_actions(flatten=True)
            if "max.pulled_at" in stamps.schema.names:
                latest = [each for each in stamps["max.pulled_at"].to_pylist() if each]
                if len(latest) == stamps.num_rows and max(latest, default=since) <= since:
                    return
            yield self._layers(table, before)

    def _opened_at(self, table: str, version: int) -> deltalake.DeltaTable | None:
        """The table at an earlier version; None where that is no longer held."""
        if version < 0:
            return None
        try:
            found = deltalake.DeltaTable(
                self._at(table), version=version, storage_options=self._options
            )
        except DeltaError:
            return None
        files = [] if "://" in self.root else self._layers(table, found).files
        return found if all(Path(file).exists() for file in files) else None

    def _open(self, table: str) -> deltalake.DeltaTable | None:
        """The table as it is now; in a folder it is opened anew only after another commit."""
        stamp, found = self._opened.get(table, (None, None))
        if found is not None and stamp == self._stamp(table, found.version()):
            return found
        try:
            found = deltalake.DeltaTable(self._at(table), storage_options=self._options)
        except TableNotFoundError:
            return None
        if (now := self._stamp(table, found.version())) is not None:
            self._opened[table] = now, found
        return found

    def _stamp(self, table: str, version: int) -> _Stamp | None:
        """Which commit a version is, as long as it is the newest one; None where that is unseen."""
        log = Path(self._at(table)) / "_delta_log"
        try:
            commit = (log / f"{version:020}.json").stat()
        except OSError:
            return None
        if (log / f"{version + 1:020}.json").exists():
            return None
        return commit.st_ino, commit.st_mtime_ns

    def _write(
        self, table: str, engine: Engine, sql: str, layer: str, *, replace: bool = False
    ) -> int:
        try:
            if "://" in self.root:
                return self._send(table, engine, sql, layer, replace=replace)
            place, found = Path(self._at(table)), self._open(table)
            part = (LAYER, layer)
            return delta.add(found, place, engine, sql, part, ROW_GROUP, replace=replace)
        except (DeltaError, OSError) as error:
            raise ConnectorError(
                f"The lake could not write {table}: {str(error).splitlines()[0]}",
                hint="Is the disk full or read-only? Run again afterwards; nothing is lost.",
            ) from error

    def _send(self, table: str, engine: Engine, sql: str, layer: str, *, replace: bool) -> int:
        """Into an object store the rows go by Arrow."""
        deltalake.write_deltalake(
            self._at(table),
            engine.stream(f"SELECT *, '{layer}' AS {LAYER} FROM ({sql})"),
            mode="overwrite" if replace else "append",
            partition_by=[LAYER],
            schema_mode="merge",
            writer_properties=deltalake.WriterProperties(
                compression="SNAPPY", max_row_group_size=ROW_GROUP
            ),
            storage_options=self._options,
            post_commithook_properties=delta.KEEP_LOG,
        )
        found = self._open(table)
        return int(found.history(1)[0]["operationMetrics"]["num_added_rows"]) if found else 0

    def _at(self, table: str) -> str:
        return f"{self.root}/{table}"
