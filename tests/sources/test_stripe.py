"""Stripe: every invoice as it is now, whether it was listed or told of by an event."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from connector.errors import AuthError, Malformed
from connector.rest.feed import Feed, fetch
from connector.sandbox.signals import shelf, stripe
from connector.secrets import Secret
from connector.sources import stripe as ours
from connector.sources.stripe import COLUMNS, Source
from tests.conftest import SHARED, Answer, beside
from tests.sources.signals import read, serving

RECORDED = SHARED / "data" / "api_payloads" / "stripe" / "events_json"
PERSON = stripe.customer("cus_1", "Alpha GmbH", {"account_id": "A-1"})


@pytest.fixture
def desk(tmp_path, monkeypatch):
    with serving(tmp_path, monkeypatch, "stripe", accounts=25) as made:
        yield made


def source(desk, **settings) -> Source:
    return Source(url=desk.url, token=desk.token, **settings)


def happened(desk, type: str, invoice: dict, ago: int = 3600) -> None:
    stripe.happen(desk.store, f"invoice.{type}", invoice, shelf.now(desk.store) - ago)


def bill(desk, id: str, *, days: int = 20, due: int = 10, **more) -> dict:
    """An invoice made out some days ago."""
    shelf.put(desk.store, "stripe", "customers", 0, PERSON)
    created = shelf.now(desk.store) - days * 86_400
    made = stripe.invoice(id, PERSON, 120_000, "eur", created, created + due * 86_400)
    return {**made, **more}


def test_at_first_every_invoice_is_listed(desk, monkeypatch):
    """Page by page, each once, with the account that invoice or customer names."""
    found = desk.rows(source(desk), "signals")
    there = {each["id"]: each for each in shelf.every(desk.store, "stripe", "invoices")}
    assert [each["id"] for each in found] == sorted(there) != []
    keyed = {each["account_key"] for each in found} - {None}
    named = {each["metadata"].get("account_id") for each in
             shelf.every(desk.store, "stripe", "customers")} - {None}  # fmt: skip
    assert keyed <= named
    assert keyed
    assert all(each["email"] and each["unread"] is None for each in found)
    for each in found:
        assert each["value"] == there[each["id"]]["amount_due"] / 100
        assert (each["settled_at"] is None) == (there[each["id"]]["status"] == "open")
    monkeypatch.setattr(ours, "PER_PAGE", 7)
    plain = [{**each, "modified_at": None} for each in found]
    again = desk.rows(source(desk), "signals")
    assert [{**each, "modified_at": None} for each in again] == plain


def test_what_is_listed_is_older_than_any_event_to_come(desk):
    """An event that the feed did not show yet is news, and must win over the list."""
    found = desk.rows(source(desk), "signals")
    latest = max(each["modified_at"] for each in found)
    assert latest <= desk.now() - timedelta(minutes=1)


def test_the_version_that_is_understood_is_named(scripted, tmp_path):
    """An account's own may be any."""
    (tmp_path / "t").write_text("t")
    script = scripted(Answer(body=b'{"data": []}'))
    Source(url=script.url, token=Secret(f"file:{tmp_path / 't'}")).check()
    assert script.requests[0][2]["Stripe-Version"] == ours.VERSION


def test_what_changed_since_comes_from_events(desk):
    """The newest event of an invoice tells how it is; older ones are not read over it."""
    open_one = bill(desk, "in_1")
    happened(desk, "finalized", open_one, 7200)
    paid = shelf.now(desk.store) - 1800
    moments = {**open_one["status_transitions"], "paid_at": paid}
    settled = {**open_one, "status": "paid", "amount_remaining": 0, "status_transitions": moments}
    happened(desk, "paid", settled, 1800)
    (found,) = desk.rows(source(desk), "signals", desk.now() - timedelta(days=1))
    assert (found["id"], found["status"], found["account_key"]) == ("in_1", "paid", "A-1")
    assert found["settled_at"].timestamp() == paid
    assert (found["value"], found["unit"]) == (1200, "EUR")
    assert desk.asked("/invoices") == 1  # the clock


def test_incremental_pulls_add_up_to_the_full_one(desk):
    """What the events bring over an old full pull is what a full pull brings now."""
    before = {each["id"]: each for each in desk.rows(source(desk), "signals")}
    since = desk.now() - timedelta(seconds=90)
    one = shelf.get(desk.store, "stripe", "invoices", sorted(before)[0])
    happened(desk, "updated", {**one, "amount_due": 5}, 70)
    happened(desk, "finalized", bill(desk, "in_new"), 70)
    late = {each["id"]: each for each in desk.rows(source(desk), "signals", since)}
    whole = desk.rows(source(desk), "signals")
    merged = {**before, **late}
    drop = {"modified_at": None, "deleted": None}
    assert {**{k: {**v, **drop} for k, v in merged.items()}} == {
        each["id"]: {**each, **drop} for each in whole
    }
    assert set(late) == {one["id"], "in_new"}


def test_what_happened_a_moment_ago_is_left_for_the_next_run(desk):
    """The feed is a little behind: what it lacks now would else never be asked for."""
    happened(desk, "finalized", bill(desk, "in_1"), 30)
    since = desk.now() - timedelta(days=1)
    assert desk.rows(source(desk), "signals", since) == []
    desk.store.clock.advance(timedelta(minutes=1))
    assert [each["id"] for each in desk.rows(source(desk), "signals", since)] == ["in_1"]


def test_a_deleted_invoice_is_told(desk):
    """A draft that was thrown away."""
    draft = bill(desk, "in_d", status="draft")
    happened(desk, "deleted", draft)
    (found,) = desk.rows(source(desk), "signals", desk.now() - timedelta(days=1))
    assert (found["id"], found["deleted"], found["due_at"]) == ("in_d", True, None)


@pytest.mark.parametrize(
    "type",
    ["finalized", "paid", "payment_failed", "payment_succeeded", "updated", "overdue",
     "marked_uncollectible", "voided"],
)  # fmt: skip
def test_whatever_happens_to_an_invoice_is_asked_for(desk, type):
    """By its name: Stripe sends no other events."""
    happened(desk, type, bill(desk, "in_1"))
    found = desk.rows(source(desk), "signals", desk.now() - timedelta(days=1))
    assert [each["id"] for each in found] == ["in_1"]


def test_after_a_month_everything_is_listed_again(desk):
    """Events older than that are gone."""
    found = desk.rows(source(desk), "signals", desk.now() - timedelta(days=40))
    assert len(found) == len(shelf.every(desk.store, "stripe", "invoices"))


def test_what_is_collected_without_asking_is_due_at_once(desk):
    """There is no due date; a card that fails leaves a debt from then on."""
    one = bill(desk, "in_c", due_date=None, collection_method="charge_automatically")
    happened(desk, "payment_failed", one)
    (found,) = desk.rows(source(desk), "signals", desk.now() - timedelta(days=1))
    assert found["due_at"].timestamp() == one["created"]
    assert found["settled_at"] is None


def test_a_debt_given_up_stays_one_and_a_void_one_does_not(desk):
    """Written off is the customer's fault; void was never owed."""
    lost = bill(desk, "in_l", status="uncollectible")
    gone = bill(desk, "in_v", status="void")
    gone["status_transitions"] = {**gone["status_transitions"], "voided_at": gone["created"] + 60}
    happened(desk, "marked_uncollectible", lost)
    happened(desk, "voided", gone)
    found = desk.rows(source(desk), "signals", desk.now() - timedelta(days=1))
    assert [bool(each["settled_at"]) for each in found] == [False, True]


@pytest.mark.parametrize(
    ("currency", "value"), [("eur", 1200), ("jpy", 120_000), ("kwd", 120), ("xaf", 120_000)]
)
def test_amounts_are_in_the_unit_that_people_pay_in(desk, currency, value):
    """A yen has no hundredth."""
    happened(desk, "finalized", bill(desk, "in_1", currency=currency))
    (found,) = desk.rows(source(desk), "signals", desk.now() - timedelta(days=1))
    assert (found["value"], found["unit"]) == (value, currency.upper())


def test_a_wrong_key_is_told(desk, tmp_path):
    (tmp_path / "token").write_text("wrong")
    with pytest.raises(AuthError, match="Stripe refuses the token"):
        source(desk).check()


@pytest.mark.parametrize(
    "do", [{"status": 429, "headers": {"Retry-After": "0"}}, {"truncate_at": 50}, {"status": 503}]
)
def test_bad_luck_is_repaired(desk, do):
    """A page that fails is asked for again."""
    whole = len(desk.rows(source(desk), "signals"))
    desk.fault(do, "/invoices")
    assert len(desk.rows(source(desk), "signals")) == whole


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(302, b"", {"Location": "https://evil.example/"}), "redirects"),
        (Answer(body=b'{"data": [{"id": "in_1"}], "has_more": true}'), "came again"),
    ],
)
def test_a_redirect_and_a_page_that_repeats_are_refused(scripted, tmp_path, answer, said):
    (tmp_path / "t").write_text("t")
    one = Source(url=scripted(Answer(), answer).url, token=Secret(f"file:{tmp_path / 't'}"))
    with pytest.raises(Malformed, match=said):
        one.pull("signals", None, tmp_path / "in")


@beside
def test_recorded_invoices_are_read(scripted, tmp_path):
    """As webhooks brought them: nothing that cannot be read."""
    told = [orjson.loads(path.read_bytes()) for path in sorted(RECORDED.glob("invoice*.json"))]
    invoices = [
        each.get("object") if isinstance(each.get("object"), dict) else each for each in told
    ]
    invoices = [each for each in invoices if each.get("id")]
    (tmp_path / "t").write_text("t")
    url = scripted(Answer(body=orjson.dumps({"data": invoices}))).url
    one = Source(url=url, token=Secret(f"file:{tmp_path / 't'}"))
    feed = Feed(COLUMNS, "invoices", "data", given={"told_at": "1"})
    found = read(fetch(one._line, [feed], "signals", tmp_path / "in"))
    assert len(found) == len(invoices) >= 3
    assert {each["unread"] for each in found} == {None}
    assert {each["unit"] for each in found} == {"USD"}
