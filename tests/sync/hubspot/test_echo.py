"""Our own echo, sentence by sentence: what can hide in it, and what cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from connector.crm.hubspot.stamps import Stamps
from connector.sync import apply as applying
from connector.sync import flow, plan
from tests.hubspot_world import Portal
from tests.sync.hubspot.test_flow import apart, both, times
from tests.sync.reading import rows
from tests.world import KNOWN

NAME = {"name": "Renamed by Eva"}
EVA = {"health_reason": "Ask Eva"}


def name_of(here: Portal, id: str) -> str:
    """What the lake says a company is called."""
    ((name,),) = rows(here, "accounts", "name", f"id = '{id}'")
    return str(name)


def reason(here: Portal, id: str) -> Any:
    return here.held("health_reason")[id]["health_reason"]


def between(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Do something after the plan is made and before it is written."""
    original = plan.plan

    def then(*args: Any, **options: Any) -> Any:
        made = original(*args, **options)
        act()
        return made

    monkeypatch.setattr(flow, "plan", then)


def after(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Do something when everything is written and the run has not ended."""
    original = applying.apply

    def then(*args: Any, **options: Any) -> Any:
        done = original(*args, **options)
        act()
        return done

    monkeypatch.setattr(flow, "apply", then)


# ── a person's edit of our property ───────────────────────────────────────────────────────────


@both
@pytest.mark.parametrize("when", ["before", "between", "after", "later"])
def test_an_edit_of_our_property_is_theirs(here, monkeypatch, lane, when):
    """Whenever it came: it stays, it is told, and what they left alone is still written."""
    here.lane(lane)
    id = sorted(here.held())[0]
    if when == "before":
        here.sync()
        here.advance("1h")
    with monkeypatch.context() as once:
        if when == "between":
            between(once, lambda: here.person(id, values=EVA))
        if when == "after":
            after(once, lambda: here.person(id, values=EVA))
        if when == "before":
            here.person(id, values=EVA)
        first = here.sync()
    if when == "later":
        here.person(id, values=EVA)
    if when == "between":
        assert (first.changes["applied"], first.changes["conflicts"]) == (KNOWN - 1, 1)
    again = here.sync()
    assert reason(here, id) == "Ask Eva"
    assert again.changes["conflicts"] == 1
    assert here.held("health_score")[id]["health_score"]
    here.advance("100d")
    here.sync(force=True)
    assert reason(here, id) == "Ask Eva"


# ── a person's edit of another property ───────────────────────────────────────────────────────


@both
@pytest.mark.parametrize("when", ["before", "between", "after", "later"])
def test_an_edit_of_another_property_arrives_with_the_next_pull(here, monkeypatch, lane, when):
    """Before our write it is seen that somebody was there, and everything is read; after it the
    record has moved out of the time that is left out."""
    here.lane(lane)
    id = sorted(row for row in here.held())[1]
    with monkeypatch.context() as once:
        if when == "before":
            here.person(id, values=NAME)
        if when == "between":
            between(once, lambda: here.person(id, values=NAME))
        if when == "after":
            after(once, lambda: here.person(id, values=NAME))
        here.sync()
    if when == "later":
        here.person(id, values=NAME)
    here.sync()
    assert name_of(here, id) == NAME["name"]
    assert times(here) == {1}


def test_before_a_write_it_is_asked_whether_anybody_has_changed_anything(here, monkeypatch):
    """If so, nothing is taken for our echo."""
    id = sorted(here.held())[1]
    between(monkeypatch, lambda: here.person(id, values=NAME))
    here.sync()
    assert here.app().state.setting("echo:accounts:companies") is None


def test_a_record_that_we_do_not_know_of_makes_more_than_we_know(here):
    """Something showed up late within the time that is left out: everything is read then."""
    here.sync()
    untouched = sorted(set(here.held()) - {row["id"] for row in here.writes()})
    assert untouched
    with here.store.transaction() as db:
        sql = "select max(updated) from hs_records where type = 2"
        (at,) = db.execute(sql).fetchone()
        for id in untouched:
            db.execute(
                "update hs_records set updated = ?, properties = json_set(properties, '$.name', "
                "'Late AG') where type = 2 and id = ?",
                (at, int(id)),
            )
    here.sync()
    assert {name_of(here, id) for id in untouched} == {"Late AG"}


def slowly(monkeypatch: pytest.MonkeyPatch, here: Portal, act: Callable[[], Any] = int) -> None:
    """Write six records a call, three seconds apart; and do something after the first of them."""
    original, calls = Stamps.wrote, list[int]()

    def wrote(kept: Stamps, stamps: Any) -> None:
        original(kept, stamps)
        here.advance("3s")
        if not calls:
            act()
        calls.append(1)

    monkeypatch.setattr(Stamps, "wrote", wrote)
    here.lane("chunk = 6", "threads = 1")


def test_the_echo_of_a_long_write_is_not_read_either(here, monkeypatch):
    """Stretch by stretch there are as many changes as we made."""
    with monkeypatch.context() as once:
        slowly(once, here)
        here.sync()
    told = here.app().state.setting("echo:accounts:companies")
    assert [each["records"] for each in json.loads(told)["stretches"]] == [6, 6, 6]
    again = here.sync()
    assert again.streams["accounts"]["pulled"] == 0
    assert apart(again) == {}
    assert times(here) == {1}


def test_an_echo_that_was_found_in_order_is_counted_once(here, monkeypatch):
    """After that a quiet run asks for no stretch of it, and hears of every edit all the same."""
    with monkeypatch.context() as once:
        slowly(once, here)
        here.sync()
    here.sync()  # too early: a search may not know of everything yet
    here.advance("1m")
    first, second = here.sync(), here.sync()
    asked = [each.calls["search"]["actual"] for each in (first, second)]
    assert asked[0] == asked[1] + 3
    assert second.streams["accounts"]["pulled"] == 0
    assert asked[1] <= 2 * len(here.app().mapping.pull)
    id = here.writes()[0]["id"]
    here.person(id, values=NAME)
    assert here.sync().streams["accounts"]["pulled"] == 1
    assert name_of(here, id) == NAME["name"]


@pytest.mark.parametrize("values", [NAME, EVA])
def test_an_edit_in_the_middle_of_a_long_write_is_read(here, monkeypatch, values):
    """It moved its record from one stretch into another, though the sum is the same."""

    def edit() -> None:
        written = here.writes()
        here.person(written[0]["id"], values=values)

    with monkeypatch.context() as once:
        slowly(once, here, edit)
        here.sync()
    id = here.writes()[0]["id"]
    again = here.sync()
    assert again.streams["accounts"]["pulled"] >= KNOWN
    assert again.changes["planned"] == 0
    if values == NAME:
        assert name_of(here, id) == NAME["name"]
    else:
        assert (again.changes["conflicts"], reason(here, id)) == (1, "Ask Eva")


def test_a_company_made_while_we_write_is_read(here, monkeypatch):
    """Nobody knows of it: it makes more than we know."""
    made: list[str] = []

    def create() -> None:
        made.append(here.person("", do="create", values={"name": "Newcomer AG"}))

    after(monkeypatch, create)
    here.sync()
    here.sync()
    assert name_of(here, made[0]) == "Newcomer AG"


def test_the_echo_lasts_until_the_overlap_has_passed_it(here):
    """Run after run reads nothing of it, and then there is none any more."""
    here.sync()
    for _ in range(3):
        again = here.sync()
        assert again.streams["accounts"]["pulled"] == 0
        assert apart(again) == {}
    here.advance("2h")
    here.sync()
    again = here.sync()
    assert again.streams["accounts"]["pulled"] == 0
    assert times(here) == {1}


def test_after_a_write_that_failed_in_part_everything_is_read(here, monkeypatch):
    """What was refused or had moved was somebody else's doing."""
    id = sorted(here.held())[0]
    between(monkeypatch, lambda: here.person(id, values=EVA))
    here.sync()
    assert here.app().state.setting("echo:accounts:companies") is None
