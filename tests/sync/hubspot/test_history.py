"""What companies held before the first pull, as far as HubSpot kept it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from connector.engines.duckdb import DuckDB
from connector.sync import past
from connector.sync.backfill import Asked, backfill
from connector.sync.into_lake import EPOCH, KEY, columns_of
from tests.hubspot_world import Portal
from tests.sync.reading import pull, rows

CHANGED = 'sentiment_at  = "csm_sentiment.changed_at"'


def with_history(here: Portal) -> None:
    """One line of the mapping asks for it."""
    path = here.folder / "mappings/hubspot.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    asked = [CHANGED if line.startswith("sentiment_at ") else line for line in lines]
    assert asked != lines
    path.write_text("\n".join(asked) + "\n", encoding="utf-8")


def changed(here: Portal) -> tuple[str, datetime]:
    """A company whose sentiment was 2 for forty days and is 5 since; and when it was 2."""
    id = sorted(here.held())[0]
    here.person(id, values={"csm_sentiment": "2"})
    began = here.app().crm.check().now
    here.advance("40d")
    here.person(id, values={"csm_sentiment": "5"})
    here.advance("20d")
    return id, began + timedelta(days=20)


def sentiment(here: Portal, id: str, at: datetime) -> tuple[float, bool]:
    """What a look back finds, from all that is known today; and whether it was so by then."""
    out = Path(here.folder) / "then.parquet"
    past.score_as_of(here.app(), at, "now", output=out)
    engine = DuckDB(scratch=here.folder / "spill")
    is_so = f"sentiment_at < TIMESTAMPTZ '{at.isoformat()}'"
    ((value, so),) = engine.rows(f"SELECT sentiment, {is_so} FROM '{out}' WHERE id = '{id}'")
    engine.close()
    return value, so


def test_before_the_first_pull_the_value_of_then_counts(here):
    """And not today's: HubSpot keeps the values of a property by itself."""
    with_history(here)
    id, then = changed(here)
    pull(here)
    assert sentiment(here, id, then) == (2, True)
    assert sentiment(here, id, then + timedelta(days=30)) == (5, True)
    assert rows(here, "accounts", "sentiment", f"id = '{id}'") == [(5,)]


def test_a_backfill_goes_by_the_values_of_then(here):
    """Month by month, before anything was pulled."""
    with_history(here)
    id, then = changed(here)
    pull(here)
    app = here.app()
    backfill(app, Asked(then, then + timedelta(days=30), "month", "now"), write=True)
    engine = DuckDB(scratch=here.folder / "spill")
    kept = app.lake.every("measures", engine, app.lake.types("measures", engine))
    found = engine.rows(
        f"SELECT csm_sentiment.value FROM ({kept}) WHERE account_id = '{id}' ORDER BY as_of"
    )
    engine.close()
    assert found[0] == (2,)


def test_a_version_of_then_is_kept_once(here):
    """However often everything is read; and one line more of the mapping brings it later, too."""
    pull(here)
    with_history(here)
    id, then = changed(here)
    counted = []
    for _ in range(2):
        pull(here)
        here.advance("8d")
        app, engine = here.app(), DuckDB(scratch=here.folder / "spill")
        columns = columns_of(app, "accounts")
        held = app.lake.versions("accounts", engine, columns, EPOCH, KEY)
        told = f"SELECT DISTINCT pulled_at FROM ({held.single} UNION ALL {held.several})"
        counted.append(len(engine.rows(f"SELECT epoch_us(pulled_at) FROM ({told})")))
        engine.close()
    assert sentiment(here, id, then) == (2, True)
    assert counted == [2, 2]
