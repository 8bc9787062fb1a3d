"""What Salesforce's error codes mean for us. The table is section 4.6 of its error reference."""

from __future__ import annotations

import re
from typing import Any, cast

import requests

from ...errors import (
    BudgetSpent,
    ConfigError,
    ConnectorError,
    Denied,
    RemoteError,
    Throttled,
)
from ...http import body_of
from ...records import Outcome, Result
from . import advice

#: Row errors that may go away by themselves: locks, time-outs, platform trouble.
TRANSIENT = frozenset(
    {
        "UNABLE_TO_LOCK_ROW",
        "SERVER_UNAVAILABLE",
        "UNKNOWN_EXCEPTION",
        "QUERY_TIMEOUT",
        "REQUEST_RUNNING_TOO_LONG",
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "PROCESSING_HALTED",
    }
)
#: The customer's own automation failed; often because there were too many rows in one transaction.
CROWDED = frozenset(
    {
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "APEX_ERROR",
        "FLOW_EXCEPTION",
        "CANNOT_EXECUTE_FLOW_TRIGGER",
    }
)
#: The record is held by an approval process; the next run tries again.
LATER = frozenset({"ENTITY_IS_LOCKED"})
#: The record was deleted or merged away since it was read.
GONE = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"})
#: A duplicate rule objects, which a call may overrule and a job may not.
DUPLICATE = "DUPLICATES_DETECTED"
#: Not a matter of one record: the next row would fare the same.
STOP = frozenset(
    {
        "INVALID_FIELD",
        "INVALID_TYPE",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "STORAGE_LIMIT_EXCEEDED",
    }
)
_STOP_PREFIX = "TXN_SECURITY"
_KINDS = {"transient": TRANSIENT, "crowded": CROWDED, "later": LATER, "moved": GONE, "stop": STOP}

#: The daily allowance is used up, or too many long calls are under way: the message tells which.
BUSY = "REQUEST_LIMIT_EXCEEDED"
#: A right of the integration user is missing, not a matter of the call.
DENIED = frozenset(
    {
        "API_DISABLED_FOR_ORG",
        "API_CURRENTLY_DISABLED",
        "INSUFFICIENT_ACCESS",
        "INSUFFICIENT_ACCESS_OR_READONLY",
    }
)
#: The address, or the headers, of a call are too long; the answer may be a page.
TOO_LONG = frozenset({414, 431})

#: Errors of a whole call that mean "look for the bad record", not "everything is bad".
BISECT = frozenset({"JSON_PARSER_ERROR", "MALFORMED_ID", "INVALID_ID_FIELD"})

_ADDRESS = re.compile(r"[^\s@<>:;,]+@[^\s@<>:;,]+")
_MOVED_VALUES = re.compile(r":\s*[^:]{80,}$")


def error_of(status: int, code: str, message: str, doing: str) -> ConnectorError:
    """The error that an answer of status 400 or more stands for."""
    said = f"Salesforce refused {doing}: {code} {' '.join(message.split())}".strip()
    if code == BUSY:
        return _limit(message, status)
    hint = advice.on(status, code)
    if status == 410 or code == "UNSUPPORTED_API_VERSION":
        return ConfigError(said, hint=hint)
    kind = Denied if status == 403 or code in DENIED else RemoteError
    return kind(said, hint=hint, status=status, code=code)


def code_of(answer: requests.Response) -> tuple[str, str]:
    """The error code and message of a body; `Malformed` if there is no such body."""
    if answer.status_code in TOO_LONG:
        return "", f"the call is too long ({answer.status_code})"
    return code_in(body_of(answer, "Salesforce"))


def code_in(body: Any) -> tuple[str, str]:
    """The error code and message of a decoded body, in any of the shapes Salesforce uses."""
    first: Any = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict):
        return "", ""
    code = first.get("errorCode") or first.get("error") or first.get("statusCode") or ""
    message = first.get("message") or first.get("error_description") or ""
    return str(code), str(message)


def outcome_of(id: str, row: dict[str, Any]) -> Outcome:
    """What one row of a collections answer says."""
    if row.get("success"):
        return Outcome(id, "applied")
    errors = row.get("errors") or [{}]
    code = str(errors[0].get("statusCode") or errors[0].get("errorCode") or "UNKNOWN")
    message = str(errors[0].get("message") or "")
    fields = ", ".join(errors[0].get("fields") or [])
    text = f"{message} ({fields})" if fields else message
    return Outcome(id, result_of(code), code, shortened(text))


def result_of(code: str) -> Result:
    """What a row's error code means: try again, smaller, later, never, or stop."""
    if code.startswith(_STOP_PREFIX):
        return "stop"
    for result, codes in _KINDS.items():
        if code in codes:
            return cast(Result, result)
    return "failed"


def result_sql(code: str) -> str:
    """The same as SQL over a column that holds the code."""
    cases = [
        f"WHEN {code} IN ({', '.join(repr(each) for each in sorted(codes))}) THEN '{result}'"
        for result, codes in _KINDS.items()
    ]
    stop = f"WHEN starts_with({code}, '{_STOP_PREFIX}') THEN 'stop'"
    return f"CASE {' '.join([stop, *cases])} ELSE 'failed' END"


def shortened(message: str) -> str:
    """A message without long quoted values and addresses: they may be somebody's data."""
    return _ADDRESS.sub("…@…", _MOVED_VALUES.sub("", message))[:255]


def shortened_sql(message: str) -> str:
    """The same as SQL."""
    short = f"regexp_replace({message}, '{_MOVED_VALUES.pattern}', '')"
    return f"left(regexp_replace({short}, '{_ADDRESS.pattern}', '…@…', 'g'), 255)"


def _limit(message: str, status: int) -> ConnectorError:
    if "TotalRequests" in message:
        return BudgetSpent(
            "Salesforce's daily allowance of API calls is used up.",
            hint="The next run continues where this one stopped.",
        )
    return Throttled(
        "Salesforce has too many long calls running at once.",
        hint="Try again in a few minutes.",
        status=status,
        code=BUSY,
    )
