"""Trustmary: answers of a survey by offset, in the order in which they were given. No filter by
time; the person is only told if the link knew who it was for."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

from starlette.routing import Route

from ..store import Store
from . import answers
from .answers import Answer, moment
from .serving import Ask, Platform, Refused, key

LARGEST_PAGE = 1000
HELSINKI = timezone(timedelta(hours=2))
PLATFORM = Platform(
    "/trustmary",
    lambda ask: ask.header("x-api-key") == key(ask.store, "trustmary"),
    lambda status, message: {"status": status, "message": message},
)

#: What the company asks its own people, which is no customer's answer.
STAFF = [{"id": "staff", "name": "How do you like it here?"}]


def routes(store: Store) -> list[Route]:
    """The platform's addresses."""
    answers.create_tables(store)
    return PLATFORM.routes(store, {"surveys": _surveys, "surveys/{survey}/answers": _answers})


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}/trustmary", "token": key(store, "trustmary")}


def _surveys(ask: Ask) -> dict[str, Any]:
    wanted = ask.query("type")
    customers = [{"id": each.id, "name": each.title} for each in answers.surveys(ask.store)]
    every = [*(customers if wanted != "employee" else ()), *(STAFF if wanted != "customer" else ())]
    return {"data": every[ask.count("offset", 0) :][:LARGEST_PAGE]}


def _answers(ask: Ask) -> dict[str, Any]:
    titles = {each.id: each.title for each in answers.surveys(ask.store)}
    survey = ask.path("survey")
    if survey == STAFF[0]["id"]:
        return {"data": [_body(each, STAFF[0]["name"]) for each in answers.find(ask.store)[:1]]}
    if survey not in titles:
        raise Refused(404, "Survey not found")
    size = min(ask.count("limit", LARGEST_PAGE, least=1), LARGEST_PAGE)
    found = answers.find(
        ask.store, "survey = ?", (survey,), limit=size, offset=ask.count("offset", 0)
    )
    return {"data": [_body(each, titles[survey]) for each in found]}


def _body(answer: Answer, title: str) -> dict[str, Any]:
    given = moment(answer.submitted_at).astimezone(HELSINKI)
    body: dict[str, Any] = {
        "survey_id": answer.survey,
        "survey_name": title,
        "answer_id": answer.id,
        "nps": answer.whole_score,
        "custom": {},
        "feedback": answer.comment or "",
        "comment": "",
        "name": answer.name,
        "email": answer.email,
        "organization": answer.company,
        "created_at": given.isoformat(timespec="milliseconds"),
    }
    if answer.contact_key or answer.account_key:
        body["contact"] = {
            "id": f"tm-{answer.id}",
            "eid": answer.contact_key,
            "company": answer.company,
            "field_ACCOUNT": answer.account_key,
        }
    return body
