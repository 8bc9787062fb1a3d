"""Reading and writing records, one by one and many at a time."""

from __future__ import annotations

import gzip

import orjson
import pytest


def test_a_record_has_all_its_fields(client, ids, store):
    """Every field that describe tells, and attributes."""
    row = client.call("GET", f"/sobjects/Account/{ids['Alpha']}").json()
    assert set(row) == {"attributes", *store.fields("Account")}


def test_some_fields_can_be_asked_for(client, ids):
    """Those, and the id."""
    row = client.call("GET", f"/sobjects/Account/{ids['Alpha']}?fields=id,Name,Parent.Name").json()
    assert row.pop("attributes")["type"] == "Account"
    assert row == {"Id": ids["Alpha"], "Name": "Alpha", "Parent": None}


def test_a_record_that_is_not_there_is_not_found(client):
    """404 with the code clients know."""
    answer = client.call("GET", "/sobjects/Account/001Sb0000000zzzIAA")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_a_deleted_record_says_so(client, ids):
    """It is not merely not there."""
    answer = client.call("PATCH", f"/sobjects/Account/{ids['Gone']}", json={"Name": "x"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")


def test_a_record_is_made_changed_and_deleted(client):
    """201, 204, 204, and then it is gone."""
    made = client.call("POST", "/sobjects/Account", json={"Name": "New"})
    at = f"/sobjects/Account/{made.json()['id']}"
    changed = client.call("PATCH", at, json={"Score__c": 1})
    deleted = client.call("DELETE", at)
    assert (made.status_code, changed.status_code, deleted.status_code) == (201, 204, 204)
    assert client.call("GET", at).status_code == 404


def test_a_write_moves_the_stamps_even_when_nothing_changes(client, ids, store):
    """Equal values are a save like any other."""
    before = store.db.execute("select SystemModstamp from Account").fetchone()
    client.update({"id": ids["Alpha"], "Name": "Alpha"})
    sql = "select SystemModstamp, LastModifiedDate, LastModifiedById from Account where Id = ?"
    row = store.db.execute(sql, (ids["Alpha"],)).fetchone()
    assert row[0] == row[1] != before[0]
    assert row[2] == "005000000000001AAA"


def test_a_formula_follows_without_a_stamp_of_its_own(client, ids, store):
    """A formula cannot be written; it changes with what it is made of."""
    client.update({"id": ids["Alpha"], "Score__c": 21})
    row = client.query("SELECT Twice__c FROM Account WHERE Name = 'Alpha'")["records"][0]
    assert row["Twice__c"] == 42.0


def test_numbers_are_rounded_to_the_scale_of_their_field(client, ids):
    """Half a tenth goes up, as Salesforce stores it."""
    client.update({"id": ids["Alpha"], "Score__c": 55.55})
    row = client.call("GET", f"/sobjects/Account/{ids['Alpha']}?fields=Score__c").json()
    assert row["Score__c"] == 55.6


def test_moments_are_kept_in_utc_and_whole_seconds(client, ids):
    """An offset is turned, a fraction dropped."""
    client.update({"id": ids["Alpha"], "Seen__c": "2026-05-01T10:00:00.900+02:00"})
    row = client.call("GET", f"/sobjects/Account/{ids['Alpha']}?fields=Seen__c").json()
    assert row["Seen__c"] == "2026-05-01T08:00:00.000+0000"


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_an_empty_text_is_null(client, ids, empty):
    """Nothing, an empty text and blanks are the same."""
    client.update({"id": ids["Alpha"], "Industry": empty})
    row = client.call("GET", f"/sobjects/Account/{ids['Alpha']}?fields=Industry").json()
    assert row["Industry"] is None


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"Nope__c": 1}, "INVALID_FIELD"),
        ({"Parent": {"Key__c": "x"}}, "INVALID_FIELD"),
        ({"Twice__c": 1}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"CreatedDate": "2026-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Tier__c": "Z"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"Tier__c": "a"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"Key__c": "x" * 21}, "STRING_TOO_LONG"),
        ({"Score__c": 1_000}, "NUMBER_OUTSIDE_VALID_RANGE"),
        ({"Score__c": 999.95}, "NUMBER_OUTSIDE_VALID_RANGE"),
        ({"Score__c": "many"}, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ({"Score__c": True}, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ({"NumberOfEmployees": 1.5}, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ({"NumberOfEmployees": 2**31}, "NUMBER_OUTSIDE_VALID_RANGE"),
        ({"Active__c": None}, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ({"Renewal__c": "31.01.2026"}, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ({"Renewal__c": "2026-02-30"}, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ({"Seen__c": "2026-01-01T00:00:00"}, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ({"Name": 5}, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ({"Name": None}, "REQUIRED_FIELD_MISSING"),
        ({"ParentId": "x"}, "MALFORMED_ID"),
        ({"ParentId": "001Sb0000000zzzIAA"}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"ParentId": "003Sb0000000001IAA"}, "INVALID_CROSS_REFERENCE_KEY"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_code(client, ids, values, code):
    """200 for the call, the code in the row, nothing written."""
    (result,) = client.update({"id": ids["Alpha"], **values})
    assert (result["success"], result["errors"][0]["statusCode"]) == (False, code)
    assert client.control("GET", "writes") == []


def test_a_reference_to_a_deleted_record_is_refused(client, ids):
    """The bin is no parent."""
    (result,) = client.update({"id": ids["Alpha"], "ParentId": ids["Gone"]})
    assert result["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"


@pytest.mark.parametrize(
    ("id_", "code"),
    [
        (None, "MISSING_ARGUMENT"),
        ("x", "MALFORMED_ID"),
        ("003Sb0000000001IAA", "MALFORMED_ID"),
        ("001Sb0000000zzzIAA", "INVALID_CROSS_REFERENCE_KEY"),
    ],
)
def test_a_row_without_a_good_id_is_refused(client, id_, code):
    """Missing, malformed, of another object, of nobody."""
    (result,) = client.update({"id": id_, "Name": "x"})
    assert result["errors"][0]["statusCode"] == code


def test_one_bad_row_never_costs_its_neighbours(client, ids):
    """Results come in the order of the rows."""
    results = client.update(
        {"id": ids["Alpha"], "Score__c": 1},
        {"id": ids["beta"], "Tier__c": "Z"},
        {"id": ids["O'Hara"], "Score__c": 3},
    )
    assert [each["success"] for each in results] == [True, False, True]
    held = client.control("GET", "values", params={"object": "Account", "fields": "Score__c"})
    assert [held[ids[name]]["Score__c"] for name in ("Alpha", "O'Hara")] == [1.0, 3.0]


def test_all_or_none_takes_everything_back(client, ids):
    """The innocent say that they were rolled back."""
    results = client.update(
        {"id": ids["Alpha"], "Score__c": 1},
        {"id": ids["beta"], "Tier__c": "Z"},
        all_or_none=True,
    )
    codes = [each["errors"][0]["statusCode"] for each in results]
    assert codes == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    ]
    assert client.control("GET", "writes") == []


def test_the_same_record_twice_in_one_call_fails_the_second_time(client, ids):
    """Also when one of the two ids is the short one."""
    results = client.update(
        {"id": ids["Alpha"], "Score__c": 1}, {"id": ids["Alpha"][:15], "Score__c": 2}
    )
    assert results[0]["success"]
    assert results[1]["errors"][0]["statusCode"] == "DUPLICATE_VALUE"


def test_a_unique_value_belongs_to_one_record(client, ids):
    """The second to claim it is told whose it is."""
    client.update({"id": ids["Alpha"], "Key__c": "K1"})
    (result,) = client.update({"id": ids["beta"], "Key__c": "k1"})
    error = result["errors"][0]
    assert (error["statusCode"], ids["Alpha"] in error["message"]) == ("DUPLICATE_VALUE", True)


def test_more_than_200_rows_are_refused(client, ids):
    """The call as a whole, and nothing is written."""
    rows = [{"attributes": {"type": "Account"}, "id": ids["Alpha"], "Name": "x"}] * 201
    answer = client.call("PATCH", "/composite/sobjects", json={"records": rows})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"records": 5}', b'{"records": [1]}', b"\xff"])
def test_a_malformed_body_is_refused(client, body):
    """400 for the lot."""
    answer = client.call("PATCH", "/composite/sobjects", data=body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_a_packed_body_is_unpacked(client, ids):
    """gzip works in both directions."""
    rows = [{"attributes": {"type": "Account"}, "id": ids["Alpha"], "Score__c": 7}]
    answer = client.call(
        "PATCH",
        "/composite/sobjects",
        data=gzip.compress(orjson.dumps({"records": rows})),
        headers={"Content-Encoding": "gzip"},
    )
    assert answer.json()[0]["success"]


def test_a_validation_rule_speaks_for_the_new_row(client, ids):
    """The rule sees what the row would be, and the row stays what it was."""
    rule = {"object": "Account", "when": "Score__c > 50 and Industry = 'Energy'", "message": "No."}
    client.control("POST", "validation-rules", json=[rule])
    results = client.update(
        {"id": ids["Alpha"], "Score__c": 60}, {"id": ids["beta"], "Score__c": 60}
    )
    error = results[0]["errors"][0]
    assert (error["statusCode"], error["message"]) == ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "No.")
    held = client.control("GET", "values", params={"object": "Account", "fields": "Score__c"})
    assert (held[ids["Alpha"]]["Score__c"], held[ids["beta"]]["Score__c"]) == (None, 60.0)


def test_many_records_are_made_and_deleted(client):
    """Ids come back in order and work for deleting."""
    rows = [{"attributes": {"type": "Account"}, "Name": f"n{n}"} for n in range(3)]
    made = client.call("POST", "/composite/sobjects", json={"records": rows}).json()
    ids = ",".join(each["id"] for each in made)
    deleted = client.call("DELETE", f"/composite/sobjects?ids={ids}").json()
    assert [each["success"] for each in deleted] == [True] * 3
    assert client.query("SELECT COUNT() FROM Account WHERE Name LIKE 'n_'")["totalSize"] == 0


def test_a_record_without_what_it_must_have_is_not_made(client):
    """All that is missing is named at once."""
    answer = client.call("POST", "/sobjects/Account", json={"Industry": "Energy"})
    assert answer.json() == [
        {
            "message": "Required fields are missing: [Name]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["Name"],
        }
    ]


def test_records_are_read_back_in_the_order_of_their_ids(client, ids):
    """Null for one that is not there or in the bin."""
    wanted = [ids["beta"], ids["Gone"], "001Sb0000000zzzIAA", ids["Alpha"][:15]]
    body = {"ids": wanted, "fields": ["Name"]}
    rows = client.call("POST", "/composite/sobjects/Account", json=body).json()
    assert [each and each["Name"] for each in rows] == ["beta", None, None, "Alpha"]


def test_records_are_read_back_by_get_as_well(client, ids):
    """The same answer from the address line."""
    at = f"/composite/sobjects/Account?ids={ids['beta']}&fields=Id,Name"
    (row,) = client.call("GET", at).json()
    assert (row["Id"], row["Name"]) == (ids["beta"], "beta")


def test_reading_back_an_unknown_field_fails(client, ids):
    """The call as a whole."""
    body = {"ids": [ids["beta"]], "fields": ["Nope__c"]}
    answer = client.call("POST", "/composite/sobjects/Account", json=body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
