"""How many calls the org has, and has had."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ..clock import stamp
from ..store import Store, quoted
from .errors import Refusal

CALLS = "DailyApiRequests"
WINDOW = timedelta(days=1)
MOST: dict[str, int] = {
    CALLS: 15_000,
    "DailyBulkApiBatches": 15_000,
    "DailyBulkV2QueryJobs": 10_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "ConcurrentAsyncGetReportInstances": 200,
    "DataStorageMB": 1_073,
    "FileStorageMB": 1_073,
}
SCHEMA = """
create table if not exists org_limits (
    name text primary key, most integer not null, used integer not null, since text not null
) without rowid;
"""


def be_busy(store: Store, times: int) -> None:
    """Lets so many calls meet an org in which too many long ones are running."""
    store.passing["busy"] = times


def count_call(store: Store) -> str:
    """Counts one call and tells `used/max`; refuses when nothing is left of the day."""
    if busy := store.passing.get("busy", 0):
        store.passing["busy"] = busy - 1
        said = "ConcurrentPerOrgLongTxn Limit exceeded."
        raise Refusal("REQUEST_LIMIT_EXCEEDED", said, status=403)
    used, most = _current(store, CALLS)
    if used >= most:
        raise Refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
    store.db.execute("update org_limits set used = used + 1 where name = ?", (CALLS,))
    return f"{used + 1}/{most}"


def spend(store: Store, name: str, count: int = 1) -> bool:
    """Uses some of a limit, if as much is left of it."""
    with store.transaction() as db:
        used, most = _current(store, name)
        if used + count > most:
            return False
        db.execute("update org_limits set used = used + ? where name = ?", (count, name))
        return True


def allowed(store: Store, name: str) -> int:
    """What a limit allows."""
    return _current(store, name)[1]


def current(store: Store) -> dict[str, dict[str, int]]:
    """Every limit as the API tells it."""
    with store.transaction():
        return {name: _told(*_current(store, name)) for name in MOST}


def change(store: Store, wanted: Mapping[str, Any]) -> None:
    """Sets what a limit allows, or how much of it is used."""
    with store.transaction() as db:
        for name, values in wanted.items():
            if name not in MOST:
                raise ValueError(f"there is no limit {name}; there are {', '.join(MOST)}")
            used, most = _current(store, name)
            new = (int(values.get("max", most)), int(values.get("used", used)), name)
            db.execute("update org_limits set most = ?, used = ? where name = ?", new)


def record_counts(store: Store, names: list[str]) -> list[dict[str, Any]]:
    """How many records the objects hold, the bin left out."""
    with store.lock:
        return [
            {
                "count": store.db.execute(
                    f"select count(*) from {quoted(name)} where IsDeleted = 0"
                ).fetchone()[0],
                "name": name,
            }
            for name in names
        ]


def _told(used: int, most: int) -> dict[str, int]:
    return {"Max": most, "Remaining": max(0, most - used)}


def _current(store: Store, name: str) -> tuple[int, int]:
    """Used and most; a day after its first use the count begins anew."""
    now = store.clock.now()
    sql = "select used, most, since from org_limits where name = ?"
    row = store.db.execute(sql, (name,)).fetchone()
    if row is None:
        store.db.execute(
            "insert into org_limits values (?, ?, 0, ?)", (name, MOST[name], stamp(now))
        )
        return 0, MOST[name]
    used, most, since = row
    if since <= stamp(now - WINDOW):
        sql = "update org_limits set used = 0, since = ? where name = ?"
        store.db.execute(sql, (stamp(now), name))
        return 0, most
    return used, most
