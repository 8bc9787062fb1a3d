"""Deployed components made real: fields and permission sets; other types are kept by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..clock import stamp
from ..store import Store
from . import object_access, security, tooling, translations
from .errors import Refusal
from .markup import Node
from .metadata import field_of
from .package import Component
from .writes import Writer

SCHEMA = """
create table if not exists metadata_kept (
    type text not null, name text not null, file text not null, at text not null,
    primary key (type, name)
) without rowid;
"""
_WHOLE = frozenset({"precision", "scale", "length", "visibleLines"})
_FLAGS = frozenset({"required", "externalId", "unique", "restricted", "default", "sorted"})
_LISTS = frozenset({"value"})
#: Element of a permission set → column of ObjectPermissions.
OBJECT_RIGHTS = {
    "allowRead": "PermissionsRead",
    "allowCreate": "PermissionsCreate",
    "allowEdit": "PermissionsEdit",
    "allowDelete": "PermissionsDelete",
    "viewAllRecords": "PermissionsViewAllRecords",
    "modifyAllRecords": "PermissionsModifyAllRecords",
}


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a component; a warning counts as a failure unless warnings are ignored."""

    id: str = ""
    created: bool = False
    changed: bool = False
    deleted: bool = False
    warning: str = ""


def apply(store: Store, user: str, component: Component) -> Done:
    """Makes, changes or removes one component."""
    match component.type, component.gone:
        case "CustomField", False:
            return _field(store, component)
        case "CustomField", True:
            return _field_gone(store, component)
        case "PermissionSet", False:
            return _PermissionSet(store, user, component).applied()
        case "PermissionSet", True:
            return _PermissionSet(store, user, component).removed()
        case translations.KIND, False:
            return _translated(store, component)
        case _, gone:
            return _forgotten(store, component) if gone else _kept(store, component)


def plain(node: Node) -> Any:
    """An element as JSON has it: numbers and flags where they belong, lists where they may be."""
    if not node.children:
        text = node.text.strip()
        if node.name in _WHOLE and text.isdecimal():
            return int(text)
        return text == "true" if node.name in _FLAGS else text
    found: dict[str, Any] = {}
    for each in node:
        if each.name in _LISTS and each.children:
            found.setdefault(each.name, []).append(plain(each))
        else:
            found[each.name] = plain(each)
    return found


# fields


def _field(store: Store, component: Component) -> Done:
    target, _, name = component.name.partition(".")
    if target not in store.objects():
        raise _no("CustomObject", target)
    before = store.fields(target).get(name)
    if before is not None and not before.custom:
        return Done()
    if tooling.FULL_NAME.fullmatch(component.name) is None:
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", f"{component.name} is no name of a field")
    after = field_of(name, plain(component.node))
    if before is None:
        return Done(tooling.add(store, target, after), created=True, changed=True)
    tooling.change(store, target, before, after)
    return Done(
        tooling.id_of(store, component.name),
        changed=replace(after, formula=before.formula) != before,
    )


def _field_gone(store: Store, component: Component) -> Done:
    target, _, name = component.name.partition(".")
    if target not in store.objects() or name not in store.fields(target):
        return Done(warning=f"No CustomField named: {component.name} found")
    if not store.fields(target)[name].custom:
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", f"Cannot delete standard field: {name}")
    id_ = tooling.id_of(store, component.name)
    tooling.drop(store, target, name)
    return Done(id_, changed=True, deleted=True)


def _no(kind: str, name: str) -> Refusal:
    return Refusal("INVALID_CROSS_REFERENCE_KEY", f"no {kind} named {name} found")


# permission sets


@dataclass(frozen=True, slots=True)
class _PermissionSet:
    store: Store
    user: str
    component: Component

    def applied(self) -> Done:
        """The set as the file says, and nothing that the file does not say."""
        known, writer = self._known(), self._writer()
        values = self._values()
        if known is None:
            id_ = writer.create("PermissionSet", {"Name": self.component.name, **values})
        else:
            id_ = str(known["Id"])
        changed = known is not None and any(known[key] != value for key, value in values.items())
        if changed:
            writer.update("PermissionSet", id_, values)
        changed |= self._settled(writer, "FieldPermissions", "Field", id_, self._fields())
        changed |= self._settled(writer, "ObjectPermissions", "SobjectType", id_, self._objects())
        return Done(id_, created=known is None, changed=known is None or changed)

    def removed(self) -> Done:
        """The set into the bin; what it granted is granted no more."""
        known = self._known()
        if known is None:
            return Done(warning=f"No PermissionSet named: {self.component.name} found")
        self._writer().delete("PermissionSet", known["Id"])
        return Done(str(known["Id"]), changed=True, deleted=True)

    def _writer(self) -> Writer:
        return Writer(self.store, security.access(self.store, self.user), self.user)

    def _known(self) -> dict[str, Any] | None:
        columns = ("Id", "Label", "Description")
        row = self.store.db.execute(
            f"select {', '.join(columns)} from PermissionSet where Name = ? and IsDeleted = 0",
            (self.component.name,),
        ).fetchone()
        return dict(zip(columns, row, strict=True)) if row else None

    def _values(self) -> dict[str, Any]:
        label = self.component.node.said("label")
        if not label:
            raise Refusal("REQUIRED_FIELD_MISSING", "Required field is missing: label")
        return {"Label": label, "Description": self.component.node.said("description") or None}

    def _fields(self) -> dict[str, dict[str, Any]]:
        wanted = {}
        for each in self.component.node.every("fieldPermissions"):
            full = each.said("field")
            target, _, name = full.partition(".")
            known = self.store.objects().get(target)
            if known is None or name not in known.fields:
                raise _in_field("field", "CustomField", full)
            if not known.fields[name].nillable:
                raise Refusal(
                    "FIELD_INTEGRITY_EXCEPTION", f"You cannot deploy to a required field: {full}"
                )
            rights = {
                "PermissionsRead": each.flag("readable"),
                "PermissionsEdit": each.flag("editable"),
            }
            wanted[full] = {"SobjectType": target, **rights}
        return {full: each for full, each in wanted.items() if True in each.values()}

    def _objects(self) -> dict[str, dict[str, Any]]:
        wanted = {}
        for each in self.component.node.every("objectPermissions"):
            name = each.said("object")
            if name not in object_access.listed(self.store):
                raise _in_field("object", "CustomObject", name)
            rights = {column: each.flag(element) for element, column in OBJECT_RIGHTS.items()}
            wanted[name] = rights
        readable = [name for name, each in wanted.items() if each["PermissionsRead"]]
        for name, allowed in wanted.items():
            object_access.check(name, allowed, readable)
        given = object_access.in_order(name for name in wanted if any(wanted[name].values()))
        return {name: wanted[name] for name in given}

    def _settled(
        self,
        writer: Writer,
        name: str,
        key: str,
        parent: str,
        wanted: Mapping[str, Mapping[str, Any]],
    ) -> bool:
        """Brings the permissions of one kind in line; whether there was anything to do."""
        have = self._have(name, key, parent)
        for gone in have.keys() - wanted.keys():
            writer.delete(name, have[gone][0])
        for full, values in wanted.items():
            if full not in have:
                writer.create(name, {"ParentId": parent, key: full, **values})
            elif not values.items() <= have[full][1].items():
                writer.update(name, have[full][0], _rights_of(values))
        return have.keys() != wanted.keys() or any(
            not values.items() <= have[full][1].items() for full, values in wanted.items()
        )

    def _have(self, name: str, key: str, parent: str) -> dict[str, tuple[str, dict[str, Any]]]:
        """What the set grants already, by what it is about: id and rights."""
        fields = self.store.fields(name)
        told = [each for each in fields if each.startswith("Permissions")]
        rows = self.store.db.execute(
            f"select {key}, Id, SobjectType, {', '.join(told)} from {name}"
            " where ParentId = ? and IsDeleted = 0",
            (parent,),
        )
        return {
            row[0]: (
                row[1],
                {"SobjectType": row[2], **dict(zip(told, map(bool, row[3:]), strict=True))},
            )
            for row in rows.fetchall()
        }


def _rights_of(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key.startswith("Permissions")}


def _in_field(element: str, kind: str, name: str) -> Refusal:
    said = f"In field: {element} - no {kind} named {name} found"
    return Refusal("INVALID_CROSS_REFERENCE_KEY", said)


# everything else


def _translated(store: Store, component: Component) -> Done:
    changed = translations.apply(store, component.name, component.node)
    created = _kept(store, component).created
    return Done(created=created, changed=created or changed)


def _kept(store: Store, component: Component) -> Done:
    key = (component.type, component.name)
    sql = "select 1 from metadata_kept where type = ? and name = ?"
    known = store.db.execute(sql, key).fetchone()
    store.db.execute(
        "insert or replace into metadata_kept values (?, ?, ?, ?)",
        (*key, component.file, stamp(store.clock.now())),
    )
    return Done(created=known is None, changed=known is None)


def _forgotten(store: Store, component: Component) -> Done:
    sql = "delete from metadata_kept where type = ? and name = ?"
    if store.db.execute(sql, (component.type, component.name)).rowcount:
        return Done(changed=True, deleted=True)
    return Done(warning=f"No {component.type} named: {component.name} found")
