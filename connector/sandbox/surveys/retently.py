"""Retently: feedback of all campaigns in pages by number; bogus answers are among them.

What was sent has no id; one of which nothing became says so in its details.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.routing import Route

from ..store import Store
from . import answers, unanswered
from .answers import Answer, is_of_record, stamp
from .serving import Ask, Platform, Refused, key
from .unanswered import Invitation

LARGEST_PAGE = 100
GROUPS = {"promoter": 9, "passive": 7, "detractor": 0}
PLATFORM = Platform(
    "/retently/api/v2",
    lambda ask: ask.header("authorization") == f"api_key={key(ask.store, 'retently')}",
    lambda status, message: {"success": False, "errorCode": status, "message": message},
)


def routes(store: Store) -> list[Route]:
    """The platform's addresses."""
    unanswered.create_tables(store)
    table = {"feedback": _feedback, "campaigns": _campaigns, "nps/outbox": _outbox}
    return PLATFORM.routes(store, table)


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}/retently/api/v2", "token": key(store, "retently")}


def _campaigns(ask: Ask) -> dict[str, Any]:
    every = [{"id": each.id, "name": each.title} for each in answers.surveys(ask.store)]
    return {"success": True, "data": {"campaigns": every}}


def _feedback(ask: Ask) -> dict[str, Any]:
    (page, size), since = _page(ask), (_moment(ask.query("startDate")),)
    found = answers.find(
        ask.store,
        "submitted_at >= ?",
        since,
        order=f"submitted_at {_way(ask, 'createdDate')}, id",
        limit=size,
        offset=(page - 1) * size,
    )
    titles = {each.id: each.title for each in answers.surveys(ask.store)}
    rows = [_body(each, titles.get(each.survey, "")) for each in found]
    return _told(ask, "responses", rows, answers.count(ask.store, "submitted_at >= ?", since))


def _outbox(ask: Ask) -> dict[str, Any]:
    """Everything that was sent, answered or not."""
    (page, size), since = _page(ask), _moment(ask.query("startDate"))
    given = [_sent(each, each.asked_at or each.submitted_at) for each in answers.find(ask.store)]
    sent = [*given, *(_sent(each, each.asked_at) for each in unanswered.find(ask.store))]
    found = sorted(
        (each for each in sent if each["sentDate"] >= since),
        key=lambda each: (each["sentDate"], each["email"] or ""),
        reverse=_way(ask, "sentDate") == "desc",
    )
    return _told(ask, "surveys", found[(page - 1) * size : page * size], len(found))


def _page(ask: Ask) -> tuple[int, int]:
    size = min(ask.count("limit", 20, least=1), LARGEST_PAGE)
    return ask.count("page", 1, least=1), size


def _way(ask: Ask, stamp: str) -> str:
    order = ask.query("sort", f"-{stamp}")
    if order not in {stamp, f"-{stamp}"}:
        raise Refused(400, f"sort is {stamp} or -{stamp}")
    return "desc" if order.startswith("-") else "asc"


def _told(ask: Ask, name: str, rows: list[dict[str, Any]], total: int) -> dict[str, Any]:
    page, size = _page(ask)
    pages = max(1, -(-total // size))
    data = {"page": page, "pages": pages, "limit": size, "total": total, name: rows}
    return {"success": True, "data": data}


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
        "companyId": _company(answer.company),
        "customProps": _props(answer.account_key),
        "campaignId": answer.survey,
        "campaignName": campaign,
        "createdDate": f"{answer.submitted_at[:23]}Z",
        "score": answer.whole_score,
        "comment": answer.comment or "",
        "additionalQuestions": [],
        "feedbackTags": answer.labels,
        "feedbackTopics": [{"name": each, "sentiment": mood} for each in _topics(answer)],
        "notes": [],
        "resolved": False,
        "channel": answer.channel or "email",
        "metricsType": answer.metric.upper(),
        "ratingCategory": group,
        "isBogus": answer.test,
        "isSubmitted": not answer.partial,
    }


def _topics(answer: Answer) -> list[str]:
    """What the platform found by itself; people have put tags to some answers besides."""
    return answer.more.get("topics") or list(answer.labels)


def _company(name: str | None) -> str | None:
    return f"co-{name}" if name else None


def _props(account: str | None) -> list[dict[str, Any]]:
    """The properties of a person; that of the account is not the first."""
    told = [{"label": "Plan", "name": "plan", "type": "string", "value": "pro"}]
    if account:
        name = "account_id" if is_of_record(account) else "customer_number"
        told.append({"label": "Account", "name": name, "type": "string", "value": account})
    return told


def _sent(of: Answer | Invitation, asked: str) -> dict[str, Any]:
    """A question that was sent; one that was answered tells when."""
    state = "answered" if isinstance(of, Answer) else of.state
    when = f"{of.submitted_at[:23]}Z" if isinstance(of, Answer) else None
    return {
        "email": of.email,
        "customerId": of.contact_key,
        "companyName": of.company,
        "companyId": _company(of.company),
        "sentDate": f"{asked[:23]}Z",
        "channel": "email",
        "campaignId": of.survey,
        "status": "delivered",
        "attributes": {"customerTags": [], "customProps": _props(of.account_key)},
        "detailedStatus": {
            "isOpened": state in {"answered", "opened", "declined"},
            "openedDate": when,
            "isResponded": state == "answered",
            "respondedDate": when,
            "hasFeedback": state == "answered",
            "isOptedOut": state == "declined",
            "isBounced": state == "bounced",
        },
    }
