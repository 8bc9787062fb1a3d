"""The controls of the account: its plan and products, its apps and tokens, its limits."""

from __future__ import annotations

from typing import Any

from ..store import Store
from . import auth, exports, grants, imports, limits, portal

PARTS = frozenset({"plan", "portal", "limits", "app", "oauth", "exports", "imports", "forget"})


def prepare(store: Store) -> None:
    """Makes what the account needs before anybody can sign in."""
    auth.prepare(store)
    grants.prepare(store)


def told(store: Store) -> dict[str, Any]:
    """The account, its apps, its limits and what was refused since the sandbox started."""
    return {
        "portal": portal.told(store),
        "apps": auth.apps_told(store),
        "limits": limits.told(store),
        "oauth": grants.told(store),
        "exports": exports.told(store),
        "imports": imports.told(store),
    }


def change(store: Store, wanted: Any) -> dict[str, Any]:
    """Sets parts of the account: `{"portal": {"plan": "free"}, "limits": {"mode": "plan"}}`.

    `{"plan": "professional"}` alone is short for that plan with its true limits.
    """
    if not isinstance(wanted, dict):
        raise TypeError('the account is an object, for example {"plan": "professional"}')
    if unknown := wanted.keys() - PARTS:
        raise ValueError(f"there is no {', '.join(unknown)}; there are {', '.join(sorted(PARTS))}")
    with store.transaction():
        if plan := wanted.get("plan"):
            portal.change(store, {"plan": plan})
            limits.change(store, {"mode": "plan"})
        portal.change(store, wanted.get("portal", {}))
        limits.change(store, wanted.get("limits", {}))
        grants.change(store, wanted.get("oauth", {}))
        exports.change(store, wanted.get("exports", {}))
        imports.change(store, wanted.get("imports", {}))
        if "app" in wanted:
            auth.change(store, wanted["app"])
        if wanted.get("forget"):
            limits.forget(store)
    return told(store)
