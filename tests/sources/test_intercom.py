"""Intercom: conversations and ratings, none lost while people go on talking."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from connector.errors import AuthError, Malformed, RemoteError
from connector.sandbox.signals import intercom, shelf
from connector.secrets import Secret
from connector.sources import intercom as ours
from connector.sources.intercom import Source
from tests.conftest import SHARED, Answer, beside
from tests.sources.signals import read, serving


@pytest.fixture
def desk(tmp_path, monkeypatch):
    with serving(tmp_path, monkeypatch, "intercom", accounts=40) as made:
        yield made


def source(desk, **settings) -> Source:
    return Source(url=desk.url, token=desk.token, **settings)


def kept(desk, kind: str) -> list[dict]:
    return shelf.every(desk.store, "intercom", kind)


def talk(desk, id: str, ago: int = 3600, person: str | None = None, **more) -> dict:
    """A conversation that changed some seconds ago."""
    desk.rows(source(desk), "responses", desk.now())  # filled
    moved = shelf.now(desk.store) - ago
    made = {**intercom.conversation(id, person, moved - 60, moved), **more}
    shelf.put(desk.store, "intercom", "conversations", moved, made)
    return made


def late(desk, stream: str = "tickets", **settings) -> list[dict]:
    return desk.rows(source(desk, **settings), stream, desk.now() - timedelta(hours=2))


def test_a_full_pull_brings_every_conversation_with_whose_it_is(desk):
    """Each once: the company's key, the contact's address, what it was rated."""
    found = desk.rows(source(desk), "tickets")
    there = {each["id"]: each for each in kept(desk, "conversations")}
    assert [each["id"] for each in found] == sorted(there) != []
    people = {each["id"]: each for each in kept(desk, "contacts")}
    homes = {each["id"]: each for each in kept(desk, "companies")}
    for each in found:
        talked = there[each["id"]]
        assert (each["unread"], each["odd"]) == (None, None)
        assert each["is_closed"] == (talked["state"] == "closed") == bool(each["closed_at"])
        for person in talked["contacts"]["contacts"]:
            home = people[person["id"]]["companies"]["data"][0]["id"]
            assert each["email"] == people[person["id"]]["email"]
            assert each["account_key"] == homes[home]["company_id"]
    assert {each["priority"] for each in found} == {"high", "medium"}


def test_steps_add_up_to_the_whole(desk, monkeypatch):
    """A search that begins anew every two pages brings the same, each once."""
    whole = desk.rows(source(desk), "tickets")
    monkeypatch.setattr(ours, "PER_PAGE", 4)
    monkeypatch.setattr(ours, "PAGES", 2)
    assert desk.rows(source(desk), "tickets") == whole


def test_many_of_one_second_do_not_stop_a_step(desk, monkeypatch):
    """A step goes on until it has left the second that it began with."""
    for number in range(20):
        talk(desk, f"same{number:02}", ago=3600 if number else 3601)
    moved = shelf.now(desk.store) - 1800
    for each in kept(desk, "conversations"):
        if each["id"].startswith("same"):
            shelf.put(desk.store, "intercom", "conversations", moved, {**each, "updated_at": moved})
    monkeypatch.setattr(ours, "PER_PAGE", 3)
    monkeypatch.setattr(ours, "PAGES", 2)
    assert len([each for each in late(desk) if each["id"].startswith("same")]) == 20


def test_a_conversation_that_moves_while_it_is_read_is_not_lost(desk, monkeypatch):
    """It leaves the span that was asked for; the next run has it, and nothing else is missing."""
    monkeypatch.setattr(ours, "PER_PAGE", 4)
    every = {each["id"] for each in desk.rows(source(desk), "tickets")}
    moving = kept(desk, "conversations")[-1]["id"]
    desk.store.put("intercom_moves", moving)
    found = {each["id"] for each in desk.rows(source(desk), "tickets")}
    assert every - found == {moving}
    desk.store.clock.advance(timedelta(minutes=1))
    assert moving in {each["id"] for each in late(desk)}


def test_incremental_pulls_add_up_to_the_full_one(desk):
    """Before a moment and since it; and an edit arrives."""
    every = desk.rows(source(desk), "tickets")
    middle = sorted(each["modified_at"] for each in every)[len(every) // 2]
    assert desk.rows(source(desk), "tickets", middle) == [
        each for each in every if each["modified_at"] >= middle
    ]
    talk(desk, every[0]["id"], state="snoozed")
    assert [(each["id"], each["status"]) for each in late(desk)] == [(every[0]["id"], "snoozed")]


def test_a_conversation_that_was_deleted_is_no_longer_listed(desk):
    """Nothing tells of it; the list of what is there does, however fresh, and asks for nobody."""
    talk(desk, "fresh", ago=0)
    since = desk.now() - timedelta(days=180)
    before = listed(desk, since)
    every = kept(desk, "conversations")
    assert before == {c["id"] for c in every if c["updated_at"] >= since.timestamp()} >= {"fresh"}
    gone = next(id for id in sorted(before) if id != "fresh")
    shelf.drop(desk.store, "intercom", "conversations", gone)
    assert before - listed(desk, since) == {gone}


def listed(desk, since) -> set[str]:
    """The ids that are there."""
    before = desk.asked("contacts/search")
    made = source(desk)
    desk.pulls += 1
    found = read(made.ids("tickets", since, desk.into / str(desk.pulls)))
    assert desk.asked("contacts/search") == before
    return {each["id"] for each in found}


def test_ratings_are_answers(desk):
    """On five; nobody answered where nobody rated."""
    found = desk.rows(source(desk), "responses")
    rated = [each for each in kept(desk, "conversations") if each["conversation_rating"]]
    assert len(found) == len(rated) > 0
    assert {(each["metric"], each["scale_min"], each["scale_max"]) for each in found} == {
        ("csat", 1, 5)
    }
    assert all(each["submitted_at"] for each in found)


def test_tags_of_a_rated_conversation_are_labels(desk):
    """What somebody of ours said that it was about."""
    rating = {"rating": 2, "remark": "zu langsam", "created_at": 1_790_000_000}
    tags = {"tags": [{"id": "1", "name": "billing"}, {"id": "2", "name": "delay"}]}
    talk(desk, "told", conversation_rating=rating, tags=tags)
    (row,) = late(desk, "responses")
    assert (row["labels"], row["comment"]) == (["billing", "delay"], "zu langsam")


def test_a_rating_off_the_scale_is_listed(desk):
    talk(desk, "odd", conversation_rating={"rating": 9, "created_at": 1_790_000_000})
    assert [each["odd"] for each in late(desk, "responses")] == ["score_off_scale"]


def test_what_we_began_ourselves_is_no_support(desk):
    """Unless somebody says so."""
    talk(desk, "ours", source={"type": "email", "delivered_as": "automated"})
    assert [each["odd"] for each in late(desk)] == ["started_by_us"]
    assert [each["odd"] for each in late(desk, outbound=True)] == [None]


def test_somebody_of_several_companies_speaks_for_none(desk):
    """The address has to tell whose the conversation is; never one of them at random."""
    desk.rows(source(desk), "tickets")
    homes = [each["id"] for each in kept(desk, "companies")]
    for count in (2, 12):
        person = intercom.contact(f"p{count}", "x@both.example", homes[:count])
        shelf.put(desk.store, "intercom", "contacts", 0, person)
        talk(desk, f"t{count}", person=f"p{count}")
    found = late(desk)
    assert [(each["account_key"], each["email"]) for each in found] == [
        (None, "x@both.example")
    ] * 2


def test_an_attribute_of_the_company_may_hold_the_account(desk):
    """Where company_id is something else; and a contact that is gone leaves a bare conversation."""
    desk.rows(source(desk), "tickets")
    home = {**kept(desk, "companies")[0], "custom_attributes": {"crm": "001X"}}
    shelf.put(desk.store, "intercom", "companies", 0, home)
    shelf.put(desk.store, "intercom", "contacts", 0, intercom.contact("p", None, [home["id"]]))
    talk(desk, "t", person="p")
    talk(desk, "u", person="gone")
    found = late(desk, account_attribute="crm")
    assert [each["account_key"] for each in found] == ["001X", None]


def test_a_scroll_of_somebody_else_is_waited_for(desk, tmp_path):
    """A minute after its last page it is over."""
    person = "u000001"
    talk(desk, "t", person=person)
    desk.store.put("intercom_scroll", {"param": "x", "start": 0, "asked": shelf.now(desk.store)})
    since = desk.now() - timedelta(hours=2)
    spool = source(desk).pull("tickets", since, tmp_path / "a", desk.waiting())
    assert spool.rows == 1
    desk.store.put("intercom_scroll", {"param": "x", "start": 0, "asked": shelf.now(desk.store)})
    with pytest.raises(RemoteError, match="one program at a time"):
        source(desk).pull("tickets", since, tmp_path / "b")


def test_a_wrong_token_is_told(desk, tmp_path):
    (tmp_path / "token").write_text("wrong")
    with pytest.raises(AuthError, match="Intercom refuses the token"):
        source(desk).check()


@pytest.mark.parametrize(
    "do", [{"status": 429, "headers": {"Retry-After": "0"}}, {"truncate_at": 50}, {"status": 503}]
)
def test_bad_luck_is_repaired(desk, do):
    """A page that fails is asked for again; a search changes nothing."""
    whole = desk.rows(source(desk), "tickets")
    desk.fault(do, "conversations/search")
    assert desk.rows(source(desk), "tickets") == whole


ONE = {"id": "c1", "updated_at": 5, "created_at": 1, "state": "open"}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"conversations": [ONE], "total_count": 2, "pages": {}}, "promised 2"),
        ({"conversations": [ONE], "pages": {"next": {"starting_after": "x"}}}, "came again"),
        (None, "redirects"),
    ],
)
def test_a_cut_list_a_loop_and_a_redirect_are_refused(scripted, tmp_path, told, said):
    (tmp_path / "t").write_text("t")
    away = Answer(302, b"", {"Location": "https://evil.example/"})
    answer = away if told is None else Answer(body=orjson.dumps(told))
    one = Source(url=scripted(Answer(), answer).url, token=Secret(f"file:{tmp_path / 't'}"))
    with pytest.raises(Malformed, match=said):
        one.pull("tickets", None, tmp_path / "in")


@beside
def test_recorded_contacts_are_understood(scripted, tmp_path):
    """As a real workspace sent them: address and external id of whoever began a conversation."""
    recorded = SHARED / "data/api_payloads/intercom/contacts_lifecycle.json"
    asked = [
        each["response"]["body"]
        for each in orjson.loads(recorded.read_bytes())["interactions"]
        if each["request"]["url"].endswith("/contacts/search") and each["response"]["body"]["data"]
    ]
    (person,) = asked[0]["data"]
    began = {"contacts": {"contacts": [{"type": "contact", "id": person["id"]}]}}
    page = {"conversations": [{**ONE, **began}], "total_count": 1, "pages": {}}
    (tmp_path / "t").write_text("t")
    answers = (Answer(body=orjson.dumps(body)) for body in ({}, page, asked[0]))
    one = Source(url=scripted(*answers).url, token=Secret(f"file:{tmp_path / 't'}"))
    (found,) = read(one.pull("tickets", None, tmp_path / "in"))
    assert (found["email"], found["contact_key"]) == (person["email"], person["external_id"])
    assert (found["account_key"], found["company"], found["unread"]) == (None, None, None)
