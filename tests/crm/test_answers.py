"""What an error code of a row means, in Python and in SQL alike."""

from __future__ import annotations

import pytest

from connector.crm.salesforce import advice, answers
from connector.engines.duckdb import DuckDB
from connector.errors import BudgetSpent, ConfigError, Denied, RemoteError, Throttled

TABLE = {
    "UNABLE_TO_LOCK_ROW": "transient",
    "SERVER_UNAVAILABLE": "transient",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "crowded",
    "APEX_ERROR": "crowded",
    "FLOW_EXCEPTION": "crowded",
    "CANNOT_EXECUTE_FLOW_TRIGGER": "crowded",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "failed",
    "REQUIRED_FIELD_MISSING": "failed",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "failed",
    "STRING_TOO_LONG": "failed",
    "NUMBER_OUTSIDE_VALID_RANGE": "failed",
    "DUPLICATES_DETECTED": "failed",
    "INSUFFICIENT_ACCESS_OR_READONLY": "failed",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "stop",
    "ENTITY_IS_DELETED": "moved",
    "INVALID_CROSS_REFERENCE_KEY": "moved",
    "ENTITY_IS_LOCKED": "later",
    "STORAGE_LIMIT_EXCEEDED": "stop",
    "TXN_SECURITY_METERING_ERROR": "stop",
    "INVALID_FIELD": "stop",
    "A_CODE_OF_TOMORROW": "failed",
}


@pytest.mark.parametrize(("code", "result"), TABLE.items())
def test_each_code_has_its_action(code, result):
    """Try again, smaller, later, never, or stop."""
    assert answers.result_of(code) == result


def test_files_of_results_are_judged_by_the_same_table(tmp_path):
    """The lane does not change what an error means."""
    engine = DuckDB(scratch=tmp_path, threads=1)
    listed = ", ".join(f"('{code}')" for code in TABLE)
    rows = engine.rows(f"SELECT code, {answers.result_sql('code')} FROM (VALUES {listed}) t(code)")
    engine.close()
    assert dict(rows) == TABLE


@pytest.mark.parametrize(
    "code",
    [
        *TABLE,
        "INVALID_SESSION_ID",
        "UNKNOWN_EXCEPTION",
        "QUERY_TIMEOUT",
        "OPERATION_TOO_LARGE",
        "QUERY_TOO_COMPLICATED",
        "MALFORMED_QUERY",
        "INVALID_QUERY_LOCATOR",
        "INVALID_TYPE",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "INVALID_TYPE_ON_FIELD_IN_RECORD",
        "JSON_PARSER_ERROR",
        "DUPLICATE_VALUE",
        "NOT_FOUND",
        "LIMIT_EXCEEDED",
        "EXCEEDED_ID_LIMIT",
        "API_DISABLED_FOR_ORG",
        "API_CURRENTLY_DISABLED",
        "UNSUPPORTED_API_VERSION",
    ],
)
def test_every_error_of_a_call_says_what_to_do(code):
    """Each code has a remedy of its own; one that nobody knows yet says where to look."""
    error = answers.error_of(400, code, "No.", "to read Account")
    assert error.message == f"Salesforce refused to read Account: {code} No."
    own = code in advice.BY_ERROR or code.startswith("TXN_SECURITY")
    assert own or (code == "A_CODE_OF_TOMORROW" and code in error.hint)
    assert error.hint


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 412, 414, 428, 431, 500, 502, 503])
def test_every_status_says_what_to_do(status):
    """Also where Salesforce names no code."""
    error = answers.error_of(status, "", "", "to read Account")
    assert error.hint
    kinds = {403: Denied, 410: ConfigError}
    assert type(error) is kinds.get(status, RemoteError)


def test_a_right_is_asked_for_only_where_one_is_missing():
    """Not every 403 is about rights."""
    full = answers.error_of(403, "STORAGE_LIMIT_EXCEEDED", "", "to write")
    policy = answers.error_of(403, "TXN_SECURITY_METERING_ERROR", "", "to write")
    unknown = answers.error_of(403, "A_CODE_OF_TOMORROW", "", "to write")
    assert (full.hint, unknown.hint) == (advice.FULL, advice.RIGHT)
    assert "policy" in policy.hint


def test_the_day_and_the_moment_are_told_apart():
    """One code, two meanings: come back tomorrow, or soon."""
    day = answers.error_of(403, answers.BUSY, "TotalRequests Limit exceeded.", "to read")
    now = answers.error_of(403, answers.BUSY, "ConcurrentPerOrgLongTxn", "to read")
    assert (type(day), type(now)) == (BudgetSpent, Throttled)
    assert day.hint
    assert now.hint


@pytest.mark.parametrize("status", [414, 431])
def test_a_call_that_is_too_long_is_no_login_page(org, status):
    """It is refused before Salesforce looks at it, with a page."""
    org.crm.check()
    page = {"status": status, "body": "<html>", "headers": {"Content-Type": "text/html"}}
    org.control("faults", {"match": {"path_regex": "/query"}, "do": page})
    with pytest.raises(RemoteError, match="too long") as refused:
        org.crm._client.json("GET", "query", "to read Account", params={"q": "SELECT Id"})
    assert (refused.value.status, refused.value.hint) == (status, advice.SHORTER)
