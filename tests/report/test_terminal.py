"""Tables that say what a run did."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from connector.report import terminal
from connector.sync.changes import Change, Plan
from connector.sync.provision import Provision

from .facts import RECEIPT


def said(part: object) -> str:
    """What a person would read."""
    out = Console(width=140, highlight=False)
    with out.capture() as captured:
        out.print(part)
    return captured.get()


def plan(changes: int) -> Plan:
    """A plan of so many changes of 40 accounts."""
    return Plan(
        id="p", path=Path("plan.json"), org="00D", crm="salesforce", object="Account",
        as_of=datetime(2026, 1, 1, tzinfo=UTC), known_at=datetime(2026, 1, 1, tzinfo=UTC),
        model="m", accounts=40, changes=changes,
        conflicts=1, fields=RECEIPT["fields"], types={}, calls={"collections": 12, "retrieve": 2},
        budget={"used": 1, "allowed": 15000, "ours": 3000},
    )  # fmt: skip


def test_a_receipt_says_what_failed_and_why() -> None:
    """Refusals are named beside the count."""
    text = said(terminal.receipt(RECEIPT))
    assert "28 of 30 accounts written. 2 failed, 1 edited by somebody, 1,170 left alone." in text
    assert "Refused: STRING_TOO_LONG (2)." in text


def test_a_receipt_compares_calls_with_their_prediction() -> None:
    """What was promised stands beside what was done, and its share of the day."""
    text = said(terminal.receipt(RECEIPT))
    assert "This run: 10 calls of 15,000 (0.1 %)." in text


def test_columns_of_nothing_but_zeros_are_left_out() -> None:
    """What did not happen to any field takes no room."""
    head = said(terminal.cells(RECEIPT["fields"])).splitlines()[1].split()
    assert head == ["field", "set", "held", "theirs", "same"]


def test_a_run_that_wrote_nothing_says_so() -> None:
    """An empty plan is good news."""
    changes = {**RECEIPT["changes"], "planned": 0, "applied": 0, "failed": 0}
    assert "Nothing left to do." in said(terminal.outcome({**RECEIPT, "changes": changes}))


def test_records_that_wait_are_told_by_a_run_that_wrote_nothing() -> None:
    """It ends with 4, and says why."""
    changes = {**RECEIPT["changes"], "planned": 0, "applied": 0, "failed": 0}
    waits = {**RECEIPT, "changes": changes, "quarantined": 3}
    assert "3 wait because the CRM refused the same before." in said(terminal.outcome(waits))


def test_a_stopped_run_says_that_the_next_one_continues() -> None:
    """A spent budget is no failure."""
    stopped = {**RECEIPT, "stopped": "9 calls would be needed."}
    assert "The next run continues." in said(terminal.outcome(stopped))


def test_a_plan_says_what_it_costs() -> None:
    """The calls and their share of the allowance, before anything is written."""
    text = said(terminal.plan(plan(30), (), (), {}))
    assert "30 of 40 accounts would change" in text
    assert "14 calls of 15,000 (0.1 %)" in text


def test_a_plan_shows_before_and_after_by_id_and_name() -> None:
    """One account a line, with the fields that are a reason to write."""
    change = Change("001A", {"Score__c": 40.0, "Note__c": None}, {"Score__c": 62.5, "Note__c": "x"})
    text = said(terminal.plan(plan(1), ("Score__c",), [change], {"001A": "Acme"}))
    assert "001A  Acme     40 → 62.5" in text
    assert "Note__c" not in text


def test_an_empty_plan_has_nothing_left_to_do() -> None:
    """The second plan is one sentence."""
    assert "Nothing left to do." in said(terminal.plan(plan(0), (), (), {}))


def test_fields_say_what_became_of_them() -> None:
    """There, created, made visible or still missing."""
    found = Provision("Account", ("A",), ("B", "C", "D"), created=("B",), granted=("B", "C"))
    lines = [line.split(maxsplit=1) for line in said(terminal.provision(found)).splitlines()[2:]]
    assert [(name, state.strip()) for name, state in lines] == [
        ("A", "there"), ("B", "created"), ("C", "made visible"), ("D", "missing"),
    ]  # fmt: skip


def test_runs_show_the_first_line_of_an_error() -> None:
    """A list stays a list."""
    run = {"id": "r", "command": "sync", "as_of": None, "exit": 3, "error": "No.\nBecause."}
    text = said(terminal.runs([run]))
    assert "No." in text
    assert "Because" not in text


def test_names_are_text_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets and colons in a name are shown as they are."""
    terminal.show("Acme [/b] :smile:", terminal.table("", ("",), [("Globex [red]",)]))
    lines = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in lines] == ["Acme [/b] :smile:", "Globex [red]"]


@pytest.mark.parametrize(
    ("held", "text"),
    [(None, "–"), ("", "–"), (34.0, "34"), (1234.5, "1,234.5"), (0.0, "0"), (100.0, "100")],
)
def test_values_are_shown_as_people_write_them(held: object, text: str) -> None:
    """No needless zeros, and nothing is a dash."""
    assert terminal.value(held) == text


def test_a_plan_says_what_the_whole_run_costs_of_the_allowance():
    """This run: so many calls of what the day allows, what was read included."""
    made = replace(
        plan(18),
        calls={"retrieve": 1, "collections": 1},
        budget={"used": 40, "allowed": 15_000, "ours": 3_000, "made": 12},
    )
    text = said(terminal.plan(made, (), (), {}))
    assert "To write this: 2 calls." in text
    assert "this run: 14 calls of 15,000 (0.1 %)" in text
