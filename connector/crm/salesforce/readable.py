"""Which of the fields that a mapping reads a permission set can show, and which are nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ...mapping import pulls
from ...mapping.objects import Pull
from .client import Client
from .fields import Describe, Step, along
from .setup import tooling

Look = Callable[[str], Describe | None]
#: An object and the name of one of its fields.
Place = tuple[str, str]


def readable(client: Client, read: Sequence[Pull], look: Look) -> tuple[list[str], list[str]]:
    """Fields whose reading can be granted (`Account.ARR__c`), and those the org does not have.

    A field that the running user may not see is absent from describe; Setup knows it still.
    """
    places = [found for pull in read for found in _places(pull, look)]
    unseen = {(each.object, each.name) for each, _ in places if each.raw is None}
    hidden = {place for object in _objects(unseen) for place in _in_setup(client, object, unseen)}
    shown = {(s.object, s.name) for s, _ in places if s.raw and s.raw.get("permissionable")}
    needed = {(each.object, each.name) for each, needed in places if needed}
    known = {(object, name.casefold()) for object, name in hidden}
    nowhere = {(at, name) for at, name in unseen & needed if (at, name.casefold()) not in known}
    missing = [*map(".".join, nowhere), *_no_objects(read, look)]
    return sorted(map(".".join, shown | hidden)), sorted(missing)


def _places(pull: Pull, look: Look) -> Iterator[tuple[Step, bool]]:
    """Every field on the way of every path that a pull reads or filters by, and if it is needed."""
    if look(pull.object) is None:
        return
    needed = set(pulls.absent(pull, {}))
    for path in pulls.fields(pull):
        yield from ((step, path in needed) for step in along(path, pull.object, look))
    for path in pulls.filtered(pull):
        yield from ((step, True) for step in along(path, pull.object, look, exact=False))


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
