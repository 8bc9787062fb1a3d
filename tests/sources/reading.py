"""What a source brings, as rows that a test can look at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from connector.engines.duckdb import DuckDB

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rows(
    source: Any, into: Path, since: datetime | None = None, stream: str = "responses"
) -> list[dict[str, Any]]:
    """Every record of a pull, in the order of their moments; odd ones too."""
    folder = Path(mkdtemp(dir=into))
    spool = source.pull(stream, since, folder)
    return told(spool.relation, spool.rows, folder)


def told(relation: str, many: int, folder: Path) -> list[dict[str, Any]]:
    """The rows of a relation; moments are moments."""
    if not many:
        return []
    engine = DuckDB(scratch=folder / "spill")
    try:
        sql = f"SELECT * FROM {relation}"
        moments = [name for name, kind in engine.types(sql).items() if "TIME ZONE" in kind.upper()]
        picked = ", ".join(f"epoch_us({name}) AS {name}" for name in moments)
        found = engine.dicts(f"SELECT * REPLACE ({picked}) FROM ({sql})" if picked else sql)
    finally:
        engine.close()
    assert len(found) == many
    for row in found:
        row |= {name: _moment(row[name]) for name in moments}
    return sorted(found, key=lambda row: (row["id"] or "", str(row.get("submitted_at"))))


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)
