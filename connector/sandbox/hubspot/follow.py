"""What HubSpot fills in by itself, and what changes because something else did."""

from __future__ import annotations

from collections.abc import Mapping

from .kinds import Kind
from .stages import DEAL_STAGES, TICKET_STAGES

_DEALS = {id_: (closed, chance) for _, id_, closed, chance in DEAL_STAGES}
_TICKETS = {id_: closed for _, id_, closed in TICKET_STAGES}
_OWNER = "hubspot_owner_id"


def derived(kind: Kind, values: Mapping[str, str], at: str, id_: int) -> dict[str, str]:
    """What a new record holds without anybody having said so."""
    filled = followed(kind, values, {}, at)
    if kind.name == "tickets":
        filled["hs_ticket_id"] = str(id_)
    if kind.name == "companies" and values.get("domain"):
        filled["website"] = values["domain"]
    if kind.name in ("companies", "contacts"):
        filled["lifecyclestage"] = "lead"
    return filled


def followed(
    kind: Kind, new: Mapping[str, str], before: Mapping[str, str], at: str
) -> dict[str, str]:
    """What changes with the new values of a record."""
    also: dict[str, str] = {}
    if _OWNER in new and new[_OWNER] != before.get(_OWNER, ""):
        also = {"hubspot_owner_assigneddate": at, "hs_all_owner_ids": new[_OWNER]}
    match kind.name:
        case "tasks" if "hs_task_status" in new:
            done = new["hs_task_status"] == "COMPLETED"
            also["hs_task_is_completed"] = str(int(done))
            also |= {"hs_task_completion_date": at} if done else {}
        case "deals" if new.get("dealstage") in _DEALS:
            closed, chance = _DEALS[new["dealstage"]]
            also["hs_is_closed"] = str(closed).lower()
            also["hs_is_closed_won"] = str(closed and chance == 1).lower()
            also["hs_deal_stage_probability"] = str(chance)
        case "tickets" if new.get("hs_pipeline_stage") in _TICKETS:
            closed = _TICKETS[new["hs_pipeline_stage"]]
            also["hs_is_closed"] = str(closed).lower()
            also["closed_date"] = at if closed else ""
    return also
