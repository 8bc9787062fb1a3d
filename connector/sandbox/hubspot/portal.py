"""The account itself: its number, its plan, the products it has, its time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..store import Store

KEY = "hubspot_portal"
PLANS = ("free", "starter", "professional", "enterprise")
#: Products that not every plan has, the lowest plan with it, and the scopes that need it.
PRODUCTS: dict[str, tuple[str, frozenset[str]]] = {
    "tickets": ("free", frozenset({"tickets"})),
    "feedback_submissions": (
        "professional",
        frozenset({"crm.objects.feedback_submissions.read"}),
    ),
    "custom_objects": (
        "enterprise",
        frozenset(
            {"crm.objects.custom.read", "crm.objects.custom.write", "crm.schemas.custom.read"}
        ),
    ),
}
ACCOUNT_TYPES = ("STANDARD", "DEVELOPER_TEST", "SANDBOX", "APP_DEVELOPER")
DEFAULT: dict[str, Any] = {
    "id": 44_810_221,
    "plan": "enterprise",
    "products": {},
    "account_type": "STANDARD",
    "time_zone": "Europe/Berlin",
    "currency": "EUR",
    "currencies": ["USD"],
    "domain": "app.hubspot.com",
    "hosting": "na1",
    "custom_properties": 1_000,
}


@dataclass(frozen=True, slots=True)
class Portal:
    """The account as it is set up now; `without` are the products that it has no licence for."""

    id: int
    plan: str
    without: frozenset[str]
    account_type: str
    time_zone: ZoneInfo
    currency: str
    currencies: tuple[str, ...]
    domain: str
    hosting: str
    custom_properties: int

    @property
    def lost(self) -> frozenset[str]:
        """The scopes that go with products the account does not have."""
        return frozenset(scope for name in self.without for scope in PRODUCTS[name][1])


def portal(store: Store) -> Portal:
    """The account as it is set up now."""
    kept = {**DEFAULT, **(store.get(KEY) or {})}
    return Portal(
        id=kept["id"],
        plan=kept["plan"],
        without=frozenset(name for name, has in _products(kept).items() if not has),
        account_type=kept["account_type"],
        time_zone=ZoneInfo(kept["time_zone"]),
        currency=kept["currency"],
        currencies=tuple(kept["currencies"]),
        domain=kept["domain"],
        hosting=kept["hosting"],
        custom_properties=kept["custom_properties"],
    )


def local(store: Store) -> datetime:
    """The sandbox's time as the clocks of the account show it."""
    return store.clock.now().astimezone(portal(store).time_zone)


def told(store: Store) -> dict[str, Any]:
    """The account's settings, and which products it has."""
    kept = {**DEFAULT, **(store.get(KEY) or {})}
    return {**kept, "products": _products(kept)}


def change(store: Store, wanted: Mapping[str, Any]) -> None:
    """Sets some of the settings; `products` takes true, false, or null for what the plan says."""
    kept = {**DEFAULT, **(store.get(KEY) or {})}
    for name, value in wanted.items():
        _check(name, value)
        kept[name] = {**kept["products"], **value} if name == "products" else value
    store.put(KEY, kept)


def _products(kept: Mapping[str, Any]) -> dict[str, bool]:
    own, rank = kept["products"], PLANS.index(kept["plan"])
    return {
        name: rank >= PLANS.index(least) if own.get(name) is None else bool(own[name])
        for name, (least, _) in PRODUCTS.items()
    }


def _check(name: str, value: Any) -> None:
    if name not in DEFAULT:
        raise ValueError(f"there is no {name!r}; there are {', '.join(DEFAULT)}")
    if type(value) is not type(DEFAULT[name]):
        raise ValueError(f"{name} is a {type(DEFAULT[name]).__name__}")
    if name == "plan" and value not in PLANS:
        raise ValueError(f"plan is one of: {', '.join(PLANS)}")
    if name == "account_type" and value not in ACCOUNT_TYPES:
        raise ValueError(f"account_type is one of: {', '.join(ACCOUNT_TYPES)}")
    if name == "products" and (unknown := set(value) - set(PRODUCTS)):
        raise ValueError(f"there is no {', '.join(unknown)}; there are {', '.join(PRODUCTS)}")
    if name == "time_zone":
        try:
            ZoneInfo(value)
        except ZoneInfoNotFoundError:
            raise ValueError(f"there is no time zone {value!r}") from None
