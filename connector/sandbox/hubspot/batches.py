"""Many records in one call: read, create, update, upsert, archive, up to a hundred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import attached, history, records, rules, settings
from .api import Answer, Call
from .asked import inputs
from .errors import Refusal, invalid
from .kinds import Kind
from .objects import (
    WITH_HISTORY,
    author,
    check_unique,
    checked,
    complete,
    may_see_content,
    names_of,
    readable,
    told,
    writable,
    written,
)
from .records import Row
from .times import iso, now_ms

MOST = 100
Input = Mapping[str, Any]


def entries() -> tuple[tuple[str, str, Callable[[Call], Answer]], ...]:
    """The calls of this part."""
    base = "/crm/{v}/objects/{type}/batch"
    return (
        ("POST", f"{base}/read", read),
        ("POST", f"{base}/create", create),
        ("POST", f"{base}/update", update),
        ("POST", f"{base}/upsert", upsert),
        ("POST", f"{base}/archive", archive),
    )


@dataclass(slots=True)
class Outcome:
    """What became of a batch: results, and errors of single inputs."""

    began: int
    results: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, call: Call, status: int = 200) -> Answer:
        """The answer: several statuses in one if there are errors; no order is promised."""
        body: dict[str, Any] = {
            "status": "COMPLETE",
            "results": sorted(self.results, key=lambda each: int(each["id"])),
            "startedAt": iso(self.began),
            "completedAt": iso(now_ms(call.store)),
        }
        if self.errors:
            body |= {"numErrors": len(self.errors), "errors": self.errors}
        return Answer(body, 207 if self.errors else status)

    def missing(self, ids: Sequence[str]) -> None:
        """Notes that nothing is there under these ids."""
        if ids:
            said = (
                "Could not get some objects, they may be deleted or not exist."
                " Check that ids are valid."
            )
            refusal = Refusal("OBJECT_NOT_FOUND", said, context={"ids": list(ids)})
            self.errors.append(refusal.item())


def begun(call: Call) -> Outcome:
    """A batch whose work starts now."""
    return Outcome(now_ms(call.store))


def read(call: Call) -> Answer:
    """Records by id or by a unique property."""
    kind, asked = readable(call), call.json()
    with_history = [str(each) for each in asked.get("propertiesWithHistory") or ()]
    given = inputs(call, WITH_HISTORY if with_history else MOST)
    spelled = [str(each.get("id", "")) for each in given]
    outcome = begun(call)
    found = _by_key(call, kind, str(asked.get("idProperty") or ""), spelled)
    rows = records.fetch(call.store, kind, found.values(), archived=bool(_archived(call)))
    names = names_of(call, kind, map(str, asked.get("properties") or ()))
    content = may_see_content(call, kind)
    for row in rows.values():
        result = told(kind, row, names, content=content)
        if with_history:
            result["propertiesWithHistory"] = history.told(call.store, kind, row, with_history)
        outcome.results.append(result)
    outcome.missing([each for each in dict.fromkeys(spelled) if found.get(each) not in rows])
    return outcome.answer(call)


def create(call: Call) -> Answer:
    """New records; one bad value and none is made."""
    kind, given = writable(call), inputs(call, MOST)
    outcome = begun(call)
    values = [complete(call, kind, checked(call, kind, each.get("properties"))) for each in given]
    good = _lawful(call, kind, outcome, [(None, *each) for each in zip(given, values, strict=True)])
    with call.store.transaction():
        ids = records.create(call.store, kind, [each[2] for each in good], author(call))
        for id_, (_, input_, new) in zip(ids, good, strict=True):
            links = input_.get("associations") or []
            attached.of_new(call, kind, id_, new, links)
    rows = records.fetch(call.store, kind, ids)
    for id_, (_, input_, new) in zip(ids, good, strict=True):
        outcome.results.append(_traced(written(kind, rows[id_], new), input_))
    return outcome.answer(call, 201)


def update(call: Call) -> Answer:
    """New values of records; one bad value and none is changed, an unknown id is told."""
    kind, given = writable(call), inputs(call, MOST)
    outcome = begun(call)
    unlocked(call, kind)
    rows = _rows(call, kind, given)
    values = [checked(call, kind, each.get("properties")) for each in given]
    outcome.missing([_id(each) for each, row in zip(given, rows, strict=True) if row is None])
    there = [
        (row, input_, new)
        for row, input_, new in zip(rows, given, values, strict=True)
        if row is not None
    ]
    _change(call, kind, outcome, _lawful(call, kind, outcome, there))
    return outcome.answer(call)


def upsert(call: Call) -> Answer:
    """New values of records found by a unique property; what is not found is made."""
    kind, given = writable(call), inputs(call, MOST)
    outcome = begun(call)
    unlocked(call, kind)
    for each in given:
        if not each.get("idProperty"):
            raise invalid("idProperty must be set for each input of an upsert")
    rows = _rows(call, kind, given)
    values = [_with_key(call, kind, each) for each in given]
    every = list(zip(rows, given, values, strict=True))
    fresh = [(None, input_, complete(call, kind, new)) for row, input_, new in every if row is None]
    there = [each for each in every if each[0] is not None]
    lawful = _lawful(call, kind, outcome, [*there, *fresh])
    with call.store.transaction():
        _change(call, kind, outcome, [each for each in lawful if each[0] is not None], new=False)
        made = [each for each in lawful if each[0] is None]
        ids = records.create(call.store, kind, [each[2] for each in made], author(call))
    after = records.fetch(call.store, kind, ids)
    for id_, (_, input_, new) in zip(ids, made, strict=True):
        result = _traced(written(kind, after[id_], new), input_)
        outcome.results.append({**result, "new": True})
    return outcome.answer(call)


def archive(call: Call) -> Answer:
    """Puts records away; those that are not there are no error."""
    kind = writable(call)
    ids = [str(each.get("id", "")) for each in inputs(call, MOST)]
    records.archive(call.store, kind, [int(each) for each in ids if each.isdigit()])
    return Answer(status=204)


def unlocked(call: Call, kind: Kind) -> None:
    """Refuses while somebody else writes the same companies."""
    turned = settings.of(call.store)
    if kind.name == "companies" and turned.locked:
        settings.change(call.store, {"locked": turned.locked - 1})
        raise Refusal("", "The resource is locked by another operation.", status=423)


Work = tuple[Row | None, Input, dict[str, str]]


def _lawful(call: Call, kind: Kind, outcome: Outcome, work: Iterable[Work]) -> list[Work]:
    """Those that the rules of the account let through; of the others it tells why not."""
    good: list[Work] = []
    for row, input_, values in work:
        try:
            rules.check(call, kind, values, row.values if row else {}, new=row is None)
        except Refusal as refusal:
            refusal.context = {**(refusal.context or {}), **_named(input_)}
            outcome.errors.append(refusal.item())
        else:
            good.append((row, input_, values))
    return good


def _change(
    call: Call, kind: Kind, outcome: Outcome, work: Sequence[Work], *, new: bool | None = None
) -> None:
    changes = [(row, values) for row, _, values in work if row is not None]
    with call.store.transaction():
        after = records.update(call.store, kind, changes, author(call))
        for row, values in changes:
            attached.follow(call.store, kind, row.id, values)
    for found, input_, values in work:
        assert found is not None
        result = _traced(written(kind, after[found.id], values), input_)
        outcome.results.append(result if new is None else {**result, "new": new})


def _rows(call: Call, kind: Kind, given: Sequence[Input]) -> list[Row | None]:
    """The record of each input, None where there is none; refuses one that comes twice."""
    ids: dict[tuple[str, str], int] = {}
    for unique in {str(each.get("idProperty") or "") for each in given}:
        spelled = [_id(each) for each in given if str(each.get("idProperty") or "") == unique]
        ids |= {(unique, key): id_ for key, id_ in _by_key(call, kind, unique, spelled).items()}
    found = [ids.get((str(each.get("idProperty") or ""), _id(each))) for each in given]
    counted = Counter(id_ if id_ is not None else _id(each)
                      for id_, each in zip(found, given, strict=True))  # fmt: skip
    if twice := [str(each) for each, times in counted.items() if times > 1]:
        raise invalid(
            f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique",
            context={"ids": twice},
        )
    rows = records.fetch(call.store, kind, (each for each in found if each is not None))
    return [None if each is None else rows.get(each) for each in found]


def _by_key(call: Call, kind: Kind, unique: str, spelled: Sequence[str]) -> dict[str, int]:
    """The id behind each key; keys behind which there is nothing are left out."""
    if not unique:
        return {each: int(each) for each in spelled if each.isdigit() and len(each) < 19}
    check_unique(call, kind, unique)
    found = records.found_by(call.store, kind, unique, spelled)
    keys = {each: records.key_of(kind, unique, each) for each in spelled}
    return {each: found[key] for each, key in keys.items() if key in found}


def _with_key(call: Call, kind: Kind, input_: Input) -> dict[str, str]:
    """The values of an input of an upsert; a new record holds the key, too."""
    name = str(input_["idProperty"])
    given = {name: _id(input_), **(input_.get("properties") or {})}
    return checked(call, kind, given)


def _archived(call: Call) -> bool:
    return call.query.get("archived", "false") == "true"


def _id(input_: Input) -> str:
    return str(input_.get("id", ""))


def _named(input_: Input) -> dict[str, list[str]]:
    """How an error tells which input it is about."""
    told_ = {"ids": [_id(input_)]} if "id" in input_ else {}
    if trace := input_.get("objectWriteTraceId"):
        told_["objectWriteTraceId"] = [str(trace)]
    return told_


def _traced(result: dict[str, Any], input_: Input) -> dict[str, Any]:
    if trace := input_.get("objectWriteTraceId"):
        result["objectWriteTraceId"] = str(trace)
    return result
