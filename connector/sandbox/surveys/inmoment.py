"""InMoment (Wootric): answers, declines and people, no more than thirty pages of one question.

Bounds exclude themselves, moments are those of a clock in California, and an answer does not say
whose it is: that stands with the person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from starlette.routing import Route

from ..store import Store
from . import answers, unanswered
from .serving import Ask, Platform, Refused
from .tokens import by_token, client, issue

ROOT, ZONE, TOKEN = "/inmoment", "America/Los_Angeles", 7200
PAGE, LARGEST_PAGE, PAGES = 25, 50, 30

PLATFORM = Platform(f"{ROOT}/v1", by_token("inmoment"))
LOGIN = Platform(ROOT, lambda _: True)

#: A person has the number of the first answer that is hers.
PEOPLE = (
    "select min(rowid), email, max(contact_key), max(account_key), max(company), min(submitted_at)"
    " from answers where deleted = 0 group by coalesce(email, contact_key, id)"
)
NUMBERED = (
    "select rowid, id, survey, score, comment, labels, partial, more, submitted_at, updated_at,"
    " min(rowid) over (partition by coalesce(email, contact_key, id)) as person"
    " from answers where deleted = 0"
)


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/inmoment`."""
    unanswered.create_tables(store)
    table = {
        "responses": lambda ask: _listed(ask, _responses(ask.store)),
        "declines": lambda ask: _listed(ask, _declines(ask.store)),
        "end_users": lambda ask: _listed(ask, _people(ask.store)),
        "end_users/{id}": _person,
    }
    return [
        LOGIN.route(store, "oauth/token", lambda ask: issue(ask, "inmoment", TOKEN), "POST"),
        *PLATFORM.routes(store, table),
    ]


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}{ROOT}", **client(store, "inmoment")}


#: When it was made, in whole seconds, and how it is shown.
Shown = tuple[int, Callable[[], dict[str, Any]]]


def _listed(ask: Ask, every: Sequence[Shown]) -> list[dict[str, Any]]:
    page, size = ask.count("page", 1, least=1), ask.count("per_page", PAGE, least=1)
    if page > PAGES:
        raise Refused(400, f"no more than {PAGES} pages; narrow the question by time")
    size = min(size, LARGEST_PAGE)
    after, before = ask.count("created[gt]", 0), ask.count("created[lt]", 10**11)
    found = [each for each in every if after < each[0] < before]
    found.sort(key=lambda each: each[0], reverse=ask.query("sort_order", "desc") == "desc")
    return [shown() for _, shown in found[(page - 1) * size : page * size]]


def _seconds(stamp: str) -> int:
    return int(answers.moment(stamp).timestamp())


def _local(stamp: str) -> str:
    return answers.moment(stamp).astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M:%S %z")


def _responses(store: Store) -> list[Shown]:
    def shown(row: tuple[Any, ...]) -> Callable[[], dict[str, Any]]:
        number, id, survey, score, comment, labels, cut, more, made, changed, person = row
        whole = score is not None and float(score).is_integer()
        return lambda: {
            "id": int(id) if id.isdecimal() else number,
            "created_at": _local(made),
            "updated_at": _local(changed),
            "score": int(score) if whole else score,
            "text": comment,
            "end_user_id": person,
            "survey_id": survey,
            "completed": not cut,
            "excluded_from_calculations": orjson.loads(more).get("mark") == "excluded",
            "tags": orjson.loads(labels),
        }

    return [(_seconds(row[8]), shown(row)) for row in store.db.execute(NUMBERED).fetchall()]


def _declines(store: Store) -> list[Shown]:
    people = {row[1]: row[0] for row in store.db.execute(PEOPLE).fetchall()}

    def shown(each: unanswered.Invitation) -> Callable[[], dict[str, Any]]:
        return lambda: {
            "id": each.id,
            "created_at": _local(each.asked_at),
            "updated_at": _local(each.asked_at),
            "end_user_id": people.get(each.email),
            "survey_id": each.survey,
        }

    found = unanswered.find(store, "state = 'declined'")
    return [(_seconds(each.asked_at), shown(each)) for each in found]


def _people(store: Store) -> list[Shown]:
    rows = store.db.execute(PEOPLE).fetchall()
    return [(_seconds(row[5]), partial(_told, row)) for row in rows]


def _person(ask: Ask) -> dict[str, Any]:
    for row in ask.store.db.execute(PEOPLE).fetchall():
        if str(row[0]) == ask.path("id"):
            return _told(row)
    raise Refused(404, "not found")


def _told(row: Sequence[Any]) -> dict[str, Any]:
    number, email, contact, account, company, made = row
    return {
        "id": number,
        "created_at": _local(made),
        "updated_at": _local(made),
        "email": email,
        "external_id": contact,
        "properties": {"account_id": account, "company": company},
    }
