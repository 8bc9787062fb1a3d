"""Chargebee: invoices and subscriptions, none lost in the five minutes that lists lag behind."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from connector.errors import AuthError, Malformed
from connector.sandbox.signals import chargebee, shelf
from connector.secrets import Secret
from connector.sources import chargebee as ours
from connector.sources.chargebee import Source
from tests.conftest import Answer
from tests.sources.signals import serving


@pytest.fixture
def desk(tmp_path, monkeypatch):
    with serving(tmp_path, monkeypatch, "chargebee", accounts=25) as made:
        yield made


def source(desk, **settings) -> Source:
    return Source(url=desk.url, token=desk.token, **settings)


def put(desk, kind: str, record: dict, ago: int) -> dict:
    moved = shelf.now(desk.store) - ago
    told = {**record, "updated_at": moved}
    shelf.put(desk.store, "chargebee", kind, moved, told)
    return told


def bill(desk, id: str, ago: int = 3600, **more) -> dict:
    """An invoice that changed some seconds ago."""
    created = shelf.now(desk.store) - 20 * 86_400
    made = chargebee.invoice(id, "C1", 120_000, created, created + 86_400)
    return put(desk, "invoice", {**made, **more}, ago)


def one(desk, **settings) -> dict:
    (found,) = desk.rows(source(desk, **settings), "signals", desk.now() - timedelta(days=1))
    return found


def test_a_full_pull_brings_every_invoice_and_subscription(desk, monkeypatch):
    """Each once, however long the pages, with the customer's key and address."""
    found = desk.rows(source(desk), "signals")
    ids = [f"{kind}-{each['id']}" for kind in ("invoice", "subscription")
           for each in shelf.every(desk.store, "chargebee", kind)]  # fmt: skip
    assert sorted(each["id"] for each in found) == sorted(ids)
    assert {each["kind"] for each in found} == {"invoice", "subscription"}
    assert {each["unread"] for each in found} == {None}
    assert all(each["email"] and each["company"] for each in found)
    assert any(each["account_key"] for each in found)
    monkeypatch.setattr(ours, "PER_PAGE", 7)
    assert desk.rows(source(desk), "signals") == found


def test_incremental_pulls_add_up_to_the_full_one(desk):
    """Before a moment and since it."""
    every = desk.rows(source(desk), "signals")
    middle = sorted(each["modified_at"] for each in every)[len(every) * 3 // 4]
    late = [each["id"] for each in desk.rows(source(desk), "signals", middle)]
    assert late == [each["id"] for each in every if each["modified_at"] >= middle]
    assert len(late) < len(every)


def test_what_is_younger_than_five_minutes_is_left_for_the_next_run(desk):
    """Of two that changed at once the list shows one; both come when it has caught up."""
    desk.rows(source(desk), "signals")
    for id in ("n1", "n2"):
        bill(desk, id, ago=10)
    since = desk.now() - timedelta(days=1)
    assert desk.rows(source(desk), "signals", since) == []
    desk.store.clock.advance(timedelta(minutes=6))
    again = source(desk)
    assert [each["name"] for each in desk.rows(again, "signals", since)] == ["n1", "n2"]


def test_a_deleted_invoice_is_told(desk):
    """Its number stays, and it counts no more."""
    desk.rows(source(desk), "signals")
    bill(desk, "n1", deleted=True)
    assert one(desk)["deleted"] is True


def test_an_open_invoice_is_due_and_a_paid_one_settled(desk):
    """Void is settled, too; pending is not due."""
    desk.rows(source(desk), "signals")
    made = bill(desk, "n1")
    found = one(desk)
    assert (found["value"], found["unit"], found["settled_at"]) == (1200, "EUR", None)
    assert found["due_at"].timestamp() == made["due_date"]
    for status, due, settled in (("paid", True, True), ("voided", True, True),
                                 ("pending", False, False), ("not_paid", True, False)):  # fmt: skip
        bill(desk, "n1", status=status, paid_at=made["date"] + 60)
        found = one(desk)
        assert (bool(found["due_at"]), bool(found["settled_at"])) == (due, settled), status


def test_a_currency_without_hundredths(desk):
    """120000 yen are 120000 yen."""
    desk.rows(source(desk), "signals")
    bill(desk, "n1", currency_code="JPY")
    assert one(desk)["value"] == 120_000


def test_a_cancelled_subscription_ends(desk):
    """With what it was worth a month, and what was sold."""
    desk.rows(source(desk), "signals")
    ended = shelf.now(desk.store) - 7200
    put(desk, "subscription", chargebee.subscription("S9", "C1", 10**9, ended), 3600)
    found = one(desk)
    assert (found["kind"], found["status"], found["name"]) == (
        "subscription", "cancelled", "pro-yearly"
    )  # fmt: skip
    assert (found["value"], found["ends_at"].timestamp()) == (99, ended)


def test_the_account_stands_in_a_field_of_the_customer(desk):
    """Whichever it is."""
    desk.rows(source(desk), "signals")
    bill(desk, "n1")
    person = {"id": "C1", "company": "Alpha", "email": "a@alpha.example", "cf_crm": "001X"}
    shelf.put(desk.store, "chargebee", "customer", 0, person)
    assert one(desk, account_field="cf_crm")["account_key"] == "001X"


def test_a_wrong_key_is_told(desk, tmp_path):
    (tmp_path / "token").write_text("wrong")
    with pytest.raises(AuthError, match="Chargebee refuses the key"):
        source(desk).check()


@pytest.mark.parametrize(
    "do", [{"status": 429, "headers": {"Retry-After": "0"}}, {"truncate_at": 50}, {"status": 503}]
)
def test_bad_luck_is_repaired(desk, do):
    """A page that fails is asked for again."""
    whole = desk.rows(source(desk), "signals")
    desk.fault(do, "/invoices", nth=2)
    assert desk.rows(source(desk), "signals") == whole


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(302, b"", {"Location": "https://evil.example/"}), "redirects"),
        (Answer(body=orjson.dumps({"list": [], "next_offset": "x"})), "came again"),
    ],
)
def test_a_redirect_and_a_page_that_repeats_are_refused(scripted, tmp_path, answer, said):
    (tmp_path / "t").write_text("t")
    one = Source(url=scripted(Answer(), answer).url, token=Secret(f"file:{tmp_path / 't'}"))
    with pytest.raises(Malformed, match=said):
        one.pull("signals", None, tmp_path / "in")
