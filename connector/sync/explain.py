"""Explain: find one account and the rows of the lake that say why its score is what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..errors import ConfigError
from ..model import ageing, history, rules, stages, whatif
from ..model.columns import kind_of
from ..model.definition import HealthModel
from ..model.explain import explanation
from ..records import NUMBER
from . import models
from .app import App
from .pull import columns_of
from .score import stage_inputs

NEAREST = 3


def explained(app: App, account: str) -> dict[str, Any]:
    """Why the account has its score, by the model that gave it.

    Raises ConfigError when it is not exactly one account, or when that model is not kept.
    """
    with _looking(app) as engine:
        found = _found(engine, account)
        app = replace(app, model=_model(app, engine, account, found))
        rows = _rows(app, engine, found)
        row, previous = rows[0], rows[1] if len(rows) > 1 else None
        reach = _reach(app, engine, row)
        aged = _aged(app, engine, row, previous) if previous else None
        return explanation(app.model, row, previous, aged, reach)


def _model(app: App, engine: Any, account: str, id: str) -> HealthModel:
    """The model of the account's newest score, which the file may not hold any more."""
    every = app.lake.every("scores", engine, history.HISTORY)
    engine.stage("every_score", history.live(every, tuple(stages.SCORES)))
    newest = f"SELECT arg_max(model, as_of) FROM every_score WHERE account_id = {_text(id)}"
    version = engine.one(newest)
    if version is None:
        raise ConfigError(f"{account} has not been scored yet.", hint="Run `connector sync`.")
    try:
        return models.of(app, version)
    except ConfigError as error:
        raise ConfigError(
            f"{account} was scored by another model than the one in use. {error.message}",
            hint=f"{error.hint} Or run `connector sync`, which scores by the one in use.".strip(),
        ) from error


def _reach(app: App, engine: Any, row: Mapping[str, Any]) -> whatif.Reach | None:
    """The fewest changes that lift the account to a better tier, tried on the model."""
    # What a rank would come to hangs on all other accounts: nothing is promised there.
    if row["score"] is None or row["tier"] == "A" or rules.ranks(app.model):
        return None
    id, tried = _text(row["account_id"]), whatif.moves(app.model, row)
    named = ", ".join(f'm."{each.name}".value AS "{each.name}"' for each in app.model.measures)
    account = f"SELECT * FROM known WHERE id = {id}"
    values = (
        f"SELECT {named} FROM every_measure AS m WHERE m.account_id = {id} "
        f"AND m.as_of = TIMESTAMPTZ '{row['moment']}'"
    )
    as_of = datetime.fromisoformat(row["as_of"])
    for size in range(1, whatif.LARGEST + 1):
        if chosen := whatif.sets(tried, size):
            sql = whatif.query(app.model, row, tried, chosen, account, values, as_of)
            if reach := whatif.best(tried, chosen, engine.rows(sql)):
                return reach
    return None


def _aged(
    app: App, engine: Any, row: Mapping[str, Any], previous: Mapping[str, Any]
) -> dict[str, ageing.Aged]:
    """What the time between two scores did to what was known at the first."""
    then, now = (datetime.fromisoformat(each["as_of"]) for each in (previous, row))
    stage_inputs(app, engine)
    for stage in ageing.alone(app.model, row["account_id"], then, now, app.matching):
        engine.stage(stage.name, stage.sql, stage.kind)
    found = engine.dicts("SELECT * FROM aged")
    return ageing.read(app.model, found[0] if found else None)


def id_of(app: App, account: str) -> str:
    """The id of the one account that is meant. Raises ConfigError when it is not exactly one."""
    with _looking(app) as engine:
        return _found(engine, account)


def names(app: App, ids: Sequence[str]) -> dict[str, str]:
    """The names of accounts by id."""
    listed = ", ".join(map(_text, ids)) or "''"
    with _looking(app) as engine:
        return dict(engine.rows(f"SELECT id, name FROM known WHERE id IN ({listed})"))


@contextmanager
def _looking(app: App) -> Iterator[Any]:
    """An engine with the accounts as they were last pulled, as `known`."""
    with closing(app.engine()) as engine:
        newest = app.lake.newest(
            "accounts", engine, columns_of(app, "accounts"), key=("source", "id")
        )
        engine.stage("known", f"SELECT * FROM ({newest}) WHERE NOT coalesce(deleted, false)")
        yield engine


def _found(engine: Any, account: str) -> str:
    """The id of the one account that is meant; ids and keys win over names."""
    said = _text(account.strip())
    # 18 characters are the 15 that count and three that check them.
    by_id = f"id = {said} OR (length({said}) IN (15, 18) AND left(id, 15) = left({said}, 15))"
    for test in (by_id, f"external_id = {said}", f"name = {said}"):
        ids = [str(id) for (id,) in engine.rows(f"SELECT id FROM known WHERE {test} ORDER BY id")]
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise ConfigError(
                f"{len(ids)} accounts answer to {account!r}: {', '.join(ids[:5])}.",
                hint="Name one by its id.",
            )
    raise ConfigError(f"There is no account {account!r} in the lake.", hint=_hint(engine, said))


def _hint(engine: Any, said: str) -> str:
    rows = engine.rows(
        f"SELECT name, id FROM known WHERE "
        f"jaro_winkler_similarity(lower(name), lower({said})) > 0.8 "
        f"ORDER BY jaro_winkler_similarity(lower(name), lower({said})) DESC, id LIMIT {NEAREST}"
    )
    near = ", ".join(f"{name} ({id})" for name, id in rows)
    return f"Did you mean {near}?" if near else "Give its id, its external id or its exact name."


def _rows(app: App, engine: Any, account: str) -> list[Mapping[str, Any]]:
    """The newest result of an account and the one before, scores and measures side by side."""
    every = app.lake.every("measures", engine, {**_measures(app), **history.MARKS})
    engine.stage("every_measure", history.live(every, tuple(_measures(app))))
    columns = ", ".join(
        "strftime(s.as_of AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ') AS as_of"
        if name == "as_of"
        else f"s.{name}"
        for name in stages.SCORES
    )
    columns += ", CAST(s.as_of AS VARCHAR) AS moment"
    numbers = [each for each in app.model.measures if kind_of(each) == NUMBER]
    values = ", ".join(f'm."{each.name}"' for each in numbers)
    return list(
        engine.dicts(
            f"SELECT {columns}, {values} FROM every_score s "
            "LEFT JOIN every_measure m ON m.account_id = s.account_id AND m.as_of = s.as_of "
            f"WHERE s.account_id = {_text(account)} ORDER BY s.as_of DESC LIMIT 2"
        )
    )


def _measures(app: App) -> dict[str, str]:
    shape = "STRUCT(value {}, points INTEGER, weight BIGINT, contribution INTEGER)"
    own = {each.name: shape.format(kind_of(each)) for each in app.model.measures}
    return {"account_id": "VARCHAR", "as_of": "TIMESTAMPTZ", **own}


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
