"""Reading by job: pages of CSV to disk, taken up by the next run; traps by complaint."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import requests
from requests import Response, Session

from connector.crm.salesforce import bulk_read, ingest, jobs, lanes, read
from connector.errors import AuthError, ConnectorError, Malformed, RemoteError, Throttled
from connector.mapping import casts
from connector.protocols import Read

ACCOUNTS = 50
PATHS = ("Id", "Subject", "AccountId", "Owner.Name", "IsClosed", "CompletedDateTime", "IsDeleted",
         "CallDurationInSeconds", "SystemModstamp")  # fmt: skip


@dataclass
class Memory:
    """What a read remembers, as a run keeps it; `stop_at` ends the read at that many notes."""

    facts: dict[str, Any] = field(default_factory=dict)
    stop_at: int | None = None
    notes: int = 0

    def recall(self) -> dict[str, Any]:
        return self.facts

    def remember(self, facts: dict[str, Any]) -> None:
        self.facts = dict(facts)
        self.notes += 1
        if self.notes == self.stop_at:
            raise KeyboardInterrupt

    def pause(self, seconds: float) -> None:
        """Do not wait."""


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Jobs from 100 records on, with 120 on a page; no page of REST holds all of them."""
    monkeypatch.setattr(read, "PAGE", 200)
    monkeypatch.setattr(lanes, "JOB_FROM", 100)
    monkeypatch.setattr(bulk_read, "PAGE", 120)
    monkeypatch.setattr(bulk_read, "LISTED_FROM", 1000)
    monkeypatch.setattr(jobs, "BEGIN_SECONDS", 0.01)


def ask(org, paths=PATHS) -> tuple[Read, dict[str, str]]:
    """All tasks, and the types of their fields."""
    org.crm.check()
    types = org.crm.path_types("Task", paths)
    return Read("Task", tuple(types), None, "SystemModstamp"), types


def take(org, folder, memory=None, paths=PATHS):
    """Read all tasks."""
    wanted, types = ask(org, paths)
    return org.crm.read(wanted, types, folder, memory or Memory())


def routes(org, part: str) -> int:
    """How many requests the org has had on routes that contain this, less those that count them."""
    return sum(each["requests"] for each in org.control("stats")["routes"] if part in each["route"])


def listed(org) -> list[dict[str, Any]]:
    """The jobs that the org still keeps."""
    return list(org.crm._client.json("GET", "jobs/query", "to list jobs")["records"])


def test_both_lanes_bring_the_same(org, engine, tmp_path, monkeypatch):
    """Every value of every record, relationship paths, moments, flags and numbers included."""
    by_job, types = take(org, tmp_path / "job"), ask(org)[1]
    monkeypatch.setattr(lanes, "JOB_FROM", 10**9)
    by_page = take(org, tmp_path / "pages")
    names = ", ".join(f'"{path}"' for path in types)
    one, two = (f"SELECT {names} FROM {each.relation}" for each in (by_job, by_page))
    assert (by_job.lane, by_page.lane) == ("bulk_query", "query")
    assert engine.one(f"SELECT count(*) FROM {by_job.relation}") == by_job.rows == by_page.rows
    assert engine.rows(f"({one} EXCEPT {two}) UNION ALL ({two} EXCEPT {one})") == []


def test_pages_stay_compressed_on_disk(org, tmp_path):
    """The body goes to the file as it came."""
    take(org, tmp_path / "job")
    files = sorted((tmp_path / "job").iterdir())
    assert len(files) > 1
    assert all(gzip.decompress(file.read_bytes()).startswith(b'"Id"') for file in files)


def test_pages_that_come_uncompressed_are_read_as_well(org, engine, tmp_path):
    """Some proxies inflate."""
    org.control("bulk", {"gzip": False})
    spool = take(org, tmp_path / "job")
    assert {file.suffix for file in (tmp_path / "job").iterdir()} == {".csv"}
    assert engine.one(f"SELECT count(*) FROM {spool.relation}") == spool.rows


def test_the_statement_of_a_job_has_no_order(org, tmp_path):
    """ORDER BY and LIMIT switch off the chunks that the server works in."""
    memory = Memory()
    take(org, tmp_path / "job", memory)
    assert memory.facts["soql"].startswith("SELECT Id, ")
    assert "ORDER BY" not in memory.facts["soql"]


def test_a_finished_job_is_deleted(org, tmp_path):
    """tap-salesforce leaves its jobs behind; ours are gone once their pages are here."""
    take(org, tmp_path / "job")
    assert listed(org) == []


def test_the_calls_of_a_job_are_as_predicted(org, tmp_path, monkeypatch):
    """First page, create, looks, pages, delete."""
    org.control("bulk", {"polls": 0})
    memory = Memory()
    before = sum(org.crm.calls().values()) if ask(org) else 0
    spool = take(org, tmp_path / "job", memory)
    made = sum(org.crm.calls().values()) - before - 1  # asking again who we are
    assert spool.calls in {made, made - 1}
    assert sum(org.crm.read_calls(spool.rows, spool.pace).values()) == spool.calls


def test_many_pages_are_listed_and_fetched_side_by_side(org, engine, tmp_path, monkeypatch):
    """`resultPages` tells where the pages are, and how big is up to Salesforce."""
    monkeypatch.setattr(bulk_read, "LISTED_FROM", 2)
    spool = take(org, tmp_path / "job")
    assert routes(org, "resultPages") == 1
    assert engine.one(f"SELECT count(*) FROM {spool.relation}") == spool.rows


@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_job_whose_number_was_lost_is_not_left_behind(org, engine, tmp_path, drop):
    """It is found by its author, its object and its moment, and ended; another one is begun."""
    wanted, types = ask(org)
    match = {"method": "POST", "path_regex": "jobs/query/?$"}
    org.control("faults", {"match": match, "do": {"drop": drop}, "times": 1})
    spool = org.crm.read(wanted, types, tmp_path / "job", Memory())
    assert engine.one(f"SELECT count(*) FROM {spool.relation}") == spool.rows > 100
    assert listed(org) == []


# ── taken up again ────────────────────────────────────────────────────────────────────────────


def test_a_job_is_taken_up_and_only_missing_pages_are_fetched(org, engine, tmp_path):
    """A run that died after two pages costs the next one the others."""
    memory = Memory(stop_at=4)  # begun, completed, two pages
    with pytest.raises(KeyboardInterrupt):
        take(org, tmp_path / "job", memory)
    fetched = routes(org, "/results")
    spool = take(org, tmp_path / "job", Memory(memory.facts))
    pages = -(-spool.rows // bulk_read.PAGE)
    assert fetched == 2
    assert routes(org, "/results") == pages
    assert routes(org, "jobs/query/{id}/results") == pages
    assert engine.one(f"SELECT count(*) FROM {spool.relation}") == spool.rows


def test_a_job_that_was_taken_up_speaks_of_the_moment_it_was_created(org, tmp_path):
    """The watermark may move no further than that."""
    memory = Memory(stop_at=1)
    with pytest.raises(KeyboardInterrupt):
        take(org, tmp_path / "job", memory)
    org.control("clock", {"advance": "3h"})
    spool = take(org, tmp_path / "job", Memory(memory.facts))
    assert org.crm.now() - spool.until >= timedelta(hours=3)


def test_a_job_with_all_its_pages_on_disk_needs_no_call(org, tmp_path):
    """It was fetched; only the lake was not written."""
    memory = Memory()
    rows = take(org, tmp_path / "job", memory).rows
    wanted, types = ask(org)
    before = sum(org.crm.calls().values())
    again = org.crm.read(wanted, types, tmp_path / "job", Memory(memory.facts))
    assert again.rows == rows
    assert sum(org.crm.calls().values()) == before


@pytest.mark.parametrize("why", ["gone", "other statement", "other version", "old"])
def test_a_job_that_cannot_be_used_is_replaced(org, engine, tmp_path, why):
    """Deleted by somebody, asked for other fields, or older than its results are kept; and results
    are given in the version of their job alone."""
    memory = Memory(stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        take(org, tmp_path / "job", memory)
    paths = PATHS
    if why == "gone":
        org.crm._client.raw("DELETE", f"jobs/query/{memory.facts['id']}", "to delete it")
    elif why == "old":
        org.control("clock", {"advance": "8d"})
    elif why == "other version":
        org.crm = org.another(api_version="65.0")
    else:
        paths = (*PATHS, "WhatId")
    later = Memory(memory.facts)
    spool = take(org, tmp_path / "job", later, paths)
    assert engine.one(f"SELECT count(*) FROM {spool.relation}") == spool.rows
    assert later.facts["version"] == org.crm.api_version
    assert listed(org) == []


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────


def test_tap_salesforce_222_the_token_ends_in_the_middle_of_a_download(org, engine, tmp_path):
    """Each page signs for itself; one login, and the pages go on."""
    wanted, types = ask(org)

    class Expiring(Memory):
        def remember(self, facts: dict[str, Any]) -> None:
            super().remember(facts)
            if self.notes == 3:
                org.control("expire-tokens", {})

    before = org.crm.calls()["login"]
    spool = org.crm.read(wanted, types, tmp_path / "job", Expiring())
    assert engine.one(f"SELECT count(*) FROM {spool.relation}") == spool.rows
    assert org.crm.calls()["login"] - before <= 2


def test_jsforce_1693_a_page_that_breaks_off_is_fetched_again(org, engine, tmp_path):
    """A cut body is not the end of the results."""
    ask(org)
    match = {"method": "GET", "path_regex": "/results", "nth": 2}
    org.control("faults", [{"match": match, "do": {"truncate_at": 90}, "times": 1}])
    spool = take(org, tmp_path / "job")
    assert engine.one(f"SELECT count(*) FROM {spool.relation}") == spool.rows


def test_jsforce_1546_pages_that_hold_less_than_promised_are_refused(org, tmp_path, monkeypatch):
    """The sum of `Sforce-NumberOfRecords` is the number of records processed, or it is a fault."""
    saved = bulk_read._saved

    def shorter(*args: Any) -> bulk_read.Page:
        page = saved(*args)
        return replace(page, rows=page.rows - 1) if not page.next else page

    monkeypatch.setattr(bulk_read, "_saved", shorter)
    with pytest.raises(Malformed, match="promised"):
        take(org, tmp_path / "job")


def test_a_page_that_repeats_is_an_error(org, tmp_path, monkeypatch):
    """Not an endless loop."""
    saved = bulk_read._saved
    monkeypatch.setattr(
        bulk_read, "_saved", lambda *args: replace(saved(*args), next=args[2] or "again")
    )
    with pytest.raises((Malformed, RemoteError)):
        take(org, tmp_path / "job")


def test_columns_that_were_not_asked_for_are_an_error(tmp_path):
    """Text in the wrong column would be worse than none."""
    (tmp_path / "p.csv").write_text('"Id","Nmae"\n"1","x"\n')
    with pytest.raises(Malformed, match="other columns"):
        bulk_read.relation([tmp_path / "p.csv"], {"Id": "VARCHAR", "Name": "VARCHAR"})


def test_a_job_that_fails_is_deleted_and_says_why(org, tmp_path):
    """Its reason is the org's own."""
    ask(org)
    org.control("bulk", {"fail": "QUERY_TIMEOUT: too slow"})
    memory = Memory()
    with pytest.raises(RemoteError, match="QUERY_TIMEOUT"):
        take(org, tmp_path / "job", memory)
    assert (memory.facts, listed(org)) == ({}, [])


def test_simple_salesforce_482_a_job_that_never_ends_is_aborted(org, tmp_path, monkeypatch):
    """Nothing stays in progress after we have given up."""
    ask(org)
    org.control("bulk", {"stall": True})
    monkeypatch.setattr(jobs, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(jobs, "LONGEST_JOB", 0.05)
    with pytest.raises(Throttled, match="has not finished reading"):
        take(org, tmp_path / "job")
    assert listed(org) == []


def test_a_job_that_cannot_be_remembered_is_not_left_behind(org, tmp_path):
    """If its number is lost, nobody will take it up."""

    class Forgetful(Memory):
        def remember(self, facts: dict[str, Any]) -> None:
            if facts:
                raise ConnectorError("The state is read-only.")

    with pytest.raises(ConnectorError, match="read-only"):
        take(org, tmp_path / "job", Forgetful())
    assert [each["state"] for each in listed(org)] == []


def test_an_object_that_jobs_do_not_know_is_read_by_page(org, engine, tmp_path):
    """Salesforce refuses the job; the first page is here already."""
    ask(org)
    refusal = [{"errorCode": "INVALIDENTITY", "message": "Entity 'Task' is not supported"}]
    match = {"method": "POST", "path_regex": "/jobs/query"}
    org.control("faults", [{"match": match, "do": {"status": 400, "body": refusal}}])
    spool = take(org, tmp_path / "job")
    assert spool.lane == "query"
    assert engine.one(f"SELECT count(*) FROM {spool.relation}") == spool.rows


def test_a_second_refusal_of_the_token_ends_the_read(org, tmp_path):
    """No endless renewing."""
    ask(org)
    refusal = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
    match = {"method": "GET", "path_regex": "/results"}
    org.control("faults", [{"match": match, "do": {"status": 401, "body": refusal}}])
    with pytest.raises(AuthError):
        take(org, tmp_path / "job")


# ── values ────────────────────────────────────────────────────────────────────────────────────


def values(engine, tmp_path, lines: str, types: dict[str, str]) -> list[tuple[Any, ...]]:
    (tmp_path / "p.csv").write_bytes(lines.encode())
    relation = bulk_read.relation([tmp_path / "p.csv"], types)
    return list(engine.rows(f"SELECT * FROM {relation} ORDER BY 1"))


def test_airbyte_8300_words_that_look_like_nothing_are_data(engine, tmp_path):
    """NA, NULL and None are a company's name; only an empty cell is nothing."""
    lines = '"Id","Name"\n"1","NA"\n"2","NULL"\n"3","None"\n"4",""\n'
    found = values(engine, tmp_path, lines, {"Id": "VARCHAR", "Name": "VARCHAR"})
    assert [row[1] for row in found] == ["NA", "NULL", "None", None]


def test_quotes_and_line_breaks_stay_in_their_cell(engine, tmp_path):
    """As somebody typed them."""
    lines = '"Id","Name"\n"1","a ""b"",\n\nc"\n'
    found = values(engine, tmp_path, lines, {"Id": "VARCHAR", "Name": "VARCHAR"})
    assert found == [("1", 'a "b",\n\nc', None)]


def test_null_bytes_are_taken_out_of_texts(engine, tmp_path):
    """Other databases refuse them."""
    found = values(
        engine, tmp_path, '"Id","Name"\n"1","a\x00b"\n', {"Id": "VARCHAR", "Name": "VARCHAR"}
    )
    assert found == [("1", "ab", None)]


def test_a_value_that_cannot_be_read_is_null_and_named(engine, tmp_path):
    """One bad value costs neither its record nor its neighbours."""
    types = {"Id": "VARCHAR", "N": "DOUBLE", "B": "BOOLEAN"}
    found = values(engine, tmp_path, '"Id","N","B"\n"1","x","true"\n"2","1.5","maybe"\n', types)
    assert found == [("1", None, True, "N "), ("2", 1.5, None, "B ")]


def test_the_org_sends_null_bytes_and_they_do_not_arrive(org, engine, tmp_path):
    """The same through the whole lane."""
    ask(org)
    org.control("bulk", {"nul_bytes": True})
    spool = take(org, tmp_path / "job")
    raw = b"".join(gzip.decompress(f.read_bytes()) for f in (tmp_path / "job").iterdir())
    assert b"\x00" in raw
    left = f'SELECT count(*) FROM {spool.relation} WHERE contains("Subject", chr(0))'
    assert engine.one(left) == 0


def test_nothing_is_an_empty_table(engine):
    """With the same columns."""
    relation = casts.empty({"Id": "VARCHAR", "N": "DOUBLE"})
    assert engine.rows(f'SELECT "Id", "N", _unread FROM {relation}') == []


def test_simple_salesforce_738_a_page_is_never_held_in_memory(org, tmp_path, monkeypatch):
    """The body is asked for as a stream, and written piece by piece."""
    sent: list[bool] = []
    original = Session.send

    def noted(self: Session, request: Any, **options: Any) -> Any:
        if "/results" in request.url:
            sent.append(bool(options.get("stream")))
        return original(self, request, **options)

    monkeypatch.setattr(Session, "send", noted)
    take(org, tmp_path / "job")
    assert sent
    assert all(sent)


MEGABYTES = 20


class Large(BaseHTTPRequestHandler):
    """Answers everything with a body that is larger than anybody should hold."""

    def do_GET(self) -> None:
        part = b"x" * 1_000_000
        self.send_response(200)
        self.send_header("Content-Length", str(MEGABYTES * len(part)))
        self.send_header("Sforce-NumberOfRecords", "1")
        self.end_headers()
        for _ in range(MEGABYTES):
            self.wfile.write(part)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@dataclass
class Anybody:
    """Sends what a client sends, to one address."""

    url: str

    def raw(self, method: str, path: str, doing: str, **options: Any) -> Response:
        return requests.request(method, self.url, timeout=30, **options)


@pytest.fixture
def anybody() -> Iterator[Anybody]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Large) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Anybody(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


@pytest.mark.parametrize("lane", ["reading", "writing"])
def test_simple_salesforce_738_memory_does_not_grow_with_what_comes(anybody, tmp_path, lane):
    """A page of a job, and the outcomes of one, go from the wire to the disk."""
    job = bulk_read.Job("750", "", "66.0", "")
    tracemalloc.start()
    if lane == "reading":
        bulk_read._saved(anybody, job, "", tmp_path, {})
    else:
        ingest._fetch(anybody, "jobs/ingest/750/failedResults", tmp_path / "failed.csv")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [file.stat().st_size for file in tmp_path.iterdir()] == [MEGABYTES * 1_000_000]
    assert most < 8_000_000
