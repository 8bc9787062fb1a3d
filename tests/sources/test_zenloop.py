"""zenloop: every answer once, whatever the pages look like; recorded answers as recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
import requests

from connector import http
from connector.errors import AuthError, Malformed, RemoteError
from connector.sandbox.faults import Faults
from connector.sandbox.server import running
from connector.secrets import Secret
from connector.sources.zenloop import Source
from tests.conftest import Answer
from tests.kept import filled
from tests.sources.reading import rows


@pytest.fixture
def platform(tmp_path, monkeypatch):
    """The sandbox's zenloop with the answers of sixty accounts, and its address and token."""
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)
    store = filled(tmp_path / "sandbox", accounts=60, seed=5)
    with running(store, Faults()) as url:
        keys = requests.get(f"{url}/_sandbox/credentials", timeout=30).json()["zenloop"]
        monkeypatch.setenv("ZENLOOP_FOR_TEST", keys["token"])
        yield url, keys
    store.close()


def source(url: str, **settings) -> Source:
    return Source(token=Secret("env:ZENLOOP_FOR_TEST"), url=url, **settings)


def total(keys: dict[str, str]) -> int:
    """The platform's own count."""
    ask = {"Authorization": f"Bearer {keys['token']}"}
    surveys = requests.get(f"{keys['url']}/surveys", headers=ask, timeout=30).json()["surveys"]
    pages = []
    for survey in surveys:
        path = f"{keys['url']}/surveys/{survey['public_hash_id']}/answers"
        pages.append(requests.get(path, headers=ask, timeout=30).json())
    return sum(page["meta"]["total"] for page in pages)


def test_a_full_pull_brings_as_many_answers_as_the_platform_counts(platform, tmp_path):
    """Each once."""
    _, keys = platform
    found = [r["id"] for r in rows(source(keys["url"]), tmp_path)]
    assert len(found) == len(set(found)) == total(keys) > 20


def test_incremental_pulls_add_up_to_the_full_one(platform, tmp_path):
    """Everything before a moment, and everything since it."""
    _, keys = platform
    every = {r["id"]: r["submitted_at"] for r in rows(source(keys["url"]), tmp_path)}
    middle = sorted(every.values())[len(every) // 2]
    late = {r["id"] for r in rows(source(keys["url"]), tmp_path, middle.replace(microsecond=0))}
    early = {id for id, at in every.items() if at < middle}
    assert late | early == set(every)
    assert len(late) < len(every)


def test_smaller_pages_than_asked_for_are_no_end(platform, monkeypatch, tmp_path):
    """The server cuts `per_page` in silence; the total decides."""
    from connector.sources import zenloop

    _, keys = platform
    monkeypatch.setattr(zenloop, "PER_PAGE", 7)
    assert len(rows(source(keys["url"]), tmp_path)) == total(keys)


def test_surveys_that_follow_an_event_are_told_apart(platform, tmp_path):
    """Transactional and relationship answers are never pooled."""
    _, keys = platform
    kinds = {r["kind"] for r in rows(source(keys["url"]), tmp_path)}
    assert kinds == {"relationship"}
    named = source(keys["url"], transactional=("After-support transactional",))
    assert {r["kind"] for r in rows(named, tmp_path)} == {"relationship", "transactional"}


def test_a_score_that_cannot_be_is_listed_and_never_made_to_fit(platform, tmp_path):
    """The sandbox has some of 11 and of -1."""
    url, keys = platform
    add = {"do": "add", "id": "eleven", "score": 11}
    requests.post(f"{url}/_sandbox/answers", json=add, timeout=30)
    odd = {r["id"]: (r["odd"], r["score"]) for r in rows(source(keys["url"]), tmp_path)}
    assert odd["eleven"] == ("score_off_scale", 11)
    assert all(0 <= score <= 10 for rule, score in odd.values() if not rule and score is not None)


def test_a_wrong_token_says_where_to_get_a_new_one(platform, monkeypatch):
    """Exit 7."""
    _, keys = platform
    monkeypatch.setenv("ZENLOOP_FOR_TEST", "nonsense")
    with pytest.raises(AuthError, match="zenloop refuses the token") as refused:
        source(keys["url"]).check()
    assert "Settings" in refused.value.hint


@pytest.mark.parametrize("do", [{"status": 503}, {"drop": "before"}, {"truncate_at": 50}])
def test_bad_luck_is_repaired(platform, do, tmp_path):
    """A page that fails is asked for again."""
    url, keys = platform
    fault = {"match": {"path_regex": "/answers", "nth": 1}, "do": do, "times": 1}
    requests.post(f"{url}/_sandbox/faults", json=[fault], timeout=30)
    assert len(rows(source(keys["url"]), tmp_path)) == total(keys)


def page(answers: list[dict], total: int) -> Answer:
    body = {"answers": answers, "meta": {"page": 1, "per_page": 50, "total": total}}
    return Answer(body=orjson.dumps(body))


SURVEYS = Answer(
    body=orjson.dumps(
        {"surveys": [{"public_hash_id": "Zk9", "title": "R"}], "meta": {"page": 1, "total": 1}}
    )
)
ANSWER = {
    "id": "a1",
    "score": 4,
    "score_type": "detractor",
    "sentiment": "negative",
    "labels": ["Support"],
    "comment": "Tickets bleiben liegen",
    "email": "it@kunde.example",
    "identity": "0015000000AbCdE",
    "identity_type": "external_id",
    "metatags": {"customer_number": "K-1"},
    "inserted_at": "2026-11-03T08:15:30.000000Z",
}


def test_fewer_answers_than_promised_is_an_error(scripted, monkeypatch, tmp_path):
    """Silent truncation is the commonest bug of survey connectors."""
    monkeypatch.setenv("ZENLOOP_FOR_TEST", "t")
    script = scripted(SURVEYS, page([ANSWER], total=2), page([], total=2))
    with pytest.raises(Malformed, match=r"promised 2 records .* and sent 1"):
        rows(source(script.url), tmp_path)


def test_an_answer_keeps_what_it_says(scripted, monkeypatch, tmp_path):
    """Score, words, labels, keys and the moment with its zone."""
    monkeypatch.setenv("ZENLOOP_FOR_TEST", "t")
    script = scripted(SURVEYS, page([ANSWER], total=1))
    (found,) = rows(source(script.url), tmp_path, datetime(2026, 11, 1, tzinfo=UTC))
    assert (found["score"], found["metric"], found["sentiment"]) == (4, "nps", "negative")
    assert (found["labels"], found["comment"]) == (["Support"], "Tickets bleiben liegen")
    assert (found["contact_key"], found["account_key"]) == ("0015000000AbCdE", "K-1")
    assert found["submitted_at"] == datetime(2026, 11, 3, 8, 15, 30, tzinfo=UTC)
    assert "date_from=2026-11-01T00%3A00%3A00Z" in script.requests[1][1]


@pytest.mark.parametrize(
    ("said", "scale", "expected"),
    [
        ("csat", None, ("csat", None, None)),
        ("csat", (1, 5), ("csat", 1, 5)),
        ("nps", (1, 5), ("nps", 0, 10)),
        ("promoter", None, ("nps", 0, 10)),
        ("thumbs", (0, 1), ("other", 0, 1)),
    ],
)
def test_a_scale_that_is_not_told_is_not_made_up(
    scripted, monkeypatch, tmp_path, said, scale, expected
):
    """NPS has one; of all else it is a setting."""
    monkeypatch.setenv("ZENLOOP_FOR_TEST", "t")
    script = scripted(SURVEYS, page([{**ANSWER, "score": 1, "score_type": said}], total=1))
    (found,) = rows(source(script.url, other_scale=scale), tmp_path)
    assert (found["metric"], found["scale_min"], found["scale_max"]) == expected


def test_an_error_of_the_platform_names_it(scripted, monkeypatch):
    """Which system, which address, which status."""
    monkeypatch.setenv("ZENLOOP_FOR_TEST", "t")
    script = scripted(Answer(status=422))
    with pytest.raises(RemoteError, match="zenloop answered 422 to surveys"):
        source(script.url).check()


def test_the_overlap_covers_late_labels():
    """Labels come after the answer and move no stamp."""
    assert Source.__dataclass_fields__["overlap"].default >= timedelta(days=7)


def plain(body: object) -> Answer:
    return Answer(body=orjson.dumps(body))


def test_one_answer_of_the_wrong_shape_takes_no_other_with_it(scripted, monkeypatch, tmp_path):
    """No moment, a word for a score, a list for properties: each is empty, nothing more."""
    monkeypatch.setenv("ZENLOOP_FOR_TEST", "t")
    odd = {"score": "nine", "metatags": ["x"], "labels": "Support", "identity": 7, "email": {}}
    wrong = {**ANSWER, **odd, "id": "a2", "inserted_at": None}
    script = scripted(SURVEYS, page([wrong, ANSWER], total=2))
    good, bad = rows(source(script.url), tmp_path)
    assert (bad["id"], bad["submitted_at"], bad["score"], bad["labels"]) == ("a2", None, None, None)
    assert (bad["account_key"], bad["contact_key"], bad["email"]) == (None, "7", None)
    assert bad["unread"] == "score"
    assert (good["id"], good["score"]) == ("a1", 4)


def test_without_a_total_pages_are_read_until_one_is_empty(scripted, monkeypatch, tmp_path):
    """The first page is not taken for all there is."""
    monkeypatch.setenv("ZENLOOP_FOR_TEST", "t")
    pages = [{"answers": [{**ANSWER, "id": id}]} for id in ("a1", "a2")]
    script = scripted(SURVEYS, *map(plain, pages), plain({"answers": []}))
    assert [r["id"] for r in rows(source(script.url), tmp_path)] == ["a1", "a2"]


def test_a_page_that_repeats_is_an_error(scripted, monkeypatch, tmp_path):
    """A platform that ignores the page number would be read for ever."""
    monkeypatch.setenv("ZENLOOP_FOR_TEST", "t")
    script = scripted(SURVEYS, plain({"answers": [ANSWER]}))
    with pytest.raises(Malformed, match="came again"):
        rows(source(script.url), tmp_path)


@pytest.mark.parametrize(
    "body", [[ANSWER], {"answers": ANSWER}, {"answers": [[]]}, {"error": "later"}]
)
def test_a_body_of_another_shape_is_malformed(scripted, monkeypatch, tmp_path, body):
    """A list where an object is promised, and the other way round."""
    monkeypatch.setenv("ZENLOOP_FOR_TEST", "t")
    script = scripted(SURVEYS, plain(body))
    with pytest.raises(Malformed, match="zenloop sent"):
        rows(source(script.url), tmp_path)
