"""What HubSpot costs: CPU per record from the wire into the lake, and of a batch update.

    python -m tests.bench_hubspot 100000      so many companies

The sandbox runs in a process of its own, so its work is not counted. CPU is what this process used;
`floor` sends the same updates with nothing else done, in the same run.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import orjson
import requests
import urllib3

from connector.crm.hubspot import Crm, load
from connector.crm.hubspot.auth import Token
from connector.engines.duckdb import DuckDB
from connector.protocols import Read
from connector.secrets import Secret
from tests.bench import BENCH, serving

PATHS = (
    "hs_object_id", "name", "domain", "industry", "annualrevenue", "numberofemployees",
    "lifecyclestage", "hubspot_owner_id", "createdate", "hs_lastmodifieddate", "segment", "arr",
    "csm_sentiment", "renewal_date", "hs_parent_company_id", "archived", "merged_into",
)  # fmt: skip
#: So that a record has some 430 bytes of JSON.
NARROW = (
    "hs_object_id", "name", "domain", "industry", "annualrevenue", "hs_lastmodifieddate",
    "createdate", "archived",
)  # fmt: skip
WRITTEN = ("segment", "arr", "csm_sentiment", "goals_total", "goals_reached")

TYPES = dict.fromkeys(WRITTEN, "number") | {"segment": "choice"}


def measured(what: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds and the result."""
    begun = process_time()
    made = what()
    return process_time() - begun, made


def tell(name: str, seconds: float, rows: int) -> None:
    print(f"{name:<44}{rows:>10,} records{seconds / rows * 1e6:>9.1f} µs each")


def main(companies: int) -> None:
    work = BENCH / "hubspot"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with serving(BENCH / f"{companies}", companies) as url:
        keys = requests.get(f"{url}/_sandbox/credentials", timeout=600).json()["hubspot"]
        (work / "token").write_text(keys["token"])
        crm = Crm(auth=Token(Secret(f"file:{work / 'token'}")), url=url, export_from=0, bulk_from=1)
        crm.check()
        crm.counts(["companies"])
        reading(crm, work, NARROW)
        ids = reading(crm, work, PATHS)
        exporting(url, keys["token"], work)
        writing(crm, url, keys["token"], ids, work)
    shutil.rmtree(work, ignore_errors=True)


def reading(crm: Crm, work: Path, paths: Sequence[str]) -> list[str]:
    """List into a table; the ids."""
    types = crm.path_types("companies", paths)
    asked = Read("companies", tuple(types), None, "hs_lastmodifieddate")
    fetched, spool = measured(lambda: crm.read(asked, types, work / "list"))
    names = [name for name in paths if name not in {"archived", "merged_into"}]
    signed = crm.auth.signed_in(crm.url, crm.api_version).header()
    plain, (many, size) = measured(lambda: list_floor(crm.url, signed, work, names))
    print(f"{len(paths)} properties, {size / many:.0f} bytes of JSON a record")
    tell("list → table, floor", plain, many)
    engine = DuckDB(scratch=work / "spill", threads=2)
    into = f"COPY (SELECT * FROM {spool.relation}) TO '{work / 'lake.parquet'}' (FORMAT parquet)"
    stored, _ = measured(lambda: engine.run(into))
    tell("list, fetched", fetched, spool.rows)
    tell("list, into a table", stored, spool.rows)
    tell("list → lake", fetched + stored, spool.rows)
    ids = engine.rows(f"SELECT hs_object_id FROM '{work / 'lake.parquet'}' WHERE NOT archived")
    engine.close()
    shutil.rmtree(work / "list")
    return [id for (id,) in ids]


def list_floor(url: str, authorization: str, work: Path, names: Sequence[str]) -> tuple[int, int]:
    """Page after page by a plain script into one file, and the file into a table of texts; how many
    records and bytes."""
    pool, after, rows, size, file = urllib3.PoolManager(), "", 0, 0, work / "floor.json"
    headers = {"Authorization": authorization, "Accept-Encoding": "gzip"}
    at = f"{url}/crm/objects/2026-09/companies?limit=100&properties={','.join(names)}"
    with file.open("wb") as out:
        while True:
            answer = pool.request("GET", f"{at}&after={after}" if after else at, headers=headers)
            told, size = orjson.loads(answer.data), size + len(answer.data)
            for each in told["results"]:
                out.write(orjson.dumps(each["properties"]) + b"\n")
            rows += len(told["results"])
            after = told.get("paging", {}).get("next", {}).get("after", "")
            if not after:
                break
    columns = dict.fromkeys(names, "VARCHAR")
    engine = DuckDB(scratch=work / "spill", threads=2)
    engine.run(
        f"COPY (SELECT * FROM read_json('{file}', columns = {columns}, format = "
        f"'newline_delimited')) TO '{work / 'floor.parquet'}' (FORMAT parquet)"
    )
    engine.close()
    return rows, size


def exporting(url: str, token: str, work: Path) -> None:
    """The same by export."""
    (work / "token").write_text(token)
    crm = Crm(auth=Token(Secret(f"file:{work / 'token'}")), url=url, export_from=1)
    types = crm.path_types("companies", PATHS)
    asked = Read("companies", tuple(types), None, "hs_lastmodifieddate")
    fetched, spool = measured(lambda: crm.read(asked, types, work / "export"))
    engine = DuckDB(scratch=work / "spill", threads=2)
    into = f"COPY (SELECT * FROM {spool.relation}) TO '{work / 'e.parquet'}' (FORMAT parquet)"
    stored, _ = measured(lambda: engine.run(into))
    engine.close()
    assert spool.lane == "exports"
    tell("export → lake", fetched + stored, spool.rows)


def writing(crm: Crm, url: str, token: str, ids: list[str], work: Path) -> None:
    """Updates by batch: a plain script, from rows, and from a file."""
    rows = [
        {"id": id, "segment": "Small", "arr": n, "csm_sentiment": n % 5, "goals_total": 5,
         "goals_reached": n % 6}
        for n, id in enumerate(ids)
    ]  # fmt: skip
    spent, _ = measured(lambda: floor(url, token, rows))
    tell("batch update, floor", spent, len(rows))

    def written() -> int:
        return sum(len(each) for each in crm.write("companies", rows, 100))

    spent, many = measured(written)
    assert many == len(rows)
    tell("batch update, prepared and sent", spent, len(rows))
    path = work / "changes.json"
    with path.open("wb") as out:
        for row in rows:
            values = {name: str(row[name]) for name in WRITTEN}
            line = orjson.dumps({"id": row["id"], "properties": values})
            out.write(line + load.APART + orjson.dumps(values) + b"\n")  # as they hold it by now
    spent, spool = measured(
        lambda: crm.load("companies", path, work, lambda job: None, types=TYPES)
    )
    assert spool.rows == len(rows)
    tell("batch update, from a file", spent, len(rows))


def floor(url: str, token: str, rows: list[dict[str, Any]]) -> None:
    """Hundreds of records, encoded, sent, and the answer decoded."""
    pool = urllib3.PoolManager()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json",
               "Accept-Encoding": "gzip"}  # fmt: skip
    for start in range(0, len(rows), 100):
        inputs = [
            {"id": row["id"], "properties": {name: str(row[name]) for name in WRITTEN}}
            for row in rows[start : start + 100]
        ]
        answer = pool.request(
            "POST", f"{url}/crm/objects/2026-09/companies/batch/update", headers=headers,
            body=orjson.dumps({"inputs": inputs}),
        )  # fmt: skip
        assert answer.status == 200
        orjson.loads(answer.data)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["10000"]))
