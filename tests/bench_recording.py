"""What a plan costs inside the engine: the diff, the file of changes, outcomes and the ledger.

    python -m tests.bench_recording 300000       so many accounts, with the shipped mapping
    python -m tests.bench_recording 300000 3     with its first three fields: score, tier, trend

No network and no JSON: CPU microseconds per account of this process, the median of three. `floor`
joins the three sides and keeps what differs, writes a table as Parquet or one as CSV, with nothing
else done. "On a quiet day" one account in eighty has changed, of the others nothing has.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import mkdtemp
from time import process_time
from types import SimpleNamespace
from typing import Any

from connector.engines.duckdb import DuckDB
from connector.mapping import wanted
from connector.mapping.document import parse
from connector.mapping.objects import CrmMapping
from connector.store.lake import Lake
from connector.sync import diff, ledger, load, staged
from connector.sync.journal import Journal
from connector.sync.run import Run
from tests.sync.test_diff import NOW, Org
from tests.sync.test_ledger import plan_of
from tests.world import ROOT

#: A value of each type, different from record to record.
VALUES = {
    "DOUBLE": "CAST(hash(i) % 100 AS DOUBLE)",
    "VARCHAR": "'Support +12: no open ticket; no meeting for ' || hash(i) % 90 || ' days; NPS 9'",
    "TIMESTAMPTZ": "TIMESTAMPTZ '2026-01-01' + to_seconds(CAST(hash(i) % 9999999 AS INTEGER))",
}


def tell(name: str, spent: list[float], rows: int) -> None:
    each = sorted(seconds / rows * 1e6 for seconds in spent)
    print(f"{name:<36}{median(each):>7.2f} µs  ({each[0]:.2f} to {each[-1]:.2f})")


def timed(what: Callable[[], Any]) -> float:
    begun = process_time()
    what()
    return process_time() - begun


def sides(engine: DuckDB, mapping: CrmMapping, rows: int) -> None:
    """Three sides of every account; a tenth of them has the one before it as its parent."""
    cells = ", ".join(
        f'{VALUES[wanted.sql_type(f)] if f.type != "choice" else repr(f.values[0])} AS "{f.target}"'
        for f in mapping.fields
    )
    empty = ", ".join(f'CAST(NULL AS {wanted.sql_type(f)}) AS "{f.target}"' for f in mapping.fields)
    key = "printf('001Sb%013d', i) AS id"
    beside = "printf('001Sb%013d', i - CASE i % 10 WHEN 9 THEN 1 ELSE 0 END) AS beside"
    common = (
        "CAST(NULL AS VARCHAR) AS record_type, TIMESTAMPTZ '2026-01-01' AS modified_at, "
        "CAST(NULL AS VARCHAR) AS unread"
    )
    engine.stage("wanted", f"SELECT {key}, {cells} FROM range({rows}) t(i)", "table")
    current = f"SELECT {key}, {beside}, {common}, {empty} FROM range({rows}) t(i)"
    engine.stage("current", current, "table")
    engine.stage("inherited", "SELECT '' AS id WHERE false", "table")


def shipped(fields: int = 10) -> CrmMapping:
    """The first fields of the shipped mapping."""
    text = (ROOT / "mappings" / "salesforce.toml").read_text()
    mapping, problems = parse(text, "salesforce.toml", CrmMapping)
    assert mapping is not None, problems
    return replace(mapping, fields=mapping.fields[:fields])


def main(rows: int, fields: int) -> None:
    folder = Path(mkdtemp())
    mapping = shipped(fields)
    engine = DuckDB(scratch=folder / "spill", threads=2)
    engine.run("SET memory_limit = '2GB'")
    sides(engine, mapping, rows)
    spent: dict[str, list[float]] = {}
    quiet_day(engine, mapping, folder, spent)
    sides(engine, mapping, rows)
    for turn in range(3):
        app: Any = SimpleNamespace(
            mapping=mapping,
            lake=Lake(folder / f"lake{turn}"),
            crm=SimpleNamespace(id_field="Id", most=rows, file_kind="csv"),
        )
        for again in (False, True):
            name = f"{turn}{'again' if again else 'first'}"
            for what, seconds in recorded(app, engine, folder / name, rows, again=again).items():
                spent.setdefault(what, []).append(seconds)
    for what, each in spent.items():
        tell(what, each, rows)
    engine.close()
    shutil.rmtree(folder)


def quiet_day(
    engine: DuckDB, mapping: CrmMapping, folder: Path, spent: dict[str, list[float]]
) -> None:
    """The diff where nearly everything is as we wrote it, beside a join that finds what is not."""
    app: Any = SimpleNamespace(mapping=mapping, lake=Lake(folder / "quiet"))
    run = Run("quiet", Org("00D", "005", "http://127.0.0.1", NOW), engine)
    names = ", ".join(f'"{f.target}"' for f in mapping.fields)
    none = ", ".join(
        f"CAST(NULL AS {kind}) AS {name}"
        for name, kind in ledger.LEDGER.items()
        if name not in {"id", "pulled_at", "modified_at"}
    )
    at = f"TIMESTAMPTZ '{NOW}'"
    engine.stage(
        "written",
        f"SELECT id, {names}, {at} AS pulled_at, {at} AS modified_at, {none} FROM wanted",
        "table",
    )
    first = mapping.fields[0].target
    moved = f'SELECT * REPLACE (CASE hash(id) % 80 WHEN 0 THEN -1 ELSE "{first}" END AS "{first}")'
    engine.stage(
        "current",
        f"SELECT id, id AS beside, CAST(NULL AS VARCHAR) AS record_type, {at} AS modified_at, "
        "CAST(NULL AS VARCHAR) AS unread, "
        f"{names} FROM ({moved} FROM wanted)",
        "table",
    )
    engine.run(f'UPDATE written SET "{first}" = c."{first}" FROM current c WHERE c.id = written.id')
    differs = " OR ".join(
        f'n."{f.target}" IS DISTINCT FROM c."{f.target}" '
        f'AND c."{f.target}" IS NOT DISTINCT FROM w."{f.target}"'
        for f in mapping.fields
    )
    plain = (
        f"SELECT n.* FROM wanted n JOIN current c USING (id) JOIN written w USING (id) "
        f"WHERE {differs}"
    )
    sql = diff.diff_sql(app, run, adopt=False)
    for _ in range(3):
        spent.setdefault("diff on a quiet day, floor", []).append(
            timed(lambda: engine.stage("plain", plain, "table"))
        )
        spent.setdefault("diff on a quiet day", []).append(
            timed(lambda: engine.stage("diff", sql, "table"))
        )


def recorded(app: Any, engine: DuckDB, folder: Path, rows: int, *, again: bool) -> dict[str, float]:
    """One plan, from its diff to the ledger; seconds by what they were spent on."""
    folder.mkdir()
    run = Run(folder.name, Org("00D", "005", "http://127.0.0.1", NOW), engine)
    made = plan_of(run.id, folder / "plan.json", {f.target: f.type for f in app.mapping.fields})
    engine.stage("written", ledger.written(app, run), "table")
    if again:  # a person has emptied everything, which is taken over
        engine.run("DELETE FROM written")
    spent = {}
    sql = diff.diff_sql(app, run, adopt=False)
    spent["diff"] = timed(lambda: engine.stage("diff", sql, "table"))
    staged.stage(app, run, made)
    names = ", ".join(f'"to:{name}"' for name in made.types)
    engine.stage("plain", f"SELECT id, {names} FROM changes", "table")
    spent["file, floor"] = timed(
        lambda: engine.run(f"COPY plain TO '{folder}/plain.csv' (FORMAT csv, HEADER)")
    )
    spent["file"] = timed(lambda: load._write(app, run, made, folder / "changes.csv", ""))
    said = "'applied' AS result, '' AS code, '' AS message"
    engine.stage("landed", f"SELECT id, {said} FROM changes", "table")
    journal = Journal(folder / "journal.ndjson")
    at = NOW + timedelta(hours=1 if again else 0)
    spent["journal"] = timed(lambda: journal.take(engine, "SELECT * FROM landed", at))
    spent["ledger, floor (one table)"] = timed(
        lambda: engine.run(f"COPY plain TO '{folder}/plain.parquet' (FORMAT parquet)")
    )
    how = "again" if again else "first time"
    spent[f"ledger, {how}"] = timed(lambda: ledger.record(app, run, made, journal))
    assert app.lake.layers(ledger.TABLE).base_rows == rows
    return spent


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    main(*(given + [300_000, 10][len(given) :]))
