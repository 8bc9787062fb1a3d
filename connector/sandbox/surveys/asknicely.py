"""AskNicely: what is asked for stands in the address, every value is a text, and an answer that
is larger than `FILE_FROM` records lies in a file on another host. `raw` has the silent ones too."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from ..store import Store
from . import answers, unanswered
from .answers import Answer, moment
from .serving import Ask, Platform, Refused, key, reply
from .unanswered import Invitation

LARGEST_PAGE = 50_000
FILE_FROM = 5_000
PLATFORM = Platform(
    "/asknicely/api/v1",
    lambda ask: ask.header("x-apikey") == key(ask.store, "asknicely"),
    lambda status, message: {"success": False, "msg": message, "status": str(status)},
)
PATH = "responses/{order}/{size}/{page}/{since}/{format}/{which}/{by}"


def routes(store: Store) -> list[Route]:
    """The platform's addresses."""
    unanswered.create_tables(store)
    return PLATFORM.routes(store, {PATH: _responses})


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}/asknicely/api/v1", "token": key(store, "asknicely")}


def _number(ask: Ask, name: str) -> int:
    if not ask.path(name).isdecimal():
        raise Refused(400, f"{name} is not a number")
    return int(ask.path(name))


def _responses(ask: Ask) -> Response | dict[str, Any]:
    order, by = ask.path("order"), ask.path("by")
    if order not in {"asc", "desc"} or by not in {"sent", "responded"}:
        raise Refused(400, "the address has asc or desc first, and sent or responded last")
    size = min(max(_number(ask, "size"), 1), LARGEST_PAGE)
    page, since = max(_number(ask, "page"), 1), _number(ask, "since")
    rows = sorted(_listed(ask, since), key=lambda each: (int(each[by]), each["response_id"]),
                  reverse=order == "desc")  # fmt: skip
    found = rows[(page - 1) * size : page * size]
    if len(found) > FILE_FROM:
        return reply({}, 302, {"Location": "https://files.asknicely.example/export.json"})
    return {
        "success": True,
        "total": str(len(rows)),
        "totalpages": str(max(1, -(-len(rows) // size))),
        "pagenumber": str(page),
        "pagesize": str(size),
        "since_time": str(since),
        "data": found,
    }


def _listed(ask: Ask, since: int) -> list[dict[str, Any]]:
    """What was answered since a moment, or sent; in `raw` that of which nothing became as well."""
    by, found = ask.path("by"), [_body(each) for each in answers.find(ask.store)]
    if ask.path("which") == "raw":
        found += [_silent(each) for each in unanswered.find(ask.store)]
    return [each for each in found if int(each[by]) >= max(since, 1)]


def _body(answer: Answer) -> dict[str, Any]:
    told = {
        "response_id": answer.id,
        "contact_id": f"c-{answer.id}",
        "name": answer.name,
        "email": answer.email,
        "answer": answer.whole_score,
        "answerlabel": None,
        "comment": answer.comment,
        "note": None,
        "status": None,
        "sent": _epoch(answer.asked_at or answer.submitted_at),
        "opened": _epoch(answer.submitted_at),
        "responded": _epoch(answer.submitted_at),
        "segment": answer.survey,
        "question_type": answer.metric,
        "deliverymethod": answer.channel or "email",
        "published": "0",
        "sfaccount": answer.account_key if answer.is_of_record else None,
        "sfcontactid": answer.contact_key,
        "account_c": answer.account_key,
    }
    return _texts(told)


def _silent(of: Invitation) -> dict[str, Any]:
    """One who did not answer; who declined has looked at it."""
    seen = _epoch(of.asked_at) + 60 if of.state == "declined" else 0
    return _texts(
        {
            "response_id": of.id,
            "email": of.email,
            "answer": None,
            "sent": _epoch(of.asked_at),
            "opened": seen,
            "responded": 0,
            "segment": of.survey,
            "question_type": "nps",
            "sfaccount": None,
            "sfcontactid": of.contact_key,
            "account_c": of.account_key,
        }
    )


def _texts(told: dict[str, Any]) -> dict[str, Any]:
    return {name: "" if value is None else str(value) for name, value in told.items()}


def _epoch(at: str) -> int:
    return int(moment(at).timestamp())
