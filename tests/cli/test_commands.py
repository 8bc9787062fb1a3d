"""The flow, command by command, against a sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from connector.sandbox.server import running
from tests.kept import filled

from .conftest import Command

RECEIPT = {
    "run", "as_of", "model", "streams", "scored", "changes", "calls", "seconds", "exit",
}  # fmt: skip


@pytest.fixture
def fresh(tmp_path: Path, connector: Command):
    """An installation that has done nothing yet, and its own sandbox of twelve accounts."""
    store = filled(tmp_path / "sandbox", accounts=12, seed=2)
    with running(store) as url:
        connector("init", tmp_path / "here", "--sandbox", url)
        yield tmp_path / "here/config.toml", url
    store.close()


def test_check_tells_what_holds(connector: Command, synced: Path) -> None:
    """Examples, org, fields and sources, each in a line."""
    said = connector("-c", synced, "check", "--json")
    assert said.exit == 0
    parts = [each["part"] for each in said.json["findings"]]
    assert parts == [
        "files", "salesforce", "fields", "calls", "clock", "surveys", "invoices", "usage",
    ]  # fmt: skip


def test_check_goes_on_after_a_failure(connector: Command, synced: Path, tmp_path: Path) -> None:
    """A refused login does not hide that the sources answer; its code is the exit code."""
    text = synced.read_text().replace('username = "', 'username = "not')
    config = synced.with_name("other.toml")
    config.write_text(text)
    said = connector("-c", config, "check", "--json")
    exits = {each["part"]: each["exit"] for each in said.json["findings"]}
    assert said.exit == exits["salesforce"] == 7
    assert exits["surveys"] == 0


def test_a_broken_example_fails_the_check_with_its_line(connector: Command, synced: Path) -> None:
    """A mapping file proves itself."""
    mapping = synced.parent / "mappings/salesforce.toml"
    text = mapping.read_text()
    wrong = "[[examples]]\ngiven = { score = 10.0 }\nexpect = { Health_Score__c = 99 }\n"
    mapping.write_text(text + wrong)
    try:
        said = connector("-c", synced, "check", "--offline")
    finally:
        mapping.write_text(text)
    assert said.exit == 2
    assert f"mappings/salesforce.toml:{len(text.splitlines()) + 3}: the example gives" in said.err


def test_fields_plan_changes_nothing(connector: Command, fresh) -> None:
    """Looking at the fields leaves them missing."""
    config, _ = fresh
    first = connector("-c", config, "fields", "plan", "--json").json
    again = connector("-c", config, "fields", "plan", "--json").json
    assert first == again
    assert "Health_Score__c" in first["missing"]


def test_a_question_nobody_can_answer_is_not_a_yes(connector: Command, fresh) -> None:
    """Without a terminal and without --yes nothing is created."""
    config, _ = fresh
    said = connector("-c", config, "fields", "apply")
    assert said.exit == 2
    assert "--yes" in said.err


def test_a_sync_without_its_fields_is_refused(connector: Command, fresh) -> None:
    """Missing fields stop the run before anything is written, and say how to make them."""
    config, _ = fresh
    said = connector("-c", config, "sync")
    assert said.exit == 3
    assert "connector fields apply" in said.err


def test_a_saved_plan_is_applied_as_it_is(connector: Command, fresh, tmp_path: Path) -> None:
    """plan -o, then apply: what was planned is what is written."""
    config, url = fresh
    connector("-c", config, "fields", "apply", "--yes")
    planned = connector("-c", config, "plan", "-o", tmp_path / "plan.json", "--json").json
    written = len(requests.get(f"{url}/_sandbox/writes?object=Account", timeout=10).json())
    applied = connector("-c", config, "apply", tmp_path / "plan.json", "--json").json
    assert written == 0
    assert applied["changes"]["applied"] == planned["changes"]["planned"] > 0


def test_a_plan_that_is_none_is_an_error(connector: Command, synced: Path, tmp_path: Path) -> None:
    """Another file is refused before anything is opened."""
    other = tmp_path / "plan.json"
    other.write_text("{}")
    assert connector("-c", synced, "apply", other).exit == 2


def test_sync_prints_a_receipt(connector: Command, synced: Path) -> None:
    """--json is one document with what the contract promises."""
    said = connector("-c", synced, "sync", "--json")
    assert said.json.keys() >= RECEIPT
    assert set(said.json["changes"]) == {"planned", "applied", "failed", "conflicts", "skipped"}
    assert said.json["exit"] == said.exit == 0


def test_a_second_sync_says_that_nothing_is_left(connector: Command, synced: Path) -> None:
    """A person reads it in a sentence."""
    assert "Nothing left to do." in connector("-c", synced, "sync").out


def test_plan_shows_before_and_after(connector: Command, fresh) -> None:
    """Ids, names, values and the price in calls, before anything is written."""
    config, _ = fresh
    connector("-c", config, "fields", "apply", "--yes")
    out = connector("-c", config, "plan").out
    assert "– → " in out
    assert "calls of 15,000" in out
    assert "10 of 12 accounts would change" in out


def test_sync_writes_a_report(connector: Command, synced: Path, tmp_path: Path) -> None:
    """--report leaves a page in the language asked for."""
    page = tmp_path / "report.html"
    assert connector("-c", synced, "sync", "--report", page, "--lang", "de").exit == 0
    assert '<html lang="de">' in page.read_text()


def test_no_respondent_is_on_the_report(
    connector: Command, synced: Path, sandbox: str, tmp_path: Path
) -> None:
    """Neither names nor addresses of contacts reach the page."""
    page = tmp_path / "report.html"
    connector("-c", synced, "sync", "--report", page)
    query = "crm=salesforce&object=Contact&fields=Name,Email"
    people = requests.get(f"{sandbox}/_sandbox/values?{query}", timeout=10).json().values()
    owners = requests.get(
        f"{sandbox}/_sandbox/values?crm=salesforce&object=User&fields=Name", timeout=10
    ).json()
    staff = {each["Name"] for each in owners.values()}
    text = page.read_text()
    assert len(people) > 20
    assert [each for each in people if each["Email"] and each["Email"] in text] == []
    assert [p for p in people if p["Name"] in text and p["Name"] not in staff] == []


def test_runs_lists_the_latest_first(connector: Command, synced: Path) -> None:
    """What ran last stands on top."""
    connector("-c", synced, "score")
    assert connector("-c", synced, "runs", "--json").json["runs"][0]["command"] == "score"


def test_runs_show_gives_the_receipt_of_a_run(connector: Command, synced: Path) -> None:
    """A receipt can be read again later, word for word."""
    receipt = connector("-c", synced, "sync", "--json").json
    assert connector("-c", synced, "runs", "show", receipt["run"], "--json").json == receipt


def test_a_run_that_never_was_is_an_error(connector: Command, synced: Path) -> None:
    """A typing mistake is answered with the way to the list."""
    said = connector("-c", synced, "runs", "show", "nosuch")
    assert said.exit == 2
    assert "connector runs" in said.err


def test_json_alone_is_on_stdout(connector: Command, synced: Path) -> None:
    """stdout is one document even while bars and logs are shown."""
    out = connector("-c", synced, "pull", "--json", "-v").out
    assert json.loads(out)["command"] == "pull"
