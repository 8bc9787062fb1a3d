"""SatisMeter: one export of a project's answers; without a start it is that of thirty days."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.routing import Route

from ..store import Store
from . import answers
from .answers import Answer, stamp
from .serving import Ask, Platform, Refused, key

PROJECT = "5f0c3e1b2a"
USUAL = timedelta(days=30)


def _admits(ask: Ask) -> bool:
    given = b64encode(f"{key(ask.store, 'satismeter')}:".encode()).decode()
    return ask.header("authorization") == f"Basic {given}"


PLATFORM = Platform("/satismeter/api", _admits)


def routes(store: Store) -> list[Route]:
    """The platform's addresses."""
    answers.create_tables(store)
    return PLATFORM.routes(store, {"responses": _responses})


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {
        "url": f"{base}/satismeter/api",
        "project": PROJECT,
        "token": key(store, "satismeter"),
    }


def _responses(ask: Ask) -> dict[str, Any]:
    if ask.query("project") != PROJECT:
        raise Refused(404, "Project not found")
    if ask.query("format", "json") != "json":
        raise Refused(400, "format is json")
    start = _moment(ask.query("startDate")) or stamp(ask.store.clock.now() - USUAL)
    end = _moment(ask.query("endDate")) or answers.NEWEST
    found = answers.find(ask.store, "submitted_at between ? and ?", (start, end))
    return {"responses": [_body(each) for each in found]}


def _moment(text: str) -> str:
    if not text:
        return ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(400, f"{text} is not a date") from error
    return stamp(found if found.tzinfo else found.replace(tzinfo=UTC))


def _body(answer: Answer) -> dict[str, Any]:
    score = answer.score
    category = None
    if score is not None:
        category = "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"
    return {
        "id": answer.id,
        "created": f"{answer.submitted_at[:23]}Z",
        "campaign": answer.survey,
        "rating": answer.whole_score,
        "category": category,
        "feedback": answer.comment,
        "user": {
            "userId": answer.contact_key,
            "email": answer.email,
            "name": answer.name,
            "traits": {"account_id": answer.account_key, "company": answer.company},
        },
    }
