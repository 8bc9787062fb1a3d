"""CustomerGauge: a cursor that is kept for ever, and the last weeks again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from connector.errors import AuthError, Malformed
from connector.sandbox.surveys import customergauge as emulated
from connector.sandbox.surveys import unanswered
from connector.sources import customergauge
from connector.sources.customergauge import Source
from tests.conftest import Answer
from tests.sources.served import Going, Here, rows, seconds, serving

BERLIN = "Europe/Berlin"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setattr(customergauge, "PER_PAGE", 7)
    with serving("customergauge", tmp_path, monkeypatch) as found:
        yield found


def source(here: Here, **settings) -> Source:
    told = {"url": here.keys["url"], "login_url": here.keys["login_url"], **settings}
    return Source(
        region="eu", client_id=here.keys["client_id"], zone=BERLIN,
        client_secret=here.secret("secret"), **told,
    )  # fmt: skip


def numbers(here: Here) -> dict[str, str]:
    """Our answers by the numbers that the platform has for them."""
    given = here.answers()
    with here.store.lock:
        return {str(unanswered.number(here.store, each.id)): each.id for each in given}


def test_a_full_pull_brings_every_answer(here):
    """Each as it was given; moments without a zone are those of the account's."""
    found, given = here.rows(source(here)), {each.id: each for each in here.answers()}
    ids = numbers(here)
    assert set(found) == set(ids)
    for number, row in found.items():
        each = given[ids[number]]
        assert row["submitted_at"] == int(seconds(each.submitted_at))
        told = (row["score"], row["comment"], row["email"], row["account_key"], row["labels"])
        assert told == (each.score, each.comment, each.email, each.account_key, list(each.labels))


def test_the_zone_moves_with_summer_and_is_no_guess(here):
    """A moment of July and one of January; a zone that does not exist is refused."""
    july = here.act(do="add", score=9, submitted_at="2026-07-01T10:00:00.000000Z")
    january = here.act(do="add", score=9, submitted_at="2026-01-15T10:00:00.000000Z")
    found, ids = here.rows(source(here)), {id: number for number, id in numbers(here).items()}
    for id, day in ((july, datetime(2026, 7, 1, 10)), (january, datetime(2026, 1, 15, 10))):
        assert found[ids[id]]["submitted_at"] == day.replace(tzinfo=UTC).timestamp()
    table = {"region": "eu", "client_id": "c", "client_secret": "env:X", "zone": "Berlin"}
    with pytest.raises(ValidationError, match="no time zone"):
        TypeAdapter(Source).validate_python(table)


def test_the_cursor_goes_on_and_the_last_weeks_come_again(here):
    """A new answer by the cursor, an edit by its period; what is older is not read again."""
    progress = Going()
    before = here.rows(source(here), None, progress=progress)
    newest = max(here.answers(), key=lambda each: each.submitted_at)
    here.act(do="edit", id=newest.id, comment="Nachtrag", quietly=True)
    imported = here.act(do="add", score=2, submitted_at="2024-01-15T10:00:00.000000Z")
    since = datetime.fromtimestamp(seconds(newest.submitted_at), UTC) - timedelta(days=1)
    found = here.rows(source(here), since, progress=progress)
    ids = {id: number for number, id in numbers(here).items()}
    assert found[ids[newest.id]]["comment"] == "Nachtrag"
    assert found[ids[imported]]["score"] == 2
    assert len(found) < len(before)
    assert set(before) | set(found) == set(ids.values())


def test_other_settings_begin_at_the_beginning(here):
    """A cursor counts for nothing where everything is read anew."""
    assert len(here.rows(source(here), None, progress=Going())) == len(here.answers())


def test_nobody_answering_is_told_and_ends_when_somebody_does(here):
    """Non-responses are open invitations; an answer closes them, under the same number."""
    made = here.rows(source(here), stream="invitations")
    states = {row["status"] for row in made.values()}
    assert states == {"sent", "answered"}
    with here.store.lock:
        silent = unanswered.find(here.store)
        unanswered.remove(here.store, silent[0].id)
        here.store.db.execute(
            "insert into answers (rowid, id, survey, kind, metric, labels, submitted_at, asked_at,"
            " updated_at, partial, test, deleted, more, score) values"
            " (?, 'late', ?, 'relationship', 'nps', '[]', ?, ?, ?, 0, 0, 0, '{}', 7)",
            (silent[0].id, silent[0].survey, *["2026-11-02T08:00:00.000000Z"] * 3),
        )
    again = here.rows(source(here), stream="invitations")
    assert made[str(silent[0].id)]["status"] == "sent"
    assert again[str(silent[0].id)]["status"] == "answered"
    assert again[str(silent[0].id)]["modified_at"] > made[str(silent[0].id)]["modified_at"]


@pytest.mark.parametrize("region", ["eu", "us", "au"])
def test_an_account_lives_in_one_region(here, region):
    """Its answers, and its tokens: two hosts."""
    made = Source(region, "c", here.secret("secret"), BERLIN)
    assert made._line.base == f"https://api.{region}.customergauge.com/v7/rest/sync"
    signer = made._line._signer
    assert (signer.host, signer.path) == (
        f"https://auth.{region}.customergauge.com",
        "oauth2/token",
    )


def test_a_topic_that_was_not_ticked_is_no_label(here):
    """All topics of a question come along, each with whether it was chosen."""
    here.act(do="add", id="7000", score=2, labels=["Support"])
    assert emulated.UNTICKED in str(emulated._tags(here.answers("id = '7000'")[0]))
    assert here.rows(source(here))["7000"]["labels"] == ["Support"]


def test_a_segment_tells_what_follows_an_event(here):
    """Its name and its values are settings."""
    kinds = {
        row["kind"] for row in here.rows(source(here, transactional=("transactional",))).values()
    }
    assert kinds == {"relationship", "transactional"}


def test_a_score_off_its_scale_is_listed(here):
    """And never made to fit."""
    here.act(do="add", id="odd", score=11)
    (row,) = [
        each for each in here.rows(source(here)).values() if each["score"] == 11 and each["odd"]
    ]
    assert row["odd"] == "score_off_scale"


@pytest.mark.parametrize(
    "do", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "0"}}, {"truncate_at": 50}]
)
def test_bad_luck_is_repaired(here, do):
    """A page that fails, is refused for now or is cut off is asked for again."""
    here.fault("/sync/responses", do, nth=2)
    assert set(here.rows(source(here))) == set(numbers(here))


def test_a_token_that_has_ended_is_replaced(here):
    """It lives for an hour."""
    made = source(here)
    before = here.rows(made)
    here.store.clock.advance(timedelta(hours=2))
    assert set(here.rows(made)) == set(before)


def test_a_wrong_client_is_told(here):
    """The secret is in no message."""
    here.keys["secret"] = "nonsense"
    with pytest.raises(AuthError, match="refuses the client") as refused:
        source(here).check()
    assert "nonsense" not in f"{refused.value} {refused.value.hint}"


def test_a_cursor_that_stands_still_is_an_error(here, scripted, tmp_path):
    """No endless loop; and no redirect is followed."""
    token = Answer(body=b'{"access_token": "t", "expires_in": 3600}')
    page = {"data": [{"number_customergauge": 1}], "cursor": {"next": 5}}
    script = scripted(token, Answer(body=json.dumps(page).encode()))
    with pytest.raises(Malformed, match="came again"):
        rows(source(here, url=script.url, login_url=script.url), tmp_path)
    moved = scripted(token, Answer(302, headers={"Location": "https://elsewhere.example"}))
    with pytest.raises(Malformed, match="redirects"):
        rows(source(here, url=moved.url, login_url=moved.url), tmp_path)


def test_a_moment_that_cannot_be_read_is_told(here, scripted, tmp_path):
    """It is not made up."""
    token = Answer(body=b'{"access_token": "t", "expires_in": 3600}')
    record = {"number_customergauge": 1, "nps": 9, "date_survey_response": "0000-00-00 00:00:00"}
    page = Answer(body=json.dumps({"data": [record], "cursor": {"next": 1}}).encode())
    end = Answer(body=b'{"data": [], "cursor": {"next": 1}}')
    script = scripted(token, page, end)
    (row,) = rows(source(here, url=script.url, login_url=script.url), tmp_path).values()
    assert row["submitted_at"] is None
    assert "submitted_at" in row["unread"]
