"""zenloop: surveys, survey groups and their answers, a page at a time.

A recorded answer is served as it was. The platform reads comments with a delay: an answer younger
than a day has no labels and no sentiment yet, and nothing in it tells that they came later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson
from starlette.routing import Route

from ..store import Store
from . import answers
from .answers import FORMAT, NEWEST, OLDEST, Answer, Survey
from .serving import Ask, Platform, Refused, by_bearer, key

PAGE, LARGEST_PAGE = 50, 100
ANALYSED_AFTER = timedelta(days=1)
#: What the properties of an answer are called, and the numbers of their values.
PROPERTIES = {
    "language": {"de": 101, "en": 102},
    "segment": {"Enterprise": 201, "Mid-Market": 202, "Small": 203},
}
PLATFORM = Platform(
    "/zenloop/v1",
    by_bearer("zenloop"),
    lambda _, message: {"error": {"message": message}},
    "Unauthorized: the access token is missing or not valid",
)


@dataclass(frozen=True, slots=True)
class Window:
    """Which answers are asked for, in which order, and which page of them."""

    first: str
    last: str
    order: str
    page: int
    size: int


def serve_recorded(store: Store, path: Path) -> int:
    """Adds recorded surveys and answers from a file and tells how many answers there are."""
    recorded = orjson.loads(path.read_bytes())
    answers.create_tables(store)
    for survey in recorded["surveys"]:
        told = (survey[each] for each in ("public_hash_id", "title", "status", "inserted_at"))
        answers.add_survey(store, Survey(*told))
    return add_recorded(store, recorded["surveys"][0]["public_hash_id"], recorded["answers"])


def add_recorded(store: Store, survey: str, bodies: Iterable[Mapping[str, Any]]) -> int:
    """Adds answers to a survey, each as it shall be served, and tells how many."""
    return answers.add(store, (_recorded(survey, body) for body in bodies))


def _recorded(survey: str, body: Mapping[str, Any]) -> Answer:
    tags, identity = body.get("metatags") or {}, body.get("identity")
    by_email = body.get("identity_type") == "email"
    return Answer(
        id=body["id"],
        survey=survey,
        kind="relationship",
        metric="nps",
        score=body["score"],
        comment=body.get("comment"),
        labels=body.get("labels") or [],
        language=tags.get("language"),
        channel="email",
        touchpoint=None,
        name=body.get("name"),
        email=body.get("email"),
        account_key=tags.get("account_id") or tags.get("customer_number"),
        contact_key=None if by_email else identity,
        company=tags.get("company"),
        asked_at=None,
        submitted_at=body["inserted_at"],
        updated_at=body["inserted_at"],
        more={"zenloop": body},
    )


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/zenloop/v1`."""
    answers.create_tables(store)
    return PLATFORM.routes(
        store,
        {
            "surveys": _surveys,
            "survey_groups": _groups,
            "surveys/{hash}": _totals,
            "surveys/{hash}/answers": _survey_answers,
            "surveys/{hash}/properties": _properties,
            "survey_groups/{hash}/answers": _group_answers,
        },
    )


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}/zenloop/v1", "token": key(store, "zenloop")}


# what is asked


def _window(ask: Ask) -> Window:
    if ask.query("order_by", "inserted_at") != "inserted_at":
        raise Refused(422, "order_by must be inserted_at")
    order = ask.query("order_type", "desc")
    if order not in {"asc", "desc"}:
        raise Refused(422, "order_type must be asc or desc")
    size = min(ask.count("per_page", PAGE, least=1, status=422), LARGEST_PAGE)
    return Window(*_dates(ask), order, ask.count("page", 1, least=1, status=422), size)


def _dates(ask: Ask) -> tuple[str, str]:
    shortcut = ask.query("date_shortcut")
    if not shortcut:
        return OLDEST, NEWEST
    if shortcut != "custom":
        raise Refused(422, "date_shortcut must be custom, with date_from and date_to")
    return (
        _moment(ask.query("date_from"), time.min) or OLDEST,
        _moment(ask.query("date_to"), time.max) or NEWEST,
    )


def _moment(text: str, of_day: time) -> str | None:
    """A day (from its first or to its last instant) or a moment, as answers carry it."""
    if not text:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return datetime.combine(date.fromisoformat(text), of_day).strftime(FORMAT)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(422, f"{text} is not a date") from error
    return moment.astimezone(UTC).strftime(FORMAT) if moment.tzinfo else moment.strftime(FORMAT)


# what is answered


def _surveys(ask: Ask) -> dict[str, Any]:
    window = _window(ask)
    found = [_survey(each) for each in answers.surveys(ask.store)]
    return {"surveys": _page(found, window), "meta": _meta(window, len(found))}


def _groups(ask: Ask) -> dict[str, Any]:
    window = _window(ask)
    sql = "select name, id, created_at from survey_groups order by rowid"
    groups = [
        {
            "name": name,
            "public_hash_id": group,
            "inserted_at": created_at,
            "surveys": [_survey(each) for each in _members(ask.store, group)],
        }
        for name, group, created_at in ask.store.db.execute(sql).fetchall()
    ]
    return {"survey_groups": _page(groups, window), "meta": _meta(window, len(groups))}


def _members(store: Store, group: str) -> list[Survey]:
    return [each for each in answers.surveys(store) if each.in_group == group]


def _totals(ask: Ask) -> dict[str, Any]:
    """One survey with its NPS over the window; scores off the scale do not count."""
    survey, window = _known_survey(ask), _window(ask)
    total, promoters, detractors = ask.store.db.execute(
        "select count(*), coalesce(sum(score >= 9), 0), coalesce(sum(score <= 6), 0) from answers"
        " where survey = ? and submitted_at between ? and ? and score between 0 and 10"
        " and deleted = 0",
        (survey["public_hash_id"], window.first, window.last),
    ).fetchone()
    nps = round(100 * (promoters - detractors) / total) if total else None
    counts = {
        "promoters": promoters,
        "passives": total - promoters - detractors,
        "detractors": detractors,
    }
    return {
        "survey": {**survey, "number_of_responses": total, "nps": {"percentage": nps, **counts}}
    }


def _survey_answers(ask: Ask) -> dict[str, Any]:
    survey, window = _known_survey(ask), _window(ask)
    found, total = _answers(ask.store, [survey["public_hash_id"]], window)
    return {
        "survey": {"title": survey["title"], "public_hash_id": survey["public_hash_id"]},
        "answers": [_told(ask.store, each) for each in found],
        "meta": _meta(window, total),
    }


def _group_answers(ask: Ask) -> dict[str, Any]:
    group, window = ask.path("hash"), _window(ask)
    sql = "select name from survey_groups where id = ?"
    name = ask.store.db.execute(sql, (group,)).fetchone()
    if name is None:
        raise Refused(404, "Survey group not found")
    members = [each.id for each in _members(ask.store, group)]
    found, total = _answers(ask.store, members, window)
    return {
        "survey_group": {"name": name[0], "public_hash_id": group},
        "answers": [
            {**_told(ask.store, each), "survey_public_hash_id": each.survey} for each in found
        ],
        "meta": _meta(window, total),
    }


def _properties(ask: Ask) -> dict[str, Any]:
    _known_survey(ask)
    window = _window(ask)
    found = [
        {"id": str(number), "name": name, "value": value}
        for name, values in PROPERTIES.items()
        for value, number in values.items()
    ]
    return {"properties": _page(found, window), "meta": _meta(window, len(found))}


def _survey(survey: Survey) -> dict[str, str]:
    return {
        "title": survey.title,
        "public_hash_id": survey.id,
        "status": survey.status,
        "inserted_at": survey.created_at,
    }


def _known_survey(ask: Ask) -> dict[str, str]:
    for each in answers.surveys(ask.store):
        if each.id == ask.path("hash"):
            return _survey(each)
    raise Refused(404, "Survey not found")


def _answers(store: Store, surveys: list[str], window: Window) -> tuple[list[Answer], int]:
    """One page of answers, and how many there are in all."""
    where = f"survey in ({', '.join('?' * len(surveys))}) and submitted_at between ? and ?"
    given = (*surveys, window.first, window.last)
    found = answers.find(
        store,
        where,
        given,
        order=f"submitted_at {window.order}, id {window.order}",
        limit=window.size,
        offset=(window.page - 1) * window.size,
    )
    return found, answers.count(store, where, given)


def _told(store: Store, answer: Answer) -> dict[str, Any]:
    """The answer as it looks before or after the platform has read its comment."""
    body = answer.more.get("zenloop") or _body(answer)
    if answer.submitted_at <= (store.clock.now() - ANALYSED_AFTER).strftime(FORMAT):
        return body
    return {
        **body,
        "sentiment": None,
        "sentiment_per_label_name": {},
        "labels": [],
        "labels_with_keywords": {},
    }


def _body(answer: Answer) -> dict[str, Any]:
    more = answer.more
    properties = more.get("properties", {})
    return {
        "id": answer.id,
        "score": answer.whole_score,
        "score_type": _score_type(answer.score),
        "sentiment": more.get("sentiment"),
        "sentiment_per_label_name": more.get("moods", {}),
        "labels": answer.labels,
        "labels_with_keywords": more.get("keywords", {}),
        "comment": answer.comment,
        "translated_comment": None,
        "name": answer.name,
        "email": answer.email,
        **_identity(answer),
        "recipient_id": more.get("recipient"),
        "property_ids": [
            PROPERTIES[name][value] for name, value in properties.items() if name in PROPERTIES
        ],
        "inserted_at": answer.submitted_at,
        "additional_answers": [
            {"additional_question_id": each["question"], "answer": each["answer"],
             "inserted_at": each["at"]}
            for each in more.get("replies", [])
        ],
        "additional_questions": more.get("questions", {}),
    }  # fmt: skip


def _identity(answer: Answer) -> dict[str, Any]:
    """Whom the link was made for: a contact or an account, by name, by number or by address."""
    tags = dict(answer.more.get("tags", {}))
    if answer.company:
        tags["company"] = answer.company
    if answer.account_key and (answer.contact_key or not answer.is_of_record):
        tags["account_id" if answer.is_of_record else "customer_number"] = answer.account_key
    known = answer.contact_key or (answer.account_key if answer.is_of_record else None)
    if known:
        return {"identity": known, "identity_type": "external_id", "metatags": tags}
    kind = "email" if answer.email else None
    return {"identity": answer.email, "identity_type": kind, "metatags": tags}


def _score_type(score: float | None) -> str | None:
    if score is None:
        return None
    return "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"


def _page(items: list[dict[str, Any]], window: Window) -> list[dict[str, Any]]:
    start = (window.page - 1) * window.size
    return items[start : start + window.size]


def _meta(window: Window, total: int) -> dict[str, int]:
    pages = max(1, -(-total // window.size))
    return {"page": window.page, "per_page": window.size, "total": total, "total_pages": pages}
