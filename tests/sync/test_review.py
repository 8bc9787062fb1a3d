"""What a critical reader tried: crashes between two steps, and edits that might hide."""

from __future__ import annotations

import pytest

from connector.sync import apply as applying
from connector.sync import load
from tests.sync.reading import rows
from tests.sync.test_calls import filed
from tests.sync.test_writing_lanes import FILE, lane, times
from tests.sync.test_wrong_writes import died_in_its_job, job_runs
from tests.world import World

__all__ = ["filed"]


def told_at_most(here: World) -> int:
    """How often the ledger names a record of a plan, at most."""
    app = here.app()
    engine = app.engine()
    rows = app.lake.every("outcomes", engine, {"plan": "VARCHAR", "id": "VARCHAR"})
    most = engine.one(f"SELECT max(n) FROM (SELECT count(*) AS n FROM ({rows}) GROUP BY plan, id)")
    engine.close()
    return int(most)


@pytest.mark.parametrize("dies", ["in the run", "in the recovery"])
def test_a_crash_between_the_journal_and_the_note_of_its_job_tells_nothing_twice(
    here, monkeypatch, dies
):
    """The job is asked for its outcomes again; the base of the ledger has one row a record."""
    lane(here, FILE)
    if dies == "in the recovery":
        died_in_its_job(here, monkeypatch)
        job_runs(here)
    note = load._note

    def die(plan, job):
        if not job:
            raise KeyboardInterrupt
        note(plan, job)

    with monkeypatch.context() as once:
        once.setattr(load, "_note", die)
        once.setattr(applying, "record", lambda *_: None)  # who is killed does not come to it
        with pytest.raises(KeyboardInterrupt):
            here.sync()
    assert here.sync().exit == 0
    assert told_at_most(here) == 1
    assert times(here) == {1}


def test_what_a_person_changed_hides_nothing_that_runs_as_our_user(filed):
    """One record of theirs is known in the time of our echo; one of ours was committed late."""
    every = filed.store.db.execute("select Id from Account where IsDeleted = 0").fetchall()
    filed.sync()
    written = {row["id"] for row in filed.writes()}
    theirs, late = sorted({id for (id,) in every} - written)
    with filed.store.transaction() as db:
        (at,) = db.execute("select max(SystemModstamp) from Account").fetchone()
        (user,) = db.execute(
            "select LastModifiedById from Account where Id = ?", (min(written),)
        ).fetchone()
        db.execute(
            "update Account set Name = 'Theirs', SystemModstamp = ? where Id = ?", (at, theirs)
        )
    filed.sync()
    assert rows(filed, "accounts", "name", f"id = '{theirs}'") == [("Theirs",)]
    with filed.store.transaction() as db:
        db.execute(
            "update Account set Name = 'Late AG', SystemModstamp = ?, LastModifiedById = ? "
            "where Id = ?",
            (at, user, late),
        )
    filed.sync()
    assert rows(filed, "accounts", "name", f"id = '{late}'") == [("Late AG",)]
