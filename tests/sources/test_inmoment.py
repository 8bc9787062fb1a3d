"""InMoment: more than thirty pages by shorter windows; an answer and the person who gave it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.errors import AuthError, Malformed
from connector.sandbox.surveys import answers as kept
from connector.sandbox.surveys import inmoment as emulated
from connector.sandbox.surveys import unanswered
from connector.sources import inmoment
from connector.sources.inmoment import Source
from tests.conftest import Answer
from tests.sources.served import Here, rows, seconds, serving


@pytest.fixture
def here(tmp_path, monkeypatch):
    with serving("inmoment", tmp_path, monkeypatch) as found:
        yield found


def source(here: Here, **settings) -> Source:
    told = {"url": here.keys["url"], **settings}
    secret = here.secret("secret")
    return Source(client_id=here.keys["client_id"], client_secret=secret, **told)


def numbers(here: Here) -> dict[str, str]:
    """Our answers by the numbers that the platform has for them."""
    given = here.answers()
    with here.store.lock:
        return {str(unanswered.number(here.store, each.id)): each.id for each in given}


def test_a_full_pull_brings_every_answer_and_whose_it_is(here):
    """The address stands with the person, the moment is that of another zone."""
    found, given = here.rows(source(here)), {each.id: each for each in here.answers()}
    ids = numbers(here)
    assert set(found) == set(ids)
    for number, row in found.items():
        each = given[ids[number]]
        assert row["submitted_at"] == int(seconds(each.submitted_at))
        told = (row["score"], row["comment"], row["email"], row["labels"])
        assert told == (each.score, each.comment, each.email, list(each.labels))
        assert each.contact_key in (None, row["contact_key"])
        assert row["account_key"] or not each.account_key


def test_incremental_pulls_add_up_to_the_full_one(here):
    """From a moment on; people are asked for one by one."""
    moments = sorted(int(seconds(each.submitted_at)) for each in here.answers())
    middle = moments[len(moments) // 2]
    made = source(here)
    late = here.rows(made, datetime.fromtimestamp(middle, UTC))
    ids, given = numbers(here), {each.id: each for each in here.answers()}
    expected = {n for n, id in ids.items() if int(seconds(given[id].submitted_at)) >= middle}
    assert set(late) == expected
    assert 0 < len(late) < len(ids)
    assert all(row["email"] == given[ids[n]].email for n, row in late.items())
    people = {(given[ids[n]].email or given[ids[n]].contact_key or ids[n]) for n in late}
    assert made.calls()["end_users"] == len(people)


def crowd(here: Here, many: int, minutes: int) -> None:
    """Many answers at a steady pace, the last of them now."""
    (first, *_), now = here.answers(), here.store.clock.now()
    moments = (kept.stamp(now - timedelta(minutes=minutes * n)) for n in range(many))
    with here.store.lock:
        kept.add(
            here.store,
            (
                replace(first, id=f"crowd-{n}", submitted_at=at, updated_at=at, more={})
                for n, at in enumerate(moments)
            ),
        )


def test_more_than_thirty_pages_are_read_by_shorter_windows(here, monkeypatch):
    """Windows halve at the wall and grow behind it; each answer comes once."""
    monkeypatch.setattr(inmoment, "PER_PAGE", 5)
    crowd(here, 330, 30)
    made = source(here)
    assert set(here.rows(made)) == set(numbers(here))
    assert made.calls()["responses"] > 330 // 5


def test_more_in_a_second_than_the_pages_hold_is_an_error(here, monkeypatch):
    """And no silent loss."""
    monkeypatch.setattr(inmoment, "PER_PAGE", 2)
    crowd(here, 61, 0)
    with pytest.raises(Malformed, match="in one second"):
        here.rows(source(here))


def test_the_platform_has_the_wall(here):
    """Page thirty-one is refused."""
    assert emulated.PAGES == inmoment.PAGES
    made = source(here)
    reply = made._line.raw("v1/responses", {"page": "31"}, allowed=frozenset({400}))
    assert reply.status_code == 400


def test_an_edit_within_the_overlap_arrives(here):
    """The last five weeks are always read again."""
    newest = max(here.answers(), key=lambda each: each.submitted_at)
    here.act(do="edit", id=newest.id, comment="Nachtrag")
    since = datetime.fromtimestamp(seconds(newest.submitted_at), UTC) - source(here).overlap
    number = {id: number for number, id in numbers(here).items()}[newest.id]
    assert here.rows(source(here), since)[number]["comment"] == "Nachtrag"


def test_what_is_excluded_or_unfinished_is_flagged(here):
    """The model leaves out the one and counts the score of the other."""
    here.act(do="add", id="out", score=1, more={"mark": "excluded"})
    here.act(do="add", id="cut", score=3, partial=True)
    ids, found = {id: number for number, id in numbers(here).items()}, here.rows(source(here))
    assert (found[ids["out"]]["excluded"], found[ids["cut"]]["excluded"]) == (True, False)
    assert (found[ids["out"]]["partial"], found[ids["cut"]]["partial"]) == (False, True)


def test_a_score_off_its_scale_is_listed(here):
    """The scale is that of the account's question."""
    here.act(do="add", id="odd", score=6)
    number = {id: number for number, id in numbers(here).items()}["odd"]
    assert here.rows(source(here))[number]["odd"] is None
    assert here.rows(source(here, metric="csat"))[number]["odd"] == "score_off_scale"


def test_declines_are_invitations(here):
    """With the person who was asked."""
    found = here.rows(source(here), stream="invitations")
    with here.store.lock:
        declined = unanswered.find(here.store, "state = 'declined'")
    assert set(found) == {str(each.id) for each in declined} != set()
    for each in declined:
        row = found[str(each.id)]
        assert (row["status"], row["email"]) == ("declined", each.email)
        assert row["asked_at"] == int(seconds(each.asked_at))


def test_surveys_that_follow_an_event_are_told_apart(here):
    """By their ids."""
    (survey,) = {each.survey for each in here.answers() if each.kind == "transactional"}
    found = here.rows(source(here, transactional=(survey,)))
    assert {row["kind"] for row in found.values()} == {"relationship", "transactional"}


@pytest.mark.parametrize("region", ["us", "eu", "au"])
def test_an_account_lives_on_one_host(here, region):
    """Europe and Australia have their own."""
    host = {"us": "com", "eu": "eu", "au": "au"}[region]
    made = source(here, url="", region=region)
    assert made._line.base == f"https://api.wootric.{host}"


def test_one_login_of_several_accounts_says_which(here, scripted):
    """With the token that is fetched; the secret is in no address."""
    token = Answer(body=b'{"access_token": "t", "expires_in": 3600}')
    script = scripted(token, Answer(body=b"[]"))
    source(here, url=script.url, account_token="NPS-EU-1").check()
    paths = [path for _, path, _ in script.requests]
    assert paths == ["/oauth/token?account_token=NPS-EU-1", "/v1/responses?per_page=1"]


@pytest.mark.parametrize(
    "do", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "0"}}, {"truncate_at": 50}]
)
@pytest.mark.parametrize("path", ["/responses", "/end_users"])
def test_bad_luck_is_repaired(here, path, do):
    """A page that fails, is refused for now or is cut off is asked for again."""
    here.fault(path, do)
    assert set(here.rows(source(here))) == set(numbers(here))


def test_a_token_that_has_ended_is_replaced(here):
    """It lives for two hours."""
    made = source(here)
    before = set(here.rows(made))
    here.store.clock.advance(timedelta(hours=3))
    assert set(here.rows(made)) == before


def test_a_wrong_client_is_told(here):
    """And no redirect is followed."""
    here.keys["secret"] = "nonsense"
    with pytest.raises(AuthError, match="refuses the client"):
        source(here).check()


def test_a_page_that_repeats_is_an_error_and_no_redirect_is_followed(here, scripted, tmp_path):
    """A platform that ignores `page` would have no end."""
    token = Answer(body=b'{"access_token": "t", "expires_in": 3600}')
    one = b'{"id": 1, "created_at": "2026-11-01 10:00:00 -0700", "end_user_id": 1}'
    full = Answer(body=b"[" + b",".join([one] * 50) + b"]")
    with pytest.raises(Malformed, match="came again"):
        rows(source(here, url=scripted(token, full).url), tmp_path)
    moved = scripted(token, Answer(302, headers={"Location": "https://elsewhere.example"}))
    with pytest.raises(Malformed, match="redirects"):
        rows(source(here, url=moved.url), tmp_path)
