"""Reading: which lane, how many calls, and the ids and values that come; traps by complaint."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.crm.salesforce import bulk_read, ids, jobs, lanes, read
from connector.errors import BudgetSpent, ConfigError, RemoteError
from connector.protocols import Read
from connector.sandbox.salesforce import query
from connector.sandbox.store import Field
from tests.crm.test_bulk_reading import Memory

ACCOUNTS = 30
TASKS = Read("Task", ("Id",), None, "SystemModstamp")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Pages as small as the server cuts them, and jobs that are looked at at once."""
    monkeypatch.setattr(read, "PAGE", 200)
    monkeypatch.setattr(jobs, "BEGIN_SECONDS", 0.01)


def ask(org, object="Task", paths=("Id", "Subject", "SystemModstamp"), since=None, where=""):
    org.crm.check()
    types = org.crm.path_types(object, paths)
    return Read(object, tuple(types), since, "SystemModstamp", where), types


def fetch(org, folder, wanted, types):
    return org.crm.read(wanted, types, folder, Memory())


# ── the lane ──────────────────────────────────────────────────────────────────────────────────


def test_the_first_page_decides_and_nobody_counts_beforehand(org, tmp_path, monkeypatch):
    """Above the line a job, below it pages; the first page is fetched once in either case."""
    monkeypatch.setattr(lanes, "JOB_FROM", 100)
    many = fetch(org, tmp_path / "many", *ask(org))
    monkeypatch.setattr(lanes, "JOB_FROM", 100_000)
    few = fetch(org, tmp_path / "few", *ask(org))
    assert (many.lane, few.lane) == ("bulk_query", "query")
    assert few.calls == -(-few.rows // 200)


def test_a_job_is_preferred_when_so_many_pages_are_too_dear(org, tmp_path):
    """What the budget has left decides below the line."""
    wanted, _ = ask(org)
    assert not lanes.prefers_job(19_000, wanted)
    assert lanes.prefers_job(19_000, replace(wanted, most_calls=20))
    assert not lanes.prefers_job(300, replace(wanted, most_calls=0))


def test_objects_that_jobs_do_not_know_stay_with_pages():
    """However many there are."""
    assert not lanes.prefers_job(10**6, Read("TaskWhoRelation", ("Id",), None, ""))


def test_airbyte_14024_a_query_too_long_for_an_address_goes_as_a_job(org, engine, tmp_path):
    """A thousand fields are 414 by GET; the body of a job holds them."""
    wanted, types = ask(org)
    long = " OR ".join(f"Subject = '{'x' * 90}{n}'" for n in range(150))
    wanted = replace(wanted, where=f"Id != null AND (Subject != null OR {long})")
    assert lanes.is_too_long(wanted)
    spool = fetch(org, tmp_path / "job", wanted, types)
    assert spool.lane == "bulk_query"
    assert engine.one(f"SELECT count(*) FROM {spool.relation}") == spool.rows > 0


def test_a_query_that_fits_no_lane_is_said_so(org, tmp_path):
    """Before anything is sent."""
    wanted = Read("TaskStatus", tuple(f"Field_{n}__c" for n in range(2000)), None, "")
    with pytest.raises(ConfigError, match="too long"):
        fetch(org, tmp_path / "no", wanted, {})


def test_the_address_with_its_headers_stays_below_what_salesforce_takes():
    """16,384 bytes of both together."""
    wanted = Read("Account", tuple(f"Field_Number_{n:04}__c" for n in range(600)), None, "")
    longest = max(
        len(read.soql(replace(wanted, fields=wanted.fields[:n])))
        for n in range(1, 600)
        if not lanes.is_too_long(replace(wanted, fields=wanted.fields[:n]))
    )
    assert 8_000 < longest < 16_384 - lanes.HEADERS


# ── predictions ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("rows", "calls"), [(0, 1), (2_000, 1), (2_001, 2), (20_000, 10)], ids=str)
def test_pages_cost_what_the_formula_says(rows, calls, monkeypatch):
    """⌈rows / 2,000⌉, and one to learn that there are none."""
    monkeypatch.setattr(read, "PAGE", 2000)
    assert lanes.calls(rows, None, TASKS, 2000) == {"query": calls}


@pytest.mark.parametrize("rows", [100_000, 1_000_000, 10_000_000])
def test_a_job_costs_the_formula_and_at_most_three_more(rows):
    """1 + P + ⌈rows / 250,000⌉; the first page, the delete and the lists of pages are ours."""
    looks = jobs.looks(bulk_read.expected(rows, None))
    pages = -(-rows // 250_000)
    lists = -(-pages // 5) if pages >= bulk_read.LISTED_FROM else 0
    assert (
        sum(lanes.calls(rows, None, TASKS, read.PAGE).values()) - lists - (1 + looks + pages) <= 3
    )


def test_a_slow_org_is_looked_at_later_and_not_more_often():
    """The pace measured the last time decides when a job is looked at; only hours take more."""
    slow, quick = bulk_read.calls(100_000, 500), bulk_read.calls(100_000, 500_000)
    assert slow == quick < bulk_read.calls(100_000, 10)


@pytest.mark.parametrize(
    "why",
    ["jobs do not know it", "too long", "few calls", "many", "few", "slow pages", "slow jobs"],
)
def test_the_prediction_decides_as_the_read_does(org, tmp_path, monkeypatch, why):
    """By the number, the length of the query, what jobs know, what the budget has left, and what
    has been clearly quicker the last time."""
    wanted, types = ask(org)
    org.control("bulk", {"polls": 0})
    monkeypatch.setattr(lanes, "JOB_FROM", {"many": 100, "few": 10**6}.get(why, 10**5))
    if why == "jobs do not know it":
        monkeypatch.setattr(lanes, "JOB_FROM", 100)
        monkeypatch.setattr(lanes, "PAGES_ONLY", frozenset({"Task"}))
    elif why == "too long":
        monkeypatch.setattr(lanes, "is_too_long", lambda read: True)
    elif why == "few calls":
        monkeypatch.setattr(read, "PAGE", 20)
        monkeypatch.setattr(query, "SMALLEST_BATCH", 20)
        wanted = replace(wanted, most_calls=6)
    (rows,) = org.crm.changed([wanted])
    if why == "slow pages":
        monkeypatch.setattr(lanes, "JOB_FROM", 2 * rows)
        wanted = replace(wanted, page_pace=rows / 60, pace=rows / 10)
    elif why == "slow jobs":
        monkeypatch.setattr(lanes, "JOB_FROM", rows - 1)
        wanted = replace(wanted, page_pace=rows / 10, pace=rows / 60)
    told = org.crm.read_calls(rows, wanted.pace, wanted)
    before = Counter(org.crm.calls())
    spool = fetch(org, tmp_path / "p", wanted, types)
    assert dict(Counter(org.crm.calls()) - before) == told
    by_job = why in {"too long", "few calls", "many", "slow pages"}
    assert spool.lane == ("bulk_query" if by_job else "query")


def test_two_long_texts_make_small_pages_and_a_job_of_fewer_records(org, tmp_path, monkeypatch):
    """Salesforce gives 200 records a page then: known beforehand, and it decides the lane."""
    monkeypatch.setattr(read, "SMALL_PAGE", 10)
    monkeypatch.setattr(query, "SMALLEST_BATCH", 10)
    org.control("bulk", {"polls": 0})
    for name in ("One__c", "Two__c"):
        long = Field(name, "textarea", length=5_000, filterable=False)
        org.store.add_field("Account", long)
    one, types = ask(org, "Account", ("Id", "One__c"))
    two, both = ask(org, "Account", ("Id", "One__c", "Two__c"))
    (rows,) = org.crm.changed([two])
    assert org.crm.read_calls(rows, None, one) == {"query": 1}
    assert org.crm.read_calls(rows, None, two) == {"query": -(-rows // 10)}
    assert fetch(org, tmp_path / "one", one, types).calls == 1
    assert fetch(org, tmp_path / "two", two, both).calls == -(-rows // 10)
    monkeypatch.setattr(lanes, "JOB_FROM", 2 * rows)  # of records on whole pages
    assert fetch(org, tmp_path / "again", two, both).lane == "bulk_query"
    assert "bulk_query" in org.crm.read_calls(rows, None, two)


# ── what a page cannot do ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", ["first", "further"])
@pytest.mark.parametrize("code", ["QUERY_TIMEOUT", "OPERATION_TOO_LARGE"])
def test_a_query_that_is_too_slow_for_a_page_goes_as_a_job(org, engine, tmp_path, page, code):
    """A job works in chunks; nothing of the pages before is kept."""
    wanted, types = ask(org)
    body = [{"errorCode": code, "message": "Your query request was running for too long."}]
    path = "queryAll$" if page == "first" else r"v[\d.]+/query/"
    match = {"method": "GET", "path_regex": path}
    org.control("faults", {"match": match, "do": {"status": 400, "body": body}})
    spool = fetch(org, tmp_path / "p", wanted, types)
    assert spool.lane == "bulk_query"
    assert engine.one(f'SELECT count(DISTINCT "Id") FROM {spool.relation}') == spool.rows > 200


def test_a_query_that_is_too_slow_and_that_jobs_do_not_know_says_so(org, tmp_path, monkeypatch):
    """There is no other way."""
    wanted, types = ask(org)
    monkeypatch.setattr(lanes, "PAGES_ONLY", frozenset({"Task"}))
    org.control("org", {"slow_queries": 100})
    with pytest.raises(RemoteError, match="QUERY_TIMEOUT"):
        fetch(org, tmp_path / "p", wanted, types)


def test_an_org_in_which_large_queries_are_slow_is_read_by_jobs(org, tmp_path):
    """Whoever answers with few records is asked by page as ever."""
    org.control("org", {"slow_queries": 100})
    large = fetch(org, tmp_path / "large", *ask(org))
    small = fetch(org, tmp_path / "small", *ask(org, "Account", ("Id",)))
    assert (large.lane, small.lane) == ("bulk_query", "query")


@pytest.mark.parametrize("calls", [None, 50, 0])
def test_an_org_that_takes_no_more_jobs_today_is_read_by_page(org, tmp_path, monkeypatch, calls):
    """If the budget allows; otherwise the next run goes on."""
    monkeypatch.setattr(lanes, "JOB_FROM", 100)
    org.control("limits", {"DailyBulkV2QueryJobs": {"max": 0}})
    wanted, types = ask(org)
    wanted = replace(wanted, most_calls=calls)
    if calls == 0:
        with pytest.raises(BudgetSpent, match="no more jobs today") as raised:
            fetch(org, tmp_path / "p", wanted, types)
        assert (raised.value.exit_code, bool(raised.value.hint)) == (5, True)
    else:
        assert fetch(org, tmp_path / "p", wanted, types).lane == "query"


def test_a_dead_cursor_is_taken_up_behind_the_record_and_not_behind_its_parent(
    org, engine, tmp_path, monkeypatch
):
    """The last id of a page may be its owner's, which sorts behind every account."""
    monkeypatch.setattr(read, "PAGE", 20)
    monkeypatch.setattr(query, "SMALLEST_BATCH", 20)
    wanted, types = ask(org, "Account", ("Id", "Name", "Owner.Id"))
    body = [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}]
    match = {"method": "GET", "path_regex": r"v[\d.]+/query/"}
    org.control("faults", {"match": match, "do": {"status": 400, "body": body}, "times": 1})
    spool = fetch(org, tmp_path / "p", wanted, types)
    assert spool.rows > 20
    assert engine.one(f'SELECT count(DISTINCT "Id") FROM {spool.relation}') == spool.rows


def test_changes_are_counted_for_several_objects_in_one_call(org):
    """Deleted records count, a filter counts, and what cannot be counted is not guessed."""
    wanted, _ = ask(org)
    (before,) = org.crm.changed([wanted])
    none = replace(wanted, since=datetime(2100, 1, 1, tzinfo=UTC))
    wrong = replace(wanted, where="Nothing__c = 1")
    calls = sum(org.crm.calls().values())
    assert org.crm.changed([wanted, none, wrong]) == [before, 0, None]
    assert sum(org.crm.calls().values()) == calls + 1


# ── what comes ────────────────────────────────────────────────────────────────────────────────


def test_history_does_not_change_by_itself_archived_activities_come(org, engine, tmp_path):
    """Closed tasks older than a year leave `query`, and stay in what we read."""
    org.control("clock", {"advance": "400d"})
    seen = org.crm.check() and org.crm._client.json(
        "GET", "query", "to count", params={"q": "SELECT COUNT() FROM Task"}
    )
    wanted, types = ask(org, paths=("Id", "IsArchived", "IsDeleted"))
    spool = fetch(org, tmp_path / "p", replace(wanted, modified=""), types)
    (found,) = engine.rows(
        f'SELECT count(*) FILTER (WHERE "IsArchived"), count(*) FILTER (WHERE NOT "IsArchived" '
        f'AND NOT "IsDeleted") FROM {spool.relation}'
    )
    assert found[0] > 0
    assert found[1] == seen["totalSize"]


def test_airbyte_37528_the_first_read_has_no_hidden_window(org, engine, tmp_path):
    """Everything, however old; no start date two years back."""
    wanted, types = ask(org, paths=("Id", "CreatedDate"))
    assert "WHERE" not in read.soql(wanted)
    spool = fetch(org, tmp_path / "p", wanted, types)
    oldest = f'SELECT min(epoch("CreatedDate")) FROM {spool.relation}'
    now = org.crm.now().timestamp()
    assert now - engine.one(oldest) > timedelta(days=365).total_seconds()


def test_airbyte_42490_what_shares_the_second_of_the_watermark_is_read_again(org, engine, tmp_path):
    """Stamps have milliseconds, conditions whole seconds: both records of one second come."""
    one, other = org.store.db.execute("SELECT Id FROM Task ORDER BY Id LIMIT 2").fetchall()
    second = "2026-11-02T08:00:00"
    for (id,), stamp in ((one, f"{second}.100Z"), (other, f"{second}.900Z")):
        org.store.db.execute("UPDATE Task SET SystemModstamp = ? WHERE Id = ?", (stamp, id))
    wanted, types = ask(org, since=datetime.fromisoformat(f"{second}.900Z"))
    spool = fetch(org, tmp_path / "p", wanted, types)
    found = engine.rows(f'SELECT "Id" FROM {spool.relation} WHERE "Id" IN {(*one, *other)}')
    assert sorted(found) == sorted([one, other])


def test_relationship_paths_come_by_their_whole_name(org, engine, tmp_path):
    """One step and two; a record without a parent has none."""
    wanted, types = ask(org, "Account", ("Id", "Parent.Industry", "Parent.Owner.Name", "ParentId"))
    spool = fetch(org, tmp_path / "p", wanted, types)
    found = engine.rows(
        f'SELECT count(*), count(*) FILTER (WHERE ("Parent.Owner.Name" IS NULL) = '
        f'("ParentId" IS NULL)) FROM {spool.relation}'
    )
    assert found[0][0] == found[0][1] == spool.rows


# ── ids ───────────────────────────────────────────────────────────────────────────────────────


def test_an_id_of_15_gets_its_three_check_characters():
    """The example of the documentation."""
    assert ids.long("001D000000IqhSL") == "001D000000IqhSLIAZ"


@pytest.mark.parametrize(
    "text", ["001D000000IqhSL", "001D000000IqhSLIAZ", "K-1044", "", "zzzzzzzzzzzzzzz"]
)
def test_ids_are_completed_the_same_way_in_sql(engine, text):
    """Whatever is no id of 15 characters stays as it is."""
    found = engine.one(f"SELECT {ids.long_sql('x')} FROM (SELECT '{text}' AS x)")
    assert found == ids.long(text)


def test_the_ids_that_the_org_gives_are_those_that_we_work_out(org):
    """Case decides."""
    assert all(ids.long(id[:15]) == id for id in org.ids(20))
