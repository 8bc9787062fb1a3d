"""Associations as they are read and written: batches, single pairs, and inside other answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from . import auth, links, objects, records, settings
from .api import Answer, Call
from .asked import inputs, number
from .errors import invalid, not_found
from .kinds import Kind, kind_of
from .pairs import id_of, number_of, there, types_of, wrong_with
from .times import iso, now_ms

MOST_READ, MOST_MADE, LARGEST_LIST = 1_000, 2_000, 500
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
    found = there(call.store, far, links.between(call.store, near, asked, far))
    types = links.types(call.store, near, far)
    results, errors = [], []
    for id_, after in asked.items():
        if others := found.get(id_):
            results.append(_page(call, types, id_, others, after, turned.association_page))
        elif turned.unassociated == "errors":
            errors.append(_unassociated(near, id_, far))
    return _answered(call, began, results, errors, 200)


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
            pair = id_of(each.get("from")), id_of(each.get("to"))
            if said := wrong_with(call.store, near, far, pair):
                errors.append(_error(said))
                continue
            wanted = types_of(call.store, near, far, each.get("types") or ())
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


def _error(said: str) -> Body:
    return {"status": "error", "category": "VALIDATION_ERROR", "message": said}


def archive(call: Call) -> Answer:
    """Takes all associations of pairs away; none is no error."""
    near, far = sides(call, write=True)
    with call.store.transaction():
        for each in inputs(call, MOST_MADE):
            for other in each.get("to") or ():
                links.remove(call.store, near, id_of(each.get("from")), far, id_of(other))
    return Answer(status=204)


def archive_labels(call: Call) -> Answer:
    """Takes some types of associations of pairs away."""
    near, far = sides(call, write=True)
    with call.store.transaction():
        for each in inputs(call, MOST_MADE):
            pair = id_of(each.get("from")), id_of(each.get("to"))
            for type_ in types_of(call.store, near, far, each.get("types") or ()):
                links.remove(call.store, near, pair[0], far, pair[1], type_)
    return Answer(status=204)


def associate(call: Call) -> Answer:
    """Associates pairs without a label."""
    near, far = sides(call, write=True)
    pairs = [(id_of(each.get("from")), id_of(each.get("to"))) for each in inputs(call, MOST_MADE)]
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
            if said := wrong_with(call.store, near, far, (one, other)):
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
    id_ = number_of(call.path["id"])
    if not records.fetch(call.store, near, [id_]):
        raise not_found()
    limit = number(call.query.get("limit"), "limit", LARGEST_LIST, LARGEST_LIST)
    after = number(call.query.get("after"), "after", 0, 1 << 62)
    found = there(call.store, far, links.between(call.store, near, [id_], far)).get(id_, {})
    page = _page(call, links.types(call.store, near, far), id_, found, after, limit)
    answer = {"results": page["to"]}
    return Answer({**answer, "paging": page["paging"]} if "paging" in page else answer)


def put(call: Call) -> Answer:
    """Associates two records with the types that the body lists."""
    near, far = sides(call, write=True)
    pair = _pair(call)
    if said := wrong_with(call.store, near, far, pair):
        raise invalid(said)
    wanted = types_of(call.store, near, far, call.json_list())
    with call.store.transaction():
        for type_ in wanted:
            links.add(call.store, near, pair[0], far, pair[1], type_)
    return Answer(_made(call, near, far, pair, wanted), 201)


def put_named(call: Call) -> Answer:
    """Associates two records as the oldest spelling has it, with the name of the type."""
    near, far = sides(call, write=True)
    pair = _pair(call)
    type_ = links.default(near, far)
    if type_ is None or wrong_with(call.store, near, far, pair):
        raise not_found()
    with call.store.transaction():
        links.add(call.store, near, pair[0], far, pair[1], type_)
    row = records.fetch(call.store, near, [pair[0]])[pair[0]]
    result = objects.told(near, row, sorted(near.system))
    there = {"results": [{"id": str(pair[1]), "type": call.path["name"]}]}
    return Answer({**result, "associations": {far.name: there}})


def delete(call: Call) -> Answer:
    """Takes all associations of two records away."""
    near, far = sides(call, write=True)
    with call.store.transaction():
        links.remove(call.store, near, _pair(call)[0], far, _pair(call)[1])
    return Answer(status=204)


def _pair(call: Call) -> tuple[int, int]:
    return number_of(call.path["id"]), number_of(call.path["other"])
