"""What to do about an error that Salesforce answers a whole call with, by its code or status."""

from __future__ import annotations

from collections.abc import Mapping

from .refusals import BY_CODE

#: What a name that Salesforce does not know may mean, for whoever can do something about it.
HIDDEN = (
    "A field or object is missing, or hidden from the integration user: `connector fields plan` "
    "tells which, and the permission sets Health_Connector_Writer and Health_Connector_Reader "
    "grant them."
)
RIGHT = (
    "Grant the integration user the right named here; `connector fields plan` tells which fields "
    "its permission sets lack."
)
LATER = "Run again in a few minutes: the next run continues where this one stopped."
STATUS = f"{LATER} https://status.salesforce.com tells of outages."
NARROW = "Narrow the `where` of this object in the mapping; a condition on an indexed field helps."
WRONG_SQL = "Look at `where` and `columns` of this object in the mapping."
AUTOMATION = "Ask an admin to look at the triggers and flows of this object."
RECORD = "It is about one record: correct it in Salesforce, or what is mapped to the field."
FULL = "Ask an admin: this limit of the org is reached, for us and for everybody else."
GONE = "The record was deleted or merged since it was read; the next run sees it as it is now."
SHORTER = (
    "The address of a call was too long. Map fewer fields of this object, or shorten its `where`."
)
RETIRED = "Set `api_version` to one that the org still serves."

BY_ERROR: Mapping[str, str] = {
    **{code: BY_CODE[code] for code in ("API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED")},
    "INVALID_SESSION_ID": "Log in anew: `connector auth status` tells how the login stands.",
    "UNSUPPORTED_API_VERSION": RETIRED,
    "SERVER_UNAVAILABLE": STATUS,
    "UNKNOWN_EXCEPTION": STATUS,
    "UNABLE_TO_LOCK_ROW": LATER,
    "REQUEST_RUNNING_TOO_LONG": LATER,
    "ENTITY_IS_LOCKED": "An approval process holds the record; the next run tries again.",
    "QUERY_TIMEOUT": NARROW,
    "OPERATION_TOO_LARGE": NARROW,
    "QUERY_TOO_COMPLICATED": "Map fewer formula fields of this object: each of them becomes part "
    "of the query.",
    "EXCEEDED_ID_LIMIT": NARROW,
    "MALFORMED_QUERY": WRONG_SQL,
    "INVALID_QUERY_FILTER_OPERATOR": WRONG_SQL,
    "INVALID_QUERY_LOCATOR": "Run again: the position of a long read has expired.",
    "INVALID_FIELD": HIDDEN,
    "INVALID_TYPE": HIDDEN,
    "INSUFFICIENT_ACCESS": RIGHT,
    "INSUFFICIENT_ACCESS_OR_READONLY": RIGHT,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": RIGHT,
    "INVALID_FIELD_FOR_INSERT_UPDATE": "Map another field: this one is a formula, or locked.",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": AUTOMATION,
    "APEX_ERROR": AUTOMATION,
    "FLOW_EXCEPTION": AUTOMATION,
    "CANNOT_EXECUTE_FLOW_TRIGGER": AUTOMATION,
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": RECORD,
    "REQUIRED_FIELD_MISSING": RECORD,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "Add the value to the picklist: `connector fields "
    "plan` tells which are missing.",
    "STRING_TOO_LONG": RECORD,
    "NUMBER_OUTSIDE_VALID_RANGE": RECORD,
    "INVALID_TYPE_ON_FIELD_IN_RECORD": RECORD,
    "JSON_PARSER_ERROR": "A value does not fit its field: compare `type` in the mapping with the "
    "field in Salesforce.",
    "DUPLICATES_DETECTED": "A duplicate rule blocks the update: let it alert instead, or exempt "
    "the integration user.",
    "DUPLICATE_VALUE": "Another record holds this value, which must be unique.",
    "ENTITY_IS_DELETED": GONE,
    "NOT_FOUND": GONE,
    "INVALID_CROSS_REFERENCE_KEY": GONE,
    "STORAGE_LIMIT_EXCEEDED": FULL,
    "LIMIT_EXCEEDED": f"{FULL} Those of a day are free again within 24 hours.",
    "TXN_SECURITY": "A transaction security policy of the org stops us: ask an admin to exempt the "
    "integration user.",
}
BY_STATUS: Mapping[int, str] = {
    403: RIGHT,
    404: "What was asked for is gone, or this org does not have it. Run again.",
    409: "The job belongs to another API version. Run again: it is begun anew.",
    410: RETIRED,
    412: LATER,
    414: SHORTER,
    428: LATER,
    431: SHORTER,
}


def on(status: int, code: str) -> str:
    """What to do about it; there is always something."""
    known = BY_ERROR.get("TXN_SECURITY" if code.startswith("TXN_SECURITY") else code)
    if known := known or BY_STATUS.get(status):
        return known
    if status >= 500:
        return STATUS
    where = f"Look up {code} in Salesforce's REST API guide, and run again" if code else "Run again"
    return f"{where}; -vv shows every call."
