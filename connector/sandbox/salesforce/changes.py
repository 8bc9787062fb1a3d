"""What was changed or deleted since when, and answers that depend on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from ..clock import stamp
from ..store import quoted
from .api import Answer, Call
from .describe import named
from .errors import Refusal

MOST_IDS = 600_000
UPDATED_DAYS, DELETED_DAYS = 30, 15
_MINUTE = timedelta(minutes=1)


def updated(call: Call) -> Answer:
    """The ids of the records that were added or changed."""
    start, end = _span(call, UPDATED_DAYS)
    name = named(call).name
    ids = [id_ for id_, _ in _moved(call, name, start, end, deleted=0)]
    return Answer({"ids": ids, "latestDateCovered": stamp(end)})


def deleted(call: Call) -> Answer:
    """The ids of the records that went into the bin, and when."""
    start, end = _span(call, DELETED_DAYS)
    name = named(call).name
    rows = _moved(call, name, start, end, deleted=1)
    earliest = call.store.clock.now() - timedelta(days=DELETED_DAYS)
    return Answer(
        {
            "deletedRecords": [{"deletedDate": at, "id": id_} for id_, at in rows],
            "earliestDateAvailable": stamp(earliest.replace(second=0)),
            "latestDateCovered": stamp(end),
        }
    )


def last_modified(call: Call, name: str, id_: str) -> datetime:
    """When a record was last saved."""
    sql = f"select LastModifiedDate from {quoted(name)} where Id = ?"
    return datetime.fromisoformat(call.store.db.execute(sql, (id_,)).fetchone()[0])


def unchanged(call: Call, name: str, id_: str) -> bool:
    """Whether the caller has this version of a record already."""
    since = _moment(call, "if-modified-since")
    return since is not None and last_modified(call, name, id_) <= since


def check_unmodified(call: Call, name: str, id_: str) -> None:
    """Refuses to touch a record that was saved after the moment the caller names."""
    since = _moment(call, "if-unmodified-since")
    if since is not None and (at := last_modified(call, name, id_)) > since:
        said = f"The record was last modified {format_datetime(at.astimezone(UTC), usegmt=True)}"
        raise Refusal("PRECONDITION_FAILED", said, status=412)


def _moment(call: Call, header: str) -> datetime | None:
    try:
        return parsedate_to_datetime(call.request.headers.get(header, ""))
    except (TypeError, ValueError):
        return None


def _span(call: Call, days: int) -> tuple[datetime, datetime]:
    """The span asked for in whole minutes; seconds are ignored, as the real thing does."""
    start, end = (_asked(call, each) for each in ("start", "end"))
    now = call.store.clock.now()
    if end - start < _MINUTE:
        raise Refusal("INVALID_REPLICATION_DATE", "startDate must be before endDate")
    if start < now - timedelta(days=days):
        said = f"startDate cannot be more than {days} days ago"
        raise Refusal("INVALID_REPLICATION_DATE", said)
    return start, min(end, now.replace(second=0, microsecond=0))


def _asked(call: Call, name: str) -> datetime:
    # a plus that was not escaped has become a blank
    text = call.query.get(name, "").replace(" ", "+")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal("INVALID_REPLICATION_DATE", f"invalid {name} date: {text!r}") from None
    if moment.tzinfo is None:
        raise Refusal("INVALID_REPLICATION_DATE", f"{name} date has no time zone: {text!r}")
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _moved(
    call: Call, name: str, start: datetime, end: datetime, *, deleted: int
) -> list[tuple[str, str]]:
    sql = f"select Id, SystemModstamp from {quoted(name)} where SystemModstamp >= ?"
    sql += " and SystemModstamp < ? and IsDeleted = ? order by SystemModstamp, Id limit ?"
    wanted = (stamp(start), stamp(end), deleted, MOST_IDS + 1)
    rows = call.store.db.execute(sql, wanted).fetchall()
    if len(rows) > MOST_IDS:
        said = f"more than {MOST_IDS} ids; narrow the span between start and end"
        raise Refusal("EXCEEDED_ID_LIMIT", said)
    return [(id_, at) for id_, at in rows]
