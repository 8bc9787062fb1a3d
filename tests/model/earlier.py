"""A lake scored as by a run whose mapping writes the line, against what was kept before."""

from __future__ import annotations

from datetime import timedelta

from connector.model.definition import HealthModel
from connector.model.stages import stages
from tests.model.lake import AS_OF, Lake


def run(lake: Lake, model: HealthModel, days: float = 0) -> Lake:
    """Score as a run does whose mapping writes the line."""
    lake.db.execute(
        "CREATE TABLE IF NOT EXISTS lake_measures"
        " (account_id VARCHAR, as_of TIMESTAMPTZ, model VARCHAR)"
    )
    for each in model.scored:
        kind = "STRUCT(value DOUBLE, points INTEGER, contribution INTEGER)"
        lake.db.execute(f"ALTER TABLE lake_measures ADD COLUMN IF NOT EXISTS {each.name} {kind}")
    for stage in stages(model, as_of=AS_OF + timedelta(days=days), brief=True):
        lake.db.execute(f"CREATE OR REPLACE TEMP {stage.kind} {stage.name} AS {stage.sql}")
    return lake


def keep(lake: Lake, model: HealthModel) -> Lake:
    parts = [
        f"{{'value': m.{each.name}.value, 'points': m.{each.name}.points,"
        f" 'contribution': m.{each.name}.contribution}} AS {each.name}"
        for each in model.scored
    ]
    lake.db.execute(
        "INSERT INTO lake_measures BY NAME SELECT account_id, as_of, model,"
        f" {', '.join(parts)} FROM measures AS m"
    )
    return lake.keep()
