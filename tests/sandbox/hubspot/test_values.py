"""What a property takes, and how it is kept."""

from __future__ import annotations

import orjson
import pytest

from .conftest import both_spellings

pytestmark = both_spellings
AT = "/crm/v3/objects/companies"


def write(account, id_, **values):
    """Writes to a company: what it holds then, or the code of the refusal."""
    answer = account.call("PATCH", f"{AT}/{id_}", json={"properties": values})
    if answer.ok:
        return {name: answer.json()["properties"].get(name) for name in values}
    return orjson.loads(answer.json()["message"].partition(": ")[2])[0]["error"]


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("arr", "83.5", "83.5"),
        ("arr", 83, "83"),
        ("arr", "1,000", "INVALID_NUMBER"),
        ("arr", "nan", "INVALID_NUMBER"),
        ("segment", "Small", "Small"),
        ("segment", "small", "INVALID_OPTION"),
        ("renewal_date", "2026-12-31", "2026-12-31"),
        ("renewal_date", "1798675200000", "2026-12-31"),
        ("renewal_date", "1798675200001", "INVALID_DATE"),
        ("renewal_date", "2026-13-31", "INVALID_DATE"),
        ("description", "x" * 65_536, "x" * 65_536),
        ("description", "x" * 65_537, "VALUE_TOO_LONG"),
        ("description", ["x"], "INVALID_STRING"),
        ("hs_object_id", "1", "READ_ONLY_VALUE"),
        ("num_notes", "1", "READ_ONLY_VALUE"),
        ("nope", "1", "PROPERTY_DOESNT_EXIST"),
        ("hubspot_owner_id", "1", "INVALID_OPTION"),
    ],
)
def test_a_value_is_kept_as_text_or_refused_with_a_code(account, companies, name, value, kept):
    """Numbers, options, days, texts, and properties that are not to be written."""
    found = write(account, companies["Alpha"], **{name: value})
    assert found == (kept if "_" in kept else {name: kept})


def test_a_day_that_is_not_midnight_tells_what_time_it_is(account, companies):
    """Complaint 18: the message says which moment it took it for."""
    body = {"properties": {"renewal_date": "2026-12-31T22:18:55.865Z"}}
    answer = account.call("PATCH", f"{AT}/{companies['Alpha']}", json=body)
    assert "is at 22:18:55.865 UTC, not midnight!" in answer.json()["message"]


def test_a_moment_is_read_from_milliseconds_or_words(account):
    """Seconds are taken for milliseconds of 1970; other words are no long."""
    made = "/crm/v3/objects/meetings"
    body = {"hs_timestamp": "1659970341857", "hs_meeting_start_time": 1651568400}
    held = account.post(made, {"properties": body})["properties"]
    assert held["hs_timestamp"] == "2022-08-08T14:52:21.857Z"
    assert held["hs_meeting_start_time"].startswith("1970-01-20")
    wrong = {"properties": {**body, "hs_meeting_end_time": "invalid"}}
    answer = account.call("POST", made, json=wrong)
    assert "invalid was not a valid long. Portal" in answer.json()["message"]
    assert "object type 0-47" in answer.json()["message"]


def test_empty_text_clears_and_null_says_nothing(account, companies):
    """The property is then there, and empty."""
    id_ = companies["Alpha"]
    account.call("PATCH", f"{AT}/{id_}", json={"properties": {"type": None}})
    held = account.get(f"{AT}/{id_}", params={"properties": "type"})["properties"]
    assert held["type"] == "PARTNER"
    assert write(account, id_, type="") == {"type": ""}
    held = account.get(f"{AT}/{id_}", params={"properties": "type"})["properties"]
    assert held["type"] == ""


def test_several_values_are_added_with_a_semicolon_in_front(account):
    """Without it they replace what was there."""
    at = account.post("/crm/v3/objects/contacts", {"properties": {"hs_buying_role": "CHAMPION"}})
    path = f"/crm/v3/objects/contacts/{at['id']}"

    def put(text):
        answer = account.call("PATCH", path, json={"properties": {"hs_buying_role": text}})
        return answer.json()["properties"]["hs_buying_role"]

    assert put(";END_USER") == "CHAMPION;END_USER"
    assert put("OTHER;END_USER") == "OTHER;END_USER"


def test_every_bad_value_is_told_at_once(account, companies):
    """The list inside the message has one entry for each."""
    body = {"properties": {"arr": "x", "segment": "y"}}
    answer = account.call("PATCH", f"{AT}/{companies['Alpha']}", json=body)
    told = orjson.loads(answer.json()["message"].partition(": ")[2])
    assert [each["name"] for each in told] == ["arr", "segment"]
