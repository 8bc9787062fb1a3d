"""How many calls an account may make: in ten seconds, in a second, in a day.

The windows are of real time, since it is in real time that a client waits. Only the day is
the sandbox's own, so that tomorrow can be had at once.

Unless a plan is asked for, the limits are a hundred times those of an Enterprise account: what
is tested is seldom the limit, and at five searches a second everything else would take minutes.
`POST /_sandbox/hubspot {"plan": "professional"}` brings the true ones.
"""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ..store import Store
from .auth import OAUTH, App
from .errors import Refusal
from .portal import local, portal

TEN_SECONDLY, SECONDLY, DAILY = "TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY"
INTERVAL = 10.0
#: Requests in ten seconds, and in a day, by plan.
BURST = {"free": 100, "starter": 100, "professional": 190, "enterprise": 190}
DAY = {"free": 250_000, "starter": 250_000, "professional": 650_000, "enterprise": 1_000_000}
#: With the capacity pack.
PACK_BURST, PACK_DAY, PACKS = 250, 1_000_000, 2
OAUTH_BURST = 110
SEARCHES = 5
#: What the associations API allows by itself.
ASSOCIATIONS = {"free": 100, "starter": 100, "professional": 150, "enterprise": 150}
PACK_ASSOCIATIONS, ASSOCIATIONS_DAY, PACK_ASSOCIATIONS_DAY = 200, 500_000, 1_000_000
GENEROUS = 100
MODES = ("generous", "plan", "off")
RETRY_AFTER = ("none", "seconds", "milliseconds")
#: A refused search is told with a category, as was recorded, or with a policy like the others.
SEARCH_BODIES = ("category", "policy")
NAMES = (
    "burst",
    "oauth_burst",
    "search",
    "daily",
    "associations_burst",
    "associations_daily",
)
_OTHERS = ("mode", "packs", "retry_after", "search_body", "used")
DEFAULT = {"mode": "generous", "packs": 0, "retry_after": "none", "search_body": "category"}
KEY, USED = "hubspot_limits", "hubspot_used"
_SEARCH = re.compile(r"/crm/(v3/objects|objects/[\d-]+)/[^/]+/search/?")
_ASSOCIATIONS = re.compile(
    r"/crm/(v[34]/associations|associations/[\d-]+)/"
    r"|/crm/(v4/objects|objects/[\d-]+)/[^/]+/[^/]+/associations/"
)


@dataclass(slots=True)
class Passing:
    """What is forgotten when the sandbox stops: the last moments, and counts for the controls.

    `now` tells the seconds that windows are of.
    """

    now: Callable[[], float] = time.monotonic

    moments: dict[str, deque[float]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


def admit(store: Store, app: App, method: str, path: str) -> dict[str, str]:
    """Counts a call and gives the headers of its answer; refuses one too many."""
    del method  # a call is a call
    passing, most = _passing(store), allowed(store)
    passing.requests[app.kind] += 1
    if _SEARCH.fullmatch(path):
        _take_moment(store, "search", most["search"], 1.0, SECONDLY)
        _take_day(store, app, "daily", most)
        return {}
    if _ASSOCIATIONS.match(path):
        _take_moment(store, "associations", most["associations_burst"], INTERVAL, TEN_SECONDLY)
        _take_day(store, app, "associations_daily", most)
    name = "oauth_burst" if app.kind == OAUTH else "burst"
    left = _take_moment(store, f"app {app.id}", most[name], INTERVAL, TEN_SECONDLY)
    day = _take_day(store, app, "daily", most)
    return _headers(app, most[name], left, most["daily"], day)


def allowed(store: Store) -> dict[str, int | None]:
    """What is allowed of each limit; None is anything."""
    kept = _kept(store)
    plan = _of_plan(portal(store).plan, kept["packs"])
    if kept["mode"] == "off":
        plan = dict.fromkeys(NAMES)
    elif kept["mode"] == "generous":
        plan = {name: (most or 0) * GENEROUS for name, most in plan.items()}
    return {**plan, **kept["own"]}


def change(store: Store, wanted: Mapping[str, Any]) -> None:
    """Sets the mode, the packs, single limits, what of the day is used, how a refusal looks."""
    kept = _kept(store)
    if "mode" in wanted:
        kept["mode"], kept["own"] = _one_of(wanted["mode"], MODES, "mode"), {}
    if "packs" in wanted:
        kept["packs"] = _one_of(wanted["packs"], tuple(range(PACKS + 1)), "packs")
    if "retry_after" in wanted:
        kept["retry_after"] = _one_of(wanted["retry_after"], RETRY_AFTER, "retry_after")
    if "search_body" in wanted:
        kept["search_body"] = _one_of(wanted["search_body"], SEARCH_BODIES, "search_body")
    for name in wanted.keys() & set(NAMES):
        kept["own"][name] = None if wanted[name] is None else int(wanted[name])
    if unknown := wanted.keys() - {*_OTHERS, *NAMES}:
        raise ValueError(f"there is no limit {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name, count in dict(wanted.get("used", {})).items():
        _one_of(name, ("daily", "associations_daily"), "used")
        store.put(USED, {**_used(store), name: int(count)})
    store.put(KEY, kept)


def told(store: Store) -> dict[str, Any]:
    """The limits, what is used of the day, the requests by app and the refusals by policy."""
    passing = _passing(store)
    return {
        **_kept(store),
        "allowed": allowed(store),
        "used": {name: _used(store)[name] for name in ("daily", "associations_daily")},
        "requests": dict(passing.requests),
        "refused": dict(passing.refused),
    }


def forget(store: Store) -> None:
    """Begins anew: no moment is remembered, nothing is counted."""
    store.passing.pop("hubspot", None)


def used_today(store: Store) -> int:
    """How many calls were made today by all private apps together."""
    return int(_used(store)["daily"])


def resets_at(store: Store) -> str:
    """When the day ends, where the account is."""
    midnight = local(store).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight + timedelta(days=1)).isoformat(timespec="seconds")


def _of_plan(plan: str, packs: int) -> dict[str, int | None]:
    return {
        "burst": PACK_BURST if packs else BURST[plan],
        "oauth_burst": OAUTH_BURST,
        "search": SEARCHES,
        "daily": DAY[plan] + packs * PACK_DAY,
        "associations_burst": PACK_ASSOCIATIONS if packs else ASSOCIATIONS[plan],
        "associations_daily": PACK_ASSOCIATIONS_DAY if packs else ASSOCIATIONS_DAY,
    }


def _take_moment(
    store: Store, window: str, most: int | None, seconds: float, policy: str
) -> int | None:
    """Takes one of a rolling window and tells how many are left of it."""
    if most is None:
        return None
    passing = _passing(store)
    now, moments = passing.now(), passing.moments.setdefault(window, deque())
    while moments and moments[0] <= now - seconds:
        moments.popleft()
    if len(moments) >= most:
        # with none allowed at all there is no moment at which one becomes free
        wait = moments[0] + seconds - now if moments else seconds
        raise _refused(store, policy, wait, most)
    moments.append(now)
    return most - len(moments)


def _take_day(store: Store, app: App, name: str, most: Mapping[str, int | None]) -> int | None:
    """Takes one of the day, which all private apps share; OAuth has no such figure."""
    allowance = most[name]
    if app.kind == OAUTH or allowance is None:
        return None
    used = _used(store)
    if used[name] >= allowance:
        raise _refused(store, DAILY, _until_midnight(store))
    store.put(USED, {**used, name: used[name] + 1})
    return allowance - int(used[name]) - 1


def _used(store: Store) -> dict[str, Any]:
    """What is used of the day that it is where the account is."""
    today = local(store).date().isoformat()
    kept: dict[str, Any] | None = store.get(USED)
    if kept is None or kept["day"] != today:
        return {"day": today, "daily": 0, "associations_daily": 0}
    return kept


def _headers(
    app: App, most: int | None, left: int | None, daily: int | None, day: int | None
) -> dict[str, str]:
    told = {} if most is None or left is None else _window(most, left)
    if day is not None and app.kind != OAUTH:
        told["X-HubSpot-RateLimit-Daily"] = str(daily)
        told["X-HubSpot-RateLimit-Daily-Remaining"] = str(day)
    return told


def _window(most: int, left: int) -> dict[str, str]:
    return {
        "X-HubSpot-RateLimit-Max": str(most),
        "X-HubSpot-RateLimit-Remaining": str(left),
        "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(INTERVAL * 1000)),
    }


def _refused(store: Store, policy: str, wait: float, most: int = 0) -> Refusal:
    """An answer of 429; that of a search is told otherwise than the others."""
    _passing(store).refused[policy] += 1
    kept = _kept(store)
    headers: dict[str, str] = {
        "none": {},
        "seconds": {"Retry-After": str(int(wait) + 1)},
        "milliseconds": {"Retry-After": str(int(wait * 1000) + 1)},
    }[kept["retry_after"]]
    if policy == TEN_SECONDLY:
        headers = {**headers, **_window(most, 0)}
    said = f"You have reached your {policy.lower()} limit."
    if policy == SECONDLY and kept["search_body"] == "category":
        return Refusal("RATE_LIMITS", said, status=429, headers=headers)
    more = {"errorType": "RATE_LIMIT", "policyName": policy}
    return Refusal("", said, status=429, headers=headers, more=more)


def _until_midnight(store: Store) -> float:
    now = local(store)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - now).total_seconds()


def _kept(store: Store) -> dict[str, Any]:
    kept = store.get(KEY) or {}
    return {**DEFAULT, "own": {}, **kept}


def _passing(store: Store) -> Passing:
    found = store.passing.setdefault("hubspot", Passing())
    assert isinstance(found, Passing)
    return found


def _one_of(value: Any, choices: tuple[Any, ...], name: str) -> Any:
    if value not in choices:
        raise ValueError(f"{name} is one of: {', '.join(map(str, choices))}")
    return value
