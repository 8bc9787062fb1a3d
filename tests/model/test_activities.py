"""Which activity belongs to which account, and that each counts once."""

from __future__ import annotations

import pytest

from tests.model.lake import Lake, ago, only

MODEL = only("meetings_held", "two_way_mail", "contact_breadth")


def held(lake: Lake, **more) -> Lake:
    values = {"id": "a", "kind": "meeting", "status": "held", "occurred_at": ago(3)}
    return lake.put("activities", **{**values, **more})


def world() -> Lake:
    lake = Lake().put("accounts", id="001", name="A").put("accounts", id="002", name="B")
    lake.put("contacts", id="003", account_id="001")
    lake.put("tickets", id="500", account_id="001", opened_at=ago(9))
    lake.put("opportunities", id="006", account_id="001", created_at=ago(9))
    return lake.put("accounts", id="00X", name="old", deleted=True, master_id="001")


@pytest.mark.parametrize(
    "keys",
    [
        {"account_id": "001"},
        {"account_id": "00X"},
        {"about_id": "001"},
        {"about_id": "500"},
        {"about_id": "006"},
        {"about_id": "003"},
        {"contact_id": "003"},
        {"about_id": "unknown", "contact_id": "003"},
    ],
)
def test_an_activity_finds_its_account(keys):
    """By account, by what it is about, at last by the person."""
    assert held(world(), **keys).run(MODEL).value("meetings_held") == 1


def test_the_account_named_is_stronger_than_what_it_is_about():
    """Only activities without an account are looked up."""
    lake = held(world(), account_id="002", about_id="500").run(MODEL)
    assert (lake.value("meetings_held", "001"), lake.value("meetings_held", "002")) == (None, 1)


def test_a_logged_mail_counts_once():
    """The message stays, the task that it names goes."""
    lake = world()
    mail = {"kind": "email", "account_id": "001", "occurred_at": ago(1)}
    lake.put("activities", id="02s", direction="in", same_as="00T", **mail)
    lake.put("activities", id="00T", direction="out", **mail)
    assert lake.run(MODEL).value("two_way_mail") == 100


def test_the_task_of_a_deleted_mail_counts_again():
    """What is gone does not hide what is left."""
    lake = world()
    mail = {"kind": "email", "account_id": "001", "occurred_at": ago(1)}
    lake.put("activities", id="02s", direction="in", same_as="00T", deleted=True, **mail)
    lake.put("activities", id="00T", direction="out", **mail)
    assert lake.run(MODEL).value("two_way_mail") == 0
