"""The pipelines of deals and tickets, and the stages that they consist of."""

from __future__ import annotations

from typing import Any

from ..store import Store
from .kinds import Kind
from .times import iso, now_ms

KEY = "hubspot_pipelines"
#: Label and number of each stage, whether it is closed, and how likely it is to be won.
DEAL_STAGES = (
    ("Prospecting", "140213551", False, 0.1),
    ("Qualification", "140213552", False, 0.25),
    ("Proposal", "140213553", False, 0.5),
    ("Negotiation", "140213554", False, 0.75),
    ("Closed Won", "140213555", True, 1.0),
    ("Closed Lost", "140213556", True, 0.0),
)
TICKET_STAGES = (
    ("New", "1", False),
    ("Waiting on contact", "2", False),
    ("Waiting on us", "3", False),
    ("Closed", "4", True),
)
Body = dict[str, Any]


def prepare(store: Store) -> None:
    """Makes one pipeline of deals and one of tickets."""
    if store.get(KEY) is None:
        at = iso(now_ms(store))
        deals = [
            _made(label, id_, place, at, isClosed=closed, probability=str(chance))
            for place, (label, id_, closed, chance) in enumerate(DEAL_STAGES)
        ]
        tickets = [
            _made(
                label, id_, place, at, isClosed=closed, ticketState="CLOSED" if closed else "OPEN"
            )
            for place, (label, id_, closed) in enumerate(TICKET_STAGES)
        ]
        store.put(
            KEY,
            {
                "deals": [_pipeline("Customer pipeline", "72318054", deals, at)],
                "tickets": [_pipeline("Support pipeline", "0", tickets, at)],
            },
        )


def all_of(store: Store, kind: Kind) -> list[Body]:
    """Every pipeline of a type."""
    kept: dict[str, list[Body]] = store.get(KEY) or {}
    return kept.get(kind.name, [])


def archive(store: Store, kind: Kind, pipeline: str, stage: str = "") -> bool:
    """Takes a pipeline out of sight, or one of its stages; what is in it stays there."""
    kept: dict[str, list[Body]] = store.get(KEY) or {}
    listed = kept.get(kind.name, [])
    if stage:
        listed = next((each["stages"] for each in listed if each["id"] == pipeline), [])
    left = [each for each in listed if each["id"] != (stage or pipeline)]
    found = len(left) < len(listed)
    listed[:] = left
    store.put(KEY, kept)
    return found


def _made(label: str, id_: str, place: int, at: str, **metadata: Any) -> Body:
    told = {key: str(each).lower() if isinstance(each, bool) else each
            for key, each in metadata.items()}  # fmt: skip
    return {
        "label": label,
        "displayOrder": place,
        "metadata": told,
        "id": id_,
        "createdAt": at,
        "updatedAt": at,
        "archived": False,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }


def _pipeline(label: str, id_: str, stages: list[Body], at: str) -> Body:
    return {
        "label": label,
        "displayOrder": 0,
        "id": id_,
        "stages": stages,
        "createdAt": at,
        "updatedAt": at,
        "archived": False,
    }
