"""zenloop: surveys, survey groups and their answers, a page at a time.

An answer is stored as it is served, so that recorded ones come back as they were. The platform
reads comments with a delay: an answer younger than a day has no labels and no sentiment yet,
and nothing in it tells that they came later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...errors import ConnectorError
from ..store import Store

SCHEMA = """
create table if not exists zenloop_groups (
    hash text primary key, name text not null, inserted_at text not null
);
create table if not exists zenloop_surveys (
    hash text primary key, title text not null, status text not null, inserted_at text not null,
    in_group text references zenloop_groups
);
create table if not exists zenloop_properties (
    survey text not null, id integer not null, name text not null, value text not null,
    primary key (survey, id)
);
create table if not exists zenloop_answers (
    id text primary key, survey text not null, inserted_at text not null, score real,
    body text not null
);
create index if not exists zenloop_answers_by_time on zenloop_answers (survey, inserted_at, id);
"""
PAGE, LARGEST_PAGE = 50, 100
ANALYSED_AFTER = timedelta(days=1)
_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_NEWEST, _OLDEST = "9999", "0000"

Handler = Callable[[Request], Response]


class Refused(ConnectorError):
    """A request the platform answers with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Window:
    """Which answers are asked for, in which order, and which page of them."""

    first: str
    last: str
    order: str
    page: int
    size: int


def create_tables(store: Store) -> None:
    """Makes the platform's tables where they are missing."""
    store.db.executescript(SCHEMA)


def add_survey(store: Store, hash: str, title: str, inserted_at: str, **more: str | None) -> None:
    """Adds a survey; `status` and `group` may be given."""
    with store.transaction() as db:
        db.execute(
            "insert or replace into zenloop_surveys values (?, ?, ?, ?, ?)",
            (hash, title, more.get("status") or "active", inserted_at, more.get("group")),
        )


def add_answers(store: Store, survey: str, answers: Iterable[Mapping[str, Any]]) -> int:
    """Adds answers to a survey, each as it shall be served, and tells how many."""
    rows = [
        (each["id"], survey, each["inserted_at"], each["score"], orjson.dumps(each).decode())
        for each in answers
    ]
    with store.transaction() as db:
        db.executemany("insert or replace into zenloop_answers values (?, ?, ?, ?, ?)", rows)
    return len(rows)


def serve_recorded(store: Store, path: Path) -> int:
    """Adds recorded surveys and answers from a file and tells how many answers there are."""
    recorded = orjson.loads(path.read_bytes())
    create_tables(store)
    for survey in recorded["surveys"]:
        add_survey(
            store,
            survey["public_hash_id"],
            survey["title"],
            survey["inserted_at"],
            status=survey["status"],
        )
    return add_answers(store, recorded["surveys"][0]["public_hash_id"], recorded["answers"])


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/zenloop/v1`."""
    create_tables(store)
    table: dict[str, Callable[[Store, Request], dict[str, Any]]] = {
        "surveys": _surveys,
        "survey_groups": _groups,
        "surveys/{hash}": _totals,
        "surveys/{hash}/answers": _survey_answers,
        "surveys/{hash}/properties": _properties,
        "survey_groups/{hash}/answers": _group_answers,
    }
    return [
        Route(f"/zenloop/v1/{path}", _guarded(store, answer), methods=["GET"])
        for path, answer in table.items()
    ]


def _guarded(store: Store, answer: Callable[[Store, Request], dict[str, Any]]) -> Handler:
    """Lets in who brings the token, and turns refusals into the platform's error body."""

    def handle(request: Request) -> Response:
        try:
            _check_token(store, request.headers.get("authorization", ""))
            with store.lock:
                return _json(200, answer(store, request))
        except Refused as refused:
            return _json(refused.status, {"error": {"message": refused.message}})

    return handle


def _check_token(store: Store, header: str) -> None:
    token = store.get("zenloop_token")
    if not token or header != f"Bearer {token}":
        raise Refused(401, "Unauthorized: the access token is missing or not valid")


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


# what is asked


def _window(request: Request) -> Window:
    query = request.query_params
    if query.get("order_by", "inserted_at") != "inserted_at":
        raise Refused(422, "order_by must be inserted_at")
    order = query.get("order_type", "desc")
    if order not in {"asc", "desc"}:
        raise Refused(422, "order_type must be asc or desc")
    size = min(_count(query.get("per_page"), PAGE, "per_page"), LARGEST_PAGE)
    return Window(*_dates(query), order, _count(query.get("page"), 1, "page"), size)


def _count(text: str | None, default: int, name: str) -> int:
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise Refused(422, f"{name} must be a number from 1")
    return int(text)


def _dates(query: Mapping[str, str]) -> tuple[str, str]:
    shortcut = query.get("date_shortcut")
    if shortcut is None:
        return _OLDEST, _NEWEST
    if shortcut != "custom":
        raise Refused(422, "date_shortcut must be custom, with date_from and date_to")
    return (
        _moment(query.get("date_from"), time.min) or _OLDEST,
        _moment(query.get("date_to"), time.max) or _NEWEST,
    )


def _moment(text: str | None, of_day: time) -> str | None:
    """A day (from its first or to its last instant) or a moment, as answers carry it."""
    if not text:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return datetime.combine(date.fromisoformat(text), of_day).strftime(_FORMAT)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(422, f"{text} is not a date") from error
    return moment.astimezone(UTC).strftime(_FORMAT) if moment.tzinfo else moment.strftime(_FORMAT)


# what is answered


def _surveys(store: Store, request: Request) -> dict[str, Any]:
    window = _window(request)
    surveys = [_survey(row) for row in store.db.execute(f"{_SURVEYS} order by rowid").fetchall()]
    return {"surveys": _page(surveys, window), "meta": _meta(window, len(surveys))}


def _groups(store: Store, request: Request) -> dict[str, Any]:
    window = _window(request)
    sql = "select name, hash, inserted_at from zenloop_groups order by rowid"
    groups = []
    for name, group, inserted_at in store.db.execute(sql).fetchall():
        members = store.db.execute(f"{_SURVEYS} where in_group = ? order by rowid", (group,))
        groups.append(
            {
                "name": name,
                "public_hash_id": group,
                "inserted_at": inserted_at,
                "surveys": [_survey(row) for row in members.fetchall()],
            }
        )
    return {"survey_groups": _page(groups, window), "meta": _meta(window, len(groups))}


def _totals(store: Store, request: Request) -> dict[str, Any]:
    """One survey with its NPS over the window; scores off the scale do not count."""
    survey, window = _known_survey(store, request), _window(request)
    total, promoters, detractors = store.db.execute(
        "select count(*), coalesce(sum(score >= 9), 0), coalesce(sum(score <= 6), 0)"
        " from zenloop_answers"
        " where survey = ? and inserted_at between ? and ? and score between 0 and 10",
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


def _survey_answers(store: Store, request: Request) -> dict[str, Any]:
    survey, window = _known_survey(store, request), _window(request)
    found, total = _answers(store, [survey["public_hash_id"]], window)
    return {
        "survey": {"title": survey["title"], "public_hash_id": survey["public_hash_id"]},
        "answers": [body for _, body in found],
        "meta": _meta(window, total),
    }


def _group_answers(store: Store, request: Request) -> dict[str, Any]:
    group, window = request.path_params["hash"], _window(request)
    sql = "select name from zenloop_groups where hash = ?"
    name = store.db.execute(sql, (group,)).fetchone()
    if name is None:
        raise Refused(404, "Survey group not found")
    sql = "select hash from zenloop_surveys where in_group = ?"
    members = [row[0] for row in store.db.execute(sql, (group,)).fetchall()]
    found, total = _answers(store, members, window)
    return {
        "survey_group": {"name": name[0], "public_hash_id": group},
        "answers": [{**body, "survey_public_hash_id": survey} for survey, body in found],
        "meta": _meta(window, total),
    }


def _properties(store: Store, request: Request) -> dict[str, Any]:
    survey, window = _known_survey(store, request), _window(request)
    sql = "select id, name, value from zenloop_properties where survey = ? order by id"
    rows = store.db.execute(sql, (survey["public_hash_id"],)).fetchall()
    found = [{"id": str(number), "name": name, "value": value} for number, name, value in rows]
    return {"properties": _page(found, window), "meta": _meta(window, len(found))}


_SURVEYS = "select title, hash, status, inserted_at from zenloop_surveys"


def _survey(row: Sequence[str]) -> dict[str, str]:
    return dict(zip(("title", "public_hash_id", "status", "inserted_at"), row, strict=True))


def _known_survey(store: Store, request: Request) -> dict[str, str]:
    row = store.db.execute(f"{_SURVEYS} where hash = ?", (request.path_params["hash"],)).fetchone()
    if row is None:
        raise Refused(404, "Survey not found")
    return _survey(row)


def _answers(
    store: Store, surveys: Sequence[str], window: Window
) -> tuple[list[tuple[str, dict[str, Any]]], int]:
    """One page of answers, each with its survey, and how many there are in all."""
    marks = ", ".join("?" * len(surveys))
    where = f"from zenloop_answers where survey in ({marks}) and inserted_at between ? and ?"
    given = (*surveys, window.first, window.last)
    (total,) = store.db.execute(f"select count(*) {where}", given).fetchone()
    rows = store.db.execute(
        f"select survey, inserted_at, body {where}"
        f" order by inserted_at {window.order}, id {window.order} limit ? offset ?",
        (*given, window.size, (window.page - 1) * window.size),
    ).fetchall()
    analysed = (store.clock.now() - ANALYSED_AFTER).strftime(_FORMAT)
    found = [(survey, _as_of(orjson.loads(body), at <= analysed)) for survey, at, body in rows]
    return found, total


def _as_of(body: dict[str, Any], analysed: bool) -> dict[str, Any]:
    """The answer as it looks before or after the platform has read its comment."""
    if analysed:
        return body
    return {
        **body,
        "sentiment": None,
        "sentiment_per_label_name": {},
        "labels": [],
        "labels_with_keywords": {},
    }


def _page(items: list[dict[str, Any]], window: Window) -> list[dict[str, Any]]:
    start = (window.page - 1) * window.size
    return items[start : start + window.size]


def _meta(window: Window, total: int) -> dict[str, int]:
    pages = max(1, -(-total // window.size))
    return {"page": window.page, "per_page": window.size, "total": total, "total_pages": pages}
