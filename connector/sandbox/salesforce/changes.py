"""What was changed or deleted since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
