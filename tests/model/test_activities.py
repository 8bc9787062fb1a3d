"""Which activity belongs to which account, and that each counts once."""

from __future__ import annotations

import pytest

from connector.model.matching import Matching
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
    lake.put("subjects", id="02i", account_id="001", kind="asset")
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
        {"about_id": "02i"},
        {"contact_id": "003"},
        {"about_id": "unknown", "contact_id": "003"},
    ],
)
def test_an_activity_finds_its_account(keys):
    """By account, by what it is about, at last by the person."""
    assert held(world(), **keys).run(MODEL).value("meetings_held") == 1


@pytest.mark.parametrize(
    ("keys", "accounts"),
    [
        ({"contact_id": "003", "contact_ids": "003;004"}, ["001"]),
        ({"contact_id": "003", "contact_ids": "003;lead"}, ["001"]),
        ({"contact_id": "003", "contact_ids": "003;005"}, []),
        ({"account_id": "001", "account_ids": "001;00X"}, ["001"]),
        ({"account_id": "001", "account_ids": "001;002"}, []),
        ({"account_id": "001", "account_ids": "001;002", "contact_id": "003"}, []),
        ({"account_id": "002", "contact_id": "003", "contact_ids": "003;005"}, ["002"]),
    ],
)
def test_what_names_several_counts_where_all_agree(keys, accounts):
    """A mail to people of two customers says nothing of whoever of them was there first."""
    lake = world().put("contacts", id="004", account_id="00X")
    lake.put("contacts", id="005", account_id="002").put("contacts", id="lead")
    held(lake, **keys).run(MODEL)
    found = [id for id in ("001", "002") if lake.value("meetings_held", id) == 1]
    assert found == accounts
    told = [] if accounts else ["a"]
    assert lake.rows("SELECT id FROM oddities WHERE rule = 'of_several_accounts'") == told
    assert lake.rows("SELECT id FROM oddities WHERE rule = 'person_without_account'") == []


@pytest.mark.parametrize(
    ("people", "keys", "accounts", "contact"),
    [
        (["003"], {}, ["001"], "003"),
        (["003", "lead", "stranger"], {}, ["001"], "003"),
        (["003", "004"], {}, ["001"], None),
        (["003", "005"], {}, [], None),
        (["lead"], {}, [], None),
        (["005"], {"about_id": "500"}, ["001"], None),
        (["005"], {"about_id": "unknown"}, [], None),
        (["005"], {"contact_id": "003"}, ["001"], "003"),
        (["005"], {"same_as": "00T"}, ["001"], "003"),
    ],
)
def test_people_told_apart_say_whose_a_mail_is(people, keys, accounts, contact):
    """They are asked where the mail itself, its records and its task say nothing."""
    lake = world().put("contacts", id="004", account_id="00X")
    lake.put("contacts", id="005", account_id="002").put("contacts", id="lead")
    lake.put("activities", id="00T", kind="email", contact_id="003", occurred_at=ago(1))
    for number, person in enumerate(people):
        lake.put("activities", id=f"9a{number}", part_of="a", contact_id=person)
    held(lake, **keys).run(MODEL).whole()
    found = "SELECT a.id FROM v_activities v JOIN accounts a USING (key) WHERE v.id = 'a'"
    assert lake.rows(found) == accounts
    assert lake.rows("SELECT contact_id FROM v_activities WHERE id = 'a'") == [
        contact for _ in accounts
    ]
    assert lake.rows("SELECT count(*) FROM v_activities WHERE part_of IS NOT NULL") == [0]


def test_people_of_a_mail_that_were_taken_away_or_came_later_say_nothing():
    """What was so by then counts."""
    lake = world()
    lake.put("activities", id="9a1", part_of="a", contact_id="003", deleted=True)
    lake.put("activities", id="9a2", part_of="a", contact_id="003", created_at=ago(-1))
    assert held(lake).run(MODEL).value("meetings_held") is None
    lake.put("activities", id="9a3", part_of="a", contact_id="003", created_at=ago(1))
    assert lake.run(MODEL).value("meetings_held") == 1


def test_people_that_do_not_count_have_no_say_together_either():
    """Nor has a person the number of an account: each kind counts its own."""
    lake = world().put("contacts", id="002", account_id="001")
    held(lake, contact_id="002", contact_ids="002;003")
    assert lake.run(MODEL).value("meetings_held") == 1
    ignored = Matching(contacts="ignore")
    assert lake.run(MODEL, matching=ignored).value("meetings_held") is None


def test_what_only_a_person_names_may_be_left_out():
    """An option: what is about a record of an account counts as ever."""
    ignored = Matching(contacts="ignore")
    assert (
        held(world(), contact_id="003").run(MODEL, matching=ignored).value("meetings_held") is None
    )
    about = held(world(), about_id="500", contact_id="003")
    assert about.run(MODEL, matching=ignored).value("meetings_held") == 1


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


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"account_id": "001", "contact_id": "003"}, {}),
        ({"contact_id": "003"}, {}),
        ({"about_id": "500", "contact_id": "003"}, {"about_id": "unknown"}),
    ],
)
def test_a_mail_to_a_person_is_where_its_task_is(task, message):
    """A message that is related to nothing has neither account nor person; its task has."""
    lake, mail = world(), {"kind": "email", "occurred_at": ago(1)}
    lake.put("activities", id="02s", direction="in", same_as="00T", **mail, **message)
    lake.put("activities", id="00T", **mail, **task)
    lake.run(MODEL).whole()
    assert lake.rows("SELECT id, contact_id FROM v_activities") == [("02s", "003")]
    assert lake.value("two_way_mail") == 100
    assert lake.value("contact_breadth") == 1


def test_what_a_mail_itself_is_related_to_is_stronger_than_its_task():
    """A message about a case of one account, to a person of another."""
    lake, mail = world(), {"kind": "email", "occurred_at": ago(1)}
    lake.put("activities", id="02s", direction="in", same_as="00T", about_id="500", **mail)
    lake.put("activities", id="00T", account_id="002", **mail).run(MODEL)
    assert (lake.value("two_way_mail"), lake.value("two_way_mail", "002")) == (100, None)


def test_activities_without_an_account_are_counted():
    """Something to map apart from people without an account; a note to oneself is no oddity."""
    lake = held(held(held(world()), id="b", about_id="a0X"), id="c", contact_id="00Q")
    held(lake, id="d", about_id="500").run(MODEL)
    found = "SELECT rule, id FROM oddities WHERE stream = 'activities' ORDER BY id"
    assert lake.rows(found) == [("about_without_account", "b"), ("person_without_account", "c")]
