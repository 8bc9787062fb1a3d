"""Lists, which the product calls segments: made, found, filtered, and who belongs to them."""

from __future__ import annotations

from typing import Any

from ..store import Store
from . import list_filters
from .api import Answer, Call, Entry
from .errors import Refusal, invalid
from .kinds import kind_of
from .list_store import (
    COLUMNS,
    READ,
    WRITE,
    List,
    add,
    list_of,
    lists,
    matching,
    missing,
    packed,
    size,
    told,
    within,
)
from .times import now_ms

FIRST_ID = 581
PROCESSING = ("MANUAL", "DYNAMIC", "SNAPSHOT")


def entries() -> tuple[Entry, ...]:
    """Every call that has to do with lists."""
    one = "/crm/{v}/lists/{list:int}"
    return (
        ("POST", "/crm/{v}/lists", _create),
        ("GET", "/crm/{v}/lists", _several),
        ("POST", "/crm/{v}/lists/search", _search),
        ("GET", "/crm/{v}/lists/object-type-id/{type}/name/{name}", _by_name),
        ("GET", one, _read),
        ("DELETE", one, _delete),
        ("PUT", f"{one}/restore", _restore),
        ("PUT", f"{one}/update-list-filters", _update_filters),
        ("PUT", f"{one}/update-list-name", _rename),
        # an id that is no number is one that does not exist
        ("GET", "/crm/{v}/lists/{list}", _nothing),
    )


def _create(call: Call) -> Answer:
    call.need(*WRITE)
    wanted, now = call.json(), now_ms(call.store)
    how, branch = wanted.get("processingType"), wanted.get("filterBranch")
    kind, name = kind_of(str(wanted.get("objectTypeId"))), _named(call, wanted.get("name"))
    if how not in PROCESSING:
        raise invalid(f"processingType is one of: {', '.join(PROCESSING)}")
    if how == "MANUAL" and branch is not None:
        raise invalid("A MANUAL list cannot have filters")
    if how == "DYNAMIC" and branch is None:
        raise invalid("A DYNAMIC list must have filters")
    if branch is not None:
        list_filters.compiled(call.store, kind, branch)
    with call.store.transaction() as db:
        (after,) = db.execute("select ifnull(max(id) + 1, ?) from hs_lists", (FIRST_ID,)).fetchone()
        db.execute(
            f"insert into hs_lists ({COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, null, 1)",
            (after, kind.code, name, how, packed(branch), now, now, now),
        )
        if how == "SNAPSHOT" and branch is not None:
            found = [row.id for row in matching(call.store, kind, branch)]
            add(call.store, after, found)
    return Answer({"list": told(call.store, list_of(call.store, after), filters=True)})


def _named(call: Call, name: Any, but: int = 0) -> str:
    """A name that no other list has."""
    if not isinstance(name, str) or not name.strip():
        raise invalid("name must not be blank")
    taken = call.store.db.execute(
        "select id from hs_lists where lower(name) = lower(?) and deleted is null and id != ?",
        (name, but),
    ).fetchone()
    if taken:
        raise invalid(
            f"A list with the name '{name}' already exists.",
            sub="ListError.DUPLICATE_LIST_NAMES",
            context={"name": [name]},
        )
    return name


def _read(call: Call) -> Answer:
    call.need(*READ)
    return Answer({"list": told(call.store, _asked(call), filters=_with_filters(call))})


def _by_name(call: Call) -> Answer:
    call.need(*READ)
    kind, name = kind_of(call.path["type"]), call.path["name"]
    found = lists(call.store, "type = ? and name = ? and deleted is null", kind.code, name)
    if not found:
        raise Refusal(
            "OBJECT_NOT_FOUND",
            f"List does not exist with name {name} and object type ID {kind.id}.",
            status=404,
            sub="ListError.LIST_NAME_DOES_NOT_EXIST",
        )
    return Answer({"list": told(call.store, found[0], filters=_with_filters(call))})


def _several(call: Call) -> Answer:
    call.need(*READ)
    asked = call.request.query_params.getlist("listIds")
    wanted = {each for text in asked for each in text.split(",")}
    found = [each for each in lists(call.store, "deleted is null") if str(each.id) in wanted]
    filters = _with_filters(call)
    every = [told(call.store, each, filters=filters, sized=True) for each in found]
    return Answer({"lists": every})


def _search(call: Call) -> Answer:
    call.need(*READ)
    if not call.body:
        raise Refusal("", "validation error", more={"errors": ["The request body may not be null"]})
    wanted = call.json()
    count, offset = within(wanted.get("count", 20), 500), int(wanted.get("offset", 0))
    query, kinds = str(wanted.get("query") or "").lower(), wanted.get("processingTypes") or ()
    ids = {str(each) for each in wanted.get("listIds") or ()}
    found = [
        each
        for each in lists(call.store, "deleted is null")
        if query in each.name.lower()
        and (not kinds or each.processing in kinds)
        and (not ids or str(each.id) in ids)
    ]
    page = found[offset : offset + count]
    return Answer(
        {
            "offset": offset + len(page),
            "hasMore": offset + len(page) < len(found),
            "lists": [_found(call.store, each) for each in page],
            "total": len(found),
        }
    )


def _found(store: Store, each: List) -> dict[str, Any]:
    more = {"hs_list_size": str(size(store, each))}
    return {**told(store, each, filters=False), "additionalProperties": more}


def _delete(call: Call) -> Answer:
    call.need(*WRITE)
    sql = "update hs_lists set deleted = ? where id = ?"
    call.store.db.execute(sql, (now_ms(call.store), _asked(call).id))
    return Answer(status=204)


def _restore(call: Call) -> Answer:
    call.need(*WRITE)
    wanted = list_of(call.store, int(call.path["list"]), deleted=True)
    _named(call, wanted.name)
    call.store.db.execute("update hs_lists set deleted = null where id = ?", (wanted.id,))
    return Answer(status=204)


def _update_filters(call: Call) -> Answer:
    call.need(*WRITE)
    wanted, branch = _asked(call), call.json().get("filterBranch")
    if wanted.processing != "DYNAMIC":
        raise invalid(f"The filters of a {wanted.processing} list cannot be changed")
    list_filters.compiled(call.store, wanted.kind, branch)
    now = now_ms(call.store)
    call.store.db.execute(
        "update hs_lists set branch = ?, updated = ?, filters_updated = ?, version = version + 1"
        " where id = ?",
        (packed(branch), now, now, wanted.id),
    )
    return Answer({"updatedList": told(call.store, _asked(call), filters=True)})


def _rename(call: Call) -> Answer:
    call.need(*WRITE)
    wanted = _asked(call)
    name = _named(call, call.query.get("listName"), but=wanted.id)
    sql = "update hs_lists set name = ?, updated = ? where id = ?"
    call.store.db.execute(sql, (name, now_ms(call.store), wanted.id))
    renamed = told(call.store, _asked(call), filters=_with_filters(call))
    return Answer({"updatedList": renamed})


def _asked(call: Call) -> List:
    return list_of(call.store, int(call.path["list"]))


def _nothing(call: Call) -> Answer:
    call.need(*READ)
    raise missing(call.path["list"])


def _with_filters(call: Call) -> bool:
    return call.query.get("includeFilters", "false").lower() == "true"
