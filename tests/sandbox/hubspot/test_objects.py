"""Records one by one and page by page."""

from __future__ import annotations

from .conftest import both_spellings

pytestmark = both_spellings
OBJECTS = "/crm/v3/objects/companies"


def test_a_list_goes_on_where_the_page_before_ended(account, make):
    """Every record comes once, in the order of ids, and the last page has no next one."""
    ids, found, after = make(account, 7), [], None
    while True:
        query = {"limit": 3, **({"after": after} if after else {})}
        page = account.get(OBJECTS, params=query)
        found += [each["id"] for each in page["results"]]
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
    assert found == ids


def test_every_value_is_a_text_and_what_was_never_set_is_null(account, companies):
    """Names that nobody knows are dropped without a word."""
    at = f"{OBJECTS}/{companies['Alpha']}"
    held = account.get(at, params={"properties": "annualrevenue,phone,nonsense"})["properties"]
    assert held["annualrevenue"] == "100"
    assert held["phone"] is None
    assert "nonsense" not in held


def test_without_names_only_a_few_properties_come(account, companies):
    """Names and dates, but not the revenue."""
    held = account.get(f"{OBJECTS}/{companies['Alpha']}")["properties"]
    assert set(held) == {"createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"}


def test_a_long_list_of_properties_is_refused_with_414(account, companies):
    """Complaint 7: the address becomes too long for the server."""
    query = {"properties": ",".join(f"property_number_{n:04d}" for n in range(900))}
    assert account.call("GET", OBJECTS, params=query).status_code == 414


def test_history_comes_for_fifty_records_at_most(account, companies):
    """Complaint 8: what is asked with history has a smaller page."""
    query = {"limit": 51, "propertiesWithHistory": "name"}
    answer = account.call("GET", OBJECTS, params=query)
    assert answer.status_code == 400
    assert "at most 50" in answer.json()["message"]
    assert account.get(OBJECTS, params={**query, "limit": 50})["results"]


def test_history_tells_values_and_sources_the_newest_first(account, companies):
    """What an integration wrote stands above what came with the record."""
    at = f"{OBJECTS}/{companies['beta']}"
    account.call("PATCH", at, json={"properties": {"name": "Beta"}})
    told = account.get(at, params={"propertiesWithHistory": "name"})["propertiesWithHistory"]
    assert [each["value"] for each in told["name"]][:2] == ["Beta", "beta"]
    assert told["name"][0]["sourceType"] == "INTEGRATION"


def test_a_python_boolean_in_an_address_is_no_boolean(account):
    """`archived=True` is refused."""
    assert account.call("GET", OBJECTS, params={"archived": "True"}).status_code == 400


def test_more_than_a_hundred_a_page_is_refused(account):
    """The limit is 100."""
    assert account.call("GET", OBJECTS, params={"limit": 101}).status_code == 400


def test_an_archived_record_is_listed_apart(account, companies):
    """Complaint 13: deletions show only in the list of the archived."""
    assert account.call("DELETE", f"{OBJECTS}/{companies['beta']}").status_code == 204
    left = {each["id"] for each in account.get(OBJECTS)["results"]}
    (gone,) = account.get(OBJECTS, params={"archived": "true"})["results"]
    assert companies["beta"] not in left
    assert gone["id"] == companies["beta"]
    assert gone["archived"] is True
    assert gone["archivedAt"]


def test_a_ticket_without_a_stage_is_not_made(account):
    """What a type cannot be without is named."""
    answer = account.call("POST", "/crm/v3/objects/tickets", json={"properties": {"subject": "x"}})
    assert answer.status_code == 400
    assert answer.json()["context"] == {"properties": ["hs_pipeline_stage"]}


def test_feedback_cannot_be_written(account):
    """Feedback submissions are read-only."""
    answer = account.call("POST", "/crm/v3/objects/feedback_submissions", json={"properties": {}})
    assert answer.status_code == 405


def test_emails_say_nothing_without_their_scope(account, activity):
    """Complaint 19: the content is withheld, and that is all that tells."""
    id_ = activity(account, "emails", hs_email_text="secret", hs_email_direction="EMAIL")
    query = {"properties": "hs_email_text,hs_email_direction"}
    at = f"/crm/v3/objects/emails/{id_}"
    assert account.get(at, params=query)["properties"]["hs_email_text"] == "secret"
    account.control(app={"app": "service_key", "scopes": ["crm.objects.contacts.read"]})
    held = account.get(at, params=query)["properties"]
    assert (held["hs_email_text"], held["hs_email_direction"]) == (None, "EMAIL")


def test_a_scope_that_is_missing_is_named(account):
    """Complaint 19: the 403 tells which scopes would do."""
    account.control(app={"app": "service_key", "scopes": ["oauth"]})
    answer = account.call("GET", OBJECTS)
    assert answer.status_code == 403
    required = answer.json()["errors"][0]["context"]["requiredGranularScopes"]
    assert required == ["crm.objects.companies.read"]


def test_logging_an_activity_moves_the_company(account, companies):
    """Its last activity changes, and with it the moment of its last change."""
    at = f"{OBJECTS}/{companies['Alpha']}"
    before = account.get(at)["updatedAt"]
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 182}]
    body = {
        "properties": {"hs_timestamp": "2026-10-01T10:00:00Z"},
        "associations": [{"to": {"id": companies["Alpha"]}, "types": types}],
    }
    account.advance("1h")
    account.post("/crm/v3/objects/calls", body)
    after = account.get(at, params={"properties": "notes_last_contacted"})
    assert after["updatedAt"] > before
    assert after["properties"]["notes_last_contacted"] == "2026-10-01T10:00:00Z"


def test_associations_come_inline_a_hundred_at_most_and_twice_when_labelled(
    account, companies, make
):
    """Complaint 9: what is cut off is told by an inner page; a labelled one is there twice."""
    ids = make(account, 120, "contacts")
    links = [
        {
            "from": {"id": each},
            "to": {"id": companies["Alpha"]},
            "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}],
        }
        for each in ids
    ]
    account.post("/crm/v4/associations/contacts/companies/batch/create", {"inputs": links})
    at = f"{OBJECTS}/{companies['Alpha']}"
    part = account.get(at, params={"associations": "contacts"})["associations"]["contacts"]
    assert len({each["id"] for each in part["results"]}) == 100
    assert {each["type"] for each in part["results"]} == {
        "company_to_contact",
        "company_to_contact_unlabeled",
    }
    assert part["paging"]["next"]["after"] == ids[100]
