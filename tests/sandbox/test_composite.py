"""Many requests in one call: composite, batch, graph and tree."""

from __future__ import annotations

import pytest

BASE = "/services/data/v66.0"


@pytest.fixture
def composite(client):
    """Sends parts and gives what came of each."""

    def run(*parts, **more):
        body = {"compositeRequest": list(parts), **more}
        return client.call("POST", "/composite", json=body).json()["compositeResponse"]

    return run


def part(reference, method, path, body=None, **more):
    """One part of a composite request."""
    asked = {"method": method, "url": f"{BASE}{path}", "referenceId": reference, **more}
    return asked if body is None else {**asked, "body": body}


def rows(*records):
    """The body of a collection of accounts."""
    return {"records": [{"attributes": {"type": "Account"}, **each} for each in records]}


def used(client):
    """How many calls the org has had."""
    limit = client.control("POST", "limits", json={})["DailyApiRequests"]
    return limit["Max"] - limit["Remaining"]


def test_a_later_part_refers_to_an_earlier_one(composite, client):
    """The id of the new account is the account of the new contact."""
    account, contact, read = composite(
        part("account", "POST", "/sobjects/Account", {"Name": "New"}),
        part("contact", "POST", "/sobjects/Contact",
             {"LastName": "Kay", "AccountId": "@{account.id}"}),
        part("read", "GET", "/sobjects/Contact/@{contact.id}?fields=AccountId"),
    )  # fmt: skip
    assert [each["httpStatusCode"] for each in (account, contact, read)] == [201, 201, 200]
    assert read["body"]["AccountId"] == account["body"]["id"]


def test_an_answer_has_body_headers_status_and_reference(composite):
    """All four, as clients expect them."""
    (made,) = composite(part("one", "POST", "/sobjects/Account", {"Name": "New"}))
    id_ = made["body"]["id"]
    assert made == {
        "body": {"id": id_, "success": True, "errors": []},
        "httpHeaders": {"Location": f"{BASE}/sobjects/Account/{id_}"},
        "httpStatusCode": 201,
        "referenceId": "one",
    }


def test_a_place_in_a_list_can_be_referred_to(composite, ids):
    """`@{found.records[0].Id}` is the first record of a query."""
    query = "/query/?q=SELECT Id FROM Account WHERE Name = 'Alpha'"
    _, read = composite(
        part("found", "GET", query),
        part("read", "GET", "/sobjects/Account/@{found.records[0].Id}?fields=Name"),
    )
    assert read["body"]["Name"] == "Alpha"


def test_a_part_that_depends_on_a_failed_one_is_halted(composite):
    """The others go on."""
    bad, dependent, other = composite(
        part("bad", "POST", "/sobjects/Account", {"Industry": "Energy"}),
        part("dependent", "POST", "/sobjects/Contact",
             {"LastName": "Kay", "AccountId": "@{bad.id}"}),
        part("other", "POST", "/sobjects/Account", {"Name": "New"}),
    )  # fmt: skip
    assert bad["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert dependent["body"] == [
        {
            "errorCode": "PROCESSING_HALTED",
            "message": "Invalid reference specified. No value for bad.id found in bad",
        }
    ]
    assert other["httpStatusCode"] == 201


def test_all_or_none_takes_every_part_back(composite, client):
    """One part says why, the others that they were rolled back."""
    good, bad = composite(
        part("good", "POST", "/sobjects/Account", {"Name": "New"}),
        part("bad", "POST", "/sobjects/Account", {}),
        allOrNone=True,
    )
    assert (good["httpStatusCode"], good["body"][0]["errorCode"]) == (400, "PROCESSING_HALTED")
    assert bad["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert client.query("SELECT COUNT() FROM Account WHERE Name = 'New'")["totalSize"] == 0


def test_all_or_none_of_the_whole_holds_for_the_rows_of_a_collection(composite, client, ids):
    """A collection that would keep its good rows loses them with the rest."""
    changed = rows({"id": ids["Alpha"], "Score__c": 1}, {"id": ids["beta"], "Tier__c": "Z"})
    (told,) = composite(part("rows", "PATCH", "/composite/sobjects", changed), allOrNone=True)
    codes = [each["errors"][0]["statusCode"] for each in told["body"]]
    assert codes == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    ]
    assert client.control("GET", "writes") == []


def test_all_or_none_holds_for_rows_that_are_deleted(composite, client, ids):
    """One that is not there keeps the other."""
    listed = f"{ids['Alpha']},001Sb0000000zzzIAA"
    path = f"/composite/sobjects?ids={listed}&allOrNone=false"
    composite(part("rows", "DELETE", path), allOrNone=True)
    assert client.call("GET", f"/sobjects/Account/{ids['Alpha']}").status_code == 200


def test_a_collection_keeps_its_good_rows_in_a_loose_composite(composite, client, ids):
    """Without all-or-none one bad row never costs its neighbours."""
    changed = rows({"id": ids["Alpha"], "Score__c": 1}, {"id": ids["beta"], "Tier__c": "Z"})
    (told,) = composite(part("rows", "PATCH", "/composite/sobjects", changed))
    assert [each["success"] for each in told["body"]] == [True, False]
    assert len(client.control("GET", "writes")) == 1


def test_a_thousand_rows_go_in_one_call(composite, client, store):
    """Five collections of two hundred, and the org counts one call."""
    many = store.new_ids("Account", 1_000)
    owner = store.db.execute("select Id from User").fetchone()[0]
    store.insert("Account", ["Id", "Name", "OwnerId"], [(each, "x", owner) for each in many])
    before = used(client)
    told = composite(
        *(
            part(f"part{n}", "PATCH", "/composite/sobjects",
                 rows(*({"id": each, "Score__c": 7} for each in many[n * 200 : n * 200 + 200])))
            for n in range(5)
        )
    )  # fmt: skip
    assert sum(row["success"] for each in told for row in each["body"]) == 1_000
    assert used(client) == before + 1


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([part(f"p{n}", "GET", "/sobjects/Account") for n in range(26)], "more than 25 operations"),
        (
            [part(f"p{n}", "GET", "/query?q=SELECT Id FROM Account") for n in range(6)],
            "more than 5 query",
        ),
    ],
)
def test_too_many_parts_are_refused_as_a_whole(client, parts, said):
    """400, in the shape of an answer to a part that has no name."""
    answer = client.call("POST", "/composite", json={"compositeRequest": parts})
    (told,) = answer.json()["compositeResponse"]
    assert (answer.status_code, told["referenceId"]) == (400, None)
    assert (told["body"][0]["errorCode"], said in told["body"][0]["message"]) == (
        "LIMIT_EXCEEDED",
        True,
    )


@pytest.mark.parametrize("reference", ["", "a-b", "a b", None])
def test_a_reference_has_only_letters_digits_and_underscores(client, reference):
    """Anything else fails the request."""
    asked = {"method": "GET", "url": f"{BASE}/sobjects/Account", "referenceId": reference}
    answer = client.call("POST", "/composite", json={"compositeRequest": [asked]})
    assert answer.status_code == 400


def test_an_address_in_a_body_may_be_longer_than_one_in_a_line(composite, ids):
    """What a GET refuses with 414 a composite takes: thousands of ids in one statement."""
    listed = ", ".join(f"'{each}'" for each in [*ids.values()] * 400)
    url = f"/query?q=SELECT Id FROM Account WHERE Id IN ({listed})"
    (told,) = composite(part("found", "GET", url))
    assert (len(url) > 16_384, told["body"]["totalSize"]) == (True, 4)


def test_a_count_that_is_too_complicated_fails_as_a_part(composite):
    """The other parts are answered."""
    condition = "%20AND%20".join(f"Twice__c!={each}" for each in range(50))
    query = "/query?q=SELECT%20COUNT()%20FROM%20Account"
    counted, refused = composite(
        part("few", "GET", query), part("many", "GET", f"{query}%20WHERE%20{condition}")
    )
    assert (counted["httpStatusCode"], refused["httpStatusCode"]) == (200, 400)
    assert refused["body"][0]["errorCode"] == "QUERY_TOO_COMPLICATED"


def test_a_part_has_headers_of_its_own(composite):
    """Describe is asked whether it has changed since then."""
    (told,) = composite(
        part("one", "GET", "/sobjects/Account/describe",
             httpHeaders={"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"})
    )  # fmt: skip
    assert (told["httpStatusCode"], told["body"]) == (304, None)


@pytest.mark.parametrize("body", [None, [], "x", {"records": 5}])
def test_a_collection_without_records_fails_as_a_part(composite, body):
    """400 for the part, whatever was sent instead."""
    parts = [part("rows", "PATCH", "/composite/sobjects", body)]
    (told,) = composite(*parts, allOrNone=True)
    assert (told["httpStatusCode"], told["body"][0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_an_unknown_address_in_a_part_is_not_found(composite):
    """The part fails, not the request."""
    (told,) = composite(part("one", "GET", "/sobjects/Nope"))
    assert (told["httpStatusCode"], told["body"][0]["errorCode"]) == (404, "NOT_FOUND")


def test_a_batch_answers_each_part_on_its_own(client, ids):
    """Status and result in order, and whether anything failed."""
    asked = [
        {"method": "GET", "url": f"v66.0/sobjects/Account/{ids['beta']}?fields=Name"},
        {"method": "PATCH", "url": f"v66.0/sobjects/Account/{ids['beta']}",
         "richInput": {"Score__c": 5}},
        {"method": "GET", "url": "v66.0/sobjects/Nope"},
    ]  # fmt: skip
    told = client.call("POST", "/composite/batch", json={"batchRequests": asked}).json()
    assert [each["statusCode"] for each in told["results"]] == [200, 204, 404]
    assert (told["hasErrors"], told["results"][0]["result"]["Name"]) == (True, "beta")


def test_a_batch_can_halt_at_the_first_error(client, ids):
    """What comes after it is not done."""
    change = {"method": "PATCH", "url": f"v66.0/sobjects/Account/{ids['beta']}",
              "richInput": {"Score__c": 5}}  # fmt: skip
    asked = [{"method": "GET", "url": "v66.0/sobjects/Nope"}, change]
    body = {"haltOnError": True, "batchRequests": asked}
    told = client.call("POST", "/composite/batch", json=body).json()["results"][1]
    assert (told["statusCode"], told["result"][0]["errorCode"]) == (412, "BATCH_PROCESSING_HALTED")
    assert client.control("GET", "writes") == []


def test_every_part_of_a_batch_is_a_call(client):
    """Unlike a composite, a batch saves round trips but no allocation."""
    before = used(client)
    asked = [{"method": "GET", "url": "v66.0/limits"}] * 10
    client.call("POST", "/composite/batch", json={"batchRequests": asked})
    assert used(client) == before + 10


def test_each_graph_is_done_as_a_whole_or_not_at_all(client):
    """A graph with one bad node leaves nothing, its neighbour everything."""
    asked = [
        {"graphId": "good", "compositeRequest": [
            part("one", "POST", "/sobjects/Account", {"Name": "Good"}),
            part("two", "POST", "/sobjects/Contact",
                 {"LastName": "Kay", "AccountId": "@{one.id}"}),
        ]},
        {"graphId": "bad", "compositeRequest": [
            part("one", "POST", "/sobjects/Account", {"Name": "Bad"}),
            part("two", "POST", "/sobjects/Contact", {}),
        ]},
    ]  # fmt: skip
    good, bad = client.call("POST", "/composite/graph", json={"graphs": asked}).json()["graphs"]
    assert (good["graphId"], good["isSuccessful"], bad["isSuccessful"]) == ("good", True, False)
    halted = bad["graphResponse"]["compositeResponse"][0]["body"][0]["errorCode"]
    assert halted == "PROCESSING_HALTED"
    names = client.query("SELECT Name FROM Account WHERE Name IN ('Good', 'Bad')")["records"]
    assert [each["Name"] for each in names] == ["Good"]


@pytest.mark.parametrize(("graphs", "nodes"), [(76, 1), (2, 251)])
def test_too_many_graphs_or_nodes_are_refused(client, graphs, nodes):
    """75 graphs and 500 nodes are the most."""
    asked = [
        {"graphId": str(graph), "compositeRequest": [
            part(f"n{node}", "GET", "/sobjects/Account") for node in range(nodes)
        ]}
        for graph in range(graphs)
    ]  # fmt: skip
    answer = client.call("POST", "/composite/graph", json={"graphs": asked})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")


def graph(client, *parts):
    """The answer to a request with one graph."""
    asked = {"graphs": [{"graphId": "one", "compositeRequest": list(parts)}]}
    return client.call("POST", "/composite/graph", json=asked)


@pytest.mark.parametrize(("deep", "status"), [(15, 200), (16, 400)])
def test_a_graph_is_fifteen_nodes_deep_at_the_most(client, deep, status):
    """Each account stands below the one before; one too many and none is made."""
    chain = [
        part(f"n{place}", "POST", "/sobjects/Account",
             {"Name": "Deep", **({"ParentId": f"@{{n{place - 1}.id}}"} if place else {})})
        for place in range(deep)
    ]  # fmt: skip
    answer = graph(client, *chain)
    assert answer.status_code == status
    made = client.query("SELECT COUNT() FROM Account WHERE Name = 'Deep'")["totalSize"]
    assert made == (deep if status == 200 else 0)
    if status == 400:
        assert answer.json()[0]["errorCode"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(("versions", "status"), [(15, 200), (16, 400)])
def test_a_graph_has_nodes_of_fifteen_kinds_at_the_most(client, versions, status):
    """Another version of the API is another kind."""
    nodes = [
        {**part(f"n{place}", "POST", "/sobjects/Account", {"Name": "Wide"}),
         "url": f"/services/data/v{53 + place}.0/sobjects/Account"}
        for place in range(versions)
    ]  # fmt: skip
    answer = graph(client, *nodes)
    assert answer.status_code == status, answer.text
    if status == 400:
        assert "different nodes" in answer.json()[0]["message"]


def test_many_nodes_of_one_kind_are_no_trouble(client):
    """Five hundred of them, side by side."""
    nodes = [
        part(f"n{place}", "POST", "/sobjects/Account", {"Name": f"A{place}"})
        for place in range(500)
    ]
    (told,) = graph(client, *nodes).json()["graphs"]
    assert told["isSuccessful"] is True


def test_a_tree_makes_parents_and_children(client):
    """The children refer to the parent they stand under."""
    tree = {
        "attributes": {"type": "Account", "referenceId": "top"},
        "Name": "Top",
        "Contacts": {
            "records": [
                {"attributes": {"type": "Contact", "referenceId": "kay"}, "LastName": "Kay"},
                {"attributes": {"type": "Contact", "referenceId": "may"}, "LastName": "May"},
            ]
        },
    }
    answer = client.call("POST", "/composite/tree/Account", json={"records": [tree]})
    made = {each["referenceId"]: each["id"] for each in answer.json()["results"]}
    assert (answer.status_code, list(made)) == (201, ["top", "kay", "may"])
    found = client.query(f"SELECT LastName FROM Contact WHERE AccountId = '{made['top']}'")
    assert found["totalSize"] == 2


def test_a_tree_with_one_bad_record_makes_none(client):
    """Only the bad one is named."""
    records = [
        {"attributes": {"type": "Account", "referenceId": "one"}, "Name": "One"},
        {"attributes": {"type": "Account", "referenceId": "two"}},
    ]
    answer = client.call("POST", "/composite/tree/Account", json={"records": records})
    (told,) = answer.json()["results"]
    assert (answer.status_code, told["referenceId"]) == (400, "two")
    assert told["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert client.query("SELECT COUNT() FROM Account WHERE Name = 'One'")["totalSize"] == 0
