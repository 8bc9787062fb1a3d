"""Recorded answers of the real HubSpot, and ours to the same kind of request, have one shape."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict

import pytest

from tests.conftest import SHARED

RECORDED = SHARED / "data" / "api_payloads" / "hubspot"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not SHARED.is_dir() and not os.environ.get("CI"),
        reason="the recorded answers lie beside the checkout, and are not there",
    ),
]
#: What newer answers carry that older recordings do not, and what depends on the data.
FREE = {"url", "paging", "link", "archivedAt", "userId"}
#: What was there is up to the account: bags of values, not parts of the answer.
BAGS = {"properties", "propertiesWithHistory", "associations"}


def recorded():
    """Every recorded answer of the CRM API by method, address without ids, and status."""
    found = defaultdict(list)
    for file in sorted(RECORDED.glob("*.json")):
        for each in json.loads(file.read_text())["interactions"]:
            path = each["request"]["url"].partition("api.hubapi.com")[2].partition("?")[0]
            if path.startswith("/crm/"):
                key = each["request"]["method"], re.sub(r"\d{2,}", "N", path).lower()
                found[*key, each["response"]["status"]].append(each["response"]["body"])
    return found


def shape(value, name=""):
    """The keys of a JSON value, its kinds, and of a list those of all its items together."""
    if isinstance(value, dict):
        if name in BAGS:
            return "a bag"
        return {key: shape(each, key) for key, each in value.items()}
    if isinstance(value, list):
        items = [shape(each) for each in value if isinstance(each, dict)]
        return [{key: item[key] for item in items for key in item}]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else "plain"


def difference(theirs, ours, path=""):
    """What only one of two shapes has."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in theirs.keys() ^ ours.keys():
            if key not in FREE:
                yield f"{path}.{key}: {'theirs' if key in theirs else 'ours'} only"
        for key in theirs.keys() & ours.keys():
            yield from difference(theirs[key], ours[key], f"{path}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        if theirs[0] and ours[0]:
            yield from difference(theirs[0], ours[0], f"{path}[]")
    elif "plain" not in (theirs, ours) and type(theirs) is not type(ours):
        yield f"{path}: {theirs} and {ours}"


@pytest.fixture
def world(account, companies, make, activity):
    """Something of everything that the recordings are about."""
    account.control(records={"index_lag": 0}, limits={"mode": "off"})
    account.get("/crm/v3/owners")
    ids = {"company": companies["Alpha"], "contact": make(account, 2, "contacts")[0]}
    stages = {"hs_pipeline_stage": "1"}
    ids["deal"] = make(account, 1, "deals", dealstage="140213551")[0]
    ids["ticket"] = make(account, 1, "tickets", **stages)[0]
    ids["meeting"] = activity(account, "meetings", hs_meeting_title="Review")
    ids["task"] = activity(account, "tasks", hs_task_status="NOT_STARTED")
    return ids


def pair(near, far, type_id):
    """The body of an association to make."""
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}]
    return {"inputs": [{"from": {"id": near}, "to": {"id": far}, "types": types}]}


def asked(ids):
    """A request of each kind that is recorded, with the address that it is recorded under."""
    company, contact, deal = ids["company"], ids["contact"], ids["deal"]
    named = {"properties": {"name": "x", "facebookfans": "3"}}
    title = {"properties": {"hs_timestamp": "1659970341857", "hs_meeting_title": "x"}}
    made = {"associations": [], "properties": {"hs_timestamp": "1659970341857"}}
    ticket = {"properties": {"subject": "x", "hs_pipeline": "0", "hs_pipeline_stage": "1"}}
    new = {"name": "my_new_property", "groupName": "ticketinformation", "description": "?",
           "fieldType": "text", "type": "string", "label": "New", "options": []}  # fmt: skip
    wrong = {"properties": {**title["properties"], "hs_meeting_start_time": "invalid"}}
    root = "/crm/v4/associations"
    yield "POST", "/crm/v3/objects/COMPANY/search", {"limit": 100}, 200
    yield "POST", "/crm/v3/objects/COMPANY/batch/create", {"inputs": [named]}, 201
    update = {"inputs": [{"id": company, **named}]}
    yield "POST", "/crm/v3/objects/COMPANY/batch/update", update, 200
    yield "POST", f"{root}/Deal/Contact/batch/create", pair(deal, contact, 3), 201
    yield "POST", f"{root}/Deal/Contact/batch/create", pair(deal, "1234", 3), 207
    yield "POST", f"{root}/Deal/Company/batch/create", pair(deal, company, 5), 201
    yield "POST", f"{root}/Company/Contact/batch/create", pair(company, contact, 2), 201
    yield "POST", f"{root}/Company/Contact/batch/create", pair("1234", "1234", 2), 207
    yield "GET", f"/crm/v4/objects/Deal/{deal}/associations/Contact", None, 200
    yield "GET", f"/crm/v4/objects/Company/{company}/associations/Deal", None, 200
    yield "GET", f"/crm/v4/objects/Contact/{contact}/associations/Deal", None, 200
    gone = {"inputs": [{"from": {"id": deal}, "to": [{"id": company}]}]}
    yield "POST", f"{root}/Deal/Company/batch/archive", gone, 204
    yield "POST", f"{root}/Company/Contact/batch/archive", gone, 204
    yield "GET", "/crm/v3/objects/contacts", None, 200
    yield "POST", "/crm/v3/objects/meetings", title, 201
    yield "POST", "/crm/v3/objects/meetings", wrong, 400
    yield "GET", "/crm/v3/objects/meetings", None, 200
    yield "POST", "/crm/v3/objects/meetings/search", {}, 200
    meeting = f"/crm/v3/objects/meetings/{ids['meeting']}"
    yield "GET", meeting, None, 200
    name = "meeting_event_to_contact"
    yield "PUT", f"{meeting}/associations/Contact/{contact}/{name}", None, 200
    yield "DELETE", meeting, None, 204
    yield "POST", "/crm/v3/objects/tasks", made, 201
    yield "POST", "/crm/v3/objects/tasks/search", {}, 200
    task, done = f"/crm/v3/objects/tasks/{ids['task']}", {"hs_task_status": "COMPLETED"}
    yield "GET", task, None, 200
    yield "PATCH", task, {"properties": done}, 200
    yield "GET", "/crm/v3/objects/tasks/996174569112", None, 404
    yield "POST", "/crm/v3/objects/tickets", ticket, 201
    at = f"/crm/v3/objects/tickets/{ids['ticket']}"
    yield "GET", at, None, 200
    yield "PATCH", at, {"properties": {"subject": "y"}}, 200
    yield "GET", "/crm/v3/objects/tickets/996174569112", None, 404
    yield "POST", "/crm/v3/properties/ticket", new, 201
    yield "GET", "/crm/v3/owners", None, 200
    yield "GET", "/crm/v3/owners/31871801", None, 200
    yield "POST", "/crm/v3/objects/COMPANY/batch/archive", {"inputs": [{"id": company}]}, 204


#: Kinds of recording that others than records, associations and properties answer.
ELSEWHERE = ("/lists", "429")


def test_every_recorded_kind_of_answer_has_the_shape_of_ours(account, world, store):
    """Keys, kinds of values and status, for each of the recordings."""
    row = (31_871_801, 1, "x@example.com", "Ann", "Lee", "2026-01-01T00:00:00Z",
           "2026-01-01T00:00:00Z", 0)  # fmt: skip
    store.db.execute("insert or replace into hs_owners values (?, ?, ?, ?, ?, ?, ?, ?)", row)
    theirs, wrong = recorded(), []
    for method, path, body, status in asked(world):
        answer = account.call(method, path, **({} if body is None else {"json": body}))
        assert answer.status_code == status, (path, answer.text)
        key = method, re.sub(r"\d{2,}", "N", path).lower(), status
        kept = theirs.pop(key)
        ours = _read(answer.text)
        for each in kept:
            told = difference(shape(_read(each)), shape(ours))
            wrong += [f"{key}{line}" for line in told]
    assert sorted(set(wrong)) == []
    left = [key for key in theirs if not any(part in str(key) for part in ELSEWHERE)]
    assert left == []


def _read(body):
    if not isinstance(body, str):
        return body
    try:
        return json.loads(body)
    except ValueError:
        return "no json"
