"""Mixpanel: use counted by day, once for everything that was sent twice, late or broken off."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import orjson
import pytest

from connector.errors import AuthError, Denied, Malformed
from connector.sandbox.signals import mixpanel, shelf
from connector.secrets import Secret
from connector.sources import mixpanel as ours
from connector.sources.mixpanel import Source, is_whole, spans
from tests.conftest import SHARED, Answer, beside
from tests.sources.signals import read, serving

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    with serving(tmp_path, monkeypatch, "mixpanel", accounts=25) as made:
        yield made


def source(desk, **settings) -> Source:
    told = {name: desk.keys[name] for name in ("url", "profiles_url", "project", "user", "zone")}
    return Source(token=desk.token, first_days=200, **{**told, **settings})


def day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, BERLIN):%Y-%m-%d}"


def there(desk) -> Counter:
    """What the platform has, counted by hand: until yesterday, two hundred days back."""
    start, today = desk.now() - timedelta(days=200), day(desk.now().timestamp())
    found = Counter()
    for each in shelf.every(desk.store, "mixpanel", "events"):
        told = each["properties"]
        if day(start.timestamp()) <= day(told["time"]) < today:
            found[f"{day(told['time'])}|{each['event']}|{told['distinct_id']}"] += 1
    return found


def noon(desk, days_ago: int) -> int:
    at = (desk.now() - timedelta(days=days_ago)).astimezone(BERLIN)
    return int(at.replace(hour=12, minute=0, second=0, microsecond=0).timestamp())


def test_a_full_pull_counts_every_event_once(desk):
    """By day, event and person, with the account that event or person names."""
    found = desk.rows(source(desk), "signals")
    assert {each["id"]: each["value"] for each in found} == dict(there(desk)) != {}
    assert all(each["account_key"] and each["email"] for each in found)
    assert {(each["kind"], each["unread"]) for each in found} == {("usage", None)}


def test_incremental_pulls_add_up_to_the_full_one(desk):
    """A day is read whole or not at all; late events correct it."""
    whole = {each["id"]: each for each in desk.rows(source(desk), "signals")}
    since = desk.now() - timedelta(days=5)
    for _ in range(3):
        mixpanel.add(desk.store, "report", "u-late", noon(desk, 3))
    first = {each["id"]: each["value"] for each in desk.rows(source(desk), "signals", since)}
    assert [value for id, value in first.items() if "u-late" in id] == [3]
    mixpanel.add(desk.store, "report", "u-late", noon(desk, 3) - 60)
    late = {each["id"]: each for each in desk.rows(source(desk), "signals", since)}
    assert [each["value"] for id, each in late.items() if "u-late" in id] == [4]
    again = {each["id"]: each["value"] for each in desk.rows(source(desk), "signals")}
    assert {id: each["value"] for id, each in {**whole, **late}.items()} == again


def test_the_last_five_days_are_always_read_again():
    """So long telephones may have been offline."""
    assert Source.__dataclass_fields__["overlap"].default == timedelta(days=5)


def test_events_without_a_mark_count_each_and_those_with_one_once(desk):
    """The mark is how a platform tells that an event was sent twice."""
    desk.rows(source(desk), "signals")
    at = noon(desk, 2)
    for number, mark in enumerate(("same", "same", None, None)):
        told = {"time": at + number, "distinct_id": "u-m", "$insert_id": mark}
        record = {"id": f"m{number}", "event": "login", "properties": told}
        shelf.put(desk.store, "mixpanel", "events", at + number, record)
    since = desk.now() - timedelta(days=5)
    (found,) = [e for e in desk.rows(source(desk), "signals", since) if "u-m" in e["id"]]
    assert found["value"] == 3


def test_days_are_those_of_the_project_and_today_is_not_over(desk):
    """Half past midnight in Berlin is still yesterday in UTC."""
    desk.rows(source(desk), "signals")
    midnight = noon(desk, 2) - 12 * 3600
    mixpanel.add(desk.store, "login", "u-1", midnight + 1800)
    mixpanel.add(desk.store, "login", "u-1", midnight - 1800)
    mixpanel.add(desk.store, "login", "u-1", int(desk.now().timestamp()) - 60)
    since = desk.now() - timedelta(days=5)
    found = [each for each in desk.rows(source(desk), "signals", since) if "u-1" in each["id"]]
    assert [each["id"][:10] for each in found] == [day(midnight - 1800), day(midnight)]


def test_a_day_is_over_when_it_is_over_in_the_project(desk):
    """Half an hour before midnight in UTC it is tomorrow in Berlin."""
    desk.rows(source(desk), "signals")
    mixpanel.add(desk.store, "login", "u-1", noon(desk, 0))
    late = desk.now().replace(hour=23, minute=30)
    desk.store.clock.advance(late - desk.now())
    since = desk.now() - timedelta(days=5)
    found = [each for each in desk.rows(source(desk), "signals", since) if "u-1" in each["id"]]
    assert [each["id"][:10] for each in found] == [f"{late:%Y-%m-%d}"]


def test_thirty_days_at_most_in_one_export():
    """Whole days, none twice, none missing, and not today."""
    now = datetime(2026, 11, 2, 9, tzinfo=BERLIN)
    made = list(spans(now - timedelta(days=70), now))
    assert [(last - first).days + 1 for first, last in made] == [30, 30, 10]
    assert str(made[-1][1]) == "2026-11-01"
    assert all(after[0] - before[1] == timedelta(days=1) for before, after in pairwise(made))
    assert list(spans(now, now)) == []


def test_an_export_that_breaks_off_is_begun_again(desk):
    """Half of the days is not all of them; in the end it is an error."""
    whole = desk.rows(source(desk), "signals")
    desk.store.put("mixpanel_breaks", 2)
    assert desk.rows(source(desk), "signals") == whole
    desk.store.put("mixpanel_breaks", 3)
    with pytest.raises(Malformed, match="broke off"):
        desk.rows(source(desk), "signals")


def test_a_record_cut_in_two_is_mended_and_a_cut_end_noticed(tmp_path):
    raw, clean = tmp_path / "raw", tmp_path / "clean"
    raw.write_bytes(b'{"event":"a"}\n{"event":\n"b"}\n')
    assert is_whole(raw, clean)
    assert clean.read_bytes() == b'{"event":"a"}\n{"event":"b"}\n'
    raw.write_bytes(b'{"event":"a"}\n{"event":')
    assert not is_whole(raw, clean)


def test_only_events_that_count_as_use(desk):
    """Named ones, if any are named."""
    desk.rows(source(desk), "signals")
    name = shelf.every(desk.store, "mixpanel", "events")[-1]["event"]
    found = desk.rows(source(desk, events=(name,)), "signals")
    assert {each["name"] for each in found} == {name}


def test_a_plan_without_export_reads_when_people_were_seen(desk, monkeypatch):
    """One signal a person, in the project's time; pages of one session add up to the total."""
    desk.store.put("mixpanel_plan", "free")
    with pytest.raises(Denied, match="402"):
        desk.rows(source(desk), "signals")
    monkeypatch.setattr(ours, "PER_PAGE", 3)
    found = desk.rows(source(desk, read="profiles"), "signals")
    people = {each["id"]: each for each in shelf.every(desk.store, "mixpanel", "people")}
    oldest = (desk.now() - timedelta(days=200)).timestamp()
    seen = {id: each["$properties"]["$last_seen"] for id, each in people.items()}
    recent = {
        id
        for id, local in seen.items()
        if datetime.fromisoformat(local).replace(tzinfo=BERLIN).timestamp() >= oldest
    }
    assert {each["contact_key"] for each in found} == recent
    assert len(recent) > 3
    for each in found:
        local = people[each["contact_key"]]["$properties"]["$last_seen"]
        assert each["occurred_at"] == datetime.fromisoformat(local).replace(tzinfo=BERLIN)


def test_a_person_who_was_deleted_is_no_longer_listed(desk):
    """Where people are what is read; of events there is no list but the export."""
    desk.rows(source(desk), "signals")
    made, since = source(desk, read="profiles"), desk.now() - timedelta(days=180)
    before = {each["id"] for each in read(made.ids("signals", since, desk.into / "before"))}
    gone = min(before)
    shelf.drop(desk.store, "mixpanel", "people", gone.removeprefix("profile-"))
    after = {each["id"] for each in read(made.ids("signals", since, desk.into / "after"))}
    assert before - after == {gone}
    assert source(desk).ids is None


def test_an_old_project_tells_local_time(desk):
    """Noon in Berlin, told as noon in UTC."""
    desk.rows(source(desk), "signals")
    mixpanel.add(desk.store, "login", "u-1", noon(desk, 2))
    since = desk.now() - timedelta(days=5)
    (plain,) = [e for e in desk.rows(source(desk), "signals", since) if "u-1" in e["id"]]
    old = source(desk, local_time=True)
    (local,) = [e for e in desk.rows(old, "signals", since) if "u-1" in e["id"]]
    assert plain["occurred_at"] - local["occurred_at"] in {timedelta(hours=1), timedelta(hours=2)}


def test_a_wrong_secret_is_told(desk, tmp_path):
    (tmp_path / "token").write_text("wrong")
    with pytest.raises(AuthError, match="Mixpanel refuses the key"):
        source(desk).check()


@pytest.mark.parametrize(
    "do", [{"status": 429, "headers": {"Retry-After": "0"}}, {"truncate_at": 50}, {"status": 503}]
)
@pytest.mark.parametrize("path", ["export", "engage"])
def test_bad_luck_is_repaired(desk, do, path):
    """What fails is asked for again."""
    whole = desk.rows(source(desk), "signals")
    desk.fault(do, path)
    assert desk.rows(source(desk), "signals") == whole


PEOPLE = {"results": [{"$distinct_id": "u"}], "session_id": "s", "total": 9}


@pytest.mark.parametrize(
    ("size", "told", "said"),
    [(2, PEOPLE, "promised 9"), (1, PEOPLE, "came again"), (2, None, "redirects")],
)
def test_a_cut_list_a_loop_and_a_redirect_are_refused(
    scripted, tmp_path, monkeypatch, size, told, said
):
    monkeypatch.setattr(ours, "PER_PAGE", size)
    (tmp_path / "t").write_text("t")
    away = Answer(302, b"", {"Location": "https://evil.example/"})
    url = scripted(Answer(), away if told is None else Answer(body=orjson.dumps(told))).url
    token = Secret(f"file:{tmp_path / 't'}")
    one = Source(project="1", user="u", token=token, url=url, profiles_url=url)
    with pytest.raises(Malformed, match=said):
        one.pull("signals", None, tmp_path / "in")


@beside
def test_recorded_people_are_read(scripted, tmp_path):
    """As a real project sent them: who, and when seen last, in the project's time."""
    told = orjson.loads((SHARED / "data/api_payloads/mixpanel/engage.json").read_bytes())
    bodies = [each["response"]["body"] for each in told["interactions"]]
    page = next(body for body in bodies if isinstance(body, dict) and body.get("results"))
    (tmp_path / "t").write_text("t")
    url = scripted(Answer(), Answer(body=orjson.dumps(page))).url
    token = Secret(f"file:{tmp_path / 't'}")
    one = Source(
        "1", "u", token, url=url, profiles_url=url, zone="America/Los_Angeles", read="profiles"
    )
    found = read(one.pull("signals", None, tmp_path / "in"))
    assert [(each["contact_key"], each["unread"]) for each in found] == [
        (each["$distinct_id"], None) for each in page["results"]
    ]
    seen = datetime.fromisoformat(page["results"][0]["$properties"]["$last_seen"])
    assert found[0]["occurred_at"] == seen.replace(tzinfo=ZoneInfo("America/Los_Angeles"))
