"""CustomerGauge: answers and non-responses by a cursor over the primary key, oldest first.

The cursor sees no edit. Moments are those of a clock in Berlin and name no zone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.routing import Route

from ..store import Store
from . import answers, unanswered
from .answers import Answer
from .serving import Ask, Platform, Refused
from .tokens import by_token, client, issue
from .unanswered import Invitation

ROOT, ZONE, HOUR = "/customergauge", "Europe/Berlin", 3600
PAGE, LARGEST_PAGE = 100, 1000
PERIOD = ("period[field]", "period[start]", "period[end]")
FIELDS = ("date_creation", "date_order", "date_sent", "date_survey_response")
#: A topic that nobody ticks.
UNTICKED = "Price"

PLATFORM = Platform(f"{ROOT}/v7/rest/sync", by_token("customergauge"))
LOGIN = Platform(ROOT, lambda _: True)


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/customergauge`."""
    unanswered.create_tables(store)
    return [
        LOGIN.route(store, "oauth2/token", lambda ask: issue(ask, "customergauge", HOUR), "POST"),
        *PLATFORM.routes(store, {"responses": _responses, "non-responses": _non_responses}),
    ]


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {
        "url": f"{base}{ROOT}/v7/rest/sync",
        "login_url": f"{base}{ROOT}",
        "zone": ZONE,
        **client(store, "customergauge"),
    }


def _responses(ask: Ask) -> dict[str, Any]:
    start, size = ask.count("cursor", 0), _size(ask)
    first, last = _period(ask)
    answered = ask.query(PERIOD[0]) == "date_survey_response"
    moment = "submitted_at" if answered else "coalesce(asked_at, submitted_at)"
    found = answers.find(
        ask.store, f"rowid > ? and {moment} >= ? and {moment} < ?", (start, first, last),
        order="rowid", limit=size,
    )  # fmt: skip
    rows = [_response(unanswered.number(ask.store, each.id), each, ask) for each in found]
    last_row = unanswered.row(ask.store, found[-1].id) if found else start or None
    return {"data": rows, "cursor": {"next": last_row}}


def _non_responses(ask: Ask) -> dict[str, Any]:
    start, size = ask.count("cursor", 0), _size(ask)
    first, last = _period(ask)
    found = unanswered.find(
        ask.store, "id > ? and asked_at >= ? and asked_at < ? order by id limit ?",
        start, first, last, size,
    )  # fmt: skip
    last_id = found[-1].id if found else start or None
    return {"data": [_silent(each) for each in found], "cursor": {"next": last_id}}


def _size(ask: Ask) -> int:
    size = ask.count("per_page", PAGE, least=1)
    if size > LARGEST_PAGE:
        raise Refused(422, f"per_page is at most {LARGEST_PAGE}")
    return size


def _period(ask: Ask) -> tuple[str, str]:
    """From the first day to the end of the last; all three or none."""
    field, start, end = (ask.query(name) for name in PERIOD)
    if not (field or start or end):
        return answers.OLDEST, answers.NEWEST
    if field not in FIELDS or not (start and end):
        raise Refused(422, "period takes field, start and end")
    days = [
        answers.moment(f"{day}T00:00:00").replace(tzinfo=ZoneInfo(ZONE)) for day in (start, end)
    ]
    return answers.stamp(days[0]), answers.stamp(days[1] + timedelta(days=1))


def _local(stamp: str | None) -> str | None:
    if stamp is None:
        return None
    return answers.moment(stamp).astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M:%S")


def _response(number: int, answer: Answer, ask: Ask) -> dict[str, Any]:
    asked = ask.request.query_params.getlist("with[]")
    segments = [{"field": "touchpoint", "value": answer.kind}]
    if answer.is_of_record:
        segments.append({"field": "account_id", "value": str(answer.account_key)})
    return {
        "number_customergauge": number,
        "number_customer": None if answer.is_of_record else answer.account_key,
        "contact": {"first_name": "", "last_name": answer.name},
        "account": {"name": answer.company},
        "email": answer.email,
        "phone": None,
        "nps": answer.whole_score,
        "comment": answer.comment or "",
        "date_creation": _local(answer.asked_at or answer.submitted_at),
        "date_order": None,
        "date_email_sent": _local(answer.asked_at or answer.submitted_at),
        "date_survey_response": _local(answer.submitted_at),
        **({"tags": _tags(answer)} if "tags" in asked else {}),
        **({"properties": segments} if "properties" in asked else {}),
    }


def _tags(answer: Answer) -> list[dict[str, str]]:
    """Every topic of the question, with whether it was ticked."""
    ticked = [{"name": each, "value": "1"} for each in answer.labels]
    return [*ticked, {"name": UNTICKED, "value": "0"}]


def _silent(invitation: Invitation) -> dict[str, Any]:
    return {
        "number_customergauge": invitation.id,
        "number_customer": invitation.account_key,
        "contact": {},
        "account": {"name": invitation.company},
        "email": invitation.email,
        "date_creation": _local(invitation.asked_at),
        "date_email_sent": _local(invitation.asked_at),
        "date_survey_response": None,
    }
