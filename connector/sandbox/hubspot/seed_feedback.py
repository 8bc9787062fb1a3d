"""Feedback submissions: what customers answered to surveys, and how they felt about a ticket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..store import Store
from ..surveys import answers
from .kinds import BY_NAME
from .seed_rows import Filling, rows

FEEDBACK, CONTACTS = BY_NAME["feedback_submissions"], BY_NAME["contacts"]
TICKETS = BY_NAME["tickets"]
TO_CONTACT, TO_TICKET = 98, 100
_SURVEYS = ("2100001", "2100002", "2100003")


def last_answers(store: Store) -> dict[str, dict[str, str | None]]:
    """What HubSpot notes on a contact of the last answer, by the other CRM's id."""
    found: dict[str, dict[str, str | None]] = {}
    for body in _answers(store):
        found[str(body.get("identity") or "")] = {
            "hs_feedback_last_nps_rating_number": str(body["score"]),
            "hs_feedback_last_nps_follow_up": body.get("comment"),
            "hs_feedback_last_survey_date": f"{body['inserted_at'][:19]}Z",
        }
    return found


def _answers(store: Store) -> Iterator[dict[str, Any]]:
    """Every answer with a score that is on the scale, the oldest first."""
    if not store.db.execute("select 1 from sqlite_master where name = 'answers'").fetchone():
        return
    known = sorted(each.id for each in answers.surveys(store))
    for each in answers.find(store, "score between 0 and 10"):
        yield {
            "id": each.id,
            "survey": known.index(each.survey) if each.survey in known else 0,
            "score": each.whole_score,
            "comment": each.comment,
            "email": each.email,
            "identity": each.contact_key,
            "inserted_at": each.submitted_at,
        }


def add_submissions(filling: Filling) -> None:
    """Adds the answers to surveys as NPS, the satisfaction with cases as CSAT."""
    for body in _answers(filling.store):
        id_, at = filling.new_id(FEEDBACK), body["inserted_at"]
        values = _nps(body)
        filling.add(FEEDBACK, id_, values, at, at)
        contact = filling.contacts.get(str(body.get("identity") or ""))
        filling.link(FEEDBACK, id_, CONTACTS, contact, TO_CONTACT)
    columns = ("Id", "IsDeleted", "Satisfaction__c", "ClosedDate", "ContactId", "SystemModstamp")
    for case, deleted, felt, closed, contact, changed in rows(filling.store, "Case", *columns):
        if felt is None or deleted:
            continue
        id_, at = filling.new_id(FEEDBACK), closed or changed
        filling.add(FEEDBACK, id_, _csat(int(felt), at), at, at)
        filling.link(FEEDBACK, id_, TICKETS, filling.ids[case], TO_TICKET)
        filling.link(FEEDBACK, id_, CONTACTS, filling.contacts.get(contact or ""), TO_CONTACT)


def _nps(body: dict[str, Any]) -> dict[str, str | None]:
    score, place = body["score"], body["survey"]
    group = "PROMOTER" if score >= 9 else "PASSIVE" if score >= 7 else "DETRACTOR"
    return {
        "hs_survey_id": _SURVEYS[place % 2],
        "hs_survey_name": ("Relationship NPS", "After-support NPS")[place % 2],
        "hs_survey_type": "NPS",
        "hs_survey_channel": "EMAIL",
        "hs_value": str(score),
        "hs_response_group": group,
        "hs_sentiment": {"PROMOTER": "POSITIVE", "PASSIVE": "NEUTRAL"}.get(group, "NEGATIVE"),
        "hs_content": body.get("comment"),
        "hs_submission_name": body.get("email"),
        "hs_submission_timestamp": f"{body['inserted_at'][:19]}Z",
        "hs_ingestion_id": body["id"],
    }


def _csat(felt: int, at: str) -> dict[str, str | None]:
    """HubSpot asks for satisfaction with three faces, 0 to 2; its moods are those of scores."""
    face = 2 if felt >= 4 else 1 if felt == 3 else 0
    return {
        "hs_survey_id": _SURVEYS[2],
        "hs_survey_name": "Support satisfaction",
        "hs_survey_type": "CSAT",
        "hs_survey_channel": "EMAIL",
        "hs_value": str(face),
        "hs_sentiment": ("NEGATIVE", "NEUTRAL", "POSITIVE")[face],
        "hs_submission_timestamp": f"{at[:19]}Z",
    }
