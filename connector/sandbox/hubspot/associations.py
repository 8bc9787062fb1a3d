"""Associations as they are read and written: batches, single pairs, and inside other answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..store import Store
from . import auth, links, records, settings
from .api import Answer, Call
from .asked import inputs, number
from .errors import Refusal, invalid, not_found
from .kinds import ACTIVITIES, BY_NAME, Kind, kind_of
from .records import Row
from .times import iso, now_ms

MOST_READ, MOST_MADE, INLINE, LARGEST_LIST = 1_000, 2_000, 100, 500
Body = dict[str, Any]
Found = Mapping[int, Sequence[tuple[int, int]]]


def entries() -> tuple[tuple[str, str, Callable[[Call], Answer]], ...]:
    """The calls of this part."""
    batch = "/crm/{v4}/associations/{from}/{to}/batch"
    one = "/crm/{v4}/objects/{from}/{id}/associations"
    return (
        ("POST", f"{batch}/read", read),
        ("POST", f"{batch}/create", create),
        ("POST", f"{batch}/archive", archive),
        ("POST", f"{batch}/labels/archive", archive_labels),
        ("POST", f"{batch}/associate/default", associate),
        ("GET", f"{one}/{{to}}", list_of),
        ("PUT", f"{one}/{{to}}/{{other}}", put),
        ("DELETE", f"{one}/{{to}}/{{other}}", delete),
        ("PUT", f"{one}/default/{{to}}/{{other}}", put_default),
        ("PUT", "/crm/{v}/objects/{from}/{id}/associations/{to}/{other}/{name}", put_named),
    )


def sides(call: Call, *, write: bool = False) -> tuple[Kind, Kind]:
    """The two types that the address names, if the token may see them."""
    near, far = kind_of(call.path["from"]), kind_of(call.path["to"])
    for each in (near, far):
        auth.need_product(call.app, each.name)
        call.need(*(each.writes if write and each.writes else each.reads))
    return near, far


Types = Mapping[tuple[int, int], links.Type]


def told(types: Types, pairs: Iterable[tuple[int, int]]) -> list[Body]:
    """The types of one association as they are answered."""
    return [
        {
            "category": links.CATEGORIES[category],
            "typeId": number_,
            "label": types[category, number_].label if (category, number_) in types else None,
        }
        for category, number_ in pairs
    ]


def read(call: Call) -> Answer:
    """What many records are associated with; more than a page of one goes on at its `after`."""
    near, far = sides(call)
    given = inputs(call, MOST_READ)
    asked = {
        int(str(each["id"])): number(each.get("after"), "after", 0, 1 << 62)
        for each in given
        if str(each.get("id", "")).isdigit()
    }
    began, turned = now_ms(call.store), settings.of(call.store)
    found = _there(call.store, far, links.between(call.store, near, asked, far))
    types = links.types(call.store, near, far)
    results, errors = [], []
    for id_, after in asked.items():
        if others := found.get(id_):
            results.append(_page(call, types, id_, others, after, turned.association_page))
        elif turned.unassociated == "errors":
            errors.append(_unassociated(near, id_, far))
    return _answered(call, began, results, errors, 200)


def _there(
    store: Store, far: Kind, found: dict[int, dict[int, list[tuple[int, int]]]]
) -> dict[int, dict[int, list[tuple[int, int]]]]:
    """Without what leads to a record that was put away."""
    ids = {other for others in found.values() for other in others}
    if not store.db.execute(
        "select 1 from hs_records where type = ? and archived = 1 limit 1", (far.code,)
    ).fetchone():
        return found
    rows = store.db.execute(
        "select id from hs_records where type = ? and archived = 1", (far.code,)
    )
    gone = ids.intersection(each for (each,) in rows)
    if not gone:
        return found
    return {
        one: {other: pairs for other, pairs in others.items() if other not in gone}
        for one, others in found.items()
    }


def _page(
    call: Call,
    types: Types,
    id_: int,
    others: Found,
    after: int,
    size: int,
) -> Body:
    ids = sorted(each for each in others if each >= after)
    result: Body = {
        "from": {"id": str(id_)},
        "to": [
            {
                "toObjectId": str(each) if call.dated else each,
                "associationTypes": told(types, others[each]),
            }
            for each in ids[:size]
        ],
    }
    if len(ids) > size:
        result["paging"] = _next(call, ids[size])
    return result


def _next(call: Call, after: int) -> Body:
    link = f"{call.base}{call.request.url.path}?after={after}"
    return {"next": {"after": str(after), "link": link}}


def _unassociated(near: Kind, id_: int, far: Kind) -> Body:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {far.single} is associated with {near.single} {id_}.",
        "context": {
            "fromObjectId": [str(id_)],
            "fromObjectType": [near.single],
            "toObjectType": [far.single],
        },
    }


def _answered(
    call: Call, began: int, results: list[Body], errors: list[Body], status: int
) -> Answer:
    body: Body = {"status": "COMPLETE", "results": results}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    body |= {"startedAt": iso(began), "completedAt": iso(now_ms(call.store))}
    return Answer(body, 207 if errors else status)


def create(call: Call) -> Answer:
    """Associates pairs, each with the types that it names."""
    near, far = sides(call, write=True)
    began, results, errors = now_ms(call.store), [], []
    with call.store.transaction():
        for each in inputs(call, MOST_MADE):
            pair = _id_of(each.get("from")), _id_of(each.get("to"))
            if said := _invalid(call.store, near, far, pair):
                errors.append(_error(said))
                continue
            wanted = _types(call.store, near, far, each.get("types") or ())
            for type_ in wanted:
                links.add(call.store, near, pair[0], far, pair[1], type_)
            results.append(_made(call, near, far, pair, wanted))
    return _answered(call, began, results, errors, 201)


def _made(
    call: Call, near: Kind, far: Kind, pair: tuple[int, int], types: Iterable[links.Type]
) -> Body:
    one, other = (str(each) if call.dated else each for each in pair)
    return {
        "fromObjectTypeId": near.id,
        "fromObjectId": one,
        "toObjectTypeId": far.id,
        "toObjectId": other,
        "labels": [each.label for each in types if each.label],
    }


def _types(store: Store, near: Kind, far: Kind, given: Iterable[Any]) -> list[links.Type]:
    """The types that were named; refuses one that there is not."""
    known, found = links.types(store, near, far), []
    for each in given:
        category, type_id = each.get("associationCategory"), each.get("associationTypeId")
        if category not in links.CATEGORIES:
            raise invalid(f"Invalid association category: {category}")
        type_ = known.get((links.CATEGORIES.index(category), int(type_id or 0)))
        if type_ is None:
            said = (
                f"{category} association type {type_id} is not valid between {near.id} and {far.id}"
            )
            raise invalid(said)
        found.append(type_)
    if not found:
        raise invalid("At least one association type must be specified")
    return found


def _invalid(store: Store, near: Kind, far: Kind, pair: tuple[int, int]) -> str:
    """What is wrong with a pair, if it is not two records that are there."""
    for kind, id_ in ((near, pair[0]), (far, pair[1])):
        if not records.fetch(store, kind, [id_]):
            return f"{kind.single.upper()}={id_} is not valid"
    return ""


def _error(said: str) -> Body:
    return {"status": "error", "category": "VALIDATION_ERROR", "message": said}


def _id_of(given: Any) -> int:
    text = str((given or {}).get("id", ""))
    return int(text) if text.isdigit() and len(text) < 19 else 0


def archive(call: Call) -> Answer:
    """Takes all associations of pairs away; none is no error."""
    near, far = sides(call, write=True)
    with call.store.transaction():
        for each in inputs(call, MOST_MADE):
            for other in each.get("to") or ():
                links.remove(call.store, near, _id_of(each.get("from")), far, _id_of(other))
    return Answer(status=204)


def archive_labels(call: Call) -> Answer:
    """Takes some types of associations of pairs away."""
    near, far = sides(call, write=True)
    with call.store.transaction():
        for each in inputs(call, MOST_MADE):
            pair = _id_of(each.get("from")), _id_of(each.get("to"))
            for type_ in _types(call.store, near, far, each.get("types") or ()):
                links.remove(call.store, near, pair[0], far, pair[1], type_)
    return Answer(status=204)


def associate(call: Call) -> Answer:
    """Associates pairs without a label."""
    near, far = sides(call, write=True)
    pairs = [(_id_of(each.get("from")), _id_of(each.get("to"))) for each in inputs(call, MOST_MADE)]
    return _defaults(call, near, far, pairs)


def put_default(call: Call) -> Answer:
    """Associates two records without a label."""
    near, far = sides(call, write=True)
    return _defaults(call, near, far, [_pair(call)])


def _defaults(call: Call, near: Kind, far: Kind, pairs: Iterable[tuple[int, int]]) -> Answer:
    type_, began = links.default(near, far), now_ms(call.store)
    if type_ is None:
        raise invalid(f"{near.name} and {far.name} cannot be associated")
    results, errors = [], []
    with call.store.transaction():
        for one, other in pairs:
            if said := _invalid(call.store, near, far, (one, other)):
                errors.append(_error(said))
                continue
            links.add(call.store, near, one, far, other, type_)
            results.append(_associated(one, other, type_.id))
            results.append(_associated(other, one, type_.inverse))
    return _answered(call, began, results, errors, 200)


def _associated(one: int, other: int, type_id: int) -> Body:
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}
    return {"from": {"id": str(one)}, "to": {"id": str(other)}, "associationSpec": spec}


def list_of(call: Call) -> Answer:
    """What one record is associated with; the newest version has no such address any more."""
    if "2026-09" in call.request.url.path:
        raise not_found()
    near, far = sides(call)
    id_ = _number_of(call.path["id"])
    if not records.fetch(call.store, near, [id_]):
        raise not_found()
    limit = number(call.query.get("limit"), "limit", LARGEST_LIST, LARGEST_LIST)
    after = number(call.query.get("after"), "after", 0, 1 << 62)
    found = _there(call.store, far, links.between(call.store, near, [id_], far)).get(id_, {})
    page = _page(call, links.types(call.store, near, far), id_, found, after, limit)
    answer = {"results": page["to"]}
    return Answer({**answer, "paging": page["paging"]} if "paging" in page else answer)


def put(call: Call) -> Answer:
    """Associates two records with the types that the body lists."""
    near, far = sides(call, write=True)
    pair = _pair(call)
    if said := _invalid(call.store, near, far, pair):
        raise invalid(said)
    wanted = _types(call.store, near, far, call.json_list())
    with call.store.transaction():
        for type_ in wanted:
            links.add(call.store, near, pair[0], far, pair[1], type_)
    return Answer(_made(call, near, far, pair, wanted), 201)


def put_named(call: Call) -> Answer:
    """Associates two records as the oldest spelling has it, with the name of the type."""
    near, far = sides(call, write=True)
    pair = _pair(call)
    type_ = links.default(near, far)
    if type_ is None or _invalid(call.store, near, far, pair):
        raise not_found()
    with call.store.transaction():
        links.add(call.store, near, pair[0], far, pair[1], type_)
    from .objects import told as told_record

    row = records.fetch(call.store, near, [pair[0]])[pair[0]]
    result = told_record(near, row, sorted(near.system))
    there = {"results": [{"id": str(pair[1]), "type": call.path["name"]}]}
    return Answer({**result, "associations": {far.name: there}})


def delete(call: Call) -> Answer:
    """Takes all associations of two records away."""
    near, far = sides(call, write=True)
    with call.store.transaction():
        links.remove(call.store, near, _pair(call)[0], far, _pair(call)[1])
    return Answer(status=204)


def _pair(call: Call) -> tuple[int, int]:
    return _number_of(call.path["id"]), _number_of(call.path["other"])


def _number_of(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 19 else 0


def inline(call: Call, near: Kind, rows: Sequence[Row], results: Sequence[Body], far: Kind) -> None:
    """Adds associations to records of an answer: ids only, so many of each, one per type."""
    found = _there(call.store, far, links.between(call.store, near, [r.id for r in rows], far))
    types = links.types(call.store, near, far)
    for row, result in zip(rows, results, strict=True):
        others = found.get(row.id)
        if not others:
            continue
        ids = sorted(others)
        listed = [
            {"id": str(each), "type": types[pair].name}
            for each in ids[:INLINE]
            for pair in sorted(others[each])
            if pair in types
        ]
        part: Body = {"results": listed}
        if len(ids) > INLINE:
            after = ids[INLINE]
            link = f"{call.base}/crm/v4/objects/{near.name}/{row.id}/associations/{far.name}"
            part["paging"] = {"next": {"after": str(after), "link": f"{link}?after={after}"}}
        result.setdefault("associations", {})[far.name] = part


def of_new(
    call: Call, kind: Kind, id_: int, values: Mapping[str, str], given: Sequence[Any]
) -> None:
    """Associates a new record with what came with it."""
    for each in given:
        other = _id_of(each.get("to"))
        far = _far_of(call.store, kind, each.get("types") or ())
        if said := _invalid(call.store, kind, far, (id_, other)):
            raise Refusal("VALIDATION_ERROR", said)
        for type_ in _types(call.store, kind, far, each["types"]):
            links.add(call.store, kind, id_, far, other, type_)
        _touch(call.store, kind, values, far, other)
    follow(call.store, kind, id_, values)


def _far_of(store: Store, near: Kind, types: Sequence[Any]) -> Kind:
    for far in BY_NAME.values():
        known = links.types(store, near, far)
        if types and all(
            any(type_id == each.get("associationTypeId") for _, type_id in known) for each in types
        ):
            return far
    raise invalid("The association types do not exist, or lead to different objects")


def _touch(store: Store, kind: Kind, values: Mapping[str, str], far: Kind, other: int) -> None:
    """An activity moves what it is about: its date is a property there, calculated."""
    if kind.name not in ACTIVITIES or kind.name == "tasks" or not far.core:
        return
    row = records.fetch(store, far, [other])[other]
    at, before = values.get("hs_timestamp", ""), row.values.get("notes_last_updated", "")
    new = {"notes_last_updated": max(at, before)}
    if kind.name != "notes":
        new["notes_last_contacted"] = max(at, row.values.get("notes_last_contacted", ""))
    records.update(store, far, [(row, new)], records.PERSON)


def follow(store: Store, kind: Kind, id_: int, values: Mapping[str, str]) -> None:
    """A contact whose primary company was written as a property is associated with it."""
    company = values.get("associatedcompanyid", "")
    if kind.name != "contacts" or not company.isdigit():
        return
    far = BY_NAME["companies"]
    type_ = links.primary(kind, far)
    if type_ and records.fetch(store, far, [int(company)]):
        links.add(store, kind, id_, far, int(company), type_)
