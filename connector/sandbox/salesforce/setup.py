"""What every org has before there is any data: itself, its app, its users, its permissions."""

from __future__ import annotations

import secrets
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ..ids import long_id
from ..store import SYSTEM_USER, Field, Store
from . import (
    auth,
    automations,
    bulk,
    components,
    deploy,
    limits,
    object_access,
    query,
    record_types,
    recycle,
    security,
    soql_dates,
    tooling,
    translations,
    writes,
)

ORG_ID = long_id("00DSb0000000001")
ADMIN = "005000000000002AAA"
USERNAME = "integration@sandbox.example"

_USER = (
    Field("Name", "string", length=121, nillable=False, createable=False, updateable=False),
    Field("Email", "email", length=128, nillable=False),
    Field("Username", "string", length=80, nillable=False),
    Field("IsActive", "boolean", label="Active", default=True, nillable=False),
)
_ORGANIZATION = (
    Field("Name", "string", length=80, nillable=False),
    Field("OrganizationType", "picklist", length=40, updateable=False),
    Field("InstanceName", "string", length=5, updateable=False),
    Field("IsSandbox", "boolean", updateable=False),
    Field("NamespacePrefix", "string", length=15, updateable=False),
    Field("TrialExpirationDate", "datetime", updateable=False),
    Field("DefaultLocaleSidKey", "picklist", length=40),
    Field("LanguageLocaleKey", "picklist", length=40),
    Field("TimeZoneSidKey", "picklist", length=40),
)
_PROFILE = (Field("Name", "string", nillable=False), Field("UserType", "picklist"))
_PERMISSION_SET = (
    Field("Name", "string", length=80, nillable=False),
    Field("Label", "string", length=80, nillable=False),
    Field("Description", "string"),
    Field("IsOwnedByProfile", "boolean", createable=False, updateable=False, default=False),
)


def _fixed(name: str, refers: str) -> Field:
    relationship = name.removesuffix("Id")
    return Field(
        name,
        "reference",
        length=18,
        nillable=False,
        updateable=False,
        refers=(refers,),
        relationship=relationship,
    )


_FIELD_PERMISSIONS = (
    _fixed("ParentId", "PermissionSet"),
    Field("SobjectType", "picklist", nillable=False, updateable=False),
    Field("Field", "picklist", nillable=False, updateable=False),
    Field("PermissionsRead", "boolean", default=False),
    Field("PermissionsEdit", "boolean", default=False),
)
_OBJECT_PERMISSIONS = (
    _fixed("ParentId", "PermissionSet"),
    Field("SobjectType", "picklist", nillable=False, updateable=False),
    Field("PermissionsRead", "boolean", default=False),
    Field("PermissionsCreate", "boolean", default=False),
    Field("PermissionsEdit", "boolean", default=False),
    Field("PermissionsDelete", "boolean", default=False),
    Field("PermissionsViewAllRecords", "boolean", default=False),
    Field("PermissionsModifyAllRecords", "boolean", default=False),
)
_ASSIGNMENT = (_fixed("PermissionSetId", "PermissionSet"), _fixed("AssigneeId", "User"))

#: The objects of every org: fields and id prefix.
OBJECTS: dict[str, tuple[tuple[Field, ...], str]] = {
    "User": (_USER, "005"),
    "Organization": (_ORGANIZATION, "00D"),
    "Profile": (_PROFILE, "00e"),
    "PermissionSet": (_PERMISSION_SET, "0PS"),
    "FieldPermissions": (_FIELD_PERMISSIONS, "01k"),
    "ObjectPermissions": (_OBJECT_PERMISSIONS, "110"),
    "PermissionSetAssignment": (_ASSIGNMENT, "0Pa"),
}


def prepare(store: Store) -> None:
    """Makes what is missing; an org that is complete stays as it is."""
    soql_dates.prepare(store)
    with store.transaction() as db:
        # one by one: a script would commit the transaction it is in
        for schema in (
            security.SCHEMA,
            object_access.SCHEMA,
            auth.SCHEMA,
            limits.SCHEMA,
            query.SCHEMA,
            writes.SCHEMA,
            automations.SCHEMA,
            bulk.SCHEMA,
            record_types.SCHEMA,
            recycle.SCHEMA,
            components.SCHEMA,
            translations.SCHEMA,
            deploy.SCHEMA,
        ):
            for statement in filter(str.strip, schema.split(";")):
                db.execute(statement)
        for name, (fields, prefix) in OBJECTS.items():
            if name not in store.objects():
                store.create(name, fields, prefix=prefix)
            for each in fields:
                if each.name not in store.fields(name):
                    store.add_field(name, each)
        tooling.prepare(store)
        record_types.prepare(store)
        if store.get("salesforce_app") is None:
            store.put("salesforce_app", new_app())
        if not db.execute("select 1 from Organization").fetchone():
            _found(store)


def _found(store: Store) -> None:
    store.insert(
        "Organization",
        [
            "Id",
            "Name",
            "OrganizationType",
            "InstanceName",
            "IsSandbox",
            "DefaultLocaleSidKey",
            "LanguageLocaleKey",
            "TimeZoneSidKey",
        ],
        [(ORG_ID, "Sandbox GmbH", "Enterprise Edition", "SBX1", 1, "de_DE", "de", "Europe/Berlin")],
    )
    store.insert(
        "User",
        ["Id", "Name", "Email", "Username", "IsActive"],
        [
            (SYSTEM_USER, "Integration User", USERNAME, USERNAME, 1),
            (ADMIN, "Anna Admin", "admin@sandbox.example", "admin@sandbox.example", 1),
        ],
    )
    store.insert(
        "Profile",
        ["Name", "UserType"],
        [("System Administrator", "Standard"), ("Minimum Access - API Only", "Standard")],
    )


def new_app() -> dict[str, Any]:
    """Makes the external client app that the org's integration signs in with."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "org_id": ORG_ID,
        "username": USERNAME,
        "client_id": "3MVG9" + secrets.token_hex(40),
        "client_secret": secrets.token_hex(32),
        "private_key": pem.decode(),
    }
