"""Controls of the org itself: what it has switched on, who holds its rows, what fails in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .hubspot import access, rules, seed, settings
from .salesforce import automations, limits, locks, options, record_types
from .store import Store
from .surveys import answers

#: Takes the store, the JSON that was sent and the address of the sandbox.
Control = Callable[[Store, Any, str], Any]


def _lock(store: Store, wanted: Any, _: str) -> dict[str, int]:
    return {"locks": locks.add(store, wanted)}


def _release(store: Store, _: Any, __: str) -> dict[str, int]:
    locks.clear(store)
    return {"locks": 0}


def _automate(store: Store, wanted: Any, _: str) -> dict[str, int]:
    if not isinstance(wanted, list):
        raise TypeError('automations are a list of {"object", "code", "message", "chunk_above"}')
    return {"automations": automations.replace(store, wanted)}


def _busy(store: Store, wanted: Any, _: str) -> dict[str, int]:
    limits.be_busy(store, int(wanted["times"]))
    return {"times": int(wanted["times"])}


def _hubspot(store: Store, wanted: Any, _: str) -> dict[str, Any]:
    """Turns the account; `records`, `rules` and `fill` are about what is in it."""
    if wanted.pop("fill", False):
        seed.ensure(store)
    turned = settings.change(store, wanted.pop("records", {}))
    if "rules" in wanted:
        rules.replace(store, wanted.pop("rules"))
    told = access.change(store, wanted) if wanted else access.told(store)
    return {**told, "records": turned, "rules": rules.told(store)}


CONTROLS: tuple[tuple[str, str, Control], ...] = (
    ("POST", "locks", _lock),
    ("DELETE", "locks", _release),
    ("POST", "automations", _automate),
    ("POST", "busy", _busy),
    ("POST", "org", lambda store, wanted, _: options.change(store, wanted)),
    ("POST", "users", options.add_user),
    ("GET", "hubspot", lambda store, _, __: _hubspot(store, {}, "")),
    ("POST", "hubspot", _hubspot),
    ("POST", "hubspot-rules", lambda store, wanted, _: rules.replace(store, wanted)),
    ("POST", "answers", lambda store, wanted, _: answers.act(store, wanted)),
    ("POST", "record-types", lambda store, wanted, _: record_types.add(store, wanted)),
)
