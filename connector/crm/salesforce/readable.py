"""Which of the fields that a mapping reads a permission set can show, and which are nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...mapping import pulls
from ...mapping.objects import Pull
from .client import Client
from .fields import Describe, Step, along
from .setup import tooling

Look = Callable[[str], Describe | None]
#: An object and the name of one of its fields.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Readable:
    """What is read: fields whose reading can be granted (`Account.ARR__c`), the objects that are
    passed on the way, and what the org does not have."""

    fields: tuple[str, ...]
    objects: tuple[str, ...]
    absent: tuple[str, ...]


def readable(
    client: Client, read: Sequence[Pull], look: Look, grantable: frozenset[str]
) -> Readable:
    """Look up everything that the pulls read and filter by.

    What the running user may not see is absent from describe; Setup knows it still, and so does
    the list of the objects that can be granted.
    """
    there = [pull for pull in read if look(pull.object) is not None or pull.object in grantable]
    places = [found for pull in there for found in _places(pull, look)]
    unseen = {(each.object, each.name) for each, _ in places if each.raw is None}
    known = {p: on for object in _objects(unseen) for p, on in _in_setup(client, object, unseen)}
    hidden = {place for place, can_be_granted in known.items() if can_be_granted}
    shown = {(s.object, s.name) for s, _ in places if s.raw and s.raw.get("permissionable")}
    needed = {(each.object, each.name) for each, needed in places if needed}
    folded = {(object, name.casefold()) for object, name in known}
    nowhere = {(at, name) for at, name in unseen & needed if (at, name.casefold()) not in folded}
    gone = {pull.object for pull in read if pull not in there and not pull.optional}
    return Readable(
        tuple(sorted(map(".".join, shown | hidden))),
        tuple(sorted({step.object for step, _ in places})),
        tuple(sorted({*map(".".join, nowhere), *gone})),
    )


def _places(pull: Pull, look: Look) -> Iterator[tuple[Step, bool]]:
    """Every field on the way of every path that a pull reads or filters by, and if it is needed."""
    needed = set(pulls.absent(pull, {}))
    for path in pulls.fields(pull):
        yield from ((step, path in needed) for step in along(path, pull.object, look))
    for path in pulls.filtered(pull):
        yield from ((step, True) for step in along(path, pull.object, look, exact=False))


def _objects(places: Iterable[Place]) -> list[str]:
    return sorted({object for object, _ in places})


def _in_setup(client: Client, object: str, places: Iterable[Place]) -> Iterator[tuple[Place, bool]]:
    """Which of these fields exist, whoever sees them, and whether they can be granted."""
    names = ", ".join(f"'{name}'" for owner, name in places if owner == object)
    soql = (
        "SELECT QualifiedApiName, IsFlsEnabled FROM FieldDefinition "
        f"WHERE EntityDefinition.QualifiedApiName = '{object}' AND QualifiedApiName IN ({names})"
    )
    for row in tooling(client, soql) or ():
        yield (object, row["QualifiedApiName"]), bool(row["IsFlsEnabled"])
