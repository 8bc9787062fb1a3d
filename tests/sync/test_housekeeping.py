"""Housekeeping: once a week, and never in the way of a run."""

from __future__ import annotations

from datetime import timedelta

from connector.store.lake import Lake
from connector.sync.housekeeping import SETTING, TABLES


def test_once_a_week_every_table_is_tidied_up(here, monkeypatch):
    """Not by the first run, and not by each that follows."""
    tidied: list[str] = []
    original = Lake.tidy

    def tidy(lake: Lake, table: str, keep: timedelta) -> None:
        tidied.append(table)
        assert keep == timedelta(days=365)
        original(lake, table, keep)

    monkeypatch.setattr(Lake, "tidy", tidy)
    here.sync()
    here.advance("6d")
    here.sync(force=True)
    assert tidied == []
    here.advance("2d")
    done = here.sync(force=True)
    assert (tidied, done.notices) == (list(TABLES), [])
    here.sync()
    assert len(tidied) == len(TABLES)


def test_a_table_that_cannot_be_tidied_up_fails_no_run(here):
    """It is told, and the next run tries again."""
    here.sync()
    here.advance("8d")
    due = here.app().state.setting(SETTING)
    log = here.folder / "data" / "lake" / "scores" / "_delta_log"
    real = log / "_last_checkpoint"
    real.mkdir()  # a checkpoint cannot be noted where a folder is
    done = here.sync(force=True)
    assert done.exit == 0
    assert any("could not tidy up" in notice for notice in done.notices)
    assert here.app().state.setting(SETTING) == due
    real.rmdir()
    assert here.sync().notices == []
    assert here.app().state.setting(SETTING) != due
