"""Records one by one and page by page: list, get, create, change, archive, merge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from . import attached, auth, catalogue, history, merges, outside, records, rules
from .api import Answer, Call
from .asked import flag, listed, number
from .errors import Refusal, invalid, not_found, page_not_found
from .kinds import CORE, READ_ONLY, Kind, kind_of
from .records import Author, Row
from .times import iso
from .values import taken

LARGEST_PAGE, USUAL_PAGE, WITH_HISTORY = 100, 10, 50
CONTENT_SCOPE = "sales-email-read"
CONTENT = frozenset({"hs_email_text", "hs_email_html", "hs_body_preview"})
Names = Sequence[str]


def entries() -> tuple[tuple[str, str, Any], ...]:
    """The calls of this part."""
    base = "/crm/{v}/objects/{type}"
    return (
        ("GET", base, list_page),
        ("POST", base, create),
        ("POST", f"{base}/merge", merge),
        ("GET", f"{base}/{{id}}", get),
        ("PATCH", f"{base}/{{id}}", change),
        ("DELETE", f"{base}/{{id}}", archive),
    )


def readable(call: Call) -> Kind:
    """The type that the address names, if the token may read it."""
    kind = kind_of(call.path["type"])
    auth.need_product(call.app, kind.name)
    call.need(*kind.reads)
    return kind


def writable(call: Call) -> Kind:
    """The type that the address names, if the token may write it."""
    kind = kind_of(call.path["type"])
    if kind.name in READ_ONLY:
        raise Refusal("", "Method Not Allowed", status=405)
    auth.need_product(call.app, kind.name)
    call.need(*kind.writes)
    return kind


def author(call: Call) -> Author:
    """Who writes."""
    return Author("INTEGRATION", str(call.app.id), str(call.app.user))


def names_of(call: Call, kind: Kind, asked: Iterable[str]) -> list[str]:
    """The properties to tell: those asked for that there are, and the system's own."""
    wanted = [each for each in asked if each]
    if not wanted:
        return list(kind.defaults)
    known = catalogue.known(call.store, kind)
    return sorted({*kind.system, *(each for each in wanted if each in known)})


def told(kind: Kind, row: Row, names: Names, *, content: bool = True) -> dict[str, Any]:
    """A record as it is answered; what was never set is null."""
    held = orjson.loads(row.properties)
    get_ = held.get
    properties = {name: get_(name) for name in names}
    if not content:
        properties = {each: None if each in CONTENT else properties[each] for each in properties}
    answer = {
        "id": str(row.id),
        "properties": properties,
        "createdAt": held[kind.created],
        "updatedAt": held[kind.changed],
        "archived": bool(row.archived),
    }
    if row.archived_at is not None:
        answer["archivedAt"] = iso(row.archived_at)
    return answer


def written(kind: Kind, row: Row, values: Mapping[str, str]) -> dict[str, Any]:
    """A record as it is answered to a write: everything that it holds, and what was written."""
    held = row.values
    every = {each for each, text in held.items() if text or each in values}
    return told(kind, row, sorted({*every, *kind.system}))


def may_see_content(call: Call, kind: Kind) -> bool:
    """Whether the token may read what e-mails say."""
    return kind.name != "emails" or CONTENT_SCOPE in call.app.scopes


def checked(call: Call, kind: Kind, given: Any) -> dict[str, str]:
    """The values of one record as they are kept; refuses if one of them is not taken."""
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise invalid("Invalid input JSON on line 1, column 1: properties is an object")
    return taken(
        catalogue.known(call.store, kind),
        given,
        kind,
        call.app.portal,
        outside.values(call.store, kind, given),
        told=call.dated,
    )


def complete(call: Call, kind: Kind, values: dict[str, str]) -> dict[str, str]:
    """The values of a new record; refuses if what it cannot be without is missing."""
    filled = {**outside.defaults(call.store, kind), **values}
    missing = [each for each in kind.required if not filled.get(each)]
    if missing:
        raise Refusal(
            "VALIDATION_ERROR",
            f"Error creating {kind.single.upper()}. Some required properties were not set.",
            context={"properties": missing},
            errors=[
                {
                    "message": f"{each} must be set",
                    "code": "MISSING_REQUIRED_PROPERTY",
                    "context": {"propertyName": [each]},
                }
                for each in missing
            ],
        )
    return filled


def list_page(call: Call) -> Answer:
    """A page of records in the order of their ids."""
    kind = readable(call)
    with_history = listed(call, "propertiesWithHistory")
    limit = number(call.query.get("limit"), "limit", USUAL_PAGE, LARGEST_PAGE)
    if with_history and limit > WITH_HISTORY:
        raise invalid(
            "You can only request at most 50 objects in one request when also requesting"
            " property history"
        )
    after = number(call.query.get("after"), "after", 0, 1 << 62)
    rows = records.page(call.store, kind, after, limit + 1, archived=flag(call, "archived"))
    names = names_of(call, kind, listed(call, "properties"))
    content = may_see_content(call, kind)
    shown = rows[:limit]
    results = [told(kind, row, names, content=content) for row in shown]
    _complete(call, kind, shown, results, with_history)
    answer: dict[str, Any] = {"results": results}
    if len(rows) > limit and shown:
        following = shown[-1].id + 1
        link = f"{call.base}{call.request.url.path}?limit={limit}&after={following}"
        answer["paging"] = {"next": {"after": str(following), "link": link}}
    return Answer(answer)


def _complete(
    call: Call, kind: Kind, rows: Sequence[Row], results: list[dict[str, Any]], names: Names
) -> None:
    """Adds what not every answer has: the address of the record, history, associations."""
    for row, result in zip(rows, results, strict=True):
        if kind.name in CORE:
            page = f"https://app.hubspot.com/contacts/{call.app.portal}/record/{kind.id}/{row.id}"
            result["url"] = page
        if names:
            result["propertiesWithHistory"] = history.told(call.store, kind, row, names)
    for spelled in listed(call, "associations"):
        attached.inline(call, kind, rows, results, kind_of(spelled))


def get(call: Call) -> Answer:
    """One record, by its id or by a unique property; a merged one by its old id too."""
    kind = readable(call)
    row = _found(call, kind, archived=flag(call, "archived"))
    names = names_of(call, kind, listed(call, "properties"))
    result = told(kind, row, names, content=may_see_content(call, kind))
    _complete(call, kind, [row], [result], listed(call, "propertiesWithHistory"))
    return Answer(result)


def create(call: Call) -> Answer:
    """A new record, with its associations."""
    kind = writable(call)
    body = call.json()
    values = complete(call, kind, checked(call, kind, body.get("properties")))
    rules.check(call, kind, values, {}, new=True)
    with call.store.transaction():
        (id_,) = records.create(call.store, kind, [values], author(call))
        attached.of_new(call, kind, id_, values, body.get("associations") or [])
    row = records.fetch(call.store, kind, [id_])[id_]
    return Answer(written(kind, row, values), 201)


def change(call: Call) -> Answer:
    """New values of a record."""
    kind = writable(call)
    row = _found(call, kind)
    values = checked(call, kind, call.json().get("properties"))
    rules.check(call, kind, values, row.values)
    with call.store.transaction():
        row = records.update(call.store, kind, [(row, values)], author(call))[row.id]
        attached.follow(call.store, kind, row.id, values)
    return Answer(written(kind, row, values))


def archive(call: Call) -> Answer:
    """Puts a record away; one that is not there is no error."""
    kind = writable(call)
    if call.path["id"].isdigit():
        records.archive(call.store, kind, [int(call.path["id"])])
    return Answer(status=204)


def merge(call: Call) -> Answer:
    """Makes one record of two; what the first one holds counts."""
    kind = writable(call)
    if kind.name not in CORE:
        raise not_found()
    body = call.json()
    winner, loser = str(body.get("primaryObjectId", "")), str(body.get("objectIdToMerge", ""))
    if not (winner.isdigit() and loser.isdigit()) or winner == loser:
        raise invalid("primaryObjectId and objectIdToMerge are the ids of two records")
    row = merges.merge(call.store, kind, int(winner), int(loser), author(call))
    return Answer(written(kind, row, {}))


def _found(call: Call, kind: Kind, *, archived: bool = False) -> Row:
    spelled = call.path["id"]
    if unique := call.query.get("idProperty"):
        check_unique(call, kind, unique)
        key = records.key_of(kind, unique, spelled)
        ids = list(records.found_by(call.store, kind, unique, [key]).values())
    elif spelled.isdigit() and len(spelled) < 19:
        ids = [records.survivor(call.store, kind, int(spelled))]
    else:
        raise not_found("Object not found.  objectId are usually numeric.")
    found = records.fetch(call.store, kind, ids, archived=archived)
    if not found:
        # activities and tickets answer with a page in the older spelling
        plain = call.dated or (kind.name in CORE and kind.name != "tickets")
        raise not_found() if plain else page_not_found()
    return next(iter(found.values()))


def check_unique(call: Call, kind: Kind, name: str) -> None:
    """Refuses a property that does not tell one record from all others."""
    known = catalogue.known(call.store, kind).get(name)
    if known is None or not known.unique:
        raise invalid(f"Property '{name}' is not a unique property of {kind.name}")
