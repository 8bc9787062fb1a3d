"""Zendesk: tickets and what customers say of them, whichever way they are asked."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from connector.errors import AuthError, Denied, Malformed
from connector.sandbox.signals import shelf, zendesk
from connector.sources import zendesk as ours
from connector.sources.zendesk import Source
from tests.conftest import SHARED, Answer, beside
from tests.sources.signals import read, serving

RECORDED = SHARED / "data" / "api_payloads" / "zendesk" / "records" / "all-streams.log"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    with serving(tmp_path, monkeypatch, "zendesk", accounts=40) as made:
        yield made


def source(desk, **settings) -> Source:
    return Source(url=desk.url, token=desk.token, user=desk.keys["user"], **settings)


def kept(desk, kind: str) -> list[dict]:
    return shelf.every(desk.store, "zendesk", kind)


def test_a_full_pull_brings_every_ticket_with_whose_it_is(desk):
    """Each once, with the organization's key and the requester's address."""
    found = desk.rows(source(desk), "tickets")
    tickets = {str(each["id"]): each for each in kept(desk, "tickets")}
    homes = {each["id"]: each for each in kept(desk, "organizations")}
    users = {each["id"]: each for each in kept(desk, "users")}
    assert [each["id"] for each in found] == sorted(tickets) != []
    for each in found:
        there = tickets[each["id"]]
        assert each["account_key"] == homes[there["organization_id"]]["external_id"]
        assert each["company"] == homes[there["organization_id"]]["name"]
        domains = [f"@{name}" for name in homes[there["organization_id"]]["domain_names"]]
        assert each["email"] in {users[there["requester_id"]]["email"], *domains}
        assert each["is_closed"] == (there["status"] == "closed") == bool(each["closed_at"])
        assert (each["unread"], each["odd"]) == (None, None)
    assert {each["priority"] for each in found} <= {"urgent", "high", "medium", "low", None}


def test_pages_add_up(desk, monkeypatch):
    """Several pages, several look-ups; the same tickets."""
    whole = desk.rows(source(desk), "tickets")
    monkeypatch.setattr(ours, "PER_EXPORT", 3)
    assert desk.rows(source(desk), "tickets") == whole
    assert desk.asked("incremental/tickets/cursor.json") > len(whole) // 3


def test_incremental_pulls_add_up_to_the_full_one(desk):
    """Before a moment and since it, and what changed late comes again."""
    every = desk.rows(source(desk), "tickets")
    middle = sorted(each["modified_at"] for each in every)[len(every) // 2]
    one = source(desk, overlap=timedelta(days=1))
    late = {each["id"] for each in desk.rows(one, "tickets", middle)}
    assert late == {each["id"] for each in every if each["modified_at"] >= middle}
    moved = shelf.now(desk.store) - 3600
    changed = {**kept(desk, "tickets")[0], "status": "deleted", "updated_at": shelf.iso(moved)}
    shelf.put(desk.store, "zendesk", "tickets", moved, changed)
    (again,) = desk.rows(one, "tickets", desk.now() - timedelta(hours=2))
    assert (again["id"], again["deleted"]) == (str(changed["id"]), True)


def test_tickets_are_asked_for_by_a_moment_that_has_passed(desk):
    """Zendesk refuses a start in the last minute, whatever our clock says."""
    assert desk.rows(source(desk), "tickets", desk.now() + timedelta(days=400)) == []


def test_a_ticket_without_metrics_was_closed_when_it_last_changed(desk):
    """No score may look at it before."""
    desk.rows(source(desk), "tickets")
    at = shelf.now(desk.store) - 9000
    bare = {**zendesk.ticket(99_001, at - 900, at, None), "metric_set": None}
    shelf.put(desk.store, "zendesk", "tickets", at, bare)
    found = {each["id"]: each for each in desk.rows(source(desk), "tickets")}["99001"]
    assert found["closed_at"].timestamp() == at


def test_ratings_are_answers_and_what_was_offered_is_an_invitation(desk):
    """Good and bad count; silence is known to be silence."""
    answers = desk.rows(source(desk), "responses")
    asked = desk.rows(source(desk), "invitations")
    there = kept(desk, "satisfaction_ratings")
    given = [each for each in there if each["score"] in {"good", "bad"}]
    assert 0 < len(answers) == len(given) < len(asked) == len(there)
    assert {(each["metric"], each["scale_min"], each["scale_max"]) for each in answers} == {
        ("csat", 0, 1)
    }
    assert {each["score"] for each in answers} <= {0, 1}
    assert {each["status"] for each in asked} == {"answered", "sent"}
    assert all(each["email"] or each["company"] for each in answers)


def test_the_reason_of_a_bad_rating_is_a_label(desk):
    """Of the menu; that there is none, or some other, is not one."""
    desk.rows(source(desk), "responses")
    for number, (code, reason) in enumerate(
        ((5, "Took too long"), (0, "No reason provided"), (100, "Some other reason"))
    ):
        at = shelf.now(desk.store) - 3600
        made = {"id": number + 1, "ticket_id": 1, "requester_id": 1, "score": "bad",
                "comment": "?", "reason": reason, "reason_code": code,
                "created_at": shelf.iso(at), "updated_at": shelf.iso(at)}  # fmt: skip
        shelf.put(desk.store, "zendesk", "satisfaction_ratings", at, made)
    found = desk.rows(source(desk), "responses", desk.now() - timedelta(days=1))
    assert [each["labels"] for each in found] == [["Took too long"], None, None]


def surveys(desk, generation: str) -> int:
    """Switches to surveys; two were answered, one was not, and ratings are their shadows."""
    desk.rows(source(desk), "responses")
    at = shelf.now(desk.store) - 86_400
    person = kept(desk, "users")[0]["id"]
    for number, rating in enumerate((2, 5, None)):
        made = zendesk.response(f"01J{number}", person, number, at + number, rating)
        shelf.put(desk.store, "zendesk", "survey_responses", at + number, made)
        shadow = {"id": 990_000 + number, "ticket_id": number, "requester_id": person,
                  "score": "good", "created_at": shelf.iso(at + number),
                  "updated_at": shelf.iso(at + number)}  # fmt: skip
        shelf.put(desk.store, "zendesk", "satisfaction_ratings", at + number, shadow)
    desk.store.put("zendesk_generation", generation)
    return at


def test_surveys_are_read_on_their_own_scale(desk):
    """Two of five is not one of one; what was skipped is an invitation without an answer."""
    surveys(desk, "surveys")
    found = desk.rows(source(desk), "responses")
    assert [(each["id"], each["score"], each["scale_max"]) for each in found] == [
        ("survey-01J0", 2, 5), ("survey-01J1", 5, 5)
    ]  # fmt: skip
    asked = {each["id"]: each["status"] for each in desk.rows(source(desk), "invitations")}
    assert asked["survey-01J2"] == "sent"


def test_a_survey_and_its_shadow_are_one_answer(desk):
    """Ratings are read up to the first survey, and no further."""
    before = len(desk.rows(source(desk), "responses"))
    at = surveys(desk, "both")
    found = desk.rows(source(desk), "responses")
    assert len(found) == before + 2
    assert not [each for each in found if each["id"].startswith("rating-99")]
    late = desk.rows(source(desk), "responses", desk.now() - timedelta(days=1, seconds=30))
    assert {each["id"] for each in late} == {"survey-01J0", "survey-01J1"}, at


@pytest.mark.parametrize("stream", ["responses", "invitations"])
def test_an_answer_that_was_deleted_is_no_longer_listed(desk, stream):
    """Of either generation, and nobody is asked whose they are; one that was asked for long before
    it was given is among them. Of tickets the export tells."""
    surveys(desk, "both")
    at = desk.now() - timedelta(days=60)
    asked = shelf.iso(at.timestamp() - 86_400)
    late = {**kept(desk, "satisfaction_ratings")[0], "id": 5, "score": "good", "created_at": asked,
            "updated_at": shelf.iso(at.timestamp() + 60)}  # fmt: skip
    shelf.put(desk.store, "zendesk", "satisfaction_ratings", at.timestamp() - 86_400, late)
    everything = {each["id"] for each in desk.rows(source(desk), stream)}
    looked = desk.asked("users/show_many.json")
    before = listed(desk, stream, at)
    assert {"rating-5", "survey-01J0"} <= before <= everything
    ratings = {f"rating-{each['id']}" for each in kept(desk, "satisfaction_ratings")}
    gone = min((before & ratings) - {"rating-5"})
    shelf.drop(desk.store, "zendesk", "satisfaction_ratings", gone.removeprefix("rating-"))
    shelf.drop(desk.store, "zendesk", "survey_responses", "01J1")
    assert before - listed(desk, stream, at) == {gone, "survey-01J1"}
    assert desk.asked("users/show_many.json") == looked
    assert source(desk).ids("tickets", at, desk.into / "none") is None


def listed(desk, stream: str, since) -> set[str]:
    """The ids that are there."""
    desk.pulls += 1
    return {
        each["id"] for each in read(source(desk).ids(stream, since, desk.into / str(desk.pulls)))
    }


def test_where_customers_are_not_asked_it_is_said(desk):
    """Neither generation: a plan without, or a token without rights."""
    desk.store.put("zendesk_generation", "neither")
    with pytest.raises(Denied, match="neither") as refused:
        desk.rows(source(desk), "responses")
    assert "feedback = false" in refused.value.hint
    assert source(desk, feedback=False).streams == ("tickets",)


def test_a_long_export_rests_before_it_is_told_to(desk, monkeypatch):
    """Ten a minute: what Zendesk asks to wait then is longer than we wait for anybody."""
    monkeypatch.setattr(ours, "PER_EXPORT", 2)
    whole = desk.rows(source(desk), "tickets")
    assert len(whole) > 10 * 2
    desk.store.clock.advance(timedelta(minutes=2))
    desk.store.put("zendesk_exports", 10)
    waits = desk.waiting()
    spool = source(desk).pull("tickets", None, desk.into / "slow", waits)
    assert read(spool) == whole
    assert waits.waited == 60 * ((len(whole) - 1) // 2 // 9)


def test_a_field_of_the_organization_may_hold_the_account(desk):
    """Where the external id is somebody else's."""
    desk.rows(source(desk), "tickets")
    home = next(
        each for each in kept(desk, "organizations")
        if any(ticket["organization_id"] == each["id"] for ticket in kept(desk, "tickets"))
    )  # fmt: skip
    told = {**home, "organization_fields": {"crm_id": "001X"}}
    shelf.put(desk.store, "zendesk", "organizations", 0, told)
    found = desk.rows(source(desk, account_field="crm_id"), "tickets")
    assert "001X" in {each["account_key"] for each in found}


def test_a_wrong_token_is_told(desk, tmp_path):
    (tmp_path / "token").write_text("wrong")
    with pytest.raises(AuthError, match="Zendesk refuses the key"):
        source(desk).check()


@pytest.mark.parametrize(
    "do", [{"status": 429, "headers": {"Retry-After": "0"}}, {"truncate_at": 50}, {"status": 503}]
)
def test_bad_luck_is_repaired(desk, do):
    """A page that fails is asked for again."""
    whole = desk.rows(source(desk), "tickets")
    desk.fault(do, "cursor")
    assert desk.rows(source(desk), "tickets") == whole


def scripted_source(scripted, tmp_path, *bodies) -> Source:
    from connector.secrets import Secret

    (tmp_path / "t").write_text("t")
    answers = [b if isinstance(b, Answer) else Answer(body=orjson.dumps(b)) for b in bodies]
    return Source(url=scripted(*answers).url, token=Secret(f"file:{tmp_path / 't'}"))


def test_an_export_that_repeats_its_cursor_ends_in_an_error(scripted, tmp_path):
    """Unless it says that this was the end."""
    page = {"tickets": [], "after_cursor": "x", "end_of_stream": False}
    one = scripted_source(scripted, tmp_path, {}, page)
    with pytest.raises(Malformed, match="came again"):
        one.pull("tickets", None, tmp_path / "in")


def test_a_redirect_to_another_host_is_refused(scripted, tmp_path):
    away = Answer(302, b"", {"Location": "https://evil.example/"})
    with pytest.raises(Malformed, match="redirects"):
        scripted_source(scripted, tmp_path, {}, away).pull("tickets", None, tmp_path / "in")


@beside
def test_recorded_tickets_and_ratings_are_read(scripted, tmp_path):
    """As a real account sent them."""
    lines = [orjson.loads(line) for line in RECORDED.read_bytes().splitlines() if line[:1] == b"{"]
    told = [line["record"] for line in lines if line["type"] == "RECORD"]
    tickets = [each["data"] for each in told if each["stream"].endswith("__tickets")]
    users = [each["data"] for each in told if each["stream"].endswith("__users")]
    page = {"tickets": tickets, "after_cursor": "x", "end_of_stream": True}
    one = scripted_source(scripted, tmp_path, {}, page, {"users": users}, {"organizations": []})
    found = read(one.pull("tickets", None, tmp_path / "in"))
    assert len(found) == len({each["id"] for each in tickets}) > 0
    assert {each["unread"] for each in found} == {None}
    assert "customer@example.com" in {each["email"] for each in found}
