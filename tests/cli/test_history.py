"""The past on the command line, on an installation that has synced."""

from __future__ import annotations

from pathlib import Path

import requests

from .conftest import Command


def asked(sandbox: str) -> int:
    """How many requests the sandbox has answered."""
    stats = requests.get(f"{sandbox}/_sandbox/stats", timeout=10).json()
    return sum(route["requests"] for route in stats["routes"])


def test_a_moment_of_the_past_is_scored_without_a_call(
    connector: Command, synced: Path, sandbox: str, tmp_path: Path
) -> None:
    """The answer says so, and the other side says so."""
    before = asked(sandbox)
    out = tmp_path / "then.csv"
    line = ("-c", synced, "score", "--as-of", "2025-01-01", "--known", "now", "-o", out)
    said = connector(*line, "--json")
    assert said.exit == 0
    assert said.json["calls"] == 0
    assert asked(sandbox) == before
    assert said.json["accounts"] == len(out.read_text().splitlines()) - 1 > 0
    assert connector(*line, "--json").json["rows"] == said.json["rows"]
    assert "known in time" in connector(*line).out


def test_the_options_of_a_moment_need_one(connector: Command, synced: Path) -> None:
    """--known alone would be ignored in silence."""
    said = connector("-c", synced, "score", "--known", "now")
    assert said.exit == 2
    assert "--as-of" in said.err


def test_history_is_filled_without_a_call(connector: Command, synced: Path, sandbox: str) -> None:
    """Foreseen, scored, kept, and nothing left to do; a run with a receipt like others."""
    before = asked(sandbox)
    line = ("-c", synced, "backfill", "--from", "2025-01-01", "--to", "2025-03-01")
    assert "3 moments to score" in connector(*line, "--dry-run").out
    assert "--write-history" in connector(*line).out
    assert "scores were added" in connector(*line, "--write-history").out
    said = connector(*line, "--write-history", "--json").json
    assert [each["kept"] for each in said["moments"]] == ["before"] * 3
    assert (said["written"], said["calls"]) == (0, 0)
    assert connector("-c", synced, "runs", "show", "--json").json["command"] == "backfill"
    assert connector("-c", synced, "runs", "show").exit == 0
    assert asked(sandbox) == before


def test_a_backfill_keeps_to_its_minutes(connector: Command, synced: Path) -> None:
    """It leaves with 5, says what is left, and the same line goes on; kept or not at all."""
    line = ("-c", synced, "backfill", "--from", "2023-01-01", "--to", "2023-02-01")
    short = ("--write-history", "--minutes", "0.000001")
    said = connector(*line, *short)
    assert said.exit == 5
    assert "1 moment is left" in said.out
    again = connector(*line, *short, "--json")
    assert (again.exit, again.json["left"]) == (0, 0)
    assert connector(*line, "--minutes", "5").exit == 2


def test_a_dry_run_that_writes_is_refused(connector: Command, synced: Path) -> None:
    """One of the two must be a mistake."""
    line = ("backfill", "--from", "2025-01-01", "--to", "2025-03-01")
    assert connector("-c", synced, *line, "--dry-run", "--write-history").exit == 2


def test_a_score_is_proved(connector: Command, synced: Path, sandbox: str) -> None:
    """After a sync that wrote to the CRM and read it back."""
    before = asked(sandbox)
    held = requests.get(
        f"{sandbox}/_sandbox/values?crm=salesforce&object=Account&fields=Health_Score__c",
        timeout=10,
    ).json()
    id = next(id for id, each in held.items() if each["Health_Score__c"] is not None)
    said = connector("-c", synced, "verify", id, "--json")
    assert (said.exit, said.json["equal"], said.json["differs"]) == (0, True, [])
    assert said.json["inputs"]["kept"] == said.json["inputs"]["again"]
    assert "Equal." in connector("-c", synced, "verify", id).out
    assert (synced.parent / f"data/models/{said.json['model']}.toml").exists()
    assert asked(sandbox) == before + 1


def test_another_model_is_shown_before_it_is_switched_on(
    connector: Command, synced: Path, sandbox: str, tmp_path: Path
) -> None:
    """As a table and as JSON, by file and by version, without a call and without a trace."""
    before, text = asked(sandbox), (synced.parent / "mappings/health.toml").read_text()
    other = tmp_path / "other.toml"
    for edge, higher in {"A = 80": "A = 98", "B = 60": "B = 79", "C = 40": "C = 59"}.items():
        assert f"\n{edge}" in text
        text = text.replace(f"\n{edge}", f"\n{higher}")
    other.write_text(text)
    runs = connector("-c", synced, "runs", "--json").json
    said = connector("-c", synced, "plan", "--model", other, "--json")
    assert said.exit == 0
    assert said.json["moved"] == sum(each["accounts"] for each in said.json["moves"]) > 0
    assert all(each["from"] < each["to"] for each in said.json["moves"])
    version = said.json["models"][0]
    again = connector("-c", synced, "model", "diff", version, other, "--json", "-n", 20).json
    assert again == said.json
    assert said.json["moved_revenue"] == sum(each["revenue"] for each in said.json["moves"]) > 0
    assert all(each["why"] for each in (*said.json["moves"], *said.json["movers"]))
    shown = connector("-c", synced, "plan", "--model", other).out
    assert f"with {said.json['moved_revenue']:,.0f} of {said.json['revenue']:,.0f}" in shown
    assert "because of" in shown
    out = connector("-c", synced, "model", "diff", other, version).out
    assert "the edges of the tiers" in out
    assert "accounts would be in another tier" in out
    assert connector("-c", synced, "runs", "--json").json == runs
    assert asked(sandbox) == before


def test_the_model_in_use_moves_nobody(connector: Command, synced: Path) -> None:
    """And a file that is not there is a mistake of the line."""
    own = synced.parent / "mappings/health.toml"
    assert "0 of 30 accounts" in connector("-c", synced, "plan", "--model", own).out
    assert connector("-c", synced, "model", "diff", own, "nosuch.toml").exit == 2


def test_a_comparison_plans_no_writes(connector: Command, synced: Path, tmp_path: Path) -> None:
    """-o would promise a plan that can be applied."""
    line = ("plan", "--model", tmp_path / "m.toml", "-o", tmp_path / "plan.json")
    assert connector("-c", synced, *line).exit == 2


def test_the_way_of_a_score_is_shown(connector: Command, synced: Path) -> None:
    """Also that of a series, which the first answer names."""
    line = ("--from", "2025-01-01", "--to", "2025-02-01", "--write-history")
    series = connector("-c", synced, "backfill", *line, "--json").json["series"]
    first = connector("-c", synced, "explain", "K-000001", "--history", "--json").json
    assert first["history"]
    assert series in first["every_series"]
    out = connector("-c", synced, "explain", "K-000001", "--series", series).out
    assert "2025-02-01" in out
