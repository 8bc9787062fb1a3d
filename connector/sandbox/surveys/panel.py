"""The panel: who was asked and what was answered, before a platform gives it its own shape.

Moments are whole seconds since 1970. `state` is what became of an invitation: sent, answered,
declined or bounced; `mark` is what is special about an answer: partial, excluded, preview, test or
synthetic.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...errors import ConnectorError
from ..store import Store

SCHEMA = """
create table if not exists panel (
    platform text not null, id integer not null, survey text not null, email text, account text,
    contact text, company text, score real, comment text, language text, labels text,
    asked_at integer not null, answered_at integer, changed_at integer not null,
    state text not null, mark text not null, primary key (platform, id)
) without rowid;
create table if not exists panel_tokens (
    platform text not null, token text not null, ends integer not null
);
"""
HOUR, DAY = 3_600, 86_400
STOCK = 40
_WORDS = ("Tickets bleiben liegen", "Reagiert schnell", "Price went up", None)


@dataclass(frozen=True, slots=True)
class Given:
    """One person who was asked, and the answer if there is one."""

    id: int
    survey: str
    asked_at: int
    answered_at: int | None = None
    changed_at: int = 0
    email: str | None = None
    account: str | None = None
    contact: str | None = None
    company: str | None = None
    score: float | None = None
    comment: str | None = None
    language: str = "de"
    labels: str = ""
    state: str = "answered"
    mark: str = ""


_COLUMNS = tuple(each.name for each in fields(Given))


class Refused(ConnectorError):
    """A request the platform answers with an error."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: what stands in its address, in its query and in its body."""

    request: Request
    body: bytes

    def query(self, name: str, default: str = "") -> str:
        """What follows the question mark under this name."""
        return self.request.query_params.get(name, default)

    def number(self, name: str, default: int, most: int = 10**9) -> int:
        """A number from 1; more than the platform's most is cut in silence."""
        text = self.query(name) or str(default)
        if not text.isdecimal() or int(text) < 1:
            raise Refused(400, f"{name} must be a number from 1")
        return min(int(text), most)

    def at(self, name: str) -> str:
        """What stands in the address under this name."""
        return str(self.request.path_params[name])

    @property
    def base(self) -> str:
        """The address of the sandbox as the caller knows it."""
        return f"http://{self.request.headers.get('host', '127.0.0.1')}"


Does = Callable[[Store, Asked], Any]


def opened(store: Store, platform: str, surveys: tuple[str, ...]) -> None:
    """The platform has a panel, and some answers if it never had any."""
    store.db.executescript(SCHEMA)
    if store.get(f"panel:{platform}"):
        return
    store.put(f"panel:{platform}", True)
    now = int(store.clock.now().timestamp())
    for number in range(STOCK):
        at = now - (STOCK - number) * DAY
        mail = f"person{number}@kunde{number % 12}.example"
        score = None if number % 9 == 8 else float((number * 7) % 11)
        give(
            store, platform, Given(
                number + 1, surveys[number % len(surveys)], at - DAY, at, at, mail,
                f"A-{number % 12}", f"C-{number}", f"Kunde {number % 12} GmbH", score,
                _WORDS[number % 4], "de" if number % 3 else "en",
            ),
        )  # fmt: skip


def give(store: Store, platform: str, given: Given) -> None:
    """Add an answer or an invitation, or replace the one with this id."""
    kept = replace(given, changed_at=given.changed_at or given.answered_at or given.asked_at)
    names = ", ".join(("platform", *_COLUMNS))
    marks = ", ".join("?" * (len(_COLUMNS) + 1))
    with store.transaction() as db:
        db.execute(
            f"insert or replace into panel ({names}) values ({marks})",
            (platform, *asdict(kept).values()),
        )


def change(store: Store, platform: str, id: int, **columns: Any) -> None:
    """Somebody edits an answer; it has changed now, unless another moment is given."""
    (before,) = among(store, platform, "id = ?", id)
    columns.setdefault("changed_at", int(store.clock.now().timestamp()))
    give(store, platform, replace(before, **columns))


def remove(store: Store, platform: str, where: str = "true", *values: Any) -> None:
    """Answers are deleted, and nothing tells of it."""
    with store.transaction() as db:
        db.execute(f"delete from panel where platform = ? and ({where})", (platform, *values))


def among(store: Store, platform: str, where: str = "true", *values: Any) -> list[Given]:
    """Rows of a platform; `where` may end with an order and a limit."""
    names = ", ".join(_COLUMNS)
    sql = f"select {names} from panel where platform = ? and {where}"
    return [Given(*row) for row in store.db.execute(sql, (platform, *values)).fetchall()]


def count(store: Store, platform: str, where: str = "true", *values: Any) -> int:
    """How many rows there are."""
    sql = f"select count(*) from panel where platform = ? and {where}"
    return int(store.db.execute(sql, (platform, *values)).fetchone()[0])


# ways in


def key(store: Store, name: str) -> str:
    """A secret of a platform, made when it is first asked for."""
    kept = store.get(f"key:{name}")
    if kept is None:
        kept = secrets.token_hex(12)
        store.put(f"key:{name}", kept)
    return str(kept)


def announce(store: Store, platform: str, path: str, **keys: str) -> None:
    """Tell `GET /_sandbox/credentials` where the platform is and what opens it."""
    store.passing.setdefault("ways_in", {})[platform] = (path, keys)


def credentials(store: Store, base: str) -> dict[str, dict[str, str]]:
    """Every platform's address and keys."""
    told = store.passing.get("ways_in", {})
    return {name: {"url": f"{base}{path}", **keys} for name, (path, keys) in told.items()}


def issue(store: Store, platform: str, seconds: int) -> dict[str, Any]:
    """A token that lives for a while by the sandbox's clock."""
    token = secrets.token_hex(16)
    ends = int(store.clock.now().timestamp()) + seconds
    with store.transaction() as db:
        db.execute("insert into panel_tokens values (?, ?, ?)", (platform, token, ends))
    return {"access_token": token, "token_type": "bearer", "expires_in": seconds}


def is_alive(store: Store, platform: str, header: str) -> bool:
    """Whether a header carries a token that was issued and has not ended."""
    sql = "select 1 from panel_tokens where platform = ? and 'Bearer ' || token = ? and ends > ?"
    now = int(store.clock.now().timestamp())
    return store.db.execute(sql, (platform, header, now)).fetchone() is not None


# serving


def served(
    store: Store,
    prefix: str,
    table: Mapping[tuple[str, str], Does],
    check: Does,
    said: Callable[[Refused], Any],
) -> list[Route]:
    """Routes of a platform: `check` guards them, and `said` is the body of an error."""
    return [
        Route(f"{prefix}/{path}", _endpoint(store, does, check, said), methods=[method])
        for (method, path), does in table.items()
    ]


def _endpoint(store: Store, does: Does, check: Does, said: Callable[[Refused], Any]) -> Any:
    def answered(asked: Asked) -> Response:
        try:
            with store.lock:
                check(store, asked)
                told = does(store, asked)
        except Refused as no:
            return Response(orjson.dumps(said(no)), no.status, no.headers, "application/json")
        if isinstance(told, Response):
            return told
        return Response(orjson.dumps(told), media_type="application/json")

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answered, Asked(request, await request.body()))

    return endpoint


def anybody(store: Store, asked: Asked) -> None:
    """No way in is needed."""
