"""Score: the lake's records become measures, a score, a tier and reasons, one row an account.

One SQL statement per stage; the model writes them, the engine runs them, `as_of` is a literal.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..model import history, identity, moods, placements, stages
from ..model.previous import KEPT_AGAIN
from ..model.seen import short
from ..model.stage import moment
from ..records import MOMENT, STREAMS, TEXT
from . import elsewhere, models
from .app import App
from .into_lake import KEY
from .pull import columns_of
from .run import Run


@dataclass(frozen=True, slots=True)
class Scored:
    """What scoring came to."""

    accounts: int
    scored: int
    tiers: dict[str, int]
    links: dict[str, int]
    unmatched: int


def score(app: App, run: Run) -> Scored:
    """Run the model's stages and keep what is new of their results in the lake."""
    stage_inputs(app, run.engine)
    run_stages(app, run)
    models.keep(app)
    _keep(app, run)
    _keep_placements(app, run)
    _note_oddities(run)
    _note_disagreements(app, run)
    return _scored(run)


def run_stages(app: App, run: Run) -> None:
    """In the run's engine, or in the one that is set for it."""
    brief = any("brief_" in each.source for each in app.mapping.fields)
    made = stages.stages(app.model, as_of=run.as_of, matching=app.matching, brief=brief)
    if app.scorer:
        with closing(app.scorer()) as scorer:
            _stage_lake(app, scorer)
            _stage_placements(app, scorer)
            if brief:
                scorer.stage("lake_measures", _measures(app, scorer))
            elsewhere.stage_names(run, scorer)
            elsewhere.run_stages(run, scorer, made)
        return
    if brief:
        run.engine.stage("lake_measures", _measures(app, run.engine))
    for number, stage in enumerate(made, 1):
        run.engine.stage(stage.name, stage.sql, stage.kind)
        run.notify("score", stage.name, number, len(made))


def stage_inputs(app: App, engine: Any) -> None:
    """Give the model what it reads: the newest records, its own history, and who is who.

    What a source told us that is no longer configured stays in the lake and is not looked at.
    """
    _stage_lake(app, engine)
    stage_names(app, engine)


def _stage_lake(app: App, engine: Any) -> None:
    """Give an engine the newest records and the earlier scores."""
    for stream in STREAMS:
        newest = app.lake.newest(stream, engine, columns_of(app, stream), key=KEY)
        engine.stage(f"lake_{stream}", f"SELECT * FROM ({newest}) WHERE {is_told(app)}")
    every = app.lake.every("scores", engine, history.HISTORY)
    engine.stage("lake_scores", history.live(every, tuple(stages.SCORES)))


def _measures(app: App, engine: Any) -> str:
    """Every earlier row of measures that was scored on the day itself."""
    part = "STRUCT(value DOUBLE, points INTEGER, contribution INTEGER)"
    columns = {"account_id": TEXT, "as_of": MOMENT, "model": TEXT}
    columns |= {each.name: part for each in app.model.scored}
    every = app.lake.every("measures", engine, {**columns, **history.MARKS})
    return history.live(every, tuple(columns))


def is_told(app: App) -> str:
    """The condition for records of systems that are configured."""
    return f"source IN ({', '.join(_text(name) for name in (app.crm.name, *app.sources))})"


def stage_names(app: App, engine: Any) -> None:
    """Give the model what it tells accounts by, besides records: what was found before, aliases
    and domains."""
    _stage_placements(app, engine)
    engine.stage("aliases", _aliases(app), "table")
    listed = ", ".join(_text(domain) for domain in sorted(app.matching.without_employer))
    engine.stage("free_mail", f"SELECT unnest([{listed}]) AS domain", "table")
    engine.stage("registrable", _registrable(app, engine), "table")


def _stage_placements(app: App, engine: Any) -> None:
    kept = app.lake.every("placements", engine, placements.COLUMNS)
    engine.stage("lake_placements", kept)


def _aliases(app: App) -> str:
    """The human alias file, `key,account_id`.

    Its lines stand on several rungs of the ladder in `model/identity.py`: each right before the
    rule that would read the same word. A line without an account is not decided yet.
    """
    if app.aliases is None or not app.aliases.exists():
        return "SELECT '' AS key, '' AS account_id WHERE FALSE"
    delimiter = _alias_delimiter(app.aliases)
    return (
        f"SELECT key, account_id FROM read_csv({_text(str(app.aliases))}, all_varchar = true, "
        f"header = true, delim = '{delimiter}', quote = '\"', null_padding = true, "
        "strict_mode = false)"
    )


def _alias_delimiter(path: Path) -> str:
    """What separates the columns of an alias file; ConfigError when they are not there."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"{path.name} cannot be read as text.", hint="Save it as UTF-8."
        ) from error
    for delimiter in (",", ";", "\t"):
        names = {name.strip(' "\r\n').casefold() for name in header.split(delimiter)}
        if {"key", "account_id"} <= names:
            return delimiter
    raise ConfigError(
        f"{path.name} has no columns key and account_id.",
        hint="Its first line must be: key,account_id",
    )


def _registrable(app: App, engine: Any) -> str:
    """The registrable domain of every mail domain that respondents use."""
    hosts, shared = engine.rows(identity.domains_sql()), app.matching.tenants
    pairs = [(host, identity.registrable(host, shared)) for (host,) in hosts]
    values = ", ".join(f"({_text(h)}, {_text(r)})" for h, r in pairs if r)
    if not values:
        return "SELECT '' AS domain, '' AS registrable WHERE FALSE"
    return f"SELECT * FROM (VALUES {values}) AS v(domain, registrable)"


def _keep(app: App, run: Run) -> None:
    """Append results that differ from what was kept last, or that were kept a day ago."""
    engine = run.engine
    known = ", ".join(f'"{c}"' for c in stages.NEWS)
    latest = (
        "SELECT * FROM lake_scores "
        "QUALIFY row_number() OVER (PARTITION BY account_id ORDER BY as_of DESC) = 1"
    )
    engine.stage(
        "fresh",
        f"SELECT account_id FROM "
        f"(SELECT {known} FROM scores EXCEPT SELECT {known} FROM ({latest})) "
        f"UNION SELECT account_id FROM ({latest}) "
        f"WHERE as_of <= TIMESTAMPTZ '{(run.as_of - KEPT_AGAIN).isoformat()}'",
        "table",
    )
    if not engine.one("SELECT count(*) FROM fresh"):
        return
    app.lake.append("measures", engine, "SELECT * FROM measures SEMI JOIN fresh USING (account_id)")
    listed = ", ".join(f'CAST("{c}" AS {kind}) AS "{c}"' for c, kind in stages.SCORES.items())
    app.lake.append(
        "scores", engine, f"SELECT {listed} FROM scores SEMI JOIN fresh USING (account_id)"
    )


def _keep_placements(app: App, run: Run) -> None:
    """Append where records were placed, by which rule, if that is news."""
    known = ", ".join(f'"{c}"' for c in placements.COLUMNS if c != "as_of")
    before = placements.latest("SELECT * FROM lake_placements")
    run.engine.stage(
        "placed_anew",
        f"SELECT {known} FROM ({placements.to_keep()}) AS t EXCEPT SELECT {known} FROM ({before})",
        "table",
    )
    if run.engine.one("SELECT count(*) FROM placed_anew"):
        columns = ", ".join(
            f'CAST("{c}" AS {kind}) AS "{c}"' for c, kind in placements.COLUMNS.items()
        )
        news = f"SELECT *, {moment(run.as_of)} AS as_of FROM placed_anew"
        app.lake.append("placements", run.engine, f"SELECT {columns} FROM ({news}) AS n")


def _note_oddities(run: Run) -> None:
    rows = run.engine.rows(
        "SELECT stream, rule, count(*), list(id ORDER BY id)[1:20] FROM oddities "
        "GROUP BY stream, rule ORDER BY stream, rule"
    )
    for stream, rule, count, ids in rows:
        run.odd(stream, rule, count, [str(id) for id in ids])
    lost = run.engine.rows(
        "SELECT DISTINCT trim(account_id) AS id FROM aliases "
        f"WHERE NOT EXISTS (SELECT 1 FROM holders AS h WHERE h.ref = {short('trim(account_id)')}) "
        "AND key <> '' AND account_id <> '' ORDER BY id"
    )
    run.odd("accounts", "alias_to_unknown_account", len(lost), [str(id or "") for (id,) in lost])


def _note_disagreements(app: App, run: Run) -> None:
    """Answers new with this run whose score and words disagree: each is told of once."""
    # Planning that many words takes longer than a run that brought no answer should.
    if not run.engine.rows(f"{moods.new(run.as_of)} LIMIT 1"):
        return
    ids = run.engine.rows(moods.news(app.themes, run.as_of))
    run.odd("responses", "score_and_words_disagree", len(ids), [str(id) for (id,) in ids])


def _scored(run: Run) -> Scored:
    engine = run.engine
    accounts, scored = engine.rows("SELECT count(*), count(score) FROM scores")[0]
    tiers = engine.rows(
        "SELECT tier, count(*) FROM scores WHERE tier IS NOT NULL GROUP BY tier ORDER BY tier"
    )
    links = dict(engine.rows("SELECT rule, count(*) FROM placements GROUP BY rule ORDER BY rule"))
    unmatched = links.pop(None, 0)
    return Scored(accounts, scored, dict(tiers), links, unmatched)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
