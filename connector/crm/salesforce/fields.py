"""What fields the org has, which types they are, and making the ones we write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...errors import RemoteError
from ...mapping.wanted import length
from ...records import DAY, FLAG, MOMENT, NUMBER, TEXT, CrmField
from .client import Client

_TYPES = {
    "boolean": FLAG,
    "int": NUMBER,
    "long": NUMBER,
    "double": NUMBER,
    "currency": NUMBER,
    "percent": NUMBER,
    "date": DAY,
    "datetime": MOMENT,
}

Describe = Mapping[str, Any]


def describe(client: Client, object: str) -> Describe | None:
    """The describe of one object; None when the running user has no such object."""
    try:
        found = client.call("GET", f"sobjects/{object}/describe", f"to describe {object}")
    except RemoteError as error:
        if error.status == 404 or error.code in {"NOT_FOUND", "INVALID_TYPE"}:
            return None
        raise
    return dict(found)


def field_of(raw: Describe) -> CrmField:
    """One field of a describe."""
    return CrmField(
        name=raw["name"],
        type=raw["type"],
        label=raw.get("label") or "",
        writable=bool(raw.get("updateable")),
        calculated=bool(raw.get("calculated")),
        length=int(raw.get("length") or 0),
        precision=int(raw.get("precision") or 0),
        scale=int(raw.get("scale") or 0),
        choices=tuple(v["value"] for v in raw.get("picklistValues") or () if v.get("active", True)),
        restricted=bool(raw.get("restrictedPicklist")),
    )


def path_type(path: str, object: str, look: Callable[[str], Describe | None]) -> str | None:
    """The DuckDB type of `Owner.Name` seen from an object; None if a step does not exist."""
    found = look(object)
    *steps, last = path.split(".")
    for step in steps:
        target = _related(found, step)
        found = look(target) if target else None
    if found is None:
        return None
    for raw in found["fields"]:
        if raw["name"] == last:
            return _TYPES.get(raw["type"], TEXT)
    return None


def _related(found: Describe | None, relationship: str) -> str | None:
    for raw in (found or {}).get("fields", ()):
        if raw.get("relationshipName") == relationship and raw.get("referenceTo"):
            targets = list(raw["referenceTo"])
            return "User" if "User" in targets else str(targets[0])
    return None


# ── making fields ─────────────────────────────────────────────────────────────────────────────

WRITER = "Health_Connector_Writer"
WRITER_LABEL = "Health Connector Writer"


def metadata(field: Any) -> dict[str, Any]:
    """The Tooling API's description of one field of the mapping."""
    label = field.label.get("en") or field.target
    common = {"label": label[:40], "inlineHelpText": _help(field), "required": False}
    match field.type:
        case "number":
            own = {"type": "Number", "precision": field.precision, "scale": field.scale}
        case "text":
            own = {"type": "Text", "length": length(field)}
        case "long_text":
            own = {"type": "LongTextArea", "length": max(length(field), 256), "visibleLines": 4}
        case "choice":
            own = {"type": "Picklist", "valueSet": _value_set(field.values)}
        case "date":
            own = {"type": "Date"}
        case "datetime":
            own = {"type": "DateTime"}
        case _:
            own = {"type": "Checkbox", "defaultValue": "false"}
    return {**common, **own}


def hidden(client: Client, object: str, targets: Sequence[str]) -> list[str]:
    """Which custom fields exist in the org, whether or not the running user sees them."""
    found = client.call(
        "GET",
        "tooling/query",
        "to look up custom fields",
        params={"q": f"SELECT DeveloperName FROM CustomField WHERE TableEnumOrId = '{object}'"},
    )
    names = {f"{row['DeveloperName']}__c" for row in found["records"]}
    return [target for target in targets if target in names]


def create(client: Client, object: str, fields: Sequence[Any]) -> Iterator[str]:
    """Create fields, which nobody can see yet; the name of each as soon as it is made."""
    for field in fields:
        body = {"FullName": f"{object}.{field.target}", "Metadata": metadata(field)}
        client.call("POST", "tooling/sobjects/CustomField", f"to create {field.target}", json=body)
        yield field.target


def grant(client: Client, object: str, targets: Sequence[str], user: str) -> list[str]:
    """Let a user read and write fields, through the writer permission set; what was granted."""
    holder = _permission_set(client)
    have = _rows(
        client,
        f"SELECT Field FROM FieldPermissions WHERE ParentId = '{holder}' "
        f"AND SobjectType = '{object}' AND PermissionsEdit = true",
    )
    granted = {row["Field"] for row in have}
    new = [target for target in targets if f"{object}.{target}" not in granted]
    for target in new:
        client.call(
            "POST",
            "sobjects/FieldPermissions",
            f"to grant {target}",
            json={
                "ParentId": holder,
                "SobjectType": object,
                "Field": f"{object}.{target}",
                "PermissionsRead": True,
                "PermissionsEdit": True,
            },
        )
    _assign(client, holder, user)
    return new


def _permission_set(client: Client) -> str:
    rows = _rows(client, f"SELECT Id FROM PermissionSet WHERE Name = '{WRITER}'")
    if rows:
        return str(rows[0]["Id"])
    made = client.call(
        "POST",
        "sobjects/PermissionSet",
        "to create the writer permission set",
        json={"Name": WRITER, "Label": WRITER_LABEL},
    )
    return str(made["id"])


def _assign(client: Client, holder: str, user: str) -> None:
    where = f"PermissionSetId = '{holder}' AND AssigneeId = '{user}'"
    if not _rows(client, f"SELECT Id FROM PermissionSetAssignment WHERE {where}"):
        client.call(
            "POST",
            "sobjects/PermissionSetAssignment",
            "to assign the writer permission set",
            json={"PermissionSetId": holder, "AssigneeId": user},
        )


def _rows(client: Client, soql: str) -> list[dict[str, Any]]:
    return list(
        client.call("GET", "query", "to look up permissions", params={"q": soql})["records"]
    )


def _value_set(values: Sequence[str]) -> dict[str, Any]:
    listed = [{"fullName": v, "label": v, "default": False} for v in values]
    return {"restricted": True, "valueSetDefinition": {"sorted": False, "value": listed}}


def _help(field: Any) -> str:
    """English and German in one help text; Salesforce allows 510 characters."""
    texts = [field.help.get(language, "") for language in ("en", "de")]
    return " · ".join(text for text in texts if text)[:510]
