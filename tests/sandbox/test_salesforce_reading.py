"""Pages, describes, limits: what a pull meets on its way."""

from __future__ import annotations

import pytest
import requests


@pytest.fixture
def many(store):
    """Four hundred and fifty accounts more."""
    store.insert("Account", ["Name", "OwnerId"], [(f"m{n:03}", None) for n in range(450)])


SMALL = {"headers": {"Sforce-Query-Options": "batchSize=200"}}
ALL_M = "SELECT Id, Name FROM Account WHERE Name LIKE 'm___' ORDER BY Name"


def test_pages_lead_from_one_to_the_next(client, many):
    """Every row once, in order, the total on every page."""
    page = client.query(ALL_M, **SMALL)
    names = [each["Name"] for each in page["records"]]
    while not page["done"]:
        assert page["totalSize"] == 450
        page = client.call("GET", page["nextRecordsUrl"]).json()
        names += [each["Name"] for each in page["records"]]
    assert names == [f"m{n:03}" for n in range(450)]


def test_a_locator_is_an_id_and_an_offset(client, many):
    """Relative to the instance, and of the version that was asked."""
    at = client.query(ALL_M, **SMALL)["nextRecordsUrl"]
    assert at.startswith("/services/data/v66.0/query/0r8")
    assert at.endswith("-200")


def test_the_last_page_has_no_next(client, many):
    """`done` and the missing address say the same."""
    second = client.call("GET", client.query(ALL_M, **SMALL)["nextRecordsUrl"]).json()
    last = client.call("GET", second["nextRecordsUrl"]).json()
    assert (last["done"], len(last["records"]), "nextRecordsUrl" in last) == (True, 50, False)


def test_a_page_can_be_asked_for_again(client, many):
    """A lost answer costs nothing."""
    at = client.query(ALL_M, **SMALL)["nextRecordsUrl"]
    assert client.call("GET", at).json() == client.call("GET", at).json()


def test_rows_that_arrive_later_do_not_move_the_pages(client, many, store):
    """A cursor sees what was there when it was opened."""
    at = client.query(ALL_M, **SMALL)["nextRecordsUrl"]
    store.insert("Account", ["Name"], [("m000",)])
    assert client.call("GET", at).json()["records"][0]["Name"] == "m200"


def test_a_locator_dies_after_two_days(client, many):
    """With the code that tells the client to begin anew."""
    at = client.query(ALL_M, **SMALL)["nextRecordsUrl"]
    client.control("POST", "session", json={"seconds": 10**6})
    client.control("POST", "clock", json={"advance": "49h"})
    answer = client.call("GET", at)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


@pytest.mark.parametrize("locator", ["x", "0r8Sb0000000009IAA-200", "0r8Sb0000000001IAA-7"])
def test_a_locator_nobody_gave_out_is_refused(client, many, locator):
    """Offsets are those of pages and no others."""
    client.query(ALL_M, **SMALL)
    answer = client.call("GET", f"/query/{locator}")
    assert answer.json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_query_all_goes_on_showing_the_bin(client, many, store):
    """Whichever address its pages are fetched from."""
    store.db.execute("update Account set IsDeleted = 1 where Name like 'm4%'")
    page = client.call("GET", "/queryAll", params={"q": ALL_M}, **SMALL).json()
    assert page["totalSize"] == 450
    assert client.query(ALL_M, **SMALL)["totalSize"] == 400


def test_two_long_texts_make_small_pages(client, many, store):
    """Two hundred rows, however large the page that was asked for."""
    from connector.sandbox.store import Field

    for name in ("One__c", "Two__c"):
        store.add_field("Account", Field(name, "textarea", length=5_000, filterable=False))
    page = client.query("SELECT Id, One__c, Two__c FROM Account")
    assert len(page["records"]) == 200


def test_a_cursor_survives_a_restart(store, many, client):
    """Sessions and cursors are in the file."""
    from connector.sandbox.server import running

    at = client.query(ALL_M, **SMALL)["nextRecordsUrl"]
    with running(store) as url:
        headers = {"Authorization": f"Bearer {client.token}"}
        answer = requests.get(url + at, headers=headers, timeout=10)
    assert answer.json()["records"][0]["Name"] == "m200"


def test_an_address_that_is_too_long_is_refused(client):
    """Sixteen kilobytes are the most for an address."""
    soql = "SELECT Id FROM Account WHERE Name IN ('" + "x" * 17_000 + "')"
    assert client.call("GET", "/query", params={"q": soql}).status_code == 414


def test_headers_that_are_too_long_are_refused(client):
    """And for an address with its headers."""
    answer = client.call("GET", "/limits", headers={"X-Long": "x" * 17_000})
    assert answer.status_code == 431


def test_a_wrong_statement_is_a_list_with_one_error(client):
    """The shape that every client reads."""
    answer = client.call("GET", "/query", params={"q": "SELECT Nope FROM Account"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_describe_tells_what_a_mapper_needs(client):
    """Type, size, choices, references and rights of every field."""
    fields = {
        each["name"]: each
        for each in client.call("GET", "/sobjects/Account/describe").json()["fields"]
    }
    score, tier = fields["Score__c"], fields["Tier__c"]
    assert (score["type"], score["precision"], score["scale"]) == ("double", 4, 1)
    assert tier["restrictedPicklist"]
    assert [each["value"] for each in tier["picklistValues"]] == ["A", "B"]
    assert fields["ParentId"]["referenceTo"] == ["Account"]
    assert (fields["Twice__c"]["calculated"], fields["Twice__c"]["updateable"]) == (True, False)
    assert not fields["Description"]["filterable"]


def test_describe_that_has_not_changed_is_304(client, store):
    """Until a field comes, or becomes visible."""
    first = client.call("GET", "/sobjects/Account/describe")
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert client.call("GET", "/sobjects/Account/describe", headers=since).status_code == 304
    client.control("POST", "clock", json={"advance": "1m"})
    client.control("POST", "fls", json={"object": "Account", "field": "Score__c", "read": False})
    assert client.call("GET", "/sobjects/Account/describe", headers=since).status_code == 200


def test_the_global_describe_lists_objects_with_their_prefix(client):
    """Enough to tell from an id what it is the id of."""
    found = client.call("GET", "/sobjects").json()["sobjects"]
    prefixes = {each["name"]: each["keyPrefix"] for each in found}
    assert (prefixes["Account"], prefixes["Task"]) == ("001", "00T")
    assert "CustomField" not in prefixes


def test_record_counts_are_told_without_a_query(client):
    """For planning; the bin is not counted."""
    found = client.call("GET", "/limits/recordCount?sObjects=Account,Contact").json()
    assert found == {"sObjects": [{"count": 4, "name": "Account"}, {"count": 2, "name": "Contact"}]}


def test_every_call_tells_how_many_there_were(client):
    """The header goes up by one, and the limits agree."""
    usage = [client.call("GET", "/sobjects").headers["Sforce-Limit-Info"] for _ in range(2)]
    assert usage == ["api-usage=1/15000", "api-usage=2/15000"]
    limits = client.call("GET", "/limits").json()
    assert limits["DailyApiRequests"] == {"Max": 15_000, "Remaining": 15_000 - 3}


def test_when_the_day_is_spent_calls_are_refused(client):
    """403 with the words that tell it from too many calls at once; a day later it is over."""
    client.control("POST", "limits", json={"DailyApiRequests": {"max": 10, "used": 10}})
    answer = client.call("GET", "/sobjects")
    assert answer.status_code == 403
    assert answer.json() == [
        {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
    ]
    client.control("POST", "session", json={"seconds": 10**6})
    client.control("POST", "clock", json={"advance": "25h"})
    assert client.call("GET", "/sobjects").headers["Sforce-Limit-Info"] == "api-usage=1/10"


def test_large_answers_are_packed_when_that_is_accepted(client):
    """And only then."""
    packed = client.call("GET", "/sobjects/Account/describe")
    plain = client.call(
        "GET", "/sobjects/Account/describe", headers={"Accept-Encoding": "identity"}
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.json() == plain.json()


def test_an_address_where_nothing_is_says_so_in_json(client):
    """Not in HTML."""
    answer = client.call("GET", "/jobs/nothing")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(("version", "warned"), [(31, True), (40, True), (41, False), (66, False)])
def test_versions_that_are_about_to_go_warn(client, version, warned):
    """In every answer, errors among them."""
    for path in ("limits", "query?q=nonsense"):
        answer = client.call("GET", f"/services/data/v{version}.0/{path}")
        assert answer.headers.get("Warning", "").startswith("299 - ") is warned


def test_versions_that_are_gone_are_gone(client):
    """410, and not 404 as for one that never was."""
    status = [
        client.call("GET", f"/services/data/v{each}.0/limits").status_code for each in (30, 99)
    ]
    assert status == [410, 404]


def test_a_method_that_is_not_for_an_address_says_which_are(client, ids):
    """405 in JSON, unlike an address where nothing is."""
    answer = client.call("PUT", f"/sobjects/Account/{ids['Alpha']}", json={})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
    assert {"GET", "PATCH", "DELETE"} <= set(answer.headers["Allow"].split(", "))
    assert client.call("PUT", "/nowhere", json={}).status_code == 404
