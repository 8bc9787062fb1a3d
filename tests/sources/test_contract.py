"""The contract of all survey platforms: nothing is lost, nothing is doubled. What goes wrong on
the way is in `test_faults.py`, for every source there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector import http
from connector.errors import AuthError, Malformed
from connector.records import STREAMS
from connector.sandbox.faults import Faults
from connector.sandbox.seed import fill
from connector.sandbox.server import running
from connector.sandbox.store import Store
from connector.sandbox.surveys import answers, unanswered
from connector.sandbox.surveys.unanswered import Invitation
from connector.secrets import Secret
from tests.sources.cases import CASES, Case
from tests.sources.reading import rows
from tests.sources.repeating import losing, repeating

TWELVE = 12
#: Platforms that do not say how many answers there are.
COUNTS_NOTHING = {
    "customergauge", "delighted", "inmoment", "qualtrics", "satismeter", "survicate", "trustmary"
}  # fmt: skip
#: An answer that has everything.
WHOLE = {
    "kind": "transactional",
    "metric": "nps",
    "score": 9,
    "comment": "Schnell",
    "labels": ["Preis"],
    "language": "de",
    "channel": "email",
    "touchpoint": "transactional",
    "email": "p@kunde.example",
    "account_key": "0015000000AbCdEAAX",
    "contact_key": "0035000000AbCdEAAX",
    "company": "Kunde AG",
    "asked_at": "2026-10-01T08:00:00.000000Z",
    "sentiment": "positive",
}
#: What every platform knows.
ALWAYS = ("metric", "score", "comment", "email", "account_key")
MOMENTS = ("asked_at", "submitted_at", "modified_at")
#: Columns with tests of their own, and those that only a CRM fills.
SHOWN_ELSEWHERE = {
    "id", "platform", "scale_min", "scale_max", "partial", "excluded", "invitation", "part_of"
}  # fmt: skip


@dataclass
class Place:
    """A platform with twelve answers, a third of them to another survey, and a way to it."""

    case: Case
    url: str
    store: Store
    folder: Path

    def source(self, base: str = "", **more: Any) -> Any:
        keys = self.case.keys(self.store, base or self.url)
        (self.folder / "secret").write_text(keys.get("token") or keys["secret"])
        secret = {self.case.secret: Secret(f"file:{self.folder / 'secret'}")}
        return self.case.module.Source(**{**self.case.settings(keys), **secret, **more})

    def rows(self, since: datetime | None = None) -> dict[str, dict[str, Any]]:
        found = rows(self.source(), self.folder, since)
        assert len({row["id"] for row in found}) == len(found)
        return {row["id"]: row for row in found}

    def do(self, do: str, **wanted: Any) -> str:
        with self.store.lock:
            return str(self.case.act(self.store, {"do": do, **wanted})["id"])

    def later(self, **span: float) -> datetime:
        """Let time pass; the moment it is then."""
        return self.store.clock.advance(timedelta(**span))


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def place(request, tmp_path, monkeypatch) -> Iterator[Place]:
    case: Case = request.param
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)
    for name, size in case.small.items():
        monkeypatch.setattr(case.module, name, size)
    store = Store(tmp_path / "s.sqlite")
    fill(store, 0, 1)
    store.put("salesforce_app", {})
    for name, size in case.served.items():
        store.put(name, size)
    stamp = answers.stamp(store.clock.now() - timedelta(days=500))
    for id, title in (("s1", "Relationship"), ("s2", "After support")):
        answers.add_survey(store, answers.Survey(id, title, "active", stamp))
    made = Place(case, "", store, tmp_path)
    for number in range(TWELVE):
        person = {"name": f"P {number}", "email": f"p{number}@kunde.example", "account_key": "K-1"}
        made.do(
            "add", id=f"{number + 1}", survey="s2" if number % 3 == 2 else "s1",
            score=number % 11, comment=f"Wort {number}", **person,
        )  # fmt: skip
        made.later(hours=7)
    with running(store, Faults()) as made.url:
        yield made
    store.close()


def test_a_full_pull_brings_what_the_platform_counts(place):
    """Each answer once."""
    assert len(place.rows()) == place.case.total(place.store) == TWELVE


def test_an_answer_keeps_what_it_says(place):
    """Id, platform, score with its scale, words, who, and when."""
    row, kept = place.rows()["9"], answers.find(place.store, "id = '9'")[0]
    assert (row["score"], row["scale_min"], row["scale_max"]) == (8, 0, 10)
    assert (row["platform"], row["metric"], row["comment"]) == (place.case.name, "nps", "Wort 8")
    assert (row["email"], row["odd"], row["unread"]) == ("p8@kunde.example", None, None)
    assert abs(row["submitted_at"] - answers.moment(kept.submitted_at)) < timedelta(seconds=1)


def test_everything_that_the_platform_tells_arrives(place):
    """Every column of an answer that has all of them, and nothing that it does not know."""
    given = {name: value for name, value in WHOLE.items() if name != "sentiment"}
    place.do("add", id="900", survey="s2", **given, more={"sentiment": WHOLE["sentiment"]})
    place.later(days=2)  # zenloop's labels come a day later
    source = place.source(transactional=place.case.events)
    row = {each["id"]: each for each in rows(source, place.folder)}["900"]
    kept = answers.find(place.store, "id = '900'")[0]
    moments = {name: row.get(name) and _stamp(row[name]) for name in MOMENTS}
    assert moments == {
        "asked_at": kept.asked_at[:19] if "asked_at" in place.case.tells else None,
        "submitted_at": kept.submitted_at[:19],
        "modified_at": moments["modified_at"],
    }
    assert moments["modified_at"] in {kept.submitted_at[:19], kept.updated_at[:19]}
    expected = {name: WHOLE[name] for name in (*place.case.tells.split(), *ALWAYS)}
    expected |= {"kind": "transactional", "survey": place.case.called}
    has = set(STREAMS["responses"].columns) - {*MOMENTS, *SHOWN_ELSEWHERE}
    assert {name: row[name] for name in has if row.get(name) is not None} == {
        name: value for name, value in expected.items() if name in has
    }


def test_everything_that_is_told_of_an_invitation_arrives(place):
    """Who was asked and kept silent, when, and whose it is: coverage is made of this."""
    case = place.case
    invited = "invitations" in place.source(**case.with_invited).streams
    assert invited == bool(case.asks)
    if not invited:
        return
    who = {name: WHOLE[name] for name in ("email", "account_key", "contact_key", "company")}
    place.do("add", id="900", survey="s1", score=3, **who)  # InMoment knows a person by an answer
    with place.store.lock:
        unanswered.create_tables(place.store)
        unanswered.add(
            place.store, Invitation(2_000_001, "s2", asked_at=WHOLE["asked_at"],
                                    state="declined" if case.name == "inmoment" else "sent", **who)
        )  # fmt: skip
    found = rows(place.source(**case.with_invited), place.folder, stream="invitations")
    theirs = [each for each in found if each["email"] == who["email"]]
    (row,) = [each for each in theirs if each["status"] != "answered"]
    assert (row["odd"], row["unread"]) == (None, None)
    assert _stamp(row["asked_at"]) == _stamp(row["modified_at"]) == WHOLE["asked_at"][:19]
    expected = {name: who[name] for name in (*case.asks.split(), "email")}
    expected |= {"platform": case.name, "survey": case.called,
                 "status": "declined" if case.name == "inmoment" else "sent"}  # fmt: skip
    has = set(STREAMS["invitations"].columns) - {"id", "asked_at"}
    assert {name: row[name] for name in has if row.get(name) is not None} == expected


def _stamp(moment: datetime) -> str:
    return answers.stamp(moment)[:19]


def test_incremental_pulls_add_up_to_the_full_one(place):
    """Whatever is added, edited and late between them."""
    known = place.rows()
    for number in range(3):
        mark = place.store.clock.now()
        place.later(minutes=5)
        place.do("add", id=f"{100 + number}", score=number)
        place.do("late", id=f"{200 + number}", score=number, ago="1d")
        place.do("edit", id=f"{TWELVE - number}", score=number, comment="Anders")
        place.later(minutes=5)
        known |= place.rows(mark - place.source().overlap)
    assert known == place.rows()
    assert len(known) == TWELVE + 6


def test_what_is_old_and_unchanged_is_not_read_again(place):
    """A pull asks for what is new. Trustmary cannot be asked so, and CustomerGauge goes on by its
    cursor, as `test_customergauge.py` shows."""
    place.later(days=300)
    mark = place.store.clock.now()
    place.later(minutes=5)
    place.do("add", id="600", score=1)
    place.later(minutes=5)
    found = set(place.rows(mark - place.source().overlap))
    assert found == {"600"} or place.case.name in {"trustmary", "customergauge"}
    assert "600" in found


def test_an_edit_arrives(place):
    """Of any age where the platform tells what changed; within the overlap where it does not."""
    place.later(days=90 if place.case.stamped else 20)
    mark = place.store.clock.now()
    place.later(minutes=5)
    place.do("edit", id="1", score=2, comment="Doch nicht")
    place.later(minutes=5)
    found = place.rows(mark - place.source().overlap)["1"]
    assert (found["score"], found["comment"]) == (2, "Doch nicht")


def test_what_was_deleted_is_no_longer_listed(place):
    """The list of ids is what the engine compares with; it knows answers of any change."""
    if not hasattr(place.source(), "ids"):
        pytest.fail(f"{place.case.name} cannot list its ids")
    since = place.store.clock.now() - timedelta(days=180)
    before = _ids(place, since)
    place.do("delete", id="4")
    assert before - _ids(place, since) == {"4"}
    assert len(before) == TWELVE


def test_only_recent_answers_are_listed(place):
    """By when they were given: an old one that changed is not among them."""
    place.later(days=300)
    place.do("edit", id="3", score=1)
    place.do("add", id="500", score=1)
    place.later(minutes=1)
    listed = _ids(place, place.store.clock.now() - timedelta(days=180))
    assert listed == {"500"} or place.case.name == "trustmary"  # which has no filter at all
    assert "500" in listed


def test_a_score_that_cannot_be_is_listed(place):
    """By its rule; never made to fit."""
    place.do("add", id="77", score=11)
    place.later(minutes=1)
    row = place.rows()["77"]
    told = (None, None) if place.case.chosen else ("score_off_scale", 11)
    assert (row["odd"], row["score"]) == told


def test_a_page_that_comes_again_is_an_error(place):
    """The platform ignores what we ask for: no endless loop, and nothing is taken for whole."""
    if not place.case.paged:  # there is but one
        assert sum(_calls(place).values()) == 1
        return
    with repeating(place.url, place.case.lists) as url, pytest.raises(Malformed):
        rows(place.source(url), place.folder)


def test_fewer_than_the_platform_counts_are_an_error(place):
    """Where it says how many there are, a page that is short of one is not taken for whole."""
    if not place.case.counted:
        assert place.case.name in COUNTS_NOTHING
        return
    lossy = losing(place.url, place.case.lists, place.case.counted)
    with lossy as url, pytest.raises(Malformed, match="promised"):
        rows(place.source(url), place.folder)


def test_check_is_one_cheap_call_that_needs_the_credential(place):
    """A wrong one is refused by it."""
    source = place.source()
    source.check()
    assert sum(source.calls().values()) <= 2
    wrong = place.source()
    (place.folder / "secret").write_text("nonsense")
    with pytest.raises(AuthError):
        wrong.check()


def test_how_sure_we_are_is_said(place):
    """By one of three words."""
    assert place.source().sure in {"verified", "partly", "inferred"}


def _calls(place: Place) -> Any:
    source = place.source()
    rows(source, place.folder)
    return source.calls()


def _ids(place: Place, since: datetime) -> set[str]:
    source = place.source()

    class Listing:
        """The list of ids, read as a pull is."""

        @staticmethod
        def pull(stream: str, at: datetime, into: Path) -> Any:
            return source.ids(stream, at, into)

    return {row["id"] for row in rows(Listing, place.folder, since)}
