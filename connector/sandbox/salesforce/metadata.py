"""A custom field's metadata, as tools write it, and the field it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..store import Field
from .errors import Refusal

TYPES = {
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "Text": "string",
    "TextArea": "textarea",
    "LongTextArea": "textarea",
    "Picklist": "picklist",
    "Date": "date",
    "DateTime": "datetime",
    "Checkbox": "boolean",
    "Email": "email",
    "Phone": "phone",
    "Url": "url",
}
LONGEST_LABEL, LONGEST_TEXT, LONGEST_LONG_TEXT = 40, 255, 131_072
MOST_DIGITS = 18


def field_of(name: str, metadata: Mapping[str, Any]) -> Field:
    """The field that metadata describes; refuses what makes no sense."""
    kind = metadata.get("type")
    if kind not in TYPES:
        raise Refusal(
            "JSON_PARSER_ERROR", f"Cannot deserialize enum FieldType from VALUE_STRING value {kind}"
        )
    if metadata.get("formula"):
        raise _senseless(name, "this org has no formula engine; formula fields come with its data")
    common = Field(
        name,
        TYPES[kind],
        label=_label(metadata),
        nillable=not metadata.get("required", False),
        external_id=bool(metadata.get("externalId")),
        unique=bool(metadata.get("unique")),
        help=metadata.get("inlineHelpText") or "",
        description=metadata.get("description") or "",
        history=_is(metadata.get("trackHistory"), "true"),
    )
    return _with(common, kind, metadata)


def metadata_of(field: Field) -> dict[str, Any]:
    """What tools are told of a field."""
    known = {kind: name for name, kind in reversed(TYPES.items())}
    long = field.type == "textarea" and field.length > LONGEST_TEXT
    kind = "LongTextArea" if long else known.get(field.type, "Text")
    metadata: dict[str, Any] = {
        "type": kind,
        "label": field.label,
        "inlineHelpText": field.help or None,
        "description": field.description or None,
        "required": not field.nillable,
        "externalId": field.external_id,
        "unique": field.unique,
        "trackHistory": field.history,
    }
    if kind in ("Number", "Currency", "Percent"):
        metadata |= {"precision": field.precision, "scale": field.scale}
    if kind in ("Text", "LongTextArea"):
        metadata["length"] = field.length
    if kind == "Checkbox":
        metadata["defaultValue"] = str(bool(field.default)).lower()
    if kind == "Picklist":
        labels = field.value_labels
        values = [_value(each, labels, active=True) for each in field.choices]
        values += [_value(each, labels, active=False) for each in field.inactive]
        metadata["valueSet"] = {
            "restricted": field.restricted,
            "valueSetDefinition": {"sorted": False, "value": values},
        }
    return metadata


def _with(field: Field, kind: str, metadata: Mapping[str, Any]) -> Field:
    """Adds what belongs to this type alone."""
    match kind:
        case "Number" | "Currency" | "Percent":
            precision, scale = _digits(field.name, kind, metadata)
            return replace(field, precision=precision, scale=scale)
        case "Text":
            return replace(field, length=_length(field.name, kind, metadata, 1, LONGEST_TEXT))
        case "LongTextArea":
            most = _length(field.name, kind, metadata, LONGEST_TEXT + 1, LONGEST_LONG_TEXT)
            _required(field.name, kind, metadata, "visibleLines")
            return replace(field, length=most, filterable=False)
        case "Picklist":
            return _listed(field, metadata)
        case "Checkbox":
            given = _required(field.name, kind, metadata, "defaultValue")
            return replace(field, default=str(given).lower() == "true")
        case _:
            return field


def _senseless(name: str, why: str) -> Refusal:
    return Refusal("FIELD_INTEGRITY_EXCEPTION", f"{name}: {why}", fields=[])


def _label(metadata: Mapping[str, Any]) -> str:
    label = metadata.get("label")
    if not label or not isinstance(label, str):
        said = "Required fields are missing: [MasterLabel]"
        raise Refusal("REQUIRED_FIELD_MISSING", said, fields=["MasterLabel"])
    if len(label) > LONGEST_LABEL:
        said = f"Label: data value too large: {label} (max length={LONGEST_LABEL})"
        raise Refusal("STRING_TOO_LONG", said, fields=["MasterLabel"])
    return label


def _required(name: str, kind: str, metadata: Mapping[str, Any], key: str) -> Any:
    if metadata.get(key) is None:
        raise _senseless(name, f"Must specify '{key}' for a CustomField of type {kind}")
    return metadata[key]


def _integer(name: str, kind: str, metadata: Mapping[str, Any], key: str) -> int:
    value = _required(name, kind, metadata, key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refusal("JSON_PARSER_ERROR", f"Cannot deserialize instance of int from value {value}")
    return value


def _digits(name: str, kind: str, metadata: Mapping[str, Any]) -> tuple[int, int]:
    precision = _integer(name, kind, metadata, "precision")
    scale = _integer(name, kind, metadata, "scale")
    if not 1 <= precision <= MOST_DIGITS or not 0 <= scale <= precision:
        said = f"precision must be 1 to {MOST_DIGITS}, and scale 0 to precision"
        raise _senseless(name, said)
    return precision, scale


def _length(name: str, kind: str, metadata: Mapping[str, Any], least: int, most: int) -> int:
    length = _integer(name, kind, metadata, "length")
    if not least <= length <= most:
        raise _senseless(name, f"length must be {least} to {most} for a CustomField of type {kind}")
    return length


def _listed(field: Field, metadata: Mapping[str, Any]) -> Field:
    """Adds the values of a picklist: those that may be chosen, and those switched off."""
    values = metadata.get("valueSet") or {}
    defined = (values.get("valueSetDefinition") or {}).get("value")
    if not isinstance(defined, list) or not defined:
        raise _senseless(field.name, "Must specify 'valueSet' for a CustomField of type Picklist")
    keys = ("valueName", "fullName", "label")
    found = {next((each[key] for key in keys if each.get(key)), ""): each for each in defined}
    if "" in found or len({each.lower() for each in found}) < len(defined):
        raise _senseless(field.name, "every picklist value needs a name of its own")
    off = tuple(name for name, each in found.items() if _is(each.get("isActive"), "false"))
    on = tuple(name for name in found if name not in off)
    labels = {name: str(each.get("label") or name) for name, each in found.items()}
    return replace(
        field,
        restricted=bool(values.get("restricted")),
        choices=on,
        inactive=off,
        value_labels={name: label for name, label in labels.items() if label != name},
    )


def _value(name: str, labels: Mapping[str, str], *, active: bool) -> dict[str, Any]:
    label = labels.get(name, name)
    return {"valueName": name, "label": label, "default": False, "isActive": active}


def _is(value: Any, word: str) -> bool:
    """Whether a flag says so, as JSON or as the text of a file."""
    return str(value).lower() == word
