"""Survicate: answers of a survey, newest first, from `start` back to `end`.

The address of the next page is relative to the version, not to the host.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.routing import Route

from ..store import Store
from . import answers
from .answers import Answer
from .serving import Ask, Platform, Refused, key

ROOT = "/survicate/v2"
PAGE, LARGEST_PAGE = 20, 100
PLATFORM = Platform(
    ROOT, lambda ask: ask.header("authorization") == f"Basic {key(ask.store, 'survicate')}"
)


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/survicate/v2`."""
    answers.create_tables(store)
    return PLATFORM.routes(store, {"surveys": _surveys, "surveys/{id}/responses": _responses})


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}{ROOT}", "token": key(store, "survicate")}


def _surveys(ask: Ask) -> dict[str, Any]:
    """One survey a page, whatever was asked for."""
    every, start = answers.surveys(ask.store), ask.count("after", 0)
    data = [{"id": each.id, "name": each.title} for each in every[start : start + 1]]
    more = start + 1 < len(every)
    address = f"/surveys?after={start + 1}" if more else None
    return {"data": data, "pagination_data": {"has_more": more, "next_url": address}}


def _responses(ask: Ask) -> dict[str, Any]:
    survey = ask.path("id")
    if survey not in {each.id for each in answers.surveys(ask.store)}:
        raise Refused(404, "Survey not found")
    size = ask.count("items_per_page", PAGE, least=1)
    if size > LARGEST_PAGE:
        raise Refused(422, f"items_per_page is at most {LARGEST_PAGE}")
    before, after = _bound(ask, "start", answers.NEWEST), _bound(ask, "end", answers.OLDEST)
    found = answers.find(
        ask.store, "survey = ? and submitted_at < ? and submitted_at > ?", (survey, before, after),
        order="submitted_at desc, id desc", limit=size + 1,
    )  # fmt: skip
    named = ask.request.query_params.getlist("attributes[]")
    page, more = found[:size], len(found) > size
    return {
        "data": [_shown(each, named) for each in page],
        "pagination_data": {
            "has_more": more,
            "next_url": _next(ask, page[-1], size, named) if more else None,
        },
    }


def _next(ask: Ask, last: Answer, size: int, named: list[str]) -> str:
    query = [("items_per_page", str(size)), ("start", last.submitted_at)]
    query += [("end", ask.query("end"))] if ask.query("end") else []
    query += [("attributes[]", name) for name in named]
    return f"/surveys/{ask.path('id')}/responses?{urlencode(query)}"


def _bound(ask: Ask, name: str, default: str) -> str:
    text = ask.query(name)
    if not text:
        return default
    try:
        return answers.stamp(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z"))
    except ValueError as error:
        raise Refused(422, f"{name} is not a moment with microseconds") from error


def _shown(answer: Answer, named: list[str]) -> dict[str, Any]:
    known = {
        "email": answer.email,
        "account_id": answer.account_key if answer.is_of_record else None,
        "customer_number": None if answer.is_of_record else answer.account_key,
        "user_id": answer.contact_key,
        "company": answer.company,
    }
    given = [{"name": name, "value": known[name]} for name in named if known.get(name)]
    kind = {"nps": "nps", "csat": "csat", "ces": "ces"}.get(answer.metric, "rating")
    told = [_answer(1, kind, {"id": 0, "content": None, "rating": answer.whole_score})]
    if answer.comment:
        told.append(_answer(2, "text", {"content": answer.comment}))
    for number, (other, score) in enumerate((answer.more.get("scores") or {}).items(), start=3):
        told.insert(0, _answer(number, other, {"id": 0, "content": None, "rating": score}))
    return {
        "uuid": answer.id,
        "collected_at": answer.submitted_at,
        "url": "https://app.example",
        "language": answer.language,
        "respondent": {"uuid": answer.contact_key or answer.id, "attributes": given},
        "answers": told,
    }


def _answer(question: int, kind: str, answer: dict[str, Any]) -> dict[str, Any]:
    told = {"question_id": question, "question_type": kind, "action_performed": "answered"}
    return {**told, "answer": answer}
