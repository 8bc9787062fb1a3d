"""The state: runs, watermarks, the lock, plans and settings seen. Small facts, never bulk data.

SQLite by default, Postgres by URL. The schema is a list of numbered migrations; a newer schema
than this program knows is refused rather than guessed at.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, Engine, RowMapping, create_engine, event, text
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.pool import NullPool, QueuePool

from ..errors import ConfigError, ConnectorError, Locked

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE runs (id TEXT PRIMARY KEY, command TEXT NOT NULL, started TEXT NOT NULL,
           ended TEXT, as_of TEXT, exit INTEGER, error TEXT, receipt TEXT)""",
        """CREATE TABLE watermarks (stream TEXT PRIMARY KEY, until TEXT NOT NULL,
           shape TEXT NOT NULL)""",
        """CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, host TEXT NOT NULL,
           pid INTEGER NOT NULL, expires TEXT NOT NULL)""",
        """CREATE TABLE plans (id TEXT PRIMARY KEY, run TEXT NOT NULL, created TEXT NOT NULL,
           status TEXT NOT NULL, header TEXT NOT NULL)""",
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    ),
)

LEASE = timedelta(seconds=60)
#: A holder that is alive on this host keeps the lock so much longer than its lease: a laptop that
#: slept or a database that was busy is no reason for a second run.
GRACE = timedelta(minutes=15)
PlanStatus = Literal["planned", "applying", "applied", "dropped"]


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to when a stream has been pulled, and the shape (fields asked for) it was pulled in."""

    until: datetime
    shape: str


class State:
    """The state database. Every method is one transaction."""

    def __init__(self, url: str) -> None:
        self._engine = _open(url)
        self._let_go = weakref.finalize(self, self._engine.dispose)
        self._migrate()

    # ── runs ──────────────────────────────────────────────────────────────────────────────────

    def begin(self, run: str, command: str, now: datetime) -> None:
        """Note that a run has started."""
        self._do(
            "INSERT INTO runs (id, command, started) VALUES (:id, :command, :started)",
            id=run, command=command, started=now.isoformat(),
        )  # fmt: skip

    def end(
        self, run: str, now: datetime, exit: int, receipt: Mapping[str, Any], error: str = ""
    ) -> None:
        """Note how a run ended, with its receipt."""
        self._do(
            """UPDATE runs SET ended = :ended, exit = :exit, as_of = :as_of, receipt = :receipt,
               error = :error WHERE id = :id""",
            id=run, ended=now.isoformat(), exit=exit, as_of=receipt.get("as_of"), error=error,
            receipt=orjson.dumps(receipt).decode(),
        )  # fmt: skip

    def runs(self, most: int = 20) -> list[dict[str, Any]]:
        """The latest runs, newest first, without their receipts."""
        rows = self._all(
            """SELECT id, command, started, ended, as_of, exit, error FROM runs
               ORDER BY started DESC, id DESC LIMIT :most""",
            most=most,
        )
        return [dict(row) for row in rows]

    def receipt(self, run: str) -> dict[str, Any] | None:
        """The receipt of one run; None when there is no such run or it has not ended."""
        rows = self._all("SELECT receipt FROM runs WHERE id = :id", id=run)
        return orjson.loads(rows[0]["receipt"]) if rows and rows[0]["receipt"] else None

    # ── watermarks ────────────────────────────────────────────────────────────────────────────

    def watermark(self, stream: str) -> Watermark | None:
        """Up to when a stream has been pulled; None before its first pull."""
        rows = self._all("SELECT until, shape FROM watermarks WHERE stream = :s", s=stream)
        return (
            Watermark(datetime.fromisoformat(rows[0]["until"]), rows[0]["shape"]) if rows else None
        )

    def advance(self, stream: str, mark: Watermark) -> None:
        """Move a watermark. Call it only after the lake holds the records."""
        self._do(
            """INSERT INTO watermarks (stream, until, shape) VALUES (:s, :until, :shape)
               ON CONFLICT (stream) DO UPDATE SET until = :until, shape = :shape""",
            s=stream, until=mark.until.isoformat(), shape=mark.shape,
        )  # fmt: skip

    def forget(self, name: str) -> None:
        """Forget a watermark or a setting, so that what it stands for is taken anew."""
        self._do("DELETE FROM watermarks WHERE stream = :name", name=name)
        self._do("DELETE FROM settings WHERE name = :name", name=name)

    # ── plans ─────────────────────────────────────────────────────────────────────────────────

    def keep_plan(self, plan: str, run: str, now: datetime, header: Mapping[str, Any]) -> None:
        """Note a plan whose changes are already on disk."""
        self._do(
            """INSERT INTO plans (id, run, created, status, header)
               VALUES (:id, :run, :created, 'planned', :header)
               ON CONFLICT (id) DO NOTHING""",
            id=plan, run=run, created=now.isoformat(), header=orjson.dumps(header).decode(),
        )  # fmt: skip

    def mark_plan(self, plan: str, status: PlanStatus) -> None:
        """Move a plan along: planned → applying → applied, or dropped."""
        self._do("UPDATE plans SET status = :status WHERE id = :id", id=plan, status=status)

    def plan_status(self, plan: str) -> PlanStatus | None:
        """How far a plan has come; None when it is not known here."""
        rows = self._all("SELECT status FROM plans WHERE id = :id", id=plan)
        return rows[0]["status"] if rows else None

    def unfinished_plans(self) -> list[str]:
        """Plans whose writing was started and not finished, oldest first."""
        rows = self._all("SELECT id FROM plans WHERE status = 'applying' ORDER BY created, id")
        return [row["id"] for row in rows]

    # ── settings ──────────────────────────────────────────────────────────────────────────────

    def setting(self, name: str) -> str | None:
        """A remembered fact: the pinned org, the fingerprint of a file already taken."""
        rows = self._all("SELECT value FROM settings WHERE name = :name", name=name)
        return rows[0]["value"] if rows else None

    def remember(self, name: str, value: str) -> None:
        """Remember a fact, replacing what was known."""
        self._do(
            """INSERT INTO settings (name, value) VALUES (:name, :value)
               ON CONFLICT (name) DO UPDATE SET value = :value""",
            name=name, value=value,
        )  # fmt: skip

    # ── the lock ──────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def lease(self, name: str = "run") -> Iterator[None]:
        """Hold the lock while the block runs; a heartbeat keeps it.

        Raises Locked when somebody alive holds it. A holder that died on this host is replaced
        at once, one on another host when its lease has run out.
        """
        holder = uuid.uuid4().hex
        self._take(name, holder)
        stop = threading.Event()
        beat = threading.Thread(target=self._beat, args=(name, holder, stop), daemon=True)
        beat.start()
        try:
            yield
        finally:
            stop.set()
            beat.join()
            self._do("DELETE FROM lease WHERE name = :n AND holder = :h", n=name, h=holder)

    def _take(self, name: str, holder: str) -> None:
        now = datetime.now(UTC)
        mine = {
            "n": name, "h": holder, "host": socket.gethostname(), "pid": os.getpid(),
            "until": (now + LEASE).isoformat(),
        }  # fmt: skip
        rows = self._all("SELECT * FROM lease WHERE name = :n", n=name)
        if rows and _alive(rows[0], now):
            raise Locked(
                f"Another run holds the lock: process {rows[0]['pid']} on {rows[0]['host']}.",
                hint="Wait for it to finish. A run that died frees the lock by itself.",
            )
        try:
            with self._transaction() as db:
                if rows:
                    old = {"n": name, "old": rows[0]["holder"]}
                    db.execute(text("DELETE FROM lease WHERE name = :n AND holder = :old"), old)
                db.execute(text("INSERT INTO lease VALUES (:n, :h, :host, :pid, :until)"), mine)
        except IntegrityError as error:
            raise Locked("Another run has just taken the lock.", hint="Try again.") from error

    def _beat(self, name: str, holder: str, stop: threading.Event) -> None:
        while not stop.wait(LEASE.total_seconds() / 3):
            until = (datetime.now(UTC) + LEASE).isoformat()
            # A beat that fails is made up for by the next one.
            with suppress(ConnectorError):
                self._do(
                    "UPDATE lease SET expires = :until WHERE name = :n AND holder = :h",
                    until=until, n=name, h=holder,
                )  # fmt: skip

    # ── underneath ────────────────────────────────────────────────────────────────────────────

    def close(self) -> None:
        self._let_go()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """All or nothing; what the database complains about is said in our words."""
        try:
            with self._engine.begin() as db:
                yield db
        except IntegrityError:
            raise  # a question of who came first, and not of the database
        except DatabaseError as error:
            raise _said(error) from error

    def _do(self, sql: str, **values: Any) -> None:
        with self._transaction() as db:
            db.execute(text(sql), values)

    def _all(self, sql: str, **values: Any) -> list[RowMapping]:
        with self._transaction() as db:
            return list(db.execute(text(sql), values).mappings())

    def _migrate(self) -> None:
        with self._transaction() as db:
            self._catch_up(db)

    def _catch_up(self, db: Connection) -> None:
        db.execute(text("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)"))
        done = db.execute(text("SELECT max(version) FROM schema_version")).scalar() or 0
        if done > len(MIGRATIONS):
            raise ConfigError(
                f"The state was written by a newer version of the connector (schema {done}).",
                hint="Install that version, or point `state` at another database.",
            )
        for number, statements in enumerate(MIGRATIONS[done:], start=done + 1):
            for statement in statements:
                db.execute(text(statement))
            db.execute(text("INSERT INTO schema_version VALUES (:v)"), {"v": number})


def _open(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, poolclass=NullPool)
    # One connection is kept: opening the file takes longer than most of what is asked of it.
    engine = create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=-1)
    event.listen(engine, "connect", _careful)
    event.listen(engine, "begin", lambda db: db.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _careful(connection: Any, _: Any) -> None:
    """Wait for a busy file, survive a power cut, and leave transactions to us."""
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("PRAGMA synchronous = FULL")


def _alive(row: RowMapping, now: datetime) -> bool:
    expires = datetime.fromisoformat(row["expires"])
    if row["host"] != socket.gethostname():
        return expires > now
    return expires + GRACE > now and _runs(row["pid"])


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _said(error: DatabaseError) -> ConnectorError:
    return ConnectorError(
        f"The state database failed: {str(error.orig).splitlines()[0]}",
        hint="Is the disk full, or the file read-only? Nothing is lost; run again afterwards.",
    )
