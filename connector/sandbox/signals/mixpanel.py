"""Mixpanel: events by whole days of the project's zone, and people in pages of one session.

Every tenth event is exported twice, and the last one is cut in two. `mixpanel_breaks` says how
many exports break off, `mixpanel_plan` (`free`) that there is none. Profiles tell local time.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from starlette.responses import Response
from starlette.routing import Route

from ..store import Store
from ..surveys.serving import Ask, Platform, Refused, key
from . import shelf
from .shelf import Record

NAME, USER, PROJECT, ZONE = "mixpanel", "crm.12ab.mp-service-account", "3310021", "Europe/Berlin"
MOST_A_DAY, LARGEST, DAYS = 4, 50_000, 31


def _admits(ask: Ask) -> bool:
    kind, _, sent = ask.header("authorization").partition(" ")
    return kind == "Basic" and b64decode(sent).decode() == f"{USER}:{key(ask.store, NAME)}"


PLATFORM = Platform("/mixpanel/api/2.0", _admits, unknown="Unable to authenticate request")


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/mixpanel/api/2.0`."""
    shelf.create(store)
    return [
        PLATFORM.route(store, "export", _export),
        PLATFORM.route(store, "engage", _engage, "POST"),
    ]


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    url = f"{base}{PLATFORM.root}"
    return {
        "url": url, "profiles_url": url, "project": PROJECT, "user": USER, "zone": ZONE,
        "token": key(store, NAME),
    }  # fmt: skip


def add(store: Store, name: str, person: str, at: int, **more: Any) -> Record:
    """Somebody does something."""
    count = len(shelf.every(store, NAME, "events"))
    made = event(f"added{count:05}", name, person, at, **more)
    shelf.put(store, NAME, "events", at, made)
    return made


def _export(ask: Ask) -> Response:
    """Events as lines of JSON."""
    _checked(ask)
    if ask.store.get("mixpanel_plan") == "free":
        raise Refused(402, "Your plan does not allow API calls")
    days = [datetime.fromisoformat(ask.query(f"{end}_date")) for end in ("from", "to")]
    first, last = (day.replace(tzinfo=ZoneInfo(ZONE)) for day in days)
    if not 0 <= (last - first).days < DAYS:
        raise Refused(400, "from_date and to_date are at most 31 days apart")
    names = orjson.loads(ask.query("event", "[]"))
    end = last.timestamp() + 86_400 - 1
    found = [
        {name: each[name] for name in ("event", "properties")}
        for each in shelf.every(ask.store, NAME, "events", first.timestamp(), end)
        if not names or each["event"] in names
    ]
    return Response(_lines(ask.store, found), media_type="text/plain")


def _lines(store: Store, found: list[Record]) -> bytes:
    told = found + found[::10]
    breaks = int(store.get("mixpanel_breaks") or 0)
    if breaks:
        store.put("mixpanel_breaks", breaks - 1)
        half = b"".join(orjson.dumps(each) + b"\n" for each in told[: len(told) // 2])
        return half + b"terminated early\n"
    body = b"".join(orjson.dumps(each) + b"\n" for each in told)
    return body[:-20] + b"\n" + body[-20:] if told else b""


def _engage(ask: Ask) -> Record:
    """A page of people; the first begins a session and tells how many there are."""
    _checked(ask)
    size, page = ask.count("page_size", 1000, least=1), ask.count("page", 0)
    if size > LARGEST:
        raise Refused(400, "page_size is too large")
    session = ask.query("session_id")
    if page and session != "1793-session":
        raise Refused(400, "session_id is required to page")
    found = shelf.every(ask.store, NAME, "people")
    seen = re.fullmatch(r'properties\["\$last_seen"\]>="(.+)"', ask.query("where"))
    told = ask.store.get("mixpanel_where") if page else seen[1] if seen else ""
    ask.store.put("mixpanel_where", told)
    kept = [each for each in found if each["$properties"]["$last_seen"] >= told]
    rows = [{name: each[name] for name in each if name != "id"} for each in kept]
    body: Record = {"results": rows[page * size :][:size], "page": page, "page_size": size,
                    "session_id": "1793-session", "status": "ok"}  # fmt: skip
    return body if page else {**body, "total": len(kept)}


def _checked(ask: Ask) -> None:
    if ask.query("project_id") != PROJECT:
        raise Refused(400, "project_id is required")
    shelf.filled(ask.store, NAME, _records)


def _records(store: Store) -> Iterator[tuple[str, float, Record]]:
    """A few events for each row of usage; every other company is told by its people alone."""
    known = "select name from sqlite_master where name = 'file_usage'"
    if not store.db.execute(known).fetchone():
        return
    homes = {home: number or account for account, _, _, number in shelf.companies(store)
             for home in (account, number) if home}  # fmt: skip
    last: dict[str, int] = {}
    columns = '"line", "account_id", "date", "feature", "events"'
    for line, home, day, feature, times in shelf.table(store, "file_usage", columns):
        if (
            home not in homes
            or not times.isdecimal()
            or not re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", day)
        ):
            continue
        noon = int(datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp())
        person = f"u-{homes[home]}"
        last[person] = max(last.get(person, 0), noon)
        tags = {"account_id": homes[home]} if line % 2 else {}
        for number in range(min(int(times), MOST_A_DAY)):
            made = event(f"i{line:06}-{number}", feature, person, noon + number, **tags)
            yield "events", noon + number, made
    for person, seen in last.items():
        yield "people", seen, profile(person, seen, account_id=person.removeprefix("u-"))


def event(id: str, name: str, person: str, at: int, **more: Any) -> Record:
    """An event as it is served, under its `$insert_id`."""
    told = {"time": at, "distinct_id": person, "$insert_id": id, **more}
    return {"id": id, "event": name, "properties": told}


def profile(person: str, seen: int, **more: Any) -> Record:
    """A person as it is served; when it was seen last is told in the project's time."""
    local = datetime.fromtimestamp(seen, ZoneInfo(ZONE))
    told = {"$last_seen": f"{local:%Y-%m-%dT%H:%M:%S}",
            "$email": f"{person.lower()}@kunde.example", **more}  # fmt: skip
    return {"id": person, "$distinct_id": person, "$properties": told}
