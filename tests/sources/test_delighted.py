"""Delighted: one metric a project, properties of people, whole seconds."""

from __future__ import annotations

import json

from connector.secrets import Secret
from connector.sources.delighted import Source
from tests.conftest import SHARED, Answer, beside
from tests.sources.reading import rows


def test_properties_tell_account_and_contact(emulated):
    """The CRM's id, or the customer number."""
    here = emulated("delighted")
    here.add("1", score=9, account_key="001000000000001AAA", contact_key="003000000000001AAA")
    here.add("2", score=9, account_key="K-1")
    found = here.rows()
    assert found["1"]["account_key"] == "001000000000001AAA"
    assert found["1"]["contact_key"] == "003000000000001AAA"
    assert found["2"]["account_key"] == "K-1"


def test_a_project_may_ask_another_question(emulated):
    """CSAT from 1 to 5; what is neither NPS, CSAT nor CES is other."""
    here = emulated("delighted")
    here.add("1", metric="csat", score=5, labels=["price"])
    here.add("2", metric="smileys", score=6)
    found = here.rows(transactional=True)
    assert (found["1"]["scale_max"], found["1"]["kind"], found["1"]["labels"]) == (
        5, "transactional", ["price"]
    )  # fmt: skip
    assert (found["2"]["metric"], found["2"]["odd"]) == ("other", "score_off_scale")


@beside
def test_recorded_answers_parse(scripted, tmp_path):
    """Those of the vendor's own client tests; they lack a moment, and the engine will say so."""
    recorded = json.loads(
        (SHARED / "data/api_payloads/delighted/client_test_bodies.json").read_text()
    )
    script = scripted(Answer(body=json.dumps(recorded[0]["body"]).encode()))
    (tmp_path / "token").write_text("t")
    found = rows(Source(Secret(f"file:{tmp_path / 'token'}"), url=script.url), tmp_path)
    assert [(row["id"], row["comment"], row["email"]) for row in found] == [
        ("123", "One", "foo@bar.com"), ("789", "Two", "koo@bar.com")
    ]  # fmt: skip
    assert [row["submitted_at"] for row in found] == [None, None]


def test_what_employees_answer_is_listed(emulated):
    """They are nobody's customers."""
    here = emulated("delighted")
    here.add("1", score=9, metric="enps")
    here.add("2", score=9)
    assert {id: row["odd"] for id, row in here.rows().items()} == {"1": "employees", "2": None}
