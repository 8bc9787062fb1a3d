"""What an admin demands of records: properties that must be set, for all or for some.

Since 2026-09 such rules hold for what is written through the API as well. They concern the
record: a write of one property is refused because another one is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..store import Store
from .api import Call
from .errors import Refusal
from .kinds import BY_NAME, Kind

KEY = "hubspot_rules"
SINCE = "2026-09"
CODE = "MISSING_CONDITIONAL_REQUIRED_PROPERTY"


def told(store: Store) -> list[dict[str, Any]]:
    """The rules there are."""
    return store.get(KEY) or []


def replace(store: Store, wanted: Any) -> None:
    """Replaces all rules.

    A rule is `{"object", "when": {"property": value}, "requires": [properties], "on": "create"}`;
    without `when` it holds for all records, with `on` only for new ones.
    """
    if not isinstance(wanted, list):
        raise TypeError('rules are a list of {"object", "when", "requires"}')
    for each in wanted:
        if each["object"] not in BY_NAME or not each["requires"]:
            raise ValueError("a rule names an object and what it requires")
    store.put(KEY, wanted)


def check(
    call: Call,
    kind: Kind,
    values: Mapping[str, str],
    before: Mapping[str, str],
    *,
    new: bool = False,
) -> None:
    """Refuses a record that would lack what a rule demands."""
    if SINCE not in call.request.url.path:
        return
    after = {**before, **values}
    for rule in told(call.store):
        if rule["object"] != kind.name or (rule.get("on") == "create" and not new):
            continue
        when = rule.get("when") or {}
        missing = [each for each in rule["requires"] if not after.get(each)]
        if missing and all(after.get(name) == value for name, value in when.items()):
            raise _refusal(missing)


def _refusal(missing: list[str]) -> Refusal:
    return Refusal(
        "VALIDATION_ERROR",
        f"Required properties are missing: {', '.join(missing)}",
        context={"propertyName": missing},
        errors=[
            {
                "message": f"{each} is required by a rule of this account",
                "code": CODE,
                "context": {"propertyName": [each]},
            }
            for each in missing
        ],
    )
