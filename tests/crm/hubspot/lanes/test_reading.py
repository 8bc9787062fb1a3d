"""Reading from HubSpot: everything by list, changes by search, and nothing lost between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from connector.crm.hubspot import pages, read, relation
from connector.errors import ConfigError, ConnectorError, Denied, Malformed
from connector.protocols import Read

from .conftest import Kept

NAME = ("hs_object_id", "name")


def test_an_id_is_a_text_although_hubspot_calls_it_a_number(portal):
    """As a number it would be written as 9337000001.0, and join with nothing."""
    (firm,) = portal.make(1)
    (person,) = portal.make(1, "contacts", associatedcompanyid=firm)
    assert portal.read("companies", "hs_object_id") == [(firm,)]
    told = portal.read("contacts", "hs_object_id", "associatedcompanyid")
    assert told == [(person, firm)]


@pytest.mark.parametrize("kind", ["contacts", "deals", "tickets"])
def test_the_primary_company_counts_whichever_way_it_is_read(portal, kind):
    """Lists name its type without `_unlabeled`, association reads by its number."""
    firms = portal.make(3)
    (id,) = portal.make(1, kind)
    portal.associate(kind, id, "companies", *firms, primary=firms[1])
    since = datetime(2020, 1, 1, tzinfo=UTC)
    more = {"modified": "lastmodifieddate"} if kind == "contacts" else {}
    assert portal.read(kind, "companies.id", **more) == [(firms[1],)]
    assert portal.read(kind, "companies.id", since=since, into="later", **more) == [(firms[1],)]


def test_a_label_of_the_account_is_no_primary_company(portal):
    """Somebody may call one "Primary sponsor": HubSpot's own type says which company counts."""
    firms = portal.make(3)
    (person,) = portal.make(1, "contacts")
    label = {"name": "primary_sponsor", "label": "Primary sponsor"}
    made = portal.call("POST", "/crm/v4/associations/contacts/companies/labels", label)
    own = {"associationCategory": "USER_DEFINED",
           "associationTypeId": made["results"][0]["typeId"]}  # fmt: skip
    portal.associate("contacts", person, "companies", *firms, primary=firms[2])
    portal.call(
        "PUT", f"/crm/v4/objects/contacts/{person}/associations/companies/{firms[1]}", [own]
    )
    more = {"modified": "lastmodifieddate"}
    since = datetime(2020, 1, 1, tzinfo=UTC)
    assert portal.read("contacts", "companies.id", **more) == [(firms[2],)]
    assert portal.read("contacts", "companies.id", since=since, into="later", **more) == [
        (firms[2],)
    ]


def test_the_number_of_a_type_counts_within_its_category(engine, tmp_path):
    """A label of the account may have the number that HubSpot's primary company has elsewhere."""

    def to(id: str, category: str, number: int) -> dict[str, object]:
        types = [{"category": category, "typeId": number, "label": None}]
        return {"toObjectId": id, "associationTypes": types}

    told = [{"from": {"id": "9"},
             "to": [to("1", "HUBSPOT_DEFINED", 279), to("2", "USER_DEFINED", 1),
                    to("3", "HUBSPOT_DEFINED", 1)]}]  # fmt: skip
    file = tmp_path / "companies.links"
    file.write_bytes(orjson.dumps(told))
    assert engine.rows(relation.links([file])) == [("9", "3", None)]


# ── everything ────────────────────────────────────────────────────────────────────────────────


def test_a_list_brings_every_record_with_its_types(portal):
    """Numbers, truths, days and moments as what they are; what was never set is empty."""
    portal.make(101, annualrevenue="100.5", csm_sentiment_date="2026-01-31", health_flag="true")
    paths = ("annualrevenue", "csm_sentiment_date", "health_flag", "health_at", "archived")
    spool = portal.spool("companies", paths)
    rows = portal.rows(spool, *paths)
    assert (spool.lane, spool.rows, spool.calls, len(rows)) == ("list", 101, 2, 101)
    assert set(rows) == {(100.5, "2026-01-31", True, None, False)}


def test_an_activity_names_the_company_that_a_list_tells_with_it(portal):
    """No call more than the pages; one without a company is there all the same."""
    firms = portal.make(2)
    calls = portal.make(3, "calls", hs_timestamp="2026-10-01T10:00:00Z")
    portal.associate("calls", calls[0], "companies", firms[1], firms[0])
    portal.associate("calls", calls[1], "companies", firms[1])
    spool = portal.spool("calls", ("hs_object_id", "companies.id"))
    told = portal.rows(spool, "hs_object_id", "companies.id")
    assert told == [(calls[0], firms[0]), (calls[1], firms[1]), (calls[2], None)]
    assert portal.requests("associations") == 0


def test_of_several_without_a_primary_one_all_are_told(portal):
    """Whose it is HubSpot does not say; a guess would be that of the least number."""
    firms = portal.make(3)
    (mail, other) = portal.make(2, "emails", hs_timestamp="2026-10-01T10:00:00Z")
    (person,) = portal.make(1, "contacts")
    portal.associate("emails", mail, "companies", firms[2], firms[1])
    portal.associate("emails", other, "companies", firms[0])
    portal.associate("contacts", person, "companies", *firms, primary=firms[1])
    since = datetime(2020, 1, 1, tzinfo=UTC)
    paths = ("hs_object_id", "companies.several")
    told = [(mail, f"{firms[1]};{firms[2]}"), (other, None)]
    assert portal.read("emails", *paths) == told
    assert portal.read("emails", *paths, since=since, into="later") == told
    more = {"modified": "lastmodifieddate"}
    assert portal.read("contacts", *paths, **more, into="people") == [(person, None)]


def test_what_a_list_tells_only_in_part_is_read_whole(portal):
    """More than a hundred companies: the primary one may be on a page within the record."""
    firms = portal.make(130)
    (person,) = portal.make(1, "contacts")
    portal.settings(association_page=40)
    portal.associate("contacts", person, "companies", *firms, primary=firms[125])
    more = {"modified": "lastmodifieddate"}
    paths = ("companies.id", "companies.several")
    assert portal.read("contacts", *paths, **more) == [(firms[125], None)]
    assert portal.requests("associations") >= 4


def test_more_properties_than_an_address_can_name_are_read_by_id(portal, monkeypatch):
    """The address stays short (414); the ids are listed, the rest is asked for in a body."""
    monkeypatch.setattr(read, "LONGEST_ADDRESS", 60)
    ids = portal.make(120, annualrevenue="7")
    firm = ids[0]
    (deal,) = portal.make(1, "deals")
    portal.associate("deals", deal, "companies", firm)
    paths = ("hs_object_id", "annualrevenue", "csm_sentiment_date", "health_reasons")
    rows = portal.read("companies", *paths)
    assert [row[0] for row in rows] == ids
    assert {row[1] for row in rows} == {7.0}
    assert portal.requests("batch/read") == 2
    deals = ("hs_object_id", "dealname", "companies.id", "amount", "closedate", "pipeline")
    assert [row[:3] for row in portal.read("deals", *deals, into="deals")] == [
        (deal, "deals 0", firm)
    ]


def test_the_moment_at_which_a_value_came_is_read_fifty_at_a_time(portal):
    """Lists and batches refuse more than fifty with their history."""
    ids = portal.make(60, csm_sentiment="3")
    portal.control("clock", {"advance": "2d"})
    portal.person("edit", ids[7], values={"csm_sentiment": "5"})
    spool = portal.spool("companies", ("hs_object_id", "csm_sentiment", "csm_sentiment.changed_at"))
    rows = portal.rows(spool, "hs_object_id", "csm_sentiment.changed_at")
    days = {id: at[:10] for id, at in rows}
    assert (spool.calls, len(rows)) == (2, 60)
    assert days[ids[7]] > days[ids[8]]
    since = datetime(2020, 1, 1, tzinfo=UTC)
    path = ("hs_object_id", "csm_sentiment.changed_at")
    assert portal.read("companies", *path, since=since, into="later") == rows


def test_merged_companies_lead_to_the_last_survivor(portal):
    """A merge of merges names every id; archived ones are found by nobody."""
    ids = portal.make(4)
    portal.person("merge", ids[0], into=ids[1])
    portal.person("merge", ids[1], into=ids[2])
    portal.person("archive", ids[3])
    rows = portal.read("companies", "hs_object_id", "merged_into", "archived")
    assert rows == [(ids[0], ids[2], True), (ids[1], ids[2], True), (ids[2], None, False)]


def test_a_merge_is_news_for_a_later_pull(portal):
    """The survivor has changed, and names whom it took in."""
    ids = portal.make(3)
    portal.control("clock", {"advance": "1h"})
    since = portal.store.clock.now() - timedelta(minutes=5)
    portal.person("merge", ids[0], into=ids[1])
    rows = portal.read("companies", "hs_object_id", "merged_into", since=since)
    assert rows == [(ids[0], ids[1]), (ids[1], None)]


def test_stages_of_pipelines_are_facts_of_a_record(portal):
    """Whether a ticket is closed is written in its pipeline alone."""
    stages = portal.call("GET", "/crm/v3/pipelines/tickets")["results"][0]["stages"]
    closed = next(s for s in stages if s["metadata"].get("ticketState") == "CLOSED")
    open_ = next(s for s in stages if s["metadata"].get("ticketState") == "OPEN")
    for stage in (closed, open_):
        portal.make(1, "tickets", hs_pipeline_stage=stage["id"])
    paths = ("hs_pipeline_stage.is_closed", "hs_pipeline_stage.label")
    assert portal.read("tickets", *paths) == [(False, open_["label"]), (True, closed["label"])]


def test_a_stage_that_no_pipeline_has_is_unknown_and_told(portal):
    """Pipelines that were archived are not listed: whether such a deal was won nobody says."""
    listed = portal.call("GET", "/crm/v3/pipelines/deals")["results"][0]
    won, lost = (each["id"] for each in listed["stages"][-2:])
    for stage in (won, lost, ""):
        portal.make(1, "deals", dealstage=stage)
    portal.call("DELETE", f"/crm/v3/pipelines/deals/{listed['id']}/stages/{won}")
    paths = ("dealstage", "dealstage.is_won", "dealstage.label")
    spool = portal.spool("deals", paths)
    assert set(portal.rows(spool, *paths, "_unread")) == {
        (won, None, None, "dealstage "),
        (lost, False, "Closed Lost", None),
        (None, None, None, None),
    }


def test_owners_who_have_left_are_still_somebody(portal):
    """Companies name them; without them the account would have no account manager."""
    with portal.store.lock:
        portal.store.db.execute(
            "insert into hs_owners values (1, 11, 'a@b.example', 'A', 'B', '2026-01-01T00:00:00Z',"
            " '2026-01-01T00:00:00Z', 0), (2, 12, 'c@d.example', 'C', 'D', '2026-01-01T00:00:00Z',"
            " '2026-01-01T00:00:00Z', 1)"
        )
    rows = portal.read("owners", "id", "email", "archived")
    assert {("1", "a@b.example", False), ("2", "c@d.example", True)} <= set(rows)


def test_feedback_that_is_not_licensed_is_a_refusal_that_names_what_is_missing(portal):
    """Whoever reads it all the same learns which scope or product it is about."""
    portal.control("hubspot", {"portal": {"products": {"feedback_submissions": False}}})
    with pytest.raises(Denied) as error:
        portal.spool("feedback_submissions", ("hs_object_id", "hs_value"))
    assert "feedback_submissions" in f"{error.value.message} {error.value.hint}"


def test_a_kind_that_the_portal_does_not_have_is_not_there(portal):
    """Preflight leaves it out if the mapping says so; a read says what it takes."""
    assert portal.crm.fields("2-4711") is None
    asked = Read("2-4711", ("name",), None, "hs_lastmodifieddate")
    with pytest.raises(ConfigError) as error:
        portal.crm.read(asked, {"name": "VARCHAR"}, portal.folder / "x")
    assert "optional = true" in error.value.hint


def test_a_list_that_was_interrupted_asks_only_for_the_rest(portal, monkeypatch):
    """Between two files a run dies; the next one begins behind the last finished file."""
    monkeypatch.setattr(pages, "TOGETHER", 2)
    ids = portal.make(950)
    kept = Kept(stop_at=6)
    with pytest.raises(KeyboardInterrupt):
        portal.spool("companies", NAME, progress=kept)
    assert kept.facts["files"] == 2
    before = portal.requests("/objects/")
    kept.stop_at = 0
    spool = portal.spool("companies", NAME, progress=kept, crm=portal.another())
    assert portal.requests("/objects/") - before == 6
    assert spool.rows == 950
    assert [row[0] for row in portal.rows(spool, *NAME)] == ids


def test_another_question_begins_anew(portal, monkeypatch):
    """What is on disk answers another one."""
    monkeypatch.setattr(pages, "TOGETHER", 1)
    portal.make(250)
    kept = Kept(stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        portal.spool("companies", NAME, progress=kept)
    kept.stop_at = 0
    spool = portal.spool("companies", ("hs_object_id", "annualrevenue"), progress=kept)
    assert len(portal.rows(spool, "hs_object_id")) == spool.rows == 250


@pytest.mark.parametrize("at", [0, 20, 900])
def test_a_page_that_is_cut_is_asked_for_again(portal, at):
    """The connection broke on the way; nothing of it is kept."""
    ids = portal.make(150)
    portal.fault("/objects/", method="GET", nth=2, truncate_at=at)
    assert [row[0] for row in portal.read("companies", *NAME)] == ids


@pytest.mark.parametrize(
    "body",
    ["<html>Maintenance</html>", '{"results":[{"id":"1"', '{"resul', "[]", '{"results":null}'],
)
def test_a_page_that_is_not_one_ends_the_read(portal, body):
    """A proxy's page is not an empty portal."""
    portal.make(3)
    portal.fault("/objects/", method="GET", status=200, body=body, times=None)
    with pytest.raises(Malformed):
        portal.spool("companies", NAME)


def test_a_page_that_repeats_ends_the_read(portal):
    """A cursor that does not move would be read for ever."""
    portal.make(3)
    body = {"results": [], "paging": {"next": {"after": "1"}}}
    portal.fault("/objects/", method="GET", status=200, body=body, times=None)
    with pytest.raises(Malformed, match="repeats"):
        portal.spool("companies", NAME)


# ── changes ───────────────────────────────────────────────────────────────────────────────────


def test_changes_since_a_moment_are_searched_for(portal):
    """What has not changed is not read again."""
    ids = portal.make(5)
    portal.control("clock", {"advance": "1h"})
    since = portal.store.clock.now() - timedelta(minutes=10)
    portal.person("edit", ids[3], values={"name": "New"})
    spool = portal.spool("companies", NAME, since=since)
    assert (spool.lane, spool.rows) == ("search", 1)
    assert portal.rows(spool, *NAME) == [(ids[3], "New")]


def test_what_has_changed_is_told_with_what_it_belongs_to(portal):
    """A search tells no associations: a thousand records are looked up in one call."""
    (firm,) = portal.make(1)
    calls = portal.make(250, "calls", hs_timestamp="2026-10-01T10:00:00Z")
    portal.associate("calls", calls[0], "companies", firm)
    since = datetime(2020, 1, 1, tzinfo=UTC)
    rows = portal.read("calls", "hs_object_id", "companies.id", since=since)
    assert (rows[0], len(rows)) == ((calls[0], firm), 250)
    assert portal.requests("/associations/") == 1


@pytest.mark.parametrize("lag", ["errors", "absent"])
def test_a_record_without_company_is_no_error(portal, lag):
    """It is missing from the answer, or told as an error of its own."""
    portal.settings(unassociated=lag)
    (call,) = portal.make(1, "calls", hs_timestamp="2026-10-01T10:00:00Z")
    since = datetime(2020, 1, 1, tzinfo=UTC)
    assert portal.read("calls", "hs_object_id", "companies.id", since=since) == [(call, None)]


def test_ten_thousand_and_more_of_one_millisecond_all_arrive(portal):
    """A bulk edit stamps everything at once; search ends at ten thousand."""
    ids = portal.make(10_350)
    rows = portal.read("companies", "hs_object_id", since=datetime(2020, 1, 1, tzinfo=UTC))
    assert [row[0] for row in rows] == ids


def test_behind_the_wall_the_search_begins_anew(portal, walled):
    """With the last moment that was seen, so that none of its records is lost."""
    ids = []
    for _ in range(9):
        ids += portal.make(130)
        portal.control("clock", {"advance": "1s"})
    rows = portal.read("companies", "hs_object_id", since=datetime(2020, 1, 1, tzinfo=UTC))
    assert [row[0] for row in rows] == ids


def test_results_out_of_order_lose_nothing(portal, walled):
    """Neither does a page whose records are not quite by time."""
    portal.settings(out_of_order=True)
    ids = []
    for many in (390, 3, 260, 1, 450):
        ids += portal.make(many)
        portal.control("clock", {"advance": "1s"})
    rows = portal.read("companies", "hs_object_id", since=datetime(2020, 1, 1, tzinfo=UTC))
    assert [row[0] for row in rows] == ids


def test_the_first_moment_and_a_crowded_one_after_it_both_arrive_whole(portal, walled):
    """Neither can be where the search begins anew."""
    ids = portal.make(3)
    since = portal.store.clock.now()
    portal.control("clock", {"advance": "1s"})
    ids += portal.make(3)
    first = portal.held("hs_lastmodifieddate")[ids[3]]["hs_lastmodifieddate"]
    portal.control("clock", {"advance": "1s"})
    ids += portal.make(700)
    portal.control("clock", {"advance": "1s"})
    ids += portal.make(2)
    begin = datetime.fromisoformat(first)
    assert begin > since
    rows = portal.read("companies", "hs_object_id", since=begin)
    assert [row[0] for row in rows] == ids[3:]


@pytest.fixture
def walled(monkeypatch):
    """A wall at four hundred, on both sides."""
    from connector.sandbox.hubspot import search

    monkeypatch.setattr(read, "WALL", 400)
    monkeypatch.setattr(search, "WALL", 400)


def test_what_the_index_does_not_know_yet_comes_with_the_next_pull(portal):
    """The next one begins some time before this one ended."""
    ids = portal.make(2)
    portal.control("clock", {"advance": "1h"})
    portal.settings(index_lag=60.0)
    since = portal.store.clock.now() - timedelta(minutes=10)
    portal.person("edit", ids[1], values={"name": "New"})
    first = portal.spool("companies", NAME, since=since)
    assert portal.rows(first, *NAME) == []
    portal.control("clock", {"advance": "15m"})
    begun = first.until - timedelta(minutes=10)
    assert portal.read("companies", *NAME, since=begun, into="next") == [(ids[1], "New")]


def test_a_pull_from_the_beginning_of_time_is_answered(portal):
    """A search from the exact epoch is not; ours begins a second later."""
    (id,) = portal.make(1)
    rows = portal.read("companies", "hs_object_id", since=datetime.fromtimestamp(0, UTC))
    assert rows == [(id,)]


def test_a_filter_of_ours_is_applied_to_what_was_read(portal):
    """HubSpot does not know the language of the mapping."""
    portal.make(2, annualrevenue="5")
    (rich,) = portal.make(1, annualrevenue="500")
    spool = portal.spool(
        "companies", ("hs_object_id", "annualrevenue"), where="annualrevenue > 100"
    )
    assert portal.rows(spool, "hs_object_id") == [(rich,)]
    assert spool.rows == 0


def test_search_is_limited_by_itself_and_waits_for_its_second(portal):
    """Five a second for all integrations of the account: nobody is refused for good."""
    portal.make(1)
    portal.control("hubspot", {"limits": {"search": 2}})
    since = datetime(2020, 1, 1, tzinfo=UTC)
    portal.crm._client.limiter.search.allow(4, 1.0)
    for n in range(4):
        portal.read("companies", "hs_object_id", since=since, into=f"r{n}")
    refused = portal.control("hubspot", {})["limits"]["refused"]
    assert refused.get("SECONDLY", 0) >= 1


def test_a_daily_limit_stops_the_read_and_keeps_what_there_is(portal, monkeypatch):
    """The next run goes on behind the last file."""
    monkeypatch.setattr(pages, "TOGETHER", 1)
    portal.make(450)
    kept = Kept()
    portal.crm.fields("companies")
    portal.crm.counts(["companies"])
    used = portal.control("hubspot", {})["limits"]["used"]["daily"]
    portal.control("hubspot", {"limits": {"daily": used + 2}})
    with pytest.raises(ConnectorError, match="daily") as error:
        portal.spool("companies", NAME, progress=kept)
    assert error.value.exit_code == 5
    assert kept.facts["files"] == 2
    portal.control("hubspot", {"limits": {"daily": 1_000_000}})
    assert portal.spool("companies", NAME, progress=kept).rows == 450


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_every_spelling_of_the_api_reads_the_same(portal, version):
    """One setting chooses."""
    (firm,) = portal.make(1)
    (person,) = portal.make(1, "contacts")
    portal.associate("contacts", person, "companies", firm)
    crm = portal.another(api_version=version)
    more = {"modified": "lastmodifieddate", "crm": crm}
    paths = ("hs_object_id", "companies.id")
    assert portal.read("contacts", *paths, **more) == [(person, firm)]
    since = datetime(2020, 1, 1, tzinfo=UTC)
    assert portal.read("contacts", *paths, since=since, into="s", **more) == [(person, firm)]


def test_the_calls_of_a_read_are_foretold(portal):
    """List, search, batch and associations, to the call."""
    portal.make(450)
    portal.make(230, "calls", hs_timestamp="2026-10-01T10:00:00Z")
    since = datetime(2020, 1, 1, tzinfo=UTC)
    assert portal.crm.fields("companies")
    assert portal.crm.fields("calls")
    assert portal.crm.counts(["companies", "calls"]) == {"companies": 450, "calls": 230}
    for n, (object, paths, since_, many) in enumerate(
        (
            ("companies", ("name",), None, 450),
            ("companies", ("name",), since, 450),
            ("companies", ("csm_sentiment.changed_at",), since, 450),
            ("calls", ("hs_object_id", "companies.id"), None, 230),
            ("calls", ("hs_object_id", "companies.id"), since, 230),
        )
    ):
        types = portal.crm.path_types(object, paths)
        asked = Read(object, tuple(types), since_, "hs_lastmodifieddate")
        told, before = portal.crm.read_calls(many, None, asked), dict(portal.crm.calls())
        portal.crm.read(asked, types, portal.folder / f"c{n}")
        made = {lane: c - before.get(lane, 0) for lane, c in portal.crm.calls().items()}
        assert {lane: c for lane, c in made.items() if c} == told


def test_the_calls_for_owners_are_foretold_from_how_many_there_were(portal):
    """Nobody counts them: pages of a hundred, and one for those who have left."""
    row = "(?, ?, 'a@b.example', 'A', 'B', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', ?)"
    with portal.store.transaction() as db:
        db.execute("delete from hs_owners")
        people = [(n, n, int(n > 250)) for n in range(1, 256)]
        db.executemany(f"insert into hs_owners values {row}", people)
    asked = Read("owners", ("id",), None, "")
    spool = portal.crm.read(asked, {"id": "TEXT"}, portal.folder / "owners")
    assert (spool.rows, spool.calls) == (255, 4)
    assert portal.crm.read_calls(spool.rows, None, asked) == {"owners": 4}
    assert portal.crm.read_calls(0, None, asked) == {"owners": 2}
