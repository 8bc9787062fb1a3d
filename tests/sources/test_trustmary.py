"""Trustmary: who it is only where the link knew; moments with a zone; everything each time."""

from __future__ import annotations

from connector.secrets import Secret
from connector.sources.trustmary import Source
from tests.conftest import Answer


def test_a_contact_tells_the_crm_id_and_the_account(emulated):
    """Without one there is the address, and what the person wrote."""
    here = emulated("trustmary")
    known = {"contact_key": "003000000000001AAA", "account_key": "A-1", "company": "Kunde Oy"}
    here.add("1", score=10, **known)
    here.add("2", score=10, email="p@kunde.example")
    found = here.rows()
    assert {name: found["1"][name] for name in known} == known
    assert (found["2"]["contact_key"], found["2"]["email"]) == (None, "p@kunde.example")


def test_moments_have_their_zone(emulated):
    """Told in Helsinki, kept in UTC."""
    here = emulated("trustmary")
    here.add("1", score=10, submitted_at="2026-11-01T08:00:00.000000Z")
    assert here.rows()["1"]["submitted_at"].isoformat() == "2026-11-01T08:00:00+00:00"


def test_what_a_company_asks_its_own_people_is_not_read(emulated):
    """Only surveys of customers are listed."""
    here = emulated("trustmary")
    here.add("1", score=10)
    made = here.source()
    spool = made.pull("responses", None, here.folder / "raw")
    assert (spool.rows, made.calls()) == (1, {"surveys": 1, "answers": 2})


def test_the_key_goes_into_the_header_that_is_named(scripted, tmp_path):
    """The description of the API tells which; here it is a setting."""
    (tmp_path / "t").write_text("t")
    script = scripted(Answer(body=b'{"data": []}'))
    made = Source(Secret(f"file:{tmp_path / 't'}"), url=script.url, key_header="X-Trust")
    made.check()
    assert script.requests[0][2]["X-Trust"] == "t"
