"""Facts and a receipt made by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connector.model.nps import Voices, difference
from connector.report.facts import BINS, Account, Facts, Tier
from connector.sync.loyalty import Loyalty
from connector.sync.themes import Heard, Themes

NAME, OWNER = "Müller & Söhne <GmbH>", "Eva Kowalski"

THEMES = Themes(
    as_of=datetime(2026, 11, 2, 8, tzinfo=UTC),
    since=datetime(2025, 11, 2, 8, tzinfo=UTC),
    answers=1480,
    labelled=900,
    found=400,
    without=170,
    other_language=10,
    themes=(
        Heard("delivery", {"en": "Delivery", "de": "Lieferung"}, 1234, 410, 1200, -12.5),
        Heard("Öko <b>", {"en": "Öko <b>", "de": "Öko <b>"}, 3, 2, 0, None),
    ),
    disagree=7,
    disagreements=(),
)

FACTS = Facts(
    accounts=1200,
    scored=1100,
    revenue=2_500_000.0,
    at_risk=500_000.0,
    answered=480,
    answered_revenue=1_500_000.0,
    nps=-12.4,
    nps_by_revenue=3.6,
    responses=960,
    confidence=61.2,
    tiers=(Tier("A", 300, 9e5), Tier("C", 800, 4e5), Tier("", 100, 0.0)),
    histogram=tuple(range(BINS)),
    attention=(
        Account(
            id="001000000000001AAA",
            name=NAME,
            owner=OWNER,
            revenue=1_234_567.0,
            score=41.5,
            change=-6.2,
            tier="C",
            tier_before="B",
            reasons={"en": "Invoice 74 days overdue", "de": "Rechnung 74 Tage überfällig"},
        ),
    ),
    checks={"odd_one": {"en": "Oddly shaped", "de": "Seltsam geformt"}},
    themes=THEMES,
    loyalty=Loyalty(
        year=Voices(360, 479, 960), quarter=Voices(75, 27, 150),
        change=difference(Voices(48, 36, 120), Voices(75, 27, 150)),
    ),
)  # fmt: skip

RECEIPT: dict[str, Any] = {
    "run": "20261102T080000-abc123",
    "command": "sync",
    "as_of": "2026-11-02T08:00:00+00:00",
    "org": "00D000000000001",
    "model": "0123456789ab",
    "streams": {"accounts": {"pulled": 1200, "new": 3, "calls": 1}},
    "scored": 1100,
    "accounts": 1200,
    "tiers": {"A": 300, "C": 800},
    "links": {"email_plus": 4},
    "unmatched": 17,
    "changes": {"planned": 30, "applied": 28, "failed": 2, "conflicts": 1, "skipped": 1170},
    "fields": {
        "Health_Tier__c": {
            "same": 1100, "unknown": 0, "set": 30, "held": 60, "theirs": 10, "failed": 0,
            "unfit": 0,
        }
    },
    "refusals": {"STRING_TOO_LONG": 2},
    "recovered": 0,
    "odd": [{"stream": "tickets", "rule": "odd_one", "count": 1234, "ids": ["a", "b", "c", "d"]}],
    "calls": {"query": {"predicted": 9, "actual": 8}, "login": {"predicted": 2, "actual": 2}},
    "allowance": {"used": 40, "allowed": 15000},
    "skew_seconds": 0.3,
    "seconds": {"pull": 1.25, "apply": 0.5},
    "plan": "20261102T080000-abc123",
    "stopped": "",
    "exit": 4,
}  # fmt: skip
