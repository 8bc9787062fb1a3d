"""Making the properties that a mapping writes, in a group of ours; and segments by tier if asked.

No property without our mark in its description is ever changed, no option ever dropped, and no
property that was archived is brought back unless that is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ...errors import Denied, RemoteError
from ...fieldplan import Extra, FieldPlan, FieldStep
from ...http import body_of
from ...mapping import pulls
from ...mapping.objects import CrmMapping, Field
from . import answers, catalogue, definitions, scopes, segments
from .by_hand import by_hand
from .catalogue import Properties
from .client import Client, results_of
from .definitions import GROUP, Definition, Language
from .scopes import Held

PROPERTY_GROUP = "property group"


@dataclass(frozen=True, slots=True)
class Look:
    """How an account is looked at: the connection, the properties of a kind, the token's scopes."""

    client: Client
    properties: catalogue.Look
    held: Held


@dataclass(frozen=True, slots=True)
class Wish:
    """How far it may go, and in which language labels are."""

    adopt: bool
    language: Language
    segments: bool


def plan(look: Look, mapping: CrmMapping, user: str, wish: Wish) -> FieldPlan:
    """What the account needs so that the fields of a mapping can be written. Changes nothing."""
    client, known = look.client, look.properties(mapping.object)
    if known is None:
        raise Denied(
            f"HubSpot does not show the properties of {mapping.object} to this token.",
            hint=f"Give it a scope that does: {scopes.reads(mapping.object)[0]}.",
        )
    made = FieldPlan(
        mapping.object,
        user,
        _within_limit(client, mapping.object, tuple(_steps(client, mapping, known, wish))),
        hidden=tuple(each.target for each in mapping.fields if each.target not in known),
        absent=tuple(_absent(mapping, look)),
    )
    lists, unseen = _segments(client, mapping, wish.language) if wish.segments else ((), ())
    made = replace(made, extras=(*_group(client, made, wish.language), *lists))
    lacking = (*_lacking(look, made), *unseen)
    return replace(made, lacking=tuple(dict.fromkeys(lacking)), by_hand=tuple(by_hand(made)))


def _steps(
    client: Client, mapping: CrmMapping, known: Properties, wish: Wish
) -> Iterator[FieldStep]:
    """What is to be done about each field of the mapping."""
    new = [each for each in mapping.fields if each.target not in known]
    archived = _archived(client, mapping.object) if new else {}
    for place, field in enumerate(mapping.fields, 1):
        wanted = definitions.definition(field, place, wish.language)
        have = known.get(field.target)
        if have is not None:
            yield _present(field, wanted, have, adopt=wish.adopt)
        elif (old := archived.get(field.target)) is not None:
            yield _buried(field, wanted, old, adopt=wish.adopt)
        else:
            yield _missing(field, wanted)


def _missing(field: Field, wanted: Definition) -> FieldStep:
    if not definitions.NAME.fullmatch(field.target):
        why = (
            "is no name for a property: lower case, digits and underscores, beginning with a "
            "letter and not with hs_; name another `target` in the mapping"
        )
        return FieldStep(field.target, "refuse", why=(why,))
    return FieldStep(field.target, "create", definitions.changes({}, wanted), definition=wanted)


def _present(field: Field, wanted: Definition, have: Definition, *, adopt: bool) -> FieldStep:
    """A property that exists: ours to change, or somebody else's to use."""
    ours = definitions.owned(have) or (adopt and not definitions.is_hubspots(have))
    found = (definitions.compare if ours else definitions.unowned)(field, wanted, have)
    if found.refused:
        return FieldStep(field.target, "refuse", why=(found.refused,))
    if not ours:
        return FieldStep(field.target, "leave", why=found.kept)
    after = {**_plain(have), **found.sets}
    if not found.sets:
        return FieldStep(field.target, "leave", (), found.kept, after)
    told = definitions.changes(have, after)
    return FieldStep(field.target, "change", told, found.kept, after, field.target)


def _buried(field: Field, wanted: Definition, old: Definition, *, adopt: bool) -> FieldStep:
    """A property that was archived: making its name anew brings it back as it was."""
    when = str(old.get("archivedAt") or "")[:10]
    trap = f"was archived{f' on {when}' if when else ''}, and making it brings the old one back, "
    trap += f"a {definitions.words(old)} with its old values"
    if not adopt:
        why = f"{trap}: use --adopt if that is wanted, or name another `target` in the mapping"
        return FieldStep(field.target, "refuse", why=(why,))
    if refused := definitions.unfit(field, old):
        return FieldStep(field.target, "refuse", why=(f"{trap}; it {refused}",))
    after = {**_plain(old), **definitions.compare(field, wanted, old).sets}
    told = definitions.changes(old, after)
    return FieldStep(field.target, "create", told, (trap,), after, field.target)


def _plain(have: Definition) -> dict[str, Any]:
    """A definition without what HubSpot keeps for itself."""
    names = ("name", "label", "description", "groupName", "type", "fieldType", "formField",
             "displayOrder", "hasUniqueValue", "options")  # fmt: skip
    return {name: have[name] for name in names if name in have}


def _archived(client: Client, kind: str) -> dict[str, Definition]:
    """The properties that were archived, by name."""
    path, doing = client.paths.crm("properties", kind), f"to list archived properties of {kind}"
    found = client.json("GET", path, doing, query={"archived": "true"})
    return {each["name"]: each for each in results_of(found, doing) if each.get("archived")}


def _within_limit(client: Client, kind: str, steps: tuple[FieldStep, ...]) -> tuple[FieldStep, ...]:
    """Refuse what there is no room for: an account may have so many custom properties."""
    new = [each.target for each in steps if each.do == "create"]
    room = _room(client, kind) if new else None
    if room is None or len(new) <= room:
        return steps
    too_many = set(new[room:])
    why = f"the account has room for {room} more custom properties of {kind}; archive some first"
    return tuple(
        replace(each, do="refuse", why=(why,)) if each.target in too_many else each
        for each in steps
    )


def _room(client: Client, kind: str) -> int | None:
    """How many more custom properties there may be; None where HubSpot does not tell."""
    path = client.paths.crm("limits", "custom-properties")
    try:
        found = client.json("GET", path, "to look up the limit of custom properties")
    except RemoteError as error:
        if error.status in {400, 403, 404}:
            return None
        raise
    for each in found.get("byObjectType") or ():
        if each.get("objectTypeId") == segments.type_id(kind):
            return max(0, int(each["limit"]) - int(each["usage"]))
    return None


def _group(client: Client, made: FieldPlan, language: Language) -> Iterator[Extra]:
    """The group, where a new property is to stand in it."""
    new = [each.definition for each in made.steps if each.do == "create"]
    if not any(each["groupName"] == GROUP for each in new):
        return
    path, doing = client.paths.crm("properties", made.object, "groups"), "to list property groups"
    groups = results_of(client.json("GET", path, doing), doing)
    there = {each["name"] for each in groups if not each.get("archived")}
    body = definitions.group(language)
    if GROUP in there:
        yield Extra(PROPERTY_GROUP, GROUP, "leave", why=("is there",))
    else:
        label = (("label", None, body["label"]),)
        yield Extra(PROPERTY_GROUP, GROUP, "create", label, definition=body)


def _segments(
    client: Client, mapping: CrmMapping, language: Language
) -> tuple[tuple[Extra, ...], tuple[str, ...]]:
    """The segments, and the scope without which nobody can look for them."""
    try:
        return tuple(segments.plan(client, mapping, language)), ()
    except Denied:
        return tuple(segments.unseen(mapping, language)), (scopes.LISTS_READ[0],)


def _lacking(look: Look, made: FieldPlan) -> Iterator[str]:
    """The scopes that the plan needs and the token does not have."""
    if any(each.do in {"create", "change"} for each in made.steps):
        wanted = scopes.schemas(made.object)
        held = scopes.holds(look.held, wanted)
        if held is False or (held is None and _refused(look.client, made.object)):
            yield wanted[0]
    lists = [each for each in made.extras if each.kind == segments.SEGMENT and each.do == "create"]
    if lists and scopes.holds(look.held, scopes.LISTS_WRITE) is False:
        yield scopes.LISTS_WRITE[0]


def _refused(client: Client, kind: str) -> bool:
    """Try whether properties may be made, by making none."""
    path = client.paths.crm("properties", kind, "batch", "create")
    answer = client.raw(
        "POST", path, "to try the scope", body=b'{"inputs":[]}', safe=True, refusals={400, 403}
    )
    told = answers.refused(body_of(answer, "HubSpot")) if answer.status_code == 403 else None
    return told is not None


def _absent(mapping: CrmMapping, look: Look) -> Iterator[str]:
    """What the mapping reads and the account does not have."""
    for pull in mapping.pull:
        known = {} if pull.object == catalogue.OWNERS else look.properties(pull.object)
        if known is None:
            if not pull.optional:
                yield pull.object
            continue
        paths = pulls.fields(pull)
        kinds = {path: catalogue.path_type(path, pull.object, known) for path in paths}
        absent: Collection[str] = pulls.absent(pull, {p: k for p, k in kinds.items() if k})
        yield from (f"{pull.object}.{path}" for path in absent)
