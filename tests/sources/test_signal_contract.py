"""The contract of support desks, product usage and billing, the same for each of them; that of
survey platforms is in `test_contract.py`, what goes wrong on the way in `test_faults.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from connector.errors import Malformed
from connector.sandbox.signals import chargebee, intercom, mixpanel, shelf, stripe, zendesk
from connector.shipped import available
from tests.sources.cases import CASES
from tests.sources.repeating import losing, repeating
from tests.sources.signals import Desk, read, serving

DAY = 86_400
#: Types of sources that have another contract, and where it is.
ELSEWHERE = {
    "attest": "test_attest.py: a panel, of which no record is read",
    "rest": "test_rest_tables.py: as the types that its tables describe",
    "file": "test_files.py: nobody is asked for anything",
    "webhook": "test_webhook.py: nobody is asked for anything",
}
PAGES = Path(__file__).parents[2] / "docs" / "sources"


@dataclass(frozen=True, slots=True)
class Case:
    """One stream of a platform.

    `add` makes a record some seconds ago, `edit` changes it now so that `column` tells, `delete`
    takes it away. `kinds` are what the platform keeps its records as. Of what was deleted a pull
    is `told`, or it is no longer `listed`; where neither is possible its page says so. `lists` is
    the path of its list, as a regex, and `small` the module variable that makes its pages small.
    """

    platform: str
    stream: str
    kinds: tuple[str, ...]
    add: Callable[[Desk, str, int], None]
    edit: Callable[[Desk, str], None]
    delete: Callable[[Desk, str], None]
    column: str
    lists: str
    small: str = "PER_PAGE"
    found: str = "told"
    settings: Mapping[str, Any] = field(default_factory=dict)
    #: Where the records stand in an answer that says how many there are in all.
    counted: str = ""
    #: How records are called here: what stands before the platform's own id.
    prefix: str = ""
    counts: Callable[[Desk, dict[str, Any]], bool] = lambda desk, record: True

    def source(self, desk: Desk, url: str = "") -> Any:
        names = ("url", "user", "profiles_url", "project", "zone")
        keys = {name: desk.keys[name] for name in names if name in desk.keys}
        if url:
            keys = {n: v.replace(desk.base, url) for n, v in keys.items()}
        module = import_module(f"connector.sources.{self.platform}")
        return module.Source(token=desk.token, **{**keys, **self.settings})

    def rows(self, desk: Desk, since: datetime | None = None) -> dict[str, dict[str, Any]]:
        source = self.source(desk)
        begin = since - source.overlap if since else None
        found = desk.rows(source, self.stream, begin)
        assert len({each["id"] for each in found}) == len(found)
        return {each["id"]: each for each in found}

    def called(self, id: str) -> str:
        return f"{self.prefix}{id}"


def _put(platform: str, kind: str) -> Callable[[Desk, str, dict[str, Any], int], None]:
    def put(desk: Desk, id: str, record: dict[str, Any], ago: int) -> None:
        shelf.put(desk.store, platform, kind, shelf.now(desk.store) - ago, record)

    return put


def _again(platform: str, kind: str, **told: Any) -> Callable[[Desk, str], None]:
    """The record as it is, but for what is told; changed ten minutes ago."""

    def edit(desk: Desk, id: str) -> None:
        moved = shelf.now(desk.store) - 600
        record = shelf.get(desk.store, platform, kind, id)
        assert record is not None
        stamp = moved if platform in {"chargebee", "intercom"} else shelf.iso(moved)
        shelf.put(desk.store, platform, kind, moved, {**record, **told, "updated_at": stamp})

    return edit


def _gone(platform: str, kind: str) -> Callable[[Desk, str], None]:
    return lambda desk, gone: shelf.drop(desk.store, platform, kind, gone)


def _ticket(desk: Desk, id: str, ago: int) -> None:
    opened = shelf.now(desk.store) - ago
    _put("zendesk", "tickets")(desk, id, zendesk.ticket(int(id), opened, None, "high"), ago)


def _rating(desk: Desk, id: str, ago: int) -> None:
    at = shelf.iso(shelf.now(desk.store) - ago)
    made = {"id": int(id), "ticket_id": 1, "requester_id": 1, "score": "good", "comment": None,
            "created_at": at, "updated_at": at}  # fmt: skip
    _put("zendesk", "satisfaction_ratings")(desk, id, made, ago)


def _reworded(desk: Desk, id: str) -> None:
    """Its creation does not move, and that is what the list goes by."""
    record = shelf.get(desk.store, "zendesk", "satisfaction_ratings", id)
    assert record is not None
    made = shelf.seconds(record["created_at"])
    said = {**record, "comment": "Doch nicht", "updated_at": shelf.iso(shelf.now(desk.store) - 600)}
    shelf.put(desk.store, "zendesk", "satisfaction_ratings", made, said)


def _conversation(desk: Desk, id: str, ago: int) -> None:
    at = shelf.now(desk.store) - ago
    made = intercom.conversation(id, None, at - 60, at, 4)
    _put("intercom", "conversations")(desk, id, made, ago)


def _invoice(desk: Desk, id: str, ago: int) -> None:
    created = shelf.now(desk.store) - ago
    whom = stripe.customer("cus_x", "Alpha GmbH", {})
    shelf.put(desk.store, "stripe", "customers", 0, whom)
    made = stripe.invoice(id, whom, 120_000, "eur", created, created + DAY)
    stripe.happen(desk.store, "invoice.finalized", {**made, "status": "draft"}, created)


def _happens(type: str, **told: Any) -> Callable[[Desk, str], None]:
    def happen(desk: Desk, id: str) -> None:
        record = shelf.get(desk.store, "stripe", "invoices", id)
        assert record is not None
        at = shelf.now(desk.store) - 600
        stripe.happen(desk.store, f"invoice.{type}", {**record, **told}, at)

    return happen


def _bill(desk: Desk, id: str, ago: int) -> None:
    created = shelf.now(desk.store) - ago
    made = chargebee.invoice(id, "C1", 120_000, created, created + DAY)
    _put("chargebee", "invoice")(desk, id, {**made, "updated_at": created}, ago)


def _person(desk: Desk, id: str, ago: int) -> None:
    seen = shelf.now(desk.store) - ago
    _put("mixpanel", "people")(desk, id, mixpanel.profile(id, seen, account_id="A"), ago)


def _seen(desk: Desk, id: str) -> None:
    _person(desk, id, 600)


PEOPLE = {"read": "profiles", "first_days": 3650}
CASES_OF_SIGNALS = (
    Case(
        "zendesk", "tickets", ("tickets",), _ticket, _again("zendesk", "tickets", status="solved"),
        _again("zendesk", "tickets", status="deleted"), "status", r"/incremental/tickets",
        small="PER_EXPORT",
    ),
    Case(
        "zendesk", "responses", ("satisfaction_ratings",), _rating, _reworded,
        _gone("zendesk", "satisfaction_ratings"), "comment", r"/satisfaction_ratings",
        found="listed", prefix="rating-",
        counts=lambda desk, record: record["score"] in {"good", "bad"},
    ),
    Case(
        "mixpanel", "signals", ("people",), _person, _seen, _gone("mixpanel", "people"),
        "occurred_at", r"/engage$", found="listed", settings=PEOPLE, prefix="profile-",
        counted="results",
    ),
    Case(
        "intercom", "tickets", ("conversations",), _conversation,
        _again("intercom", "conversations", state="snoozed"),
        _gone("intercom", "conversations"), "status", r"/conversations/search$", found="listed",
        counted="conversations",
    ),
    Case(
        "stripe", "signals", ("invoices",), _invoice, _happens("paid", amount_due=7),
        _happens("deleted"), "value", r"/invoices$",
    ),
    Case(
        "chargebee", "signals", ("invoice", "subscription"), _bill,
        _again("chargebee", "invoice", total=700, amount_due=700),
        _again("chargebee", "invoice", deleted=True), "value", r"/invoices$", prefix="invoice-",
    ),
)  # fmt: skip


@pytest.fixture(params=CASES_OF_SIGNALS, ids=lambda case: f"{case.platform}-{case.stream}")
def place(request, tmp_path, monkeypatch) -> Iterator[tuple[Case, Desk]]:
    case: Case = request.param
    with serving(tmp_path, monkeypatch, case.platform, accounts=12) as desk:
        case.rows(desk)  # whereupon the platform has its records
        monkeypatch.setattr(f"connector.sources.{case.platform}.{case.small}", 3)
        for number, ago in enumerate((9, 7, 5, 3)):
            case.add(desk, str(900_001 + number), ago * DAY)
        yield case, desk


def test_every_source_has_a_contract():
    """This one, that of survey platforms, or one that is named."""
    of_signals = {case.platform for case in CASES_OF_SIGNALS}
    assert {case.name for case in CASES} | of_signals | set(ELSEWHERE) == set(available("sources"))


def test_a_full_pull_brings_what_the_platform_counts(place):
    """Each record once, over several pages."""
    case, desk = place
    kept = [each for kind in case.kinds for each in shelf.every(desk.store, case.platform, kind)]
    assert len(case.rows(desk)) == sum(case.counts(desk, each) for each in kept) > 3


def test_incremental_pulls_add_up_to_the_full_one(place):
    """Whatever is added and edited between them."""
    case, desk = place
    known = case.rows(desk)
    for number in range(2):
        mark = desk.now()
        desk.store.clock.advance(timedelta(hours=1))
        case.add(desk, str(910_001 + number), 1800)
        case.edit(desk, str(900_001 + number))
        known |= case.rows(desk, mark)
    assert _plain(known) == _plain(case.rows(desk))


def test_an_edit_arrives(place):
    """By a stamp, or within the days that are read again."""
    case, desk = place
    id, mark = case.called("900001"), desk.now()
    before = case.rows(desk)[id]
    desk.store.clock.advance(timedelta(hours=1))
    case.edit(desk, "900001")
    assert case.rows(desk, mark)[id][case.column] != before[case.column]


def test_a_deletion_is_found(place):
    """The next pull tells it, or the list of what is there lacks it, and nothing else."""
    case, desk = place
    id, mark = case.called("900002"), desk.now()
    source, since = case.source(desk), desk.now() - timedelta(days=30)
    before = _listed(case, desk, since) if case.found == "listed" else set()
    desk.store.clock.advance(timedelta(hours=1))
    case.delete(desk, "900002")
    if case.found == "told":
        listing = getattr(source, "ids", None)
        assert listing is None or listing(case.stream, since, desk.into / "none") is None
        assert case.rows(desk, mark)[id]["deleted"] is True
        return
    assert before - _listed(case, desk, since) == {id}


def test_where_no_deletion_can_be_found_the_page_says_so(tmp_path, monkeypatch):
    """Mixpanel's events: there is nothing but the export."""
    with serving(tmp_path, monkeypatch, "mixpanel", accounts=2) as desk:
        case = next(each for each in CASES_OF_SIGNALS if each.platform == "mixpanel")
        assert case.source(desk).ids is not None
        source = type(case.source(desk))
        assert source("1", "u", desk.token).ids is None
    assert "tells nothing of what it deleted" in (PAGES / "mixpanel.md").read_text(encoding="utf-8")


def test_a_page_that_comes_again_is_an_error(place):
    """No endless loop, and nothing is taken for whole."""
    case, desk = place
    with repeating(desk.base, case.lists) as url, pytest.raises(Malformed, match=r"again|promised"):
        desk.rows(case.source(desk, url), case.stream)


def test_fewer_than_the_platform_counts_are_an_error(place):
    """Where it says how many there are; Zendesk, Stripe and Chargebee do not."""
    case, desk = place
    if not case.counted:
        assert case.platform in {"zendesk", "stripe", "chargebee"}
        return
    lossy = losing(desk.base, case.lists, case.counted)
    with lossy as url, pytest.raises(Malformed, match="promised"):
        desk.rows(case.source(desk, url), case.stream)


def _listed(case: Case, desk: Desk, since: datetime) -> set[str]:
    desk.pulls += 1
    found = case.source(desk).ids(case.stream, since, desk.into / str(desk.pulls))
    return {each["id"] for each in read(found)}


def _plain(rows: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is said: not the stamp of change, which an event tells and a list does not."""
    return {
        id: {name: value for name, value in row.items() if value and name != "modified_at"}
        for id, row in rows.items()
    }
