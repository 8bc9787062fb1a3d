"""The past: score the lake as of a moment, with what was known then or with what is known today.

Everything comes from the lake; no other system is asked, and no clock is read: the present is the
latest moment that the lake itself knows of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError
from ..model import history, results, stages
from ..model.definition import HealthModel
from ..model.history import HISTORY, LATE, Past
from ..records import STREAMS
from . import score
from .app import App
from .into_lake import KEY
from .run import Notify, silent, writing

Known = Literal["then", "now"]
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one stream gave to a look back.

    Of the records `held` today, `counted` were known in time; `late` of those only as they were at
    a later time.
    """

    held: int
    counted: int
    late: int


@dataclass(frozen=True, slots=True)
class Looked:
    """What scoring a moment of the past came to. `rows` is a hash over every row of the result."""

    past: Past
    model: str
    inputs: Mapping[str, Inputs]
    accounts: int
    scored: int
    tiers: Mapping[str, int]
    rows: str

    def as_dict(self) -> dict[str, Any]:
        """The shape that `--json` prints."""
        return {
            "as_of": self.past.as_of.isoformat(),
            "known_by": self.past.known_by.isoformat(),
            "model": self.model,
            "inputs": {
                name: {"held": each.held, "counted": each.counted, "late": each.late}
                for name, each in self.inputs.items()
            },
            "accounts": self.accounts,
            "scored": self.scored,
            "tiers": dict(self.tiers),
            "rows": self.rows,
            "calls": 0,
        }


def moment_of(text: str) -> datetime:
    """A moment as people write it: a day is its first moment, in UTC where no zone is said.

    Raises ConfigError.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is no moment.", hint="Write 2025-03-31 or 2025-03-31T18:00:00+02:00."
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def moment_at(micros: int) -> datetime:
    """The moment so many microseconds after 1970 began."""
    return EPOCH + micros * MICROSECOND


def score_as_of(
    app: App,
    as_of: datetime,
    known: Known = "then",
    *,
    output: Path | None = None,
    notify: Notify = silent,
) -> Looked:
    """Score a moment of the past. Nothing is written, but to `output` (.csv or .parquet)."""
    _check_name(output)
    with closing(app.engine()) as engine:
        past = look(app, engine, as_of, known)
        inputs = stage_records(app, engine, past)
        engine.stage("lake_scores", scored_live(app, engine))
        run_stages(app, engine, app.model, past.as_of, notify)
        found = summed(engine, app.model, past, inputs)
        if output:
            _write(engine, app.model, output)
    return found


def look(app: App, engine: Any, as_of: datetime, known: Known) -> Past:
    """The view of a moment. ConfigError when the lake cannot tell of it."""
    first, last = bounds(app, engine)
    if as_of > last:
        raise ConfigError(
            f"Nothing is known yet of {_said(as_of)}: the lake ends at {_said(last)}.",
            hint="Name an earlier moment, or run `connector pull` first.",
        )
    if known == "then" and as_of < first:
        raise ConfigError(
            f"Nothing had been pulled by {_said(as_of)}: the first pull was at {_said(first)}.",
            hint="With `--known now` it is worked out from what is known today.",
        )
    return Past(as_of, as_of if known == "then" else last)


def bounds(app: App, engine: Any) -> tuple[datetime, datetime]:
    """The first and the last moment at which the lake was told anything. ConfigError if empty."""
    stamps = [
        f"SELECT pulled_at FROM ({app.lake.every(name, engine, {'pulled_at': 'TIMESTAMPTZ'})})"
        for name in STREAMS
    ]
    ends = "SELECT epoch_us(min(pulled_at)), epoch_us(max(pulled_at))"
    first, last = engine.rows(f"{ends} FROM ({' UNION ALL '.join(stamps)})")[0]
    if first is None:
        raise ConfigError("The lake is empty.", hint="Run `connector pull` first.")
    return moment_at(first), moment_at(last)


def stage_records(app: App, engine: Any, past: Past) -> dict[str, Inputs]:
    """Give the model the records of a moment, and say how many there are."""
    found = {}
    for name, stream in STREAMS.items():
        columns = stream.all_columns
        held = app.lake.versions(name, engine, columns, past.as_of, KEY)
        told = f"WHERE {score.is_told(app)}"
        single = f"SELECT * FROM ({held.single}) {told}"
        several = f"SELECT * FROM ({held.several}) {told}"
        chosen = history.chosen(single, several, tuple(columns), KEY, past)
        engine.stage(f"lake_{name}", chosen, "table")
        known = engine.one(
            f"SELECT (SELECT count(*) FROM ({single}))"
            f" + (SELECT count(DISTINCT (source, id)) FROM ({several}))"
        )
        counted = engine.rows(f"SELECT count(*), count(*) FILTER (WHERE {LATE}) FROM lake_{name}")[
            0
        ]
        if known:
            found[name] = Inputs(known, *counted)
    score.stage_names(app, engine)
    return found


def scored_live(app: App, engine: Any) -> str:
    """The history that scores go on from: that of the days themselves."""
    every = app.lake.every("scores", engine, HISTORY)
    return history.live(every, tuple(stages.SCORES))


def run_stages(
    app: App,
    engine: Any,
    model: HealthModel,
    as_of: datetime,
    notify: Notify = silent,
    last: str = "",
) -> None:
    """Run the model over what is staged, or only as far as the `last` stage."""
    made = stages.stages(model, as_of=as_of, matching=app.matching)
    for number, stage in enumerate(made, 1):
        engine.stage(stage.name, stage.sql, stage.kind)
        notify("score", stage.name, number, len(made))
        if stage.name == last:
            return


def summed(engine: Any, model: HealthModel, past: Past, inputs: Mapping[str, Inputs]) -> Looked:
    """What a moment came to."""
    total, scored = engine.rows("SELECT count(*), count(score) FROM scores")[0]
    tiers = engine.rows(
        "SELECT tier, count(*) FROM scores WHERE tier IS NOT NULL GROUP BY tier ORDER BY tier"
    )
    return Looked(past, model.version, inputs, total, scored, dict(tiers), _hash(engine))


def accounts(where: str) -> str:
    """The ids of the accounts that meet a condition over their columns."""
    return f"SELECT id FROM accounts WHERE {where or 'TRUE'}"


@contextmanager
def in_order(engine: Any) -> Iterator[None]:
    """Rows are written in the order of the query."""
    engine.run("SET preserve_insertion_order = true")
    try:
        yield
    finally:
        engine.run("SET preserve_insertion_order = false")


def _hash(engine: Any) -> str:
    """One word for all rows of a result: equal when every value of every account is."""
    row = "CAST(to_json(r) AS VARCHAR)"
    own = f"SELECT id, md5({row}) AS h FROM results AS r"
    return str(engine.one(f"SELECT md5(coalesce(string_agg(h, '' ORDER BY id), '')) FROM ({own})"))


def _check_name(output: Path | None) -> None:
    if output and output.suffix not in (".csv", ".parquet"):
        raise ConfigError(
            f"{output} is neither .csv nor .parquet.", hint="Name the file by its kind."
        )


def _write(engine: Any, model: HealthModel, output: Path) -> None:
    """Every account with its columns, score and measures, in the order of ids."""
    listed = ", ".join(f'"{name}"' for name in results.columns(model))
    kind = "csv, HEADER" if output.suffix == ".csv" else "parquet"
    place = str(output).replace("'", "''")
    with writing(str(output)), in_order(engine):
        engine.run(f"COPY (SELECT {listed} FROM results ORDER BY id) TO '{place}' (FORMAT {kind})")


def _said(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
