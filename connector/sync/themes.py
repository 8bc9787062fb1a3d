"""Themes: what the answers of a span are about, and those whose score and words disagree.

Asked of the lake alone, as of the last run that scored. Nothing is kept: a dictionary that was just
edited shows its effect at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from ..model import themes as lists
from ..model.placements import COLUMNS
from .app import App
from .into_lake import KEY, columns_of
from .score import is_told
from .unmatched import last_scored

YEAR = timedelta(days=365)
MOST = 20


@dataclass(frozen=True, slots=True)
class Heard:
    """A theme: in how many answers of how many accounts, and the NPS of those `rated`."""

    theme: str
    label: Mapping[str, str]
    answers: int
    accounts: int
    rated: int
    nps: float | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An answer whose score and words disagree; its comment only where somebody asked for it."""

    account: str | None
    source: str
    response: str
    score: int
    mood: str
    told_by: str
    day: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Themes:
    """What was looked at, the themes by their answers, and the newest of those that disagree.

    `labelled` answers have the labels of their platform, `found` ones words of the dictionary,
    `without` have none of them; in another language nothing is looked for.
    """

    as_of: datetime
    since: datetime
    answers: int
    labelled: int
    found: int
    without: int
    other_language: int
    themes: tuple[Heard, ...]
    disagree: int
    disagreements: tuple[Disagreement, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        moments = {"as_of": self.as_of.isoformat(), "since": self.since.isoformat()}
        return {**asdict(self), **moments}


def gather(
    app: App, *, window: timedelta = YEAR, most: int = MOST, comments: bool = False
) -> Themes:
    """Look at the answers of a window before the last run. ConfigError when there was none."""
    as_of = last_scored(app)
    since = as_of - window
    with closing(app.engine()) as engine:
        stage_answers(app, engine)
        made = lists.stages(app.themes, since=since, as_of=as_of, own=app.matching.own)
        for stage in made:
            engine.stage(stage.name, stage.sql, stage.kind)
        heard = [
            Heard(row.pop("theme"), app.themes.label(name), **row)
            for row in engine.dicts(lists.by_theme())
            if (name := row["theme"])
        ]
        disagree = int(engine.one(f"SELECT count(*) FROM ({lists.disagreeing()}) AS d"))
        listed = engine.dicts(lists.disagreeing(most, comments=comments))
        return Themes(
            as_of=as_of,
            since=since,
            **engine.dicts(lists.counts())[0],
            themes=tuple(heard),
            disagree=disagree,
            disagreements=tuple(Disagreement(**row) for row in listed),
        )


def stage_answers(app: App, engine: Any) -> None:
    """Give an engine the newest answers, and whose they are by what runs have found."""
    newest = app.lake.newest("responses", engine, columns_of(app, "responses"), key=KEY)
    engine.stage("lake_responses", f"SELECT * FROM ({newest}) WHERE {is_told(app)}")
    engine.stage("lake_placements", app.lake.every("placements", engine, COLUMNS))
