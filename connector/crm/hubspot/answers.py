"""What HubSpot's answers mean for us: limits, refusals, and which inputs a refusal is about.

Every part of an error body may be missing, and what is useful may be JSON inside its message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ...errors import (
    AuthError,
    BudgetSpent,
    ConfigError,
    ConnectorError,
    Denied,
    RemoteError,
    Throttled,
)
from ...http import Again, Answer, body_of
from ...records import Result

#: What HubSpot's client of its own waits; a `Retry-After` is only a hint, in seconds or not.
WAITS: Mapping[str, float] = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0}
SHORTEST, LONGEST = 1.0, 60.0
LOCKED, MIGRATING, BAD_TOKEN = 423, 477, 530
LOCK_SECONDS = 2.0

#: The record is not there any more: archived, or merged into another.
GONE = frozenset({"OBJECT_NOT_FOUND", "NOT_FOUND", "RESOURCE_NOT_FOUND"})
#: Not a matter of one record: the next one would fare the same.
STOP = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE", "MISSING_SCOPES"})
#: The account's own rules about other properties of the record (API versions from 2026-09 on).
CONDITIONAL = frozenset({"MISSING_CONDITIONAL_REQUIRED_PROPERTY", "MISSING_REQUIRED_PROPERTY"})

_ADDRESS = re.compile(r"[^\s@<>:;,\"']+@[^\s@<>:;,\"']+")
_INSIDE = re.compile(r"\[\s*\{.*\}\s*\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Refused:
    """An error body: its category, codes of single values, and which inputs and properties."""

    category: str = ""
    message: str = ""
    codes: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    correlation: str = ""

    @property
    def code(self) -> str:
        """The most telling word of it."""
        return self.codes[0] if self.codes else self.category

    @property
    def said(self) -> str:
        """What it says, without anybody's data."""
        return shortened(self.message)


def refused(body: Any) -> Refused:
    """Take an error body apart, in any of the shapes that HubSpot uses."""
    if not isinstance(body, dict):
        return Refused()
    details = list(_details(body))
    contexts = [body.get("context"), *(each.get("context") for each in details)]
    return Refused(
        category=str(body.get("category") or body.get("errorType") or ""),
        message=str(body.get("message") or ""),
        codes=tuple(dict.fromkeys(filter(None, map(_code, details)))),
        ids=_named(contexts, "ids", "id", "objectId"),
        properties=_named(contexts, "propertyName")
        or tuple(dict.fromkeys(str(each["name"]) for each in details if each.get("name"))),
        scopes=_named(contexts, "requiredGranularScopes", "requiredScopes"),
        correlation=str(body.get("correlationId") or ""),
    )


def error_of(answer: Answer, doing: str) -> ConnectorError:
    """The error that an answer of status 400 or more stands for."""
    status = answer.status_code
    told = refused(body_of(answer, "HubSpot"))
    trace = f" (correlation id {told.correlation})" if told.correlation else ""
    said = f"HubSpot refused {doing}: {status} {told.code} {told.said}".strip() + trace
    if status in {401, BAD_TOKEN}:
        return AuthError(
            f"HubSpot does not accept the token: {told.category or status}.",
            hint="Was it rotated, revoked or cut when it was stored? See [crm.auth].",
        )
    if status == 403 or told.category == "MISSING_SCOPES":
        scopes = " or ".join(told.scopes) or "the one that is named above"
        return Denied(
            said,
            hint=f"Give the service key or app the scope {scopes}, then run again.",
            status=status,
            code=told.category or "MISSING_SCOPES",
        )
    if status == 410:
        return ConfigError(said, hint="Set `api_version` to one that HubSpot still serves.")
    return RemoteError(said, status=status, code=told.code, hint=HINTS.get(status, HINT))


#: What to do about a call that HubSpot does not take.
HINTS: Mapping[int, str] = {
    404: "Does the object exist in this account, and is its product licensed? `connector check` "
    "looks at everything that the mapping names.",
    409: "Somebody has changed the same thing at the same moment: run again.",
}
HINT = (
    "Run `connector check`: a property or a filter may have changed. If it stays, run again with "
    "-v and give HubSpot's support the correlation id."
)


def slow_down(answer: Answer, *, search: bool) -> ConnectorError | Again:
    """What a 429 asks for: to wait, or to stop for today."""
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        body = {}
    policy = str(body.get("policyName") or "") if isinstance(body, dict) else ""
    if "DAILY" in policy or "daily" in str(refused(body).message):
        return BudgetSpent(
            "HubSpot's daily allowance of API calls is used up; all integrations share it.",
            hint="It begins anew at midnight in the account's time zone; the next run continues.",
        )
    usual = WAITS["SECONDLY" if search or policy == "SECONDLY" else "TEN_SECONDLY_ROLLING"]
    error = Throttled(
        f"HubSpot asks us to slow down ({policy or 429}).",
        status=429,
        code=policy,
        hint="Other integrations share the limit: run again later, or set `searches` and `threads` "
        "in [crm] lower. What was done is recorded.",
    )
    return Again(error, hinted(answer.headers.get("Retry-After"), usual))


def is_rate(answer: Answer) -> bool:
    """Whether a 429 is about the rate of calls, and not about one kind of work a day."""
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return True
    return not isinstance(body, dict) or bool(body.get("policyName")) or not body.get("category")


def hinted(text: str | None, usual: float) -> float:
    """Seconds to wait: the usual ones, or what the header says if that makes sense.

    Its unit is not documented: a number above a minute is taken for milliseconds.
    """
    if not text or not text.strip().isdigit():
        return usual
    seconds = float(text)
    if seconds > LONGEST:
        seconds /= 1000
    return min(max(seconds, SHORTEST), LONGEST)


def result_of(told: Refused) -> Result:
    """What a refusal of one record means: never, gone, or stop."""
    if told.category in GONE or not GONE.isdisjoint(told.codes):
        return "moved"
    if told.category in STOP or not STOP.isdisjoint(told.codes):
        return "stop"
    return "failed"


def explained(told: Refused) -> str:
    """What to show of a refused record; the account's own rules are named as such."""
    named = f" ({', '.join(told.properties)})" if told.properties else ""
    if not CONDITIONAL.isdisjoint(told.codes):
        return shortened(
            f"A rule of the HubSpot account wants other properties{named}: fill "
            "them in at the record, or change the rule in the settings of the object."
        )
    return shortened(f"{told.message}{named}")


def shortened(message: str) -> str:
    """A message without the values and addresses in it: they may be somebody's data."""
    plain = _INSIDE.sub("…", message)
    return _ADDRESS.sub("…@…", " ".join(plain.split()))[:255]


def _details(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The single errors of a body, those that are JSON inside its message included."""
    for each in body.get("errors") or ():
        if isinstance(each, dict):
            yield each
    if inside := _INSIDE.search(str(body.get("message") or "")):
        try:
            found = orjson.loads(inside[0])
        except orjson.JSONDecodeError:  # it was not JSON, only brackets
            return
        yield from (each for each in found if isinstance(each, dict))


def _code(detail: Mapping[str, Any]) -> str:
    return str(detail.get("code") or detail.get("error") or detail.get("subCategory") or "")


def _named(contexts: list[Any], *names: str) -> tuple[str, ...]:
    found: list[str] = []
    for context in contexts:
        for name in names:
            value = context.get(name) if isinstance(context, dict) else None
            found += map(str, value if isinstance(value, list) else [value] if value else [])
    return tuple(dict.fromkeys(found))
