"""What the account tells of itself: who it is, what it has used, how much room it has."""

from __future__ import annotations

from typing import Any

from . import auth, catalogue, limits
from .api import DATED, Answer, Call, Entry
from .kinds import KINDS, Kind
from .portal import local, portal

ROOTS = tuple(f"/account-info/{version}" for version in ("v3", *DATED))
DAILY = "private-apps-api-calls-daily"


def entries() -> tuple[Entry, ...]:
    """Every call that asks the account about itself."""
    return (
        *(("GET", f"{root}/details", _details) for root in ROOTS),
        *(("GET", f"{root}/api-usage/daily/private-apps", _usage) for root in ROOTS),
        ("GET", "/crm/{v}/limits/custom-properties", _custom_properties),
    )


def _details(call: Call) -> Answer:
    """Who the account is; any app may ask, whatever its scopes."""
    account, offset = portal(call.store), local(call.store).utcoffset()
    assert offset is not None
    seconds = int(offset.total_seconds())
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return Answer(
        {
            "portalId": account.id,
            "accountType": account.account_type,
            "timeZone": account.time_zone.key,
            "companyCurrency": account.currency,
            "additionalCurrencies": list(account.currencies),
            "utcOffset": f"{'-' if seconds < 0 else '+'}{hours:02d}:{minutes:02d}",
            "utcOffsetMilliseconds": seconds * 1000,
            "uiDomain": account.domain,
            "dataHostingLocation": account.hosting,
        }
    )


def _usage(call: Call) -> Answer:
    """The calls of today; only those of private apps are told, and only to one of them."""
    if call.app.kind != auth.PRIVATE_APP:
        return Answer({"results": []})
    most = limits.allowed(call.store)["daily"]
    used = {
        "name": DAILY,
        # an account without a limit tells the largest number there is
        "usageLimit": 2**31 - 1 if most is None else most,
        "currentUsage": limits.used_today(call.store),
        "collectedAt": local(call.store).isoformat(timespec="milliseconds"),
        "fetchStatus": "SUCCESS",
        "resetsAt": limits.resets_at(call.store),
    }
    return Answer({"results": [used]})


def _custom_properties(call: Call) -> Answer:
    """How many properties of its own the account may have, and has, by type of record."""
    most = portal(call.store).custom_properties
    every = [_used(call, kind, most) for kind in KINDS if kind.core]
    used = sum(each["usage"] for each in every)
    overall = most * len(every)
    return Answer(
        {
            "overallLimit": overall,
            "overallUsage": used,
            "overallPercentage": _share(used, overall),
            "byObjectType": every,
        }
    )


def _used(call: Call, kind: Kind, most: int) -> dict[str, Any]:
    bodies = catalogue.bodies(call.store, kind)
    used = sum(not each.get("hubspotDefined", False) for each in bodies)
    return {
        "objectTypeId": kind.id,
        "singularLabel": kind.single.capitalize(),
        "pluralLabel": kind.name.capitalize(),
        "limit": most,
        "usage": used,
        "percentage": _share(used, most),
    }


def _share(used: int, most: int) -> float:
    return round(100 * used / most, 2) if most else 100.0
