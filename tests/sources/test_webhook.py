"""Bodies that were sent become rows, or lead to the source that knows better."""

from __future__ import annotations

import os
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from connector.engines.duckdb import DuckDB
from connector.protocols import Hint
from connector.rest import inbox
from connector.rest.inbox import Inbox
from connector.rest.signatures import Sent
from connector.secrets import Secret
from connector.sources.webhook import Source
from tests.conftest import SHARED, beside

COLUMNS = {
    "id": "response.id",
    "score": "response.score",
    "email": "response.email",
    "submitted_at": "replace(response.created_at, ' -', '-')",
}
RECEIVED = 1_790_000_000


def hook(folder: Path, **settings: object) -> Source:
    (folder / "secret").write_text("s")
    given = {"at": "nps", "platform": "inmoment", "stream": "responses", "columns": COLUMNS}
    secret = {"secret": Secret(f"file:{folder / 'secret'}")}
    return Source(inbox=folder / "inbox", **{**given, **settings, **secret})


def sends(source: Source, *bodies: object) -> None:
    """These come in one after the other, a second apart."""
    for number, body in enumerate(bodies):
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        before = set(source._box.waiting())
        assert source.keep(Sent(raw, {}))
        for name in set(source._box.waiting()) - before:
            path = source._box.folder / name
            os.utime(path, (RECEIVED + number, RECEIVED + number))


def answer(id: int, score: int, **more: object) -> dict[str, object]:
    return {"response": {"id": id, "score": score, "created_at": "2026-11-01 00:00:00 -0800",
                         **more}}  # fmt: skip


def rows(source: Source, folder: Path) -> list[dict[str, object]]:
    source.look()
    spool = source.pull("responses", None, folder / "scratch")
    if not spool.rows:
        return []
    engine = DuckDB(scratch=folder / "spill")
    try:
        moments = ", ".join(
            f"epoch({name}) AS {name}"
            for name, kind in engine.types(f"SELECT * FROM {spool.relation}").items()
            if "TIME ZONE" in kind
        )
        return engine.dicts(
            f"SELECT * REPLACE ({moments}) FROM {spool.relation} ORDER BY modified_at, id"
        )
    finally:
        engine.close()


def test_bodies_become_rows_by_their_mapping(tmp_path: Path) -> None:
    """With the moment at which they came as the moment of change; the later one wins."""
    source = hook(tmp_path)
    sends(source, answer(1, 3, email="a@x.example"), answer(1, 8))
    first, second = rows(source, tmp_path)
    assert (first["id"], first["score"], first["email"]) == ("1", 3.0, "a@x.example")
    assert (first["submitted_at"], first["modified_at"]) == (1793520000, RECEIVED)
    assert (second["score"], second["modified_at"], second["odd"]) == (8.0, RECEIVED + 1, None)


def test_forms_and_lists_are_read_as_well(tmp_path: Path) -> None:
    """Some platforms send forms, some several events at once."""
    when = {"submitted_at": "received_at"}
    source = hook(tmp_path, columns={"id": "id", "score": "score", **when}, records="events")
    sends(source, {"events": [{"id": "a", "score": 1}, {"id": "b", "score": 2}]})
    form = hook(tmp_path, at="form", columns={"id": "ResponseID", "survey": "SurveyID", **when})
    sends(form, b"ResponseID=R_1&SurveyID=SV_1&Topic=x")
    assert [(each["id"], each["score"]) for each in rows(source, tmp_path)] == [
        ("a", 1.0), ("b", 2.0),
    ]  # fmt: skip
    assert [(each["id"], each["survey"]) for each in rows(form, tmp_path)] == [("R_1", "SV_1")]


@pytest.mark.parametrize("body", [b"{", b"", b"plain", b"\xff\xfe", b"[" * 100_000, b"[1]"])
def test_what_cannot_be_read_is_listed_and_costs_its_neighbours_nothing(
    tmp_path: Path, body: bytes
) -> None:
    """It was signed, so it is nobody's attack, but no record either."""
    source = hook(tmp_path)
    sends(source, body, answer(1, 9))
    assert [(each["id"], each["odd"]) for each in rows(source, tmp_path)] == [
        (None, "unreadable"), ("1", None),
    ]  # fmt: skip


def test_rules_of_one_s_own_leave_records_out(tmp_path: Path) -> None:
    """As in a `rest` source."""
    source = hook(tmp_path, odd={"declined": "event_name = 'declined'"})
    sends(source, {**answer(1, 9), "event_name": "declined"})
    assert [each["odd"] for each in rows(source, tmp_path)] == ["declined"]


def test_what_comes_while_a_run_is_under_way_waits_for_the_next(tmp_path: Path) -> None:
    """Only what was looked at is forgotten, and only once it is stored."""
    source = hook(tmp_path)
    sends(source, answer(1, 9))
    assert len(rows(source, tmp_path)) == 1
    assert len(rows(source, tmp_path)) == 1
    sends(source, answer(2, 9))
    source.settle()
    assert [each["id"] for each in rows(source, tmp_path)] == ["2"]


@pytest.mark.parametrize(
    ("bodies", "moments"),
    [
        ([], []),
        ([answer(1, 9)], [RECEIVED]),  # a moment later than when it came is not believed
        ([{"response": {"created_at": "2020-01-01T00:00:00Z"}}], [1577836800]),
        ([{"x": 1}], [RECEIVED]),
        ([b"ResponseID=R_1"], [RECEIVED]),
        ([b"{"], [RECEIVED]),
    ],
)
def test_a_hint_is_about_the_moment_that_it_tells(
    tmp_path: Path, bodies: list[object], moments: list[int]
) -> None:
    """Or about the moment at which it came."""
    source = hook(tmp_path, hints="surveys", stream="", columns={})
    sends(source, *bodies)
    source.look()
    assert source.streams == ()
    assert [each.at for each in source.hinted()] == [
        datetime.fromtimestamp(each, UTC) for each in moments
    ]


@pytest.mark.parametrize(
    ("platform", "body", "record", "within"),
    [
        ("typeform", {"form_response": {"token": "t1", "form_id": "f1"}}, "t1", "f1"),
        ("qualtrics", b"ResponseID=R_1&SurveyID=SV_1", "R_1", "SV_1"),
        ("delighted", {"event_data": {"id": 17}}, "17", ""),
        ("typeform", {"form_response": {"token": "../../me", "form_id": "f 1"}}, "", ""),
        ("typeform", {"form_response": {"token": {"a": 1}}}, "", ""),
        ("zendesk", {"id": 1}, "", ""),
    ],
)
def test_a_hint_names_its_record_where_the_body_does(
    tmp_path: Path, platform: str, body: object, record: str, within: str
) -> None:
    """By what may stand in an address; anything else is no id."""
    source = hook(tmp_path, platform=platform, hints="surveys", stream="", columns={})
    sends(source, body)
    source.look()
    assert [(each.record, each.within) for each in source.hinted()] == [(record, within)]


@beside
def test_a_recorded_event_names_its_answer(tmp_path: Path) -> None:
    """Typeform's own example: the answer, its form, and when it was given."""
    recorded = (SHARED / "data/api_payloads/typeform/webhook_form_response.json").read_bytes()
    source = hook(tmp_path, platform="typeform", hints="surveys", stream="", columns={})
    sends(source, recorded)
    source.look()
    told = orjson.loads(recorded)["form_response"]
    at = datetime.fromisoformat(told["submitted_at"])
    assert source.hinted() == [Hint(told["token"], told["form_id"], at)]


def on_the_page() -> dict[str, dict[str, Any]]:
    """Every hook that the documentation shows."""
    text = (Path(__file__).parents[2] / "docs" / "sources" / "webhook.md").read_text("utf-8")
    tables: dict[str, dict[str, Any]] = {}
    for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        tables |= tomllib.loads(block)["sources"]
    return {name: table for name, table in tables.items() if table.pop("type") == "webhook"}


@pytest.mark.parametrize("name", on_the_page())
def test_the_hooks_of_the_page_can_be_copied(name: str) -> None:
    """Each is a whole configuration."""
    made = TypeAdapter(Source).validate_python(on_the_page()[name])
    assert made.at == name.removesuffix("_hook").replace("surveys", "typeform")


def test_the_mapping_of_the_page_reads_what_trustmary_sends(tmp_path: Path) -> None:
    """With the keys by which the answer finds its account."""
    source = hook(tmp_path, **on_the_page()["nps_hook"])
    told = {"answer_id": "an1", "survey_id": "tmA", "nps": 10, "feedback": "Reagiert schnell",
            "created_at": "2026-11-01T10:00:00.000+02:00", "contact": {"eid": "0035"}}  # fmt: skip
    sends(source, {"answer": told}, {"answer": {**told, "nps": 11}})
    good, bad = rows(source, tmp_path)
    assert (good["id"], good["score"], good["contact_key"], good["submitted_at"], good["odd"]) == (
        "an1", 10.0, "0035", 1793520000, None,
    )  # fmt: skip
    assert bad["odd"] == "score_off_scale"


def test_a_body_is_on_the_disk_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash in the middle leaves nothing that a run would take."""
    box = Inbox(tmp_path / "box")

    def crash(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="No space"):
        box.keep("a", b"{}")
    monkeypatch.undo()
    assert box.waiting() == []
    assert box.keep("a", b"{}")


def test_names_of_taken_bodies_are_forgotten_after_a_year(tmp_path: Path) -> None:
    """They are all that is left of a body."""
    box = Inbox(tmp_path / "box")
    box.keep("a", b"{}")
    now = datetime.now(UTC)
    box.settle(["a"], now)
    assert not box.keep("a", b"{}")
    box.settle([], now + inbox.REMEMBERED / 2)
    assert not box.keep("a", b"{}")
    box.settle([], now + inbox.REMEMBERED * 2)
    assert box.keep("a", b"{}")
