"""Deals, tickets, and what happened between people, from the other CRM's own kinds of record."""

from __future__ import annotations

from .kinds import BY_NAME, Kind
from .links import STANDARD
from .seed_rows import Filling, at, moment, number, rows
from .stages import DEAL_STAGES

COMPANIES, CONTACTS = BY_NAME["companies"], BY_NAME["contacts"]
DEALS, TICKETS = BY_NAME["deals"], BY_NAME["tickets"]
CALLS, MEETINGS, EMAILS = BY_NAME["calls"], BY_NAME["meetings"], BY_NAME["emails"]
NOTES, TASKS = BY_NAME["notes"], BY_NAME["tasks"]
ONLY_CONTACT, NOTE = 4, 5  # one e-mail, one finished task in so many
_PIPELINE = "72318054"
_STAGES = {label: id_ for label, id_, _, _ in DEAL_STAGES}
_STATUS = {"New": "1", "Waiting": "2", "Working": "3", "Closed": "4"}
_CATEGORIES = {"Question": "GENERAL_INQUIRY", "Problem": "PRODUCT_ISSUE", "Complaint": "COMPLAINT"}
_SOURCES = {"Email": "EMAIL", "Phone": "PHONE", "Web": "FORM"}
_DONE = {"Completed": "COMPLETED", "In Progress": "IN_PROGRESS", "Not Started": "NOT_STARTED"}
_PRIORITIES = {"High": "HIGH", "Normal": "MEDIUM", "Low": "LOW"}
_OUTCOMES = {"Held": "COMPLETED", "No show": "NO_SHOW", "Cancelled": "CANCELED"}
#: HubSpot's own number for a call that was answered.
_CONNECTED = "f240bbac-87c9-4f6e-bf70-924b57d47db7"
_TYPE = {
    (near, far): next(each.id for each in types.values() if each.label is None)
    for (near, far), types in STANDARD.items()
}


def add_deals(filling: Filling) -> None:
    """Every opportunity is a deal."""
    columns = ("Id", "IsDeleted", "CreatedDate", "SystemModstamp", "AccountId", "OwnerId", "Name",
               "Type", "StageName", "Amount", "CloseDate", "Probability", "IsClosed", "IsWon",
               "Product__c")  # fmt: skip
    for id_, deleted, created, changed, account, owner, name, type_, stage, *rest in rows(
        filling.store, "Opportunity", *columns
    ):
        amount, close, probability, closed, won, product = rest
        number_ = filling.ids[id_] = filling.new_id(DEALS)
        values = {
            "dealname": name,
            "pipeline": _PIPELINE,
            "dealstage": _STAGES.get(stage, DEAL_STAGES[0][1]),
            "dealtype": "newbusiness" if type_ == "New Business" else "existingbusiness",
            "amount": number(amount),
            "amount_in_home_currency": number(amount),
            "closedate": at(close),
            "hs_is_closed": str(bool(closed)).lower(),
            "hs_is_closed_won": str(bool(won)).lower(),
            "hs_deal_stage_probability": number((probability or 0) / 100),
            "product": product,
            "hubspot_owner_id": filling.owners.get(owner or ""),
        }
        filling.add(DEALS, number_, values, created, changed, deleted=bool(deleted))
        _belongs(filling, DEALS, id_, number_, account, 5, 341)


def add_tickets(filling: Filling) -> None:
    """Every case is a ticket."""
    columns = ("Id", "IsDeleted", "CreatedDate", "SystemModstamp", "AccountId", "ContactId",
               "Subject", "Status", "Priority", "Type", "ClosedDate", "Origin")  # fmt: skip
    for id_, deleted, created, changed, account, contact, subject, *rest in rows(
        filling.store, "Case", *columns
    ):
        status, priority, type_, closed, origin = rest
        number_ = filling.ids[id_] = filling.new_id(TICKETS)
        values = {
            "subject": subject,
            "hs_pipeline": "0",
            "hs_pipeline_stage": _STATUS.get(status, "1"),
            "hs_ticket_priority": priority.upper() if priority else None,
            "hs_ticket_category": _CATEGORIES.get(type_),
            "source_type": _SOURCES.get(origin),
            "hs_ticket_id": str(number_),
            "hs_is_closed": str(bool(closed)).lower(),
            "closed_date": at(closed),
            "time_to_close": str(moment(closed) - moment(created)) if closed else None,
        }
        filling.add(TICKETS, number_, values, created, changed, deleted=bool(deleted))
        _belongs(filling, TICKETS, id_, number_, account, 26, 339)
        filling.link(TICKETS, number_, CONTACTS, filling.contacts.get(contact or ""), 16)


def _belongs(
    filling: Filling, kind: Kind, id_: str, number_: int, account: str | None, *types: int
) -> None:
    company = filling.ids.get(account or "")
    filling.link(kind, number_, COMPANIES, company, *types)
    if company is not None:
        filling.company[id_] = company


def add_tasks(filling: Filling) -> None:
    """A task is a call, an e-mail that nothing else tells of, a note, or a task."""
    columns = ("Id", "IsDeleted", "CreatedDate", "SystemModstamp", "Subject", "WhoId", "WhatId",
               "AccountId", "OwnerId", "TaskSubtype", "Status", "Priority", "CallType",
               "CallDurationInSeconds", "ActivityDate", "CompletedDateTime",
               "IsRecurrence")  # fmt: skip
    mailed = {each for (each,) in rows(filling.store, "EmailMessage", "ActivityId") if each}
    for n, (id_, deleted, created, changed, subject, who, what, account, owner, *rest) in enumerate(
        rows(filling.store, "Task", *columns)
    ):
        subtype, status, priority, direction, length, due, done, series = rest
        # a series is no task of its own, and mail comes with its message
        if series or id_ in mailed:
            continue
        when = at(done) or at(due) or at(created)
        if subtype == "Call":
            kind, values = CALLS, _call(subject, direction, length)
        elif subtype == "Email":
            kind, values = EMAILS, _email(subject, incoming=False)
        elif status == "Completed" and n % NOTE == 0:
            kind, values = NOTES, {"hs_note_body": subject}
        else:
            kind, values = TASKS, _task(subject, status, priority, done)
            when = at(due) or when
        values |= {"hs_timestamp": when, "hubspot_owner_id": filling.owners.get(owner or "")}
        number_ = filling.new_id(kind)
        filling.add(kind, number_, values, created, changed, deleted=bool(deleted))
        _about(filling, kind, number_, account, who, what)


def _call(subject: str | None, direction: str | None, length: int | None) -> dict[str, str | None]:
    return {
        "hs_call_title": subject,
        "hs_call_direction": direction.upper() if direction else None,
        "hs_call_status": "COMPLETED" if length else "NO_ANSWER",
        "hs_call_disposition": _CONNECTED if length else None,
        "hs_call_duration": None if length is None else str(1000 * length),
    }


def _email(
    subject: str | None, *, incoming: bool, sender: str | None = None
) -> dict[str, str | None]:
    return {
        "hs_email_subject": subject,
        "hs_email_text": subject,
        "hs_email_direction": "INCOMING_EMAIL" if incoming else "EMAIL",
        "hs_email_status": "SENT",
        "hs_email_from_email": sender,
    }


def _task(
    subject: str | None, status: str | None, priority: str | None, done: str | None
) -> dict[str, str | None]:
    return {
        "hs_task_subject": subject,
        "hs_task_status": _DONE.get(status or "", "NOT_STARTED"),
        "hs_task_priority": _PRIORITIES.get(priority or "", "NONE"),
        "hs_task_type": "TODO",
        "hs_task_completion_date": at(done),
        "hs_task_is_completed": str(int(status == "Completed")),
    }


def add_meetings(filling: Filling) -> None:
    """Every event is a meeting; what a colleague was invited to is the same one."""
    columns = ("Id", "IsDeleted", "CreatedDate", "SystemModstamp", "Subject", "WhoId", "WhatId",
               "AccountId", "OwnerId", "StartDateTime", "EndDateTime", "IsChild", "IsRecurrence",
               "Meeting_Outcome__c")  # fmt: skip
    now = at(filling.store.clock.now().isoformat()) or ""
    for _, deleted, created, changed, subject, who, what, account, owner, *rest in rows(
        filling.store, "Event", *columns
    ):
        start, end, child, series, outcome = rest
        if child or series:
            continue
        begins = at(start) or at(created)
        ahead = "SCHEDULED" if begins and begins > now else None
        values = {
            "hs_meeting_title": subject,
            "hs_meeting_start_time": begins,
            "hs_meeting_end_time": at(end),
            "hs_meeting_outcome": _OUTCOMES.get(outcome, ahead) if outcome else ahead,
            "hs_meeting_source": "CRM_UI",
            "hs_timestamp": begins,
            "hubspot_owner_id": filling.owners.get(owner or ""),
        }
        number_ = filling.new_id(MEETINGS)
        filling.add(MEETINGS, number_, values, created, changed, deleted=bool(deleted))
        _about(filling, MEETINGS, number_, account, who, what)


def add_emails(filling: Filling) -> None:
    """Every message is an e-mail; some were logged on the contact alone."""
    tasks = {
        id_: (who, owner, account)
        for id_, who, owner, account, subtype in rows(
            filling.store, "Task", "Id", "WhoId", "OwnerId", "AccountId", "TaskSubtype"
        )
        if subtype == "Email"
    }
    columns = ("IsDeleted", "CreatedDate", "SystemModstamp", "RelatedToId", "ParentId",
               "ActivityId", "Incoming", "MessageDate", "Subject", "FromAddress")  # fmt: skip
    for n, (deleted, created, changed, related, parent, activity, *rest) in enumerate(
        rows(filling.store, "EmailMessage", *columns)
    ):
        incoming, when, subject, sender = rest
        who, owner, account = tasks.get(activity or "", (None, None, None))
        values = _email(subject, incoming=bool(incoming), sender=sender)
        values["hs_timestamp"] = at(when) or at(created)
        values["hubspot_owner_id"] = filling.owners.get(owner or "")
        number_ = filling.new_id(EMAILS)
        filling.add(EMAILS, number_, values, created, changed, deleted=bool(deleted))
        alone = n % ONLY_CONTACT == 0 and who in filling.contacts
        about = None if alone else related or parent
        _about(filling, EMAILS, number_, None if alone else account, who, about)


def _about(
    filling: Filling,
    kind: Kind,
    number_: int,
    account: str | None,
    who: str | None,
    what: str | None,
) -> None:
    """Associates an activity with a contact, a deal or ticket, and the company behind it."""
    about = filling.ids.get(what or "")
    company = filling.ids.get(account or "") or filling.company.get(what or "")
    if what and what.startswith(("006", "500")):
        far = DEALS if what.startswith("006") else TICKETS
        filling.link(kind, number_, far, about, _TYPE[kind.code, far.code])
    elif company is None:
        company = about
    filling.link(kind, number_, COMPANIES, company, _TYPE[kind.code, COMPANIES.code])
    contact = filling.contacts.get(who or "")
    filling.link(kind, number_, CONTACTS, contact, _TYPE[kind.code, CONTACTS.code])
