"""Which of the fields that a mapping reads a permission set can show, and which are nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...mapping import pulls
from ...mapping.objects import Pull
from .client import Client
from .fields import Describe, reference, target
from .setup import tooling

Look = Callable[[str], Describe | None]
#: An object and the name of one of its fields.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """A field on the way of a path; `raw` is None for one that describe does not show."""

    place: Place
    raw: Describe | None
    needed: bool


def readable(client: Client, read: Sequence[Pull], look: Look) -> tuple[list[str], list[str]]:
    """Fields whose reading can be granted (`Account.ARR__c`), and those the org does not have.

    A field that the running user may not see is absent from describe; Setup knows it still.
    """
    places = [found for pull in read for found in _places(pull, look)]
    unseen = {each.place for each in places if each.raw is None}
    hidden = {place for object in _objects(unseen) for place in _in_setup(client, object, unseen)}
    shown = {each.place for each in places if each.raw and each.raw.get("permissionable")}
    nowhere = {each.place for each in places if each.raw is None and each.needed} - hidden
    missing = [*map(".".join, nowhere), *_no_objects(read, look)]
    return sorted(map(".".join, shown | hidden)), sorted(missing)


def _places(pull: Pull, look: Look) -> Iterator[Found]:
    """Every field on the way of every path of a pull."""
    needed = set(pulls.absent(pull, {}))
    for path in pulls.fields(pull) if look(pull.object) else ():
        yield from _on_the_way(path, pull.object, look, needed=path in needed)


def _on_the_way(path: str, object: str, look: Look, *, needed: bool) -> Iterator[Found]:
    *steps, last = path.split(".")
    for step in steps:
        raw = reference(look(object), step)
        yield Found((object, raw["name"] if raw else _reference_name(step)), raw, needed)
        if raw is None:
            return
        object = target(raw)
    fields = (look(object) or {}).get("fields", ())
    raw = next((raw for raw in fields if raw["name"] == last), None)
    yield Found((object, last), raw, needed)


def _reference_name(relationship: str) -> str:
    """The field behind a relationship that cannot be looked up."""
    custom = relationship.endswith("__r")
    return f"{relationship[:-1]}c" if custom else f"{relationship}Id"


def _no_objects(read: Iterable[Pull], look: Look) -> set[str]:
    return {pull.object for pull in read if not pull.optional and look(pull.object) is None}


def _objects(places: Iterable[Place]) -> list[str]:
    return sorted({object for object, _ in places})


def _in_setup(client: Client, object: str, places: Iterable[Place]) -> Iterator[Place]:
    """Which of these fields exist and can be granted, whoever sees them."""
    names = ", ".join(f"'{name}'" for owner, name in places if owner == object)
    soql = (
        "SELECT QualifiedApiName, IsFlsEnabled FROM FieldDefinition "
        f"WHERE EntityDefinition.QualifiedApiName = '{object}' AND QualifiedApiName IN ({names})"
    )
    for row in tooling(client, soql) or ():
        if row["IsFlsEnabled"]:
            yield object, row["QualifiedApiName"]
