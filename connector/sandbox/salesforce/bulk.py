"""Bulk API 2.0: what query jobs and ingest jobs have in common, and how fast they go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, astuple, dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from ..clock import stamp
from ..ids import long_id, numbered
from ..store import Store
from .api import Answer, Call
from .errors import Refusal, not_found

OPEN, UPLOADED, RUNNING = "Open", "UploadComplete", "InProgress"
COMPLETE, FAILED, ABORTED = "JobComplete", "Failed", "Aborted"
ENDS = frozenset({COMPLETE, FAILED, ABORTED})
KINDS: Mapping[str, str] = {"query": "V2Query", "ingest": "V2Ingest"}
DELIMITERS: Mapping[str, str] = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
LINE_ENDINGS: Mapping[str, str] = {"LF": "\n", "CRLF": "\r\n"}
KEPT = timedelta(days=7)
MOST_LISTED = 1_000
#: Seconds for which a job that is looked at is in progress, however little it has to do.
YOUNG = 1.0
#: Objects that no job can be about.
NEVER_BULK = frozenset(
    {
        "AcceptedEventRelation",
        "ActivityHistory",
        "AttachedContentDocument",
        "CaseStatus",
        "ContractStatus",
        "DeclinedEventRelation",
        "EventWhoRelation",
        "OpenActivity",
        "OrderStatus",
        "PartnerRole",
        "RecentlyViewed",
        "SolutionStatus",
        "TaskPriority",
        "TaskStatus",
        "TaskWhoRelation",
        "UndecidedEventRelation",
        "UserRecordAccess",
    }
)

SCHEMA = """
create table if not exists bulk_jobs (
    id text primary key, kind text not null, user text not null, version text not null,
    operation text not null, object text not null, state text not null, created text not null,
    moved text not null, statement text not null, delimiter text not null,
    line_ending text not null, key_field text not null, polls integer not null,
    total integer, processed integer not null, failed integer not null,
    milliseconds integer not null, error text not null
) without rowid;
create table if not exists bulk_rows (
    job text not null, number integer not null, line text not null, outcome text, id text,
    created text, error text, primary key (job, number)
) without rowid;
"""


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it is kept; an `error` makes it fail when it is done."""

    id: str
    kind: str
    user: str
    version: str
    operation: str
    object: str
    state: str
    created: str
    moved: str
    statement: str = ""
    delimiter: str = "COMMA"
    line_ending: str = "LF"
    key_field: str = ""
    polls: int = 0
    total: int | None = None
    processed: int = 0
    failed: int = 0
    milliseconds: int = 0
    error: str = ""

    @property
    def seed(self) -> int:
        """What the order of its results depends on."""
        return sum(map(ord, self.id[-9:-3]))


_COLUMNS = tuple(each.name for each in fields(Job))


# how fast jobs go, and what happens to them


@dataclass(frozen=True, slots=True)
class Pace:
    """How jobs proceed: `polls` within its first second see a job in progress before it ends,
    `fail` ends the next one."""

    polls: int = 1
    stall: bool = False
    fail: str = ""
    unprocessed_share: float = 0.0
    nul_bytes: bool = False
    gzip: bool = True


def pace(store: Store) -> Pace:
    """How jobs proceed at the moment."""
    return Pace(**(store.get("bulk_pace") or {}))


def set_pace(store: Store, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Changes how jobs proceed; tells how they do, and how many jobs are in which state."""
    now = asdict(pace(store))
    for name, value in wanted.items():
        if name not in now:
            raise ValueError(f"bulk has no {name!r}; it has {', '.join(now)}")
        if isinstance(value, bool) != isinstance(now[name], bool):
            raise TypeError(f"bulk: {name} cannot be {value!r}")
        now[name] = type(now[name])(value)
    if not 0 <= now["unprocessed_share"] <= 1:
        raise ValueError("bulk: unprocessed_share is from 0 to 1")
    store.put("bulk_pace", now)
    rows = store.db.execute("select state from bulk_jobs").fetchall()
    return {**now, "jobs": dict(Counter(state for (state,) in rows))}


class Runs:
    """Work that goes on while other requests are answered; one run a job."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="bulk")
        self._runs: dict[str, Future[int]] = {}

    def find(self, key: str) -> Future[int] | None:
        """The run of a job; it gives the milliseconds it took."""
        return self._runs.get(key)

    def ensure(self, key: str, work: Callable[[], object]) -> Future[int]:
        """The run of a job, begun if there is none."""
        if key not in self._runs:
            self._runs[key] = self._threads.submit(timed, work)
        return self._runs[key]

    def forget(self, key: str) -> None:
        """Makes room for another run of a job."""
        self._runs.pop(key, None)


def runs(store: Store) -> Runs:
    """The runs of a store's jobs."""
    found: Runs = store.passing.setdefault("bulk", Runs())
    return found


def timed(work: Callable[[], object]) -> int:
    """Does the work, and tells the milliseconds that took."""
    start = monotonic()
    work()
    return int((monotonic() - start) * 1000)


# jobs


def folder(store: Store) -> Path:
    """Where the files of jobs are: beside the store."""
    found = database(store).with_suffix(".bulk")
    found.mkdir(exist_ok=True)
    return found


def database(store: Store) -> Path:
    """The file of the store."""
    (path,) = (row[2] for row in store.db.execute("pragma database_list") if row[1] == "main")
    return Path(path)


def create(call: Call, kind: str, operation: str, name: str, **more: Any) -> Job:
    """Keeps a new job."""
    store = call.store
    _forget_old(store)
    number = (store.get("bulk_jobs") or 0) + 1
    store.put("bulk_jobs", number)
    doom = pace(store).fail
    if doom:
        set_pace(store, {"fail": ""})
    now = stamp(store.clock.now())
    state = UPLOADED if kind == "query" else OPEN
    id_, version = numbered("750", number), call.path["version"]
    job = Job(id_, kind, call.user, version, operation, name, state, now, now, error=doom)
    job = replace(job, **more)
    marks = ", ".join("?" * len(_COLUMNS))
    store.db.execute(
        f"insert into bulk_jobs ({', '.join(_COLUMNS)}) values ({marks})", astuple(job)
    )
    begin(store, job)
    return job


def find(call: Call, kind: str) -> Job:
    """The user's job in the address; what is over a week old is gone."""
    job = kept(call.store, long_id(call.path["id"]))
    oldest = stamp(call.store.clock.now() - KEPT)
    if job is None or job.kind != kind or job.user != call.user or job.created < oldest:
        raise not_found()
    return job


def kept(store: Store, id_: str) -> Job | None:
    """A job as it is now."""
    sql = f"select {', '.join(_COLUMNS)} from bulk_jobs where id = ?"
    row = store.db.execute(sql, (id_,)).fetchone()
    return None if row is None else Job(*row)


def move(store: Store, job: Job, **changes: Any) -> Job:
    """Changes what is kept of a job; what others changed meanwhile stays."""
    every = {"moved": stamp(store.clock.now()), **changes}
    marks = ", ".join(f"{name} = ?" for name in every)
    store.db.execute(f"update bulk_jobs set {marks} where id = ?", (*every.values(), job.id))
    return kept(store, job.id) or job


def polled(store: Store, job: Job, advance: Callable[[Store, Job], Job | None]) -> Job:
    """The job after one more look at it; `advance` gives it back once all its work is done."""
    if job.state not in (UPLOADED, RUNNING):
        return job
    how = pace(store)
    if job.polls < how.polls and _is_young(store, job):
        return _seen(store, job)
    done = job if job.error else advance(store, job)
    if done is None or how.stall:
        return _seen(store, job)
    state = FAILED if done.error else COMPLETE
    return move(store, done, state=state, moved=_ended(store, job.moved, done))


def _seen(store: Store, job: Job) -> Job:
    """A job in progress after one more look at it; that leaves no stamp."""
    return move(store, job, state=RUNNING, polls=job.polls + 1, moved=job.moved)


def _ended(store: Store, began: str, job: Job) -> str:
    """When a job had done its work, however much later somebody looked."""
    took = timedelta(milliseconds=job.milliseconds)
    return min(stamp(store.clock.now()), stamp(datetime.fromisoformat(began) + took))


def begin(store: Store, job: Job) -> None:
    """Notes that a job begins to work."""
    store.passing.setdefault("bulk_begun", {})[job.id] = monotonic()


def _is_young(store: Store, job: Job) -> bool:
    begun: dict[str, float] = store.passing.get("bulk_begun", {})
    return monotonic() - begun.get(job.id, -YOUNG) < YOUNG


def wanted_state(call: Call, allowed: Mapping[str, frozenset[str]], job: Job) -> str:
    """The state that a PATCH asks for, if the job can get there."""
    wanted = str(call.json().get("state"))
    if wanted not in allowed:
        raise Refusal("INVALIDJOB", f"Invalid state: {wanted}; use {' or '.join(allowed)}")
    check_state(job, allowed[wanted], f"change to {wanted}")
    return wanted


def check_state(job: Job, allowed: frozenset[str], what: str) -> None:
    """Refuses what a job in this state cannot do."""
    if job.state not in allowed:
        said = f"Cannot {what}: the job {job.id} is in the state {job.state}"
        raise Refusal("INVALIDJOBSTATE", said)


def check_version(call: Call, job: Job) -> None:
    """Refuses to give results in another version than the job was made in."""
    if job.version != call.path["version"]:
        said = f"Results must be read with the API version of the job, {job.version}"
        raise Refusal("API_VERSION_MISMATCH", said, status=409)


def check_object(name: str) -> None:
    """Refuses an object that Bulk cannot work with."""
    if name.lower() in {each.lower() for each in NEVER_BULK}:
        raise Refusal("INVALIDENTITY", f"Entity '{name}' is not supported by the Bulk API.")


def choice(asked: Mapping[str, Any], name: str, default: str, among: Mapping[str, str]) -> str:
    """One of a few words that a new job may be asked with."""
    found = str(asked.get(name) or default)
    if found not in among:
        raise Refusal("INVALIDJOB", f"{name} {found!r} is not one of {', '.join(among)}")
    return found


def shape(asked: Mapping[str, Any]) -> dict[str, str]:
    """How the CSV of a new job is to be written."""
    return {
        "delimiter": choice(asked, "columnDelimiter", "COMMA", DELIMITERS),
        "line_ending": choice(asked, "lineEnding", "LF", LINE_ENDINGS),
    }


def drop(store: Store, job: Job) -> None:
    """Removes a job and all that belongs to it."""
    for each in folder(store).glob(f"{job.id}.*"):
        each.unlink()
    store.db.execute("delete from bulk_rows where job = ?", (job.id,))
    store.db.execute("delete from bulk_jobs where id = ?", (job.id,))


def _forget_old(store: Store) -> None:
    sql = f"select {', '.join(_COLUMNS)} from bulk_jobs where created < ?"
    oldest = stamp(store.clock.now() - KEPT)
    for row in store.db.execute(sql, (oldest,)).fetchall():
        drop(store, Job(*row))


# answers


def told(job: Job) -> dict[str, Any]:
    """What every answer tells of a job."""
    return {
        "id": job.id,
        "operation": job.operation,
        "object": job.object,
        "createdById": job.user,
        "createdDate": job.created,
        "systemModstamp": job.moved,
        "state": job.state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(job.version[1:]),
        "lineEnding": job.line_ending,
        "columnDelimiter": job.delimiter,
    }


def progress(job: Job) -> dict[str, Any]:
    """What a look at a job tells besides."""
    more = {"errorMessage": job.error} if job.state == FAILED else {}
    return {
        **told(job),
        "jobType": KINDS[job.kind],
        "numberRecordsProcessed": job.processed,
        "retries": 0,
        "totalProcessingTime": job.milliseconds,
        **more,
    }


def listed(call: Call, kind: str, tell: Callable[[Job], dict[str, Any]]) -> Answer:
    """The user's jobs of one kind, up to a thousand at a time."""
    asked = call.query
    other = asked.get("jobType", KINDS[kind]) != KINDS[kind]
    # both belong to the first Bulk API, which has no jobs here
    other |= asked.get("isPkChunkingEnabled", "false").lower() == "true"
    other |= asked.get("concurrencyMode", "parallel").lower() != "parallel"
    sql = f"select {', '.join(_COLUMNS)} from bulk_jobs where kind = ? and user = ? and id > ?"
    sql += " and created >= ? and not ? order by id limit ?"
    oldest = stamp(call.store.clock.now() - KEPT)
    values = (kind, call.user, asked.get("queryLocator", ""), oldest, other, MOST_LISTED + 1)
    jobs = [Job(*row) for row in call.store.db.execute(sql, values)]
    done, shown = len(jobs) <= MOST_LISTED, jobs[:MOST_LISTED]
    more = None if done else f"{call.base}/jobs/{kind}?queryLocator={shown[-1].id}"
    return Answer({"done": done, "records": [tell(each) for each in shown], "nextRecordsUrl": more})
