"""Who belongs to a list: told page by page, and changed where filters do not decide."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

import orjson

from .api import Answer, Call, Entry
from .errors import invalid
from .kinds import kind_of
from .list_store import READ, WRITE, List, add, list_of, lists, members, there, within
from .times import iso

PAGE, LONGEST_PAGE = 100, 250


def entries() -> tuple[Entry, ...]:
    """Every call that has to do with memberships."""
    every = "/crm/{v}/lists/{list:int}/memberships"
    return (
        ("GET", "/crm/{v}/lists/records/{type}/{record:int}/memberships", _of_record),
        ("GET", every, _members),
        ("GET", f"{every}/join-order", _members_by_time),
        ("DELETE", every, _remove_all),
        ("PUT", f"{every}/add", lambda call: _move(call, new=_ids(call))),
        ("PUT", f"{every}/remove", lambda call: _move(call, old=_ids(call))),
        ("PUT", f"{every}/add-and-remove", _add_and_remove),
        ("PUT", f"{every}/add-from/{{source:int}}", _add_from),
    )


def _members(call: Call) -> Answer:
    call.need(*READ)
    return _page(call, members(call.store, _asked(call)))


def _members_by_time(call: Call) -> Answer:
    call.need(*READ)
    return _page(call, sorted(members(call.store, _asked(call)), key=itemgetter(1, 0)))


def _page(call: Call, every: Iterable[tuple[int, int]]) -> Answer:
    """A page of memberships; the cursor is the number of those before it."""
    limit = within(call.query.get("limit", PAGE), LONGEST_PAGE)
    all_ = list(every)
    try:
        start = int(call.query.get("after", "0"))
    except ValueError:
        raise invalid("The paging cursor is not valid") from None
    page = all_[start : start + limit]
    told: dict[str, Any] = {
        "total": len(all_),
        "results": [{"recordId": str(id_), "membershipTimestamp": iso(at)} for id_, at in page],
    }
    if start + limit < len(all_):
        after = str(start + limit)
        link = f"{call.request.url.path}?limit={limit}&after={after}"
        told["paging"] = {"next": {"after": after, "link": link}}
    return Answer(told)


def _of_record(call: Call) -> Answer:
    call.need(*READ)
    kind, record = kind_of(call.path["type"]), int(call.path["record"])
    results = []
    for each in lists(call.store, "type = ? and deleted is null", kind.code):
        at = dict(members(call.store, each)).get(record)
        if at is not None:
            moments = {"firstAddedTimestamp": iso(at), "lastAddedTimestamp": iso(at)}
            results.append({"listId": str(each.id), "listVersion": each.version, **moments})
    return Answer({"total": len(results), "results": results})


def _add_and_remove(call: Call) -> Answer:
    wanted = call.json()
    add, remove = (wanted.get(f"recordIdsTo{each}") or [] for each in ("Add", "Remove"))
    return _move(call, new=_whole(add), old=_whole(remove))


def _add_from(call: Call) -> Answer:
    source = list_of(call.store, int(call.path["source"]))
    _move(call, new=[id_ for id_, _ in members(call.store, source)])
    return Answer(status=204)


def _remove_all(call: Call) -> Answer:
    _move(call, old=[id_ for id_, _ in members(call.store, _asked(call))])
    return Answer(status=204)


def _move(call: Call, *, new: Iterable[int] = (), old: Iterable[int] = ()) -> Answer:
    """Puts records into a list and takes others out; ids of nothing are told."""
    call.need(*WRITE)
    wanted, new, old = _asked(call), list(new), list(old)
    if wanted.processing == "DYNAMIC":
        raise invalid("Memberships of a DYNAMIC list cannot be changed")
    known = there(call.store, wanted.kind, [*new, *old])
    held = {id_ for id_, _ in members(call.store, wanted)}
    added = [each for each in dict.fromkeys(new) if each in known and each not in held]
    removed = [each for each in dict.fromkeys(old) if each in held]
    with call.store.transaction() as db:
        add(call.store, wanted.id, added)
        sql = "delete from hs_members where list = ? and record = ?"
        db.executemany(sql, [(wanted.id, each) for each in removed])
    return Answer(
        {
            "recordsIdsAdded": [str(each) for each in added],
            "recordIdsRemoved": [str(each) for each in removed],
            "recordIdsMissing": [str(each) for each in sorted({*new, *old} - known)],
        }
    )


def _ids(call: Call) -> list[int]:
    try:
        found = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        raise invalid("Invalid input JSON on line 1, column 1") from None
    return _whole(found)


def _whole(found: Any) -> list[int]:
    if not isinstance(found, list) or not all(str(each).isdecimal() for each in found):
        raise invalid("Record ids are a list of numbers")
    return [int(each) for each in found]


def _asked(call: Call) -> List:
    return list_of(call.store, int(call.path["list"]))
