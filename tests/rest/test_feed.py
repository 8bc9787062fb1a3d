"""Records become columns by SQL; what cannot be read is told, what is odd is listed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connector.errors import AuthError, Denied, Malformed, RemoteError
from connector.rest.feed import Feed, fetch
from connector.rest.since import filled
from tests.conftest import Answer

COLUMNS = {
    "id": "id",
    "score": "answer.score",
    "email": "person.email",
    "labels": "from_json(tags, '[\"VARCHAR\"]')",
    "submitted_at": "at",
    "survey": "survey",
}


def record(id: int, **more: object) -> dict[str, object]:
    return {
        "id": id,
        "answer": {"score": 9},
        "person": {"email": "p@kunde.example"},
        "tags": ["price"],
        "at": "2026-11-01T10:00:00Z",
        **more,
    }


def test_records_become_columns(line, engine, tmp_path):
    """Nested fields, lists, and what the request knew."""
    made, _ = line([record(1), record(2, tags=None)])
    spool = fetch(made, [Feed(COLUMNS, "x", given={"survey": "s1"})], "responses", tmp_path / "in")
    assert (spool.rows, spool.calls) == (2, 1)
    found = engine.dicts(f"SELECT * EXCLUDE submitted_at FROM {spool.relation} ORDER BY id")
    assert found[0] == {
        "id": "1",
        "score": 9.0,
        "email": "p@kunde.example",
        "labels": ["price"],
        "survey": "s1",
        "unread": None,
        "odd": None,
    }
    assert found[1]["labels"] is None


def test_a_value_that_cannot_be_read_is_told_and_never_zero(line, engine, tmp_path):
    """A score that is a word."""
    made, _ = line([record(1, answer={"score": "nine"}), record(2, at="yesterday")])
    spool = fetch(made, [Feed(COLUMNS, "x", given={"survey": "s"})], "responses", tmp_path / "in")
    found = engine.rows(f"SELECT score, unread FROM {spool.relation} ORDER BY id")
    assert found == [(None, "score"), (9.0, "submitted_at")]


def test_a_record_of_another_shape_takes_no_other_with_it(line, engine, tmp_path):
    """A list where an object was, a text where a list was, and nothing at all."""
    strange = record(2, person=["x"], answer="9", tags="price")
    made, _ = line([record(1), strange, {"id": 3}])
    spool = fetch(made, [Feed(COLUMNS, "x", given={"survey": "s"})], "responses", tmp_path / "in")
    found = engine.rows(f"SELECT id, score, email, labels FROM {spool.relation} ORDER BY id")
    assert found == [
        ("1", 9.0, "p@kunde.example", ["price"]), ("2", None, None, None), ("3", None, None, None)
    ]  # fmt: skip


def test_an_empty_text_is_nothing(line, engine, tmp_path):
    """Platforms send "" for what they do not know."""
    made, _ = line([record(1, person={"email": ""}, answer={"score": ""})])
    spool = fetch(made, [Feed(COLUMNS, "x", given={"survey": ""})], "responses", tmp_path / "in")
    sql = f"SELECT score, email, survey, unread FROM {spool.relation}"
    assert engine.rows(sql) == [(None, None, None, None)]


def test_what_is_odd_is_listed_by_its_rule(line, engine, tmp_path):
    """Test answers, for example."""
    made, _ = line([record(1), record(2, test=True)])
    feed = Feed(COLUMNS, "x", odd={"test_answer": "test = 'true'"}, given={"survey": "s"})
    spool = fetch(made, [feed], "responses", tmp_path / "in")
    assert engine.rows(f"SELECT id, odd FROM {spool.relation} ORDER BY id") == [
        ("1", None),
        ("2", "test_answer"),
    ]


def test_several_feeds_fill_one_stream(line, engine, tmp_path):
    """A survey after the other; one of them has no answers."""
    made, _ = line([record(1)], [], [record(3)])
    feeds = [Feed(COLUMNS, f"s/{n}", given={"survey": str(n)}) for n in range(3)]
    spool = fetch(made, feeds, "responses", tmp_path / "in")
    assert spool.rows == 2
    assert engine.rows(f"SELECT id, survey FROM {spool.relation} ORDER BY id") == [
        ("1", "0"),
        ("3", "2"),
    ]


def test_nothing_is_nothing(line, tmp_path):
    """No records, no relation."""
    made, _ = line([])
    assert fetch(made, [Feed(COLUMNS, "x")], "responses", tmp_path / "in").rows == 0


def test_fewer_records_than_promised_are_an_error(line, tmp_path):
    """Silent truncation is what other connectors are blamed for."""
    made, _ = line({"d": [record(1)], "total": 2})
    with pytest.raises(Malformed, match="promised 2"):
        fetch(made, [Feed(COLUMNS, "x", "d", total="total")], "responses", tmp_path / "in")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(401), AuthError),
        (Answer(403), Denied),
        (Answer(402), Denied),
        (Answer(404), RemoteError),
        (Answer(200, b"<html>"), Malformed),
        (Answer(200, b'{"d": 1}'), Malformed),
        (Answer(200, b'{"d": [1]}'), Malformed),
    ],
)
def test_an_answer_that_says_no_is_told_in_words(line, tmp_path, answer, error):
    """Whoever can act is told what to do; the token is in no message."""
    made, _ = line(answer)
    with pytest.raises(error) as caught:
        fetch(made, [Feed(COLUMNS, "x", "d")], "responses", tmp_path / "in")
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"


def test_moments_in_queries():
    """What asks for a moment that is not known is left out."""
    query = {"a": "{since:iso}", "b": "{since:unix}", "c": "{since:date}", "n": "100"}
    at = datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert filled(query, {"since": at}) == {
        "a": "2026-11-01T10:00:00Z",
        "b": "1793527200",
        "c": "2026-11-01",
        "n": "100",
    }
    assert filled(query, {"since": None}) == {"n": "100"}
