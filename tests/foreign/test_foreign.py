"""The same job on data that nobody here made; every number is worked out again from the files."""

from __future__ import annotations

import csv
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.engines.duckdb import DuckDB
from connector.model.card import Coverage, card
from connector.records import STREAMS
from connector.sync.coverage import coverage
from tests.conftest import SHARED
from tests.world import ROOT, World, loaded

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not SHARED.is_dir() and not os.environ.get("CI"),
        reason="the data sets lie beside the checkout, and are not there",
    ),
]

DATA = SHARED / "data"
SPECS = Path(__file__).parents[1] / "load"
RECORDED = DATA / "api_payloads" / "zenloop" / "records.json"


def rows(folder: str, name: str) -> list[dict[str, str]]:
    with (DATA / folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def odd(receipt: Any) -> dict[tuple[str, str], int]:
    return {(o["stream"], o["rule"]): o["count"] for o in receipt.odd}


def table(here: World, sql: str) -> list[tuple[Any, ...]]:
    """Ask the lake, as any reader of Delta tables would."""
    app = here.app()
    engine = DuckDB(scratch=here.folder / "spill")
    for stream in STREAMS:
        newest = app.lake.newest(stream, engine, STREAMS[stream].all_columns, ("source", "id"))
        engine.stage(stream, newest)
    measures = dict.fromkeys(app.lake.columns("measures"), "VARCHAR")
    engine.stage("measures", app.lake.every("measures", engine, measures))
    found = engine.rows(sql)
    engine.close()
    return found


def covered(here: World) -> Coverage:
    """The coverage that the model card shows."""
    app = here.app()
    engine = DuckDB(scratch=here.folder / "spill")
    found = coverage(app.lake, engine, app.model)
    engine.close()
    assert found is not None
    return found


def missing(here: World) -> list[str]:
    """The measures that the card says are known of no account."""
    lines = card(here.app().model, "en", covered(here)).splitlines()
    told = [line.strip("| ").split(" | ") for line in lines if line.endswith("| 0 % |")]
    return [cells[-4] for cells in told]


def also_pulled(here: World, name: str) -> None:
    """Give the installation the shipped mapping and what this data set has besides."""
    shipped = (ROOT / "mappings" / "salesforce.toml").read_text()
    more = Path(__file__).with_name(f"{name}.pulls.toml").read_text()
    (here.folder / "mine.toml").write_text(shipped + more)
    mine = str(here.folder / "mine.toml")
    text = here.config.read_text()
    here.config.write_text(text.replace(f"{ROOT}/mappings/salesforce.toml", mine))


# ── CRM sales opportunities ───────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def maven(tmp_path_factory) -> Iterator[tuple[World, Any]]:
    folder = tmp_path_factory.mktemp("maven")
    spec = SPECS / "crm_sales_opportunities.toml"
    with loaded(folder, DATA / "crm_sales_opportunities", spec) as here:
        also_pulled(here, "crm_sales_opportunities")
        here.ready()
        yield here, here.sync()


def test_every_account_and_opportunity_arrives(maven):
    """85 and 8,800; US dates, missing dates and missing values included."""
    _, done = maven
    deals = rows("crm_sales_opportunities", "sales_pipeline.csv")
    accounts = rows("crm_sales_opportunities", "accounts.csv")
    assert done.exit == 0
    assert done.streams["accounts"]["new"] == len(accounts) == 85
    assert done.streams["opportunities"]["new"] == len(deals) == 8800


def test_deals_without_account_are_counted_and_listed(maven):
    """Neither dropped nor guessed at."""
    _, done = maven
    deals = rows("crm_sales_opportunities", "sales_pipeline.csv")
    orphans = sum(not deal["account"] for deal in deals)
    assert odd(done)[("opportunities", "opportunity_without_account")] == orphans == 1425
    listed = next(o for o in done.odd if o["rule"] == "opportunity_without_account")
    assert len(listed["ids"]) == 20


def test_won_revenue_by_account_is_what_the_file_says(maven):
    """Joined by ids here, by names there."""
    here, _ = maven
    expected: dict[str, float] = defaultdict(float)
    for deal in rows("crm_sales_opportunities", "sales_pipeline.csv"):
        if deal["deal_stage"] == "Won":
            expected[deal["account"]] += float(deal["close_value"])
    found = table(
        here,
        "SELECT a.name, sum(o.amount) FROM opportunities o JOIN accounts a ON a.id = o.account_id "
        "WHERE o.is_won GROUP BY 1",
    )
    assert {name: round(total, 2) for name, total in found} == dict(expected)


def test_products_keep_the_name_they_have(maven):
    """`GTXPro` is not `GTX Pro`; nothing is corrected in silence."""
    here, done = maven
    deals = rows("crm_sales_opportunities", "sales_pipeline.csv")
    known = {row["product"] for row in rows("crm_sales_opportunities", "products.csv")}
    strange = sum(deal["product"] not in known for deal in deals)
    assert odd(done)[("opportunities", "product_not_in_catalogue")] == strange == 1480
    found = dict(table(here, "SELECT product, count(*) FROM opportunities GROUP BY 1"))
    assert found == Counter(deal["product"] for deal in deals)
    assert (found["GTXPro"], "GTX Pro" in found) == (1480, False)


def test_without_any_signal_nothing_is_claimed(maven):
    """No activity, no answer, no ticket: unknown, which is neither zero nor neutral."""
    here, done = maven
    assert (done.accounts, done.scored, done.tiers) == (85, 0, {})
    held = here.held("Health_Score__c", "Health_Tier__c", "NPS__c")
    assert all(value is None for cell in held.values() for value in cell.values())


def test_coverage_says_that_nothing_is_known(maven):
    """Deals alone feed no measure of the shipped model: each is known of 0 % on the card."""
    here, _ = maven
    found = covered(here)
    assert (found.accounts, found.confidence) == (85, 0)
    assert found.known == dict.fromkeys(found.known, 0)
    assert set(missing(here)) == {each.label["en"] for each in here.app().model.scored}


# ── RavenStack ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def raven(tmp_path_factory) -> Iterator[tuple[World, Any, Any]]:
    folder = tmp_path_factory.mktemp("raven")
    spec = SPECS / "ravenstack.toml"
    with loaded(folder, DATA / "ravenstack", spec, RECORDED) as here:
        also_pulled(here, "ravenstack")
        here.ready()
        done = here.sync()
        yield here, done, here.sync()


def test_all_of_it_arrives(raven):
    """Accounts, tickets, subscriptions and usage, the duplicated usage ids included."""
    _, done, _ = raven
    assert done.exit == 0
    assert done.streams["accounts"]["new"] == 500
    assert done.streams["tickets"]["new"] == 2000
    assert done.streams["signals"]["new"] == 25_000 + 5_000


def test_usage_that_precedes_its_subscription_is_counted(raven):
    """19,142 of 25,000 rows: taken, and reported."""
    _, done, _ = raven
    starts = {
        row["subscription_id"]: row["start_date"]
        for row in rows("ravenstack", "ravenstack_subscriptions.csv")
    }
    early = sum(
        row["usage_date"] < starts[row["subscription_id"]]
        for row in rows("ravenstack", "ravenstack_feature_usage.csv")
    )
    assert odd(done)[("signals", "usage_before_subscription")] == early == 19_142


def test_every_account_is_scored_and_written_once(raven):
    """And a second run finds nothing to do."""
    here, done, again = raven
    assert done.scored == done.changes["applied"] == 500
    assert again.changes["planned"] == 0
    assert set(Counter(row["id"] for row in here.writes()).values()) == {1}


def test_measures_are_what_a_plain_script_makes_of_the_files(raven):
    """Tickets in 90 days by urgency, features used in 30 days, days since the last use: 0 where
    there was none lately, and nothing where there never was."""
    here, done, _ = raven
    # The run is seconds after midnight: what happened at midnight a window ago is out.
    as_of = date.fromisoformat(done.as_of[:10])
    account_of = {
        row["subscription_id"]: row["account_id"]
        for row in rows("ravenstack", "ravenstack_subscriptions.csv")
    }
    weights = {"urgent": 4, "high": 2, "low": 0.5}
    load: dict[str, float] = defaultdict(float)
    for row in rows("ravenstack", "ravenstack_support_tickets.csv"):
        recent = date.fromisoformat(row["submitted_at"][:10]) > as_of - timedelta(days=90)
        load[row["account_id"]] += weights.get(row["priority"], 1) if recent else 0
    features: dict[str, set[str]] = defaultdict(set)
    latest: dict[str, date] = {}
    for row in rows("ravenstack", "ravenstack_feature_usage.csv"):
        account, day = account_of[row["subscription_id"]], date.fromisoformat(row["usage_date"])
        features.setdefault(account, set())
        if int(row["usage_count"]) <= 0:
            continue
        latest[account] = max(latest.get(account, day), day)
        if day > as_of - timedelta(days=30):
            features[account].add(row["feature_name"])
    found = table(
        here,
        "SELECT a.external_id, m.ticket_load.value, m.features_used.value, m.days_since_use.value "
        "FROM (SELECT * FROM measures QUALIFY row_number() OVER "
        "(PARTITION BY account_id ORDER BY as_of) = 1) m JOIN accounts a ON a.id = m.account_id",
    )
    assert len(found) == 500
    for account, tickets, used, days in found:
        assert tickets == load.get(account), account
        assert used == (len(features[account]) if account in features else None), account
        expected = (as_of - latest[account]).days if account in latest else None
        assert days == expected, account


#: What RavenStack tells of: use, and tickets.
TOLD = {
    "usage_trend", "days_since_use", "features_used", "ticket_load", "ticket_satisfaction",
    "escalations", "open_urgent_tickets", "resolution_days",
}  # fmt: skip


def test_coverage_names_what_is_missing(raven):
    """Nobody's opinion, no answer, no talk, no goal; and how many are known of the rest."""
    here, _, _ = raven
    found, model = covered(here), here.app().model
    assert found.accounts == 500
    scored = {each.name: each for each in model.scored}
    lacking = {name for name in scored if not found.known[name]}
    assert lacking == set(scored) - TOLD
    assert set(missing(here)) >= {scored[name].label["en"] for name in lacking}
    groups = {scored[name].group for name in scored if name not in lacking}
    assert groups == {"adoption", "support"}
    told = {row["account_id"] for row in rows("ravenstack", "ravenstack_support_tickets.csv")}
    assert found.known["ticket_load"] == len(told)


def test_recorded_answers_are_read_as_recorded(raven):
    """zenloop's own answers: both arrive, and nobody here knows these people."""
    here, done, _ = raven
    assert done.streams["responses"]["new"] == 2
    assert done.unmatched == 2
    found = table(here, "SELECT score, comment, metric FROM responses ORDER BY submitted_at")
    assert found == [(10.0, "I love airbyte", "nps"), (10.0, "Airbyte is amazing", "nps")]
