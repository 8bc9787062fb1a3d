"""The people who own records: every user of the account, those who left as archived."""

from __future__ import annotations

from typing import Any

from ..store import Store
from .api import Answer, Call
from .asked import flag, number
from .errors import not_found

SCHEMA = """
create table if not exists hs_owners (
    id integer primary key, user_id integer not null, email text not null,
    first text not null, last text not null, created text not null, updated text not null,
    archived integer not null default 0
);
"""
_COLUMNS = "id, user_id, email, first, last, created, updated, archived"
LARGEST_PAGE = 500


def entries() -> tuple[tuple[str, str, Any], ...]:
    """The calls of this part."""
    return (("GET", "/crm/{v}/owners", list_page), ("GET", "/crm/{v}/owners/{id}", get))


def ids(store: Store) -> frozenset[str]:
    """The ids of owners who are still there."""
    rows = store.db.execute("select id from hs_owners where archived = 0")
    return frozenset(str(each) for (each,) in rows)


def list_page(call: Call) -> Answer:
    """A page of owners in the order of their ids; one e-mail address finds one of them."""
    call.need("crm.objects.owners.read")
    limit = number(call.query.get("limit"), "limit", 100, LARGEST_PAGE)
    after = number(call.query.get("after"), "after", 0, 1 << 62)
    email = call.query.get("email", "")
    rows = call.store.db.execute(
        f"select {_COLUMNS} from hs_owners where archived = ? and id >= ?"
        " and (?3 = '' or lower(email) = lower(?3)) order by id limit ?4",
        (int(flag(call, "archived")), after, email, limit + 1),
    ).fetchall()
    answer: dict[str, Any] = {"results": [_told(each) for each in rows[:limit]]}
    if len(rows) > limit:
        following = rows[limit][0]
        link = f"{call.base}{call.request.url.path}?limit={limit}&after={following}"
        answer["paging"] = {"next": {"after": str(following), "link": link}}
    return Answer(answer)


def get(call: Call) -> Answer:
    """One owner, by id or by the id of the user."""
    call.need("crm.objects.owners.read")
    column = "user_id" if call.query.get("idProperty") == "userId" else "id"
    row = call.store.db.execute(
        f"select {_COLUMNS} from hs_owners where {column} = ? and archived = ?",
        (call.path["id"], int(flag(call, "archived"))),
    ).fetchone()
    if row is None:
        raise not_found()
    return Answer(_told(row))


def _told(row: tuple[Any, ...]) -> dict[str, Any]:
    id_, user, email, first, last, created, updated, archived = row
    told = {
        "id": str(id_),
        "email": email,
        "type": "PERSON",
        "firstName": first,
        "lastName": last,
        "userId": user,
        "userIdIncludingInactive": user,
        "createdAt": created,
        "updatedAt": updated,
        "archived": bool(archived),
    }
    if archived:
        del told["userId"]
    return told
