"""A model written in TOML alone, over a file that nobody here made, ranks those who left."""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.config import open_app
from connector.records import Org
from connector.sync.coverage import coverage
from connector.sync.pull_files import pull_files
from connector.sync.run import Run
from connector.sync.score import score
from tests.conftest import SHARED
from tests.model.test_shipped import judged

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not SHARED.is_dir() and not os.environ.get("CI"),
        reason="the data sets lie beside the checkout, and are not there",
    ),
]

FILE = SHARED / "data" / "telco_churn" / "telco_customer_churn.csv"
MODEL = Path(__file__).with_name("telco_churn.model.toml")
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
CONFIG = f"""
[crm]
type = "salesforce"
login_url = "https://login.salesforce.com"
[crm.auth]
flow = "jwt"
client_id = "c"
username = "u@kunde.example"
private_key = "file:key.pem"
[files]
mapping = "mapping.toml"
model = "{MODEL}"
[engine]
threads = 1

[sources.customers]
type = "file"
path = "{FILE}"
stream = "accounts"
[sources.customers.columns]
id = '"customerID"'
name = '"customerID"'
external_id = '"customerID"'

[sources.contracts]
type = "file"
path = "{FILE}"
stream = "signals"
[sources.contracts.columns]
id = "customerID || ' contract'"
kind = "'contract'"
account_key = "customerID"
name = '"Contract"'
status = '"PaymentMethod"'
value = '"tenure"'
occurred_at = "timestamptz '2026-01-30 00:00:00Z'"

[sources.services]
type = "file"
path = "{FILE}"
stream = "signals"
[sources.services.columns]
id = "customerID || ' service'"
kind = "'service'"
account_key = "customerID"
name = '"InternetService"'
status = '"TechSupport"'
subject = '"OnlineSecurity"'
occurred_at = "timestamptz '2026-01-30 00:00:00Z'"
"""


MAPPING = """
crm = "salesforce"
object = "Account"
[[fields]]
source = "score"
target = "Health_Score__c"
type = "number"
"""


def auc(scores: list[tuple[float, bool]]) -> float:
    """How often one who left has a lower score than one who stayed; a tie is half."""
    ordered = sorted(scores)
    left = sum(gone for _, gone in ordered)
    rank = 0.0
    start = 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end][0] == ordered[start][0]:
            end += 1
        rank += (start + end + 1) / 2 * sum(gone for _, gone in ordered[start:end])
        start = end
    return 1 - (rank - left * (left + 1) / 2) / (left * (len(ordered) - left))


def test_the_yardstick_itself():
    """All right, all wrong, one value for everybody."""
    assert auc([(1, True), (2, False)]) == 1
    assert auc([(2, True), (1, False), (1, False)]) == 0
    assert auc([(5, True), (5, False), (5, True)]) == 0.5


def test_customers_who_left_score_lower(tmp_path):
    """AUC of at least 0.80 over 7,043 customers: file → lake → score, and not a line of Python."""
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "key.pem").write_text("k")
    (tmp_path / "mapping.toml").write_text(MAPPING)
    app = open_app(tmp_path / "config.toml")
    assert [mistake for _, mistake in judged(app.model) if mistake] == []
    engine = app.engine()
    run = Run("r", Org("00D", "u", "https://x", NOW), engine)
    for name, source in app.sources.items():
        assert pull_files(app, run, name, source).new == 7043
    done = score(app, Run("s", Org("00D", "u", "https://x", NOW + timedelta(hours=1)), engine))
    assert (done.accounts, done.scored) == (7043, 7043)
    scores = dict(engine.rows("SELECT account_id, raw FROM scores"))
    with FILE.open(encoding="utf-8", newline="") as file:
        told = [(scores[row["customerID"]], row["Churn"] == "Yes") for row in csv.DictReader(file)]
    assert auc(told) >= 0.80
    # Who has no internet has no help with it either: that is unknown, and said to be.
    found = coverage(app.lake, engine, app.model)
    assert found is not None
    assert found.known == {
        "contract": 7043, "months": 7043, "internet": 7043, "payment": 7043, "help": 7043 - 1526,
    }  # fmt: skip
    engine.close()
