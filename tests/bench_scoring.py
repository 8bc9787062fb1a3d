"""What scoring costs beside plain SQL for the same measures, and how it grows.

    python -m tests.bench_scoring 1000000        so many accounts with ten activities each
    python -m tests.bench_scoring 1000000 50     with fifty
    python -m tests.bench_scoring 1000000 --days 9   after a last score nine days ago, not one
    python -m tests.bench_scoring 1000000 --mails    with mails as Salesforce logs them
    python -m tests.bench_scoring 10000 100000 1000000 --growth

Each side runs in a process of its own with an engine limit of 512 MB and two threads, over the same
Delta files: CPU seconds of that process, and the most memory that it held. All must come to the
same values. With `--mails` six activities of ten are logged mails: three tasks, and three messages
that name no account, of which two say what they are about and one nothing but its task. `plain` are
the aggregates, points, score and tier as one would write them by hand; `ours` are all stages of a
run up to results, with contributions and reasons in two languages. `brief` adds the lines for a
field: what changed since the last score of every account, and why. For that the records of then are
measured once more where points moved, as of then and as of now; `again` is `plain` with these same
measures, points and scores by hand, and without a word of text.
"""

from __future__ import annotations

import json
import math
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

from connector.engines.duckdb import DuckDB
from connector.model.definition import HealthModel
from connector.model.stages import stages
from connector.records import STREAMS
from connector.store.lake import Lake
from tests.model.lake import only
from tests.sync.history import Place

#: As in `tests.bench`, which brings the clients of a CRM along: their memory would be counted.
BENCH = Path(__file__).parents[1] / ".bench"
AS_OF = datetime(2026, 1, 31, 12, tzinfo=UTC)
SIDES = ("plain", "ours", "again", "brief")
MEASURES = ("meetings_held", "no_show_rate", "two_way_mail", "contact_breadth", "goals_share")
#: Our measures, and what they are called by hand.
PLAIN = {
    "meetings_held": "held",
    "no_show_rate": "missed",
    "two_way_mail": "answered",
    "contact_breadth": "people",
    "goals_share": "goals",
    "csm_sentiment": "opinion",
}


#: Ours in the order in which points are numbered by hand.
BY_POINTS = (
    "meetings_held",
    "no_show_rate",
    "two_way_mail",
    "contact_breadth",
    "csm_sentiment",
    "goals_share",
)


def model() -> HealthModel:
    """Four shipped measures over activities and two over accounts."""
    return only(*MEASURES)


def mailed(columns: dict[str, str]) -> dict[str, str]:
    """Activities of which six in ten are logged mails: three messages, then their three tasks."""
    message, task = "i % 10 < 3", "i % 10 BETWEEN 3 AND 5"
    return {
        **columns,
        "id": f"CASE WHEN {message} THEN printf('02s%012d', i) ELSE {columns['id']} END",
        "account_id": f"CASE WHEN NOT {message} THEN {columns['account_id']} END",
        "about_id": f"CASE WHEN i % 10 < 2 THEN {columns['account_id']} END",
        "contact_id": f"CASE WHEN NOT {message} THEN {columns['contact_id']} END",
        "same_as": f"CASE WHEN {message} THEN printf('00T%012d', i + 3) END",
        "kind": f"CASE WHEN {message} OR {task} THEN 'email' ELSE {columns['kind']} END",
        "direction": f"CASE WHEN NOT {task} THEN {columns['direction']} END",
    }


def filled(accounts: int, each: int, *, mails: bool = False, under: Path = BENCH) -> Path:
    """A lake with so many accounts and activities, made once."""
    folder = under / f"scoring-{accounts}-{each}{'-mails' if mails else ''}"
    if (folder / "done").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    engine = DuckDB(threads=2, scratch=folder / "spill")
    lake = Lake(folder / "lake")
    at = f"TIMESTAMPTZ '{AS_OF.isoformat()}'"
    told = {
        "accounts": (
            accounts,
            {
                "id": "printf('001%012d', i)",
                "name": "'Customer ' || i",
                "sentiment": "1 + hash(i) % 5",
                "sentiment_at": f"{at} - to_days(CAST(hash(i, 1) % 200 AS INTEGER))",
                "goals_total": "hash(i, 2) % 4",
                "goals_reached": "hash(i, 3) % 4",
            },
        ),
        "activities": (
            accounts * each,
            {
                "id": "printf('00T%012d', i)",
                "account_id": f"printf('001%012d', hash(j, 4) % {accounts})",
                "contact_id": f"printf('003%012d', hash(j, 5) % {3 * accounts})",
                "kind": "['meeting', 'email', 'call'][CAST(hash(i, 6) % 3 AS INTEGER) + 1]",
                "status": "['held', 'no_show', 'done'][CAST(hash(i, 7) % 3 AS INTEGER) + 1]",
                "direction": "['in', 'out'][CAST(hash(i, 8) % 2 AS INTEGER) + 1]",
                "occurred_at": f"{at} - to_hours(CAST(hash(j, 9) % 9000 AS INTEGER))",
            },
        ),
    }
    for stream, (rows, columns) in told.items():
        if mails and stream == "activities":
            columns = mailed(columns)
        common = {
            "source": "'crm'", "object": "'O'", "deleted": "FALSE",
            "pulled_at": at, "modified_at": at,
        }  # fmt: skip
        sql = ", ".join(
            f"CAST({({**common, **columns}).get(name, 'NULL')} AS {kind}) AS {name}"
            for name, kind in STREAMS[stream].all_columns.items()
        )
        of = "CASE WHEN i % 10 BETWEEN 3 AND 5 THEN i - 3 ELSE i END" if mails else "i"
        numbers = f"(SELECT i, {of} AS j FROM range({rows}) AS t(i))"  # a task is of its message
        lake.append(stream, engine, f"SELECT {sql} FROM {numbers}", layer="base")
    engine.close()
    (folder / "done").write_text("")
    return folder


def run(side: str, folder: Path, days: int) -> None:
    """One side in this process; prints CPU seconds and the most megabytes."""
    engine = DuckDB(memory="512MB", threads=2, scratch=folder / f"spill-{side}")
    by_hand, then = side in ("plain", "again"), AS_OF - timedelta(days=days)
    if side in ("again", "brief"):
        kept(folder, then)
    if by_hand:
        lake, mails = Lake(folder / "lake"), folder.name.endswith("-mails")
        begun = process_time()
        engine.stage("result", plain(lake, engine, mails=mails), "table")
        if side == "again":
            for name, sql in again(lake, engine, folder, then, mails=mails):
                engine.stage(name, sql, "table")
    else:
        begun = ours(folder, engine, then if side == "brief" else None)
    spent = process_time() - begun
    most = most_megabytes()
    names = PLAIN.values() if by_hand else PLAIN
    sums = ", ".join(f"sum(CAST(round({n}, 6) AS DECIMAL(38, 6)))::VARCHAR" for n in names)
    told = engine.rows(f"SELECT {sums} FROM {'result' if by_hand else 'raw'}")
    moved = {"again": "changes", "brief": "elapsed"}.get(side)
    count = engine.one(f"SELECT count(*) FROM {moved}") if moved else None
    print(json.dumps({"cpu": spent, "mb": most, "sums": told, "moved": count}))
    engine.close()


def most_megabytes() -> float:
    """The most memory that this program held. What the system counts for a process begins with the
    one that started it, which may have been larger."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (kept,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(kept.split()[1]) / 1024


def ours(folder: Path, engine: Any, then: datetime | None) -> float:
    """The stages of a run, and every column of the results; when they began. With lines for fields
    if there are scores of `then`."""
    from connector.sync.score import stage_inputs

    stage_inputs(Place(folder, model()).app, engine)
    begun = process_time()
    if then:
        for name, file in files_of(folder, then).items():
            engine.stage(f"lake_{name}", f"SELECT * FROM read_parquet('{file}')")
    for stage in stages(model(), as_of=AS_OF, brief=then is not None):
        engine.stage(stage.name, stage.sql, stage.kind)
    return begun


def files_of(folder: Path, then: datetime) -> dict[str, Path]:
    """Where the scores and measures of an earlier moment are."""
    return {name: folder / f"{name}-{then:%Y%m%d}.parquet" for name in ("scores", "measures")}


def kept(folder: Path, then: datetime) -> None:
    """Keep an earlier score of every account, once, in a process whose memory is not measured."""
    if all(file.exists() for file in files_of(folder, then).values()):
        return
    command = [sys.executable, "-m", "tests.bench_scoring", "--keep", str(folder), then.isoformat()]
    subprocess.run(command, check=True)


def keep(folder: Path, then: datetime) -> None:
    """Score as of an earlier moment and write down what would be kept of it."""
    from connector.sync.score import stage_inputs

    engine = DuckDB(memory="512MB", threads=2, scratch=folder / "spill-kept")
    stage_inputs(Place(folder, model()).app, engine)
    for stage in stages(model(), as_of=then):
        engine.stage(stage.name, stage.sql, stage.kind)
    for name, file in files_of(folder, then).items():
        engine.export(f"SELECT * FROM {name}", str(file), 100_000)
    engine.close()


def aggregates(at: str) -> str:
    """The aggregates over activities, as of a moment."""
    return f"""
        count(*) FILTER (WHERE kind = 'meeting' AND status = 'held'
                         AND occurred_at > {at} - INTERVAL 90 DAY) AS held,
        100.0 * count(*) FILTER (WHERE kind = 'meeting' AND status = 'no_show'
                                 AND occurred_at > {at} - INTERVAL 180 DAY)
          / nullif(count(*) FILTER (WHERE kind = 'meeting' AND status IN ('held', 'no_show')
                                    AND occurred_at > {at} - INTERVAL 180 DAY), 0) AS missed,
        100.0 * count(*) FILTER (WHERE kind = 'email' AND direction = 'in'
                                 AND occurred_at > {at} - INTERVAL 90 DAY)
          / nullif(count(*) FILTER (WHERE kind = 'email' AND direction IN ('in', 'out')
                                    AND occurred_at > {at} - INTERVAL 90 DAY), 0) AS answered,
        count(DISTINCT contact_id) FILTER (WHERE contact_id IS NOT NULL
                                           AND occurred_at > {at} - INTERVAL 180 DAY) AS people"""


def moment(at: datetime) -> str:
    """A moment as a literal."""
    return f"TIMESTAMPTZ '{at.isoformat()}'"


def acts(lake: Lake, engine: Any, *, mails: bool) -> str:
    """The activities of a year. With `mails` a mail counts once, by its message, and is where that
    says, or where its task says."""
    accounts, activities = streams(lake, engine)
    at = moment(AS_OF)
    when = f"occurred_at > {at} - INTERVAL 365 DAY AND occurred_at <= {at} AND NOT deleted"
    if not mails:
        return f"""
    SELECT account_id, kind, status, direction, contact_id, occurred_at
    FROM ({activities}) WHERE {when}"""
    return f"""
    SELECT account_id, kind, status, direction, contact_id, occurred_at
    FROM ({activities}) AS r LEFT JOIN (
      SELECT same_as AS id FROM ({activities}) WHERE same_as IS NOT NULL AND NOT deleted
    ) AS t USING (id) WHERE {when} AND r.same_as IS NULL AND t.id IS NULL
    UNION ALL
    SELECT coalesce(a.id, t.account_id), r.kind, r.status, r.direction, t.contact_id, r.occurred_at
    FROM (SELECT * FROM ({activities}) WHERE {when} AND same_as IS NOT NULL) AS r
    JOIN ({activities}) AS t ON t.id = r.same_as
    LEFT JOIN (SELECT id FROM ({accounts})) AS a ON a.id = r.about_id"""


def streams(lake: Lake, engine: Any) -> tuple[str, ...]:
    """Accounts and activities as they are in the lake."""
    names = ("accounts", "activities")
    return tuple(lake.every(name, engine, STREAMS[name].all_columns) for name in names)


def values(accounts: str, at: str) -> str:
    """The measures of every account; their activities are `m`."""
    return f"""
      SELECT a.id, m.held, m.missed, m.answered, nullif(m.people, 0) AS people,
        CASE WHEN a.sentiment BETWEEN 1 AND 5 AND a.sentiment_at > {at} - INTERVAL 180 DAY
             THEN a.sentiment END AS opinion,
        CASE WHEN a.goals_total > 0
             THEN 100 * coalesce(a.goals_reached, 0) / a.goals_total END AS goals
      FROM ({accounts}) AS a LEFT JOIN m ON m.account_id = a.id WHERE NOT a.deleted"""


def plain(lake: Lake, engine: Any, *, mails: bool) -> str:
    """Measures, points, weighted mean and tier, written by hand."""
    at = moment(AS_OF)
    return f"""
    WITH acts AS ({acts(lake, engine, mails=mails)}), m AS (
      SELECT account_id, {aggregates(at)}
      FROM acts GROUP BY account_id
    ), v AS ({values(streams(lake, engine)[0], at)}), {scored()}"""


def again(
    lake: Lake, engine: Any, folder: Path, then: datetime, *, mails: bool
) -> Iterator[tuple[str, str]]:
    """What changed since an earlier score, by hand: the accounts whose points moved, the measures
    over their records of then, as of then and as of now, and what these come to."""
    files = files_of(folder, then)
    parts = [f"m.{name}.points AS q{n}" for n, name in enumerate(BY_POINTS, 1)]
    differ = [
        f"CAST(floor(r.p{n} * 10 + 0.5) AS INTEGER) IS DISTINCT FROM m.{name}.points"
        for n, name in enumerate(BY_POINTS, 1)
    ]
    yield (
        "moved",
        f"""
    SELECT r.id, s.score AS was, {", ".join(parts)}
    FROM result AS r JOIN read_parquet('{files["scores"]}') AS s ON s.account_id = r.id
    JOIN read_parquet('{files["measures"]}') AS m ON m.account_id = r.id
    WHERE {" OR ".join(differ)}""",
    )
    yield (
        "old",
        f"""
    SELECT r.* FROM ({acts(lake, engine, mails=mails)}) AS r JOIN moved AS m ON m.id = r.account_id
    WHERE r.occurred_at <= {moment(then)}""",
    )
    accounts = f"""
    SELECT a.* REPLACE (CASE WHEN sentiment_at <= {moment(then)} THEN sentiment END AS sentiment)
    FROM ({streams(lake, engine)[0]}) AS a JOIN moved AS m ON m.id = a.id"""
    for name, at in (("then_", moment(then)), ("now_", moment(AS_OF))):
        yield (
            name,
            f"""
    WITH m AS (SELECT account_id, {aggregates(at)} FROM old GROUP BY account_id),
    v AS ({values(accounts, at)}), {scored()}""",
        )
    steps = [
        f"r.p{n} - n.p{n} AS data{n}, CASE WHEN CAST(floor(t.p{n} * 10 + 0.5) AS INTEGER)"
        f" IS NOT DISTINCT FROM m.q{n} THEN n.p{n} - t.p{n} END AS age{n}"
        for n, _ in enumerate(BY_POINTS, 1)
    ]
    yield (
        "changes",
        f"""
    SELECT m.id, m.was, r.score, t.score AS score_then, n.score AS score_aged, {", ".join(steps)}
    FROM moved AS m JOIN result AS r ON r.id = m.id
    JOIN then_ AS t ON t.id = m.id JOIN now_ AS n ON n.id = m.id""",
    )


def scored() -> str:
    """Points, weighted mean and tier of the measures `v`."""
    return """p AS (
      SELECT *,
        CASE WHEN held IS NULL THEN NULL WHEN held <= 0 THEN 0 WHEN held <= 2 THEN 30 * held
             WHEN held <= 6 THEN 60 + (held - 2) * 10 ELSE 100 END AS p1,
        CASE WHEN missed IS NULL THEN NULL WHEN missed <= 20 THEN 100 - 2 * missed
             WHEN missed <= 50 THEN 60 - (missed - 20) * 2 ELSE 0 END AS p2,
        CASE WHEN answered IS NULL THEN NULL WHEN answered <= 20 THEN 10 + answered * 2.5
             WHEN answered <= 40 THEN 60 + (answered - 20) * 2 ELSE 100 END AS p3,
        CASE WHEN people IS NULL THEN NULL WHEN people <= 1 THEN 30
             WHEN people <= 3 THEN 30 + (people - 1) * 25
             WHEN people <= 5 THEN 80 + (people - 3) * 10 ELSE 100 END AS p4,
        CASE WHEN opinion IS NULL THEN NULL WHEN opinion <= 3 THEN (opinion - 1) * 25
             WHEN opinion <= 4 THEN 50 + (opinion - 3) * 30 ELSE 80 + (opinion - 4) * 20 END AS p5,
        CASE WHEN goals IS NULL THEN NULL WHEN goals <= 50 THEN goals * 1.2
             WHEN goals <= 100 THEN 60 + (goals - 50) * 0.8 ELSE 100 END AS p6
      FROM v
    ), e AS (
      SELECT *, (coalesce(p1 * 3, 0) + coalesce(p2, 0) + coalesce(p3 * 2, 0)
                 + coalesce(p4 * 2, 0))
        / nullif(CASE WHEN p1 IS NULL THEN 0 ELSE 3 END + CASE WHEN p2 IS NULL THEN 0 ELSE 1 END
          + CASE WHEN p3 IS NULL THEN 0 ELSE 2 END
          + CASE WHEN p4 IS NULL THEN 0 ELSE 2 END, 0) AS engagement FROM p
    ), s AS (
      SELECT *, (coalesce(engagement * 15, 0) + coalesce(p5 * 15, 0) + coalesce(p6 * 10, 0))
        / nullif(CASE WHEN engagement IS NULL THEN 0 ELSE 15 END
          + CASE WHEN p5 IS NULL THEN 0 ELSE 15 END
          + CASE WHEN p6 IS NULL THEN 0 ELSE 10 END, 0) AS score FROM e
    )
    SELECT *, CASE WHEN score >= 80 THEN 'A' WHEN score >= 60 THEN 'B' WHEN score >= 40 THEN 'C'
                   WHEN score IS NOT NULL THEN 'D' END AS tier FROM s"""


def measured(side: str, folder: Path, days: int) -> dict[str, Any]:
    """One side in a fresh process."""
    command = [sys.executable, "-m", "tests.bench_scoring", "--side", side, str(folder), str(days)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return dict(json.loads(done.stdout))


def table(accounts: int, each: int, *, mails: bool = False, days: int = 1) -> dict[str, float]:
    """All sides over one lake; their CPU seconds."""
    folder, spent, told, moved = filled(accounts, each, mails=mails), {}, [], []
    said = ", of them 6 in 10 logged mails" if mails else ""
    print(f"\n{accounts:,} accounts · {accounts * each:,} activities{said}")
    print(f"{'':<8}{'CPU s':>8}{'µs each':>10}{'× plain':>9}{'× again':>9}{'peak MB':>9}")
    for side in SIDES:
        found = measured(side, folder, days)
        spent[side] = found["cpu"]
        told.append(found["sums"])
        moved.append(found["moved"])
        line = f"{side:<8}{found['cpu']:>8.2f}{found['cpu'] / accounts * 1e6:>10.1f}"
        line += f"{found['cpu'] / spent['plain']:>9.2f}"
        line += f"{found['cpu'] / spent['again']:>9.2f}" if side == "brief" else " " * 9
        print(f"{line}{found['mb']:>9.0f}", flush=True)
    if told != told[:1] * len(told) or abs(moved[2] - moved[3]) > accounts / 10_000:
        raise SystemExit(f"The sides measure different things: {told}, {moved}")
    print(f"{moved[3]:,} accounts have other points than {days} days before")
    return spent


def main() -> None:
    words = sys.argv[1:]
    if words[:1] == ["--side"]:
        run(words[1], Path(words[2]), int(words[3]))
        return
    if words[:1] == ["--keep"]:
        keep(Path(words[1]), datetime.fromisoformat(words[2]))
        return
    days = int(words.pop(words.index("--days") + 1)) if "--days" in words else 1
    numbers = [int(each) for each in words if each.isdigit()] or [1_000_000]
    if "--growth" in words:
        spent = {size: table(size, 10, days=days) for size in numbers}
        first, last = min(spent), max(spent)
        growth = partial(math.log, spent[last]["ours"] / spent[first]["ours"])
        print(f"\nexponent of ours: {growth() / math.log(last / first):.2f}")
    else:
        each = numbers[1] if len(numbers) > 1 else 10
        table(numbers[0], each, mails="--mails" in words, days=days)


if __name__ == "__main__":
    main()
