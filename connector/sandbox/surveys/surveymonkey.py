"""SurveyMonkey: surveys, what their questions mean, and answers in bulk; a day has so many calls.

An answer names a choice. The weights of an NPS question are those of its groups, not its numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from ..store import Store
from . import answers
from .answers import Answer, Survey
from .serving import Ask, Platform, Refused, by_bearer, key, reply

ROOT = "/surveymonkey/v3"
SURVEYS, RESPONSES, DAILY = 1000, 100, 500
LANGUAGE = "de"
NPS, WORDS, CSAT = "769893650", "769893903", "769893904"


def _error(status: int, message: str) -> dict[str, Any]:
    return {"error": {"id": "1000", "message": message, "http_status_code": status}}


PLATFORM = Platform(ROOT, by_bearer("surveymonkey"), _error)


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/surveymonkey/v3`."""
    answers.create_tables(store)
    table = {
        "surveys": _surveys,
        "surveys/{id}/details": _details,
        "surveys/{id}/responses/bulk": _bulk,
    }
    return PLATFORM.routes(store, {path: _counted(does) for path, does in table.items()})


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}{ROOT}", "token": key(store, "surveymonkey")}


def set_left(store: Store, left: int) -> None:
    """How many calls are left of this day."""
    store.put("surveymonkey_day", [answers.stamp(store.clock.now())[:10], left])


def _counted(does: Callable[[Ask], Any]) -> Callable[[Ask], Response]:
    """Every call is one of the day's; without any left there is nothing but waiting."""

    def answered(ask: Ask) -> Response:
        today = answers.stamp(ask.store.clock.now())[:10]
        day, left = ask.store.get("surveymonkey_day") or (today, DAILY)
        left = DAILY if day != today else left
        headers = {"X-Ratelimit-App-Global-Day-Limit": str(DAILY)}
        if left < 1:
            headers |= {"X-Ratelimit-App-Global-Day-Remaining": "0", "Retry-After": "40000"}
            raise Refused(429, "Too many requests were made today", headers)
        ask.store.put("surveymonkey_day", [today, left - 1])
        headers["X-Ratelimit-App-Global-Day-Remaining"] = str(left - 1)
        return reply(does(ask), 200, headers)

    return answered


def _page(ask: Ask, most: int) -> tuple[int, int]:
    page, size = ask.count("page", 1, least=1), ask.count("per_page", 50, least=1)
    if size > most:
        raise Refused(400, f"per_page is at most {most}")
    return page, size


def _envelope(ask: Ask, data: list[Any], total: int, page: int, size: int) -> dict[str, Any]:
    url = f"{ask.base}{ask.request.url.path}"
    links = {"self": f"{url}?page={page}&per_page={size}"}
    if page * size < total:
        links["next"] = f"{url}?page={page + 1}&per_page={size}"
    return {"data": data, "per_page": size, "page": page, "total": total, "links": links}


def _surveys(ask: Ask) -> dict[str, Any]:
    page, size = _page(ask, SURVEYS)
    every, wanted = answers.surveys(ask.store), ask.query("include").split(",")
    data = [_listed(ask.store, each, wanted) for each in every[(page - 1) * size : page * size]]
    return _envelope(ask, data, len(every), page, size)


def _listed(store: Store, survey: Survey, wanted: list[str]) -> dict[str, Any]:
    sql = "select count(*), max(updated_at) from answers where survey = ? and deleted = 0"
    many, last = store.db.execute(sql, (survey.id,)).fetchone()
    more = {
        "response_count": many,
        "date_modified": (last or survey.created_at)[:19],
        "language": LANGUAGE,
    }
    told = {"id": survey.id, "title": survey.title, "nickname": ""}
    return told | {name: value for name, value in more.items() if name in wanted}


def _known(ask: Ask) -> Survey:
    for each in answers.surveys(ask.store):
        if each.id == ask.path("id"):
            return each
    raise Refused(404, "There was an error retrieving the requested resource.")


def _details(ask: Ask) -> dict[str, Any]:
    survey = _known(ask)
    numbers = [
        {"id": f"n{n}", "text": f"{n} - not at all likely" if n == 0 else str(n),
         "weight": 100 if n > 8 else 0 if n > 6 else -100, "is_na": False}
        for n in range(11)
    ]  # fmt: skip
    stars = [{"id": f"c{n}", "text": "★" * n, "weight": n} for n in range(1, 6)]
    questions = [
        {"id": WORDS, "family": "open_ended", "subtype": "essay"},
        {"id": CSAT, "family": "matrix", "subtype": "rating", "answers": {"choices": stars}},
        {"id": NPS, "family": "matrix", "subtype": "rating", "answers": {"choices": numbers}},
    ]
    pages = [{"id": "1", "questions": questions}]
    return {"id": survey.id, "title": survey.title, "language": LANGUAGE, "pages": pages}


def _bulk(ask: Ask) -> dict[str, Any]:
    survey, (page, size) = _known(ask), _page(ask, RESPONSES)
    since = ask.query("start_modified_at")
    made = ask.query("start_created_at")
    first, second = (
        answers.stamp(datetime.fromisoformat(at)) if at else answers.OLDEST for at in (since, made)
    )
    where = "survey = ? and updated_at >= ? and submitted_at >= ?"
    given = (survey.id, first, second)
    order = "asc" if ask.query("sort_order", "DESC") == "ASC" else "desc"
    found = answers.find(
        ask.store, where, given, order=f"updated_at {order}, id", limit=size,
        offset=(page - 1) * size,
    )  # fmt: skip
    total = answers.count(ask.store, where, given)
    return _envelope(ask, [_shown(each) for each in found], total, page, size)


def _shown(answer: Answer) -> dict[str, Any]:
    score, csat = answer.whole_score, answer.more.get("scores", {}).get("csat")
    questions: list[dict[str, Any]] = []
    if answer.comment:
        tags = [{"label": each, "tag_type": "user"} for each in answer.labels]
        questions.append({"id": WORDS, "answers": [{"tag_data": tags, "text": answer.comment}]})
    if csat:
        questions.append({"id": CSAT, "answers": [{"choice_id": f"c{csat}", "row_id": "1"}]})
    if score is not None:
        questions.append({"id": NPS, "answers": [{"choice_id": f"n{score}", "row_id": "1"}]})
    account = {"account_id" if answer.is_of_record else "customer_number": answer.account_key}
    return {
        "id": answer.id,
        "recipient_id": "",
        "collection_mode": "preview" if answer.test else "default",
        "response_status": answer.more.get("mark") or _status(answer),
        "custom_value": "",
        "custom_variables": {**account, "contact_id": answer.contact_key},
        "metadata": {
            "contact": {"email": {"type": "string", "value": answer.email}},
            "collector": {"type": answer.channel or "weblink"},
        },
        "email_address": "",
        "date_created": f"{answer.submitted_at[:19]}+00:00",
        "date_modified": f"{answer.updated_at[:19]}+00:00",
        "pages": [{"id": "1", "questions": questions}],
    }


def _status(answer: Answer) -> str:
    return "partial" if answer.partial else "completed"
