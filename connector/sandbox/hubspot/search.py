"""Search: filters on an index that lags behind, never past the ten thousandth result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import records, search_sql, settings
from .api import Answer, Call
from .asked import number
from .errors import invalid
from .kinds import Kind
from .objects import may_see_content, names_of, readable, told
from .records import Row
from .search_sql import Condition

LONGEST_BODY, LARGEST_PAGE, USUAL_PAGE, WALL = 3_000, 200, 10, 10_000
_INDEXED = {"held": "properties", "moved": "updated", "table": "hs_records"}
_BEFORE = {
    "held": "before",
    "moved": "before_updated",
    "table": "hs_records indexed by hs_records_unindexed",
}


def entries() -> tuple[tuple[str, str, Callable[[Call], Answer]], ...]:
    """The calls of this part."""
    return (("POST", "/crm/{v}/objects/{type}/search", search),)


def search(call: Call) -> Answer:
    """Records that one of the filter groups lets through, a page of them."""
    kind = readable(call)
    if len(call.body) > LONGEST_BODY:
        raise invalid(f"The request body is too long: {LONGEST_BODY} characters are allowed")
    asked = call.json()
    limit = number(asked.get("limit"), "limit", USUAL_PAGE, LARGEST_PAGE)
    after = number(asked.get("after"), "after", 0, 1 << 62)
    if after + limit > WALL:
        raise invalid("There was a problem with the request. No more than 10000 results are paged")
    condition = search_sql.where(call.store, kind, asked.get("filterGroups"))
    if text := asked.get("query"):
        words = search_sql.searched(kind, str(text))
        joined = f"({condition.sql}) and {words.sql}"
        condition = Condition(joined, (*condition.values, *words.values))
    by = search_sql.order(call.store, kind, asked.get("sorts"))
    total, rows = _found(call, kind, condition, by, limit, after)
    names = names_of(call, kind, map(str, asked.get("properties") or ()))
    content = may_see_content(call, kind)
    answer: dict[str, Any] = {
        "total": total,
        "results": [told(kind, each, names, content=content) for each in rows],
    }
    if after + limit < total and rows:
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return Answer(answer)


def _found(
    call: Call, kind: Kind, condition: Condition, by: str, limit: int, after: int
) -> tuple[int, list[Row]]:
    """How many there are, and the rows of a page as the index knows them."""
    records.settle(call.store)
    parts = [_part(kind, condition, by, _INDEXED, "indexed_at = 0")]
    behind = call.store.db.execute("select 1 from hs_records where indexed_at > 0 limit 1")
    if behind.fetchone():
        part = "indexed_at > 0 and before is not null"
        parts.append(_part(kind, condition, by, _BEFORE, part))
    sql, values = " union all ".join(parts), condition.values * len(parts)
    (total,) = call.store.db.execute(f"select count(*) from ({sql})", values).fetchone()
    way = by.rsplit(" ", 1)[-1] if " " in by else "asc"
    rows = call.store.db.execute(
        f"select * from ({sql}) order by place {way}, id limit ? offset ?",
        (*values, limit, after),
    ).fetchall()
    found = [Row(*each[:6]) for each in rows]
    if settings.of(call.store).out_of_order:
        found = [each for at in range(0, len(found), 2) for each in reversed(found[at : at + 2])]
    return total, found


def _part(kind: Kind, condition: Condition, by: str, columns: dict[str, str], which: str) -> str:
    expression = by.removesuffix(" asc").removesuffix(" desc")
    columns_ = f"id, archived, created, {columns['moved']}, archived_at, {columns['held']}"
    return (
        f"select {columns_}, {expression.format(**columns)} as place from {columns['table']}"
        f" where type = {kind.code} and archived = 0 and {which}"
        f" and ({condition.sql.format(**columns)})"
    )
