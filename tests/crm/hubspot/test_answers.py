"""What refusals mean: bodies as HubSpot writes them."""

from __future__ import annotations

import orjson
import pytest

from connector.crm.hubspot.answers import (
    error_of,
    explained,
    hinted,
    refused,
    result_of,
    shortened,
    slow_down,
)
from connector.errors import AuthError, BudgetSpent, ConfigError, Denied, RemoteError, Throttled
from connector.http import Again
from connector.rest.pooled import Reply

INVALID = {
    "status": "error",
    "message": "Property values were not valid: "
    '[{"isValid":false,"message":"E was not one of the allowed options: [A, B]",'
    '"error":"INVALID_OPTION","name":"health_tier"}]',
    "correlationId": "8e61f948-f5f6-46b5-8c94-f17c4644fe52",
    "category": "VALIDATION_ERROR",
}


def reply(status: int, body: object, **headers: str) -> Reply:
    return Reply(status, headers, orjson.dumps(body))


def test_details_that_are_json_inside_the_message_are_found():
    """The only place where HubSpot names the property."""
    told = refused(INVALID)
    assert (told.code, told.properties) == ("INVALID_OPTION", ("health_tier",))
    assert result_of(told) == "failed"
    assert "allowed" not in explained(told)
    assert "health_tier" in explained(told)


def test_a_missing_scope_is_named_with_the_words_of_the_refusal():
    """HubSpot knows best which scopes would do."""
    body = {
        "status": "error",
        "message": "This app hasn't been granted all required scopes to make this call.",
        "correlationId": "c",
        "category": "MISSING_SCOPES",
        "errors": [
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": ["crm.objects.companies.read"]},
            }
        ],
    }
    error = error_of(reply(403, body), "to read companies")
    assert isinstance(error, Denied)
    assert "crm.objects.companies.read" in error.hint


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthError), (530, AuthError), (410, ConfigError), (404, RemoteError)]
)
def test_each_status_is_the_error_of_whoever_can_act(status, kind):
    """Tokens, settings, and everything else."""
    assert type(error_of(reply(status, {"status": "error", "message": "no"}), "x")) is kind


def test_a_daily_limit_ends_the_run_and_the_others_only_make_it_wait():
    """By the policy's name where there is one, by the words of the message otherwise."""
    daily = {"message": "You have reached your daily limit.", "policyName": "DAILY"}
    rolling = {
        "message": "You have reached your ten_secondly_rolling limit.",
        "policyName": "TEN_SECONDLY_ROLLING",
    }
    secondly = {"message": "You have reached your secondly limit.", "category": "RATE_LIMITS"}
    assert isinstance(slow_down(reply(429, daily), search=False), BudgetSpent)
    assert isinstance(slow_down(reply(429, {**daily, "policyName": ""}), search=False), BudgetSpent)
    waits = [
        (slow_down(reply(429, rolling), search=False), 10.0),
        (slow_down(reply(429, secondly), search=True), 1.0),
        (slow_down(Reply(429, {}, b"<html>"), search=False), 10.0),
    ]
    for asked, seconds in waits:
        assert isinstance(asked, Again)
        assert isinstance(asked.error, Throttled)
        assert asked.wait == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 10),
        ("", 10),
        ("soon", 10),
        ("0", 1),
        ("3", 3),
        ("60", 60),
        ("2500", 2.5),
        ("86400000", 60),
    ],
)
def test_retry_after_is_a_hint_whose_unit_nobody_knows(header, seconds):
    """Seconds, milliseconds or nonsense: from one second to a minute."""
    assert hinted(header, 10) == seconds


def test_a_rule_of_the_account_is_said_to_be_one():
    """A score is refused because another property of the record is missing."""
    body = {
        "status": "error",
        "message": "Required properties are missing",
        "category": "VALIDATION_ERROR",
        "errors": [
            {
                "message": "industry is required",
                "code": "MISSING_CONDITIONAL_REQUIRED_PROPERTY",
                "context": {"propertyName": ["industry"]},
            }
        ],
    }
    told = refused(body)
    assert result_of(told) == "failed"
    rule, _, move = explained(told).partition(": ")
    assert rule == "A rule of the HubSpot account wants other properties (industry)"
    assert move == "fill them in at the record, or change the rule in the settings of the object."


def test_no_value_and_no_address_gets_into_a_message():
    """They may be somebody's data."""
    said = shortened('Bad: [{"message":"anna@example.com was not valid"}] for anna@example.com')
    assert "anna" not in said
    assert said == "Bad: … for …@…"


def test_a_record_that_is_gone_and_a_property_that_is_missing_are_told_apart():
    """The one concerns a record, the other every record."""
    gone = {"category": "OBJECT_NOT_FOUND", "message": "x", "context": {"ids": ["1", "2"]}}
    missing = {"message": "x", "errors": [{"code": "PROPERTY_DOESNT_EXIST"}]}
    assert (result_of(refused(gone)), refused(gone).ids) == ("moved", ("1", "2"))
    assert result_of(refused(missing)) == "stop"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 414, 415, 422])
def test_every_refusal_says_what_to_do(status):
    """Whoever reads it at night has nothing else."""
    body = {"status": "error", "category": "VALIDATION_ERROR", "message": "No."}
    assert error_of(reply(status, body), "to do something").hint


def test_a_limit_that_stays_says_what_to_do():
    """Somebody else may be using all of it."""
    told = slow_down(reply(429, {"policyName": "SECONDLY"}), search=False)
    assert "threads" in told.error.hint
