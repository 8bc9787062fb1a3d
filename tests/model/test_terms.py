"""What made every score change, by column: the same terms and words as `explain` has for one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from connector.model import ageing
from connector.model.definition import HealthModel, Measure, Rule, Segment
from connector.model.explain import explanation
from connector.model.reasons import LANGUAGES
from tests.model.earlier import keep, run
from tests.model.lake import AS_OF, Lake, ago, answer, shipped

ACCOUNTS, LATER = 60, 40
IDS = [f"{n:03}" for n in range(ACCOUNTS)]


def models() -> tuple[HealthModel, HealthModel]:
    """The shipped model with a segment, and as it was before: it weighed otherwise, one measure had
    another SQL, one is new, one was there. A rule that never holds keeps advice away, of which
    `explain` knows more."""
    never = Rule("never", "score < 0", "D")
    segment = Segment("busy", "employees > 50", {"engagement": 40})
    worst = {"csm_sentiment": "worst"}
    model = replace(shipped(), rules=(never,), segments=(segment,), group_missing=worst)  # type: ignore[arg-type]
    gone = Measure(
        name="size", stream="accounts", value="employees", group="adoption",
        points=((0, 0), (100, 100)),
    )  # fmt: skip
    measures = [
        replace(each, value="count(*)", window=30) if each.name == "meetings_held" else each
        for each in (*model.measures, gone)
        if each.name != "ticket_load"
    ]
    groups = {**model.groups, "csm_sentiment": 90}
    return model, replace(model, groups=groups, measures=tuple(measures))


def happens(lake: Lake, random: Random, id: str, since: float, until: float, tag: str) -> None:
    """What comes to an account between two numbers of days ago."""

    def when() -> str:
        return ago(random.uniform(until, since))

    for n in range(random.randrange(3)):
        answer(lake, f"r{tag}{n}-{id}", random.randrange(11), random.uniform(until, since),
               account_key=id, email=f"{random.randrange(3)}@{id}.example")  # fmt: skip
    for n in range(random.randrange(4)):
        held = random.choice(["held", "no_show"])
        lake.put("activities", id=f"a{tag}{n}-{id}", account_id=id, kind="meeting", status=held,
                 contact_id=f"c{random.randrange(5)}", occurred_at=when())  # fmt: skip
    for n in range(random.randrange(4)):
        lake.put("signals", id=f"s{tag}{n}-{id}", account_key=id, kind="usage", name=f"f{n}",
                 value=random.randrange(1, 9), occurred_at=when())  # fmt: skip
    for n in range(random.randrange(3)):
        opened = random.uniform(until, since)
        done = opened - random.uniform(0, 9)
        lake.put("tickets", id=f"t{tag}{n}-{id}", account_id=id, opened_at=ago(opened),
                 priority=random.choice(["urgent", "high", "low"]), is_closed=done > until,
                 closed_at=ago(done) if done > until else None)  # fmt: skip


@pytest.fixture(scope="module")
def lake() -> Lake:
    """Accounts that were scored under this model or another one, and what came after."""
    lake, random, (model, other) = Lake(), Random(7), models()
    for id in IDS:
        is_fine = id[-1] in "36"
        lake.put("accounts", id=id, employees=random.randrange(100), created_at=ago(900),
                 sentiment=5 if is_fine else random.choice([None, 1, 3, 5]),
                 sentiment_at=ago(random.randrange(140)),
                 advocacy="Reference" if is_fine else random.choice([None, "Critic", "Neutral"]),
                 goals_total=4 if is_fine else random.choice([None, 4]),
                 goals_reached=4 if is_fine else random.randrange(4))  # fmt: skip
        if is_fine:  # until, or since, a ticket is open
            opened, closed = (9, ago(-20)) if id[-1] == "6" else (-30, None)
            lake.put("tickets", id=f"u-{id}", account_id=id, priority="urgent", closed_at=closed,
                     is_closed=bool(closed), opened_at=ago(opened))  # fmt: skip
            continue
        if id[-1] == "0":  # all that happens is that answers grow old
            for n, (score, days) in enumerate(((10, 345), (7, 100))):
                answer(lake, f"r{n}-{id}", score, days, account_key=id, email=f"{n}@{id}.example")
            continue
        happens(lake, random, id, 360, 0, "before")
    keep(run(lake, other), other)
    keep(run(lake, model, 1), model)
    for table in ("lake_scores", "lake_measures"):
        lake.db.execute(
            f"DELETE FROM {table} WHERE account_id LIKE '%5' AND model = '{model.version}'"
        )
    change = lake.db.execute
    for id in IDS:
        if int(id) % 3 and id[-1] not in "360":
            happens(lake, random, id, -1, -LATER, "after")
    change("UPDATE lake_accounts SET sentiment = 2, sentiment_at = ? WHERE id LIKE '%7'", [ago(-9)])
    change("UPDATE lake_accounts SET sentiment = NULL WHERE id LIKE '%1'")
    change("UPDATE lake_accounts SET goals_total = NULL WHERE id LIKE '%4'")
    change("UPDATE lake_accounts SET employees = 99 WHERE id LIKE '%9'")
    change("DELETE FROM lake_activities WHERE id LIKE 'abefore0-%2'")
    change("UPDATE lake_responses SET score = 0 WHERE id LIKE 'rbefore0-%1'")
    change("UPDATE lake_accounts SET override_tier = 'D', override_until = ? WHERE id LIKE '%8'",
           [date(2027, 1, 1)])  # fmt: skip
    return run(lake, model, LATER)


def dicts(db: Any, sql: str) -> dict[str, dict[str, Any]]:
    """The rows of a query by their first column."""
    found = db.execute(sql)
    names = [each[0] for each in found.description]
    return {row[0]: dict(zip(names, row, strict=True)) for row in found.fetchall()}


@pytest.fixture(scope="module")
def explained(lake: Lake) -> dict[str, Any]:
    """What `explain` says of every account, from the rows that it reads."""
    latest = "QUALIFY row_number() OVER (PARTITION BY account_id ORDER BY as_of DESC) = 1"
    scores = dicts(lake.db, f"SELECT * EXCLUDE (as_of), CAST(as_of AS VARCHAR) AS as_of"
                   f" FROM lake_scores {latest}")  # fmt: skip
    measures = dicts(lake.db, f"SELECT * EXCLUDE (as_of, model) FROM lake_measures {latest}")
    aged = dicts(lake.db, "SELECT a.id, t.* FROM aged AS t JOIN accounts AS a ON a.key = t.key")
    model, _ = models()
    return {
        id: explanation(
            model, lake.row(id), {**scores[id], **measures[id]}, ageing.read(model, aged.get(id))
        )
        for id in IDS
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_is_that_of_explain(lake: Lake, explained: dict[str, Any], language: str):
    """Letter by letter, for every account."""
    told = dict(lake.rows(f"SELECT id, brief_{language} FROM results"))
    assert told == {id: found["brief"][language] for id, found in explained.items()}


def test_every_term_is_that_of_explain(lake: Lake, explained: dict[str, Any]):
    """In tenths, in the same order, and in whole numbers that add up."""
    many = 2 * len(models()[0].scored) + 3
    listed = ", ".join(f"t.d{j}" for j in range(many))
    rows = lake.rows(f"SELECT a.id, {listed} FROM terms AS t JOIN accounts AS a ON a.key = t.key")
    found = {id: [each for each in deltas if each] for id, *deltas in rows}
    changes = {id: e["change"] for id, e in explained.items() if e["change"]}
    assert {id: deltas for id, deltas in found.items() if deltas} == {
        id: [round(term["delta"] * 10) for term in change["terms"]]
        for id, change in changes.items()
        if change["terms"]
    }
    scores = "SELECT a.id, g.score_before FROM gains AS g JOIN accounts AS a ON a.key = g.key"
    before = dict(lake.rows(f"{scores} WHERE g.score_before IS NOT NULL"))
    assert before == {id: round(change["from"] * 10) for id, change in changes.items()}
    assert len(found) < len(before), "accounts without any change have no row"
    for change in changes.values():
        ends = change["shown"]
        assert sum(each["shown"] for each in change["terms"]) == ends["to"] - ends["from"]


def test_nothing_that_may_happen_is_missing_here(explained: dict[str, Any]):
    """Every cause is among those lines, more than once, and age beside data of one measure."""
    causes = Counter(
        term["cause"]
        for found in explained.values()
        for term in (found["change"] or {"terms": ()})["terms"]
        if term["shown"] and not term["reweighed"]
    )
    assert all(causes[each] > 2 for each in ("model", "age", "data", "cap", "override")), causes
    lines = " ".join(found["brief"]["en"] for found in explained.values())
    assert "days old −" in lines
    assert "(older) " in lines
    assert "new model" in lines
    assert "unknown, counts as worst" in lines


def test_what_ages_is_the_same_for_one_account_and_for_all(lake: Lake):
    """`explain` looks at the records of one, a run at those of all that moved."""
    model, _ = models()
    bulk = dicts(lake.db, "SELECT a.id, t.* FROM aged AS t JOIN accounts AS a ON a.key = t.key")
    for id in ("001", "011", "017"):
        apart = lake.db.cursor()
        apart.execute("SET TimeZone = 'UTC'")
        before, now = AS_OF + timedelta(days=1), AS_OF + timedelta(days=LATER)
        for stage in ageing.alone(model, id, before, now):
            apart.execute(f"CREATE OR REPLACE TEMP {stage.kind} {stage.name} AS {stage.sql}")
        (found,) = dicts(apart, f"SELECT '{id}' AS id, * FROM aged").values()
        assert ageing.read(model, found) == ageing.read(model, bulk[id])
