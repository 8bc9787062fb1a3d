"""The same definition on DuckDB and on Spark: the same scores, tiers, contributions and texts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.model.definition import (
    Alert,
    Cap,
    HealthModel,
    Hierarchy,
    Measure,
    Rule,
    Segment,
    Tiers,
)
from tests.engines import records
from tests.engines.parity import NOW, Both
from tests.model.lake import shipped

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1800)]

LINE = ((0.0, 0.0), (3.0, 33.3), (100.0, 100.0))
ACCOUNTS, ACTIVITIES = 100_000, 1_000_000


def at(text: str) -> str:
    return f"TIMESTAMPTZ '{text}+00'"


def small() -> HealthModel:
    """Every kind of thing that a model may hold, over few measures."""
    return HealthModel(
        "small",
        {"use": 3, "care": 2},
        measures=(
            Measure(name="seats", stream="accounts", value="employees", group="use", points=LINE),
            Measure(
                name="meetings",
                stream="activities",
                where="kind = 'meeting'",
                value="sum(decay * minutes) / nullif(count(*) FILTER (WHERE status = 'held'), 0)",
                window=90,
                half_life=30,
                max_age=60,
                group="care",
                points=LINE,
                weight=3,
            ),
            Measure(
                name="calls",
                stream="activities",
                where="kind = 'call'",
                value="count(DISTINCT contact_id)",
                window=90,
                group="care",
                points=((0, 0), (7, 100)),
            ),
        ),
        tiers=Tiers(hysteresis=3),
        rules=(
            Rule("best", "rank < 20 and score >= 50", "A"),
            Rule("kept", "tier_before = 'B' and rank < 70", "B"),
        ),
        caps=(Cap(name="silent", when="not known(meetings) and depth = 0", tier="B"),),
        segments=(
            Segment(name="big", when="revenue > 1000", groups={"use": 1}),
            Segment(name="named", when="lower(trim(segment)) = 'smb'", groups={"care": 9}),
        ),
        alerts=(Alert(name="fell", when="score_before - score >= 1"),),
        hierarchy=Hierarchy("revenue"),
    )


def edges(both: Both) -> None:
    """Records at every edge: nothing, the moment itself, one moment later, ties, other letters."""
    names = [f"00{n}" for n in range(1, 10)]
    both.put(
        "accounts",
        *(
            {
                "id": id,
                "name": name,
                "employees": seats,
                "revenue": revenue,
                "segment": segment,
                "parent_id": parent,
                "website": f"https://a{id}.example",
                "override_tier": tier,
                "override_until": until,
            }
            for id, name, seats, revenue, segment, parent, tier, until in zip(
                names,
                ["Ärger GmbH", "ärger gmbh", "ΟΔΟΣ", "οδός", "Zoë", None, "a", "B", "İx"],
                [None, 0.0, 3.0, 1.5, 50.05, 100.0, -4.0, 49.95, 1e9],
                [None, 0.0, 999.99, 1000.01, -5.0, 2e6, 10.5, None, 1e3],
                [None, "SMB", " smb ", "\u00a0smb", "x", "", "SMB", None, "smb"],
                [None, "001", "002", "001", "005", "007", "006", None, "008"],
                [None, "a", "B ", "x", "D", None, "C", "A", None],
                [
                    None,
                    "DATE '2026-01-31'",
                    "DATE '2026-01-30'",
                    "DATE '2026-02-01'",
                    "DATE '2026-03-01'",
                    None,
                    None,
                    "DATE '9999-12-31'",
                    None,
                ],
                strict=True,
            )
        ),
    )
    moments = [
        "2026-01-31 12:00:00",
        "2026-01-31 12:00:00.000001",
        "2025-11-02 12:00:00",
        "2025-11-02 12:00:00.000001",
        "2025-12-31 23:59:59.999999",
        "2026-01-01 00:00:00",
        "2026-01-30 11:59:59.5",
    ]
    both.put(
        "activities",
        *(
            {
                "id": f"t{n}",
                "account_id": names[(n * 5 + n // 7) % 6],
                "kind": ("meeting", "call", None)[n % 3],
                "status": ("held", "no_show", None)[n % 4 % 3],
                "contact_id": f"c{n % 5}",
                "minutes": (None, 30.0, 0.0, 45.5)[n % 4],
                "occurred_at": at(moments[n % 7]),
            }
            for n in range(84)
        ),
    )
    whole = {"submitted_at": at("2026-01-30 12:00:00"), "part_of": "W", "source": "crm"}
    both.put(
        "responses",
        {**whole, "id": "r", "metric": "nps", "score": 9, "invitation": "I"},
        {**whole, "id": "p1", "comment": None, "account_key": "002"},
        {**whole, "id": "p2", "comment": "Gut", "account_key": "003"},
        {**whole, "id": "p3", "part_of": "I", "company": "οδός"},
    )
    scored = {"as_of": at("2026-01-30 12:00:00"), "model": small().version, "confidence": 50}
    both.put(
        "scores",
        *(
            {**scored, "account_id": id, "score": score, "tier": tier}
            for id, score, tier in zip(
                names, [810, 400, 399, None, 601, 799, 1, 599, 1000], "ADDBBBDCA", strict=True
            )
        ),
        {**scored, "account_id": "004", "score": 700, "tier": None},
        {**scored, "account_id": "004", "as_of": at("2025-12-30 12:00:00"), "tier": "A"},
    )


def test_records_at_every_edge(tmp_path: Path, java: Any) -> None:
    """Unknown values, days and moments at their ends, ties, caps, overrides, hysteresis, segments,
    alerts, roll-ups, and texts in other scripts."""
    both = Both(tmp_path)
    edges(both)
    both.aliases.write_text("key,account_id\nμία,003\n", encoding="utf-8")
    assert both.differences(small()) == {}


def test_lines_that_tell_what_changed(tmp_path: Path, java: Any) -> None:
    """A mapping that writes `brief_en` and `brief_de`, over records of every kind after an earlier
    score: the same lines, and such that tell of a change and of a way up."""
    both, model = Both(tmp_path, "brief_en", "brief_de"), shipped()
    records.fill(both.lake, both.engine, 300)
    both.keep(model, NOW - timedelta(days=60))
    assert both.differences(model) == {}
    with both.scored(model, spark=True) as run:
        told = dict(run.engine.rows("SELECT brief_en, brief_de FROM results"))
    assert sum(" → " in each for each in told) > 50
    assert sum(" To reach " in each for each in told) > 50
    assert all(" Für " in told[each] for each in told if " To reach " in each)


def test_an_empty_lake(tmp_path: Path, java: Any) -> None:
    """No table is there yet: no account, and nothing fails."""
    assert Both(tmp_path).differences(small()) == {}


@pytest.mark.slow
def test_every_score_of_a_hundred_thousand_accounts(tmp_path: Path, java: Any) -> None:
    """The shipped model over a million activities and all other streams: every row of every table
    that a run goes on with is the same, with each score, tier, contribution and sentence."""
    both = Both(tmp_path)
    records.fill(both.lake, both.engine, ACCOUNTS)
    with both.scored(shipped(), spark=False) as run:
        told = "SELECT count(*), count(score), count(DISTINCT tier) FROM scores"
        accounts, scored, tiers = run.engine.rows(told)[0]
        counted = run.engine.one("SELECT count(*) FROM lake_activities")
    assert (accounts > 0.95 * ACCOUNTS, scored > 0.95 * ACCOUNTS, tiers) == (True, True, 4)
    assert counted == ACTIVITIES
    assert both.differences(shipped(), NOW) == {}
