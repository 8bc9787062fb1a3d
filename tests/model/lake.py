"""A lake in memory: records put by hand, scored by the statements that production runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from connector.model import files, identity, placements, seen
from connector.model.definition import HealthModel
from connector.model.matching import USUAL, Matching
from connector.model.stages import SCORES, stages
from connector.records import STREAMS

AS_OF = datetime(2026, 1, 31, 12, tzinfo=UTC)
SHIPPED = Path(__file__).parents[2] / "mappings" / "health.toml"


@cache
def shipped() -> HealthModel:
    """The model that is shipped."""
    model, problems = files.read(SHIPPED.read_text(), SHIPPED.name)
    assert model is not None, problems
    return model


def only(*names: str, caps: Iterable[str] = ()) -> HealthModel:
    """The shipped model with some of its measures and caps; one measure is always scored."""
    model, names = shipped(), (*names, "csm_sentiment")
    return replace(
        model,
        measures=tuple(each for each in model.measures if each.name in names),
        caps=tuple(each for each in model.caps if each.name in caps),
        blind_spots=(),
        alerts=(),
        checks=(),
        examples=(),
    )


def ago(days: float, since: datetime = AS_OF) -> str:
    """A moment some days before another."""
    return (since - timedelta(days=days)).isoformat()


class Lake:
    """Tables as an engine provides them."""

    def __init__(self) -> None:
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone = 'UTC'")
        for stream in STREAMS.values():
            self._create(f"lake_{stream.name}", stream.all_columns)
        self._create("lake_scores", SCORES)
        self._create("lake_placements", placements.COLUMNS)
        self._create("aliases", {"key": "VARCHAR", "account_id": "VARCHAR"})
        self._create("free_mail", {"domain": "VARCHAR"})
        self._create("registrable", {"domain": "VARCHAR", "registrable": "VARCHAR"})

    def put(self, table: str, **values: Any) -> Lake:
        """Add one record; streams are named without `lake_`."""
        name = f"lake_{table}" if table in {*STREAMS, "scores", "placements"} else table
        marks = ", ".join("?" for _ in values)
        sql = f"INSERT INTO {name} ({', '.join(values)}) VALUES ({marks})"
        self.db.execute(sql, list(values.values()))
        return self

    def run(self, model: HealthModel, as_of: datetime = AS_OF, matching: Matching = USUAL) -> Lake:
        """Score everything as of a moment."""
        self.db.execute("DELETE FROM registrable")
        for (domain,) in self.db.execute(identity.domains_sql()).fetchall():
            if found := identity.registrable(domain, matching.tenants):
                self.put("registrable", domain=domain, registrable=found)
        for stage in stages(model, as_of=as_of, matching=matching):
            self.db.execute(f"CREATE OR REPLACE TEMP {stage.kind} {stage.name} AS {stage.sql}")
        for half, when in (("links", "key IS NOT NULL"), ("unmatched", "key IS NULL")):
            sql = f"SELECT * FROM placements WHERE {when}"
            self.db.execute(f"CREATE OR REPLACE TEMP VIEW {half} AS {sql}")
        return self

    def whole(self, as_of: datetime = AS_OF) -> Lake:
        """Show activities with all columns, not those alone that a measure looks at."""
        for stage in seen.placed(as_of):
            self.db.execute(f"CREATE OR REPLACE TEMP {stage.kind} {stage.name} AS {stage.sql}")
        return self

    def keep(self) -> Lake:
        """Append the scores of this run to history."""
        self.db.execute("INSERT INTO lake_scores BY NAME SELECT * FROM scores")
        return self

    def keep_placements(self, as_of: datetime = AS_OF) -> Lake:
        """Append where this run placed records to history."""
        kept = f"SELECT *, TIMESTAMPTZ '{as_of.isoformat()}' AS as_of"
        kept = f"{kept} FROM ({placements.to_keep()})"
        self.db.execute(f"INSERT INTO lake_placements BY NAME {kept}")
        return self

    def rows(self, sql: str) -> list[Any]:
        """What a query gives; one column comes without its tuple."""
        found = self.db.execute(sql).fetchall()
        return [row[0] if len(row) == 1 else row for row in found]

    def score(self, account: str = "001") -> Any:
        """The score of an account in tenths."""
        return self.rows(f"SELECT score FROM scores WHERE account_id = '{account}'")[0]

    def tier(self, account: str = "001") -> Any:
        return self.rows(f"SELECT tier FROM scores WHERE account_id = '{account}'")[0]

    def value(self, measure: str, account: str = "001") -> Any:
        """The raw value of a measure."""
        return self.rows(f"SELECT {measure} FROM raw WHERE account_id = '{account}'")[0]

    def row(self, account: str = "001") -> dict[str, Any]:
        """Scores and measures of an account, as an explanation needs them."""
        facts = f"EXCLUDE ({', '.join(['as_of', *self._moments()])})"
        found = self.db.execute(
            f"SELECT CAST(s.as_of AS VARCHAR) AS as_of, s.* EXCLUDE (as_of), m.* {facts}"
            " FROM scores AS s JOIN measures AS m ON m.account_id = s.account_id"
            f" WHERE s.account_id = '{account}'"
        )
        names = [each[0] for each in found.description]
        return dict(zip(names, found.fetchone(), strict=True))

    def _moments(self) -> list[str]:
        """The facts that are moments."""
        held = self.rows("SELECT column_name FROM (DESCRIBE measures)")
        return [each for each in ("last_response_at", "last_answer_at") if each in held]

    def _create(self, name: str, columns: Any) -> None:
        typed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        self.db.execute(f"CREATE TABLE {name} ({typed})")


def answer(lake: Lake, id: str, score: float, days: float, **more: Any) -> Lake:
    """One NPS answer to a relationship survey for account 001, unless said otherwise."""
    values: dict[str, Any] = {
        "metric": "nps",
        "kind": "relationship",
        "scale_min": 0,
        "scale_max": 10,
        "account_key": "001",
        "email": f"{id}@x.example",
    }
    return lake.put("responses", id=id, score=score, submitted_at=ago(days), **{**values, **more})
