"""connector fields: plan, apply, export."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.sandbox.server import running
from tests.kept import filled

from .conftest import Command, Said


@dataclass(frozen=True)
class Fields:
    """`connector fields …` on an installation, and the sandbox that it is connected to."""

    connector: Command
    folder: Path
    url: str

    def __call__(self, *arguments: object) -> Said:
        return self.connector("-c", self.folder / "config.toml", "fields", *arguments)

    def rights(self, **given: bool) -> None:
        """Give or take rights of the running user."""
        requests.post(f"{self.url}/_sandbox/rights", json=given, timeout=10).raise_for_status()

    def calls(self) -> int:
        """How many API calls there have been."""
        routes = requests.get(f"{self.url}/_sandbox/stats", timeout=10).json()["routes"]
        return sum(row["requests"] for row in routes if row["route"].startswith("/services/"))

    def edit(self, old: str, new: str) -> None:
        """Change the mapping."""
        mapping = self.folder / "mappings/salesforce.toml"
        text = mapping.read_text(encoding="utf-8")
        assert old in text
        mapping.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def fields(tmp_path: Path, connector: Command):
    """An installation that has done nothing yet."""
    store = filled(tmp_path / "sandbox", accounts=3, seed=2)
    with running(store) as url:
        connector("init", tmp_path / "here", "--sandbox", url)
        yield Fields(connector, tmp_path / "here", url)
    store.close()


def plain(text: str) -> str:
    """What is shown, without the line breaks of a narrow screen."""
    return re.sub(r"\s+", " ", text)


def by_name(document: Any) -> dict[str, Any]:
    """The fields of a document by name."""
    return {each["field"]: each for each in document["fields"]}


def test_a_plan_shows_what_would_be_made(fields) -> None:
    """Types, labels, help in both languages, values, permissions, assignment."""
    said = fields("plan")
    shown = plain(said.out)
    assert said.exit == 0
    for part in (
        "Health_Score__c create type: Number(4, 1) label: Health score "
        "help: 0 to 100; 50 is neither good nor bad. Of what is known: CSM sentiment 15 %,",
        "values: A, B, C, D",
        "Health_Connector_Writer create records of Account: Read, Edit records of Contact: Read ",
        "records of Case: Read edit: Account.Health_Confidence__c,",
        "Health_Connector_Reader create records of Account: Read read: Account.Health_Confidence",
        "Health_Connector_Writer would be assigned to the running user",
        "To do it: connector fields apply",
    ):
        assert part in shown


def test_a_second_apply_does_nothing(fields) -> None:
    """And says so, without a question."""
    assert fields("apply", "--yes").exit == 0
    again = fields("apply", "--json")
    assert again.exit == 0
    assert again.json["created"] == again.json["permissions"] == []
    assert "Nothing left to do." in fields("plan").out


def test_apply_tells_what_it_did(fields) -> None:
    """Fields, permissions, assignment."""
    said = fields("apply", "--yes")
    assert "Health_Score__c" in said.out
    assert "created" in said.out
    assert "Granted " in said.out
    assert "Opened: Account, Contact, Opportunity, Case." in said.out
    assert "Health_Connector_Writer is assigned to the running user." in said.out


def test_a_plan_shows_what_would_change_and_what_stays(fields) -> None:
    """Before and after, and why a value that is no longer written is kept."""
    fields("apply", "--yes")
    fields.edit("precision  = 4", "precision  = 6")
    fields.edit('["A", "B", "C", "D"]', '["A", "B", "C", "E"]')
    shown = plain(fields("plan").out)
    assert "Health_Score__c change type: Number(4, 1) → Number(6, 1)" in shown
    assert "Health_Tier__c change values: A, B, C, D → A, B, C, D, E" in shown
    assert "keeps D, which the mapping does not write" in shown
    assert fields("apply", "--yes", "--json").json["changed"] == [
        "Health_Score__c", "Health_Tier__c",
    ]  # fmt: skip


def test_a_plan_is_a_document(fields) -> None:
    """What is to be done about each field, and who would see it."""
    told = fields("plan", "--json").json
    score = by_name(told)["Health_Score__c"]
    assert score["do"] == "create"
    assert {"what": "type", "before": None, "after": "Number(4, 1)"} in score["changes"]
    assert [each["name"] for each in told["permission_sets"]] == [
        "Health_Connector_Writer", "Health_Connector_Reader",
    ]  # fmt: skip
    writer, reader = told["permission_sets"]
    assert writer["objects"]["Account"] == ["Read", "Edit"]
    assert reader["objects"] == {"Account": ["Read"]}
    assert told["assign"] == "Health_Connector_Writer"
    assert told["lacking"] == told["absent"] == []


def test_a_change_that_would_lose_values_is_refused(fields) -> None:
    """The plan shows it all and exits 3; apply does nothing of it."""
    fields("apply", "--yes")
    fields.edit('type       = "number"\nprecision  = 4\nscale      = 1', 'type = "text"')
    fields.edit("min_change = 5 ", "# ")
    fields.edit("Health_Score__c = 81.6,", "")
    planned, applied = fields("plan"), fields("apply", "--yes")
    assert planned.exit == applied.exit == 3
    assert "is a Number, the mapping wants a Text" in plain(planned.out)
    assert "Health_Score__c: is a Number" in applied.err


def test_the_writer_is_not_assigned_when_that_is_not_wanted(fields) -> None:
    """An admin makes the fields; somebody else writes them."""
    done = fields("apply", "--yes", "--no-assign", "--json").json
    assert done["assigned"] == ""
    assert done["granted"] == []
    assert fields("plan", "--json").json["assign"] == "Health_Connector_Writer"


def test_without_rights_the_plan_says_what_an_admin_does(fields) -> None:
    """Right, clicks, and the other way: files."""
    fields.rights(CustomizeApplication=False)
    shown = plain(fields("plan").out)
    assert "The user lacks the right to Customize Application." in shown
    assert "Setup → Object Manager → Account → Fields & Relationships → New: Number" in shown
    assert "connector fields export DIR" in shown
    assert fields("apply", "--yes").exit == 1


def test_an_export_is_written_and_told(fields, tmp_path: Path) -> None:
    """With how to deploy it."""
    said = fields("export", tmp_path / "out")
    assert said.exit == 0
    assert "sf project deploy start --source-dir force-app" in said.out
    assert "sf project deploy start --source-dir translations" in said.out
    assert (tmp_path / "out/sfdx-project.json").exists()


def test_an_export_needs_no_network(fields, tmp_path: Path) -> None:
    """From the mapping alone: nothing is known of the org, so only our fields are granted."""
    before = fields.calls()
    said = fields("export", tmp_path / "out", "--offline", "--json")
    assert fields.calls() == before
    sets = tmp_path / "out/force-app/main/default/permissionsets"
    text = (sets / "Health_Connector_Writer.permissionset-meta.xml").read_text(encoding="utf-8")
    assert set(re.findall(r"<editable>(\w+)</editable>", text)) == {"true"}
    assert len(said.json["files"]) == len(list((tmp_path / "out").rglob("*.*")))


def test_german_texts_are_shown_and_sent_where_the_org_translates(fields) -> None:
    """And where it does not, a note says what to switch on, and nothing fails."""
    assert "Translation Workbench is off" in plain(fields("plan").out)
    options = {"translations": ["de"]}
    requests.post(f"{fields.url}/_sandbox/org", json=options, timeout=10).raise_for_status()
    shown = plain(fields("plan").out)
    assert "Health_Trend__c label: Gesundheitstrend" in shown
    assert "Up: Steigend Steady: Gleichbleibend Down: Fallend" in shown
    assert "Translated 10 fields." in fields("apply", "--yes").out
    again = fields("plan", "--json").json
    assert (again["translations"], again["notes"]) == ([], [])
