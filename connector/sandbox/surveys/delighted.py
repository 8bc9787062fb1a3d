"""Delighted: one project, its answers in pages by what changed, moments in whole seconds.

Nothing tells how many answers there are; the last page is a short one. The person is an id unless
it is asked for.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from starlette.routing import Route

from ..store import Store
from . import answers
from .answers import Answer, moment
from .serving import Ask, Platform, Refused, key

LARGEST_PAGE = 100
#: The fields to sort by, and the columns behind them.
ORDERS = {
    f"{way}:{name}" if way else name: f"{column} {way or 'asc'}, id"
    for name, column in (("created_at", "submitted_at"), ("updated_at", "updated_at"))
    for way in ("", "asc", "desc")
}


def _admits(ask: Ask) -> bool:
    given = b64encode(f"{key(ask.store, 'delighted')}:".encode()).decode()
    return ask.header("authorization") == f"Basic {given}"


PLATFORM = Platform(
    "/delighted/v1",
    _admits,
    lambda status, message: {"status": status, "message": message},
    "Invalid API key",
)


def routes(store: Store) -> list[Route]:
    """The platform's addresses."""
    answers.create_tables(store)
    read = {
        "survey_responses.json": _responses,
        "survey_responses/{id}.json": _response,
        "metrics.json": _metrics,
    }
    return PLATFORM.routes(store, read)


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}/delighted/v1", "token": key(store, "delighted")}


def _responses(ask: Ask) -> list[dict[str, Any]]:
    order = ORDERS.get(ask.query("order", "asc:created_at"))
    if order is None:
        raise Refused(400, "order is not one of those that are known")
    where, given = _window(ask)
    size = min(ask.count("per_page", 20, least=1), LARGEST_PAGE)
    page = ask.count("page", 1, least=1)
    found = answers.find(ask.store, where, given, order=order, limit=size, offset=(page - 1) * size)
    expand = ask.request.query_params.getlist("expand[]")
    return [_body(each, "person" in expand) for each in found]


def _response(ask: Ask) -> dict[str, Any]:
    found = answers.find(ask.store, "id = ?", (ask.path("id"),))
    if not found:
        raise Refused(404, "There is no such response")
    return _body(found[0], "person" in ask.request.query_params.getlist("expand[]"))


def _metrics(ask: Ask) -> dict[str, int]:
    where, given = _window(ask)
    return {"response_count": answers.count(ask.store, where, given)}


def _window(ask: Ask) -> tuple[str, list[object]]:
    where, given = ["true"], list[object]()
    for name, column, sign in (
        ("since", "submitted_at", ">="),
        ("until", "submitted_at", "<="),
        ("updated_since", "updated_at", ">="),
        ("updated_until", "updated_at", "<="),
    ):
        if ask.query(name):
            where.append(f"cast(strftime('%s', {column}) as integer) {sign} ?")
            given.append(ask.count(name, 0))
    return " and ".join(where), given


def _body(answer: Answer, with_person: bool) -> dict[str, Any]:
    person = answer.contact_key or answer.email or answer.id
    told = {"id": person, "email": answer.email, "name": answer.name}
    properties = {**answer.more.get("tags", {})}
    if answer.account_key:
        name = "account_id" if answer.is_of_record else "customer_number"
        properties[name] = answer.account_key
    if answer.contact_key:
        properties["contact_id"] = answer.contact_key
    return {
        "id": answer.id,
        "person": told if with_person else person,
        "survey_type": answer.metric,
        "score": answer.whole_score,
        "comment": answer.comment,
        "permalink": f"https://delighted.example/r/{answer.id}",
        "created_at": int(moment(answer.submitted_at).timestamp()),
        "updated_at": int(moment(answer.updated_at).timestamp()),
        "person_properties": properties or None,
        "notes": [],
        "tags": answer.labels,
        "additional_answers": [],
    }
