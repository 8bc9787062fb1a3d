"""Imports: files that are sent, worked on while somebody asks, and their errors.

The rows are written in two halves: the first when the work is under way, the second when it is
done. One that is cancelled in between has written the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..store import Store
from . import auth, import_rows
from .api import Answer, Call, Entry
from .asked import flag, number
from .errors import Refusal, invalid, not_found
from .import_files import Page, pages, parts, request_of
from .kinds import BY_CODE
from .times import iso, now_ms

SCHEMA = """
create table if not exists hs_imports (
    id integer primary key, app integer not null, request text not null, body blob not null,
    form text not null, kinds text not null, state text not null, polls integer not null default 0,
    applied integer not null default 0, counters text not null default '{}',
    created integer not null, updated integer not null
);
create table if not exists hs_import_errors (
    import integer not null, number integer not null, code integer not null, body text not null,
    primary key (import, number)
) without rowid;
"""
FIRST_ID = 7_200_001
KEY = "hubspot_imports"
#: How imports go; `POST /_sandbox/hubspot {"imports": …}` changes it.
OPTIONS: dict[str, int] = {
    "polls": 2,  # so many questions are answered before it is done
    "fail": 0,  # so many of the next ones fail
}
PAGE, LONGEST_PAGE = 100, 500
STARTED, PROCESSING, DONE = "STARTED", "PROCESSING", "DONE"
_COLUMNS = "id, app, request, kinds, state, polls, applied, counters, created, updated"


@dataclass(frozen=True, slots=True)
class Import:
    """One import as it is kept."""

    id: int
    app: int
    request: Any
    kinds: list[str]
    state: str
    polls: int
    applied: int
    counters: dict[str, int]
    created: int
    updated: int


def prepare(store: Store) -> None:
    """Makes the tables, if they are not there."""
    store.db.executescript(SCHEMA)


def options(store: Store) -> dict[str, int]:
    """How imports go now."""
    return {**OPTIONS, **(store.get(KEY) or {})}


def change(store: Store, wanted: Mapping[str, Any]) -> None:
    """Sets some of the options."""
    if unknown := wanted.keys() - OPTIONS.keys():
        raise ValueError(f"there is no {', '.join(unknown)}; there are {', '.join(OPTIONS)}")
    store.put(KEY, {**options(store), **{name: int(value) for name, value in wanted.items()}})


def told(store: Store) -> dict[str, Any]:
    """Options, and how many imports are in which state."""
    rows = store.db.execute("select state, count(*) from hs_imports group by 1")
    return {"options": options(store), "states": dict(rows.fetchall())}


def entries() -> tuple[Entry, ...]:
    """Every call that has to do with imports."""
    one = "/crm/{v}/imports/{import:int}"
    return (
        ("POST", "/crm/{v}/imports", _start),
        ("GET", "/crm/{v}/imports", _list),
        ("GET", one, _read),
        ("POST", f"{one}/cancel", _cancel),
        ("GET", f"{one}/errors", _errors),
    )


def _start(call: Call) -> Answer:
    call.need("crm.import")
    form, store, now = call.request.headers.get("content-type", ""), call.store, now_ms(call.store)
    sent = parts(call.body, form)
    wanted = request_of(sent)
    read = pages(store, wanted, sent)
    for each in read:
        auth.need_product(call.app, each.kind.name)
    kinds = _packed(list(dict.fromkeys(each.kind.id for each in read)))
    (id_,) = store.db.execute(
        "select ifnull(max(id) + 1, ?) from hs_imports", (FIRST_ID,)
    ).fetchone()
    store.db.execute(
        "insert into hs_imports (id, app, request, body, form, kinds, state, created, updated)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            id_,
            call.app.id,
            orjson.dumps(wanted).decode(),
            call.body,
            form,
            kinds,
            STARTED,
            now,
            now,
        ),
    )
    return Answer(_told(_import(store, id_)))


def _list(call: Call) -> Answer:
    """The imports, the newest first."""
    call.need("crm.import")
    limit = number(call.query.get("limit"), "limit", PAGE, LONGEST_PAGE)
    before = number(call.query.get("after"), "after", 1 << 60, 1 << 60)
    rows = call.store.db.execute(
        f"select {_COLUMNS} from hs_imports where id < ? order by id desc limit ?",
        (before, limit + 1),
    ).fetchall()
    shown = [_kept(each) for each in rows[:limit]]
    answer: dict[str, Any] = {"results": [_told(each) for each in shown]}
    if len(rows) > limit and shown:
        answer["paging"] = {"next": _next(call, limit, shown[-1].id)}
    return Answer(answer)


def _read(call: Call) -> Answer:
    """How far an import is; it gets on by being asked about."""
    call.need("crm.import")
    found = _asked(call)
    if found.state in (STARTED, PROCESSING):
        _work(call.store, found)
    return Answer(_told(_asked(call)))


def _cancel(call: Call) -> Answer:
    """Stops an import; what it has written stays."""
    call.need("crm.import")
    found, now = _asked(call), now_ms(call.store)
    if found.state not in (STARTED, PROCESSING):
        raise invalid(f"The import is {found.state} and cannot be cancelled")
    _set(call.store, found, "CANCELED")
    moments = {"requestedAt": iso(now), "startedAt": iso(now), "completedAt": iso(now)}
    return Answer({"status": "CANCELED", **moments})


def _errors(call: Call) -> Answer:
    call.need("crm.import")
    found = _asked(call)
    limit = number(call.query.get("limit"), "limit", PAGE, LONGEST_PAGE)
    after = number(call.query.get("after"), "after", 0, 1 << 60)
    show = {"row": flag(call, "includeRowData"), "message": flag(call, "includeErrorMessage")}
    rows = call.store.db.execute(
        "select number, code, body from hs_import_errors where import = ? and number > ?"
        " order by number limit ?",
        (found.id, after, limit + 1),
    ).fetchall()
    results = [
        {"id": str(found.id * 1_000_000 + n), **_mistake(found, code, body, show)}
        for n, code, body in rows[:limit]
    ]
    answer: dict[str, Any] = {"results": results}
    if len(rows) > limit and results:
        answer["paging"] = {"next": _next(call, limit, rows[limit - 1][0])}
    return Answer(answer)


def _mistake(found: Import, code: int, body: str, show: Mapping[str, bool]) -> dict[str, Any]:
    held = orjson.loads(body)
    mistake = import_rows.Mistake(**{**held, "row": tuple(held["row"])})
    return import_rows.told(mistake, _file_id(found), found.created, BY_CODE[code], **show)


def _work(store: Store, found: Import) -> None:
    """Gets on with an import: it is started, under way, done."""
    options_, polls = options(store), found.polls + 1
    store.db.execute("update hs_imports set polls = ? where id = ?", (polls, found.id))
    if options_["fail"]:
        store.put(KEY, {**options_, "fail": options_["fail"] - 1})
        _set(store, found, "FAILED")
    elif polls >= options_["polls"]:
        _get_on(store, found, whole=polls > options_["polls"])


def _get_on(store: Store, found: Import, *, whole: bool) -> None:
    try:
        _apply(store, found, whole=whole)
    except Refusal:
        # a property that was there at the start is there no more
        _set(store, found, "FAILED")
    else:
        _set(store, found, DONE if whole else PROCESSING)


def _apply(store: Store, found: Import, *, whole: bool) -> None:
    """Writes what is left of the rows, or the first half of them."""
    body, form = store.db.execute(
        "select body, form from hs_imports where id = ?", (found.id,)
    ).fetchone()
    every = pages(store, found.request, parts(body, form))
    rows = sum(len(each.rows) for each in every)
    upto = rows if whole else rows // 2
    if upto <= found.applied:
        return
    with store.transaction():
        counters, offset = Counter(found.counters), 0
        for page in every:
            start, end = (_within(at - offset, page) for at in (found.applied, upto))
            done = import_rows.apply(store, page, start, end, _seen(page, start), found.app)
            counters.update(done.counters)
            counters[import_rows.ERRORS] += len(done.mistakes)
            _note(store, found, page, done.mistakes)
            offset += len(page.rows)
        sql = "update hs_imports set applied = ?, counters = ? where id = ?"
        kept = _packed({name: n for name, n in counters.items() if n})
        store.db.execute(sql, (upto, kept, found.id))


def _within(at: int, page: Page) -> int:
    return max(0, min(at, len(page.rows)))


def _seen(page: Page, start: int) -> set[str]:
    """The keys of the rows before."""
    return {key for row in page.rows[:start] if (key := import_rows.key_of(page, row))}


def _note(store: Store, found: Import, page: Page, mistakes: list[import_rows.Mistake]) -> None:
    sql = "select ifnull(max(number), 0) from hs_import_errors where import = ?"
    (last,) = store.db.execute(sql, (found.id,)).fetchone()
    store.db.executemany(
        "insert into hs_import_errors values (?, ?, ?, ?)",
        [(found.id, n, page.kind.code, _packed(each)) for n, each in enumerate(mistakes, last + 1)],
    )


def _set(store: Store, found: Import, state: str) -> None:
    sql = "update hs_imports set state = ?, updated = ? where id = ?"
    store.db.execute(sql, (state, now_ms(store), found.id))


def _asked(call: Call) -> Import:
    return _import(call.store, int(call.path["import"]))


def _import(store: Store, id_: int) -> Import:
    row = store.db.execute(f"select {_COLUMNS} from hs_imports where id = ?", (id_,)).fetchone()
    if row is None:
        raise not_found(f"Import {id_} does not exist")
    return _kept(row)


def _kept(row: tuple[Any, ...]) -> Import:
    id_, app, request, kinds, state, polls, applied, counters, created, updated = row
    loaded = orjson.loads(request), orjson.loads(kinds), orjson.loads(counters)
    return Import(
        id_, app, loaded[0], loaded[1], state, polls, applied, loaded[2], created, updated
    )


def _packed(value: Any) -> str:
    return orjson.dumps(value).decode()


def _file_id(found: Import) -> int:
    return 90_000_000 + found.id


def _told(found: Import) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "state": found.state,
        "importName": found.request["name"],
        "importSource": "API",
        "importRequestJson": found.request,
        "optOutImport": False,
        "mappedObjectTypeIds": found.kinds,
        "createdAt": iso(found.created),
        "updatedAt": iso(found.updated),
        "metadata": {
            "counters": found.counters,
            "fileIds": [str(_file_id(found))],
            "objectLists": [],
        },
    }


def _next(call: Call, limit: int, after: int) -> dict[str, str]:
    link = f"{call.base}{call.request.url.path}?limit={limit}&after={after}"
    return {"after": str(after), "link": link}
