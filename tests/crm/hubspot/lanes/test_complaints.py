"""What others lost, broke or looped over with HubSpot's API, and that we do not.

Each test is named after a complaint; its docstring says where it was made.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import urllib3

from connector.crm.hubspot import Crm, answers, read
from connector.crm.hubspot.auth import Token
from connector.crm.hubspot.catalogue import Parts
from connector.crm.hubspot.pages import Page
from connector.errors import ConnectorError, Denied, Malformed
from connector.secrets import Secret
from tests.conftest import Answer

from .conftest import Kept

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
ID = "hs_object_id"


def of(body: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, orjson.dumps(body), {"Content-Type": "application/json", **headers})


def record(id: int, at: str = "2026-10-01T10:00:00Z") -> dict[str, Any]:
    properties = {ID: str(id), "hs_lastmodifieddate": at}
    return {"id": str(id), "properties": properties, "createdAt": at, "updatedAt": at,
            "archived": False}  # fmt: skip


def ids(pages: Iterator[Page]) -> list[str]:
    return [id for page in pages for id in read.ids_of(page)]


def test_01_a_newer_urllib3_does_not_break_a_call(portal, monkeypatch):
    """hubspot-api-python#460, #446: `getheader` was removed, and their client could call nothing;
    of it we use the pool alone. Here both are without it."""
    from hubspot.crm.objects.configuration import Configuration
    from hubspot.crm.objects.rest import RESTClientObject

    for name in ("getheader", "getheaders"):
        monkeypatch.delattr(urllib3.BaseHTTPResponse, name)
    (id,) = portal.make(1)
    assert portal.read("companies", ID) == portal.read("companies", ID, since=SINCE, into="s")
    ((outcome,),) = portal.crm.write("companies", [{"id": id, "health_score": 1}], 100)
    assert outcome.result == "applied"
    assert portal.crm._client.limiter.burst._limit > 97  # told by a header
    theirs = RESTClientObject(Configuration(host=portal.url))
    signed = {"Authorization": f"Bearer {portal.token}"}
    with pytest.raises(AttributeError, match="getheader"):
        theirs.GET(f"{portal.url}/crm/v3/objects/companies", headers=signed).getheaders()


def test_02_429_on_post_is_retried(portal, monkeypatch):
    """hubspot-api-python#117, bruin-data/ingestr#648: searches, batch reads and updates are POSTs,
    and the vendor's client repeats none of them."""
    monkeypatch.setattr(answers, "SHORTEST", 0.01)
    monkeypatch.setattr(answers, "WAITS", {"SECONDLY": 0.01, "TEN_SECONDLY_ROLLING": 0.01})
    (id,) = portal.make(1)
    for path in ("/search", "batch/read", "batch/update"):
        body = {"status": "error", "message": "You have reached your secondly limit.",
                "policyName": "SECONDLY"}  # fmt: skip
        portal.fault(path, status=429, body=body)
    assert portal.read("companies", ID, since=SINCE) == [(id,)]
    assert portal.crm.values("companies", [id], ["name"]) == {id: {"name": "companies 0"}}
    ((outcome,),) = portal.crm.write("companies", [{"id": id, "health_score": 1}], 100)
    assert outcome.result == "applied"


def test_03_more_than_ten_thousand_of_one_millisecond_are_no_endless_loop(portal, monkeypatch):
    """airbyte#43317, PR 44899: they begin again with the last moment for ever; we go on by id."""
    from connector.sandbox.hubspot import search

    monkeypatch.setattr(read, "WALL", 400)
    monkeypatch.setattr(search, "WALL", 400)
    every = portal.make(1_001)
    spool = portal.spool("companies", (ID,), since=SINCE)
    assert [id for (id,) in portal.rows(spool, ID)] == every
    assert spool.calls == 400 / 200 + 6 + 1


def test_04_what_the_index_did_not_know_is_read_the_next_time(portal):
    """airbyte PR 69203, estuary's delayed stream: a pull that begins where the last one ended
    never sees it; ours begins some time before."""
    every = portal.make(3)
    portal.control("clock", {"advance": "1h"})
    portal.settings(index_lag=30.0)
    since = portal.store.clock.now() - timedelta(minutes=5)
    portal.person("edit", every[2], values={"name": "Late"})
    first = portal.spool("companies", (ID,), since=since)
    portal.control("clock", {"advance": "1m"})
    again = portal.read("companies", ID, since=first.until - timedelta(minutes=5), into="again")
    assert (first.rows, again) == (0, [(every[2],)])


def test_05_activities_are_not_capped_at_ten_thousand(portal):
    """airbyte#23630: “recent engagements” end there and two million were lost; lists have no end,
    and what came is compared with what a search counts."""
    many = 10_120
    portal.make(many, "notes", hs_timestamp="2026-10-01T10:00:00Z")
    spool = portal.spool("notes", (ID,))
    assert spool.rows == many == portal.crm.counts(["notes"])["notes"]
    assert portal.requests("engagements") == 0


def test_06_results_out_of_order_are_all_taken(scripted, client):
    """estuary `search_objects.py`: they come out of order, and twice; each record is kept once."""
    at = "2026-10-01T10:00:00.{:03}Z"
    results = [record(2, at.format(2)), record(1, at.format(1)), record(3, at.format(3))]
    script = scripted(of({"total": 3, "results": results}))
    found = read.changed(client(script.url), "companies", Parts(), "hs_lastmodifieddate", SINCE)
    assert sorted(ids(found)) == ["1", "2", "3"]


def test_06_a_record_from_outside_the_window_ends_no_search(scripted, client, monkeypatch):
    """estuary: results “just outside the window” come along; here beside more records of the first
    moment than a search gives, which must neither begin before it nor go on for ever."""
    monkeypatch.setattr(read, "WALL", 400)
    moment, before = "2026-10-01T10:00:00.001Z", "2026-10-01T10:00:00.000Z"
    many = [record(id, moment) for id in range(2, 402)]

    def page(rows: list[dict[str, Any]], after: str = "") -> Answer:
        more = {"paging": {"next": {"after": after}}} if after else {}
        return of({"total": 401, "results": rows, **more})

    script = scripted(
        page([record(1, before), *many[:199]], "200"),
        page(many[199:399], "400"),
        page(many[:200], "200"),  # by id
        page(many[200:]),
        of({"total": 0, "results": []}),
    )
    since = datetime.fromisoformat(moment)
    found = read.changed(client(script.url), "companies", Parts(), "hs_lastmodifieddate", since)
    assert set(map(int, ids(found))) >= set(range(2, 402))
    assert len(script.requests) == 5


@pytest.mark.parametrize("many", [60, 100, 300])
def test_07_many_properties_are_no_414(portal, many):
    """verified-sources#305, airbyte#33976: three hundred names do not fit into an address, and a
    hundred not into a search, which may have 3,000 characters."""
    names = [f"a_property_with_quite_a_long_name_{n:03}" for n in range(many)]
    inputs = [{"name": name, "label": name, "type": "string", "fieldType": "text",
               "groupName": "companyinformation"} for name in names]  # fmt: skip
    for first in range(0, many, 100):
        body = {"inputs": inputs[first : first + 100]}
        portal.call("POST", "/crm/v3/properties/companies/batch/create", body)
    (id,) = portal.make(1)
    portal.person("edit", id, values={names[0]: "first", names[-1]: "last"})
    rows = portal.read("companies", ID, names[0], names[-1], *names[1:-1])
    assert rows[0][:3] == (id, "first", "last")
    assert portal.read("companies", names[-1], *names[:-1], since=SINCE, into="s")[0][0] == "last"


def test_08_history_is_asked_for_fifty_at_a_time(portal):
    """hubspot-api-python#143: “You can only request at most 50 objects”."""
    portal.make(120, csm_sentiment="4")
    paths = (ID, "csm_sentiment.changed_at")
    assert len(portal.read("companies", *paths)) == 120
    assert len(portal.read("companies", *paths, since=SINCE, into="s")) == 120


def test_09_associations_beyond_the_first_page_are_not_lost(portal):
    """hubspot-api-python#135, #187, dlt PR 594: silently cut at a hundred."""
    portal.settings(association_page=30)
    firms = portal.make(105)
    (call,) = portal.make(1, "calls", hs_timestamp="2026-10-01T10:00:00Z")
    portal.associate("calls", call, "companies", *firms)
    arrays = list(read.links(portal.crm._client, "calls", "companies", [call]))
    told = [o["toObjectId"] for each in arrays for r in orjson.loads(b"[" + each + b"]")
            for o in r["to"]]  # fmt: skip
    assert sorted(map(str, told)) == firms


def test_10_a_smaller_batch_limit_of_associations_is_found_out(scripted, client):
    """airbyte#48834: the limit came overnight; a batch that is too large is halved."""
    refusal = of({"status": "error", "category": "VALIDATION_ERROR", "message": "too many"}, 400)
    script = scripted(refusal, of({"results": []}))
    list(read.links(client(script.url), "calls", "companies", [str(n) for n in range(1000)]))
    assert len(script.requests) == 3


def test_11_associations_cost_a_call_per_thousand_and_not_per_page(portal):
    """Airbyte BEHAVIOR.md: searches tell none, so theirs make a call for each page."""
    firm = portal.make(1)[0]
    calls = portal.make(1_200, "calls", hs_timestamp="2026-10-01T10:00:00Z")
    portal.associate("calls", calls[0], "companies", firm)
    rows = portal.read("calls", ID, "companies.id", since=SINCE)
    assert (len(rows), rows[0]) == (1_200, (calls[0], firm))
    assert portal.requests("/associations/") == 2
    assert portal.requests("/search") == 6 + 1  # six pages, and a count of what was there


def test_12_meetings_and_emails_land_with_their_company(portal):
    """PostHog#75704: they came without; the company is part of the row, whichever way it came."""
    (firm,) = portal.make(1)
    for kind in ("meetings", "emails"):
        (id,) = portal.make(1, kind, hs_timestamp="2026-10-01T10:00:00Z")
        portal.associate(kind, id, "companies", firm)
        assert portal.read(kind, ID, "companies.id", into=f"{kind}1") == [(id, firm)]
        assert portal.read(kind, ID, "companies.id", since=SINCE, into=f"{kind}2") == [(id, firm)]


def test_13_what_was_deleted_is_missing_from_the_next_full_read(portal):
    """airbyte#35017: searches hide it, so a full read of the ids is what tells; it is whole."""
    every = portal.make(205)
    portal.person("archive", every[100])
    spool = portal.spool("companies", (ID,))
    left = [id for (id,) in portal.rows(spool, ID)]
    assert left == [id for id in every if id != every[100]]
    assert spool.rows == 204


def test_14_a_merge_leaves_neither_duplicates_nor_orphans(portal):
    """tap-hubspot#49, dbt_hubspot#168, #134: chained merges are missed by
    `hs_calculated_merged_vids`; every id that is gone leads to the last survivor."""
    every = portal.make(4, "contacts")
    portal.person("merge", every[0], "contacts", into=every[1])
    portal.person("merge", every[1], "contacts", into=every[2])
    rows = portal.read("contacts", ID, "merged_into", modified="lastmodifieddate")
    assert rows == [(every[0], every[2]), (every[1], every[2]), (every[2], None), (every[3], None)]


def test_15_calculated_properties_come_with_a_full_read(portal):
    """estuary's docs: they move no date, so changes never tell; a scheduled full read does."""
    (id,) = portal.make(1)
    portal.control("clock", {"advance": "1h"})
    since = portal.store.clock.now() - timedelta(minutes=1)
    portal.person("compute", id, values={"num_associated_contacts": "7"})
    assert portal.read("companies", "num_associated_contacts", since=since) == []
    assert portal.read("companies", "num_associated_contacts", into="all") == [(7.0,)]
    assert portal.crm.fields("companies")["num_associated_contacts"].writable is False


def test_16_updates_name_records_by_id_and_count_what_came_back(scripted, client):
    """hubspot-api-nodejs#548, action-destinations PR 3957: with `idProperty` it fails, or says that
    all is well; here an answer without a record is doubt about it."""
    from connector.crm.hubspot import write

    assert b"idProperty" not in next(write.inputs([{"id": "1", "health_score": 1}]))[1]
    script = scripted(of({"status": "COMPLETE", "results": [record(1)]}))
    rows = [{"id": "1", "health_score": 1}, {"id": "2", "health_score": 1}]
    ((one, two),) = write.write(client(script.url), "companies", rows, 100, 1)
    assert (one.result, two.result) == ("applied", "doubt")


def test_17_one_bad_row_does_not_kill_the_batch(portal):
    """hubspot-api-python#51, marketing-automation#174: the error names one, and all are refused."""
    every = portal.make(100)
    bad = {every[0], every[50], every[51], every[99]}
    rows = [{"id": id, "health_tier": "E" if id in bad else "A"} for id in every]
    outcomes = [each for many in portal.crm.write("companies", rows, 100) for each in many]
    assert {each.id for each in outcomes if each.result == "failed"} == bad
    assert {each.id for each in outcomes if each.result == "applied"} == set(every) - bad


def test_18_a_day_is_a_day_and_not_a_moment(portal):
    """hubspot-api-php#74, HubSpot.NET#98: “is at 22:18:55.865 UTC, not midnight!”."""
    (id,) = portal.make(1)
    ((good,),) = portal.crm.write("companies", [{"id": id, "health_day": "2026-01-31"}], 100)
    assert good.result == "applied"
    late = str(1_793_000_000_123)
    ((bad,),) = portal.crm.write("companies", [{"id": id, "health_day": late}], 100)
    assert (bad.result, bad.code) == ("failed", "INVALID_DATE")
    assert late not in bad.message
    held = portal.crm.values("companies", [id], ["health_day"])
    assert held[id]["health_day"] == "2026-01-31"


def test_19_a_missing_scope_is_told_with_its_name(portal):
    """hubspot-api-nodejs#50, airbyte#40591: the refusal itself says which scopes would do."""
    portal.make(1)
    scopes = {"requiredGranularScopes": ["crm.objects.companies.read"]}
    body = {"status": "error", "category": "MISSING_SCOPES", "message": "no",
            "errors": [{"message": "no", "context": scopes}]}  # fmt: skip
    portal.crm.fields("companies")
    portal.fault("/objects/", status=403, body=body)
    with pytest.raises(Denied) as error:
        portal.spool("companies", (ID,))
    assert "crm.objects.companies.read" in error.value.hint


def test_20_of_the_vendors_client_one_group_is_loaded_and_only_for_the_first_call():
    """hubspot-api-nodejs#657, hubspot-api-python PR 133: memory and start of the clients. The pool
    that is used of it lies in one of sixty groups, whose modules come along."""
    code = (
        "import sys, connector.crm.hubspot as h; from connector.crm.hubspot.client import Line; "
        "from connector.crm.hubspot.limiter import Limiter; "
        "theirs = lambda: {m for m in sys.modules if m.split('.')[0] == 'hubspot'}; "
        "assert not theirs(); Line('https://api.hubapi.com', None, Limiter(4)).pool; "
        "print(*sorted(theirs()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    groups = {name for name in loaded if name.count(".") == 2 and not name.endswith("_type")}
    assert groups == {"hubspot.crm.objects"}
    assert len(loaded) < 60  # of some 2,000


# ── others worth a test ───────────────────────────────────────────────────────────────────────


def test_a_property_that_was_renamed_and_hidden_is_absent_and_not_empty(portal):
    """dlt PR 647: stage-calculated properties became `hs_v2_*`; unknown names are silently dropped
    by HubSpot, so they are looked for among the properties first."""
    paths = ("hs_date_entered_customer", "name")
    assert "hs_date_entered_customer" not in portal.crm.path_types("companies", paths)
    assert "name" in portal.crm.path_types("companies", paths)


def test_an_update_without_inputs_is_not_sent(portal):
    """hubspot-api-nodejs#26: it would be answered with 200 and nothing done."""
    assert list(portal.crm.write("companies", [], 100)) == []
    assert portal.crm.values("companies", [], ["name"]) == {}
    assert portal.requests("/batch/") == 0


def test_an_answer_without_results_is_not_success(portal):
    """hubspot-api-nodejs#26, from the other side: what is not named as done is in doubt."""
    (id,) = portal.make(1)
    portal.fault("batch/update", status=200, body={"status": "COMPLETE", "results": []})
    ((outcome,),) = portal.crm.write("companies", [{"id": id, "health_score": 1}], 100)
    assert outcome.result == "doubt"


def test_searches_of_other_integrations_use_up_our_second(portal, monkeypatch):
    """pipedream PR 18215: five a second are shared, and no header tells; a refusal closes ours."""
    monkeypatch.setattr(answers, "SHORTEST", 0.05)
    monkeypatch.setattr(answers, "WAITS", {"SECONDLY": 0.05, "TEN_SECONDLY_ROLLING": 0.05})
    portal.make(1)
    body = {"status": "error", "category": "RATE_LIMITS",
            "message": "You have reached your secondly limit."}  # fmt: skip
    portal.fault("/search", status=429, body=body, times=3)
    assert len(portal.read("companies", ID, since=SINCE)) == 1
    closed = portal.crm._client.limiter
    assert closed.search._closed > 0
    assert closed.burst._closed == 0


def test_too_many_associations_hold_up_no_update(portal, monkeypatch):
    """They have a limit of their own: when it is reached, only they wait."""
    monkeypatch.setattr(answers, "SHORTEST", 0.05)
    monkeypatch.setattr(answers, "WAITS", {"SECONDLY": 0.05, "TEN_SECONDLY_ROLLING": 0.05})
    (call,), companies = portal.make(1, "calls"), portal.make(1)
    portal.associate("calls", call, "companies", *companies)
    body = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
    portal.fault("/associations/", status=429, body=body)
    assert portal.read("calls", "companies.id", since=SINCE) == [(companies[0],)]
    closed = portal.crm._client.limiter
    assert closed.associations._closed > 0
    assert closed.burst._closed == 0


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_no_token_is_in_an_address(scripted, client, version):
    """singer tap-hubspot 4.4.0: OAuth v1 puts it there; ours stands in a header, and where it is
    asked whose it is, in the body."""
    found = {**record(1), "name": "a record and a property in one"}
    script = scripted(of({"results": [found], "total": 1, "portalId": 1}))
    crm = Crm(Token(Secret("env:HUBSPOT_KEY")), url=script.url, api_version=version)
    crm.check()
    crm.fields("companies")
    crm.counts(["companies"])
    ids(read.listed(crm._client, "companies", Parts(("name",))))
    list(read.links(crm._client, "calls", "companies", ["1"]))
    list(crm.write("companies", [{"id": "1", "health_score": 1}], 100))
    key = Secret("env:HUBSPOT_KEY").reveal()
    assert len(script.requests) == 7
    assert [path for _, path, _ in script.requests if key in path] == []
    assert {headers["Authorization"] for _, _, headers in script.requests} == {f"Bearer {key}"}


def test_a_page_token_that_repeats_is_an_error(scripted, client):
    """Airbyte and others: a cursor that does not move is read for ever."""
    body = {"results": [record(1)], "paging": {"next": {"after": "5"}}}
    script = scripted(of(body))
    with pytest.raises(Malformed):
        ids(read.listed(client(script.url), "companies", Parts()))
    assert len(script.requests) == 2


def test_a_run_of_hours_is_not_begun_anew(portal, monkeypatch):
    """A list that was interrupted goes on behind what is on disk."""
    monkeypatch.setattr("connector.crm.hubspot.pages.TOGETHER", 1)
    every, kept = portal.make(350), Kept(stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        portal.spool("companies", (ID,), progress=kept)
    kept.stop_at = 0
    assert portal.read("companies", ID, progress=kept) == [(id,) for id in every]


def test_a_redirect_is_not_followed_with_the_token(scripted, client):
    """Credentials stay with the host that was configured."""
    script = scripted(Answer(302, headers={"Location": "http://127.0.0.1:1/"}))
    with pytest.raises(ConnectorError, match="redirects"):
        ids(read.listed(client(script.url), "companies", Parts()))
    assert len(script.requests) == 1
