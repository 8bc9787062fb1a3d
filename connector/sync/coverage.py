"""Coverage, from the newest results in the lake: of how many accounts each measure is known, and
of how many nothing is known from people, and why."""

from __future__ import annotations

from typing import Any

from ..model import history
from ..model.card import Coverage
from ..model.columns import kind_of
from ..model.definition import HealthModel
from ..model.stages import SCORES

_NEWEST = "QUALIFY row_number() OVER (PARTITION BY account_id ORDER BY as_of DESC) = 1"


def coverage(lake: Any, engine: Any, model: HealthModel) -> Coverage | None:
    """What is known under this version of a model; None if it has not scored yet."""
    shape = "STRUCT(value {}, points INTEGER, weight BIGINT, contribution INTEGER)"
    own = {each.name: shape.format(kind_of(each)) for each in model.measures}
    columns = {"account_id": "VARCHAR", "as_of": "TIMESTAMPTZ", "model": "VARCHAR", **own}
    mine = f"WHERE model = '{model.version}' {_NEWEST}"
    measured = lake.every("measures", engine, {**columns, **history.MARKS})
    newest = f"SELECT * FROM ({history.live(measured, tuple(columns))}) {mine}"
    counts = "".join(f', count("{each.name}".value) AS "{each.name}"' for each in model.measures)
    last = "strftime(max(as_of) AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC') AS as_of"
    (found,) = engine.dicts(f"SELECT count(*) AS accounts, {last}{counts} FROM ({newest})")
    if not found["accounts"]:
        return None
    scored = history.live(lake.every("scores", engine, history.HISTORY), tuple(SCORES))
    scores = f"SELECT confidence, blind_spot FROM ({scored}) {mine}"
    sure = engine.one(f"SELECT CAST(round(avg(confidence)) AS INTEGER) FROM ({scores})")
    known = {each.name: int(found[each.name]) for each in model.measures}
    spots = dict(engine.rows(f"SELECT blind_spot, count(*) FROM ({scores}) GROUP BY blind_spot"))
    blind = {each.name: int(spots.get(each.name, 0)) for each in model.blind_spots}
    return Coverage(found["as_of"], int(found["accounts"]), int(sure or 0), known, blind)
