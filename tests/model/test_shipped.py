"""The model that is shipped: right, proven by its examples, understood by two engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import duckdb
import pytest
import sqlglot

from connector.engines.spark_sql import spark
from connector.errors import ConfigError
from connector.model import examples, files, results
from connector.model.explain import explanation
from connector.model.stages import SCORES, stages
from connector.records import MOMENT, NUMBER
from tests.model.lake import AS_OF, SHIPPED, Lake, ago, answer, only, shipped

SEVEN = [
    "csm_sentiment",
    "customer_sentiment",
    "engagement",
    "advocacy",
    "adoption",
    "outcomes",
    "support",
]


def judged(model):
    """What every example got wrong, by its place."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for example in examples.statements(model):
        cursor = db.execute(example.sql)
        row = dict(zip([each[0] for each in cursor.description], cursor.fetchone(), strict=True))
        yield example, examples.judge(example, row)


def test_its_examples_hold():
    """Each runs through the SQL of production."""
    assert [mistake for _, mistake in judged(shipped()) if mistake] == []


def test_a_changed_measure_breaks_its_example():
    """Examples are able to fail."""
    text = SHIPPED.read_text().replace(
        "points = [[0, 0], [2, 60], [6, 100]]", "points = [[0, 9], [2, 60], [6, 100]]"
    )
    model, problems = files.read(text, "health.toml")
    assert model is not None, problems
    wrong = [mistake for _, mistake in judged(model) if mistake]
    assert {m.path[0] for m in wrong} == {"measures"}
    assert "points" in wrong[0].what


def test_every_scored_measure_has_an_example():
    """A number that nobody has worked out by hand is not trusted."""
    assert [m.name for m in shipped().scored if not m.examples] == []


def test_it_has_the_seven_ingredients():
    """Each with at least one scored measure."""
    assert list(shipped().live_groups) == SEVEN


def test_every_text_is_in_both_languages():
    """Labels of measures, caps and checks, and the reasons."""
    model = shipped()
    items = [*model.measures, *model.caps, *model.blind_spots, model.override, *model.checks]
    items += model.alerts
    assert [i.name for i in items if set(i.label) != {"en", "de"}] == []
    assert [m.name for m in model.scored if set(m.reason) != {"en", "de"}] == []


def test_every_stage_is_understood_by_spark():
    """As production translates them, which refuses by name what may give another value."""
    for stage in stages(shipped(), as_of=AS_OF, brief=True):
        spark(stage.sql)
    with pytest.raises(ConfigError, match=r"(?i)median"):
        spark(f"SELECT median(n) AS n FROM (SELECT count(*) AS n FROM ({stage.sql}) AS s) AS t")


def test_no_stage_reads_a_clock():
    """Every moment is a literal."""
    for stage in stages(shipped(), as_of=AS_OF, brief=True):
        tree = sqlglot.parse_one(stage.sql, read="duckdb")
        assert tree.find(sqlglot.exp.CurrentTimestamp, sqlglot.exp.CurrentDate) is None


def test_stages_have_the_agreed_names():
    """What comes after relies on them."""
    names = {stage.name for stage in stages(shipped(), as_of=AS_OF)}
    agreed = {
        "accounts",
        "successor",
        "placements",
        "raw",
        "measures",
        "scores",
        "oddities",
        "results",
    }
    assert agreed <= names


def test_the_declared_columns_are_those_that_come_out():
    """Results for mappings, scores for the lake."""
    lake = Lake().put("accounts", id="001").run(shipped())
    found = lake.rows("SELECT column_name FROM (DESCRIBE results)")
    assert sorted(found) == sorted(results.columns(shipped()))
    types = dict(lake.rows("SELECT column_name, column_type FROM (DESCRIBE scores)"))
    assert types == {
        n: k.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE") for n, k in SCORES.items()
    }


def test_result_types_are_as_declared():
    """Numbers are numbers and moments moments, so that a mapping can be checked offline."""
    lake = Lake().put("accounts", id="001").run(shipped())
    real = dict(lake.rows("SELECT column_name, column_type FROM (DESCRIBE results)"))
    declared = results.columns(shipped())
    named = {MOMENT: "TIMESTAMP WITH TIME ZONE"}
    wrong = [n for n, kind in declared.items() if real[n] != named.get(kind, kind)]
    assert wrong == []
    assert (declared["nps"], declared["last_response_at"]) == (NUMBER, MOMENT)


def test_a_decider_who_has_become_unhappy_is_an_alert():
    """Of the last month, by the word of that person alone; a user's is a number like others."""
    lake = Lake()
    people = {"001": ("Decision maker", 5), "002": ("User", 0), "003": ("Decision maker", 50)}
    for id, (role, days) in people.items():
        mail = f"{id}@x.example"
        lake.put("accounts", id=id)
        lake.put("contacts", id=f"c{id}", account_id=id, email=mail, role=role)
        answer(lake, f"r{id}", 6, days, account_key=id, email=mail)
    lake.run(shipped())
    assert lake.rows("SELECT id, alerts FROM results ORDER BY id") == [
        ("001", ["decider_unhappy"]), ("002", []), ("003", []),
    ]  # fmt: skip
    assert lake.rows("SELECT id FROM oddities WHERE rule = 'decider_unhappy'") == ["001"]


def test_goodwill_and_willingness_are_told_apart():
    """One picklist, two measures: whoever keeps quiet has all the goodwill of a reference."""
    lake = Lake()
    for id in ("Reference", "Quiet advocate", "Neutral", "Critic"):
        lake.put("accounts", id=id, advocacy=id, sentiment=3, sentiment_at=AS_OF)
    lake.run(shipped())
    points = "goodwill.points, willingness.points"
    found = {id: told for id, *told in lake.rows(f"SELECT account_id, {points} FROM measures")}
    assert found == {
        "Reference": [1000, 1000], "Quiet advocate": [1000, None],
        "Neutral": [500, None], "Critic": [0, None],
    }  # fmt: skip
    assert lake.score("Quiet advocate") == lake.score("Reference") > lake.score("Neutral")
    told = [explanation(shipped(), lake.row(id)) for id in ("Reference", "Quiet advocate")]
    named = [{c["name"] for c in each["contributions"]} for each in told]
    assert named == [
        {"csm_sentiment", "goodwill", "willingness"}, {"csm_sentiment", "goodwill"},
    ]  # fmt: skip


def customers(*ids: str) -> Lake:
    """Accounts of which their manager thinks well, and nothing else is known."""
    lake = Lake()
    for id in ids:
        lake.put("accounts", id=id, sentiment=4, sentiment_at=ago(1))
    return lake


ADOPTION = ("usage_trend", "days_since_use", "features_used")


def test_adoption_never_rises_while_nobody_uses_it():
    """From the last use on, through every window of a measure and past all of them; and then it is
    still known that it is not used."""
    lake = customers("001")
    for day in (20, 12, 5, 0):
        lake.put(
            "signals", id=f"u{day}", account_key="001", kind="usage", name="report", value=90,
            occurred_at=ago(day),
        )  # fmt: skip
    model, scored, known = only(*ADOPTION), [], []
    for days in (10, 31, 59, 61, 90, 366, 800):
        now = AS_OF + timedelta(days=days)
        lake.db.execute(f"UPDATE lake_accounts SET sentiment_at = '{ago(1, now)}'")
        scored.append(lake.run(model, now).score())
        known.append([lake.value(each) is not None for each in ADOPTION])
    assert scored == sorted(scored, reverse=True)
    assert scored[0] > scored[-1]
    assert all(days and features for _, days, features in known)


def test_of_a_customer_whose_use_was_never_told_nothing_is_known():
    """Also where the use of others is."""
    lake = customers("001", "002")
    lake.put(
        "signals", id="u", account_key="002", kind="usage", name="x", value=1, occurred_at=ago(40)
    )
    lake.run(only(*ADOPTION))
    assert [lake.value(each, "001") for each in ADOPTION] == [None, None, None]
    assert [lake.value(each, "002") for each in ADOPTION] == [-100, 40, 0]


def test_the_last_ticket_that_grows_old_is_good_news():
    """And stays so: whoever had tickets has none now. Of whoever never had one nothing is known."""
    lake, model, scored = customers("001", "002"), only("ticket_load"), []
    lake.put("tickets", id="t", account_id="001", priority="high", opened_at=ago(89))
    for days in (0, 2, 900):
        now = AS_OF + timedelta(days=days)
        lake.db.execute(f"UPDATE lake_accounts SET sentiment_at = '{ago(1, now)}'")
        scored.append(lake.run(model, now).score())
    assert scored[0] < scored[1] == scored[2]
    assert (lake.value("ticket_load"), lake.value("ticket_load", "002")) == (0, None)
    assert "No tickets in 90 days" in lake.row()["reason_en"]
    assert "Keine Tickets in 90 Tagen" in lake.row()["reason_de"]


def test_invoices_count_that_were_paid_late():
    """Each by when it was paid, and an open one by today; what came in time is no mark."""
    days = {"late": (170, 10), "in time": (170, 175), "open": (30, None), "not yet due": (-9, None)}
    lake = customers(*days)
    for id, (due, settled) in days.items():
        lake.put(
            "signals", id=id, account_key=id, kind="invoice", value=900, occurred_at=ago(200),
            due_at=ago(due), settled_at=None if settled is None else ago(settled),
        )  # fmt: skip
    names = ("invoice_overdue_days", "paid_late_days")
    lake.run(only(*names))
    assert {id: [lake.value(each, id) for each in names] for id in days} == {
        "late": [0, 160], "in time": [0, 0], "open": [30, None], "not yet due": [0, None],
    }  # fmt: skip
    scored = {id: lake.score(id) for id in days}
    assert scored["late"] < scored["in time"] == scored["not yet due"]
    assert "Invoices paid 160 days late on average" in lake.row("late")["reason_en"]


TEXT = SHIPPED.read_text()


def version(old: str, new: str) -> str:
    assert old in TEXT
    model, problems = files.read(TEXT.replace(old, new, 1), "health.toml")
    assert model is not None, problems
    return model.version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('en = "Meetings held"', 'en = "Meetings"'),
        ("# ── 2", "# two ──"),
        ('en = "Open urgent ticket"', 'en = "Urgent!"'),
        ('value  = "avg(satisfaction)"', 'value  = "AVG( satisfaction )"'),
        ('reason = { en = "{value} {meet', 'reason = { en = "{value} nice {meet'),
        ('zero   = { en = "Used today"', 'zero   = { en = "Used right now"'),
    ],
)
def test_words_do_not_make_a_new_version(old, new):
    """Labels, comments, reasons and the spelling of SQL."""
    assert version(old, new) == shipped().version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("adoption           = 20", "adoption           = 25"),
        ("points = [[0, 0], [2, 60], [6, 100]]", "points = [[0, 0], [2, 61], [6, 100]]"),
        ("age_days < 90)", "age_days < 91)"),
        ("hysteresis = 2", "hysteresis = 3"),
        ("C = 40", "C = 41"),
        ('when  = "known_groups < 3"', 'when  = "known_groups < 2"'),
        ('half_life = "180d"', 'half_life = "181d"'),
    ],
)
def test_numbers_make_a_new_version(old, new):
    """Weights, points, SQL, tiers, caps."""
    model, _ = files.read(TEXT.replace(old, new, 1), "health.toml")
    # Some of these changes contradict an example; the version is that of the definition alone.
    assert model is not None
    assert model.version != shipped().version


def test_a_version_is_12_hex_digits():
    """Short enough to be shown."""
    assert len(shipped().version) == 12
    assert int(shipped().version, 16) >= 0
    assert replace(shipped(), examples=()).version == shipped().version
