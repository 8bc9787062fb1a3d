"""Objects are read side by side and stored one after another; what failed is taken up again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from connector.crm.salesforce import bulk_read, jobs, lanes
from connector.crm.salesforce import read as by_page
from connector.errors import ConnectorError, RemoteError
from connector.report import terminal
from connector.sync.bookmark import Bookmark
from connector.sync.pace import speed
from tests.world import world

from .reading import change, mapping, person, pull, read, rows

#: Objects that the shipped mapping reads of an org with one currency.
OBJECTS = 9
STREAMS = ("accounts", "activities", "contacts", "opportunities", "tickets")


@pytest.fixture
def many(tmp_path, monkeypatch):
    """Sixty accounts; jobs from 100 records on, several pages each, looked at at once."""
    monkeypatch.setattr(by_page, "PAGE", 200)
    monkeypatch.setattr(lanes, "JOB_FROM", 100)
    monkeypatch.setattr(bulk_read, "PAGE", 100)
    monkeypatch.setattr(jobs, "BEGIN_SECONDS", 0.01)
    with world(tmp_path, accounts=60) as made:
        made.ready()
        yield made


def counts(here) -> dict[str, int]:
    """Records by stream."""
    return {name: rows(here, name, "count(*)")[0][0] for name in STREAMS}


def side_by_side(here, how_many: int = 4) -> None:
    change(here.config, "parallel = 1", f"parallel = {how_many}")


def marks(here) -> set[str]:
    """The objects whose watermark has moved."""
    app = here.app()
    keys = [f"{p.stream}:{p.object}" for p in app.mapping.pull]
    return {key for key in keys if app.state.watermark(key)}


def test_side_by_side_brings_what_one_by_one_brings(here, tmp_path):
    """The same records in every stream, and the same calls."""
    one = pull(here)
    alone = counts(here)
    (here.folder / "data").rename(here.folder / "data-before")
    side_by_side(here)
    several = pull(here)
    assert counts(here) == alone
    assert {k: v["actual"] for k, v in several.calls.items()} == {
        k: v["actual"] for k, v in one.calls.items()
    }


def test_jobs_and_pages_bring_the_same_records(many, monkeypatch):
    """Whichever lane an object takes."""
    done = pull(many)
    by_job = counts(many)
    assert read(done, "activities", "Task")["lane"] == "bulk_query"
    (many.folder / "data").rename(many.folder / "data-before")
    monkeypatch.setattr(lanes, "JOB_FROM", 10**9)
    assert read(pull(many), "activities", "Task")["lane"] == "query"
    assert counts(many) == by_job


@pytest.mark.parametrize("how_many", [1, 4])
def test_a_failure_keeps_every_watermark_where_its_records_are(here, how_many):
    """What was stored has moved, what failed has not; the next run brings the rest."""
    side_by_side(here, how_many)
    broken = [{"errorCode": "MALFORMED_QUERY", "message": "odd"}]
    match = {"method": "GET", "path_regex": "queryAll", "nth": 6}
    here.faults({"match": match, "do": {"status": 400, "body": broken}})
    with pytest.raises(RemoteError, match="MALFORMED_QUERY"):
        pull(here)
    stored, app = marks(here), here.app()
    assert len(stored) < OBJECTS
    assert all(rows(here, key.partition(":")[0], "count(*) > 0") == [(True,)] for key in stored)
    assert list(app.scratch.iterdir()) == []
    here.faults()
    pull(here)
    assert len(marks(here)) == OBJECTS
    assert all(counts(here).values())


def test_one_failure_ends_the_other_reads(here):
    """A read that waits for its job does not go on waiting."""
    app = here.app()
    bookmark = Bookmark(app.state, "reading:x", None)
    bookmark.pause(0)
    bookmark.stop.set()
    with pytest.raises(ConnectorError, match="another object"):
        bookmark.pause(60)


def test_a_run_that_died_takes_up_its_job_and_fetches_what_is_missing(many):
    """The pages on disk are not fetched twice, and no record is lost or doubled."""
    pull(many)
    at_once, known = _fetches(many), counts(many)
    (many.folder / "data").rename(many.folder / "data-before")
    down = [{"errorCode": "SERVER_DOWN", "message": "down"}]
    match = {"method": "GET", "path_regex": "/results", "nth": 3}
    many.faults({"match": match, "do": {"status": 400, "body": down}, "times": 1})
    with pytest.raises(RemoteError):
        pull(many)
    many.faults()
    pull(many)
    assert counts(many) == known
    assert _fetches(many) - at_once == at_once + 1  # the one that failed


def _fetches(many) -> int:
    """Requests for pages of jobs."""
    found = many.control("stats")["routes"]
    return sum(each["requests"] for each in found if each["route"].endswith("/results"))


def test_nothing_is_kept_of_a_read_that_was_stored(many):
    """Neither raw records nor the number of a job."""
    pull(many)
    app = many.app()
    assert list(app.scratch.iterdir()) == []
    for spec in app.mapping.pull:
        assert app.state.setting(f"reading:{spec.stream}:{spec.object}") is None


def test_a_bookmark_is_worth_nothing_once_the_watermark_has_moved(here):
    """What it led to is in the lake."""
    app = here.app()
    Bookmark(app.state, "reading:x", None).remember({"id": "750"})
    pull(here)
    mark = here.app().state.watermark("accounts:Account")
    assert Bookmark(app.state, "reading:x", None).recall() == {"id": "750"}
    assert Bookmark(app.state, "reading:x", mark).recall() == {}


def test_the_pace_of_an_object_is_remembered(many):
    """The next prediction rests on it."""
    pull(many)
    (tasks,) = many.store.db.execute("select count(*) from Task where IsRecurrence = 0").fetchone()
    assert (speed(many.app(), "read", "Task", tasks) or 0) > 0


# ── calls ─────────────────────────────────────────────────────────────────────────────────────


def test_a_pull_without_changes_reads_nothing(here):
    """Counting for all objects together took a call for every five."""
    pull(here)
    here.advance("31m")
    pull(here)
    here.advance("31m")
    done = pull(here)
    extents = {
        each["read"]
        for stream in done.streams.values()
        for each in stream.get("objects", {}).values()
    }
    assert extents == {"nothing"}
    assert sum(s["calls"] for n, s in done.streams.items() if n != "responses") == 0


@pytest.mark.parametrize("way", ["query", "bulk_query"])
def test_airbyte_27146_records_that_show_up_late_are_not_missed(many, monkeypatch, way):
    """One that is committed after the watermark was set, with a stamp of before it: half an hour
    before the watermark is asked again, in both lanes."""
    monkeypatch.setattr(lanes, "JOB_FROM", 10**9)
    pull(many)
    many.advance("31m")
    mark = datetime.fromisoformat(read(pull(many), "accounts", "Account")["until"])
    late = sorted(many.held("Name"))[0]
    person(many, "Account", late, values={"Name": "Renamed"}, late="15m")
    stamp = f"select SystemModstamp from Account where Id = '{late}'"
    assert datetime.fromisoformat(many.store.db.execute(stamp).fetchone()[0]) < mark
    if way == "bulk_query":
        monkeypatch.setattr(lanes, "is_too_long", lambda read: True)
    done = pull(many)
    assert rows(many, "accounts", "name", f"id = '{late}'") == [("Renamed",)]
    assert read(done, "accounts", "Account")["lane"] == way


def test_airbyte_37528_the_range_of_what_was_read_is_shown(here):
    """Everything at first, then what has changed since; in the receipt and on the terminal."""
    first, second = pull(here), pull(here)
    one, two = (read(each, "accounts", "Account") for each in (first, second))
    assert (one["read"], one["since"], one["until"]) == ("all", None, first.as_of)
    begin = datetime.fromisoformat(one["until"]) - timedelta(minutes=30)
    assert datetime.fromisoformat(two["since"]) == begin
    assert two["until"] == second.as_of
    told = shown(terminal.found(first.as_dict()))
    assert " everything" in next(line for line in told if line.startswith("accounts"))
    told = shown(terminal.found(second.as_dict()))
    since = f" since {two['since'][:16].replace('T', ' ')} UTC"
    assert since in next(line for line in told if line.startswith("accounts"))


def shown(part) -> list[str]:
    """Lines as on the terminal."""
    out = terminal.console()
    with out.capture() as told:
        out.print(part)
    return told.get().splitlines()


def test_airbyte_29455_what_comes_twice_is_kept_once(many, monkeypatch):
    """Pages of a job that overlap give no duplicates."""
    saved = bulk_read._fetched

    def doubled(*args):
        job = saved(*args)
        return bulk_read.replace(job, pages=(*job.pages, job.pages[0]))

    monkeypatch.setattr(bulk_read, "_fetched", doubled)
    done = pull(many)
    ((all_, distinct),) = rows(many, "activities", "count(*), count(DISTINCT id)")
    assert all_ == distinct
    assert "came_twice" in {each["rule"] for each in done.odd}


def test_airbyte_77627_a_field_that_is_added_to_the_mapping_comes_for_all_records(here):
    """Everything is read again; nothing that was known is dropped."""
    mapping(here, 'website       = "Website"\n', "")
    pull(here)
    assert rows(here, "accounts", "count(website)") == [(0,)]
    mapping(here, 'industry      = "Industry"\n', 'industry = "Industry"\nwebsite = "Website"\n')
    assert read(pull(here), "accounts", "Account")["read"] == "all"
    assert rows(here, "accounts", "count(website) > 0") == [(True,)]


def test_calls_are_predicted_within_5_percent_for_jobs_too(many, monkeypatch):
    """A first read of everything, and one of what a few people have changed."""
    monkeypatch.setattr(lanes, "JOB_FROM", by_page.PAGE)
    many.control("bulk", {"polls": 0})
    first = pull(many)
    for id in sorted(many.held("Name"))[:3]:
        many.person(id, values={"Name": f"{id} renamed"})
    second = pull(many)
    assert read(first, "activities", "Task")["lane"] == "bulk_query"
    for done in (first, second):
        predicted, actual = (
            sum(each[which] for each in done.calls.values()) for which in ("predicted", "actual")
        )
        assert abs(predicted - actual) <= 0.05 * actual
