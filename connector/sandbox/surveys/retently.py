"""Retently: feedback of all campaigns in pages by number; bogus answers are among them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.routing import Route

from ..store import Store
from . import answers
from .answers import Answer, stamp
from .serving import Ask, Platform, Refused, key

LARGEST_PAGE = 100
GROUPS = {"promoter": 9, "passive": 7, "detractor": 0}
PLATFORM = Platform(
    "/retently/api/v2",
    lambda ask: ask.header("authorization") == f"api_key={key(ask.store, 'retently')}",
    lambda status, message: {"success": False, "errorCode": status, "message": message},
)


def routes(store: Store) -> list[Route]:
    """The platform's addresses."""
    answers.create_tables(store)
    return PLATFORM.routes(store, {"feedback": _feedback, "campaigns": _campaigns})


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}/retently/api/v2", "token": key(store, "retently")}


def _campaigns(ask: Ask) -> dict[str, Any]:
    every = [{"id": each.id, "name": each.title} for each in answers.surveys(ask.store)]
    return {"success": True, "data": {"campaigns": every}}


def _feedback(ask: Ask) -> dict[str, Any]:
    size = min(ask.count("limit", 20, least=1), LARGEST_PAGE)
    page, order = ask.count("page", 1, least=1), ask.query("sort", "-createdDate")
    if order not in {"createdDate", "-createdDate"}:
        raise Refused(400, "sort is createdDate or -createdDate")
    way = "desc" if order.startswith("-") else "asc"
    where, given = "submitted_at >= ?", (_moment(ask.query("startDate")),)
    found = answers.find(
        ask.store,
        where,
        given,
        order=f"submitted_at {way}, id",
        limit=size,
        offset=(page - 1) * size,
    )
    total = answers.count(ask.store, where, given)
    titles = {each.id: each.title for each in answers.surveys(ask.store)}
    return {
        "success": True,
        "data": {
            "page": page,
            "pages": max(1, -(-total // size)),
            "limit": size,
            "total": total,
            "sort": order,
            "responses": [_body(each, titles.get(each.survey, "")) for each in found],
        },
    }


def _moment(text: str) -> str:
    if not text:
        return answers.OLDEST
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(400, f"{text} is not a date") from error
    return stamp(found if found.tzinfo else found.replace(tzinfo=UTC))


def _body(answer: Answer, campaign: str) -> dict[str, Any]:
    first, _, last = (answer.name or "").partition(" ")
    score = answer.score if answer.score is not None else -1
    group = next((name for name, least in GROUPS.items() if score >= least), None)
    mood = answer.more.get("sentiment")
    return {
        "id": answer.id,
        "surveyId": f"q-{answer.id}",
        "customerId": answer.contact_key,
        "email": answer.email,
        "firstName": first,
        "lastName": last,
        "companyName": answer.company,
        "campaignId": answer.survey,
        "campaignName": campaign,
        "createdDate": f"{answer.submitted_at[:23]}Z",
        "score": answer.whole_score,
        "comment": answer.comment or "",
        "additionalQuestions": [],
        "feedbackTags": answer.labels,
        "feedbackTopics": [{"name": each, "sentiment": mood} for each in answer.labels],
        "notes": [],
        "resolved": False,
        "channel": answer.channel or "email",
        "metricsType": answer.metric.upper(),
        "ratingCategory": group,
        "isBogus": answer.test,
        "isSubmitted": not answer.partial,
    }
