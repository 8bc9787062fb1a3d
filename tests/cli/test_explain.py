"""connector explain: one account, by any name, with numbers that add up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from .conftest import Command

KEYS = {
    "account", "as_of", "model", "score", "tier", "confidence", "unknown", "contributions", "caps",
    "change", "next_tier", "to_reach", "override", "brief",
}  # fmt: skip


@pytest.fixture(scope="session")
def account(sandbox: str) -> dict[str, Any]:
    """An account whose name is its own."""
    query = "crm=salesforce&object=Account&fields=Name,Customer_Number__c"
    held = requests.get(f"{sandbox}/_sandbox/values?{query}", timeout=10).json()
    names = [each["Name"] for each in held.values()]
    id = next(id for id, each in held.items() if names.count(each["Name"]) == 1)
    return {"id": id, **held[id]}


def test_an_account_is_found_by_every_name(
    connector: Command, synced: Path, account: dict[str, Any]
) -> None:
    """18 characters, 15, the customer number and the exact name lead to the same place."""
    known_as = (
        account["id"], account["id"][:15], account["Customer_Number__c"], account["Name"],
    )  # fmt: skip
    found = {
        connector("-c", synced, "explain", name, "--json").json["account"] for name in known_as
    }
    assert found == {account["id"]}


def test_contributions_add_up_to_the_score_less_50(
    connector: Command, synced: Path, account: dict[str, Any]
) -> None:
    """The promise of the contract, on real data."""
    said = connector("-c", synced, "explain", account["id"], "--json").json
    assert said.keys() >= KEYS
    total = sum(each["contribution"] for each in said["contributions"])
    assert total == pytest.approx(said["score_before_caps"] - 50)


def test_the_text_speaks_german(connector: Command, synced: Path, account: dict[str, Any]) -> None:
    """--lang de is for those who read German."""
    assert "Stufe" in connector("-c", synced, "explain", account["id"], "--lang", "de").out


def test_an_unknown_account_names_the_nearest(
    connector: Command, synced: Path, account: dict[str, Any]
) -> None:
    """A typing mistake in a name is answered with the name."""
    said = connector("-c", synced, "explain", account["Name"] + "x")
    assert said.exit == 2
    assert account["id"] in said.err


def test_a_name_with_a_quote_is_just_a_name(connector: Command, synced: Path) -> None:
    """What a person types never becomes SQL."""
    assert connector("-c", synced, "explain", "O'Hara' OR '1'='1").exit == 2


def test_a_second_score_says_what_changed_in_one_line(
    connector: Command, synced: Path, sandbox: str, account: dict[str, Any]
) -> None:
    """Time passes and a person edits: every cause, exactly, in at most 255 characters."""
    requests.post(f"{sandbox}/_sandbox/clock", json={"advance": "40d"}, timeout=10)
    edit = {"crm": "salesforce", "object": "Account", "id": account["id"], "do": "edit"}
    told = {**edit, "values": {"Advocacy__c": "Critic", "Goals_Reached__c": 0}}
    requests.post(f"{sandbox}/_sandbox/people", json=told, timeout=10).raise_for_status()
    requests.post(f"{sandbox}/_sandbox/clock", json={"advance": "2s"}, timeout=10)
    assert connector("-c", synced, "sync", "--force", "-q").exit in (0, 4)
    said = connector("-c", synced, "explain", account["id"], "--json").json
    terms, ends = said["change"]["terms"], said["change"]["shown"]
    assert "data" in {each["cause"] for each in terms} <= {"age", "data", "cap"}
    total = sum(each["delta"] for each in terms)
    assert total == pytest.approx(said["change"]["to"] - said["change"]["from"])
    assert sum(each["shown"] for each in terms) == ends["to"] - ends["from"]
    for line in said["brief"].values():
        assert line.startswith(str(ends["from"]))
        assert len(line) <= 255
