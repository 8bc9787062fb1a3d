"""The streams and what their records carry; the few records that exist as Python objects.

A stream is one kind of record. In the lake each is a table whose columns are those below plus
`source` (who told us), `object` (which of its objects the record came from), `pulled_at` (when),
`modified_at` (when it last changed there), `deleted`, and `unread` (which of its values could not
be read). Columns hold text, numbers and moments with a zone; NULL means unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

TEXT, NUMBER, COUNT, FLAG, DAY, MOMENT = (
    "VARCHAR",
    "DOUBLE",
    "BIGINT",
    "BOOLEAN",
    "DATE",
    "TIMESTAMPTZ",
)
WORDS = "VARCHAR[]"

#: Columns that every stream has besides its own.
COMMON: Mapping[str, str] = {
    "source": TEXT,
    "pulled_at": MOMENT,
    "modified_at": MOMENT,
    "deleted": FLAG,
    "object": TEXT,
    "unread": TEXT,
}


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of record: its columns (name → DuckDB type) and the moment it speaks of.

    `moment` is the column that says when the thing happened; windows and `as_of` cut there.
    A stream with no moment is a state (an account, a contact), not an event.
    """

    name: str
    columns: Mapping[str, str]
    moment: str | None = None

    @property
    def all_columns(self) -> dict[str, str]:
        return {**self.columns, **COMMON}

    @property
    def needed(self) -> tuple[str, ...]:
        """What a record must have: without an id it cannot be told from another, without its
        moment nobody knows whether it had happened."""
        return ("id", self.moment) if self.moment else ("id",)

    def check(self, columns: Iterable[str]) -> None:
        """Raise ValueError where a description of its columns lacks what a record must have."""
        if lacking := sorted(set(self.needed) - set(columns), key=self.needed.index):
            raise ValueError(f"columns have no {' and no '.join(lacking)}: no record could be kept")


_STREAMS = (
    Stream(
        "accounts",
        {
            "id": TEXT,
            "name": TEXT,
            "external_id": TEXT,
            "owner_id": TEXT,
            "parent_id": TEXT,
            "master_id": TEXT,
            "website": TEXT,
            "industry": TEXT,
            "segment": TEXT,
            "currency": TEXT,
            "revenue": NUMBER,
            "employees": NUMBER,
            "sentiment": NUMBER,
            "sentiment_at": MOMENT,
            "advocacy": TEXT,
            "goals_total": NUMBER,
            "goals_reached": NUMBER,
            "onboarding": TEXT,
            "renewal_on": DAY,
            "crm_tier": TEXT,
            "override_tier": TEXT,
            "override_until": DAY,
            "override_by": TEXT,
            "override_reason": TEXT,
            "record_type": TEXT,
            "created_at": MOMENT,
        },
    ),
    Stream(
        "contacts",
        {
            "id": TEXT,
            "account_id": TEXT,
            "email": TEXT,
            "role": TEXT,
            "title": TEXT,
            "created_at": MOMENT,
        },
    ),
    Stream(
        "owners",
        {"id": TEXT, "name": TEXT, "email": TEXT, "active": FLAG, "created_at": MOMENT},
    ),
    Stream(
        "activities",
        {
            "id": TEXT,
            "account_id": TEXT,
            "about_id": TEXT,
            "contact_id": TEXT,
            "account_ids": TEXT,
            "contact_ids": TEXT,
            "owner_id": TEXT,
            "same_as": TEXT,
            "part_of": TEXT,
            "kind": TEXT,
            "status": TEXT,
            "direction": TEXT,
            "occurred_at": MOMENT,
            "minutes": NUMBER,
            "created_at": MOMENT,
        },
        moment="occurred_at",
    ),
    Stream(
        "opportunities",
        {
            "id": TEXT,
            "account_id": TEXT,
            "owner_id": TEXT,
            "name": TEXT,
            "kind": TEXT,
            "stage": TEXT,
            "product": TEXT,
            "amount": NUMBER,
            "currency": TEXT,
            "probability": NUMBER,
            "is_closed": FLAG,
            "is_won": FLAG,
            "close_on": DAY,
            "created_at": MOMENT,
        },
        moment="created_at",
    ),
    Stream(
        "tickets",
        {
            "id": TEXT,
            "account_id": TEXT,
            "contact_id": TEXT,
            "kind": TEXT,
            "priority": TEXT,
            "status": TEXT,
            "is_closed": FLAG,
            "escalated": FLAG,
            "satisfaction": NUMBER,
            "account_key": TEXT,
            "contact_key": TEXT,
            "company": TEXT,
            "email": TEXT,
            "opened_at": MOMENT,
            "closed_at": MOMENT,
        },
        moment="opened_at",
    ),
    Stream(
        "responses",
        {
            "id": TEXT,
            "platform": TEXT,
            "survey": TEXT,
            "kind": TEXT,
            "metric": TEXT,
            "touchpoint": TEXT,
            "channel": TEXT,
            "language": TEXT,
            "score": NUMBER,
            "scale_min": NUMBER,
            "scale_max": NUMBER,
            "comment": TEXT,
            "sentiment": TEXT,
            "labels": WORDS,
            "account_key": TEXT,
            "contact_key": TEXT,
            "company": TEXT,
            "email": TEXT,
            "asked_at": MOMENT,
            "submitted_at": MOMENT,
            "partial": FLAG,
            "excluded": FLAG,
            "invitation": TEXT,
            "part_of": TEXT,
        },
        moment="submitted_at",
    ),
    Stream(
        "invitations",
        {
            "id": TEXT,
            "platform": TEXT,
            "survey": TEXT,
            "account_key": TEXT,
            "contact_key": TEXT,
            "company": TEXT,
            "email": TEXT,
            "status": TEXT,
            "asked_at": MOMENT,
        },
        moment="asked_at",
    ),
    Stream(
        "signals",
        {
            "id": TEXT,
            "kind": TEXT,
            "name": TEXT,
            "account_key": TEXT,
            "contact_key": TEXT,
            "company": TEXT,
            "email": TEXT,
            "subject": TEXT,
            "status": TEXT,
            "value": NUMBER,
            "unit": TEXT,
            "occurred_at": MOMENT,
            "due_at": MOMENT,
            "settled_at": MOMENT,
            "starts_at": MOMENT,
            "ends_at": MOMENT,
        },
        moment="occurred_at",
    ),
    Stream(
        "subjects",
        {"id": TEXT, "account_id": TEXT, "kind": TEXT, "created_at": MOMENT},
    ),
    Stream(
        "rates",
        {
            "id": TEXT,
            "currency": TEXT,
            "rate": NUMBER,
            "starts_on": DAY,
            "corporate": FLAG,
        },
    ),
)

#: What an answer measures: the `metric` of a response. One with another is counted and left out.
METRICS = ("nps", "csat", "ces", "star", "custom", "other")

#: Every stream by name.
STREAMS: Mapping[str, Stream] = {stream.name: stream for stream in _STREAMS}


Result = Literal["applied", "failed", "moved", "transient", "crowded", "later", "stop", "doubt"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the CRM said to one update of one record.

    `failed` is final until the value or the record changes; `moved` was not sent or not taken,
    because the record is no longer as planned; `transient` may be tried again, `crowded` again with
    fewer records at once, `later` by the next run; `stop` means that no other record would fare
    better; `doubt`, that the answer never came and the live value must be read to settle it.
    """

    id: str
    result: Result
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class CrmField:
    """One field of a CRM object as the running user sees it.

    `type` is the CRM's own word; `holds` are the kinds of mapped fields that it can take.
    """

    name: str
    type: str
    label: str = ""
    writable: bool = True
    calculated: bool = False
    length: int = 0
    precision: int = 0
    scale: int = 0
    choices: tuple[str, ...] = ()
    restricted: bool = False
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Org:
    """Which system we are connected to, and as whom; `about` is what else it says of itself."""

    id: str
    user: str
    url: str
    now: datetime
    about: str = ""


@dataclass(frozen=True, slots=True)
class Oddity:
    """Records that are strange but not fatal: counted, and named by id so a person can look."""

    stream: str
    rule: str
    count: int
    ids: tuple[str, ...] = field(default=())
