"""Very large first loads: one export instead of ten thousand pages, and the same rows."""

from __future__ import annotations

import pytest

from connector.crm.hubspot import export_files, exports
from connector.errors import Malformed, Unreachable
from connector.protocols import Read
from tests.conftest import Answer

from .conftest import Kept

COMPANY = ("hs_object_id", "name", "annualrevenue", "createdate", "archived", "merged_into")
CONTACT = ("hs_object_id", "lastname", "companies.id", "archived", "merged_into")


@pytest.fixture
def large(portal):
    """An adapter for which every kind is very large."""
    return portal.another(export_from=1)


def both(portal, large, object, *paths, **more):
    """The rows by list and by export, and the lane of the latter."""
    listed = portal.read(object, *paths, **more)
    spool = portal.spool(object, paths, crm=large, into="export", **more)
    return listed, portal.rows(spool, *paths), spool


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_an_export_gives_the_rows_that_a_list_gives(portal, version):
    """Types, empty values, quotes, line ends and merged companies included."""
    large = portal.another(export_from=1, api_version=version)
    ids = portal.make(5)
    texts = {"name": 'One, "two"\nthree; ä €', "annualrevenue": "100.5"}
    portal.person("edit", ids[0], values=texts)
    portal.person("merge", ids[1], into=ids[2])
    portal.person("merge", ids[2], into=ids[3])
    portal.person("archive", ids[4])
    listed, exported, spool = both(portal, large, "companies", *COMPANY)
    assert exported == listed
    assert spool.lane == "exports"
    assert spool.rows == len(exported) == 4
    losers = {(row[0], row[-1]) for row in exported if row[-1]}
    assert losers == {(ids[1], ids[3]), (ids[2], ids[3])}
    first = next(row for row in exported if row[0] == ids[0])
    assert first[1:3] == ('One, "two"\nthree; ä €', 100.5)
    assert first[3].endswith("+00")


def test_where_a_contact_belongs_is_the_same_by_export(portal, large):
    """None, one, or several: then the primary company, which a file does not name."""
    firms, people = portal.make(3), portal.make(3, "contacts")
    portal.associate("contacts", people[1], "companies", firms[2])
    portal.associate("contacts", people[2], "companies", *firms, primary=firms[1])
    more = {"modified": "lastmodifieddate"}
    listed, exported, spool = both(portal, large, "contacts", *CONTACT, **more)
    assert spool.lane == "exports"
    assert exported == listed
    assert [row[2] for row in exported] == [None, firms[2], firms[1]]


def test_stages_are_resolved_in_an_export_as_well(portal, large):
    """Facts of a stage come from the pipelines, not from the file."""
    stage = portal.call("GET", "/crm/v3/pipelines/deals")["results"][0]["stages"]
    won = next(each for each in stage if each["metadata"].get("probability") == "1.0")
    portal.make(1, "deals", dealstage=won["id"])
    paths = ("hs_object_id", "dealstage.is_won", "dealstage.label")
    listed, exported, spool = both(portal, large, "deals", *paths)
    assert (spool.lane, exported) == ("exports", listed)
    assert exported[0][1:] == (True, won["label"])


def test_what_cannot_be_read_is_told_by_export_too(portal, large):
    """A value that is no number is empty, and named."""
    (id,) = portal.make(1)
    portal.store.db.execute(
        "update hs_records set properties = json_set(properties, '$.annualrevenue', 'many')"
    )
    _, exported, _ = both(portal, large, "companies", "annualrevenue", "_unread")[:3]
    assert exported == [(None, "annualrevenue ")]
    assert id


def test_a_packed_export_of_several_parts_is_unpacked(portal, large):
    """Every part has its own header, and no row is lost between them."""
    portal.make(25)
    portal.control("hubspot", {"exports": {"part": 10}})
    listed, exported, spool = both(portal, large, "companies", *COMPANY)
    assert (exported, spool.rows, spool.lane) == (listed, 25, "exports")


def test_few_records_are_listed_and_so_is_what_cannot_be_exported(portal):
    """An export is for what would take thousands of pages; activities have none."""
    portal.make(3)
    portal.make(3, "calls", hs_timestamp="2026-10-01T10:00:00Z")
    some = portal.another(export_from=4)
    assert portal.spool("companies", COMPANY, crm=some).lane == "list"
    every = portal.another(export_from=1)
    assert portal.spool("calls", ("hs_object_id",), crm=every, into="calls").lane == "list"
    dated = ("hs_object_id", "csm_sentiment.changed_at")
    assert portal.spool("companies", dated, crm=every, into="dated").lane == "list"
    never = portal.another(export_from=0)
    assert portal.spool("companies", COMPANY, crm=never, into="never").lane == "list"


def test_the_thirty_first_export_of_a_day_is_a_list(portal, large):
    """The portal refuses at once, and the records are read all the same."""
    portal.make(3)
    portal.control("hubspot", {"exports": {"daily": 0}})
    listed, exported, spool = both(portal, large, "companies", *COMPANY)
    assert (exported, spool.lane) == (listed, "list")
    assert large.calls()["exports"] == 1
    (note,) = large.notes()
    assert note.startswith("companies were read by list, not by export: HubSpot refused")
    assert "429" in note


def test_without_the_permission_to_export_records_are_listed(portal, large):
    """A scope more is worth having, not worth failing for."""
    portal.make(3)
    body = {"status": "error", "category": "MISSING_SCOPES", "message": "no"}
    portal.fault("/exports/", status=403, body=body)
    listed, exported, spool = both(portal, large, "companies", *COMPANY)
    assert (exported, spool.lane) == (listed, "list")


def test_an_export_that_is_cancelled_is_a_list(portal, large):
    """A person in the portal may end it."""
    portal.make(3)
    portal.fault("/status", status=200, body={"status": "CANCELED"})
    assert portal.spool("companies", COMPANY, crm=large).lane == "list"
    assert large.notes() == (
        "companies were read by list, not by export: HubSpot ended it early (CANCELED).",
    )


def test_a_run_that_died_takes_up_its_export(portal, large):
    """The second one asks what became of the first; it begins no other."""
    portal.make(3)
    kept = Kept(stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        portal.spool("companies", COMPANY, crm=large, progress=kept)
    assert kept.facts["id"]
    kept.stop_at = 0
    spool = portal.spool("companies", COMPANY, crm=portal.another(export_from=1), progress=kept)
    assert (spool.lane, spool.rows) == ("exports", 3)
    told = portal.control("hubspot", {})["exports"]
    assert (told["asked"], told["done"]) == (1, 1)


def test_files_on_disk_are_not_fetched_again(portal, large):
    """Until the lake has them, they are kept."""
    portal.make(3)
    kept = Kept()
    portal.spool("companies", COMPANY, crm=large, progress=kept)
    before = portal.requests("hubspot-exports")
    again = portal.another(export_from=1)
    spool = portal.spool("companies", COMPANY, crm=again, progress=kept)
    assert len(portal.rows(spool, *COMPANY)) == 3
    assert portal.requests("hubspot-exports") == before
    assert again.calls()["exports"] == 0


def test_a_list_that_was_begun_is_gone_on_with(portal, monkeypatch):
    """What is on disk of it is not thrown away for an export."""
    monkeypatch.setattr("connector.crm.hubspot.pages.TOGETHER", 1)
    portal.make(250)
    kept = Kept(stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        portal.spool("companies", COMPANY, progress=kept)
    kept.stop_at = 0
    large = portal.another(export_from=1)
    assert portal.spool("companies", COMPANY, crm=large, progress=kept).lane == "list"


def test_an_address_that_has_expired_is_asked_for_anew(portal, large):
    """It is good for minutes; a run that slept asks again."""
    portal.make(3)
    portal.fault("/hubspot-exports/", status=403, body="<Error>Request has expired</Error>")
    spool = portal.spool("companies", COMPANY, crm=large)
    assert (spool.lane, spool.rows) == ("exports", 3)
    assert portal.requests("hubspot-exports") == 2


def test_a_download_that_breaks_is_begun_again(portal, large):
    """A cut file is not read."""
    portal.make(300)
    portal.fault("/hubspot-exports/", truncate_at=2000)
    spool = portal.spool("companies", COMPANY, crm=large)
    assert (spool.lane, len(portal.rows(spool, *COMPANY))) == ("exports", 300)


def test_a_file_with_fewer_records_than_a_search_finds_is_not_taken(portal, large):
    """Whoever filters the view of an integration user would hide accounts from us."""
    ids = portal.make(3)
    head = '"Record ID","name","hs_lastmodifieddate"\n'
    body = f'{head}"{ids[0]}","A","2026-11-02T08:00:00Z"\n'
    portal.fault("/hubspot-exports/", status=200, body=body)
    spool = portal.spool("companies", ("hs_object_id", "name"), crm=large)
    assert (spool.lane, spool.rows) == ("list", 3)


@pytest.mark.parametrize(
    "body",
    [
        '"Record ID","Company name","hs_lastmodifieddate"\n"1","A","2026-11-02T08:00:00Z"\n',
        '"Record ID","name","hs_lastmodifieddate"\n"1","A","2026-11-02 08:00"\n',
        '"Record ID","name","hs_lastmodifieddate"\n"1","A"\n',
        '"Record ID","name","hs_lastmodifieddate"\n"1","A","2026-11-02T08:00:00Z',
        "<html>Sign in</html>",
        "",
    ],
    ids=["labels", "no zone", "short row", "cut", "a page", "nothing"],
)
def test_a_file_that_is_not_what_was_asked_for_is_not_read(portal, large, body):
    """Nothing is guessed: the records are listed."""
    portal.make(1)
    portal.fault("/hubspot-exports/", status=200, body=body)
    spool = portal.spool("companies", ("hs_object_id", "name"), crm=large)
    assert spool.lane == "list"
    assert portal.rows(spool, "name") == [("companies 0",)]


def test_moments_in_milliseconds_are_moments(portal, large):
    """Nobody promises how internal values are written; both forms that say when are read."""
    (id,) = portal.make(1)
    head = '"Record ID","createdate","csm_sentiment_date","hs_lastmodifieddate"\n'
    body = f'{head}"{id}","1793000000123","1792972800000","1793000000123"\n'
    portal.fault("/hubspot-exports/", status=200, body=body)
    paths = ("hs_object_id", "createdate", "csm_sentiment_date")
    spool = portal.spool("companies", paths, crm=large)
    told = portal.rows(spool, *paths)
    assert spool.lane == "exports"
    assert told == [(id, "2026-10-26 07:33:20.123+00", "2026-10-26")]


def test_our_token_is_not_sent_to_where_the_file_lies(scripted, tmp_path):
    """The address opens it by itself, and is on somebody else's host."""
    script = scripted(Answer(body=b"x"))
    assert exports.download(f"{script.url}/file?Signature=s", tmp_path / "file") == 200
    ((_, _, headers),) = script.requests
    assert "authorization" not in {name.lower() for name in headers}
    assert (tmp_path / "file").read_bytes() == b"x"


def test_no_redirect_is_followed_and_no_error_tells_the_address(scripted, tmp_path):
    """Whoever has it may read every record."""
    moved = Answer(302, headers={"Location": "http://127.0.0.1:1/other"})
    script = scripted(moved)
    with pytest.raises(Malformed) as error:
        exports.download(f"{script.url}/secret/file?Signature=secret", tmp_path / "file")
    assert "secret" not in f"{error.value.message}{error.value.hint}"
    assert len(script.requests) == 1


def test_a_broken_line_does_not_tell_the_address_either(scripted, tmp_path, monkeypatch):
    """After the last attempt it is said which host it was, and no more."""
    monkeypatch.setattr("connector.http._backoff", lambda state: 0.0)
    script = scripted(Answer(cut=0))
    with pytest.raises(Unreachable) as error:
        exports.download(f"{script.url}/secret/file?Signature=secret", tmp_path / "file")
    assert "secret" not in f"{error.value.message}{error.value.hint}"


def test_http_is_for_this_machine_alone(tmp_path):
    """Records of a whole company are not fetched in the clear."""
    with pytest.raises(Malformed, match="without encryption"):
        exports.download("http://files.example/export.csv", tmp_path / "file")


def test_a_file_that_is_too_large_is_not_kept(scripted, tmp_path, monkeypatch):
    """Disks are finite, and a proxy may send anything."""
    monkeypatch.setattr(exports, "LARGEST", 10)
    script = scripted(Answer(body=b"x" * 100))
    with pytest.raises(Malformed, match="too large"):
        exports.download(f"{script.url}/file", tmp_path / "file")


def test_the_calls_of_an_export_are_foretold(portal, monkeypatch):
    """Begun, looked at, counted: no page of a list."""
    portal.make(3)
    large = portal.another(export_from=1)
    types = large.path_types("companies", COMPANY)
    asked = Read("companies", tuple(types), None, "hs_lastmodifieddate")
    large.counts(["companies"])
    before = dict(large.calls())
    told = large.read_calls(3, None, asked)
    portal.control("hubspot", {"exports": {"polls": 0}})
    large.read(asked, types, portal.folder / "x", Kept())
    made = {lane: n - before.get(lane, 0) for lane, n in large.calls().items()}
    assert {lane: n for lane, n in made.items() if n} == told == {"exports": 2, "search": 1}


def test_a_cell_may_be_as_long_as_a_text_of_hubspot(portal, large):
    """Sixty-five thousand characters, many a record."""
    (id,) = portal.make(1)
    portal.person("edit", id, values={"health_reasons": "ä" * 65_536})
    assert export_files._CELL > 65_536 * 100
    _, exported, spool = both(portal, large, "companies", "health_reasons")
    assert spool.lane == "exports"
    assert exported == [("ä" * 65_536,)]
