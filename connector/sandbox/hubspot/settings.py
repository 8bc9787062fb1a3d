"""How this HubSpot behaves where the real one is known to differ from day to day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..store import Store

KEY = "hubspot_settings"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a control can turn.

    `index_lag` is how many seconds of the sandbox's clock search is behind; `locked` is how many
    of the next batches that write companies find them locked.
    """

    index_lag: float = 5.0
    out_of_order: bool = False
    unassociated: Literal["errors", "absent"] = "errors"
    association_page: int = 500
    merge_makes_new_id: bool = False
    locked: int = 0


def of(store: Store) -> Settings:
    """The settings as they are now."""
    kept = store.passing.get(KEY)
    if not isinstance(kept, Settings):
        kept = store.passing[KEY] = Settings(**(store.get(KEY) or {}))
    return kept


def change(store: Store, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Sets some of them and tells all."""
    now = asdict(of(store))
    for name, value in wanted.items():
        if name not in now:
            raise ValueError(f"there is no {name!r}; there are {', '.join(now)}")
        whole = isinstance(value, int) and not isinstance(value, bool)
        if type(value) is not type(now[name]) and not (whole and isinstance(now[name], float)):
            raise ValueError(f"{name} is a {type(now[name]).__name__}")
    new = Settings(**{**now, **wanted})
    if (
        new.unassociated not in ("errors", "absent")
        or new.association_page < 1
        or new.index_lag < 0
    ):
        raise ValueError("unassociated is errors or absent, association_page at least 1")
    store.put(KEY, asdict(new))
    store.passing[KEY] = new
    return asdict(new)
