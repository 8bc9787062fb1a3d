"""The Salesforce adapter against an org that speaks HTTP; traps are named after the complaint."""

from __future__ import annotations

import threading
from dataclasses import fields
from datetime import datetime

import pytest

from connector.crm.salesforce import Crm, answers, read
from connector.crm.salesforce.auth import Jwt
from connector.engines.duckdb import DuckDB
from connector.errors import AuthError, BudgetSpent, ConfigError, Malformed
from connector.protocols import Read
from connector.secrets import Secret

PATHS = ("Id", "Name", "Owner.Name", "ARR__c", "IsDeleted", "SystemModstamp", "Renewal_Date__c")
QUERY = r"/query"


@pytest.fixture
def engine(tmp_path):
    made = DuckDB(scratch=tmp_path / "spill")
    yield made
    made.close()


def fetch(org, engine, into, *, object="Account", paths=PATHS, since=None):
    """Read an object and count what arrived."""
    org.crm.check()
    types = org.crm.path_types(object, paths)
    spool = org.crm.read(Read(object, tuple(types), since, "SystemModstamp"), types, into)
    return spool, engine.dicts(f'SELECT * EXCLUDE ("SystemModstamp") FROM {spool.relation}')


# ── getting in ────────────────────────────────────────────────────────────────────────────────


def test_jwt_logs_in_and_says_where_we_are(org):
    """Org, user and the org's own clock."""
    begun = org.store.clock.now().replace(microsecond=0)
    found = org.crm.check()
    assert found.id == org.credentials["org_id"]
    assert (found.user[:3], found.url) == ("005", org.url)
    assert begun <= found.now <= org.store.clock.now()


def test_client_credentials_log_in(org):
    """The second way in needs no key pair."""
    crm = Crm(auth=org.client(), login_url=org.url)
    assert crm.check().id == org.credentials["org_id"]


def test_simple_salesforce_672_the_audience_is_not_the_token_host(org):
    """The request goes to the My Domain host while `aud` says login.salesforce.com."""
    assert org.jwt().audience == "https://login.salesforce.com"
    assert org.crm.check()


def test_a_wrong_user_is_refused_with_a_reason(org):
    """The message carries Salesforce's own words and what to check."""
    crm = Crm(auth=org.jwt(username="nobody@else.example"), login_url=org.url)
    with pytest.raises(AuthError, match="invalid_grant") as refused:
        crm.check()
    assert "pre-authorised" in refused.value.hint


def test_a_key_that_is_no_key_is_a_configuration_error(org, tmp_path):
    """It is not sent anywhere, and not shown."""
    (tmp_path / "bad.pem").write_text("not a key at all")
    bad = org.jwt(private_key=Secret(f"file:{tmp_path / 'bad.pem'}"))
    with pytest.raises(ConfigError, match="RSA key") as wrong:
        Crm(auth=bad, login_url=org.url).check()
    assert "not a key at all" not in str(wrong.value)


def test_an_api_version_that_the_org_lacks_is_refused(org):
    """Never silently another one."""
    with pytest.raises(ConfigError, match=r"12\.0"):
        org.another(api_version="12.0").check()


def test_an_expired_token_is_renewed_in_the_middle(org, engine, tmp_path):
    """tap-salesforce#222: a long read survives the end of its session."""
    org.crm.check()
    org.control("expire-tokens", {})
    _, rows = fetch(org, engine, tmp_path / "pages")
    assert len(rows) >= 20


def test_many_failures_at_once_cause_one_login(org):
    """One new token per generation, however many threads fail on the old one."""
    org.crm.check()
    before = org.crm.calls()["login"]
    org.control("expire-tokens", {})
    threads = [threading.Thread(target=org.crm.counts, args=(["Account"],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert org.crm.calls()["login"] - before == 2  # one look at the clock, one token


# ── reading ───────────────────────────────────────────────────────────────────────────────────


def test_reading_brings_every_record_typed(org, engine, tmp_path):
    """Relationship paths come flat, numbers as numbers, deleted records too."""
    spool, rows = fetch(org, engine, tmp_path / "pages")
    held = org.control("values?crm=salesforce&object=Account&fields=Name,ARR__c")
    live = {row["Id"]: row for row in rows if not row["IsDeleted"]}
    assert len(rows) == spool.rows
    assert set(live) == set(held)
    assert all(live[id]["Name"] == cell["Name"] for id, cell in held.items())
    assert all(live[id]["ARR__c"] == cell["ARR__c"] for id, cell in held.items())
    assert all(row["Owner.Name"] for row in rows)


def test_pages_follow_one_another(org, engine, tmp_path, monkeypatch):
    """More records than a page holds: all of them, each once."""
    monkeypatch.setattr(read, "PAGE", 200)
    spool, rows = fetch(org, engine, tmp_path / "p", object="Task", paths=("Id", "SystemModstamp"))
    assert len({row["Id"] for row in rows}) == len(rows) == spool.rows > 100


def test_a_cursor_that_died_is_taken_up_behind_the_last_record(org, engine, tmp_path, monkeypatch):
    """INVALID_QUERY_LOCATOR costs one page, not the whole read."""
    monkeypatch.setattr(read, "PAGE", 200)
    org.crm.check()
    dead = [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}]
    match = {"method": "GET", "path_regex": r"/query/0r8", "nth": 1}
    org.control("faults", [{"match": match, "do": {"status": 400, "body": dead}, "times": 1}])
    spool, rows = fetch(org, engine, tmp_path / "p", object="Task", paths=("Id", "SystemModstamp"))
    ids = [row["Id"] for row in rows]
    assert len(set(ids)) == len(ids) == spool.rows


@pytest.mark.parametrize("do", [{"drop": "before"}, {"status": 503}, {"truncate_at": 300}])
def test_a_read_survives_bad_luck(org, engine, tmp_path, do):
    """Cut, unavailable, half a page: asked again."""
    org.crm.check()
    match = {"method": "GET", "path_regex": "/queryAll", "nth": 1}
    org.control("faults", [{"match": match, "do": do, "times": 1}])
    spool, rows = fetch(org, engine, tmp_path / "p")
    assert len(rows) == spool.rows >= 20


def test_html_instead_of_json_is_said_so(org, engine, tmp_path):
    """A maintenance page with status 200 is not a page of records."""
    org.crm.check()
    page = {"status": 200, "body": "<html>We are down</html>",
            "headers": {"Content-Type": "text/html"}}  # fmt: skip
    org.control("faults", [{"match": {"path_regex": "/queryAll"}, "do": page}])
    with pytest.raises(Malformed, match="cut or not JSON"):
        fetch(org, engine, tmp_path / "p")


def test_airbyte_42537_records_that_share_a_moment_are_not_skipped(org, engine, tmp_path):
    """The lower bound includes its own second."""
    _, _rows = fetch(org, engine, tmp_path / "all")
    stamps = org.control("values?crm=salesforce&object=Account&fields=SystemModstamp")
    latest = max(cell["SystemModstamp"] for cell in stamps.values())
    since = datetime.fromisoformat(latest.replace("+0000", "+00:00"))
    _, again = fetch(org, engine, tmp_path / "new", since=since)
    assert {id for id, c in stamps.items() if c["SystemModstamp"] == latest} <= {
        row["Id"] for row in again
    }


def test_the_daily_limit_stops_the_run_and_says_so(org):
    """Daily exhaustion is not a thing to hammer at."""
    org.crm.check()
    org.control("limits", {"DailyApiRequests": {"max": 100, "used": 100}})
    with pytest.raises(BudgetSpent, match="daily allowance"):
        org.crm.counts(["Account"])


@pytest.mark.parametrize(
    "said",
    [
        "api-usage=18/15000",
        "api-usage=18/15000; per-app-api-usage=17/250(appName=connector)",
        "per-app-api-usage=17/250(appName=connector); api-usage=18/15000",
    ],
)
def test_the_daily_allowance_is_that_of_the_org(org, said):
    """As each answer says it; what one app may is another thing, and costs no question."""
    client = org.crm.check() and org.crm._client
    client.session.seen["Sforce-Limit-Info"] = said
    before = org.crm.calls()["limits"]
    assert org.crm.allowance() == (18, 15_000)
    assert org.crm.calls()["limits"] == before


@pytest.mark.parametrize("said", ["", "per-app-api-usage=17/250(appName=connector)"])
def test_an_answer_that_does_not_say_the_allowance_has_it_looked_up(org, said):
    """Once, in the list of limits, which counts against it as well."""
    client = org.crm.check() and org.crm._client
    org.control("limits", {"DailyApiRequests": {"max": 9_000, "used": 4_000}})
    client.session.seen["Sforce-Limit-Info"] = said
    used, allowed = org.crm.allowance()
    assert (allowed, used - 4_000) in {(9_000, 0), (9_000, 1)}
    client.session.seen["Sforce-Limit-Info"] = said
    assert org.crm.allowance() == (used, allowed)
    assert org.crm.calls()["limits"] == 1


def test_a_field_that_is_hidden_has_no_type(org):
    """Absent from describe: the preflight will say so before anything is read."""
    org.control("fls", {"object": "Account", "field": "ARR__c", "read": False, "edit": False})
    assert "ARR__c" not in org.another().path_types("Account", ["Id", "ARR__c"])


# ── writing ───────────────────────────────────────────────────────────────────────────────────


def test_a_bad_row_never_costs_its_neighbours(org):
    """One refused, the others written, each with its outcome in order."""
    ids = org.ids(3)
    rows = [{"id": ids[0], "Segment__c": "Small"}, {"id": ids[1], "Segment__c": "Nonsense"},
            {"id": ids[2], "Segment__c": "Small"}]  # fmt: skip
    (outcomes,) = org.crm.write("Account", rows, 200)
    assert [o.id for o in outcomes] == ids
    assert [o.result for o in outcomes] == ["applied", "failed", "applied"]
    assert outcomes[1].code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert org.crm.values("Account", [ids[0]], ["Segment__c"])[ids[0]]["Segment__c"] == "Small"


def test_a_lost_answer_leaves_the_rows_in_doubt(org):
    """The org has done it; we do not claim to know, and do not send it again."""
    org.crm.check()
    match = {"method": "PATCH", "path_regex": "composite/sobjects"}
    org.control("faults", [{"match": match, "do": {"drop": "after"}, "times": 1}])
    (outcomes,) = org.crm.write("Account", [{"id": org.ids(1)[0], "Segment__c": "Small"}], 200)
    assert [o.result for o in outcomes] == ["doubt"]
    assert org.crm.calls()["collections"] == 1


def test_a_call_that_fails_as_a_whole_is_halved(org):
    """The bad record is found and stands alone."""
    ids = org.ids(4)
    match = {"method": "PATCH", "path_regex": "composite/sobjects"}
    bad = [{"errorCode": "JSON_PARSER_ERROR", "message": "Unexpected character"}]
    org.crm.check()
    org.control("faults", [{"match": match, "do": {"status": 400, "body": bad}, "times": 1}])
    rows = [{"id": id, "Segment__c": "Small"} for id in ids]
    outcomes = [outcome for part in org.crm.write("Account", rows, 200) for outcome in part]
    assert [(o.id, o.result) for o in outcomes] == [(id, "applied") for id in ids]
    assert org.crm.calls()["collections"] == 3


def test_locks_may_pass_and_rules_do_not():
    """The error table decides what is tried again."""

    def row(code):
        return {"success": False, "errors": [{"statusCode": code, "message": "m", "fields": []}]}

    assert answers.outcome_of("1", row("UNABLE_TO_LOCK_ROW")).result == "transient"
    assert answers.outcome_of("1", row("FIELD_CUSTOM_VALIDATION_EXCEPTION")).result == "failed"


def test_a_deleted_record_is_left_out_when_read_back(org):
    """It is simply not there."""
    gone, there = org.ids(2)
    person = {"crm": "salesforce", "object": "Account", "id": gone, "do": "delete"}
    org.control("people", person)
    assert set(org.crm.values("Account", [gone, there], ["Name"])) == {there}


# ── defects of the library that we do not inherit ─────────────────────────────────────────────


def test_simple_salesforce_forces_https_and_we_put_it_right(org):
    """Its describe reaches the instance that the token names, port and scheme included."""
    assert org.crm.fields("Account")["Name"].type == "string"


def test_simple_salesforce_asks_for_pretty_printed_answers_and_we_do_not(org):
    """A third more bytes for nobody."""
    assert "X-PrettyPrint" not in org.crm._client.library.headers


def test_our_calls_are_named_and_wake_nothing_that_is_not_asked_for(org):
    """Event logs tell who it was; nothing is assigned, and no list of recent records is filled."""
    said = org.crm._client.session.headers
    assert said["Sforce-Call-Options"] == "client=crm-health-connector"
    assert said["Sforce-Auto-Assign"] == "FALSE"
    assert said["Sforce-Mru"] == "updateMru=false"
    assert "allowSave=true" in said["Sforce-Duplicate-Rule-Header"]


def test_a_jwt_config_takes_no_other_key():
    """The class is the configuration."""
    assert {each.name for each in fields(Jwt)} == {
        "client_id", "username", "private_key", "flow", "audience"
    }  # fmt: skip
