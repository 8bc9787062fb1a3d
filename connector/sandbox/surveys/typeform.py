"""Typeform: answers of a form, newest first, behind a token; moments in whole seconds.

`since` and `until` are epochs or moments without a zone, and include their second. An answer that
was only begun has no `submitted_at`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from starlette.routing import Route

from ..store import Store
from . import answers
from .answers import Answer, Survey, moment
from .serving import Ask, Platform, Refused, by_bearer, key

LARGEST_PAGE = 1000
PLATFORM = Platform(
    "/typeform",
    by_bearer("typeform"),
    lambda status, message: {"code": "ERROR" if status < 500 else "DOWN", "description": message},
    "Authentication credentials not found on the Request Headers",
)


def routes(store: Store) -> list[Route]:
    """The platform's addresses."""
    answers.create_tables(store)
    return PLATFORM.routes(store, {"forms": _forms, "forms/{form}/responses": _responses})


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}/typeform", "token": key(store, "typeform")}


def _forms(ask: Ask) -> dict[str, Any]:
    size = min(ask.count("page_size", 10, least=1), 200)
    start = (ask.count("page", 1, least=1) - 1) * size
    every = [{"id": each.id, "title": each.title} for each in answers.surveys(ask.store)]
    pages = max(1, -(-len(every) // size))
    return {
        "total_items": len(every),
        "page_count": pages,
        "items": every[start : start + size],
    }


def _responses(ask: Ask) -> dict[str, Any]:
    form = next((s for s in answers.surveys(ask.store) if s.id == ask.path("form")), None)
    if form is None:
        raise Refused(404, "Form not found")
    size = min(ask.count("page_size", 25, least=1), LARGEST_PAGE)
    where, given = _window(ask, form)
    found = answers.find(ask.store, where, given, order="submitted_at desc, id desc")
    total = len(found)
    if before := ask.query("before"):
        tokens = [_token(each) for each in found]
        if before not in tokens:
            raise Refused(400, "before is not a token of this form")
        found = found[tokens.index(before) + 1 :]
    return {
        "total_items": total,
        "page_count": max(1, -(-total // size)),
        "items": [_item(each) for each in found[:size]],
    }


def _window(ask: Ask, form: Survey) -> tuple[str, list[object]]:
    types = ask.query("response_type", "completed").split(",")
    where, given = ["survey = ?"], list[object]([form.id])
    if "partial" not in types:
        where.append("partial = 0")
    if named := [each for each in ask.query("included_response_ids").split(",") if each]:
        where.append(f"id in ({', '.join('?' * len(named))})")
        given += named
    for name, sign in (("since", ">="), ("until", "<=")):
        if text := ask.query(name):
            where.append(f"cast(strftime('%s', submitted_at) as integer) {sign} ?")
            given.append(_epoch(text))
    return " and ".join(where), given


def _epoch(text: str) -> int:
    if text.isdecimal():
        return int(text)
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise Refused(400, f"{text} is not a moment") from error


def _token(answer: Answer) -> str:
    return md5(answer.id.encode(), usedforsecurity=False).hexdigest()


def _item(answer: Answer) -> dict[str, Any]:
    at = f"{moment(answer.submitted_at):%Y-%m-%dT%H:%M:%SZ}"
    hidden = {"contact_id": answer.contact_key, "email": answer.email, "company": answer.company}
    if answer.account_key:
        name = "account_id" if answer.is_of_record else "customer_number"
        hidden[name] = answer.account_key
    return {
        "landing_id": _token(answer),
        "token": _token(answer),
        "response_id": answer.id,
        "response_type": "partial" if answer.partial else "completed",
        "landed_at": at,
        "submitted_at": None if answer.partial else at,
        "metadata": {"platform": "other", "browser": "default"},
        "hidden": {name: value or "" for name, value in hidden.items()},
        "calculated": {"score": 0},
        "answers": _answers(answer),
    }


def _answers(answer: Answer) -> list[dict[str, Any]]:
    """Comment first, so that nobody counts on the score's place."""
    told: list[dict[str, Any]] = []
    if answer.comment:
        field = {"id": "c1", "type": "long_text", "ref": "why"}
        told.append({"field": field, "type": "text", "text": answer.comment})
    if answer.score is not None:
        field = {"id": "n1", "type": "nps", "ref": "nps"}
        told.append({"field": field, "type": "number", "number": answer.whole_score})
    return told
