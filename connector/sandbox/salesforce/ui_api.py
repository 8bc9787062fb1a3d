"""The part of the User Interface API that tells picklist values by record type."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

from ..store import Field, Object
from . import record_types
from .api import Answer, Call
from .describe import named
from .errors import not_found
from .soql_names import ignoring_case


def picklists(call: Call) -> Answer:
    """The values of every picklist of an object for one record type."""
    target, record_type, url = _asked(call)
    found: dict[str, Any] = {
        field.name: record_types.picklist(call.store, record_type, field, url)
        for field in _visible(call, target).values()
    }
    tag = sha256(orjson.dumps(found)).hexdigest()[:32]
    return Answer({"eTag": tag, "picklistFieldValues": found})


def picklist(call: Call) -> Answer:
    """The values of one picklist for one record type."""
    target, record_type, url = _asked(call)
    field = ignoring_case(_visible(call, target), call.path["field"])
    if field is None:
        raise not_found()
    return Answer(record_types.picklist(call.store, record_type, field, url))


def _asked(call: Call) -> tuple[Object, str, str]:
    target = named(call)
    id_ = record_types.known(call.store, target.name, call.path["record_type"])
    return target, id_, f"{call.base}/ui-api/object-info/{target.name}/picklist-values/{id_}"


def _visible(call: Call, target: Object) -> dict[str, Field]:
    fields = call.access.fields(target.name)
    kinds = ("picklist", "multipicklist")
    return {name: field for name, field in fields.items() if field.type in kinds}
