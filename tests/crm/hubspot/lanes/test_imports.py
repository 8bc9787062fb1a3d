"""Large backfills: a file goes as one import, and what became of each row is found out."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from connector.crm.hubspot import imports, jobs
from connector.errors import ConnectorError, InDoubt


@pytest.fixture
def large(portal):
    """An adapter for which every file is large."""
    return portal.another(import_from=1)


@pytest.fixture
def send(portal, large, tmp_path):
    """Sends a file of updates; its spool, and what was noted."""

    def sent(rows: dict[str, dict[str, str]], crm=None):
        noted: list[str] = []
        spool = (crm or large).load("companies", file(tmp_path, rows), tmp_path, noted.append)
        return spool, noted

    return sent


def file(folder: Path, rows: dict[str, dict[str, str]]) -> Path:
    path = folder / "rows.json"
    lines = (orjson.dumps({"id": id, "properties": values}) for id, values in rows.items())
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def outcomes(portal, spool) -> dict[str, tuple[str, str]]:
    rows = portal.engine.rows(f"SELECT id, result, code FROM {spool.relation}")
    assert len({row[0] for row in rows}) == len(rows)
    return {id: (result, code) for id, result, code in rows}


def test_a_file_goes_as_one_import_and_every_row_is_told(portal, large, send):
    """Quotes, commas and line ends arrive as they are; types as the properties have them."""
    one, two = portal.make(2)
    values = {
        "health_score": "83.5",
        "health_tier": "B",
        "health_reasons": 'One, "two"\nthree; ä €',
        "health_day": "2026-01-31",
        "health_at": "2026-01-31T10:20:30Z",
        "health_flag": "true",
    }
    spool, noted = send({one: values, two: {"health_score": "12"}})
    assert outcomes(portal, spool) == {one: ("applied", ""), two: ("applied", "")}
    assert (spool.rows, spool.stopped) == (2, "")
    held = large.values("companies", [one, two], list(values))
    assert held[one] | {"health_at": ""} == {**values, "health_score": 83.5, "health_flag": True,
                                            "health_at": ""}  # fmt: skip
    assert held[one]["health_at"].startswith("2026-01-31T10:20:30")
    assert held[two]["health_score"] == 12
    assert noted[-1].startswith("import:")
    assert portal.requests("batch/update") == 0


def test_an_empty_cell_leaves_what_is_there(portal, large, send):
    """Rows of different properties share a file."""
    one, two = portal.make(2, health_tier="A", health_score="1")
    send({one: {"health_score": "2"}, two: {"health_tier": "B"}})
    held = portal.held("health_tier", "health_score")
    assert held == {
        one: {"health_tier": "A", "health_score": "2"},
        two: {"health_tier": "B", "health_score": "1"},
    }


@pytest.mark.parametrize("value", ["", " padded "])
def test_what_an_import_would_not_write_as_it_is_goes_by_update(portal, send, large, value):
    """It cannot empty a property, and cuts blanks off."""
    (id,) = portal.make(1, health_reasons="old")
    spool, noted = send({id: {"health_reasons": value}})
    assert outcomes(portal, spool) == {id: ("applied", "")}
    assert noted == ["updates"]
    (note,) = large.notes()
    assert "by import: it cannot empty a property" in note
    assert portal.held("health_reasons")[id]["health_reasons"] == value
    assert portal.requests("/imports") == 0


def test_a_small_file_is_no_import(portal, send):
    """So says `import_from`; 0 is never."""
    (id,) = portal.make(1)
    for crm in (portal.another(import_from=2), portal.another()):
        assert send({id: {"health_score": "5"}}, crm)[1] == ["updates"]


def test_a_value_that_is_refused_is_told_of_its_record(portal, send):
    """By the error file, page by page; the others are written."""
    ids = portal.make(30)
    rows = {id: {"health_tier": "E" if n % 2 else "A"} for n, id in enumerate(ids)}
    spool, _ = send(rows)
    told = outcomes(portal, spool)
    assert set(told.values()) == {("applied", ""), ("failed", "INVALID_ENUMERATION_OPTION")}
    assert [told[id][0] for id in ids] == ["applied", "failed"] * 15
    message = portal.engine.rows(f"SELECT message FROM {spool.relation} WHERE code <> ''")[0][0]
    assert "health_tier" in message


def test_pages_of_errors_are_all_read(portal, send, monkeypatch):
    """A page of them is not all of them."""
    monkeypatch.setattr(imports, "ERRORS", 4)
    ids = portal.make(10)
    spool, _ = send({id: {"health_tier": "E"} for id in ids})
    assert {result for result, _ in outcomes(portal, spool).values()} == {"failed"}


def test_a_record_that_is_gone_is_told_as_moved(portal, send):
    """Archived, merged away, or never there; nothing is created for it."""
    one, two, three = portal.make(3)
    portal.person("archive", two)
    portal.person("merge", three, into=one)
    spool, _ = send({one: {"health_score": "1"}, two: {"health_score": "2"},
                     three: {"health_score": "3"}})  # fmt: skip
    told = outcomes(portal, spool)
    assert {id: result for id, (result, _) in told.items()} == {
        one: "applied", two: "moved", three: "moved"
    }  # fmt: skip
    assert list(portal.held("name")) == [one]


def test_an_import_that_fails_leaves_its_rows_in_doubt(portal, send):
    """Some may have been written: the live values tell."""
    ids = portal.make(3)
    portal.control("hubspot", {"imports": {"fail": 1}})
    spool, _ = send({id: {"health_score": "1"} for id in ids})
    assert set(outcomes(portal, spool).values()) == {("doubt", "NO_ANSWER")}
    assert "FAILED" in spool.stopped


def test_done_is_not_enough_for_a_row_to_count_as_written(portal, send):
    """The counters must say that every row was gone through."""
    ids = portal.make(3)
    counters = {"TOTAL_ROWS": 3, "UNIQUE_OBJECTS_WRITTEN": 2}
    body = {"id": "7200001", "state": "DONE", "metadata": {"counters": counters}}
    portal.fault(r"/imports/(2026-09/)?\d+$", method="GET", status=200, body=body)
    spool, _ = send({id: {"health_score": "1"} for id in ids})
    assert set(outcomes(portal, spool).values()) == {("doubt", "NO_ANSWER")}


def test_an_error_that_names_no_record_puts_the_others_in_doubt(portal, send):
    """It may be about any of them."""
    ids = portal.make(2)
    strange = {"errorType": "UNKNOWN_ERROR", "sourceData": {"lineNumber": 99, "rowData": []}}
    portal.fault("/errors", status=200, body={"results": [strange]})
    spool, _ = send({id: {"health_score": "1"} for id in ids})
    assert set(outcomes(portal, spool).values()) == {("doubt", "NO_ANSWER")}


def test_an_error_without_its_row_is_matched_by_its_line(portal, send):
    """Rows may be withheld; the header is the first line."""
    ids = portal.make(3)
    error = {"errorType": "FAILED_VALIDATION", "sourceData": {"lineNumber": 3, "rowData": []}}
    portal.fault("/errors", status=200, body={"results": [error]})
    spool, _ = send({id: {"health_score": "1"} for id in ids})
    told = outcomes(portal, spool)
    assert [told[id][0] for id in ids] == ["applied", "failed", "applied"]


def test_where_nobody_may_import_records_are_updated(portal, send, large):
    """A scope more is worth having, not worth failing for."""
    (id,) = portal.make(1)
    body = {"status": "error", "category": "MISSING_SCOPES", "message": "no"}
    portal.fault("/imports", status=403, body=body)
    spool, noted = send({id: {"health_score": "5"}})
    assert outcomes(portal, spool) == {id: ("applied", "")}
    assert noted[-1] == "updates"
    (note,) = large.notes()
    assert note.startswith("companies were updated in batches, not by import: HubSpot refused")
    assert "MISSING_SCOPES" in note


def test_an_import_that_was_under_way_is_found_by_its_number(portal, send, large, tmp_path):
    """Its refusals are told; of the others the values tell, for nobody lists them."""
    one, two = portal.make(2)
    _, noted = send({one: {"health_tier": "A"}, two: {"health_tier": "E"}})
    again = portal.another().loaded(noted[-1], tmp_path)
    assert again is not None
    assert outcomes(portal, again) == {two: ("failed", "INVALID_ENUMERATION_OPTION")}
    assert large.loaded("import:1", tmp_path) is None
    assert large.loaded("updates", tmp_path) is None


def test_an_import_whose_number_nobody_learned_is_found_by_its_name(portal, send, tmp_path):
    """The answer to its beginning was lost; its name had been noted before."""
    (id,) = portal.make(1)
    portal.fault("/imports", method="POST", drop="after")
    spool, noted = send({id: {"health_score": "5"}})
    assert outcomes(portal, spool) == {id: ("applied", "")}
    assert noted[0].startswith("import:named ")
    again = portal.another().loaded(noted[0], tmp_path)
    assert again is not None
    assert again.rows == 0
    assert portal.another().loaded("import:named nobody", tmp_path) is None


def test_an_import_that_may_not_have_begun_is_in_doubt(portal, send):
    """Nothing is sent a second time."""
    (id,) = portal.make(1)
    portal.fault("/imports", method="POST", drop="before")
    with pytest.raises(InDoubt):
        send({id: {"health_score": "5"}})
    assert portal.held("health_score")[id]["health_score"] is None


def test_whoever_is_stopped_cancels_the_import(portal, send, monkeypatch):
    """Nothing goes on writing when we have gone."""
    monkeypatch.setattr(jobs, "LONGEST_JOB", 0.03)
    portal.control("hubspot", {"imports": {"polls": 100}})
    (id,) = portal.make(1)
    with pytest.raises(ConnectorError, match="took longer"):
        send({id: {"health_score": "5"}})
    assert portal.control("hubspot", {})["imports"]["states"] == {"CANCELED": 1}


def test_a_stop_in_the_middle_cancels_as_well(portal, send, monkeypatch):
    """Ctrl-C between two looks."""

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(imports, "sleep", stop)
    portal.control("hubspot", {"imports": {"polls": 100}})
    (id,) = portal.make(1)
    with pytest.raises(KeyboardInterrupt):
        send({id: {"health_score": "5"}})
    assert portal.control("hubspot", {})["imports"]["states"] == {"CANCELED": 1}


def test_the_older_spelling_takes_imports_too(portal, send):
    """One module knows where they are."""
    (id,) = portal.make(1)
    spool, _ = send({id: {"health_score": "5"}}, portal.another(api_version="v3", import_from=1))
    assert outcomes(portal, spool) == {id: ("applied", "")}


def test_the_calls_of_an_import_are_foretold(portal, send, large):
    """Begun, looked at, and asked for its errors."""
    ids = portal.make(3)
    portal.control("hubspot", {"imports": {"polls": 0}})
    before = large.calls()["imports"]
    send({id: {"health_score": "5"} for id in ids})
    assert large.load_calls(3)["imports"] == large.calls()["imports"] - before == 3
