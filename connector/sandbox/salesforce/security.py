"""What the running user may see and change, field by field; and the few rights that matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..clock import stamp
from ..store import SYSTEM_FIELDS, Field, Object, Store
from . import object_access
from .errors import Refusal, unknown_type

CUSTOMIZE, MODIFY = "CustomizeApplication", "ModifyMetadata"
PERMISSION_SETS, ASSIGN = "ManageProfilesPermissionsets", "AssignPermissionSets"
RIGHTS = (CUSTOMIZE, MODIFY, PERMISSION_SETS, ASSIGN)

SCHEMA = """
create table if not exists field_security (
    object text not null, field text not null, readable integer not null,
    editable integer not null, primary key (object, field)
) without rowid;
"""

#: What `rights` says of the running user, as the org tells it; a right not spoken of is held.
USER_RIGHTS = tuple(
    Field(
        f"Permissions{right}",
        "boolean",
        nillable=False,
        formula="ifnull((select json_extract(value, '$." + right + "') from _settings"
        " where key = 'rights'), 1)",
    )
    for right in RIGHTS
)

_GRANTS = """
select f.Field, max(f.PermissionsRead), max(f.PermissionsEdit)
from FieldPermissions f
join PermissionSet p on p.Id = f.ParentId and p.IsDeleted = 0
join PermissionSetAssignment a on a.PermissionSetId = p.Id
where a.AssigneeId = ? and f.IsDeleted = 0 and a.IsDeleted = 0
group by f.Field
"""

_ALWAYS = frozenset(each.name for each in SYSTEM_FIELDS)


@dataclass(frozen=True, slots=True)
class Access:
    """The catalogue as one user sees it; `hidden` and `locked` hold `Object.Field`.

    `rights` are those on objects that are not open to everybody.
    """

    catalogue: Mapping[str, Object]
    names: Mapping[str, str]
    hidden: frozenset[str]
    locked: frozenset[str]
    rights: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def object(self, name: str) -> Object:
        """The object of this name, whatever its case."""
        if (known := self.names.get(name.lower())) is None:
            raise unknown_type(name)
        return self.catalogue[known]

    def fields(self, name: str) -> dict[str, Field]:
        """The fields of an object that are there for this user."""
        every = self.catalogue[name].fields
        if not self.hidden:
            return dict(every)
        return {each: every[each] for each in every if f"{name}.{each}" not in self.hidden}

    def editable(self, name: str, field: str) -> bool:
        """Whether the user may write this field, as far as security is concerned."""
        return f"{name}.{field}" not in self.locked

    def may(self, right: str, name: str) -> bool:
        """Whether the user may do this with records of an object."""
        return right in self.rights.get(name, object_access.ALL)


def access(store: Store, user: str, *, without: frozenset[str] = frozenset()) -> Access:
    """Works out what a user sees; objects in `without` are left out."""
    with store.lock:
        kept = store.db.execute("select object, field, readable, editable from field_security")
        limits = {f"{name}.{field}": (read, edit) for name, field, read, edit in kept.fetchall()}
        if object_access.is_bare(store, user):
            limits = dict.fromkeys(_grantable(store), (0, 0))
        granted = store.db.execute(_GRANTS, (user,)).fetchall() if limits else []
        rights = object_access.rights(store, user)
    grants = {field: (read, edit) for field, read, edit in granted}
    every = {key: _either(rights, grants.get(key, (0, 0))) for key, rights in limits.items()}
    gone = {*without, *(name for name, held in rights.items() if "Read" not in held)}
    catalogue = {name: each for name, each in store.objects().items() if name not in gone}
    return Access(
        catalogue,
        {name.lower(): name for name in catalogue},
        frozenset(key for key, (read, _) in every.items() if not read),
        frozenset(key for key, (_, edit) in every.items() if not edit),
        rights,
    )


def _grantable(store: Store) -> list[str]:
    """Every field that only a permission set shows to whoever begins with nothing."""
    return [
        f"{name}.{each.name}"
        for name, known in store.objects().items()
        if object_access.guarded(name)
        for each in known.fields.values()
        if permissionable(each)
    ]


def _either(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] | other[0], one[1] | other[1]


def guard(store: Store, name: str, field: str, *, read: bool = False, edit: bool = False) -> None:
    """Sets what a field gives to those who have no permission set for it."""
    with store.transaction() as db:
        db.execute(
            "insert or replace into field_security values (?, ?, ?, ?)", (name, field, read, edit)
        )
        moved(store)


def moved(store: Store) -> None:
    """Remembers that what users see has changed, for those who ask since when."""
    store.put("security_changed", stamp(store.clock.now()))


def withdraw(store: Store, name: str, field: str) -> None:
    """Takes a field out of every permission set."""
    with store.transaction() as db:
        db.execute("delete from FieldPermissions where Field = ?", (f"{name}.{field}",))
        moved(store)


def forget(store: Store, name: str, field: str) -> None:
    """Drops everything that was said about a field that is gone."""
    withdraw(store, name, field)
    with store.transaction() as db:
        db.execute("delete from field_security where object = ? and field = ?", (name, field))


def permissionable(field: Field) -> bool:
    """Whether permission sets decide who sees a field; a required one is seen by everybody."""
    return field.nillable and field.name not in _ALWAYS


def require(store: Store, *rights: str) -> None:
    """Refuses a user who lacks one of these rights."""
    held = store.get("rights") or {}
    for right in rights:
        if not held.get(right, True):
            raise Refusal(
                "INSUFFICIENT_ACCESS",
                f"insufficient access rights on cross-reference id: {right} is required",
                status=403,
            )
