"""What a record costs, beside plain DuckDB doing the same in the same run.

The bounds are wide: they are there to catch a cost that has grown by its nature, not by the load of
the machine.
"""

from __future__ import annotations

import gc
import gzip
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import orjson
import pytest

from connector.crm.hubspot import relation as hubspot
from connector.crm.hubspot import write
from connector.crm.hubspot.catalogue import Parts
from connector.crm.hubspot.pages import Shelf, page_of
from connector.crm.hubspot.stamps import Stamps
from connector.crm.salesforce.bulk_read import relation
from connector.engines.duckdb import DuckDB
from connector.records import MOMENT, NUMBER, TEXT, Outcome
from connector.rest.pooled import Reply
from connector.store.lake import Lake
from connector.sync import ledger
from tests.bench_recording import quiet_day, shipped, sides
from tests.bench_scoring import SIDES, filled, measured
from tests.sync.test_ledger import NOW, Ledger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROWS = 200_000
TYPES = {"Id": TEXT, "AccountId": TEXT, "Subject": TEXT, "CreatedDate": MOMENT}


#: HubSpot gives and takes so many at once.
CHUNK = 100
COMPANY = {
    "hs_object_id": TEXT, "name": TEXT, "domain": TEXT, "industry": TEXT, "annualrevenue": NUMBER,
    "numberofemployees": NUMBER, "lifecyclestage": TEXT, "hubspot_owner_id": TEXT,
    "createdate": MOMENT, "hs_lastmodifieddate": MOMENT, "hs_merged_object_ids": TEXT,
    "arr": NUMBER, "csm_sentiment": NUMBER, "renewal_date": MOMENT,
}  # fmt: skip
SCORES = ("health_score", "health_tier", "health_reason", "health_trend", "health_at")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    made = DuckDB(scratch=tmp_path / "spill", threads=2)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """What other tests have left in this process is not searched for garbage while time is taken:
    that would fall to the side that makes more objects, and grow with the tests before."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def cost(what: Callable[[], Any]) -> float:
    """The median CPU seconds of three times."""
    return median(seconds(what) for _ in range(3))


def costs(*sides: Callable[[], Any]) -> list[float]:
    """The median CPU seconds of every side, five times in turns: so what else goes on falls to
    all."""
    spent = [[seconds(each) for each in sides] for _ in range(5)]
    return [median(each) for each in zip(*spent, strict=True)]


def seconds(what: Callable[[], Any]) -> float:
    """CPU seconds of this process."""
    begun = process_time()
    what()
    return process_time() - begun


def page(folder: Path) -> Path:
    """A page of records as a Bulk job sends it."""
    file = folder / "page.csv.gz"
    lines = (
        f'"00T{n:015}","001{n % 5000:015}","Call {n % 90}","2026-01-{n % 28 + 1:02}T08:00:00.000Z"'
        for n in range(ROWS)
    )
    names = ",".join(f'"{name}"' for name in TYPES)
    file.write_bytes(gzip.compress("\n".join([names, *lines]).encode(), 1))
    return file


def test_reading_a_page_into_the_lake(tmp_path, engine):
    """Typed, told what was unreadable, stored and committed: three times parsing and writing."""
    file, numbers = page(tmp_path), iter(range(9))
    plain = (
        f"COPY (SELECT * FROM read_csv('{file}', auto_detect = false, header = true, columns = "
        f"{TYPES})) TO '{tmp_path}/plain.parquet' (FORMAT parquet)"
    )
    lake = Lake(tmp_path / "lake")
    rows = f"SELECT * FROM {relation([file], TYPES)}"
    floor, ours = costs(
        lambda: engine.run(plain),
        lambda: lake.append(f"things{next(numbers)}", engine, rows, layer="base"),
    )
    assert ours <= 3 * floor, f"{ours / ROWS * 1e6:.2f} µs, floor {floor / ROWS * 1e6:.2f} µs"


def test_the_diff_of_a_quiet_day(tmp_path, engine):
    """One account in eighty has changed: at most three times a join that finds those."""
    mapping = shipped()
    sides(engine, mapping, ROWS)
    spent: dict[str, list[float]] = {}
    quiet_day(engine, mapping, tmp_path, spent)
    floor, ours = (median(each) for each in spent.values())
    assert engine.one("SELECT count(*) FROM diff WHERE tried IS NOT NULL") == pytest.approx(
        ROWS / 80, rel=0.1
    )
    assert ours <= 3 * floor, f"{ours / ROWS * 1e6:.2f} µs, floor {floor / ROWS * 1e6:.2f} µs"


def test_recording_outcomes_again(tmp_path):
    """A ledger whose every record was written again is joined and written once, not folded after:
    at most eight times a plain join of the same rows, written by the engine."""
    kept = Ledger(tmp_path)
    scores = {f"001{n:015}": float(n) for n in range(ROWS // 10)}
    kept.record("first", scores, NOW, "applied")
    turns = [
        kept.prepare(f"turn{n}", scores, NOW + timedelta(hours=n + 1), "applied") for n in range(3)
    ]
    plain = (
        "COPY (SELECT * FROM diff a JOIN diff b USING (id)) "
        f"TO '{tmp_path}/plain.parquet' (FORMAT parquet)"
    )
    floor = cost(lambda: kept.engine.run(plain))
    left = iter(turns)
    ours = cost(lambda: ledger.record(kept.app, *next(left)))
    assert kept.layers() == (len(scores), 0)
    kept.engine.close()
    assert ours <= 8 * floor, f"{ours:.2f} s, floor {floor:.2f} s"


def company(n: int) -> dict[str, Any]:
    """A company as HubSpot gives it."""
    at = f"2026-01-{n % 28 + 1:02}T08:00:00.{n % 1000:03}Z"
    said = {
        "name": f"Company {n}", "domain": f"company-{n}.example", "industry": "BANKING",
        "annualrevenue": str(n), "numberofemployees": str(n % 900), "lifecyclestage": "customer",
        "hubspot_owner_id": str(31_000 + n % 40), "createdate": at, "hs_lastmodifieddate": at,
        "hs_object_id": str(n), "hs_merged_object_ids": None, "arr": str(n % 70_000),
        "csm_sentiment": str(n % 5), "renewal_date": "2027-01-31",
    }  # fmt: skip
    return {
        "id": str(n), "properties": said, "createdAt": at, "updatedAt": at, "archived": False
    }  # fmt: skip


def answers(records: Sequence[Any]) -> list[bytes]:
    """Answers with a hundred records each."""
    chunks = (records[start : start + CHUNK] for start in range(0, len(records), CHUNK))
    return [orjson.dumps({"results": chunk}) for chunk in chunks]


def test_reading_pages_of_hubspot_into_a_table(tmp_path, engine):
    """Cut out as bytes, typed, each record once: at most two and a half times decoding them all
    into one file that the engine reads as texts."""
    pages, numbers = answers([company(n) for n in range(ROWS // 4)]), iter(range(9))
    parts = Parts(tuple(COMPANY))

    def plain() -> None:
        file = tmp_path / "plain.json"
        with file.open("wb") as out:
            for body in pages:
                for each in orjson.loads(body)["results"]:
                    out.write(orjson.dumps(each["properties"]) + b"\n")
        columns = dict.fromkeys(COMPANY, "VARCHAR")
        store(f"read_json('{file}', columns = {columns}, format = 'newline_delimited')")

    def read() -> None:
        folder = tmp_path / f"pages{next(numbers)}"
        folder.mkdir()
        shelf = Shelf(folder)
        for body in pages:
            shelf.add(page_of(body))
        shelf.close()
        store(hubspot.of_records(hubspot.Raw(folder, parts, {}, inline=False), COMPANY, ()))

    def store(table: str) -> None:
        engine.run(f"COPY (SELECT * FROM {table}) TO '{tmp_path}/t.parquet' (FORMAT parquet)")

    floor, ours = costs(plain, read)
    many = len(pages) * CHUNK
    assert engine.one(f"SELECT count(*) FROM '{tmp_path}/t.parquet'") == many
    assert ours <= 2.5 * floor, f"{ours / many * 1e6:.2f} µs, floor {floor / many * 1e6:.2f} µs"


def test_preparing_and_judging_batch_updates_of_hubspot():
    """Values as texts, and an outcome for each record with the moment it was written: at most three
    times a plain script that encodes the same and decodes the answers."""
    rows = [{"id": str(n), **dict.fromkeys(SCORES, n / 7)} for n in range(1, ROWS // 4 + 1)]
    chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    told = answers([company(int(row["id"])) for row in rows])

    def plain() -> None:
        for chunk, body in zip(chunks, told, strict=True):
            inputs = [
                {"id": row["id"], "properties": {name: str(row[name]) for name in SCORES}}
                for row in chunk
            ]
            orjson.dumps({"inputs": inputs})
            orjson.loads(body)

    def written() -> None:
        stamps = Stamps()
        for chunk, body in zip(chunks, told, strict=True):
            batch = list(write.inputs(chunk))
            b",".join(line for _, line in batch)
            assert write._is_whole(Reply(200, {}, body), batch)
            stamps.wrote(at.decode() for at in write._CHANGED.findall(body))
            assert [Outcome(id, "applied") for id, _ in batch]

    floor, ours = costs(plain, written)
    many = len(rows)
    assert ours <= 3 * floor, f"{ours / many * 1e6:.2f} µs, floor {floor / many * 1e6:.2f} µs"


def test_scoring_costs_a_few_times_plain_sql(tmp_path):
    """A hundred thousand accounts from a million activities, in processes of their own, with all
    that plain SQL does not say: contributions and reasons. All come to the same values, and lines
    for fields and plain SQL find the same accounts to have moved. With these lines, which compare
    three sets of measures, it is at most three times that, and four times those sets by hand."""
    folder = filled(100_000, 10, under=tmp_path)
    turns = [[measured(side, folder, 1) for side in SIDES] for _ in range(3)]
    plain, ours, again, brief = zip(*turns, strict=True)
    assert plain[0]["sums"] == ours[0]["sums"] == again[0]["sums"] == brief[0]["sums"]
    assert again[0]["moved"] == brief[0]["moved"] > 1_000
    spent = [median(each["cpu"] for each in side) for side in (plain, ours, again, brief)]
    assert spent[1] <= 4 * spent[0], spent
    assert spent[3] <= 3 * spent[1], spent
    assert spent[3] <= 4 * spent[2], spent
    assert max(each["mb"] for each in (*ours, *brief)) <= 500
