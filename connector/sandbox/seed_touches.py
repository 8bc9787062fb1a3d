"""What happened between us and the accounts: mail, calls, tasks and meetings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .seed_names import SUBJECTS
from .seed_world import AUTHORS, DAY, TODAY, Company, Person, World

TASK = (
    "Id",
    "Subject",
    "WhoId",
    "WhatId",
    "AccountId",
    "OwnerId",
    "Status",
    "IsClosed",
    "Priority",
    "TaskSubtype",
    "CallType",
    "CallDurationInSeconds",
    "ActivityDate",
    "CompletedDateTime",
    "IsArchived",
    "IsRecurrence",
    *AUTHORS,
    "CreatedDate",
    "SystemModstamp",
)
EVENT = (
    "Id",
    "Subject",
    "WhoId",
    "WhatId",
    "AccountId",
    "OwnerId",
    "StartDateTime",
    "EndDateTime",
    "DurationInMinutes",
    "EventSubtype",
    "IsChild",
    "IsArchived",
    "IsRecurrence",
    "Meeting_Outcome__c",
    *AUTHORS,
    "CreatedDate",
    "SystemModstamp",
)
MESSAGE = (
    "Id",
    "ParentId",
    "RelatedToId",
    "ActivityId",
    "Incoming",
    "Status",
    "MessageDate",
    "Subject",
    "FromAddress",
    *AUTHORS,
    "CreatedDate",
    "SystemModstamp",
)

_MEAN = {"Enterprise": 27.0, "Mid-Market": 15.5, "Small": 9.5}
_ARCHIVED_BEFORE = TODAY - 365  # what is closed and older
_CASE = "500"
_OWN_ADDRESS = "team@nordlicht.example"


@dataclass(frozen=True, slots=True)
class Subject:
    """A record that an activity can be about: an opportunity, or a case and who raised it."""

    id: str
    since: int
    contact: str | None
    is_case: bool


class Touch(NamedTuple):
    """One activity before it is written down as a record: when, about what, with whom."""

    company: Company
    day: int
    at: int
    owner: str
    who: str | None
    what: str
    account: str | None
    person: Person


def add_touches(world: World, company: Company, subjects: Sequence[Subject]) -> int | None:
    """Writes down a company's activities and tells the day of the last one."""
    chance = world.rng.random
    if company.path.name == "silent" and chance() < 0.35:
        return None
    mean = _MEAN[company.segment] * company.path.level * (1.0 if company.pays else 0.35)
    days = world.busy_days(company, mean)
    for day in days:
        touch = _touch(world, company, day, subjects)
        _write(world, touch, chance())
    if days and chance() < 0.04:
        _series(world, _touch(world, company, TODAY - 5, ()))
    return max(days, default=None)


def _touch(world: World, company: Company, day: int, subjects: Sequence[Subject]) -> Touch:
    chance = world.rng.random
    person = company.people[int(chance() * len(company.people))]
    at = day * DAY + 28_800 + int(chance() * 36_000)
    owner = company.owner if chance() < 0.85 else world.owners[int(chance() * len(world.owners))]
    who: str | None = person.id
    what = company.id
    if subjects and chance() < 0.3:
        about = subjects[int(chance() * len(subjects))]
        if about.is_case and about.since <= day:
            # on a case the account is that of the contact, and there need not be one
            who = about.contact
            return Touch(company, day, at, owner, who, about.id, who and company.id, person)
        if about.since <= day:
            what = about.id
    return Touch(
        company, day, at, owner, who if chance() < 0.85 else None, what, company.id, person
    )


def _write(world: World, touch: Touch, chance: float) -> None:
    kind: Callable[[World, Touch], None]
    if chance < 0.5:
        kind = _mail
    elif chance < 0.67:
        kind = _call
    else:
        kind = _meeting if chance < 0.85 else _todo
    kind(world, touch)


def _subject(world: World, kind: str) -> str:
    choices = SUBJECTS[kind]
    return choices[int(world.rng.random() * len(choices))]


def _mail(world: World, touch: Touch) -> None:
    """A logged e-mail: a task, and mostly a message too; the contented answer more."""
    chance, calendar = world.rng.random, world.calendar
    incoming = chance() < 0.33 + 0.25 * touch.company.mood(touch.day)
    subject, sent = _subject(world, "mail_in" if incoming else "mail_out"), calendar.stamp(touch.at)
    task = _task(world, touch, subject, "Email", sent)
    if chance() < 0.85:
        read = calendar.stamp(min(touch.at + int(chance() ** 4 * DAY), calendar.now))
        _message(world, touch, task, subject, (sent, read), incoming)


def _message(
    world: World, touch: Touch, task: str, subject: str, stamps: tuple[str, str], incoming: bool
) -> None:
    sent, read = stamps
    row = (
        world.fresh("EmailMessage")(),
        touch.what if touch.what.startswith(_CASE) else None,
        touch.what,
        task,
        int(incoming),
        "1" if incoming else "3",
        sent,
        subject,
        touch.person.email if incoming else _OWN_ADDRESS,
        touch.owner,
        touch.owner,
        sent,
        read,
    )
    world.rows["EmailMessage"].append(row)


def _call(world: World, touch: Touch) -> None:
    chance, made = world.rng.random, world.calendar.stamp(touch.at)
    call = ("Inbound" if chance() < 0.4 else "Outbound", 30 + int(chance() ** 2 * 2_700))
    _task(world, touch, _subject(world, "call"), "Call", made, call=call)


def _todo(world: World, touch: Touch) -> None:
    """A task for ourselves; some are open, due before or after today."""
    chance, calendar = world.rng.random, world.calendar
    made, due = calendar.stamp(touch.at), calendar.days[touch.day + int(chance() * 21)]
    done = min(touch.at + int(chance() * 14 * DAY), calendar.now - 1)
    is_open = chance() < (0.45 if touch.day > TODAY - 30 else 0.04)
    status = "Completed" if not is_open else "In Progress" if chance() < 0.3 else "Not Started"
    subject = _subject(world, "task")
    if is_open:
        _task(world, touch, subject, "Task", made, status=status, due=due)
    else:
        _task(world, touch, subject, "Task", made, done=calendar.stamp(done), due=due)


def _task(
    world: World,
    touch: Touch,
    subject: str,
    subtype: str,
    made: str,
    *,
    done: str | None = None,
    due: str | None = None,
    status: str = "Completed",
    call: tuple[str | None, int | None] = (None, None),
    template: bool = False,
) -> str:
    """Writes down a task and tells its id; one that is completed was so at once or when done."""
    task, closed = world.fresh("Task")(), status == "Completed"
    row = (
        task,
        subject,
        touch.who,
        touch.what,
        touch.account,
        touch.owner,
        status,
        int(closed),
        "High" if world.rng.random() < 0.08 else "Normal",
        subtype,
        *call,
        due or made[:10],
        (done or made) if closed else None,
        int(closed and touch.day < _ARCHIVED_BEFORE),
        int(template),
        touch.owner,
        touch.owner,
        made,
        done or made,
    )
    world.rows["Task"].append(row)
    return task


def _meeting(world: World, touch: Touch) -> None:
    """A meeting arranged some days before; a few lie ahead, some have copies for colleagues."""
    chance, calendar = world.rng.random, world.calendar
    ahead = touch.day > TODAY - 15 and chance() < 0.35
    begin = touch.at - touch.at % 900 + (30 * DAY if ahead else 0)
    length = (30, 45, 60, 60, 90)[int(chance() * 5)]
    arranged = touch.at if ahead else touch.at - int(chance() * 21 * DAY)
    noted = arranged if ahead else min(begin + 60 * length + int(chance() * DAY), calendar.now)
    outcome = None if ahead else _outcome(chance(), touch.company.mood(touch.day))
    subject, stamps = _subject(world, "meeting"), (calendar.stamp(arranged), calendar.stamp(noted))
    _event(world, touch, subject, begin, length, stamps, outcome)
    for _ in range(1 + int(chance() * 2) if chance() < 0.1 else 0):
        invited = world.owners[int(chance() * len(world.owners))]
        _event(world, touch, subject, begin, length, stamps, outcome, invited=invited)


def _outcome(chance: float, mood: float) -> str | None:
    missed = 0.14 - 0.16 * mood
    if chance < missed:
        return "No show"
    if chance < missed + 0.06:
        return "Cancelled"
    return None if chance > 0.93 else "Held"


def _event(
    world: World,
    touch: Touch,
    subject: str,
    begin: int,
    length: int,
    stamps: tuple[str, str],
    outcome: str | None,
    *,
    invited: str | None = None,
    template: bool = False,
) -> None:
    """Writes down a meeting, or the copy of it that somebody who was invited has."""
    row = (
        world.fresh("Event")(),
        subject,
        touch.who,
        touch.what,
        touch.account,
        invited or touch.owner,
        world.calendar.stamp(begin),
        world.calendar.stamp(begin + 60 * length),
        length,
        "Event",
        int(invited is not None),
        int(begin < _ARCHIVED_BEFORE * DAY),
        int(template),
        outcome,
        touch.owner,
        touch.owner,
        *stamps,
    )
    world.rows["Event"].append(row)


def _series(world: World, touch: Touch) -> None:
    """The template of a recurring meeting and of a recurring task; nothing happened by itself."""
    begin = touch.at - 90 * DAY
    made = world.calendar.stamp(begin)
    _event(world, touch, "Jour fixe", begin, 30, (made, made), None, template=True)
    subject = "Nutzungszahlen prüfen"
    _task(world, touch, subject, "Task", made, status="Not Started", template=True)
