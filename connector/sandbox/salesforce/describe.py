"""What the org tells of its objects and their fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from ..store import NUMBERS, SYSTEM_FIELDS, Field, Object
from . import permissions, record_types, relations
from .api import Answer, Call
from .errors import not_found

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
}
_TEXTS = frozenset(
    {"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "id", "reference"}
)
#: Objects of which there is exactly what the org has: nobody makes or deletes them by API.
FIXED = frozenset({"Organization", "Profile", "EntityDefinition", "FieldDefinition"})
_CHANGES = ("Create", "Edit", "Delete")
INT_DIGITS = 8
BYTES_PER_CHARACTER = 3


def list_objects(call: Call) -> Answer:
    """All objects, briefly."""
    found = [_object(each, call) for each in call.access.catalogue.values()]
    return Answer({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": found})


def describe(call: Call) -> Answer:
    """One object in full, or 304 if it has not changed since then."""
    target = named(call)
    changed = datetime.fromisoformat(max(target.changed, call.store.get("security_changed") or ""))
    headers = (("Last-Modified", format_datetime(changed.astimezone(UTC), usegmt=True)),)
    if _unchanged(call, changed):
        return Answer(status=304, headers=headers)
    return Answer(_full(target, call), headers=headers)


def basics(call: Call) -> Answer:
    """One object, briefly."""
    target = named(call)
    return Answer({"objectDescribe": _object(target, call), "recentItems": []})


def named(call: Call) -> Object:
    """The object in the address; an unknown one is an address where nothing is."""
    if call.path["object"].lower() not in call.access.names:
        raise not_found()
    return call.access.object(call.path["object"])


def _unchanged(call: Call, changed: datetime) -> bool:
    asked = call.request.headers.get("if-modified-since", "")
    try:
        return bool(asked) and parsedate_to_datetime(asked) >= changed
    except (TypeError, ValueError):
        return False


def _full(target: Object, call: Call) -> dict[str, Any]:
    access, name = call.access, target.name
    fields = [permissions.listed(call.store, name, each) for each in access.fields(name).values()]
    editable = {
        f.name for f in fields if access.may("Edit", name) and access.editable(name, f.name)
    }
    children = [
        _child(each, name)
        for name, other in call.access.catalogue.items()
        for each in other.fields.values()
        if target.name in each.refers
    ]
    return {
        "actionOverrides": [],
        "childRelationships": children,
        "compactLayoutable": True,
        "fields": [_field(each, each.name in editable) for each in fields],
        "hasSubtypes": False,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": record_types.infos(call.store, target.name, call.base),
        "searchLayoutable": not target.custom,
        "supportedScopes": [{"label": f"All {target.label}s", "name": "everything"}],
        **_object(target, call),
    }


def _object(target: Object, call: Call) -> dict[str, Any]:
    here = f"{call.base}/sobjects/{target.name}"
    free = target.name not in FIXED
    may = {each: free and call.access.may(each, target.name) for each in _CHANGES}
    return {
        "activateable": False,
        "createable": may["Create"],
        "custom": target.custom,
        "customSetting": False,
        "deepCloneable": False,
        "deletable": may["Delete"],
        "deprecatedAndHidden": False,
        "feedEnabled": False,
        "isSubtype": False,
        "keyPrefix": target.prefix,
        "label": target.label,
        "labelPlural": f"{target.label}s",
        "layoutable": True,
        "mergeable": target.name in ("Account", "Contact", "Case"),
        "mruEnabled": True,
        "name": target.name,
        "queryable": True,
        "replicateable": True,
        "retrieveable": True,
        "searchable": True,
        "triggerable": True,
        "undeletable": may["Delete"],
        "updateable": may["Edit"],
        "urls": {
            "rowTemplate": f"{here}/{{ID}}",
            "describe": f"{here}/describe",
            "sobject": here,
        },
    }


def _child(field: Field, name: str) -> dict[str, Any]:
    return {
        "cascadeDelete": False,
        "childSObject": name,
        "deprecatedAndHidden": False,
        "field": field.name,
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": relations.child_name(name, field) or None,
        "restrictedDelete": False,
    }


def _field(field: Field, editable: bool) -> dict[str, Any]:
    text, number = field.type in _TEXTS, field.type in NUMBERS
    length = 18 if field.type in ("id", "reference") else field.length if text else 0
    plain = field.filterable and field.type not in ("textarea", "multipicklist")
    given = field.default is not None or field.type == "boolean" or field.name == "OwnerId"
    return {
        "aggregatable": plain and field.type != "boolean",
        "aiPredictionField": False,
        "autoNumber": False,
        "byteLength": length if field.type in ("id", "reference") else length * BYTES_PER_CHARACTER,
        "calculated": field.calculated or bool(field.formula),
        "calculatedFormula": field.formula or None,
        "cascadeDelete": False,
        "caseSensitive": False,
        "compoundFieldName": None,
        "controllerName": None,
        "createable": field.createable and editable and not field.formula,
        "custom": field.custom,
        "defaultValue": field.default if field.default is not None or not given else False,
        "defaultValueFormula": None,
        "defaultedOnCreate": given or field in SYSTEM_FIELDS,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": INT_DIGITS if field.type == "int" else 0,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": field.external_id,
        "extraTypeInfo": None,
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": plain and not number and field.type != "datetime",
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": field.type == "id" or field.external_id or field.name == "Email",
        "inlineHelpText": field.help or None,
        "label": field.label or field.name,
        "length": length,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": field.name == "Name",
        "namePointing": len(field.refers) > 1,
        "nillable": field.nillable,
        "permissionable": field not in SYSTEM_FIELDS and field.nillable,
        "picklistValues": [_choice(each, field.value_labels) for each in field.choices],
        "polymorphicForeignKey": len(field.refers) > 1,
        "precision": field.precision if number else 0,
        "queryByDistance": False,
        "referenceTargetField": None,
        "referenceTo": list(field.refers),
        "relationshipName": field.relationship or None,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted,
        "scale": field.scale if number else 0,
        "searchPrefilterable": field.type == "reference",
        "soapType": _SOAP.get(field.type, "xsd:double" if number else "xsd:string"),
        "sortable": plain,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable and editable and not field.formula,
        "writeRequiresMasterRead": False,
    }


def _choice(value: str, labels: Mapping[str, str]) -> dict[str, Any]:
    label = labels.get(value, value)
    return {"active": True, "defaultValue": False, "label": label, "validFor": None, "value": value}
