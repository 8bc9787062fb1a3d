"""Custom fields: made, changed and removed as an administrator's tools do it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..ids import is_id, long_id
from ..store import Field, Store
from . import query, security
from .api import Answer, Call
from .errors import Refusal, not_found
from .metadata import field_of, metadata_of

#: Seen through the tooling API only.
HIDDEN = frozenset({"CustomField"})
RIGHTS = "UserPermissionAccess"
_DEFINITION = Field(
    "EntityDefinitionId",
    "string",
    refers=("EntityDefinition",),
    relationship="EntityDefinition",
)
_CUSTOM_FIELD = (
    Field("TableEnumOrId", "picklist"),
    Field("DeveloperName", "string"),
    Field("NamespacePrefix", "string"),
    _DEFINITION,
)
_ENTITY = (
    Field("DurableId", "string"),
    Field("QualifiedApiName", "string"),
    Field("Label", "string"),
    Field("KeyPrefix", "string"),
    Field("IsCustomizable", "boolean"),
)
_FIELD = (
    Field("DurableId", "string"),
    Field("QualifiedApiName", "string"),
    Field("DeveloperName", "string"),
    Field("Label", "string"),
    Field("DataType", "string"),
    Field("Length", "int"),
    Field("Precision", "int"),
    Field("Scale", "int"),
    Field("IsCalculated", "boolean"),
    Field("IsFlsEnabled", "boolean"),
    Field("IsFieldHistoryTracked", "boolean"),
    _DEFINITION,
)
_OBJECTS = {
    "CustomField": (_CUSTOM_FIELD, "00N"),
    "EntityDefinition": (_ENTITY, "4ie"),
    "FieldDefinition": (_FIELD, "4fe"),
}
#: So many fields of an object have a history.
MOST_TRACKED = 20
FULL_NAME = re.compile(r"(\w+)\.([A-Za-z](?!\w*__\w*__c$)\w{0,39}(?<!_))__c")


def prepare(store: Store) -> None:
    """Makes the objects that tell of objects and fields, and of the rights of the user."""
    for name, (fields, prefix) in _OBJECTS.items():
        if name not in store.objects():
            store.create(name, fields, prefix=prefix)
        for each in fields:
            if each.name not in store.fields(name):
                store.add_field(name, each)
    if RIGHTS not in store.objects():
        store.create(RIGHTS, security.USER_RIGHTS, prefix="0nm")
        store.insert(RIGHTS, [], [()])


def run_query(call: Call) -> Answer:
    """A statement over objects and fields, and everything else."""
    _refresh(call.store)
    access = security.access(call.store, call.user)
    base = f"{call.base}/tooling"
    batch = query.batch_size(call.request.headers)
    answer = query.run(call.query.get("q", ""), call.store, access, base=base, batch=batch)
    return Answer({"size": len(answer["records"]), "entityTypeName": None, **answer})


def create_field(call: Call) -> Answer:
    """A new field, which nobody sees until a permission set shows it."""
    security.require(call.store, security.CUSTOMIZE, security.MODIFY)
    body = call.json()
    target, name = _full_name(call, body.get("FullName"))
    if name in call.store.fields(target):
        developer = name.removesuffix("__c")
        said = f"There is already a field named {developer} on {target}."
        raise Refusal("DUPLICATE_DEVELOPER_NAME", said, fields=["DeveloperName"])
    id_ = add(call.store, target, field_of(name, _metadata(body)))
    done = {"id": id_, "success": True, "errors": [], "warnings": [], "infos": []}
    return Answer(done, 201)


def read_field(call: Call) -> Answer:
    """A field with its metadata."""
    target, field = _found(call)
    name = field.name.removesuffix("__c")
    here = f"{call.base}/tooling/sobjects/CustomField/{long_id(call.path['id'])}"
    return Answer(
        {
            "attributes": {"type": "CustomField", "url": here},
            "Id": long_id(call.path["id"]),
            "TableEnumOrId": target,
            "DeveloperName": name,
            "NamespacePrefix": None,
            "FullName": f"{target}.{field.name}",
            "Metadata": metadata_of(field),
        }
    )


def update_field(call: Call) -> Answer:
    """New metadata for a field; its type stays."""
    security.require(call.store, security.CUSTOMIZE, security.MODIFY)
    target, before = _found(call)
    change(call.store, target, before, field_of(before.name, _metadata(call.json())))
    return Answer(status=204)


def delete_field(call: Call) -> Answer:
    """A field and everything in it, gone."""
    security.require(call.store, security.CUSTOMIZE, security.MODIFY)
    target, field = _found(call)
    drop(call.store, target, field.name)
    return Answer(status=204)


def add(store: Store, target: str, field: Field) -> str:
    """Adds a field that nobody sees until a permission set shows it, and tells its id."""
    _check_history(store, target, field)
    with store.transaction():
        store.add_field(target, field)
        if field.nillable:
            security.guard(store, target, field.name)
        _refresh(store)
        return _ids(store)[f"{target}.{field.name}"]


def change(store: Store, target: str, before: Field, after: Field) -> None:
    """Replaces what is said of a field; its type stays."""
    if after.type != before.type:
        said = "Cannot change the type of a field that may hold data"
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", said, fields=["Type"])
    if not before.history:
        _check_history(store, target, after)
    known = dict.fromkeys((*before.choices, *before.inactive, *after.inactive))
    # a value that is left out is switched off: records may still hold it
    off = tuple(each for each in known if each not in after.choices)
    labels = {**before.value_labels, **after.value_labels}
    named = {*after.choices, *after.inactive}
    kept = {k: v for k, v in labels.items() if k not in named or k in after.value_labels}
    fresh = replace(after, formula=before.formula, inactive=off, value_labels=kept)
    store.change_field(target, fresh)


def _check_history(store: Store, target: str, field: Field) -> None:
    tracked = [each.name for each in store.fields(target).values() if each.history]
    if field.history and len(tracked) >= MOST_TRACKED:
        said = f"You have reached the maximum number of tracked fields, {MOST_TRACKED}"
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", said, fields=["TrackHistory"])


def drop(store: Store, target: str, name: str) -> None:
    """Removes a field and everything in it."""
    with store.transaction():
        store.drop_field(target, name)
        security.forget(store, target, name)
        _refresh(store)


def id_of(store: Store, full: str) -> str:
    """The id of a custom field by its `Object.Name__c`."""
    _refresh(store)
    return _ids(store)[full]


def _metadata(body: Mapping[str, Any]) -> dict[str, Any]:
    metadata = body.get("Metadata")
    if not isinstance(metadata, dict):
        said = "Required fields are missing: [Metadata]"
        raise Refusal("REQUIRED_FIELD_MISSING", said, fields=["Metadata"])
    return metadata


def _full_name(call: Call, full: object) -> tuple[str, str]:
    found = FULL_NAME.fullmatch(full) if isinstance(full, str) else None
    if found is None:
        said = (
            f"The field name you provided, {full}, must be Object.Name__c; the name can only"
            " contain alphanumeric characters, must begin with a letter, and can neither end with"
            " an underscore nor contain two of them in a row"
        )
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", said, fields=["FullName"])
    # whoever may customise may do so with objects whose records they may not see
    known = {name.lower(): name for name in call.store.objects() if name not in _OBJECTS}
    if found[1].lower() not in known:
        said = f"Entity of type '{found[1]}' cannot be found"
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", said, fields=["FullName"])
    return known[found[1].lower()], f"{found[2]}__c"


def _found(call: Call) -> tuple[str, Field]:
    _refresh(call.store)
    if is_id(call.path["id"]):
        wanted = long_id(call.path["id"])
        for full, id_ in _ids(call.store).items():
            if id_ == wanted:
                target, _, name = full.partition(".")
                return target, call.store.fields(target)[name]
    raise not_found()


def _ids(store: Store) -> dict[str, str]:
    rows = store.db.execute(
        "select TableEnumOrId || '.' || DeveloperName || '__c', Id from CustomField"
    )
    return dict(rows.fetchall())


def _refresh(store: Store) -> None:
    """Brings the tables that tell of fields in line with the catalogue."""
    real = {name: each for name, each in store.objects().items() if name not in _OBJECTS}
    with store.transaction() as db:
        custom = {
            f"{name}.{field.name}": (name, field.name.removesuffix("__c"), name)
            for name, each in real.items()
            for field in each.fields.values()
            if field.custom
        }
        known = _ids(store)
        for full in known.keys() - custom.keys():
            db.execute("delete from CustomField where Id = ?", (known[full],))
        columns = ["TableEnumOrId", "DeveloperName", "EntityDefinitionId"]
        new = [row for full, row in custom.items() if full not in known]
        store.insert("CustomField", columns, new)
        for name in ("EntityDefinition", "FieldDefinition"):
            db.execute(f'delete from "{name}"')
        entity = [each.name for each in _ENTITY]
        store.insert(
            "EntityDefinition",
            ["Id", *entity],
            [(n, n, n, each.label, each.prefix, 1) for n, each in real.items()],
        )
        names = [each.name for each in _FIELD]
        store.insert("FieldDefinition", ["Id", *names], _definitions(store, real))


def _definitions(store: Store, names: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    for name in names:
        for each in store.fields(name).values():
            full = f"{name}.{each.name}"
            yield (
                full,
                full,
                each.name,
                each.name.removesuffix("__c"),
                each.label or each.name,
                each.type,
                each.length,
                each.precision,
                each.scale,
                each.calculated or bool(each.formula),
                security.permissionable(each),
                each.history,
                name,
            )
